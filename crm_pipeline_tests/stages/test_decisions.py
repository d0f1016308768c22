"""What decisions of people promise: they hold against every rule, are kept, and undoing one restores every row."""

from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from crm_pipeline.database.decisions import Links
from crm_pipeline.errors import UsageError
from crm_pipeline.stages.decisions import Asked, Decided, Decider, merge, split, split_links
from crm_pipeline.stages.reconcile import reconcile
from crm_pipeline_tests.two_sides import LEFT, RIGHT, TwoSides, fill

ANNA = Decider("anna", "asked the client")
ALONE = [["other:1"], ["other:2"], ["other:3"], ["other:4"], ["tiny:1"], ["tiny:2"], ["tiny:3"], ["tiny:4"]]


def merged(sides: TwoSides, *refs: str) -> Decided:
    return merge(sides.parts, Asked(refs, entity="contacts"), ANNA)


def parted(sides: TwoSides, *refs: str, as_one: bool = False) -> Decided:
    return split(sides.parts, Asked(refs, entity="contacts"), ANNA, as_one=as_one)


def apart(sides: TwoSides, phones: int = 0) -> TwoSides:
    """Fill both CRMs so that the first `phones` people are found to be the same."""
    fill(sides.left, "left.example", phones)
    fill(sides.right, "right.example", phones)
    return sides


def forget_all_but(sides: TwoSides, name: str) -> None:
    """Leave the database as if only this connection had ever been loaded."""
    of_others = sides.rows(
        """SELECT table_name AS name FROM information_schema.columns
           WHERE table_schema = 'source' AND column_name = 'connection_id'"""
    )
    with sides.parts.engine.begin() as db:
        for table in (*(f"crm.{table}" for table in sides.golden()), "sync.match_decisions", "sync.missing_references"):
            db.exec_driver_sql(f"DELETE FROM {table}")
        for table in of_others:
            others = "connection_id <> (SELECT id FROM sync.connections WHERE name = %(name)s)"
            db.exec_driver_sql(f"DELETE FROM source.{table['name']} WHERE {others}", {"name": name})


def test_a_bulk_split_restores_the_state_before_row_by_row(sides: TwoSides) -> None:
    apart(sides, phones=3)
    sides.load(LEFT)
    before, began = sides.golden(), datetime.now(UTC)
    sides.right.put("contacts", 1, position="CTO", birthday="1980-02-01")
    sides.load(RIGHT)
    assert [len(group) for group in sides.groups()] == [1, 2, 2, 2, 1]
    assert len(sides.groups("companies")) == 1
    split_links(sides.parts, Links("phone", since=began), ANNA, dry_run=False)
    after = sides.golden()
    assert sides.groups() == ALONE
    assert {name: set(before[name]) - set(after[name]) for name in before} == {name: set() for name in before}
    forget_all_but(sides, RIGHT)
    reconcile(sides.parts, full=True)
    alone = sides.golden()
    assert after == {name: sorted([*before[name], *alone[name]]) for name in before}


def test_a_bulk_split_takes_only_what_that_rule_linked_then_and_there(sides: TwoSides) -> None:
    apart(sides, phones=2)
    sides.left.put("contacts", 3, contact_points=[{"kind": "email", "value": "p3@right.example"}])
    sides.load()
    before = sides.golden()
    later = datetime(2100, 1, 1, tzinfo=UTC)
    assert split_links(sides.parts, Links("phone", since=later), ANNA, dry_run=False).counts == {}
    assert split_links(sides.parts, Links("phone", until=datetime(2000, 1, 1, tzinfo=UTC)), ANNA, dry_run=False).counts == {}
    assert split_links(sides.parts, Links("phone", entity="deals"), ANNA, dry_run=False).counts == {}
    assert sides.golden() == before
    split_links(sides.parts, Links("phone", entity="contacts"), ANNA, dry_run=False)
    assert [group for group in sides.groups() if len(group) > 1] == [["tiny:3", "other:3"]], "an e-mail linked them"
    assert len(sides.groups("companies")) == 1, "companies were not asked for"


def test_a_dry_run_shows_and_changes_nothing(sides: TwoSides) -> None:
    apart(sides, phones=3).load()
    told = "SELECT (SELECT count(*) FROM sync.audit_log) AS audited, (SELECT count(*) FROM sync.reconcile_queue) AS waiting"
    before = sides.golden(), sides.rows(told)
    done = split_links(sides.parts, Links("phone", entity="contacts"), ANNA, dry_run=True)
    assert done.counts == {"contacts": {"pairs": 3, "records": 6, "golden_records": 3}}
    assert [pair["name"] for pair in done.examples] == ["Анна Смирнова", "Пётр Волков", "Ирина Зайцева"]
    assert (sides.golden(), sides.rows(told)) == before
    assert sides.rows("SELECT * FROM sync.match_decisions") == []


def test_merge_then_split_restores_every_row(sides: TwoSides) -> None:
    apart(sides).load()
    before = sides.golden()
    done = merged(sides, "tiny:1", "other:2")
    assert list(done.now.values()) == [["other:2", "tiny:1"]]
    assert ["tiny:1", "other:2"] in sides.groups()
    parted(sides, "other:2")
    assert sides.golden() == before
    assert sides.rows("SELECT * FROM crm.golden_redirects") == []


PEOPLE = st.lists(st.sampled_from([ref for group in ALONE for ref in group]), min_size=2, max_size=3, unique=True)


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck), phases=[Phase.explicit, Phase.generate])
@given(merges=st.lists(PEOPLE, min_size=1, max_size=3), whole=st.booleans())
@example(merges=[["tiny:1", "tiny:3"]], whole=True)
@example(merges=[["other:2", "tiny:3"], ["tiny:3", "other:4"]], whole=False)
def test_any_merges_undone_restore_every_row(sides: TwoSides, merges: list[list[str]], whole: bool) -> None:
    """The database is the same before every example, which is the point; so a failure is told as it is, not shrunk."""
    if not sides.groups():
        apart(sides, phones=2).load()
    before = sides.golden()
    for refs in merges:
        named = list(dict.fromkeys(sides.golden_id(ref) for ref in refs)) if whole else refs
        if len(named) > 1:
            merged(sides, *named)
            assert any(set(refs) <= set(group) for group in sides.groups())
    split_links(sides.parts, Links("person"), ANNA, dry_run=False)
    assert sides.golden() == before
    assert sides.rows("SELECT * FROM crm.golden_redirects") == []


def test_merges_undone_in_bulk_leave_what_rules_linked(sides: TwoSides) -> None:
    apart(sides, phones=2).load()
    before = sides.golden()
    parted(sides, "other:2")
    one, other = sides.golden_id("tiny:1"), sides.golden_id("tiny:2")
    merged(sides, one, other, "other:2", "other:3")
    assert ["tiny:1", "tiny:2", "other:1", "other:2", "other:3"] in sides.groups()
    split_links(sides.parts, Links("person"), ANNA, dry_run=False)
    assert [group for group in sides.groups() if len(group) > 1] == [["tiny:1", "other:1"]], "what was apart is apart again"
    merged(sides, "tiny:2", "other:2")
    split_links(sides.parts, Links("person"), ANNA, dry_run=False)
    with sides.parts.engine.begin() as db:
        db.exec_driver_sql("UPDATE sync.match_decisions SET revoked_at = now() WHERE revoked_at IS NULL")
    reconcile(sides.parts, full=True)
    assert sides.golden() == before


def test_no_rule_overrides_a_person(sides: TwoSides) -> None:
    apart(sides, phones=1).load()
    parted(sides, "other:1")
    merged(sides, "tiny:2", "other:3")
    groups = sides.groups()
    assert ["tiny:2", "other:3"] in groups and ["tiny:1"] in groups
    for number in (1, 2, 3):
        sides.left.put("contacts", number, contact_points=[{"kind": "email", "value": f"p{number}@right.example"}])
    sides.load()
    reconcile(sides.parts, full=True)
    assert ["tiny:1"] in sides.groups() and ["other:1"] in sides.groups()
    assert any({"tiny:2", "other:3"} <= set(group) for group in sides.groups())


def test_a_later_decision_wins_and_the_earlier_is_kept(sides: TwoSides) -> None:
    apart(sides).load()
    for _ in range(2):
        merged(sides, "tiny:1", "other:1")
        assert ["tiny:1", "other:1"] in sides.groups()
        parted(sides, "tiny:1")
        assert sides.groups() == ALONE
    kept = sides.rows("SELECT verdict, revoked_at IS NULL AS holds, decided_by, reason FROM sync.match_decisions ORDER BY id")
    assert [(row["verdict"], row["holds"]) for row in kept] == [
        ("together", False), ("apart", False), ("together", False), ("apart", True),
    ]  # fmt: skip
    assert {(row["decided_by"], row["reason"]) for row in kept} == {("anna", "asked the client")}
    audited = sides.rows("SELECT actor, action FROM sync.audit_log WHERE action LIKE 'match.%%' ORDER BY id")
    assert [(row["actor"], row["action"]) for row in audited] == [("anna", "match.merge"), ("anna", "match.split")] * 2


def test_a_golden_id_stands_for_all_its_records_also_after_it_was_merged(sides: TwoSides) -> None:
    apart(sides, phones=2).load()
    old = [sides.golden_id("tiny:1"), sides.golden_id("tiny:2")]
    merged(sides, *old)
    assert ["tiny:1", "tiny:2", "other:1", "other:2"] in sides.groups()
    gone = next(one for one in old if one != sides.golden_id("tiny:1"))
    parted(sides, gone)
    assert sides.groups() == ALONE


def test_what_leaves_together_stays_together(sides: TwoSides) -> None:
    apart(sides, phones=2).load()
    merged(sides, sides.golden_id("tiny:1"), sides.golden_id("tiny:2"))
    parted(sides, "tiny:2", "other:2", as_one=True)
    assert [group for group in sides.groups() if len(group) > 1] == [["tiny:1", "other:1"], ["tiny:2", "other:2"]]


def test_questions_are_answered_and_not_asked_again(sides: TwoSides) -> None:
    apart(sides, phones=2)
    sides.right.put("contacts", 1, name="Виктор Орлов")
    sides.right.put("contacts", 2, name="Семён Гусев")
    sides.load()
    waiting = sides.rows("SELECT id FROM sync.match_reviews WHERE state = 'open' ORDER BY external_id, id")
    one, two = [row["id"] for row in waiting]
    merge(sides.parts, Asked(reviews=[one]), ANNA)
    split(sides.parts, Asked(reviews=[two]), ANNA)
    asked = "SELECT state, decided_by FROM sync.match_reviews ORDER BY external_id, id"
    answered = [{"state": "merged", "decided_by": "anna"}, {"state": "kept_apart", "decided_by": "anna"}]
    assert sides.rows(asked) == answered
    assert [group for group in sides.groups() if len(group) > 1] == [["tiny:1", "other:1"]]
    reconcile(sides.parts, full=True)
    assert sides.rows(asked) == answered
    split(sides.parts, Asked(reviews=[one]), ANNA)
    assert sides.groups() == ALONE
    assert sides.rows("SELECT DISTINCT state FROM sync.match_reviews") == [{"state": "kept_apart"}]


@pytest.mark.parametrize(
    ("refs", "entity", "told"),
    [
        (("nowhere:1", "tiny:1"), "contacts", "Known: other, tiny."),
        (("tiny:99", "tiny:1"), "contacts", "no record tiny:99 of contacts"),
        (("tiny:1", "other:1"), None, "--entity contacts"),
        (("tiny:1",), "contacts", "two records or more"),
        (("tiny:1", "tiny:1"), "contacts", "named twice"),
        (("tiny-1", "tiny:1"), "contacts", "connection:external id"),
        (("tiny:1", "other:1"), "tasks", "companies"),
        (("tiny:4", "tiny:1"), "contacts", "deleted in its CRM"),
        (("00000000-0000-0000-0000-000000000000", "tiny:1"), "contacts", "no golden record"),
        ((), None, "--review"),
    ],
)
def test_what_cannot_be_merged_is_said(sides: TwoSides, refs: tuple[str, ...], entity: str | None, told: str) -> None:
    apart(sides).load()
    sides.left.drop("contacts", 4)
    sides.load()
    with pytest.raises(UsageError) as error:
        merge(sides.parts, Asked(refs, entity=entity), ANNA)
    assert told in str(error.value)
    assert sides.rows("SELECT * FROM sync.match_decisions") == []


def test_different_things_are_not_merged_and_who_stands_alone_is_not_split(sides: TwoSides) -> None:
    apart(sides).load()
    with pytest.raises(UsageError, match="different things"):
        merge(sides.parts, Asked((sides.golden_id("tiny:1"), sides.golden_id("tiny:1", "companies"))), ANNA)
    with pytest.raises(UsageError, match="stands alone"):
        parted(sides, "tiny:1")
    with pytest.raises(UsageError, match="no review 7"):
        merge(sides.parts, Asked(reviews=[7]), ANNA)
