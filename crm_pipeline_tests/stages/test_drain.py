"""Draining end to end: golden differs from a two-way connection, and that CRM comes to hold it, once, and nothing comes back."""

from typing import Any

import pytest

from crm_pipeline.database import connections
from crm_pipeline.stages.drain import drain
from crm_pipeline.stages.parts import DrainResult
from crm_pipeline_tests.two_sides import LEFT, RIGHT, TwoSides, fill

pytest_plugins = ("crm_pipeline_tests.connectors.tinycrm.fixtures", "crm_pipeline_tests.two_sides")


@pytest.fixture
def pair(sides: TwoSides) -> TwoSides:
    """Return two CRMs that hold the same people and are both written to; everything they owe each other has been written."""
    fill(sides.left, "left.example", phones=4)
    fill(sides.right, "right.example", phones=4)
    for name in (LEFT, RIGHT):
        connections.set_direction(sides.parts.engine, name, "two_way")
    settle(sides)
    return sides


def settle(sides: TwoSides, rounds: int = 6) -> dict[str, DrainResult]:
    """Sync, reconcile and drain until nothing is written any more; return what was drained."""
    done: dict[str, DrainResult] = {}
    for _ in range(rounds):
        sides.load()
        before = writes(sides)
        for name, result in drain(sides.parts).items():
            done[name] = done[name] + result if name in done else result
        sides.load()
        if writes(sides) == before and not sides.rows("SELECT FROM sync.outgoing_changes WHERE settled_at IS NULL"):
            return done
    raise AssertionError(f"it does not stop: {changes(sides)}")


def writes(sides: TwoSides) -> int:
    return sides.left.writes.total() + sides.right.writes.total()


def changes(sides: TwoSides) -> list[dict[str, Any]]:
    return sides.rows(
        """SELECT o.id, c.name AS connection, o.entity, o.external_id, o.operation, o.state, o.fields, o.error_code, o.error_detail
           FROM sync.outgoing_changes o JOIN sync.connections c ON c.id = o.connection_id ORDER BY o.id"""
    )


def test_an_edit_in_one_crm_reaches_the_other_and_stops(pair: TwoSides) -> None:
    pair.left.put("contacts", 1, position="CTO")
    before = writes(pair)
    done = settle(pair)
    assert pair.right.records["contacts"]["1"]["position"] == "CTO"
    assert (writes(pair) - before, done[RIGHT].applied, done.get(LEFT)) == (1, 1, None)
    assert not pair.rows("SELECT FROM sync.conflicts WHERE superseded_at IS NULL")


def test_the_two_agree_once_everything_is_written(pair: TwoSides) -> None:
    for number in range(1, 5):
        left, right = (server.records["contacts"][str(number)] for server in (pair.left, pair.right))
        assert sorted(p["value"] for p in left["contact_points"]) == sorted(p["value"] for p in right["contact_points"])
        assert left["name"] == right["name"]
