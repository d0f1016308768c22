"""A plan tells what would change, exactly, and writes nothing."""

from typing import Any

from crm_pipeline.model.rules import Rules
from crm_pipeline.rules_file import parse_rules
from crm_pipeline.stages.plan import Plan, plan
from crm_pipeline.stages.reconcile import reconcile
from crm_pipeline.stages.sync import sync
from crm_pipeline_tests.stages.test_conflicts import with_rules
from crm_pipeline_tests.two_sides import LEFT, RIGHT, TwoSides, fill

PRIORITY = "fields: {contacts: {position: {rule: source_priority, order: [tiny]}}}"


def rules(text: str) -> Rules:
    return parse_rules(text, "rules.yaml", (LEFT, RIGHT))


def everything(sides: TwoSides) -> dict[str, Any]:
    """Return where every row of the database lies and who wrote it: any write shows."""
    tables = sides.rows(
        """SELECT format('%%I.%%I', table_schema, table_name) AS name FROM information_schema.tables
           WHERE table_schema IN ('raw', 'source', 'crm', 'sync') AND table_type = 'BASE TABLE'"""
    )
    return {t["name"]: sides.rows(f"SELECT ctid::text, xmin::text, xmax::text FROM {t['name']} ORDER BY 1") for t in tables}


def contents(sides: TwoSides) -> dict[str, Any]:
    """Return every row of the database."""
    return {name: sorted(str(row) for row in sides.rows(f"SELECT t::text FROM {name} t")) for name in everything(sides)}


def loaded(sides: TwoSides) -> TwoSides:
    """Have two CRMs differ in a position: the right one changed it last."""
    fill(sides.left, "left.example", 2)
    fill(sides.right, "right.example", 2)
    sides.left.put("contacts", 1, position="head")
    sides.right.clock.advance(60)
    sides.right.put("contacts", 1, position="chief")
    sides.load()
    return sides


def test_the_rules_that_hold_change_nothing(sides: TwoSides) -> None:
    loaded(sides)
    before = contents(sides)
    assert plan(sides.parts, rules("{}")) == Plan()
    assert contents(sides) == before


def test_values_that_would_change_are_told_and_nothing_is_written(sides: TwoSides) -> None:
    loaded(sides)
    before = contents(sides)
    found = plan(sides.parts, rules(PRIORITY))
    assert contents(sides) == before
    told = {(one["entity"], one["field"]): one for one in found.values}
    position = told["contacts", "position"]
    golden_id = sides.golden_id("tiny:1")
    assert (position["records"], position["examples"]) == (1, [{"golden_id": golden_id, "old": "chief", "new": "head"}])
    assert found.would_change and not (found.links or found.golden or found.rows or found.reviews)
    assert plan(sides.parts, rules(PRIORITY), "companies") == Plan()


def test_what_was_told_is_what_applying_does(sides: TwoSides) -> None:
    loaded(sides)
    before = {
        row["id"]: row
        for row in sides.rows("SELECT to_jsonb(c) - 'reconciled_at' - 'changed_xid' AS v, id::text FROM crm.contacts c")
    }
    told = plan(sides.parts, rules(PRIORITY))
    sides = with_rules(sides, PRIORITY)
    reconcile(sides.parts, full=True)
    changed: dict[str, int] = {}
    for row in sides.rows("SELECT to_jsonb(c) - 'reconciled_at' - 'changed_xid' AS v, id::text FROM crm.contacts c"):
        for field, value in row["v"].items():
            changed[field] = changed.get(field, 0) + (before[row["id"]]["v"][field] != value)
    assert {field: n for field, n in changed.items() if n} == {one["field"]: one["records"] for one in told.values}
    assert plan(sides.parts, rules(PRIORITY)) == Plan()


def test_links_that_would_go_are_told_by_rule(sides: TwoSides) -> None:
    loaded(sides)
    found = plan(sides.parts, rules("matching: {stop_addresses: ['+79161234501']}"))
    (link,) = found.links
    assert {key: link[key] for key in ("entity", "rule", "change", "records")} == {
        "entity": "contacts", "rule": "phone", "change": "removed", "records": 1,
    }  # fmt: skip
    assert found.golden == [{"entity": "contacts", "new": 1, "parted": 1, "gone": 0, "merged": 0}]
    assert [len(group) for group in sides.groups() if len(group) > 1] == [2, 2]


def test_phones_that_would_go_are_told(sides: TwoSides) -> None:
    loaded(sides)
    found = plan(sides.parts, rules("fields: {contacts: {emails: {rule: source_priority, order: [tiny]}}}"))
    (row,) = found.rows
    assert (row["entity"], row["field"], row["change"], row["records"]) == ("contacts", "emails", "removed", 2)
    assert {example["old"]["value"] for example in row["examples"]} == {"p1@right.example", "p2@right.example"}


def test_what_waits_is_not_blamed_on_the_rules(sides: TwoSides) -> None:
    loaded(sides)
    sides.left.put("contacts", 3, position="new")
    sync(sides.parts, LEFT, "incremental")
    before = contents(sides)
    assert plan(sides.parts, rules("{}")) == Plan()
    assert contents(sides) == before


def test_conflicts_that_would_open_are_told(sides: TwoSides) -> None:
    for server, emails in ((sides.left, "left.example"), (sides.right, "right.example")):
        fill(server, emails, phones=1)
        server.put("contacts", 1, position="clerk")
    sides.load()
    sides.left.put("contacts", 1, position="head")
    sides.right.clock.advance(60)
    sides.right.put("contacts", 1, position="chief")
    sides.load()
    found = plan(sides.parts, rules("fields: {contacts: {position: review}}"))
    told = {(one["field"], one["state"], one["change"]): one["records"] for one in found.conflicts}
    assert told == {("position", "open", "new"): 1, ("position", "decided", "gone"): 1}
