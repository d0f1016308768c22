"""Connecting: one sentence per mistake, nothing lost of what cannot be asked for twice."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import Engine

from crm_pipeline.database import connections
from crm_pipeline.errors import AccessDenied, ConfigurationError, ConsentNeeded, HostNotAllowed, UsageError
from crm_pipeline.stages.check import check
from crm_pipeline.stages.connect import connect
from crm_pipeline.stages.sync import sync
from crm_pipeline.wiring import Pipeline
from crm_pipeline_tests.connectors.tinycrm.server import TinyServer

NOW = datetime(2026, 3, 1, tzinfo=UTC)
PAIR = {"access_token": "access-0", "refresh_token": "refresh-0"}


def names(pipeline: Pipeline) -> list[str]:
    """Return the connections there are."""
    return [row.name for row in connections.list_connections(pipeline.engine)]


@pytest.mark.parametrize("name", ["", "Sales", "a b", "-x", "a" * 64, "ü", "x\n"])
def test_a_name_must_be_one(pipeline: Pipeline, tiny: TinyServer, name: str) -> None:
    with pytest.raises(UsageError, match="cannot be the name"):
        connect(pipeline, "tinycrm", name, tiny.url, PAIR, now=NOW)


def test_an_unknown_crm(pipeline: Pipeline, tiny: TinyServer) -> None:
    with pytest.raises(UsageError, match=r"no connector for 'othercrm'\. Known: tinycrm"):
        connect(pipeline, "othercrm", "x", tiny.url, PAIR, now=NOW)


def test_a_host_that_is_not_allowed_is_never_asked(pipeline: Pipeline) -> None:
    with pytest.raises(HostNotAllowed):
        connect(pipeline, "tinycrm", "x", "https://evil.example", PAIR, now=NOW)
    assert names(pipeline) == []


def test_a_code_is_not_spent_when_its_tokens_could_not_be_kept(pipeline: Pipeline, tiny: TinyServer) -> None:
    keyless = Pipeline(
        pipeline.settings.model_copy(update={"encryption_key": None}), pipeline.engine, pipeline.connectors, pipeline.budget
    )
    with pytest.raises(ConfigurationError, match="CRM_ENCRYPTION_KEY"):
        connect(keyless, "tinycrm", "x", tiny.url, {"client_id": "c"}, code="refresh-0", now=NOW)
    assert tiny.requests["token"] == 0


def test_wrong_credentials_leave_nothing_behind(pipeline: Pipeline, tiny: TinyServer) -> None:
    with pytest.raises(ConsentNeeded):
        connect(pipeline, "tinycrm", "x", tiny.url, {"access_token": "wrong", "refresh_token": "wrong"}, now=NOW)
    assert names(pipeline) == []


def test_a_code_is_exchanged_and_kept_even_when_the_check_fails(pipeline: Pipeline, tiny: TinyServer) -> None:
    tiny.fail["account"] = 403
    with pytest.raises(AccessDenied):
        connect(pipeline, "tinycrm", "x", tiny.url, {"client_id": "c"}, code="refresh-0", now=NOW)
    row = connections.get(pipeline.engine, "x")
    assert (row.status, tiny.requests["token"]) == ("broken", 1)
    assert "Tiny says no" in str(row.status_reason)
    tiny.fail.clear()
    check(pipeline, "x")
    assert connections.get(pipeline.engine, "x").status == "active"
    assert sync(pipeline, "x", "incremental").status == "ok"


def test_an_account_has_one_connection(connected: Pipeline, tiny: TinyServer) -> None:
    with pytest.raises(UsageError, match="already connected as tiny"):
        connect(connected, "tinycrm", "second", tiny.url, PAIR, now=NOW)
    assert names(connected) == ["tiny"]


def test_a_name_keeps_its_account(connected: Pipeline) -> None:
    other = TinyServer("another account")
    with pytest.raises(UsageError, match="belongs to another account"):
        connect(connected, "tinycrm", "tiny", other.url, PAIR, now=NOW)
    assert connections.get(connected.engine, "tiny").stable_id == "tiny-1"
    assert connected.link("tiny").base_url != other.url
    other.close()


def test_consent_again_keeps_data_and_cursors(connected: Pipeline, tiny: TinyServer, database: Engine) -> None:
    tiny.put("contacts", 1, name="C")
    sync(connected, "tiny", "initial")
    tiny.dead, tiny.access = True, "revoked"
    assert sync(connected, "tiny", "incremental").status == "needs_consent"
    assert connections.get(connected.engine, "tiny").status == "needs_consent"
    tiny.dead, tiny.refresh = False, "code-2"
    row = connect(connected, "tinycrm", "tiny", tiny.url, {}, code="code-2", now=NOW)
    assert row.status == "active"
    assert sync(connected, "tiny", "incremental").entities["contacts"].unchanged == 1
    assert names(connected) == ["tiny"]
    with database.connect() as db:
        found = db.exec_driver_sql("SELECT action FROM sync.audit_log ORDER BY id").scalars().all()
    assert found == ["connection.connect", "connection.reconnect"]


def test_a_removed_connection_comes_back_under_its_name(connected: Pipeline, tiny: TinyServer) -> None:
    connections.remove(connected.engine, "tiny")
    assert names(connected) == []
    with pytest.raises(UsageError, match="is removed"):
        sync(connected, "tiny", "incremental")
    connect(connected, "tinycrm", "tiny", tiny.url, PAIR, now=NOW)
    assert sync(connected, "tiny", "incremental").status == "ok"


def test_a_failing_entity_does_not_stop_the_others(connected: Pipeline, tiny: TinyServer) -> None:
    tiny.put("tasks", 1, title="T")
    tiny.fail["contacts"] = 500
    result = sync(connected, "tiny", "incremental")
    assert result.status == "failed"
    assert "Tiny is ill" in str(result.entities["contacts"].error)
    assert result.entities["tasks"].inserted == 1
    row = connections.get(connected.engine, "tiny")
    assert (row.status, row.failures) == ("active", 1)
    tiny.fail.clear()
    assert sync(connected, "tiny", "incremental").status == "ok"
    assert connections.get(connected.engine, "tiny").failures == 0


def test_a_connection_that_needs_a_person_stops_at_once(connected: Pipeline, tiny: TinyServer) -> None:
    tiny.fail["users"] = 403
    result = sync(connected, "tiny", "incremental")
    assert (result.status, list(result.entities)) == ("broken", ["users"])
    assert connections.get(connected.engine, "tiny").status == "broken"


def test_what_a_person_sets(connected: Pipeline) -> None:
    engine = connected.engine
    assert connections.set_interval(engine, "tiny", 60).interval_seconds == 60
    assert connections.set_direction(engine, "tiny", "two_way").direction == "two_way"
    assert connections.pause(engine, "tiny").status == "paused"
    assert connections.resume(engine, "tiny").status == "active"
    with pytest.raises(UsageError):
        connections.set_interval(engine, "tiny", 1)
    with pytest.raises(UsageError):
        connections.set_direction(engine, "tiny", "sideways")
    with pytest.raises(UsageError, match="Known: tiny"):
        connections.get(engine, "nobody")
