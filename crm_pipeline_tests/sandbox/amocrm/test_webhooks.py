"""Webhooks, delivered to a real server: bodies, retries, switching off, quirks (facts: amocrm 8)."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from typing import Any
from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_pipeline.sandbox.amocrm import AmoSandbox
from crm_pipeline.sandbox.amocrm.brackets import flatten, parse
from crm_pipeline.sandbox.amocrm.delivery import next_delay

from .caller import Caller, codes

MINUTE, HOUR = 60, 3600


class Receiver:
    """A server that takes webhooks and answers a chosen status; waits on a condition, never on time."""

    def __init__(self) -> None:
        self.status: Callable[[], int] = lambda: 200
        self.bodies: list[dict[str, Any]] = []
        self.types: list[str] = []
        self.came = threading.Condition()
        self.release = threading.Event()
        self.release.set()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                raw = self.rfile.read(int(self.headers["Content-Length"])).decode()
                with receiver.came:
                    receiver.bodies.append(parse(parse_qsl(raw, keep_blank_values=True)))
                    receiver.types.append(self.headers["Content-Type"])
                    status = receiver.status()
                    receiver.came.notify_all()
                receiver.release.wait(20)
                self.send_response(status)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                return

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook"

    def wait(self, count: int) -> list[dict[str, Any]]:
        with self.came:
            assert self.came.wait_for(lambda: len(self.bodies) >= count, 10), f"{len(self.bodies)} of {count} came"
            return list(self.bodies)

    def close(self) -> None:
        self.release.set()
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    yield receiver
    receiver.close()


def subscribe(call: Caller, receiver: Receiver, *settings: str) -> dict[str, Any]:
    answer = call.post("webhooks", {"destination": receiver.url, "settings": list(settings)})
    assert answer.status_code == 201, answer.text
    return answer.json()


def settled(amo: AmoSandbox, attempts: int) -> None:
    """Wait until so many attempts have been answered and judged."""
    with amo.courier.changed:
        assert amo.courier.changed.wait_for(lambda: len(amo.courier.log) >= attempts and not amo.courier.in_flight, 10)


def test_subscriptions_are_upserted_listed_and_removed(call: Caller, receiver: Receiver) -> None:
    made = subscribe(call, receiver, "add_lead")
    again = subscribe(call, receiver, "add_lead", "update_contact")
    assert again["id"] == made["id"]
    assert (again["settings"], again["disabled"], again["sort"]) == (["add_lead", "update_contact"], False, 1)
    assert call.get("webhooks").json()["_total_items"] == 1
    assert call.get("webhooks", params={"filter[destination]": receiver.url}).json()["_embedded"]["webhooks"][0] == again
    assert call.get("webhooks", params={"filter[destination]": "http://other/"}).status_code == 204
    assert call.request("DELETE", "webhooks", json={"destination": receiver.url}).status_code == 204
    assert call.request("DELETE", "webhooks", json={"destination": receiver.url}).status_code == 404
    assert codes(call.post("webhooks", {"destination": "http://пример.рф/", "settings": ["nope"]})) == [
        ("0", "NotSupportedChoice", "destination"),
        ("0", "NotSupportedChoice", "settings.0"),
    ]


def test_a_change_of_a_lead_arrives_as_a_form_with_legacy_names(amo: AmoSandbox, call: Caller, receiver: Receiver) -> None:
    subscribe(call, receiver, "update_lead", "status_lead", "responsible_lead")
    lead = call.ids("leads?limit=1&filter[pipeline_id]=4401")[0]
    before = call.get(f"leads/{lead}").json()
    city = [{"field_id": 302, "values": [{"enum_id": 30201}]}, {"field_id": 305, "values": [{"value": True}]}]
    status = 440101 if before["status_id"] != 440101 else 440102
    call.patch(f"leads/{lead}", {"status_id": status, "custom_fields_values": city, "responsible_user_id": 900000})
    bodies = receiver.wait(3)
    assert receiver.types[0] == "application/x-www-form-urlencoded"
    found = {action: items["0"] for body in bodies for action, items in body["leads"].items()}
    assert set(found) == {"update", "status", "responsible"}
    row = call.get(f"leads/{lead}").json()
    update = found["update"]
    assert (update["id"], update["price"], update["status_id"]) == (str(lead), str(row["price"]), str(status))
    assert (update["last_modified"], update["modified_user_id"]) == (str(row["updated_at"]), "900000")
    assert (update["date_create"], update["created_user_id"]) == (str(row["created_at"]), str(row["created_by"]))
    fields = {field["id"]: field for field in update["custom_fields"].values()}
    assert fields["302"]["values"]["0"] == {"value": "Казань", "enum": "30201"}
    assert fields["305"]["values"]["0"] == "1"
    assert found["status"]["old_status_id"] == str(before["status_id"])
    assert found["responsible"]["old_responsible_user_id"] == str(before["responsible_user_id"])
    assert bodies[0]["account"] == {"id": str(row["account_id"]), "subdomain": "acme", "_links": {"self": amo.url}}


def test_people_and_companies_come_under_contacts(call: Caller, receiver: Receiver) -> None:
    subscribe(call, receiver, "add_contact", "add_company")
    call.post("contacts", [{"name": "К"}])
    call.post("companies", [{"name": "О"}])
    items = [body["contacts"]["add"]["0"] for body in receiver.wait(2)]
    assert {(item["type"], item["name"]) for item in items} == {("contact", "К"), ("company", "О")}


def test_deletes_are_an_object_or_a_scalar(amo: AmoSandbox, call: Caller, receiver: Receiver) -> None:
    subscribe(call, receiver, "delete_lead", "restore_lead", "delete_contact")
    one, two = call.ids("leads?limit=2")
    contact = call.ids("contacts?limit=1")[0]
    amo.apply_edit({"kind": "leads", "id": one, "delete": True})
    (body,) = receiver.wait(1)
    assert set(body["leads"]["delete"]["0"]) == {"id", "status_id", "pipeline_id"}
    amo.apply_edit({"kind": "leads", "id": one, "restore": True})
    assert receiver.wait(2)[1]["leads"]["restore"]["0"]["id"] == str(one)
    amo.apply_edit({"kind": "contacts", "id": contact, "delete": True})
    assert receiver.wait(3)[2]["contacts"]["delete"]["0"] == {"id": str(contact), "type": "contact"}
    amo.switches.change({"webhook_delete_shape": "scalar"})
    amo.apply_edit({"kind": "leads", "id": two, "delete": True})
    assert receiver.wait(4)[3]["leads"] == {"delete": str(two)}


def test_tasks_carry_local_dates(amo: AmoSandbox, call: Caller, receiver: Receiver) -> None:
    subscribe(call, receiver, "add_task", "update_task", "delete_task")
    task = {"text": "x", "complete_till": 1_767_560_400, "entity_id": call.ids("leads?limit=1")[0], "entity_type": "leads"}
    id = call.post("tasks", [task]).json()["_embedded"]["tasks"][0]["id"]
    added = receiver.wait(1)[0]["task"]["add"]["0"]
    assert (added["complete_till"], added["complete_before"], added["element_type"]) == ("2026-01-05 00:00:00", "1767560400", "2")
    amo.switches.change({"webhook_task_dates": "utc", "webhook_task_nested": True})
    call.patch(f"tasks/{id}", {"is_completed": True, "result": {"text": "ok"}})
    changed = receiver.wait(2)[1]["task"]["update"]["0"]["0"]
    assert (changed["complete_till"], changed["action_close"], changed["status"]) == ("2026-01-04 21:00:00", "1", "1")
    assert changed["result"]["text"] == "ok"
    amo.apply_edit({"kind": "tasks", "id": id, "delete": True})
    assert receiver.wait(3)[2]["task"]["delete"]["0"] == {"id": str(id)}


def test_notes_arrive_with_their_text(call: Caller, receiver: Receiver) -> None:
    subscribe(call, receiver, "note_lead")
    lead = call.ids("leads?limit=1")[0]
    call.post(f"leads/{lead}/notes", [{"note_type": "common", "params": {"text": "привет"}}])
    note = receiver.wait(1)[0]["leads"]["note"]["0"]["note"]
    assert (note["text"], note["note_type"], note["element_id"]) == ("привет", "4", str(lead))


def test_birthdays_and_dates_are_day_texts(call: Caller, receiver: Receiver) -> None:
    subscribe(call, receiver, "add_contact")
    born = [{"field_id": 104, "values": [{"value": 1_767_560_400}]}]
    call.post("contacts", [{"name": "x", "custom_fields_values": born}])
    field = receiver.wait(1)[0]["contacts"]["add"]["0"]["custom_fields"]["0"]
    assert field["values"]["0"] == "05.01.2026"


@pytest.mark.parametrize(("status", "attempts"), [(200, 1), (404, 3), (302, 3), (500, 5), (499, 5)])
def test_retries_follow_the_table(amo: AmoSandbox, call: Caller, receiver: Receiver, status: int, attempts: int) -> None:
    amo.clock.freeze()
    receiver.status = lambda: status
    subscribe(call, receiver, "add_lead")
    call.post("leads", [{"name": "x"}])
    delays = [5 * MINUTE, 15 * MINUTE, 15 * MINUTE, HOUR]
    for done, delay in enumerate(delays, 1):
        if done >= attempts:
            break
        settled(amo, done)
        amo.clock.advance(delay - 1)
        assert len(amo.courier.log) == done
        amo.clock.advance(1)
    settled(amo, attempts)
    assert amo.courier.pending == 0
    times = [one.due for one in amo.courier.log]
    assert [round(b - a) for a, b in pairwise(times)] == delays[: attempts - 1]
    assert [one.attempt for one in amo.courier.log] == list(range(1, attempts + 1))


def test_an_answer_later_than_the_deadline_is_none(amo: AmoSandbox, call: Caller, receiver: Receiver) -> None:
    amo.clock.freeze()
    amo.switches.change({"webhook_deadline": 0.2})
    receiver.release.clear()
    subscribe(call, receiver, "add_lead")
    call.post("leads", [{"name": "x"}])
    settled(amo, 1)
    assert amo.courier.log[0].status == 0
    assert amo.courier.pending == 1


def test_more_than_a_hundred_bad_answers_switch_a_webhook_off(amo: AmoSandbox, call: Caller, receiver: Receiver) -> None:
    amo.clock.freeze()
    receiver.status = lambda: 404
    subscribe(call, receiver, "add_contact")
    call.post("contacts", [{"name": str(n)} for n in range(100)])
    settled(amo, 100)
    assert call.rows("webhooks")[0]["disabled"] is False
    call.post("contacts", [{"name": "last"}])
    settled(amo, 101)
    assert call.rows("webhooks")[0]["disabled"] is True
    came = len(receiver.bodies)
    call.post("contacts", [{"name": "unheard"}])
    assert amo.courier.in_flight == 0
    assert len(receiver.bodies) == came
    assert subscribe(call, receiver, "add_contact")["disabled"] is False


def test_reposting_may_leave_a_webhook_off(amo: AmoSandbox, call: Caller, receiver: Receiver) -> None:
    made = subscribe(call, receiver, "add_contact")
    amo.account.hooks.disable(made["id"])
    amo.switches.change({"webhook_repost_enables": False})
    assert subscribe(call, receiver, "add_contact")["disabled"] is True


def test_duplicates_by_switch(amo: AmoSandbox, call: Caller, receiver: Receiver) -> None:
    amo.switches.change({"webhook_duplicate": True})
    subscribe(call, receiver, "add_contact")
    call.post("contacts", [{"name": "x"}])
    one, two = receiver.wait(2)
    assert one == two


def test_reordering_by_switch(amo: AmoSandbox, call: Caller, receiver: Receiver) -> None:
    amo.switches.change({"webhook_reorder": True})
    subscribe(call, receiver, "add_contact")
    names = [f"n{n}" for n in range(30)]
    call.post("contacts", [{"name": name} for name in names])
    came = [body["contacts"]["add"]["0"]["name"] for body in receiver.wait(30)]
    assert sorted(came) == sorted(names)
    assert came != names


@given(attempt=st.integers(1, 6), status=st.integers(0, 599))
def test_the_delay_is_the_documented_one(attempt: int, status: int) -> None:
    delay = next_delay(attempt, status)
    if 100 <= status < 300 or attempt >= 5:
        assert delay is None
    elif attempt <= 2:
        assert delay == (300, 900)[attempt - 1]
    else:
        assert delay == ((900, 3600)[attempt - 3] if status == 499 or status >= 500 else None)


NAMES = st.text("abcdefg_", min_size=1, max_size=5)


@given(
    st.dictionaries(
        NAMES, st.recursive(st.text(max_size=5), lambda inner: st.dictionaries(NAMES, inner, min_size=1), max_leaves=5)
    )
)
def test_brackets_flatten_and_parse_back(tree: dict[str, Any]) -> None:
    assert parse(flatten(tree)) == tree
