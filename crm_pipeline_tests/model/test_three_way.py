"""The decision table of reconciling: every line of it, and the laws that hold for all of it."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm_pipeline.model.survivorship import GROUPS, ONE_VALUE, Group, GroupRule
from crm_pipeline.model.three_way import NOBODY, Decision, Side, Value, decide, provenance

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
LATEST = GroupRule("latest")
REVIEW = GroupRule("review")
PRIORITY = GroupRule("source_priority", ("c", "a"))


def said(connection: str, value: object, seconds: float | None = 0, key: str = "1", said: bool = True) -> Side:
    """Return a side of a group with one field."""
    return Side(
        connection, key, (value,), None if seconds is None else NOON + timedelta(seconds=seconds), said, connection == "app"
    )


def silent(connection: str, key: str = "1") -> Side:
    """Return a side that says nothing."""
    return said(connection, None, None, key, said=False)


A, B, C = said("a", "x", 10), said("b", "y", 20), said("c", "z", 30)


@pytest.mark.parametrize(
    "rule, sides, base, pinned, expected",
    [
        # nobody, one, all the same
        (LATEST, [silent("a"), silent("b")], None, None, (None, "nothing", "none")),
        (LATEST, [silent("a"), B], None, None, ("y", "only", "none")),
        (LATEST, [said("a", None, 10), silent("b")], "x", None, (None, "only", "none")),
        (REVIEW, [A, said("b", "x")], "w", None, ("x", "agreed", "none")),
        # changed on one side is taken, whatever the rule and however old; the others do not count
        (LATEST, [said("a", "x", 99), B], "x", None, ("y", "changed", "none")),
        (PRIORITY, [A, B], "x", None, ("y", "changed", "none")),
        (REVIEW, [A, B], "x", None, ("y", "changed", "none")),
        (LATEST, [A, said("b", None, 20)], "x", None, (None, "changed", "none")),
        (LATEST, [A, B, said("c", "y", 30)], "x", None, ("y", "changed", "none")),
        # changed on two sides is a conflict; the rule chooses among those that changed
        (LATEST, [A, B], "w", None, ("y", "latest", "decided")),
        (LATEST, [A, B, said("c", "w", 99)], "w", None, ("y", "latest", "decided")),
        (PRIORITY, [A, B, said("c", "w", 99)], "w", None, ("x", "source_priority", "decided")),
        (GroupRule("app_wins"), [said("app", "x", 10), B], "w", None, ("x", "app_wins", "decided")),
        (LATEST, [A, said("b", None, 20)], "w", None, (None, "latest", "decided")),
        # never agreed: the rule decides among all, and there is no conflict
        (LATEST, [A, B], None, None, ("y", "latest", "none")),
        (LATEST, [A, B, silent("c")], None, None, ("y", "latest", "none")),
        (GroupRule("most_complete"), [A, said("b", None, 20)], None, None, ("x", "most_complete", "none")),
        # review: the base stays, whether somebody holds it still or not; without one, what was said first
        (REVIEW, [A, B], None, None, ("x", "review", "open")),
        (REVIEW, [said("a", "x", 30), B], None, None, ("y", "review", "open")),
        (REVIEW, [A, B, said("c", "w", 0)], "w", None, ("w", "review", "open")),
        (REVIEW, [A, B], "w", None, ("w", "review", "open")),
        # a person's choice wins over every rule while that side says something
        (LATEST, [A, B], "w", "a:1", ("x", "person", "none")),
        (LATEST, [A, said("b", "y", 20, "2")], "x", "1", ("x", "person", "none")),
        (LATEST, [A, B], "w", "1", ("x", "person", "none")),
        (REVIEW, [A, B], None, "b:1", ("y", "person", "none")),
        (LATEST, [A, B], "w", "c:1", ("y", "latest", "decided")),
        (LATEST, [A, B, silent("c")], "w", "c:1", ("y", "latest", "decided")),
        (GroupRule(ignore=frozenset("a")), [A, B, C], None, "a:1", ("z", "latest", "none")),
        # ignored connections do not count at all
        (GroupRule(ignore=frozenset("b")), [A, B], "x", None, ("x", "only", "none")),
        (GroupRule(ignore=frozenset("b")), [silent("a"), B], None, None, (None, "nothing", "none")),
        (GroupRule(ignore=frozenset("ab")), [A, B], None, None, (None, "nothing", "none")),
        # union: words of all; a removal since the base is a change
        (GroupRule("union"), [said("a", ["p"]), said("b", ["q"])], None, None, (["p", "q"], "union", "none")),
        (GroupRule("union"), [said("a", ["p"]), said("b", ["p", "q"])], ["p", "q"], None, (["p"], "union", "none")),
        (GroupRule("union"), [said("a", ["p"]), said("b", ["q"])], None, "b:1", (["q"], "person", "none")),
    ],
)  # fmt: skip
def test_the_table(
    rule: GroupRule, sides: list[Side], base: object, pinned: str | None, expected: tuple[object, str, str]
) -> None:
    agreed = None if base is None else (base,)
    for order in permutations(sides):
        decision = decide(rule, order, agreed, pinned)
        assert (decision.value[0], decision.rule, decision.conflict) == expected


def test_an_empty_base_is_a_base() -> None:
    """All agreed that nothing is there; filling it on one side is a change."""
    assert decide(LATEST, [said("a", None, 99), B], (None,)).rule == "changed"


def test_losers_were_up_for_the_decision_and_say_something_else() -> None:
    sides = [A, said("b", "y", 20), said("c", "w", 99), said("d", "y", 30)]
    assert decide(LATEST, sides, ("w",)).losers == (0,)
    assert decide(LATEST, sides[1:3], ("w",)).losers == ()
    assert decide(REVIEW, sides, ("w",)).losers == (0, 1, 3)


def test_a_value_several_brought_is_owed_to_who_said_it_first() -> None:
    """What we wrote into the second CRM does not make it the source."""
    first, echo = said("b", "y", 20), said("a", "y", 25)
    assert decide(LATEST, [echo, first], ("x",)).winner == 1
    assert decide(LATEST, [said("c", "x"), echo, first], ("x",))[:2] == (2, "changed")
    assert decide(LATEST, [first, said("c", "y", None)], None).winner == 1, "an unknown time is the oldest"


def test_when_every_side_is_ignored_nobody_wins() -> None:
    decision = decide(GroupRule(ignore=frozenset("ab")), [A, B], None)
    assert decision == Decision(NOBODY, "nothing", "none", (), None, (None,))
    assert provenance(POSITION, [A, B], decision)["position"]["connection"] is None


def test_without_sides_there_is_nothing_to_decide() -> None:
    with pytest.raises(ValueError, match="at least one side"):
        decide(LATEST, [], None)


def test_a_part_filled_in_does_not_contradict_another_part_changed() -> None:
    """A CRM fills in its currency; elsewhere the amount is changed, with the same currency: nobody disagrees."""
    filled = Side("msk", "1", ("100", "RUB"), NOON)
    raised = Side("portal", "1", ("200", "RUB"), NOON)
    asked = Side("app", "1", ("100", None), NOON)
    for order in permutations([filled, raised, asked]):
        decision = decide(LATEST, order, ("100", None))
        assert (decision.value, decision.rule, decision.conflict) == (("200", "RUB"), "changed", "none")
    other = Side("portal", "1", ("200", "EUR"), NOON)
    assert decide(LATEST, [filled, other, asked], ("100", None)).conflict == "decided"


# A base the others may go on differing from -----------------------------------------------------------------------------


def stood(side: Side, value: object) -> Side:
    """Return a side that said this when the base was made."""
    return side._replace(stood=(value,))


OLD_B = stood(B, "y")


@pytest.mark.parametrize(
    "rule, sides, expected",
    [
        # nobody changed: the base is kept, whatever the rule and however late the others said theirs
        (LATEST, [A, OLD_B], ("x", "kept", "none")),
        (PRIORITY, [said("a", "x", 0), stood(said("c", "z", 99), "z")], ("x", "kept", "none")),
        (REVIEW, [A, OLD_B], ("x", "kept", "none")),
        # saying something new is a change, also what others say
        (LATEST, [A, stood(said("b", "w", 20), "y")], ("w", "changed", "none")),
        (LATEST, [said("a", "v", 30), OLD_B], ("v", "changed", "none")),
        (LATEST, [A, OLD_B, C], ("z", "changed", "none")),
        (LATEST, [A, stood(said("b", "w", 20), "y"), C], ("z", "latest", "decided")),
        # nobody holds the base any more, and nobody changed: the rule
        (LATEST, [OLD_B, stood(C, "z")], ("z", "latest", "none")),
    ],
)  # fmt: skip
def test_a_side_that_says_what_it_said_when_the_base_was_made_has_not_changed(
    rule: GroupRule, sides: list[Side], expected: tuple[object, str, str]
) -> None:
    for order in permutations(sides):
        decision = decide(rule, order, ("x",))
        assert (decision.value[0], decision.rule, decision.conflict) == expected


def test_a_union_measures_each_side_by_what_it_said() -> None:
    reader = stood(said("b", ["p", "q"]), ["p", "q"])
    written = said("a", ["q"])
    for order in permutations([written, reader]):
        assert decide(GroupRule("union"), order, (["q"],)).value == (["q"],)
    added = reader._replace(value=(["p", "q", "r"],))
    assert sorted(decide(GroupRule("union"), [written, added], (["q"],)).value[0]) == ["q", "r"]
    taken = reader._replace(value=(["p"],))
    assert decide(GroupRule("union"), [written, taken], (["q"],)).value == ([],)


# The account ----------------------------------------------------------------------------------------------------------

POSITION = Group("position", ("position",))
(NAME,) = (group for group in GROUPS["contacts"] if group.name == "name")


def test_what_review_falls_back_to_is_owed_to_who_said_it_first() -> None:
    sides = [said("a", "x", 10, "1"), said("a", "x", 40, "2"), B]
    decision = decide(REVIEW, sides, None)
    assert decision.winner == 0
    assert decide(REVIEW, sides, None, decision.value) == decision


def test_provenance_names_source_rule_time_and_what_the_others_say() -> None:
    sides = [A, B, silent("c")]
    assert provenance(POSITION, sides, decide(LATEST, sides, None)) == {
        "position": {"connection": "b", "rule": "latest", "since": "2026-03-01T12:00:20+00:00", "others": {"a": "x"}}
    }


def test_parts_of_a_name_are_told_apart_and_empty_ones_left_out() -> None:
    sides = [
        Side("a", "7", ("Иван Ким", "Иван", "Ким", None), None),
        Side("b", "8", ("Ким", None, "Ким", None), None),
    ]
    account = provenance(NAME, sides, decide(GroupRule("most_complete"), sides, None))
    assert {field: said["others"] for field, said in account.items()} == {
        "name": {"b": "Ким"},
        "first_name": {"b": None},
        "last_name": {},
    }
    assert {said["connection"] for said in account.values()} == {"a"}


def test_two_records_of_one_connection_are_told_apart() -> None:
    sides = [said("a", "x", 10, "7"), said("a", "y", 20, "8"), said("b", "z", 0, "7")]
    account = provenance(POSITION, sides, decide(LATEST, sides, None))["position"]
    assert (account["connection"], account["record"]) == ("a", "8")
    assert account["others"] == {"a:7": "x", "b:7": "z"}


# Laws -----------------------------------------------------------------------------------------------------------------

VALUES = st.sampled_from([("x",), ("y",), ("z z",), (None,)])
TIMES = st.none() | st.integers(0, 12).map(lambda half: NOON + timedelta(seconds=half / 2))
WORDS = st.lists(st.sampled_from("pqrs"), unique=True, max_size=3).map(lambda words: (words,))
CONNECTIONS = ("a", "b", "c", "app")


@st.composite
def sides_of(draw: st.DrawFn, values: st.SearchStrategy[Value] = VALUES, least: int = 1) -> list[Side]:
    """Return sides with different records; a silent one says nothing."""
    records = draw(
        st.lists(st.tuples(st.sampled_from(CONNECTIONS), st.sampled_from("12")), min_size=least, max_size=5, unique=True)
    )
    spoken = [(*record, draw(st.booleans()) or len(records) < 3) for record in records]
    return [
        Side(name, key, draw(values) if speaks else (None,), draw(TIMES), speaks, name == "app") for name, key, speaks in spoken
    ]


RULES = st.builds(
    GroupRule,
    st.sampled_from(ONE_VALUE),
    st.lists(st.sampled_from(CONNECTIONS), unique=True).map(tuple),
    st.just(frozenset()) | st.sampled_from(CONNECTIONS).map(lambda name: frozenset([name])),
)
OLD = st.none() | VALUES


def speaking(rule: GroupRule, sides: Sequence[Side]) -> list[Side]:
    """Return the sides that count."""
    return [side for side in sides if side.said and side.connection not in rule.ignore]


def changes(rule: GroupRule, sides: Sequence[Side], base: Value) -> set[Value]:
    """Return the different values said since the base."""
    return {side.value for side in speaking(rule, sides)} - {base}


@settings(max_examples=400)
@given(RULES, sides_of(), OLD, st.none() | st.sampled_from(["a:1", "app:2"]), st.randoms(use_true_random=False))
def test_the_order_of_sides_does_not_matter(rule, sides, base, pinned, random) -> None:  # type: ignore[no-untyped-def]
    shuffled = random.sample(sides, len(sides))
    one, other = decide(rule, sides, base, pinned), decide(rule, shuffled, base, pinned)
    assert one[1:3] + one[4:] == other[1:3] + other[4:]
    assert one.winner == NOBODY == other.winner or sides[one.winner] == shuffled[other.winner]
    assert {sides[i] for i in one.losers} == {shuffled[i] for i in other.losers}


@settings(max_examples=400)
@given(RULES, sides_of(), OLD)
def test_where_everybody_takes_the_golden_value_over_it_stays(rule: GroupRule, sides: list[Side], base: Value | None) -> None:
    once = decide(rule, sides, base)
    followed = [side._replace(value=once.value) if side.said else side for side in sides]
    assert decide(rule, followed, base).value == once.value or not speaking(rule, sides)


@given(RULES, sides_of(), OLD)
def test_no_value_is_invented(rule: GroupRule, sides: list[Side], base: Value | None) -> None:
    decision, speakers = decide(rule, sides, base), speaking(rule, sides)
    if speakers and decision.winner == NOBODY:
        assert (decision.rule, decision.value) == ("review", base), "the old value stands until a person decides"
    elif speakers:
        assert sides[decision.winner] in speakers
        assert decision.value == sides[decision.winner].value
        assert decision.since == sides[decision.winner].changed_at
    else:
        assert decision.value == (None,)


@given(RULES, sides_of(least=2), VALUES)
def test_a_change_on_one_side_is_taken(rule: GroupRule, sides: list[Side], base: Value) -> None:
    new = changes(rule, sides, base)
    if len(new) == 1:
        decision = decide(rule, sides, base)
        assert (decision.value,) == tuple(new)
        assert decision.conflict == "none"


@given(RULES, sides_of(least=2), OLD)
def test_a_conflict_is_two_different_changes_since_the_base(rule: GroupRule, sides: list[Side], base: Value | None) -> None:
    decision = decide(rule, sides, base)
    if base is not None:
        state = "open" if rule.rule == "review" else "decided"
        assert decision.conflict == (state if len(changes(rule, sides, base)) > 1 else "none")
    else:
        differ = len({side.value for side in speaking(rule, sides)}) > 1
        assert decision.conflict == ("open" if differ and rule.rule == "review" else "none")


@given(RULES, sides_of(), OLD, st.data())
def test_unmerging_gives_back_what_the_remaining_side_says(
    rule: GroupRule, sides: list[Side], base: Value | None, data: st.DataObject
) -> None:
    remaining = data.draw(st.sampled_from(sides))
    alone = decide(rule, [remaining], base)
    assert alone.value == (remaining.value if speaking(rule, [remaining]) else (None,))
    assert alone.conflict == "none"


@given(sides_of(WORDS), st.none() | WORDS, st.randoms(use_true_random=False))
def test_a_union_holds_what_somebody_says_and_nobody_took_off(sides, base, random) -> None:  # type: ignore[no-untyped-def]
    rule = GroupRule("union")
    decision, lists = decide(rule, sides, base), [side.value[0] for side in speaking(rule, sides)]
    agreed = set(base[0]) if base and len(lists) > 1 else set()
    expected = {word for words in lists for word in words if word not in agreed or all(word in said for said in lists)}
    assert set(decision.value[0] or ()) == expected
    assert len(decision.value[0] or ()) == len(expected)
    shuffled = random.sample(sides, len(sides))
    again = decide(rule, shuffled, base)
    assert again[1:] == decision[1:]
    assert shuffled[again.winner] == sides[decision.winner]
    assert decision.conflict == "none"


@given(RULES, sides_of(), OLD)
def test_provenance_tells_all_and_fits_into_json(rule: GroupRule, sides: list[Side], base: Value | None) -> None:
    decision = decide(rule, sides, base)
    account = json.loads(json.dumps(provenance(POSITION, sides, decision)))["position"]
    differing = [side.value[0] for side in sides if side.said and side.value != decision.value]
    assert sorted(map(str, account["others"].values())) == sorted(map(str, differing))
    assert account["rule"] == decision.rule
