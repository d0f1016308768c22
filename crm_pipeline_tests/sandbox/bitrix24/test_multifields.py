"""Phones and e-mails: every way to add, change and delete a value (facts: bitrix24 4.5)."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_pipeline.sandbox.bitrix24 import multifields

from .portal_client import PortalClient


@pytest.fixture
def person(empty: PortalClient) -> int:
    phones = [{"VALUE": "+1", "VALUE_TYPE": "WORK"}, {"VALUE": "+2", "VALUE_TYPE": "MOBILE"}]
    return empty.call("crm.contact.add", fields={"NAME": "Ann", "PHONE": phones, "EMAIL": [{"VALUE": "a@b.test"}]})


def values(client: PortalClient, number: int, name: str = "PHONE") -> list[tuple[str, str]]:
    row = client.call("crm.contact.get", id=number)
    return [(value["VALUE"], value["VALUE_TYPE"]) for value in row.get(name, [])]


def first_id(client: PortalClient, number: int) -> str:
    return client.call("crm.contact.get", id=number)["PHONE"][0]["ID"]


def test_repeating_an_update_without_ids_doubles(empty: PortalClient, person: int) -> None:
    for _ in range(2):
        empty.call("crm.contact.update", id=person, fields={"PHONE": [{"VALUE": "+3", "VALUE_TYPE": "HOME"}]})
    assert values(empty, person) == [("+1", "WORK"), ("+2", "MOBILE"), ("+3", "HOME"), ("+3", "HOME")]


@pytest.mark.parametrize("entry", [{"DELETE": "Y", "VALUE": "+1"}, {"VALUE": ""}, {}])
def test_three_ways_to_delete(empty: PortalClient, person: int, entry: dict[str, Any]) -> None:
    empty.call("crm.contact.update", id=person, fields={"PHONE": [{"ID": first_id(empty, person), **entry}]})
    assert values(empty, person) == [("+2", "MOBILE")]


def test_change_keeps_the_id_and_the_others(empty: PortalClient, person: int) -> None:
    number = first_id(empty, person)
    empty.call("crm.contact.update", id=person, fields={"PHONE": [{"ID": number, "VALUE": "+9", "VALUE_TYPE": "FAX"}]})
    assert values(empty, person) == [("+9", "FAX"), ("+2", "MOBILE")]
    assert first_id(empty, person) == number
    assert values(empty, person, "EMAIL") == [("a@b.test", "WORK")]


def test_empty_key_is_absent_and_flags_follow(empty: PortalClient, person: int) -> None:
    both = [{"ID": value["ID"]} for value in empty.call("crm.contact.get", id=person)["PHONE"]]
    empty.call("crm.contact.update", id=person, fields={"PHONE": both})
    row = empty.call("crm.contact.get", id=person)
    assert ("PHONE" in row, row["HAS_PHONE"], row["HAS_EMAIL"]) == (False, "N", "Y")


def test_fm_as_an_object(empty: PortalClient, person: int) -> None:
    number = first_id(empty, person)
    fm = {
        number: {"typeId": "PHONE", "value": "+5"},
        "n0": {"typeId": "EMAIL", "value": "c@d.test", "valueType": "HOME"},
        "n1": {"value": "+7"},
        "77777": {"typeId": "PHONE", "value": "+8", "valueType": "FAX"},
    }
    item = empty.call("crm.item.update", entityTypeId=3, id=person, fields={"fm": fm})["item"]
    assert values(empty, person) == [("+5", "WORK"), ("+2", "MOBILE"), ("+8", "FAX")]
    assert values(empty, person, "EMAIL") == [("a@b.test", "WORK"), ("c@d.test", "HOME")]
    assert {one["typeId"] for one in item["fm"]} == {"PHONE", "EMAIL"}
    assert (item["phone"], item["phoneMobile"], item["emailHome"], item["hasPhone"]) == ("+5", "+2", "c@d.test", "Y")
    empty.call("crm.item.update", entityTypeId=3, id=person, fields={"fm": {number: {"typeId": "PHONE", "value": ""}}})
    assert ("+5", "WORK") not in values(empty, person)


def test_fm_list_appends_and_text_is_ignored(empty: PortalClient, person: int) -> None:
    empty.call(
        "crm.item.update", entityTypeId=3, id=person, fields={"fm": [{"typeId": "PHONE", "value": "+1", "valueType": "WORK"}]}
    )
    assert values(empty, person) == [("+1", "WORK"), ("+2", "MOBILE"), ("+1", "WORK")]
    empty.call("crm.item.update", entityTypeId=3, id=person, fields={"fm": "text"})
    assert len(values(empty, person)) == 3


def test_ids_are_unique_over_all_records(empty: PortalClient) -> None:
    for n in range(3):
        fields = {"NAME": "A", "TITLE": "A", "PHONE": [{"VALUE": f"+{n}"}], "EMAIL": [{"VALUE": f"a{n}@b.test"}]}
        empty.call("crm.contact.add", fields=fields)
        empty.call("crm.company.add", fields=fields)
    rows = [row for kind in ("contact", "company") for row in empty.call(f"crm.{kind}.list", select=["PHONE", "EMAIL"])]
    ids = [value["ID"] for row in rows for name in ("PHONE", "EMAIL") for value in row.get(name, [])]
    assert len(ids) == len(set(ids)) == 12


ENTRIES = st.lists(
    st.fixed_dictionaries(
        {},
        optional={
            "ID": st.sampled_from(["", "1", "2", "3", "9"]),
            "VALUE": st.sampled_from(["", "+7", "+8"]),
            "DELETE": st.sampled_from(["Y", "N"]),
        },
    )
)


@given(ENTRIES)
def test_values_not_mentioned_stay(entries: list[dict[str, str]]) -> None:
    current = [multifields.value(n, "PHONE", "WORK", f"+{n}") for n in (1, 2, 3)]
    ids = iter(range(100, 200))
    after = {one["ID"]: one for one in multifields.apply_classic(current, entries, "PHONE", lambda: next(ids))}
    mentioned = {entry.get("ID") for entry in entries}
    for one in current:
        assert one["ID"] in mentioned or after[one["ID"]] == one
    assert all(one["VALUE"] for one in after.values())
