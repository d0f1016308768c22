"""What the vault promises: one renewal however many processes meet an expired token, and nothing readable in the tables."""

import base64
import os
from pathlib import Path

import pytest
from sqlalchemy import Engine

from crm_pipeline.database.vault import RowVault, rotate_keys
from crm_pipeline.errors import ConfigurationError, ConsentNeeded
from crm_pipeline.settings import Settings
from crm_pipeline.wiring import Pipeline
from crm_pipeline_tests.connectors.tinycrm.processes import done, environment, start
from crm_pipeline_tests.connectors.tinycrm.server import TinyServer


def test_five_processes_renew_once(connected: Pipeline, tiny: TinyServer, tmp_path: Path) -> None:
    env = environment(connected, tmp_path)
    tiny.access = "the access token has expired"
    assert [done(process) for process in [start("check", "tiny", env) for _ in range(5)]] == ["tiny-1"] * 5
    assert tiny.requests["token"] == 1
    assert not tiny.dead
    assert connected.link("tiny").vault.read()["refresh_token"] == "refresh-1"


def test_a_refused_renewal_leaves_the_row_as_it_was(connected: Pipeline, tiny: TinyServer) -> None:
    tiny.dead, tiny.access = True, "expired"
    link = connected.link("tiny")
    with pytest.raises(ConsentNeeded):
        connected.connectors["tinycrm"].check(link)
    assert link.vault.read() == {"access_token": "access-0", "refresh_token": "refresh-0"}


def test_the_new_pair_is_committed_before_it_is_returned(connected: Pipeline) -> None:
    renewed = connected.link("tiny").vault.renew(
        "access-0", lambda old: {**old, "access_token": "new", "expires_at": 1_800_000_000}
    )
    assert connected.link("tiny").vault.read() == renewed
    assert connected.link("tiny").vault.renew("access-0", lambda _old: pytest.fail("renewed twice")) == renewed


def keys(*texts: str) -> tuple[bytes, ...]:
    """Return keys as the settings do."""
    return Settings(encryption_key=",".join(texts)).encryption_keys


def test_keys_rotate_while_the_old_one_still_reads(connected: Pipeline, encryption_key: str) -> None:
    new = base64.b64encode(os.urandom(32)).decode()
    both = keys(new, encryption_key)
    engine, row = connected.engine, connected.link("tiny").connection_id
    assert RowVault(engine, both, row).read()["access_token"] == "access-0"
    assert rotate_keys(engine, both) == 1
    assert rotate_keys(engine, both) == 0
    assert RowVault(engine, keys(new), row).read()["access_token"] == "access-0"
    with pytest.raises(ConfigurationError):
        RowVault(engine, keys(encryption_key), row).read()


def test_no_secret_is_readable_in_any_table(connected: Pipeline, tiny: TinyServer, database: Engine) -> None:
    secret = "canary-7f3a9c1e5b"
    connected.link("tiny").vault.renew(
        "access-0", lambda old: {**old, "access_token": secret, "refresh_token": f"{secret}-refresh"}
    )
    with database.connect() as db:
        tables = db.exec_driver_sql("SELECT quote_ident(schemaname) || '.' || quote_ident(tablename) FROM pg_tables "
                                    "WHERE schemaname IN ('raw', 'source', 'crm', 'sync')").scalars().all()  # fmt: skip
        assert len(tables) > 30
        text = "".join(row[0] for table in tables for row in db.exec_driver_sql(f"SELECT row_to_json(t)::text FROM {table} t"))
    assert "tiny-1" in text
    for form in (secret, secret.encode().hex(), base64.b64encode(secret.encode()).decode()[:16]):
        assert form not in text


def test_messages_and_reprs_hide_secrets(connected: Pipeline) -> None:
    link = connected.link("tiny")
    assert "access-0" not in repr(link)
    assert link.http.redactor.redact("token access-0 is stale") == "token *** is stale"
