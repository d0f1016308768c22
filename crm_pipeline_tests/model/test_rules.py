"""Rules: what holds without a file, and how what is written joins what is not."""

from datetime import timedelta
from typing import Any

import pytest

from crm_pipeline.model.handwritten import Reading
from crm_pipeline.model.rules import Matching, Ref, Rules
from crm_pipeline.model.rules_reading import read_rules
from crm_pipeline.model.survivorship import GROUPS, GroupRule


def read(data: Any) -> Rules:
    """Return the rules of a mapping without a mistake."""
    reading = Reading(lambda path: 1, ["msk", "portal", "shop", "app"])
    rules = read_rules(data, reading)
    assert reading.sentences() == ()
    return rules


def test_without_a_file_every_group_has_its_default() -> None:
    rules = Rules.default()
    for entity, groups in GROUPS.items():
        assert {group.name: rules.rule(entity, group.name) for group in groups} == {
            group.name: GroupRule(group.default) for group in groups
        }


@pytest.mark.parametrize("nothing", [None, {}, {"fields": None, "matching": None, "sources": None, "stages": []}])
def test_an_empty_file_says_what_no_file_says(nothing: Any) -> None:
    assert read(nothing) == Rules.default()


def test_only_what_is_written_changes() -> None:
    rules, default = read({"fields": {"contacts": {"position": "review"}}}), Rules.default()
    assert rules.rule("contacts", "position") == GroupRule("review")
    everywhere = [(entity, group) for entity, of in rules.fields.items() for group in of]
    changed = [where for where in everywhere if rules.rule(*where) != default.rule(*where)]
    assert changed == [("contacts", "position")]


def test_a_group_is_called_by_its_name_or_by_a_column() -> None:
    for name in ("money", "amount", "currency"):
        assert read({"fields": {"deals": {name: "review"}}}).rule("deals", "money").rule == "review"


def test_sources_end_ties_everywhere_and_follow_a_fields_own_order() -> None:
    rules = read({"sources": ["msk", "portal"], "fields": {"deals": {"title": {"order": ["shop", "portal"]}}}})
    assert rules.source_order == rules.rule("tasks", "title").order == ("msk", "portal")
    assert rules.rule("deals", "title").order == ("shop", "portal", "msk")


def test_the_skew_reaches_every_rule() -> None:
    rules = read({"skew_seconds": 0.5})
    assert rules.skew == rules.rule("deals", "title").skew == timedelta(seconds=0.5)


def test_a_star_is_for_every_field_where_it_fits_and_a_field_of_its_own_goes_on_from_it() -> None:
    star = {"rule": "most_complete", "ignore": ["shop"]}
    rules = read({"fields": {"contacts": {"*": star, "birthday": "latest", "owner": {"ignore": []}}}})
    assert rules.rule("contacts", "position") == GroupRule("most_complete", ignore=frozenset({"shop"}))
    assert rules.rule("contacts", "birthday") == GroupRule("latest", ignore=frozenset({"shop"}))
    assert rules.rule("contacts", "owner") == GroupRule("most_complete")
    assert rules.rule("contacts", "phones") == GroupRule("union", ignore=frozenset({"shop"}))
    assert rules.rule("companies", "name") == GroupRule("latest")


def test_matching_is_read() -> None:
    written = {
        "max_sharing": 3,
        "same_connection": {"contacts": ["email"]},
        "external_id": {"contacts": {"msk": "Код клиента", "portal": "UF_CRM_CODE"}, "deals": {"msk": 712345}},
        "product_name": True,
        "stop_addresses": ["office@example.ru"],
    }
    assert read({"matching": written}).matching == Matching(
        max_sharing=3,
        same_connection={"contacts": ("email",)},
        external_id={"contacts": {"msk": "Код клиента", "portal": "UF_CRM_CODE"}, "deals": {"msk": "712345"}},
        product_name=True,
        stop_addresses=frozenset({"office@example.ru"}),
    )


def test_the_same_stages_are_written_as_a_list_or_as_a_mapping() -> None:
    one = read({"stages": [["msk:Новая заявка", "portal:C1:NEW"]]})
    other = read({"stages": [{"msk": "Новая заявка", "portal": "C1:NEW"}]})
    assert one == other
    assert one.stages == ((Ref("msk", "Новая заявка"), Ref("portal", "C1:NEW")),)
    assert read({"users": [{"msk": 12, "portal": "7"}]}).users == ((Ref("msk", "12"), Ref("portal", "7")),)
