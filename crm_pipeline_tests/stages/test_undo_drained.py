"""Undoing end to end: CRMs go back to what they held before, golden follows, and what somebody changed since is left alone."""

from datetime import UTC, datetime
from typing import Any

import pytest

from crm_pipeline.database import connections
from crm_pipeline.database.undoing import Which
from crm_pipeline.stages.undo import undo
from crm_pipeline_tests.stages.test_drain import changes, settle, writes
from crm_pipeline_tests.two_sides import LEFT, RIGHT, TwoSides, fill


@pytest.fixture
def pair(sides: TwoSides) -> TwoSides:
    """Return two CRMs that hold the same and are both written to."""
    fill(sides.left, "left.example", phones=4)
    fill(sides.right, "right.example", phones=4)
    for name in (LEFT, RIGHT):
        connections.set_direction(sides.parts.engine, name, "two_way")
    settle(sides)
    return sides


def now(sides: TwoSides) -> datetime:
    """Return the time by the clock changes are settled by."""
    (row,) = sides.rows("SELECT clock_timestamp() AS now")
    return row["now"].astimezone(UTC)


def held(sides: TwoSides, entity: str, number: str, field: str) -> list[Any]:
    """Return what the two CRMs hold, and the golden record."""
    (golden,) = sides.rows(
        f"SELECT to_jsonb(g) AS v FROM crm.{entity} g WHERE id = %s", sides.golden_id(f"tiny:{number}", entity)
    )
    return [sides.left.records[entity][number].get(field), sides.right.records[entity][number].get(field), golden["v"][field]]


def undone(sides: TwoSides) -> list[tuple[str, str, str | None]]:
    """Return what became of the changes that undo others."""
    return [
        (one["connection"], one["state"], one["error_code"])
        for one in changes(sides)
        if one["id"] in {row["id"] for row in sides.rows("SELECT id FROM sync.outgoing_changes WHERE origin LIKE 'undo:%%'")}
    ]


def test_both_crms_and_golden_go_back(pair: TwoSides) -> None:
    """The left CRM is where it was typed: what is undone in the right one is news, and goes there, too."""
    pair.left.put("contacts", 1, position="clerk")
    settle(pair)
    since = now(pair)
    pair.left.put("contacts", 1, position="chief")
    settle(pair)
    assert held(pair, "contacts", "1", "position") == ["chief", "chief", "chief"]
    dry = undo(pair.parts, Which(since), dry_run=True)
    assert [(row["connection"], row["fields"], row["now"]) for row in dry.rows] == [
        (RIGHT, {"position": {"from": "chief", "to": "clerk"}}, "holds")
    ]
    assert undo(pair.parts, Which(since)).queued == 1
    settle(pair)
    assert held(pair, "contacts", "1", "position") == ["clerk", "clerk", "clerk"]
    assert undone(pair) == [(RIGHT, "applied", None)]
    before = writes(pair)
    settle(pair)
    assert writes(pair) == before
    assert not pair.rows("SELECT FROM sync.conflicts WHERE superseded_at IS NULL")


def test_what_was_changed_there_since_is_left_alone(pair: TwoSides) -> None:
    since = now(pair)
    pair.left.put("contacts", 1, position="chief")
    pair.left.put("contacts", 2, position="chief")
    settle(pair)
    assert undo(pair.parts, Which(since)).queued == 2
    pair.right.clock.advance(60)
    pair.right.put("contacts", 1, position="chairman")
    settle(pair)
    assert sorted(undone(pair)) == [(RIGHT, "applied", None), (RIGHT, "merged", "changed_since")]
    assert held(pair, "contacts", "1", "position") == ["chairman"] * 3
    assert held(pair, "contacts", "2", "position") == [None] * 3
    (left,) = [one for one in changes(pair) if one["error_code"] == "changed_since"]
    assert left["error_detail"] == "Changed there since: position; left as it is."


def test_lists_and_dates_go_back(pair: TwoSides) -> None:
    since, before = now(pair), phones(pair)
    points = [{"kind": "phone", "value": "+79990000001"}, *pair.left.records["contacts"]["1"]["contact_points"]]
    pair.left.put("contacts", 1, contact_points=points, birthday="1990-01-02")
    settle(pair)
    assert phones(pair) != before
    assert [row["now"] for row in undo(pair.parts, Which(since), dry_run=True).rows] == ["holds"]
    undo(pair.parts, Which(since))
    settle(pair)
    assert (undone(pair), phones(pair)) == ([(RIGHT, "applied", None)], before)
    assert held(pair, "contacts", "1", "birthday") == [None] * 3


def phones(sides: TwoSides) -> list[list[str]]:
    """Return the phones of the first contact in both CRMs."""
    held = [server.records["contacts"]["1"]["contact_points"] for server in (sides.left, sides.right)]
    return [sorted(point["value"] for point in points if point["kind"] == "phone") for points in held]
