"""Writing leads, contacts and companies: answers, validation, custom values, tags, stages, complex (facts: amocrm 4, 5)."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from crm_pipeline.sandbox.amocrm import AmoSandbox

from .caller import Caller, codes, made


@pytest.mark.parametrize("kind", ["leads", "contacts", "companies"])
def test_a_post_answers_ids_in_order_with_request_ids(call: Caller, kind: str) -> None:
    answer = call.post(kind, [{"name": "a"}, {"name": "b", "request_id": "mine"}, {"name": "c"}]).json()
    items = answer["_embedded"][kind]
    assert [item["request_id"] for item in items] == ["0", "mine", "2"]
    assert [call.get(f"{kind}/{item['id']}").json()["name"] for item in items] == ["a", "b", "c"]
    assert answer["_links"]["self"]["href"] == f"{call.sandbox.url}/api/v4/{kind}"


def test_a_new_lead_stands_in_the_first_stage_of_the_main_pipeline(call: Caller) -> None:
    lead = made(call, "leads")
    assert (lead["pipeline_id"], lead["status_id"], lead["price"], lead["closed_at"]) == (4401, 440101, 0, None)
    assert lead["created_by"] == lead["updated_by"] == lead["responsible_user_id"] == 900000
    assert list(lead)[-1] == "_embedded"


def test_patch_answers_and_stamps(amo: AmoSandbox, call: Caller) -> None:
    amo.clock.freeze()
    lead, contact = call.ids("leads?limit=1")[0], call.ids("contacts?limit=1")[0]
    body = call.patch("leads", [{"id": lead, "price": 5, "request_id": "r"}]).json()["_embedded"]["leads"][0]
    assert body | {"_links": 0} == {"id": lead, "updated_at": amo.account.now(), "request_id": "r", "_links": 0}
    body = call.patch("contacts", [{"id": contact, "name": "Х"}]).json()["_embedded"]["contacts"][0]
    assert body | {"_links": 0} == {"id": contact, "name": "Х", "updated_at": amo.account.now(), "_links": 0}
    row = call.get(f"leads/{lead}").json()
    assert (row["price"], row["updated_at"], row["updated_by"]) == (5, amo.account.now(), 900000)
    call.patch(f"leads/{lead}", {"updated_at": 1_600_000_000, "updated_by": 0})
    row = call.get(f"leads/{lead}").json()
    assert (row["updated_at"], row["updated_by"]) == (1_600_000_000, 0)


def test_a_single_patch_answers_a_root_object_or_a_wrapped_one(amo: AmoSandbox, call: Caller) -> None:
    lead = call.ids("leads?limit=1")[0]
    assert call.patch(f"leads/{lead}", {"price": 6}).json()["id"] == lead
    amo.switches.change({"single_patch": "embedded"})
    assert call.patch(f"leads/{lead}", {"price": 7}).json()["_embedded"]["leads"][0]["id"] == lead
    assert call.patch("leads/1", {"price": 7}).status_code == 404


def test_array_and_object_must_not_be_mixed_up(call: Caller) -> None:
    lead = call.ids("leads?limit=1")[0]
    assert call.post("leads", {"name": "x"}).status_code == 400
    assert call.patch(f"leads/{lead}", [{"price": 1}]).status_code == 400
    assert call.post("leads", []).json()["detail"] == "Request data can not be empty"
    assert call.request("POST", "leads", data="{").status_code == 400


def test_more_than_250_items_are_422(call: Caller) -> None:
    answer = call.post("contacts", [{"name": str(n)} for n in range(251)])
    assert answer.status_code == 422
    assert answer.json() == {
        "title": "Unprocessable Entity",
        "type": "https://httpstatus.es/422",
        "status": 422,
        "detail": "Limit 250 per page",
    }
    assert call.post("contacts", [{"name": str(n)} for n in range(250)]).status_code == 200


@pytest.mark.parametrize(
    ("item", "code", "path"),
    [
        ({"nme": "x"}, "FieldNotExpected", "nme"),
        ({"name": 5}, "InvalidType", "name"),
        ({"price": "100"}, "InvalidType", "price"),
        ({"price": True}, "InvalidType", "price"),
        ({"status_id": 1}, "NotSupportedChoice", "status_id"),
        ({"status_id": 440100}, "NotSupportedChoice", "status_id"),
        ({"pipeline_id": 1}, "NotSupportedChoice", "pipeline_id"),
        ({"responsible_user_id": 1}, "NotSupportedChoice", "responsible_user_id"),
        ({"created_by": 1}, "NotSupportedChoice", "created_by"),
        ({"loss_reason_id": 1}, "NotSupportedChoice", "loss_reason_id"),
        ({"is_deleted": True}, "FieldNotExpected", "is_deleted"),
        ({"_embedded": {"leads": []}}, "FieldNotExpected", "_embedded.leads"),
        ({"_embedded": {"tags": [{"name": "x", "request_id": "1"}]}}, "FieldNotExpected", "_embedded.tags.0.request_id"),
        ({"_embedded": {"tags": [{"id": 1}]}}, "NotSupportedChoice", "_embedded.tags.0.id"),
        ({"_embedded": {"contacts": [{"id": 1}]}}, "NotSupportedChoice", "_embedded.contacts.0.id"),
        ({"custom_fields_values": {}}, "InvalidType", "custom_fields_values"),
        ({"custom_fields_values": [{"values": []}]}, "FieldMissing", "custom_fields_values.0.field_id"),
        ({"custom_fields_values": [{"field_id": 1, "values": []}]}, "NotSupportedChoice", "custom_fields_values.0.field_id"),
        ({"custom_fields_values": [{"field_code": "", "values": []}]}, "NotSupportedChoice", "custom_fields_values.0.field_code"),
        (
            {"custom_fields_values": [{"field_id": 302, "values": [{"enum_id": 1}]}]},
            "NotSupportedChoice",
            "custom_fields_values.0.values.0.enum_id",
        ),
        (
            {"custom_fields_values": [{"field_id": 302, "values": [{"value": "Марс"}]}]},
            "NotSupportedChoice",
            "custom_fields_values.0.values.0.value",
        ),
        (
            {"custom_fields_values": [{"field_id": 303, "values": [{"value": "ten"}]}]},
            "InvalidType",
            "custom_fields_values.0.values.0.value",
        ),
        (
            {"custom_fields_values": [{"field_id": 304, "values": [{"value": "soon"}]}]},
            "InvalidType",
            "custom_fields_values.0.values.0.value",
        ),
        (
            {"custom_fields_values": [{"field_id": 305, "values": [{"value": "да"}]}]},
            "InvalidType",
            "custom_fields_values.0.values.0.value",
        ),
        (
            {"custom_fields_values": [{"field_id": 301, "values": [{"value": []}]}]},
            "InvalidType",
            "custom_fields_values.0.values.0.value",
        ),
    ],
)
def test_bad_items_are_refused_with_code_and_path(call: Caller, item: dict[str, Any], code: str, path: str) -> None:
    before = call.sandbox.store.count("leads")
    assert ("1", code, path) in codes(call.post("leads", [{"name": "good"}, item]))
    assert call.sandbox.store.count("leads") == before


def test_a_patch_must_not_bring_links_or_unknown_ids(call: Caller) -> None:
    lead, contact = call.ids("leads?limit=1")[0], call.ids("contacts?limit=1")[0]
    linked = {"id": lead, "_embedded": {"contacts": [{"id": contact}]}}
    assert codes(call.patch("leads", [linked])) == [("0", "FieldNotExpected", "_embedded.contacts")]
    assert codes(call.patch("leads", [{"id": 1, "price": 1}])) == [("0", "NotSupportedChoice", "id")]
    assert codes(call.patch("leads", [{"price": 1, "request_id": "q"}])) == [("q", "FieldMissing", "id")]


def test_a_patch_with_a_removed_user_is_refused(amo: AmoSandbox, call: Caller) -> None:
    contact = call.rows("contacts?limit=1")[0]
    amo.apply_edit({"kind": "users", "id": contact["created_by"], "delete": True})
    answer = call.patch("contacts", [{"id": contact["id"], "created_by": contact["created_by"]}])
    assert codes(answer) == [("0", "NotSupportedChoice", "created_by")]


def test_one_bad_item_refuses_the_batch_or_by_switch_only_itself(amo: AmoSandbox, call: Caller) -> None:
    batch = [{"name": "good"}, {"name": "bad", "price": "x"}]
    count = amo.store.count("leads")
    assert codes(call.post("leads", batch)) == [("1", "InvalidType", "price")]
    assert amo.store.count("leads") == count
    amo.switches.change({"batch_error": "partial"})
    answer = call.post("leads", batch).json()
    assert [item["request_id"] for item in answer["_embedded"]["leads"]] == ["0"]
    assert answer["validation-errors"][0]["request_id"] == "1"
    assert amo.store.count("leads") == count + 1


def test_names_compose_from_their_parts(call: Caller) -> None:
    assert made(call, "contacts", first_name="Анна", last_name="Ким")["name"] == "Анна Ким"
    plain = made(call, "contacts", name="Анна Ким")
    assert (plain["first_name"], plain["last_name"]) == ("", "")
    call.patch(f"contacts/{plain['id']}", {"first_name": "Ольга"})
    assert call.get(f"contacts/{plain['id']}").json()["name"] == "Ольга"


def test_closing_and_reopening_a_lead(amo: AmoSandbox, call: Caller) -> None:
    amo.clock.freeze()
    reason = call.ids("leads/loss_reasons")[0]
    lead = made(call, "leads", name="x", loss_reason_id=reason)
    assert lead["loss_reason_id"] is None
    path = f"leads/{lead['id']}"
    call.patch(path, {"status_id": 143, "loss_reason_id": reason})
    row = call.get(path).json()
    assert (row["closed_at"], row["loss_reason_id"]) == (amo.account.now(), reason)
    call.patch(path, {"status_id": 440102})
    row = call.get(path).json()
    assert (row["closed_at"], row["loss_reason_id"]) == (None, None)
    call.patch(path, {"pipeline_id": 4402})
    assert call.get(path).json()["status_id"] == 440201
    call.patch(path, {"status_id": 142, "closed_at": 1_700_000_000})
    assert call.get(path).json()["closed_at"] == 1_700_000_000


def test_tags_are_added_removed_and_replaced(call: Caller) -> None:
    lead = made(call, "leads", name="x", tags_to_add=[{"name": "опт"}, {"name": "новый"}])
    path = f"leads/{lead['id']}"

    def names() -> set[str]:
        return {tag["name"] for tag in call.get(path).json()["_embedded"]["tags"]}

    assert names() == {"опт", "новый"}
    call.patch(path, {"tags_to_add": [{"name": "ещё"}], "tags_to_delete": [{"name": "опт"}]})
    assert names() == {"новый", "ещё"}
    known = call.get("leads/tags", params={"filter[name]": "опт"}).json()["_embedded"]["tags"][0]["id"]
    call.patch(path, {"_embedded": {"tags": [{"id": known}]}, "tags_to_add": [{"name": "мимо"}]})
    assert names() == {"опт"}
    call.patch(path, {"_embedded": {"tags": None}})
    assert names() == set()
    again = call.post("leads/tags", [{"name": "опт"}, {"name": "с-нуля", "color": "DDEBB5"}]).json()["_embedded"]["tags"]
    assert again[0] | {"color": 0} == {"id": known, "name": "опт", "color": 0, "request_id": "0"}
    contact = made(call, "contacts", name="x", tags_to_add=[{"name": "опт"}])
    assert contact["_embedded"]["tags"][0]["color"] is None


def test_a_change_of_tags_alone_moves_updated_at_by_switch(amo: AmoSandbox, call: Caller) -> None:
    lead = made(call, "leads", name="x")
    amo.clock.advance(100)
    amo.switches.change({"tag_bumps": False})
    call.patch(f"leads/{lead['id']}", {"tags_to_add": [{"name": "t"}]})
    assert call.get(f"leads/{lead['id']}").json()["updated_at"] == lead["updated_at"]
    amo.switches.change({"tag_bumps": True})
    call.patch(f"leads/{lead['id']}", {"tags_to_add": [{"name": "u"}]})
    assert call.get(f"leads/{lead['id']}").json()["updated_at"] >= lead["updated_at"] + 100


def test_a_new_lead_can_bring_its_links(call: Caller) -> None:
    one, two = call.ids("contacts?limit=2")
    company = call.ids("companies?limit=1")[0]
    links = {"contacts": [{"id": one}, {"id": two, "is_main": True}], "companies": [{"id": company}]}
    lead = made(call, "leads", name="x", _embedded=links)
    row = call.get(f"leads/{lead['id']}?with=contacts").json()["_embedded"]
    assert {(contact["id"], contact["is_main"]) for contact in row["contacts"]} == {(one, False), (two, True)}
    assert [one["id"] for one in row["companies"]] == [company]


def test_complex_creates_and_links_three_rows(call: Caller) -> None:
    company = call.ids("companies?limit=1")[0]
    mail = [{"field_code": "EMAIL", "values": [{"value": "new@ex.org"}]}]
    body = [
        {
            "name": "a",
            "request_id": "a1",
            "_embedded": {"contacts": [{"name": "К", "custom_fields_values": mail}], "companies": [{"name": "О"}]},
        },
        {"name": "b", "_embedded": {"companies": [{"id": company}]}},
        {"name": "c"},
    ]
    answer = call.post("leads/complex", body)
    assert answer.headers["Content-Type"] == "application/json"
    first, second, third = answer.json()
    assert first["request_id"] == ["a1"]
    assert (second["contact_id"], second["company_id"], second["merged"]) == (None, company, False)
    assert (third["contact_id"], third["company_id"]) == (None, None)
    lead = call.get(f"leads/{first['id']}?with=contacts").json()["_embedded"]
    assert [(one["id"], one["is_main"]) for one in lead["contacts"]] == [(first["contact_id"], True)]
    assert [one["id"] for one in lead["companies"]] == [first["company_id"]]
    contact = call.get(f"contacts/{first['contact_id']}").json()
    assert [one["id"] for one in contact["_embedded"]["companies"]] == [first["company_id"]]


def test_complex_has_its_own_limits_and_paths(call: Caller) -> None:
    assert call.post("leads/complex", [{"name": "x"}] * 51).status_code == 400
    two = {"_embedded": {"contacts": [{"name": "a"}, {"name": "b"}]}}
    assert codes(call.post("leads/complex", [two])) == [("0", "TooMany", "_embedded.contacts")]
    wrong = {"_embedded": {"contacts": [{"name": "a", "nope": 1}]}}
    assert codes(call.post("leads/complex", [wrong])) == [("0", "FieldNotExpected", "_embedded.contacts.0.nope")]
    full = {"custom_fields_values": [{"field_id": 301, "values": [{"value": "x"}]}] * 41}
    assert codes(call.post("leads/complex", [full])) == [("0", "TooMany", "custom_fields_values")]


def test_a_write_whose_answer_is_lost_was_done(amo: AmoSandbox, call: Caller) -> None:
    count = amo.store.count("contacts")
    amo.faults.add({"fault": "reset_after", "match": {"method": "POST"}})
    with pytest.raises(requests.ConnectionError):
        call.post("contacts", [{"name": "lost answer"}])
    assert amo.store.count("contacts") == count + 1
    assert call.rows("contacts?query=lost answer")[0]["name"] == "lost answer"


def test_minor_units_are_told_by_switch(amo: AmoSandbox, call: Caller) -> None:
    lead = made(call, "leads", price=150)
    assert "price_with_minor_units" not in lead
    amo.switches.change({"minor_units": True})
    assert call.get(f"leads/{lead['id']}").json()["price_with_minor_units"] == 150.0
