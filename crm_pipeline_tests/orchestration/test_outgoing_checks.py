"""What the checks of `outgoing/<crm>` see: changes that wait too long, are dead or rejected, and robots that fight us."""

import dagster as dg
import pytest
from sqlalchemy import Engine

from crm_pipeline.database import connections, outgoing
from crm_pipeline.database.outgoing import NewChange, Settlement
from crm_pipeline.orchestration.checks import dead, near_misses, oldest_pending, rejected
from crm_pipeline.wiring import Pipeline
from crm_pipeline_tests.orchestration.conftest import NOBODY, Owe, TwoWay


def _end(engine: Engine, connection: str, state: str, count: int, code: str = "refused") -> None:
    """Claim changes of a connection and end them."""
    row = connections.get(engine, connection)
    with engine.begin() as db:
        held = outgoing.claim(db, row.id, "test", count)
        ends = [Settlement(one.id, one.fence, state, "1", {}, {}, code, "Said so.") for one in held]
        assert len(outgoing.settle(db, ends)) == count


def _sql(engine: Engine, text: str) -> None:
    with engine.begin() as db:
        db.exec_driver_sql(text)


def test_a_change_that_waits_too_long_is_seen(two_way: TwoWay, owe: Owe, pipeline: Pipeline, database: Engine) -> None:
    two_way("one"), two_way("two")
    owe("one"), owe("two")
    assert oldest_pending(pipeline, "paper", "").passed
    _sql(
        database,
        "UPDATE sync.outgoing_changes SET created_at = now() - interval '2 hours', next_attempt_at = now() + interval '1 minute'",
    )
    found = oldest_pending(pipeline, "paper", "")
    assert found.passed, "it is parked"
    assert [(row["waiting"], row["parked"], row["late"], row["oldest_seconds"]) for row in found.rows] == [(1, 1, 0, 7200)] * 2
    _sql(database, "UPDATE sync.outgoing_changes SET next_attempt_at = now() - interval '16 minutes' WHERE id = 1")
    found = oldest_pending(pipeline, "paper", "")
    assert not found.passed and found.severity == dg.AssetCheckSeverity.WARN
    assert str(found.description).startswith("Changes wait too long: one. ")


def test_a_change_behind_another_of_its_record_is_not_late(
    two_way: TwoWay, owe: Owe, pipeline: Pipeline, database: Engine
) -> None:
    two_way("one")
    owe("one"), owe("one")
    _sql(
        database,
        "UPDATE sync.outgoing_changes SET created_at = now() - interval '2 hours', next_attempt_at = now() - interval '2 hours'",
    )
    _sql(database, "UPDATE sync.outgoing_changes SET next_attempt_at = now() + interval '1 minute' WHERE id = 1")
    assert oldest_pending(pipeline, "paper", "").passed


@pytest.mark.parametrize(
    ("count", "severity"), [(1, dg.AssetCheckSeverity.WARN), (50, dg.AssetCheckSeverity.WARN), (51, dg.AssetCheckSeverity.ERROR)]
)
def test_dead_changes_are_counted(
    two_way: TwoWay, owe: Owe, pipeline: Pipeline, count: int, severity: dg.AssetCheckSeverity
) -> None:
    two_way("one")
    assert dead(pipeline, "paper", "").passed
    for number in range(count):
        owe("one", NOBODY.format(number))
    _end(pipeline.engine, "one", "dead", count, "unavailable")
    found = dead(pipeline, "paper", "")
    assert (found.passed, found.severity, found.breaches) == (False, severity, count)
    assert [(row["connection"], row["code"], row["changes"]) for row in found.rows] == [("one", "unavailable", count)]


def test_rejected_changes_are_told_for_a_day(two_way: TwoWay, owe: Owe, pipeline: Pipeline, database: Engine) -> None:
    two_way("one")
    owe("one")
    assert rejected(pipeline, "paper", "").passed
    _end(pipeline.engine, "one", "rejected", 1, "NotSupportedChoice")
    found = rejected(pipeline, "paper", "")
    assert not found.passed and [row["code"] for row in found.rows] == ["NotSupportedChoice"]
    assert dead(pipeline, "paper", "").passed
    _sql(database, "UPDATE sync.outgoing_changes SET settled_at = now() - interval '25 hours'")
    assert rejected(pipeline, "paper", "").passed


@pytest.mark.parametrize(("applied", "missed", "passed"), [(10, 2, True), (10, 3, False), (300, 3, True), (299, 3, False)])
def test_a_robot_that_fights_us_is_named(
    two_way: TwoWay, owe: Owe, pipeline: Pipeline, database: Engine, applied: int, missed: int, passed: bool
) -> None:
    two_way("one"), two_way("two")
    row = connections.get(database, "one")
    with database.begin() as db:
        news = [
            NewChange(row.id, "contacts", NOBODY.format(n), "update", {"name": "Ours"}, external_id=str(n))
            for n in range(applied)
        ]
        outgoing.enqueue(db, news)
        held = outgoing.claim(db, row.id, "test", applied)
        outgoing.settle(db, [Settlement(one.id, one.fence, "applied", one.external_id, {"name": "Ours"}) for one in held])
    _sql(
        database,
        f"""INSERT INTO source.field_changes
            (connection_id, entity, external_id, field, old_value, new_value, changed_at, seen_at)
        SELECT {row.id}, 'contacts', n::text, 'name', '"Ours"', '"canary"', clock_timestamp(), clock_timestamp()
        FROM generate_series(0, {missed - 1}) n""",
    )
    found = near_misses(pipeline, "paper", "")
    assert (found.passed, found.breaches) == (passed, missed)
    assert [(one["connection"], one["applied"], one["missed"]) for one in found.rows] == [("one", applied, missed)]
    assert passed or str(found.description).startswith("A robot in the CRM fights us over one: contacts.name. ")
    assert "canary" not in repr(found)
    assert near_misses(pipeline, "another", "").rows == []
