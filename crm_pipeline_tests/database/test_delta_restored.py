"""A database that came to another server by dump and restore: its versions are of transactions that server has yet to see."""

import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine

from crm_pipeline.database import delta
from crm_pipeline.database.embedded import ensure_running, erase
from crm_pipeline.database.engine import engine_for
from crm_pipeline.database.migrate import migrate
from crm_pipeline.database.server_binaries import find_binaries
from crm_pipeline.stages.changes import CursorExpired
from crm_pipeline_tests.conftest import administer, open_folder, url_of
from crm_pipeline_tests.database.copies import Copy, reader

PROGRAMS = find_binaries(None, None)
AGES = "DO $$ BEGIN FOR i IN 1..20000 LOOP PERFORM pg_current_xact_id(); COMMIT; END LOOP; END $$"
CONTACT = "INSERT INTO crm.contacts (id, name) VALUES (gen_random_uuid(), 'Anna') RETURNING id::text"
UPLOAD = """INSERT INTO sync.operations (id, actor, entity, action, request, status)
    VALUES ('op-1', 'olga', 'contacts', 'update', '{}', 'merged')"""
FUTURE = "SELECT min(changed_xid::text::bigint) > pg_current_xact_id()::text::bigint + 10000 FROM crm.contacts"
REPLACED = (
    "INSERT INTO crm.tombstones (entity, id) SELECT 'contacts', id FROM crm.contacts ORDER BY reconciled_at LIMIT 1",
    "DELETE FROM crm.contacts WHERE id IN (SELECT id FROM crm.tombstones)",
    "UPDATE sync.operations SET status = 'conflict'",
)
OLD_TOMBSTONE = """INSERT INTO crm.tombstones (entity, id, gone_at)
    VALUES ('deals', gen_random_uuid(), now() - interval '100 days')"""
HAVE_COME = "UPDATE sync.database SET server = 'elsewhere'"


def run(engine: Engine, *statements: str) -> object:
    """Run statements, each by itself, and return the first value the last one answers."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as db:
        for text in statements:
            found = db.exec_driver_sql(text, execution_options={"no_parameters": True})
        return found.scalar() if found.returns_rows else None


@pytest.fixture(scope="module")
def young_server() -> Iterator[str]:
    """Yield the URL of a server that has seen few transactions."""
    with open_folder() as folder:
        home: Path = folder / ".crm"
        yield ensure_running(home)
        erase(home)


@pytest.fixture
def restored(database: Engine, database_url: str, young_server: str) -> Iterator[tuple[Copy, Engine]]:
    """Yield a client's copy and the database of its server restored elsewhere, with a contact, a tombstone and a receipt."""
    run(database, AGES, CONTACT, UPLOAD, "INSERT INTO crm.tombstones (entity, id) VALUES ('contacts', gen_random_uuid())")
    copy = Copy(reader(database))
    copy.follow()
    dumping = [PROGRAMS / "pg_dump", "-Fc", "--no-owner", "--no-privileges", "-d", _plain(database_url)]
    dump = subprocess.run(dumping, stdout=subprocess.PIPE, check=True)
    administer(young_server, "CREATE DATABASE {}", "restored")
    url = url_of(young_server, "restored")
    subprocess.run([PROGRAMS / "pg_restore", "--no-owner", "--exit-on-error", "-d", _plain(url)], input=dump.stdout, check=True)
    engine = engine_for(url)
    yield copy, engine
    engine.dispose()


def _plain(url: str) -> str:
    return url.replace("+psycopg2", "")


@pytest.mark.skipif(not (PROGRAMS / "pg_dump").exists(), reason="pg_dump is not installed")
def test_restored_elsewhere_clients_read_anew_and_miss_nothing(restored: tuple[Copy, Engine]) -> None:
    copy, elsewhere = restored
    assert run(elsewhere, FUTURE), "the versions should be of this server's future"
    again = Copy(reader(elsewhere), cursor=copy.cursor)
    with pytest.raises(CursorExpired, match="restored"):
        again.take()
    again.cursor = None
    again.follow()
    assert again.held == copy.held and len(again.held) == 1
    assert [one["id"] for one in again.receipts] == ["op-1"]
    made = run(elsewhere, CONTACT)
    run(elsewhere, *REPLACED)
    again.follow()
    assert set(again.held) == {made} and again.receipts[-1]["status"] == "conflict"
    assert again.differences() == []
    cursor = again.cursor
    run(elsewhere, "REVOKE EXECUTE ON FUNCTION pg_control_system() FROM public", "CREATE ROLE plain",
        "GRANT USAGE ON SCHEMA sync TO plain", "ALTER FUNCTION sync.server_identity() OWNER TO plain")  # fmt: skip
    with pytest.raises(CursorExpired):
        again.take()
    once = Copy(reader(elsewhere))
    once.follow()
    once.follow()
    assert set(once.held) == {made} and once.cursor != cursor


def test_migrating_stamps_what_came_from_elsewhere(database: Engine) -> None:
    run(database, CONTACT)
    copy = Copy(reader(database))
    copy.follow()
    run(database, HAVE_COME, "UPDATE crm.contacts SET changed_xid = '4000000000'")
    migrate(database)
    assert run(database, "SELECT changed_xid < '4000000000' FROM crm.contacts")
    with pytest.raises(CursorExpired, match="restored"):
        copy.take()


def test_a_server_that_was_set_back_is_noticed(database: Engine) -> None:
    copy = Copy(reader(database))
    copy.follow()
    start = copy.reader.start(copy.cursor)
    with pytest.raises(CursorExpired, match="older"):
        copy.reader.page(type(start)(type(start.place)(low=2**40, initial=False), start.epoch), 10)


def test_what_was_forgotten_voids_cursors_and_times_from_before(database: Engine) -> None:
    copy, young = Copy(reader(database)), Copy(reader(database))
    copy.follow()
    run(database, OLD_TOMBSTONE)
    young.follow()
    assert run(database, "SELECT count(*) FROM crm.tombstones") == 1
    with database.begin() as db:
        assert delta.forget(db) == 1
    with database.begin() as db:
        assert delta.forget(db) == 0
    with pytest.raises(CursorExpired, match="forgotten"):
        copy.take()
    young.follow()
    with pytest.raises(CursorExpired, match="forgotten"):
        copy.reader.page(copy.reader.since("2020-01-01T00:00:00Z"), 10)
    yesterday = (datetime.now(UTC) - timedelta(days=1)).isoformat()
    assert copy.reader.page(copy.reader.since(yesterday), 10).has_more is False
