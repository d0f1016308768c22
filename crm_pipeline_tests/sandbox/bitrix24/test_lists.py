"""Pages, fast mode, filters, orders and select of both faces (facts: bitrix24 3.1, 3.2, 4.4, 4.8)."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from .portal_client import PortalClient, portal

ISO_PAIRS = [("DATE_MODIFY", "updatedTime"), ("DATE_CREATE", "createdTime")]


def every(client: PortalClient, kind: str) -> list[dict[str, Any]]:
    return [orjson.loads(text) for _, text in client.sandbox.store.walk(kind)]


def ids(answer: dict[str, Any]) -> list[int]:
    rows = answer["result"]["items"] if isinstance(answer["result"], dict) else answer["result"]
    return [int(row.get("ID", row.get("id"))) for row in rows]


def test_offset_pages_give_every_row_once(filled: PortalClient) -> None:
    seen, start = [], 0
    while start is not None:
        answer = filled.body("crm.item.list", entityTypeId=3, start=start, select=["id"])
        assert answer["total"] == 230
        seen, start = seen + ids(answer), answer.get("next")
    assert seen == list(range(1, 231))


def test_odd_offset_snaps_in_classic_and_is_taken_as_is_in_items(filled: PortalClient) -> None:
    assert ids(filled.body("crm.contact.list", start=70, select=["ID"]))[0] == 51
    assert ids(filled.body("crm.item.list", entityTypeId=3, start=70, select=["id"]))[0] == 71


@pytest.mark.parametrize(("reading", "total"), [("absent", None), ("zero", 0)])
def test_fast_mode_counts_nothing(reading: str, total: int | None) -> None:
    with portal(contacts=60, fast_total=reading) as client:
        answer = client.body("crm.contact.list", start=-1, order={"ID": "ASC"}, filter={">ID": 5}, select=["ID"])
        assert ids(answer) == list(range(6, 56))
        assert (answer.get("total"), "next" in answer) == (total, False)


LATE_FAST = [
    ("tasks.task.list", {"select": ["ID"]}),
    ("crm.activity.list", {}),
    ("crm.stagehistory.list", {"entityTypeId": 2}),
    ("catalog.product.list", {"select": ["id", "iblockId"], "filter": {"iblockId": 23}}),
]


@pytest.mark.parametrize(("method", "params"), LATE_FAST)
def test_fast_mode_where_it_is_disputed(filled: PortalClient, method: str, params: dict[str, Any]) -> None:
    assert "total" not in filled.body(method, start=-1, **params)
    filled.switch(fast_mode_everywhere=False)
    counted = filled.body(method, start=-1, **params)
    filled.switch(fast_mode_everywhere=True)
    assert counted["total"] == filled.body(method, **params)["total"]


def test_users_go_by_start_only(filled: PortalClient) -> None:
    answer = filled.body("user.get", start=-1, SORT="ID", ORDER="DESC")
    assert answer["total"] == len(answer["result"]) > 1
    assert ids(answer) == sorted(ids(answer), reverse=True)
    assert filled.call("user.get", FILTER={"ID": 1})[0]["ACTIVE"] is True
    assert [row["ID"] for row in filled.call("user.get", ID=1)] == ["1"]
    assert filled.call("user.get", ACTIVE=False) == []


@pytest.mark.parametrize("kind", ["contact", "company", "deal"])
def test_both_faces_are_one_row(filled: PortalClient, kind: str) -> None:
    number = {"deal": 2, "contact": 3, "company": 4}[kind]
    described = filled.call("crm.item.fields", entityTypeId=number)["fields"]
    classic = {int(row["ID"]): row for row in filled.call(f"crm.{kind}.list", start=-1, order={"ID": "ASC"})}
    for item in filled.call("crm.item.list", entityTypeId=number, start=-1, order={"id": "ASC"})["items"]:
        row = classic.pop(item["id"])
        for name, field in described.items():
            key = next((k for k, camel in CAMEL_ONLY.items() if camel == name), field["upperName"])
            key = "COMPANY_TYPE" if (kind, name) == ("company", "typeId") else key
            assert same(row[key], item[name]), (name, row[key], item[name])
    assert classic == {}


CAMEL_ONLY = {
    "DATE_MODIFY": "updatedTime",
    "DATE_CREATE": "createdTime",
    "CREATED_BY_ID": "createdBy",
    "MODIFY_BY_ID": "updatedBy",
}
CAMEL_ONLY |= {"MOVED_BY_ID": "movedBy"}


def same(classic: Any, item: Any) -> bool:
    if isinstance(classic, list):
        return [str(value) for value in item] == classic
    if classic in (None, "") or item in (None, "", 0):
        return item in (None, "", 0) and classic in (None, "", "0", "0.00")
    if isinstance(item, str):
        return item == {"1": "Y", "0": "N"}.get(classic, classic) or item == classic
    return float(classic) == item


def test_select_of_the_classic_face(filled: PortalClient) -> None:
    default = filled.call("crm.contact.list")[0]
    assert "NAME" in default and any(key.startswith("UF_") for key in default)
    assert not {"PHONE", "EMAIL"} & set(default)
    assert not any(key.startswith("UF_") for key in filled.call("crm.contact.list", select=["*"])[0])
    named = filled.call("crm.contact.list", select=["ID", "PHONE", "UF_CRM_1790000000001"], filter={"HAS_PHONE": "Y"})[0]
    assert set(named) == {"ID", "PHONE", "UF_CRM_1790000000001"}
    assert set(named["PHONE"][0]) == {"ID", "VALUE_TYPE", "VALUE", "TYPE_ID"}
    whole = filled.call("crm.contact.list", select=["*", "UF_*", "EMAIL"], filter={"HAS_EMAIL": "Y"})[0]
    assert set(default) | {"EMAIL"} == set(whole)


def test_select_of_items(filled: PortalClient) -> None:
    assert filled.call("crm.item.list", entityTypeId=3)["items"][0]["fm"]
    named = filled.call("crm.item.list", entityTypeId=3, select=["id", "name", "fm", "phone"])["items"][0]
    assert set(named) == {"id", "name", "phone"}
    original = filled.call("crm.item.list", entityTypeId=3, select=["id", "UF_CRM_1790000000001"], useOriginalUfNames="Y")[
        "items"
    ][0]
    assert set(original) == {"id", "UF_CRM_1790000000001"}
    bug = filled.call("crm.item.list", entityTypeId=3, select=["id", "ufCrm_1790000000001"], useOriginalUfNames="Y")["items"]
    assert bug[0] == []


OPERATORS = {
    ">=": lambda a, b: a >= b,
    ">": lambda a, b: a > b,
    "<=": lambda a, b: a <= b,
    "<": lambda a, b: a < b,
    "=": lambda a, b: a == b,
    "": lambda a, b: a == b,
    "!": lambda a, b: a != b,
    "!=": lambda a, b: a != b,
}


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(operator=st.sampled_from(sorted(OPERATORS)), number=st.integers(0, 231), after=st.integers(0, 230))
def test_filters_mean_what_their_prefix_says(filled: PortalClient, operator: str, number: int, after: int) -> None:
    wanted = [n for n in range(1, 231) if OPERATORS[operator](n, number) and n > after][:50]
    asked: dict[str, Any] = {f"{operator}ID": number, ">ID": after} if operator != ">" else {">ID": max(number, after)}
    assert ids(filled.body("crm.contact.list", filter=asked, order={"ID": "ASC"}, select=["ID"], start=-1)) == wanted


@pytest.mark.parametrize(("upper", "camel"), ISO_PAIRS)
def test_time_windows_agree_in_both_faces(filled: PortalClient, upper: str, camel: str) -> None:
    rows = every(filled, "contact")
    times = sorted(row[upper] for row in rows)
    since, until = times[60], times[190]
    wanted = [int(row["ID"]) for row in rows if since <= row[upper] < until][:50]
    naive = since[:19].replace("T", " ")
    for low in (since, naive):
        classic = filled.body(
            "crm.contact.list", filter={f">={upper}": low, f"<{upper}": until}, order={"ID": "ASC"}, select=["ID"]
        )
        item = filled.body(
            "crm.item.list", entityTypeId=3, filter={f">={camel}": low, f"<{camel}": until}, order={"ID": "ASC"}, select=["id"]
        )
        assert ids(classic) == ids(item) == wanted
        assert classic["total"] == item["total"] == sum(since <= row[upper] < until for row in rows)


def test_text_list_and_empty_filters(filled: PortalClient) -> None:
    rows = every(filled, "contact")
    name = rows[0]["LAST_NAME"]
    by_part = filled.body("crm.contact.list", filter={"%LAST_NAME": name[1:4]}, select=["ID"])
    assert by_part["total"] == sum(name[1:4].lower() in row["LAST_NAME"].lower() for row in rows)
    by_pattern = filled.body("crm.contact.list", filter={"=%LAST_NAME": f"{name[:3]}%"}, select=["ID"])
    assert by_pattern["total"] == sum(row["LAST_NAME"].startswith(name[:3]) for row in rows)
    assert ids(filled.body("crm.contact.list", filter={"@ID": [3, 5, 999]}, select=["ID"])) == [3, 5]
    assert ids(filled.body("crm.contact.list", filter={"ID": ["3", "5"]}, select=["ID"])) == [3, 5]
    assert filled.body("crm.contact.list", filter={"!@ID": [3, 5]})["total"] == 228
    alone = filled.body("crm.contact.list", filter={"COMPANY_ID": None})["total"]
    assert alone == sum(row["COMPANY_ID"] is None for row in rows)
    assert filled.body("crm.item.list", entityTypeId=3, filter={"!companyId": 0})["total"] == 230 - alone
    phone = next(row["PHONE"][0]["VALUE"] for row in rows if "PHONE" in row)
    assert filled.body("crm.contact.list", filter={"PHONE": phone})["total"] == sum(
        phone in [value["VALUE"] for value in row.get("PHONE", [])] for row in rows
    )
    assert filled.body("crm.contact.list", filter={"PHONE": phone[:-1]})["total"] == 0


def test_nested_or_in_items(filled: PortalClient) -> None:
    either = {"0": {"logic": "OR", "0": {"id": 3}, "1": {">id": 228}}, "!id": 230}
    assert ids(filled.body("crm.item.list", entityTypeId=3, filter=either, select=["id"])) == [3, 229]
    listed = [{"logic": "OR", "0": {"id": 3}, "1": {"id": 4}}]
    assert ids(filled.body("crm.item.list", entityTypeId=3, filter=listed, select=["id"])) == [3, 4]


def test_unknown_keys(filled: PortalClient) -> None:
    assert filled.refusal("crm.item.list", entityTypeId=3, filter={"nothing": 1}) == (400, "INVALID_ARG_VALUE")
    assert filled.refusal("crm.item.list", entityTypeId=3, order={"nothing": "ASC"}) == (400, "INVALID_ARG_VALUE")
    assert filled.body("crm.contact.list", filter={"NOTHING": 1})["total"] == 230
    filled.switch(classic_unknown_filter="error")
    assert filled.refusal("crm.contact.list", filter={"NOTHING": 1})[0] == 400
    filled.switch(classic_unknown_filter="ignored")


def test_iso_times_ignored_on_old_portals(filled: PortalClient) -> None:
    filled.switch(iso_filters="ignored")
    iso, plain = "2030-01-01T00:00:00+03:00", "2030-01-01 00:00:00"
    assert filled.body("crm.item.list", entityTypeId=3, filter={">=updatedTime": iso})["total"] == 230
    assert filled.body("crm.item.list", entityTypeId=3, filter={">=updatedTime": plain})["total"] == 0
    filled.switch(iso_filters="honoured")
    assert filled.body("crm.item.list", entityTypeId=3, filter={">=updatedTime": iso})["total"] == 0


def test_orders(filled: PortalClient) -> None:
    names = [
        row["LAST_NAME"]
        for row in filled.call("crm.contact.list", order={"LAST_NAME": "DESC", "ID": "ASC"}, select=["LAST_NAME"])
    ]
    assert names == sorted(names, reverse=True)
    times = [row["updatedTime"] for row in filled.call("crm.item.list", entityTypeId=2, order={"updatedTime": "DESC"})["items"]]
    assert times == sorted(times, reverse=True)


@pytest.mark.parametrize(("reading", "empty"), [("list", []), ("false", False), ("null", None)])
def test_empty_multiple_fields(reading: str, empty: Any) -> None:
    with portal(contacts=3, empty_multiple=reading) as client:
        assert client.call("crm.contact.get", id=1)["UF_CRM_1790000000006"] == empty
        assert client.call("crm.contact.list")[0]["UF_CRM_1790000000006"] == empty
        assert client.call("crm.item.list", entityTypeId=3)["items"][0]["ufCrm_1790000000006"] == empty
        assert client.call("crm.item.get", entityTypeId=3, id=1)["item"]["ufCrm_1790000000006"] == empty


def test_dictionaries(filled: PortalClient) -> None:
    stages = filled.call("crm.status.list", filter={"ENTITY_ID": "DEAL_STAGE"}, order={"SORT": "ASC"})
    assert [row["STATUS_ID"] for row in stages][-3:] == ["WON", "LOSE", "APOLOGY"]
    assert [row["SEMANTICS"] for row in stages][-3:] == ["S", "F", "F"]
    assert filled.call("crm.status.list", filter={"ENTITY_ID": "DEAL_STAGE_1"})[0]["STATUS_ID"] == "C1:NEW"
    assert [one["id"] for one in filled.call("crm.category.list", entityTypeId=2)["categories"]] == [0, 1]
    assert filled.refusal("crm.category.list") == (400, "100")
    enums = [row for row in filled.call("crm.deal.userfield.list") if row["USER_TYPE_ID"] == "enumeration"]
    assert {row["MULTIPLE"] for row in enums} == {"Y", "N"} and all(row["LIST"] for row in enums)
    assert filled.call("crm.deal.fields")[enums[0]["FIELD_NAME"]]["items"][0].keys() == {"ID", "VALUE"}
    assert filled.call("crm.currency.list")[0]["BASE"] == "Y"


def test_stage_history_leads_to_the_present_stage(filled: PortalClient) -> None:
    deals = {int(row["ID"]): row for row in every(filled, "deal")}
    last = {row["OWNER_ID"]: row for row in every(filled, "stagehistory")}
    assert {owner: row["STAGE_ID"] for owner, row in last.items()} == {owner: row["STAGE_ID"] for owner, row in deals.items()}
    rows = filled.call("crm.stagehistory.list", entityTypeId=2, filter={"OWNER_ID": 1})["items"]
    assert rows[0]["TYPE_ID"] == 1 and isinstance(rows[0]["ID"], int)
    assert filled.refusal("crm.stagehistory.list", entityTypeId=3)[1] == "ENTITY_TYPE_NOT_SUPPORTED"
