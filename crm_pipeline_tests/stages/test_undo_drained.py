"""Undoing end to end: CRMs go back to what they held before, golden follows, and what somebody changed since is left alone."""

from datetime import UTC, datetime
from typing import Any

from crm_pipeline.database.undoing import Which
from crm_pipeline.stages.edits import edit
from crm_pipeline.stages.undo import undo
from crm_pipeline_tests.settled_sides import changes, settle, writes
from crm_pipeline_tests.two_sides import RIGHT, TwoSides


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


def test_each_field_goes_back_by_itself_and_the_dry_run_says_so(pair: TwoSides) -> None:
    """Of three people one is left alone, one was changed in a field since, of one somebody changed everything."""
    since = now(pair)
    for number in (1, 2, 3):
        pair.left.put("contacts", number, position="chief", birthday="1990-01-02")
    settle(pair)
    pair.right.clock.advance(60)
    pair.right.put("contacts", 2, position="chairman")
    pair.right.put("contacts", 3, position="chairman", birthday="1980-01-02")
    settle(pair)
    dry = undo(pair.parts, Which(since, connection=RIGHT), dry_run=True)
    assert {row["external_id"]: (row["now"], row["left"]) for row in dry.rows} == {
        "1": ("holds", []), "2": ("partly", ["position"]), "3": ("changed", ["birthday", "position"]),
    }  # fmt: skip
    done = undo(pair.parts, Which(since, connection=RIGHT))
    assert (done.queued, done.rows, done.counts) == (dry.queued, dry.rows, dry.counts)
    settle(pair)
    came = {
        change["external_id"]: (change["state"], change["error_code"], sorted(change["written"] or {}))
        for change in pair.rows("SELECT * FROM sync.outgoing_changes WHERE requires IS NOT NULL")
    }
    assert came == {
        "1": ("applied", None, ["birthday", "position"]), "2": ("applied", "left_out", ["birthday"]),
        "3": ("merged", "changed_since", []),
    }  # fmt: skip
    assert [held(pair, "contacts", "2", field) for field in ("position", "birthday")] == [["chairman"] * 3, [None] * 3]


def test_only_links_we_made_are_parted_and_golden_follows(pair: TwoSides) -> None:
    """Of two people linked with a deal one was linked there before; somebody links a third by hand."""
    deal, first, second = (
        pair.golden_id(f"{RIGHT}:{n}", entity) for n, entity in ((1, "deals"), (1, "contacts"), (2, "contacts"))
    )
    since = now(pair)
    link = {"id": "op-l", "entity": "deals", "action": "link", "record": deal, "fields": {"contacts": [first, second]}}
    assert edit(pair.parts, [link], "anna")[0].status == "accepted"
    settle(pair)
    assert linked(pair) == ["1", "2"]
    which = Which(since, origin="op:op-l")
    (row,) = undo(pair.parts, which, dry_run=True).rows
    assert (row["operation"], row["now"], row["fields"]) == (
        "unlink", "holds", {"contacts": {"from": [{"id": second}], "to": None}},
    )  # fmt: skip
    assert undo(pair.parts, which).queued == 1
    settle(pair)
    assert linked(pair) == ["1"]
    golden = pair.rows("SELECT contact_id::text AS id FROM crm.deal_contacts WHERE deal_id = %s", deal)
    assert [row["id"] for row in golden] == [first], "the app does not say it any more, either"
    assert undo(pair.parts, which).queued == 0


def test_a_link_somebody_parted_since_is_left_alone(pair: TwoSides) -> None:
    deal, second = pair.golden_id(f"{RIGHT}:1", "deals"), pair.golden_id(f"{RIGHT}:2")
    since = now(pair)
    edit(
        pair.parts,
        [{"id": "op-l", "entity": "deals", "action": "link", "record": deal, "fields": {"contacts": [second]}}],
        "anna",
    )
    settle(pair)
    pair.right.put("deals", 1, deal_contacts=[{"contact_external_id": "1", "is_main": True}])
    pair.load()
    (row,) = undo(pair.parts, Which(since, origin="op:op-l"), dry_run=True).rows
    assert (row["now"], row["left"]) == ("changed", ["contacts"])
    undo(pair.parts, Which(since, origin="op:op-l"))
    before = writes(pair)
    settle(pair)
    assert writes(pair) == before and undone(pair) == [(RIGHT, "merged", "held_already")]


def linked(sides: TwoSides) -> list[str]:
    """Return the contacts of the deal in the right CRM."""
    return sorted(row["contact_external_id"] for row in sides.right.records["deals"]["1"]["deal_contacts"])


def phones(sides: TwoSides) -> list[list[str]]:
    """Return the phones of the first contact in both CRMs."""
    held = [server.records["contacts"]["1"]["contact_points"] for server in (sides.left, sides.right)]
    return [sorted(point["value"] for point in points if point["kind"] == "phone") for points in held]
