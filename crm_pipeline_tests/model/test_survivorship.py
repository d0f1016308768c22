"""Groups cover every golden column once; each rule names the side it promises, whatever order the sides come in."""

from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest

from crm_pipeline.model.entities import GOLDEN
from crm_pipeline.model.golden import golden_name, shared_columns
from crm_pipeline.model.survivorship import CHOOSE, GROUPS, RULES, UNION, GroupRule, Side, merged

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def at(seconds: float) -> datetime:
    """Return a moment counted from noon."""
    return NOON + timedelta(seconds=seconds)


def said(connection: str, *value: object, when: float | None = 0, key: str = "1", is_app: bool = False) -> Side:
    """Return a side that says a value."""
    return Side(connection, key, value, None if when is None else at(when), is_app=is_app)


@pytest.mark.parametrize("entity", GOLDEN)
def test_every_golden_column_belongs_to_exactly_one_group(entity: str) -> None:
    columns = [column for group in GROUPS[entity] if group.point_kind is None for column in group.fields]
    assert sorted(columns) == sorted(golden_name(column) for column in shared_columns(entity))


def test_there_are_groups_of_golden_entities_only_and_their_names_are_unique() -> None:
    assert set(GROUPS) == set(GOLDEN)
    for entity, groups in GROUPS.items():
        assert len({group.name for group in groups}) == len(groups), entity


def test_every_default_fits_and_every_rule_can_be_given_somewhere() -> None:
    groups = [group for of in GROUPS.values() for group in of]
    assert all(group.default in group.fits for group in groups)
    assert {rule for group in groups for rule in group.fits} == set(RULES) == {*CHOOSE, UNION}


def test_contact_points_of_people_and_companies_are_sets() -> None:
    kinds = {"phones": "phone", "emails": "email", "webs": "web", "messengers": "messenger"}
    for entity, groups in GROUPS.items():
        found = {group.name: group.point_kind for group in groups if group.point_kind}
        assert found == (kinds if entity in ("contacts", "companies") else {})


@pytest.mark.parametrize(
    "rule, sides, winner",
    [
        # latest: the field that changed last
        (GroupRule("latest"), [said("a", "old", when=0), said("b", "new", when=3)], "new"),
        (GroupRule("latest"), [said("a", "unknown", when=None), said("b", "known", when=-(10**9))], "known"),
        # within two seconds nobody was later: source order, then name, then external id
        (GroupRule("latest", ("b",)), [said("a", "a", when=2), said("b", "b", when=0)], "b"),
        (GroupRule("latest", ("b",)), [said("a", "a", when=2.001), said("b", "b", when=0)], "a"),
        (GroupRule("latest"), [said("b", "b", when=2), said("a", "a", when=0)], "a"),
        (GroupRule("latest"), [said("a", "nine", key="9"), said("a", "ten", key="10")], "ten"),
        (GroupRule("latest", skew=timedelta(0)), [said("b", "b", when=1), said("a", "a", when=0)], "b"),
        (GroupRule("latest", ("b",)), [said("a", "a", when=None), said("b", "b", when=None)], "b"),
        # a chain of near moments is measured from the newest, not from neighbour to neighbour
        (GroupRule("latest", ("a",)), [said("a", "a", when=0), said("b", "b", when=1.5), said("c", "c", when=3)], "b"),
        # source_priority: the order, then latest among those it does not tell apart
        (GroupRule("source_priority", ("a", "b")), [said("a", "a", when=0), said("b", "b", when=99)], "a"),
        (GroupRule("source_priority", ("c",)), [said("a", "a", when=0), said("b", "b", when=99)], "b"),
        (GroupRule("source_priority", ("a",)), [said("a", "1", when=0), said("a", "2", when=9, key="2")], "2"),
        # most_complete: parts, then whole words, then latest
        (GroupRule("most_complete"), [said("a", "Иван", "Иван", None), said("b", "И", "И", "И", when=-9)], "И"),
        (GroupRule("most_complete"), [said("a", "Иван", when=9), said("b", "Иванов Иван Ильич", when=0)], "Иванов Иван Ильич"),
        (GroupRule("most_complete"), [said("a", "Иванов И. П.", when=9), said("b", "Иванов Иван", when=0)], "Иванов Иван"),
        (GroupRule("most_complete"), [said("a", "Анна Смит-Джонс", when=0), said("b", "Анна Ли", when=9)], "Анна Ли"),
        (GroupRule("most_complete"), [said("a", None, when=9), said("b", "Иван", when=0)], "Иван"),
        (GroupRule("most_complete"), [said("a", 5, True, when=0), said("b", 7, False, when=9)], 7),
        # app_wins: the app, then latest
        (GroupRule("app_wins"), [said("app", "app", when=0, is_app=True), said("b", "b", when=99)], "app"),
        (GroupRule("app_wins"), [said("a", "a", when=0), said("b", "b", when=99)], "b"),
    ],
)  # fmt: skip
def test_a_rule_chooses(rule: GroupRule, sides: list[Side], winner: object) -> None:
    for order in permutations(sides):
        chosen = CHOOSE[rule.rule](rule, order, range(len(order)))
        assert order[chosen].value[0] == winner


def test_a_union_lists_words_in_source_order_and_each_once() -> None:
    sides = [said("a", ["vip", "new"]), said("b", ["old", "vip"]), said("c", None)]
    assert merged(GroupRule("union", ("b",)), sides, (0, 1, 2), None) == (["old", "vip", "new"],)


def test_what_somebody_took_off_since_the_base_leaves_the_union() -> None:
    sides = [said("a", ["vip", "new"]), said("b", ["old", "vip"])]
    assert merged(GroupRule("union"), sides, (0, 1), (["old", "vip"],)) == (["vip", "new"],)
    assert merged(GroupRule("union"), [said("a", None), said("b", ["vip"])], (0, 1), (["vip"],)) == ([],)
