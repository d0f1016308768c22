"""Catalogs, links, custom field definitions, pipelines, users, account (facts: amocrm 4.6-4.10)."""

from __future__ import annotations

from typing import Any

import pytest

from crm_pipeline.sandbox.amocrm import AmoSandbox

from .caller import Caller, codes


@pytest.fixture
def agent(amo: AmoSandbox, call: Caller) -> Caller:
    """Call as a user who is no administrator."""
    agent = call.ids("users")[1]
    return Caller(amo, amo.authority.long_lived(agent, "h"))


# catalogs


def test_elements_come_back_whole_with_a_numeric_request_id(call: Caller) -> None:
    price = [{"field_code": "PRICE", "values": [{"value": "1490"}]}]
    answer = call.post("catalogs/1209/elements", [{"name": "Зерно", "custom_fields_values": price}]).json()
    (element,) = answer["_embedded"]["elements"]
    assert (element["request_id"], element["is_deleted"], element["catalog_id"]) == (0, False, 1209)
    row = call.get(f"catalogs/1209/elements/{element['id']}").json()
    assert row["is_deleted"] is None
    assert row["custom_fields_values"][0]["values"] == [{"value": "1490"}]
    call.patch(f"catalogs/1209/elements/{element['id']}", {"name": "Зерно 1 кг"})
    assert call.get(f"catalogs/1209/elements/{element['id']}").json()["name"] == "Зерно 1 кг"
    assert codes(call.post("catalogs/1209/elements", [{}])) == [("0", "FieldMissing", "name")]
    assert call.get("catalogs/1/elements").status_code == 404


def test_elements_know_no_time_filter_and_no_order(call: Caller) -> None:
    everything = call.ids("catalogs/1209/elements?limit=250")
    assert call.ids("catalogs/1209/elements?limit=250&filter[updated_at][from]=9999999999&order[id]=desc") == everything
    assert call.ids(f"catalogs/1209/elements?filter[id]={everything[3]}") == [everything[3]]
    assert call.ids(f"catalogs/1209/elements?id[]={everything[2]}") == [everything[2]]


def test_catalogs(call: Caller) -> None:
    assert {row["type"] for row in call.rows("catalogs")} == {"products", "regular"}
    assert call.rows("catalogs?type=regular")[0]["id"] == 1210
    made = call.post("catalogs", [{"name": "Новый"}]).json()["_embedded"]["catalogs"][0]
    assert (made["request_id"], made["type"]) == ("0", "regular")
    assert call.patch(f"catalogs/{made['id']}", {"name": "Другой"}).json()["name"] == "Другой"
    assert call.post("catalogs", [{"name": str(n)} for n in range(8)]).status_code == 422


# links


def test_linking_writes_is_main_and_reads_main_contact(amo: AmoSandbox, call: Caller) -> None:
    one, two = call.ids("contacts?limit=2")
    lead = call.post("leads", [{"name": "x"}]).json()["_embedded"]["leads"][0]["id"]
    answer = call.post(f"leads/{lead}/link", [{"to_entity_id": one, "to_entity_type": "contacts"}]).json()
    link = answer["_embedded"]["links"][0]
    assert (link["entity_id"], link["entity_type"], link["to_entity_id"]) == (lead, "leads", one)
    call.post(f"leads/{lead}/link", [{"to_entity_id": two, "to_entity_type": "contacts", "metadata": {"is_main": True}}])
    element = {"to_entity_id": 6_000_001, "to_entity_type": "catalog_elements", "metadata": {"catalog_id": 1209, "quantity": 2.5}}
    call.post(f"leads/{lead}/link", [element])
    links = call.get(f"leads/{lead}/links").json()
    assert links["_total_items"] == 3
    assert "page=1&limit=50" in links["_links"]["self"]["href"]
    found = {link["to_entity_id"]: link["metadata"] for link in links["_embedded"]["links"]}
    assert found == {
        one: {"main_contact": False},
        two: {"main_contact": True},
        6_000_001: {"quantity": 2.5, "catalog_id": 1209, "price_id": None},
    }
    assert call.post(f"leads/{lead}/unlink", [{"to_entity_id": two, "to_entity_type": "contacts"}]).status_code == 204
    left = call.get(f"leads/{lead}/links", params={"filter[to_entity_type]": "contacts", "filter[to_entity_id]": one}).json()
    assert left["_embedded"]["links"] == [{"to_entity_id": one, "to_entity_type": "contacts", "metadata": {"main_contact": True}}]


def test_links_in_masses_need_ids(call: Caller) -> None:
    leads = call.ids("leads?limit=2")
    assert call.get("leads/links").status_code == 400
    links = call.get(f"leads/links?filter[entity_id][]={leads[0]}&filter[entity_id][]={leads[1]}").json()["_embedded"]["links"]
    assert {link["entity_id"] for link in links} == set(leads)
    contact = call.ids("contacts?limit=1")[0]
    item = {"entity_id": leads[0], "to_entity_id": contact, "to_entity_type": "contacts"}
    assert call.post("leads/link", [item]).status_code == 200
    assert call.post("leads/unlink", [item]).status_code == 204


def test_impossible_links_are_refused(call: Caller) -> None:
    contact, lead = call.ids("contacts?limit=1")[0], call.ids("leads?limit=1")[0]
    assert codes(call.post(f"contacts/{contact}/link", [{"to_entity_id": lead, "to_entity_type": "leads"}]))[0][1:] == (
        "NotSupportedChoice",
        "to_entity_type",
    )
    assert codes(call.post(f"leads/{lead}/link", [{"to_entity_id": 1, "to_entity_type": "contacts"}]))[0][2] == "to_entity_id"
    bare = {"to_entity_id": 6_000_001, "to_entity_type": "catalog_elements"}
    assert codes(call.post(f"leads/{lead}/link", [bare])) == [("0", "FieldMissing", "metadata.catalog_id")]


def test_a_row_has_one_company_and_linking_moves_updated_at_by_switch(amo: AmoSandbox, call: Caller) -> None:
    contact = call.rows("contacts?limit=1")[0]
    one, two = call.ids("companies?limit=2")
    for company in (one, two):
        call.post(f"contacts/{contact['id']}/link", [{"to_entity_id": company, "to_entity_type": "companies"}])
    row = call.get(f"contacts/{contact['id']}").json()
    assert [company["id"] for company in row["_embedded"]["companies"]] == [two]
    assert row["updated_at"] == contact["updated_at"]
    amo.switches.change({"link_bumps": True})
    call.post(f"companies/{one}/link", [{"to_entity_id": contact["id"], "to_entity_type": "contacts"}])
    row = call.get(f"contacts/{contact['id']}").json()
    assert [company["id"] for company in row["_embedded"]["companies"]] == [one]
    assert row["updated_at"] == pytest.approx(amo.account.now(), abs=2)


# custom fields


def test_definitions_are_made_changed_and_deleted_with_their_values(call: Caller) -> None:
    field = {"name": "Размер", "type": "select", "enums": [{"value": "S"}, {"value": "L", "sort": 5}]}
    made = call.post("contacts/custom_fields", [field]).json()["_embedded"]["custom_fields"][0]
    assert [enum["value"] for enum in made["enums"]] == ["S", "L"]
    assert "is_predefined" in made
    value = [{"field_id": made["id"], "values": [{"value": "L"}]}]
    contact = call.ids("contacts?limit=1")[0]
    call.patch(f"contacts/{contact}", {"custom_fields_values": value})
    assert any(entry["field_id"] == made["id"] for entry in call.get(f"contacts/{contact}").json()["custom_fields_values"])
    assert call.patch(f"contacts/custom_fields/{made['id']}", {"name": "Рост"}).json()["name"] == "Рост"
    assert call.request("DELETE", f"contacts/custom_fields/{made['id']}").status_code == 204
    left = call.get(f"contacts/{contact}").json()["custom_fields_values"] or []
    assert all(entry["field_id"] != made["id"] for entry in left)
    assert codes(call.patch(f"contacts/{contact}", {"custom_fields_values": value}))[0][1:] == (
        "NotSupportedChoice",
        "custom_fields_values.0.field_id",
    )


def test_definition_lists_and_errors(call: Caller) -> None:
    assert {row["type"] for row in call.rows("leads/custom_fields?filter[type][0]=select")} == {"select"}
    keys = call.rows("leads/custom_fields?limit=1")[0].keys()
    assert {"is_computed", "hidden_statuses", "entity_type", "enums", "sort"} <= keys
    assert "catalog_id" in call.rows("catalogs/1209/custom_fields?limit=1")[0]
    assert codes(call.post("leads/custom_fields", [{"name": "x", "type": "select", "code": "OPPORTUNITY_ID"}])) == [
        ("0", "NotSupportedChoice", "code")
    ]
    assert codes(call.post("leads/custom_fields", [{"name": "x", "type": "hologram"}])) == [("0", "NotSupportedChoice", "type")]
    assert call.get("leads/custom_fields/groups").json()["_total_items"] == 1


def test_only_administrators_write_structure(agent: Caller) -> None:
    assert agent.get("leads/custom_fields").status_code == 200
    refused = [
        agent.post("leads/custom_fields", [{"name": "x", "type": "text"}]),
        agent.post("leads/pipelines", [{"name": "x"}]),
        agent.get("users"),
        agent.get("webhooks"),
        agent.post("webhooks", {"destination": "http://127.0.0.1:1/", "settings": ["add_lead"]}),
    ]
    assert [answer.status_code for answer in refused] == [403] * 5
    assert agent.get("contacts?limit=1").status_code == 200


# pipelines


def test_142_and_143_are_in_every_pipeline(call: Caller) -> None:
    body = call.get("leads/pipelines").json()
    assert "_page" not in body
    for pipeline in body["_embedded"]["pipelines"]:
        statuses = {status["id"]: status for status in pipeline["_embedded"]["statuses"]}
        assert {142, 143} <= statuses.keys()
        assert [status["type"] for status in statuses.values()].count(1) == 1
        assert not statuses[142]["is_editable"]
    assert sum(pipeline["is_main"] for pipeline in body["_embedded"]["pipelines"]) == 1


def test_pipelines_and_statuses_can_be_made_and_removed(call: Caller) -> None:
    made = {
        "name": "Третья",
        "sort": 3,
        "is_main": False,
        "is_unsorted_on": False,
        "_embedded": {"statuses": [{"name": "A", "sort": 20}]},
    }
    pipeline = call.post("leads/pipelines", [made]).json()["_embedded"]["pipelines"][0]
    assert [status["name"] for status in pipeline["_embedded"]["statuses"]][1] == "A"
    path = f"leads/pipelines/{pipeline['id']}"
    status = call.post(f"{path}/statuses", [{"name": "B", "sort": 30}]).json()["_embedded"]["statuses"][0]
    lead = call.post("leads", [{"pipeline_id": pipeline["id"], "status_id": status["id"]}]).json()["_embedded"]["leads"][0]["id"]
    assert call.request("DELETE", path).status_code == 422
    assert call.request("DELETE", f"{path}/statuses/{status['id']}").status_code == 204
    assert call.get(f"leads/{lead}").json()["status_id"] == pipeline["_embedded"]["statuses"][1]["id"]
    call.patch(f"leads/{lead}", {"pipeline_id": 4401})
    assert call.request("DELETE", path).status_code == 204
    assert codes(call.request("DELETE", path)) == [("0", "NotSupportedChoice", "id")]
    assert call.patch("leads/pipelines/4401/statuses/142", {"name": "Победа"}).json()["name"] == "Победа"
    assert call.request("DELETE", "leads/pipelines/4401/statuses/142").status_code == 422


# users and account


def test_deleted_users_leave_the_list_and_stay_in_rows(amo: AmoSandbox, call: Caller) -> None:
    contact = call.rows("contacts?limit=1")[0]
    amo.apply_edit({"kind": "users", "id": contact["responsible_user_id"], "delete": True})
    assert contact["responsible_user_id"] not in call.ids("users")
    assert call.get(f"contacts/{contact['id']}").json()["responsible_user_id"] == contact["responsible_user_id"]


def test_the_account_tells_what_is_asked(call: Caller) -> None:
    assert "_embedded" not in call.get("account").json()
    asked = "amojo_id,version,drive_url,is_api_filter_enabled,entity_names,amojo_rights,users_groups,task_types,datetime_settings"
    body: dict[str, Any] = call.get(f"account?with={asked}").json()
    assert body["is_api_filter_enabled"] is True
    assert set(body["_embedded"]) == {"amojo_rights", "users_groups", "task_types", "datetime_settings"}
    assert body["_embedded"]["datetime_settings"]["date_formant"] == "d.m.Y"
    assert {type["id"] for type in body["_embedded"]["task_types"]} >= {1, 2}
