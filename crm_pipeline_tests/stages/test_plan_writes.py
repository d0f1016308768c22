"""A plan of writes tells what the CRMs would be written and what not, with reasons, and writes nothing anywhere."""

from typing import Any

import pytest
from sqlalchemy import Engine

from crm_pipeline.connectors import discover
from crm_pipeline.database import connections
from crm_pipeline.errors import UsageError
from crm_pipeline.model.delivery import FLIPS_PER_HOUR
from crm_pipeline.stages.drain import drain
from crm_pipeline.stages.plan_writes import Writes, plan_writes
from crm_pipeline.stages.reconcile import reconcile
from crm_pipeline.stages.sync import sync
from crm_pipeline_tests.settled_sides import settle, writes
from crm_pipeline_tests.stages.test_plan import contents, rules
from crm_pipeline_tests.stages.test_undo import Office
from crm_pipeline_tests.two_sides import LEFT, RIGHT, TwoSides, fill


@pytest.fixture
def apart(sides: TwoSides) -> TwoSides:
    """Return two read-only CRMs that differ in a position: the right one changed it last."""
    for server, emails in ((sides.left, "left.example"), (sides.right, "right.example")):
        fill(server, emails, phones=4)
        server.put("contacts", 1, position="head")
    sides.load()
    sides.right.clock.advance(60)
    sides.right.put("contacts", 1, position="chief")
    sides.load()
    return sides


def two_way(sides: TwoSides, *names: str) -> None:
    """Switch connections to two-way, and have everything they hold looked at."""
    for name in names:
        connections.set_direction(sides.parts.engine, name, "two_way")
    with sides.parts.engine.begin() as db:
        db.exec_driver_sql(
            "INSERT INTO sync.golden_queue (entity, golden_id) SELECT DISTINCT entity, golden_id FROM crm.crosswalk"
            " ON CONFLICT DO NOTHING"
        )


def values(found: Writes, *columns: str, **wanted: Any) -> list[tuple[Any, ...]]:
    """Return these columns of the rows that fit."""
    return [tuple(row[column] for column in columns) for row in found.rows if wanted.items() <= row.items()]


def test_nothing_is_written_to_what_is_only_read(apart: TwoSides) -> None:
    _, found = plan_writes(apart.parts)
    assert (found, found.would_write) == (Writes(), False)


def test_one_can_look_before_switching_on(apart: TwoSides) -> None:
    before = contents(apart)
    _, found = plan_writes(apart.parts, only=[LEFT])
    assert contents(apart) == before
    assert found.would_write and found.connections == [LEFT]
    (position,) = [row for row in found.rows if row["field"] == "position"]
    expected = {
        "connection": LEFT, "entity": "contacts", "external_id": "1", "name": "Анна Смирнова", "operation": "update",
        "held": "head", "wanted": "chief", "status": "new",
    }  # fmt: skip
    assert {key: position[key] for key in expected} == expected
    assert (position["origin"], position["from"], position["rule"]) == ("reconcile", RIGHT, "changed")
    assert {(one["field"], one["new"]) for one in found.counts if one["entity"] == "contacts"} == {("position", 1), ("emails", 4)}


def test_what_is_told_is_what_is_written(apart: TwoSides) -> None:
    for name in (LEFT, RIGHT):
        _, alone = plan_writes(apart.parts, only=[name])
        assert alone.changes["new"] > 0
    _, told = plan_writes(apart.parts, only=[LEFT, RIGHT])
    two_way(apart, LEFT, RIGHT)
    settle(apart)
    applied = apart.rows("SELECT count(*) AS n FROM sync.outgoing_changes WHERE state = 'applied'")
    assert applied == [{"n": told.changes["new"]}]
    _, after = plan_writes(apart.parts, only=[LEFT, RIGHT])
    assert (after.changes, after.rows) == ({}, [])


def test_what_waits_to_be_reconciled_is_looked_at(apart: TwoSides) -> None:
    two_way(apart, LEFT, RIGHT)
    settle(apart)
    apart.left.put("contacts", 2, position="CTO")
    sync(apart.parts, LEFT, "incremental")
    before = contents(apart)
    _, found = plan_writes(apart.parts)
    assert contents(apart) == before
    assert values(found, "connection", "external_id", "field", "wanted", "status") == [(RIGHT, "2", "position", "CTO", "new")]
    apart.load()
    _, waiting = plan_writes(apart.parts)
    assert values(waiting, "connection", "external_id", "field", "wanted", "status") == [
        (RIGHT, "2", "position", "CTO", "waiting")
    ]
    assert (waiting.changes, waiting.would_write) == ({"waiting": 1}, True)
    sent = writes(apart)
    drain(apart.parts)
    assert writes(apart) == sent + 1
    assert not plan_writes(apart.parts)[1].would_write


def test_other_rules_come_with_what_they_would_have_written(apart: TwoSides) -> None:
    two_way(apart, LEFT, RIGHT)
    settle(apart)
    apart.left.put("contacts", 1, position="boss")
    apart.right.clock.advance(60)
    apart.right.put("contacts", 1, position="lord")  # by the rules that hold now it would be written to the left
    for name in (LEFT, RIGHT):
        sync(apart.parts, name, "incremental")
    before = contents(apart)
    plan, found = plan_writes(apart.parts, rules=rules("fields: {contacts: {position: {rule: source_priority, order: [tiny]}}}"))
    assert contents(apart) == before
    assert plan is not None
    assert values(found, "connection", "held", "wanted", field="position") == [(RIGHT, "lord", "boss")]


def test_what_has_no_counterpart_is_told_with_what_to_do(apart: TwoSides) -> None:
    apart.right.put("users", 7, name="Ольга", email="olga@example.ru")
    apart.right.clock.advance(60)
    apart.right.put("contacts", 1, owner_external_id="7")
    apart.load()
    _, found = plan_writes(apart.parts, only=[LEFT])
    (owner,) = [one for one in found.failing if one["field"] == "owner_id"]
    assert (owner["connection"], owner["code"], owner["records"]) == (LEFT, "no_counterpart", 1)
    assert "Ольга has no user in tiny" in owner["reason"]
    (missing,) = found.missing
    assert (missing["missing"], missing["records"]) == ("Ольга", 1) and "users: [[" in missing["what_to_do"]
    assert not values(found, "wanted", field="owner_id")


def test_what_was_refused_before_is_told(apart: TwoSides) -> None:
    _, first = plan_writes(apart.parts, only=[LEFT])
    two_way(apart, LEFT)
    apart.load()
    with apart.parts.engine.begin() as db:
        db.exec_driver_sql(
            "UPDATE sync.outgoing_changes SET state = 'rejected', error_code = 'no', error_detail = 'Tiny says no.',"
            " settled_at = now()"
        )
    _, found = plan_writes(apart.parts, only=[LEFT])
    assert first.changes["new"] == 4 and found.changes == {}
    position = next(one for one in found.failing_rows if one["field"] == "position")
    assert position["code"] == "refused_before" and position["reason"].endswith("ended as rejected: Tiny says no.")


def test_records_that_would_be_created_are_told(apart: TwoSides) -> None:
    apart.right.put("contacts", 9, name="Новый Клиент", position="buyer")
    apart.load()
    parts = apart.parts
    plan, found = plan_writes(parts, rules=rules("create_missing: {tiny: [contacts]}"), only=[LEFT], entity="contacts")
    assert plan is not None and not plan.would_change
    created = dict(values(found, "field", "wanted", operation="create"))
    assert {key: created[key] for key in ("name", "position")} == {"name": "Новый Клиент", "position": "buyer"}
    assert not [one for one in plan_writes(parts, only=[LEFT])[1].counts if one["operation"] == "create"]


def test_rows_are_bounded_and_counts_are_not(apart: TwoSides) -> None:
    _, found = plan_writes(apart.parts, only=[LEFT], limit=2)
    assert len(found.rows) == 2
    assert sum(one["new"] for one in found.counts) > 2


def test_what_cannot_be_written_to_is_refused(apart: TwoSides) -> None:
    with pytest.raises(UsageError, match="nobody"):
        plan_writes(apart.parts, only=["nobody"])
    with pytest.raises(UsageError, match="Nothing can be written to app"):
        plan_writes(apart.parts, only=["app"])


PHONE = ({"kind": "phone", "value": "+79161110001", "original": "+79161110001", "is_primary": True, "position": 0},)
AMO, PORTAL = ("amo-1", "1"), ("portal-1", "1")


@pytest.fixture
def ledger(database: Engine) -> Office:
    """Return accounts of the real CRMs' connectors, with a person in two of them who differs."""
    office = Office(database, connectors=discover())
    office.open_accounts()
    names = {"name": "Анна Смирнова", "first_name": "Анна", "last_name": "Смирнова"}
    office.land("contacts", AMO, **names, children={"contact_points": PHONE})
    office.land("contacts", PORTAL, **names, middle_name="Ивановна", children={"contact_points": PHONE})
    reconcile(office)
    return office


def test_what_a_crm_has_no_place_for_is_told(ledger: Office) -> None:
    """amoCRM has no middle names."""
    _, found = plan_writes(ledger, only=["amo-1"])
    assert [(one["field"], one["code"], one["reason"]) for one in found.failing] == [
        ("middle_name", "cannot_hold", "amo-1 has no place for middle_name, or does not know this value.")
    ]
    assert not found.would_write


def test_what_goes_in_circles_is_told(ledger: Office) -> None:
    ledger.write("UPDATE sync.connections SET direction = 'two_way' WHERE name = 'portal-1'")
    for _ in range(FLIPS_PER_HOUR):
        ledger.apply(PORTAL, {"position": "CTO"}, {"position": None})
    ledger.land("contacts", AMO, name="Анна Смирнова", first_name="Анна", last_name="Смирнова", position="CTO",
                children={"contact_points": PHONE})  # fmt: skip
    _, found = plan_writes(ledger, only=["portal-1"])
    looped = [one for one in found.failing if one["code"] == "loop"]
    assert looped, found
    assert "6 times within the hour" in looped[0]["reason"]
    assert not found.would_write
