"""`crm-pipeline demo` for real, on a machine without the public data: it does the whole job, tells no secret, leaves nothing.

Processes of a demo are known by a variable of their environment, which all of them inherit; its Postgres, whose environment
is emptied, by the lock file it keeps while it lives.
"""

import base64
import json
import os
import re
import secrets
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import Engine

from crm_pipeline.database import embedded, vault
from crm_pipeline.database.engine import engine_for
from crm_pipeline.settings import Settings
from crm_pipeline_tests.conftest import open_folder, url_of

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(1200),
    pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="processes are found through /proc"),
]

PEOPLE = 30
MARK = "DEMO_UNDER_TEST"
SECRET_SHAPES = (r"def502[0-9a-f]{40,}", r"eyJ[\w-]{16,}\.[\w-]{16,}", r"/rest/\d+/[a-z0-9]{12,}", r"\b[0-9a-f]{70}\b")
"""amoCRM's codes and refresh tokens, its access tokens, Bitrix24's webhooks, and the codes and tokens our portals give out."""


@dataclass(frozen=True)
class Demo:
    """A demo that has ended."""

    home: Path
    key: str
    mark: str
    code: int
    said: str
    secret: str = ""


def start(home: Path, key: str, mark: str, *words: str, secret: str | None = None) -> subprocess.Popen[str]:
    """Start a demo with a home and a key of its own, filled with few generated people. secret: what tokens are signed with."""
    command = [sys.executable, "-m", "crm_pipeline", "demo", "--data", str(home / "nowhere"), "--contacts", str(PEOPLE), *words]
    env = {**os.environ, "CRM_HOME": str(home), "CRM_ENCRYPTION_KEY": key, MARK: mark}
    env |= {"CRM_JWT_SECRET": secret} if secret else {}
    return subprocess.Popen(command, env=env, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True)


def left_over(demo: Demo) -> list[str]:
    """Return the processes of a demo that are still there."""
    mark = f"{MARK}={demo.mark}".encode()
    found = [folder for folder in Path("/proc").glob("[0-9]*") if mark in _read(folder / "environ").split(b"\0")]
    lines = [_read(folder / "cmdline").replace(b"\0", b" ").decode() for folder in found]
    return lines + [str(path) for path in demo.home.rglob("postmaster.pid")]


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:  # it has ended, or is another account's
        return b""


@pytest.fixture(scope="module")
def demo() -> Iterator[Demo]:
    """Yield a demo that did everything once."""
    with open_folder() as folder:
        home, key, mark = folder / ".crm", base64.b64encode(os.urandom(32)).decode(), os.urandom(8).hex()
        secret = secrets.token_urlsafe(48)
        process = start(home, key, mark, "--once", secret=secret)
        said, _ = process.communicate()
        yield Demo(home, key, mark, process.returncode, said, secret)
        embedded.erase(home / "demo")


def test_it_ends_well_with_a_summary(demo: Demo) -> None:
    assert demo.code == 0, demo.said
    assert "generated people" in demo.said
    assert "In Postgres" in demo.said and "limit violations" in demo.said
    held = {line.split("│")[1].strip(): line.split("│")[3:] for line in demo.said.splitlines() if line.count("│") > 8}
    assert set(held) == {"sales-msk", "sales-spb", "portal", "golden"}
    assert all(int(cell.replace(" ", "")) > 0 for cells in held.values() for cell in cells[:7]), demo.said
    for name in ("sales-msk", "sales-spb", "portal"):
        assert re.search(rf"│ {name} +│ \w+ +│ +\d+ │ +0 │", demo.said), "asked, and no limit was broken"


def test_it_leaves_nothing_running(demo: Demo) -> None:
    assert left_over(demo) == []
    assert not embedded.is_running(demo.home / "demo")


@pytest.fixture(scope="module")
def business(demo: Demo) -> Iterator[Engine]:
    """Yield an engine on the demo's database, its server started again."""
    engine = engine_for(embedded.ensure_running(demo.home / "demo"))
    yield engine
    engine.dispose()
    embedded.stop(demo.home / "demo")


def test_its_api_answers_somebody_who_logs_in(demo: Demo, business: Engine) -> None:
    told = re.search(r"(http://127\.0\.0\.1:\d+)/api/docs  log in as admin, operator or agent, password \S+", demo.said)
    given = re.search(r"It told the agent ([\d,]+) changes", demo.said)
    assert told and given, demo.said
    assert int(given[1].replace(",", "")) > 0
    with business.connect() as db:
        people = db.exec_driver_sql("SELECT username, role, scope FROM sync.api_users ORDER BY 1").all()
        logged_in = db.exec_driver_sql(
            "SELECT count(*) FROM sync.devices WHERE user_id = (SELECT user_id FROM sync.api_user_crm_users)"
        )
        assert logged_in.scalar_one() == 1
    assert list(map(tuple, people)) == [("admin", "admin", "all"), ("agent", "agent", "own"), ("operator", "operator", "all")]
    lines = [json.loads(line) for line in (demo.home / "demo" / "api.log").read_text().splitlines() if line.startswith("{")]
    assert [(one["path"], one["status"]) for one in lines if one["user"] == "agent"] == [("/api/sync/incremental", 200)]


def test_the_history_of_runs_survives(business: Engine) -> None:
    dagster = engine_for(url_of(business.url.render_as_string(hide_password=False), "dagster"))
    with dagster.connect() as db:
        ended = db.exec_driver_sql("SELECT status, count(*) FROM runs GROUP BY status").all()
    dagster.dispose()
    assert {status for status, _ in ended} <= {"SUCCESS", "CANCELED", "FAILURE", "STARTED", "QUEUED"}
    assert dict(map(tuple, ended))["SUCCESS"] >= 6, "three connections, loaded once and followed at least once"


def secrets_of(demo: Demo, business: Engine) -> dict[str, str]:
    """Return every secret there was, by where it belongs."""
    keys = Settings(encryption_key=demo.key).encryption_keys
    found = {"encryption key": demo.key, "secret of tokens": demo.secret, "database password": str(business.url.password)}
    with business.connect() as db:
        for number, name in db.exec_driver_sql("SELECT id, name FROM sync.connections WHERE crm <> 'app'").all():
            kept = vault.read(db, keys, number)
            names = ("access_token", "refresh_token", "client_secret", "application_token")
            found |= {f"{name} {key}": str(kept[key]) for key in names if kept.get(key)}
    assert len(found) > 8, found.keys()
    return found


def dumped(url: str) -> dict[str, str]:
    """Return the text of every table of a database."""
    engine, tables = engine_for(url), {}
    listed = "SELECT format('%%I.%%I', schemaname, tablename) FROM pg_tables WHERE schemaname !~ '^(pg_|information_schema)'"
    with engine.connect() as db:
        for table in db.exec_driver_sql(listed, {}).scalars().all():
            rows = db.exec_driver_sql(f"SELECT t::text FROM {table} t").scalars()
            tables[f"{engine.url.database}: {table}"] = "\n".join(rows)
    engine.dispose()
    return tables


def written(demo: Demo) -> dict[str, str]:
    """Return the text of every file below CRM_HOME but the one whose purpose is to hold the database's password."""
    files = [path for path in (demo.home / "demo").rglob("*") if path.is_file() and path.name != "state.json"]
    return {str(path.relative_to(demo.home)): path.read_bytes().decode("latin-1") for path in files}


@pytest.fixture(scope="module")
def told(demo: Demo, business: Engine) -> dict[str, str]:
    """Return everything a demo has told: what it printed, both databases, every file."""
    url = business.url.render_as_string(hide_password=False)
    return {"printed": demo.said} | dumped(url) | dumped(url_of(url, "dagster")) | written(demo)


def test_the_search_would_find_what_is_there(told: dict[str, str]) -> None:
    """Were it blind for one of the places, the test after this would prove nothing."""
    for place in ("printed", "crm: sync.connections", "dagster: public.event_logs", "demo/dagster/dagster.log"):
        assert "sales-msk" in told[place], place
    assert any(place.endswith(".err") and "initial_sync" in text for place, text in told.items()), "captured output"
    assert any("/pg_wal/" in place for place in told), "the files of Postgres itself"
    assert [find(told, json.dumps("sales-spb")[1:-1]) != []] == [True]


def test_no_secret_is_anywhere(demo: Demo, business: Engine, told: dict[str, str]) -> None:
    for name, secret in secrets_of(demo, business).items():
        for spelling in (secret, secret.encode().hex()):
            assert find(told, spelling) == [], name


def test_the_password_is_told_once(demo: Demo, told: dict[str, str]) -> None:
    password = re.findall(r"password (\S+)", demo.said)
    assert len(password) == 1 and len(password[0]) >= 12
    assert find(told, password[0]) == ["printed"]
    assert demo.said.count(password[0]) == 1


def test_nothing_that_looks_like_a_secret_is_told(told: dict[str, str]) -> None:
    """Codes are used up and nobody keeps them: they are known by their shape."""
    for shape in SECRET_SHAPES:
        seen = re.compile(shape)
        assert [(place, found[0][:12]) for place, text in told.items() if (found := seen.search(text))] == [], shape


def find(told: dict[str, str], what: str) -> list[str]:
    """Return the places that tell it."""
    return [place for place, text in told.items() if what in text]


@pytest.mark.parametrize("by", [signal.SIGINT, signal.SIGTERM], ids=lambda one: one.name)
def test_stopped_by_a_person_it_leaves_nothing_running(by: signal.Signals) -> None:
    with open_folder() as folder:
        home, key, mark = folder / ".crm", base64.b64encode(os.urandom(32)).decode(), os.urandom(8).hex()
        process = start(home, key, mark, "--port", "0", "--api-port", "0")
        demo = Demo(home, key, mark, 0, "")
        try:
            until_said(process, lambda line: line.startswith("portal:"))
            assert left_over(demo), "it can be seen while it runs"
            process.send_signal(by)
            rest, _ = process.communicate()
            assert "Everything is stopped." in rest
            assert "Traceback" not in rest
            assert left_over(demo) == []
        finally:
            process.kill()
            process.wait()
            embedded.erase(home / "demo")


def until_said(process: subprocess.Popen[str], is_it: Callable[[str], bool]) -> None:
    """Read what a process prints up to a line."""
    assert process.stdout
    assert any(is_it(line) for line in iter(process.stdout.readline, "")), "it ended before"
