"""Tasks, notes and calls (facts: amocrm 4.4, 4.5)."""

from __future__ import annotations

from typing import Any

import pytest

from crm_pipeline.sandbox.amocrm import AmoSandbox

from .caller import Caller, codes

CALL = {"duration": 0, "source": "pbx", "phone": "+79001112233"}


def new_task(call: Caller, **more: Any) -> dict[str, Any]:
    answer = call.post("tasks", [{"text": "Перезвонить", "complete_till": 1_900_000_000} | more])
    assert answer.status_code == 200, answer.text
    return call.get(f"tasks/{answer.json()['_embedded']['tasks'][0]['id']}").json()


def test_a_task_needs_text_and_deadline(call: Caller) -> None:
    assert codes(call.post("tasks", [{}])) == [("0", "FieldMissing", "text"), ("0", "FieldMissing", "complete_till")]
    assert codes(call.post("tasks", [{"text": " ", "complete_till": 1}])) == [("0", "NotBlank", "text")]
    wrong = {"text": "x", "complete_till": 1, "task_type_id": 77, "entity_id": 1, "entity_type": "leads"}
    assert codes(call.post("tasks", [wrong])) == [
        ("0", "NotSupportedChoice", "task_type_id"),
        ("0", "NotSupportedChoice", "entity_id"),
    ]
    assert codes(call.post("tasks", [{"text": "x", "complete_till": 1, "entity_id": 5}])) == [
        ("0", "FieldMissing", "entity_type")
    ]


def test_a_task_is_completed_with_a_result(call: Caller) -> None:
    lead = call.ids("leads?limit=1")[0]
    task = new_task(call, entity_id=lead, entity_type="leads")
    assert (task["result"], task["is_completed"], task["responsible_user_id"], task["task_type_id"]) == ([], False, 900000, 1)
    answer = call.patch(f"tasks/{task['id']}", {"is_completed": True, "result": {"text": "Договорились"}}).json()
    assert set(answer) == {"id", "updated_at", "request_id", "_links"}
    done = call.get(f"tasks/{task['id']}").json()
    assert (done["is_completed"], done["result"]) == (True, {"text": "Договорились"})
    free = new_task(call)
    assert (free["entity_id"], free["entity_type"]) == (None, None)
    assert call.request("DELETE", f"tasks/{free['id']}").status_code == 405


def test_task_filters(call: Caller) -> None:
    tasks = call.rows("tasks?limit=250")
    target = next(task for task in tasks if task["entity_type"] == "leads")
    kind = {task["id"] for task in tasks if task["entity_type"] == "leads"}
    assert set(call.ids("tasks?limit=250&filter[entity_type]=leads")) == kind
    one = {task["id"] for task in tasks if (task["entity_type"], task["entity_id"]) == ("leads", target["entity_id"])}
    assert set(call.ids(f"tasks?filter[entity_type]=leads&filter[entity_id][]={target['entity_id']}")) == one
    assert len(call.ids(f"tasks?limit=250&filter[entity_id]={target['entity_id']}")) == len(tasks)
    done = {task["id"] for task in tasks if task["is_completed"]}
    assert set(call.ids("tasks?limit=250&filter[is_completed]=1")) == done
    assert set(call.ids("tasks?limit=250&filter[is_completed]=0")) == {task["id"] for task in tasks} - done
    assert set(call.ids("tasks?limit=250&filter[task_type][]=2")) == {task["id"] for task in tasks if task["task_type_id"] == 2}


def test_the_closest_task_shows_on_its_row_and_moves_updated_at_by_switch(amo: AmoSandbox, call: Caller) -> None:
    call.post("leads", [{"name": "x"}])
    lead = call.rows("leads?limit=1&order[id]=desc")[0]
    amo.clock.advance(50)
    late = new_task(call, entity_id=lead["id"], entity_type="leads")
    soon = new_task(call, entity_id=lead["id"], entity_type="leads", complete_till=1_800_000_000)
    row = call.get(f"leads/{lead['id']}").json()
    assert (row["closest_task_at"], row["updated_at"]) == (1_800_000_000, lead["updated_at"])
    amo.switches.change({"task_bumps": True})
    call.patch("tasks", [{"id": soon["id"], "is_completed": True}])
    row = call.get(f"leads/{lead['id']}").json()
    assert row["closest_task_at"] == late["complete_till"]
    assert row["updated_at"] >= lead["updated_at"] + 50


@pytest.mark.parametrize(
    ("type", "params", "errors"),
    [
        ("common", {}, [("FieldMissing", "params.text")]),
        ("common", {"text": 5}, [("InvalidType", "params.text")]),
        ("call_in", CALL | {"source": ""}, [("NotBlank", "params.source")]),
        ("call_in", CALL | {"source": None}, [("NotNullable", "params.source")]),
        ("call_out", {"source": "pbx", "phone": "1"}, [("FieldMissing", "params.duration")]),
        ("sms_in", {"text": "x", "phone": "1", "uniq": "u"}, [("FieldNotExpected", "params.uniq")]),
        ("lead_created", {"text": "x"}, [("NotSupportedChoice", "note_type")]),
    ],
)
def test_note_params_are_checked(call: Caller, type: str, params: dict[str, Any], errors: list[tuple[str, str]]) -> None:
    note = {"entity_id": call.ids("leads?limit=1")[0], "note_type": type, "params": params}
    assert codes(call.post("leads/notes", [note])) == [("0", code, path) for code, path in errors]


def test_notes_are_created_by_both_paths_and_read_by_all(call: Caller) -> None:
    lead = call.ids("leads?limit=1")[0]
    note = {"note_type": "call_in", "params": CALL | {"uniq": "u-1", "duration": 63}, "created_at": 1_700_000_000}
    first = call.post("leads/notes", [note | {"entity_id": lead}]).json()["_embedded"]["notes"][0]
    second = call.post(f"leads/{lead}/notes", [note]).json()["_embedded"]["notes"][0]
    assert set(first) == {"id", "entity_id", "request_id", "_links"}
    assert first["entity_id"] == second["entity_id"] == lead
    assert first["id"] != second["id"]
    row = call.get(f"leads/{lead}/notes/{first['id']}").json()
    assert (row["created_at"], row["params"]["duration"]) == (1_700_000_000, 63)
    assert call.get(f"leads/notes/{first['id']}").json() == row
    assert call.get(f"leads/{lead + 1}/notes/{first['id']}").status_code == 204
    assert {first["id"], second["id"]} <= set(call.ids(f"leads/{lead}/notes?limit=250"))
    assert first["id"] in call.ids(f"leads/notes?limit=250&filter[entity_id][]={lead}&filter[note_type]=call_in")
    assert codes(call.post("leads/notes", [note])) == [("0", "FieldMissing", "entity_id")]


def test_note_ids_are_unique_across_kinds(call: Caller) -> None:
    note = {"note_type": "common", "params": {"text": "x"}}
    ids = []
    for kind in ("leads", "contacts", "companies"):
        row = call.ids(f"{kind}?limit=1")[0]
        ids += [call.post(f"{kind}/{row}/notes", [note]).json()["_embedded"]["notes"][0]["id"] for _ in range(3)]
    assert len(set(ids)) == 9


def test_a_note_is_changed_with_its_type(amo: AmoSandbox, call: Caller) -> None:
    contact = call.ids("contacts?limit=1")[0]
    id = call.post(f"contacts/{contact}/notes", [{"note_type": "common", "params": {"text": "a"}}]).json()["_embedded"]["notes"][
        0
    ]["id"]
    assert codes(call.patch("contacts/notes", [{"id": id, "params": {"text": "b"}}])) == [("0", "FieldMissing", "note_type")]
    call.patch(f"contacts/{contact}/notes/{id}", {"note_type": "common", "params": {"text": "b"}})
    assert call.get(f"contacts/notes/{id}").json()["params"] == {"text": "b"}
    assert call.post(f"contacts/notes/{id}/pin", []).status_code == 204
    amo.apply_edit({"kind": "contacts_notes", "id": id, "delete": True})
    assert call.get(f"contacts/notes/{id}").status_code == 204


def test_a_note_moves_updated_at_by_switch(amo: AmoSandbox, call: Caller) -> None:
    contact = call.rows("contacts?limit=1")[0]
    note = [{"note_type": "common", "params": {"text": "x"}}]
    call.post(f"contacts/{contact['id']}/notes", note)
    assert call.get(f"contacts/{contact['id']}").json()["updated_at"] == contact["updated_at"]
    amo.switches.change({"note_bumps": True})
    call.post(f"contacts/{contact['id']}/notes", note)
    assert call.get(f"contacts/{contact['id']}").json()["updated_at"] == pytest.approx(amo.account.now(), abs=2)


def test_calls_find_their_row_by_the_last_ten_digits(call: Caller) -> None:
    phone = [{"field_code": "PHONE", "values": [{"value": "8 (999) 123-45-67"}]}]
    contact = call.post("contacts", [{"name": "x", "custom_fields_values": phone}]).json()["_embedded"]["contacts"][0]["id"]
    sent = {"direction": "inbound", "duration": 5, "source": "pbx", "phone": "+79991234567"}
    answer = call.post("calls", [sent, sent | {"phone": "+70000000001"}]).json()
    assert (answer["_total_items"], len(answer["errors"])) == (1, 1)
    added = answer["_embedded"]["calls"][0]
    assert (added["entity_id"], added["entity_type"], added["request_id"]) == (contact, "contact", "0")
    lead = call.post("leads", [{"name": "x", "_embedded": {"contacts": [{"id": contact}]}}]).json()["_embedded"]["leads"][0]["id"]
    added = call.post("calls", [sent]).json()["_embedded"]["calls"][0]
    assert (added["entity_id"], added["entity_type"]) == (lead, "lead")
    assert call.get(f"leads/{lead}/notes/{added['id']}").json()["note_type"] == "call_in"
    assert codes(call.post("calls", [{"direction": "inbound"}]))[0] == ("0", "FieldMissing", "duration")
