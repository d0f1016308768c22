"""Trash, restore, purge, merge, and the events of every change (facts: amocrm 4.12, 4.14)."""

from __future__ import annotations

from typing import Any

import pytest

from crm_pipeline.sandbox.amocrm import AmoSandbox

from .caller import Caller

KINDS = pytest.mark.parametrize("kind", ["leads", "contacts", "companies"])
ONE = {"leads": "lead", "contacts": "contact", "companies": "company"}


def events(call: Caller, **filters: Any) -> list[dict[str, Any]]:
    answer = call.get("events", params={f"filter[{name}]": value for name, value in filters.items()} | {"limit": 100})
    return answer.json()["_embedded"]["events"] if answer.status_code == 200 else []


def values(call: Caller, type: str, entity: str, id: int) -> list[tuple[Any, Any]]:
    return [(event["value_before"], event["value_after"]) for event in events(call, type=type, entity=entity, entity_id=id)]


@KINDS
def test_trash_restore_and_purge(amo: AmoSandbox, call: Caller, kind: str) -> None:
    id = call.ids(f"{kind}?limit=1")[0]
    amo.apply_edit({"kind": kind, "id": id, "delete": True})
    assert id not in call.ids(f"{kind}?limit=250")
    assert call.get(f"{kind}/{id}").status_code == 204
    (gone,) = call.rows(f"{kind}?with=only_deleted")
    assert set(gone) == {"id", "updated_at", "updated_by", "is_deleted", "account_id"}
    assert (gone["id"], gone["is_deleted"]) == (id, True)
    assert call.get(f"{kind}?with=only_deleted&filter[updated_at][from]={gone['updated_at'] + 5}").status_code == 204
    assert call.patch(f"{kind}/{id}", {"name": "x"}).status_code == 404
    amo.apply_edit({"kind": kind, "id": id, "restore": True})
    assert call.get(f"{kind}/{id}").json()["is_deleted"] is False
    assert call.get(f"{kind}?with=only_deleted").status_code == 204
    amo.apply_edit({"kind": kind, "id": id, "purge": True})
    assert call.get(f"{kind}?with=only_deleted").status_code == 204
    assert id not in call.ids(f"{kind}?limit=250")
    types = [event["type"] for event in events(call, entity=ONE[kind], entity_id=id)]
    assert types.count(f"{ONE[kind]}_deleted") == 2
    assert types.count(f"{ONE[kind]}_restored") == 1
    assert values(call, f"{ONE[kind]}_deleted", ONE[kind], id)[0] == ([], [])


def test_a_deleted_row_reads_as_204_404_or_itself(amo: AmoSandbox, call: Caller) -> None:
    id = call.ids("leads?limit=1")[0]
    amo.apply_edit({"kind": "leads", "id": id, "delete": True})
    amo.switches.change({"deleted_entity": "404"})
    assert call.get(f"leads/{id}").status_code == 404
    amo.switches.change({"deleted_entity": "body"})
    assert call.get(f"leads/{id}").json()["is_deleted"] is True


def test_contacts_may_not_know_only_deleted(amo: AmoSandbox, call: Caller) -> None:
    amo.switches.change({"only_deleted_everywhere": False})
    assert len(call.ids("contacts?limit=250&with=only_deleted")) == 60
    assert call.get("leads?with=only_deleted").status_code == 204


def test_a_trashed_company_leaves_its_people_and_comes_back(amo: AmoSandbox, call: Caller) -> None:
    company = next(
        row for row in call.rows("companies?with=contacts,leads") if row["_embedded"]["contacts"] and row["_embedded"]["leads"]
    )
    contact = company["_embedded"]["contacts"][0]["id"]
    amo.apply_edit({"kind": "companies", "id": company["id"], "delete": True})
    assert call.get(f"contacts/{contact}").json()["_embedded"]["companies"] == []
    amo.apply_edit({"kind": "companies", "id": company["id"], "restore": True})
    again = call.get(f"companies/{company['id']}?with=contacts,leads").json()
    for part in ("contacts", "leads"):
        assert [row["id"] for row in again["_embedded"][part]] == [row["id"] for row in company["_embedded"][part]]


def test_a_trashed_contact_leaves_its_leads_and_comes_back(amo: AmoSandbox, call: Caller) -> None:
    contact = next(row for row in call.rows("contacts?limit=250&with=leads") if row["_embedded"]["leads"])
    lead = contact["_embedded"]["leads"][0]["id"]
    before = call.get(f"leads/{lead}?with=contacts").json()["_embedded"]["contacts"]
    amo.apply_edit({"kind": "contacts", "id": contact["id"], "delete": True})
    assert contact["id"] not in [row["id"] for row in call.get(f"leads/{lead}?with=contacts").json()["_embedded"]["contacts"]]
    amo.apply_edit({"kind": "contacts", "id": contact["id"], "restore": True})
    after = call.get(f"leads/{lead}?with=contacts").json()["_embedded"]["contacts"]
    assert {(row["id"], row["is_main"]) for row in after} == {(row["id"], row["is_main"]) for row in before}


def test_a_merge_moves_everything_and_names_nobody(amo: AmoSandbox, call: Caller) -> None:
    contacts = call.rows("contacts?limit=250&with=leads")
    loser = next(row for row in contacts if row["_embedded"]["leads"])
    winner = next(row for row in contacts if row["id"] != loser["id"])
    lead = loser["_embedded"]["leads"][0]["id"]
    note = call.post(f"contacts/{loser['id']}/notes", [{"note_type": "common", "params": {"text": "x"}}]).json()["_embedded"][
        "notes"
    ][0]["id"]
    task = {"text": "x", "complete_till": 1_900_000_000, "entity_id": loser["id"], "entity_type": "contacts"}
    task_id = call.post("tasks", [task]).json()["_embedded"]["tasks"][0]["id"]
    amo.apply_edit({"kind": "contacts", "merge": [winner["id"], loser["id"]]})
    assert call.get(f"contacts/{loser['id']}").status_code == 204
    assert call.get("contacts?with=only_deleted").status_code == 204
    assert lead in [row["id"] for row in call.get(f"contacts/{winner['id']}?with=leads").json()["_embedded"]["leads"]]
    assert call.get(f"contacts/{winner['id']}/notes/{note}").status_code == 200
    assert call.get(f"tasks/{task_id}").json()["entity_id"] == winner["id"]
    assert values(call, "entity_merged", "contact", winner["id"]) == [([], [])]
    assert events(call, entity="contact", entity_id=loser["id"], type="contact_deleted") == []


def test_every_change_of_a_lead_is_an_event_with_its_shape(call: Caller) -> None:
    id = call.post("leads", [{"name": "a", "price": 1}]).json()["_embedded"]["leads"][0]["id"]
    call.patch(f"leads/{id}", {"name": "b", "price": 2, "status_id": 143, "responsible_user_id": 900001})
    city = [{"field_id": 302, "values": [{"enum_id": 30200}]}]
    call.patch(f"leads/{id}", {"custom_fields_values": city, "tags_to_add": [{"name": "x"}, {"name": "y"}]})
    call.patch(f"leads/{id}", {"tags_to_delete": [{"name": "x"}]})
    shapes = {
        "lead_added": ([], []),
        "name_field_changed": ([{"name_field_value": {"name": "a"}}], [{"name_field_value": {"name": "b"}}]),
        "sale_field_changed": ([{"sale_field_value": {"sale": 1}}], [{"sale_field_value": {"sale": 2}}]),
        "lead_status_changed": (
            [{"lead_status": {"id": 440101, "pipeline_id": 4401}}],
            [{"lead_status": {"id": 143, "pipeline_id": 4401}}],
        ),
        "entity_responsible_changed": ([{"responsible_user": {"id": 900000}}], [{"responsible_user": {"id": 900001}}]),
        "custom_field_value_changed": (
            [],
            [{"custom_field_value": {"field_id": 302, "field_type": 4, "enum_id": 30200, "text": "Москва"}}],
        ),
        "entity_tag_added": ([], [{"tag": {"name": "x"}}, {"tag": {"name": "y"}}]),
        "entity_tag_deleted": ([{"tag": {"name": "x"}}], []),
    }
    assert {event["type"] for event in events(call, entity="lead", entity_id=id)} == shapes.keys()
    for type, shape in shapes.items():
        assert values(call, type, "lead", id) == [shape], type


def test_events_of_tasks_notes_and_links(amo: AmoSandbox, call: Caller) -> None:
    lead, contact = call.post("leads", [{"name": "a"}]).json()["_embedded"]["leads"][0]["id"], call.ids("contacts?limit=1")[0]
    task = call.post("tasks", [{"text": "a", "complete_till": 5}]).json()["_embedded"]["tasks"][0]["id"]
    call.patch(f"tasks/{task}", {"text": "b", "complete_till": 6, "task_type_id": 2})
    call.patch(f"tasks/{task}", {"is_completed": True})
    assert values(call, "task_text_changed", "task", task) == [([{"task": {"text": "a"}}], [{"task": {"text": "b"}}])]
    assert values(call, "task_deadline_changed", "task", task)[0][1] == [{"task_deadline": {"timestamp": 6}}]
    assert values(call, "task_type_changed", "task", task)[0][1] == [{"task_type": {"id": 2}}]
    assert values(call, "task_completed", "task", task) == values(call, "task_added", "task", task) == [([], [])]
    note = call.post(f"leads/{lead}/notes", [{"note_type": "common", "params": {"text": "x"}}]).json()["_embedded"]["notes"][0][
        "id"
    ]
    assert values(call, "common_note_added", "lead", lead) == [([], [{"note": {"id": note}}])]
    call.post(f"leads/{lead}/link", [{"to_entity_id": contact, "to_entity_type": "contacts"}])
    call.post(f"leads/{lead}/unlink", [{"to_entity_id": contact, "to_entity_type": "contacts"}])
    link = [{"link": {"entity": {"type": "contact", "id": contact}}}]
    assert values(call, "entity_linked", "lead", lead) == [([], link)]
    assert values(call, "entity_unlinked", "lead", lead) == [(link, [])]
    assert values(call, "entity_linked", "contact", contact)[0][1] == [{"link": {"entity": {"type": "lead", "id": lead}}}]
    amo.switches.change({"unlink_key": "unlink"})
    call.post(f"leads/{lead}/link", [{"to_entity_id": contact, "to_entity_type": "contacts"}])
    call.post(f"leads/{lead}/unlink", [{"to_entity_id": contact, "to_entity_type": "contacts"}])
    assert values(call, "entity_unlinked", "lead", lead)[0] == ([], [{"unlink": {"entity": {"type": "contact", "id": contact}}}])


def test_one_event_and_its_neighbours(call: Caller) -> None:
    event = call.rows("events?limit=1&with=lead_name")[0]
    assert len(event["id"]) == 26
    assert event["id"] == event["id"].lower()
    assert event["_embedded"]["entity"]["name"] == call.get(f"leads/{event['entity_id']}").json()["name"]
    again = call.get(f"events/{event['id']}").json()
    assert again["_embedded"]["entity"].keys() == {"id", "_links"}
    assert again["id"] == event["id"]
    assert call.get(f"events/{'0' * 26}").status_code == 204
    assert {"key", "type", "lang"} == call.rows("events/types")[0].keys()


def test_event_filters(amo: AmoSandbox, call: Caller) -> None:
    lead = call.ids("leads?limit=1")[0]
    assert call.get(f"events?filter[entity_id]={lead}").status_code == 400
    assert call.get(f"events?filter[entity]=lead,contact&filter[entity_id]={lead}").status_code == 400
    assert call.get("events", params={"filter[created_by]": ",".join(map(str, range(11)))}).status_code == 400
    assert call.get("events?filter[type]=custom_field_303_value_changed,lead_added").status_code == 400
    id = call.post("leads", [{"name": "a"}]).json()["_embedded"]["leads"][0]["id"]
    for text in ("7", "8"):
        call.patch(f"leads/{id}", {"custom_fields_values": [{"field_id": 303, "values": [{"value": text}]}], "status_id": 440102})
    for key in ("custom_field_value_changed", "custom_field_303_value_changed"):
        assert len(events(call, type=key)) == 2
    assert events(call, type="custom_field_302_value_changed") == []
    assert len(call.rows("events?filter[type]=custom_field_303_value_changed&filter[value_after][value]=8")) == 1
    path = "filter[value_after][leads_statuses][0][pipeline_id]=4401&filter[value_after][leads_statuses][0][status_id]=440102"
    assert [event["entity_id"] for event in call.rows(f"events?{path}")] == [id]
    mine = [event["id"] for event in events(call, entity="lead", entity_id=id)]
    assert {row["id"] for row in call.rows(f"events?filter[id]={mine[0]},{mine[1]}")} == set(mine[:2])
    amo.switches.change({"custom_field_event": "by-id"})
    call.patch(f"leads/{id}", {"custom_fields_values": [{"field_id": 303, "values": [{"value": "9"}]}]})
    assert events(call, type="custom_field_303_value_changed")[0]["type"] == "custom_field_303_value_changed"


def test_a_seeded_lead_has_the_event_of_its_closing(call: Caller) -> None:
    closed = next(row for row in call.rows("leads?limit=250") if row["closed_at"])
    (event,) = events(call, type="lead_status_changed", entity="lead", entity_id=closed["id"])
    assert event["created_at"] == closed["closed_at"]
    assert event["value_after"] == [{"lead_status": {"id": closed["status_id"], "pipeline_id": closed["pipeline_id"]}}]
