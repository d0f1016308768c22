"""What a person chooses in a conflict stands, is kept, and ends when a side changes the field again."""

from typing import Any

import pytest

from crm_pipeline.errors import UsageError
from crm_pipeline.model.rules import Rules
from crm_pipeline.rules_file import parse_rules
from crm_pipeline.stages.conflicts import overturn, take
from crm_pipeline.stages.reconcile import reconcile
from crm_pipeline.wiring import Pipeline
from crm_pipeline_tests.two_sides import LEFT, RIGHT, TwoSides, fill

REVIEW = "fields: {contacts: {position: review}}"


def with_rules(sides: TwoSides, text: str) -> TwoSides:
    """Return the sides with a pipeline that goes by these rules."""
    old = sides.parts
    rules: Rules = parse_rules(text, "rules.yaml", (LEFT, RIGHT))
    parts = Pipeline(old.settings, old.engine, old.connectors, old.budget, rules)
    return TwoSides(parts, sides.left, sides.right, sides.rows, sides.operator)


def dispute(sides: TwoSides) -> dict[str, Any]:
    """Have both sides agree on a position, then change it differently; return the conflict."""
    for server, emails in ((sides.left, "left.example"), (sides.right, "right.example")):
        fill(server, emails, phones=1)
        server.put("contacts", 1, position="clerk")
    sides.load()
    sides.left.put("contacts", 1, position="head")
    sides.right.clock.advance(60)
    sides.right.put("contacts", 1, position="chief")
    sides.load()
    return standing(sides)


def standing(sides: TwoSides) -> dict[str, Any]:
    (conflict,) = sides.rows("SELECT * FROM sync.conflicts WHERE superseded_at IS NULL")
    return conflict


def position(sides: TwoSides) -> Any:
    (row,) = sides.rows("SELECT position, provenance -> 'position' ->> 'rule' AS rule FROM crm.contacts WHERE source_count = 2")
    return row["position"], row["rule"]


def test_an_open_conflict_is_taken(sides: TwoSides) -> None:
    sides = with_rules(sides, REVIEW)
    conflict = dispute(sides)
    assert (conflict["state"], position(sides)[1]) == ("open", "review")
    assert sides.rows("SELECT side, value ->> 'position' AS said FROM crm.open_conflicts ORDER BY side") == [
        {"side": "other", "said": "chief"},
        {"side": "tiny", "said": "head"},
    ]
    take(sides.parts, conflict["id"], LEFT, "anna")
    assert position(sides) == ("head", "person")
    assert (standing(sides)["id"], standing(sides)["state"], standing(sides)["decided_by"]) == (conflict["id"], "decided", "anna")
    assert sides.rows("SELECT * FROM crm.open_conflicts") == []


def test_a_rule_is_overturned_and_the_choice_stands(sides: TwoSides) -> None:
    conflict = dispute(sides)
    assert (conflict["state"], conflict["chosen"], position(sides)) == ("decided", RIGHT, ("chief", "latest"))
    overturn(sides.parts, conflict["id"], LEFT, "anna", "asked the client")
    before = sides.golden()
    assert position(sides) == ("head", "person")
    sides.right.put("contacts", 1, birthday="1980-02-01")
    sides.load()
    reconcile(sides.parts, full=True)
    assert position(sides) == ("head", "person")
    assert (standing(sides)["state"], standing(sides)["decided_by"]) == ("overturned", "anna")
    assert before != sides.golden()
    (audited,) = sides.rows("SELECT actor, action, subject, detail FROM sync.audit_log WHERE action LIKE 'conflict.%%'")
    assert (audited["actor"], audited["action"], audited["subject"]) == ("anna", "conflict.overturn", str(conflict["id"]))
    assert audited["detail"]["chosen"] == LEFT and audited["detail"]["reason"] == "asked the client"


def test_a_choice_ends_when_a_side_changes_the_field_again(sides: TwoSides) -> None:
    conflict = dispute(sides)
    overturn(sides.parts, conflict["id"], LEFT, "anna")
    sides.right.put("contacts", 1, position="director")
    sides.load()
    assert position(sides) == ("director", "latest")
    assert standing(sides)["id"] != conflict["id"]
    with pytest.raises(UsageError, match="does not stand any more"):
        overturn(sides.parts, conflict["id"], LEFT, "anna")


def test_what_cannot_be_chosen_is_said(sides: TwoSides) -> None:
    conflict = dispute(sides)
    for choose, number, side, told in (
        (take, conflict["id"], LEFT, "decided already: other by the rule latest"),
        (overturn, conflict["id"], RIGHT, "stands already"),
        (overturn, conflict["id"], "nobody", "Its sides: other, tiny."),
        (take, 10**30, LEFT, "There is no conflict"),
    ):
        with pytest.raises(UsageError, match=told):
            choose(sides.parts, number, side, "anna")
    assert position(sides) == ("chief", "latest")


def test_an_open_conflict_has_nothing_to_overturn(sides: TwoSides) -> None:
    sides = with_rules(sides, REVIEW)
    conflict = dispute(sides)
    with pytest.raises(UsageError, match=f"take {conflict['id']} {LEFT}"):
        overturn(sides.parts, conflict["id"], LEFT, "anna")
