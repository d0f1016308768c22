"""Readings of what is disputed about writes, rights of users, and a field of one's own."""

from __future__ import annotations

import pytest

from crm_pipeline.sandbox.amocrm import AmoSandbox

from .caller import Caller, codes, made

GOOD, BAD = {"name": "a"}, {"name": "b", "responsible_user_id": 5}


@pytest.mark.parametrize(("reading", "status", "stored"), [("whole", 400, 0), ("partial", 200, 2), ("partial-400", 400, 2)])
def test_a_batch_with_a_bad_item(amo: AmoSandbox, call: Caller, reading: str, status: int, stored: int) -> None:
    amo.switches.change({"batch_error": reading})
    before = amo.store.count("contacts")
    answer = call.post("contacts", [GOOD, BAD, GOOD])
    assert answer.status_code == status
    assert [item["request_id"] for item in answer.json()["validation-errors"]] == ["1"]
    assert amo.store.count("contacts") - before == stored


def test_kommo_may_have_no_mass_links(amo: AmoSandbox, call: Caller) -> None:
    lead, contact = made(call, "leads")["id"], made(call, "contacts")["id"]
    item = {"to_entity_id": contact, "to_entity_type": "contacts"}
    amo.switches.change({"mass_links": False})
    assert call.post("leads/link", [item | {"entity_id": lead}]).status_code == 404
    assert call.post(f"leads/{lead}/link", [item]).status_code == 200
    amo.switches.change({"mass_links": True})
    assert call.post("leads/link", [item | {"entity_id": lead}]).status_code == 200


def test_a_fractional_price_where_minor_units_are_kept(amo: AmoSandbox, call: Caller) -> None:
    assert codes(call.post("leads", [{"price": 100.5}])) == [("0", "InvalidType", "price")]
    amo.switches.change({"minor_units": True})
    lead = made(call, "leads", price=100.5)
    assert (lead["price"], lead["price_with_minor_units"], list(lead)[-1]) == (100, 100.5, "_embedded")
    call.patch("leads", [{"id": lead["id"], "price": 7}])
    changed = call.get(f"leads/{lead['id']}?with=contacts").json()
    assert (changed["price"], changed["price_with_minor_units"]) == (7, 7.0)


@pytest.mark.parametrize(("letter", "mine", "theirs"), [("A", 200, 200), ("M", 200, 403), ("D", 403, 403)])
def test_rights_of_a_user(amo: AmoSandbox, call: Caller, letter: str, mine: int, theirs: int) -> None:
    own, other = made(call, "contacts")["id"], made(call, "contacts", responsible_user_id=900001)["id"]
    rights = (amo.store.get("users", 900000) or {})["rights"]
    changed = {**rights, "contacts": {**rights["contacts"], "edit": letter}}
    amo.edit({"kind": "users", "id": 900000, "set": {"rights": changed}})
    assert call.patch("contacts", [{"id": own, "name": "x"}]).status_code == mine
    assert call.patch(f"contacts/{own}", {"name": "x"}).status_code == mine
    answer = call.patch("contacts", [{"id": own, "name": "y"}, {"id": other, "name": "y"}])
    assert answer.status_code == theirs
    assert answer.headers["Content-Type"] == ("application/problem+json" if theirs == 403 else "application/hal+json")
    assert (call.get(f"contacts/{own}").json()["name"] == "y") == (theirs == 200)
    assert call.patch("companies", [{"id": call.ids("companies?limit=1")[0], "name": "x"}]).status_code == 200


def test_a_field_of_ones_own_is_written_and_searched(amo: AmoSandbox, call: Caller) -> None:
    field = {"name": "CRM Pipeline ID", "type": "text", "code": "CRM_PIPELINE_ID", "is_api_only": True}
    (row,) = call.post("leads/custom_fields", [field]).json()["_embedded"]["custom_fields"]
    assert row["is_api_only"] is True
    assert codes(call.post("leads/custom_fields", [field])) == [("0", "NotSupportedChoice", "code")]
    marker = "3f2b8c1e-0000-4000-8000-00000000000a"
    lead = made(call, "leads", custom_fields_values=[{"field_id": row["id"], "values": [{"value": marker}]}])
    for api_filter in (True, False):
        amo.switches.change({"api_filter": api_filter})
        assert call.ids(f"leads?query={marker}") == [lead["id"]]
    item = {"id": lead["id"], "custom_fields_values": [{"field_id": row["id"], "values": [{"value": "x"}]}]}
    amo.edit({"kind": "fields_leads", "id": row["id"], "delete": True})
    assert codes(call.patch("leads", [item])) == [("0", "NotSupportedChoice", "custom_fields_values.0.field_id")]
    assert call.rows(f"leads?query={marker}") == []
