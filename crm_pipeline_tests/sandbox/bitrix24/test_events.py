"""Events: online posts, the offline queue, connectors (facts: bitrix24 8)."""

from __future__ import annotations

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from queue import Queue
from threading import Thread
from typing import Any

import pytest

from crm_pipeline.sandbox.bitrix24 import brackets

from .portal_client import AppClient, PortalClient, portal

OFFLINE = {"event_type": "offline"}


@pytest.fixture
def app(empty: PortalClient) -> AppClient:
    return empty.app()


@pytest.fixture
def handler() -> Iterator[tuple[str, Queue[dict[str, Any]]]]:
    heard: Queue[dict[str, Any]] = Queue()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            heard.put(brackets.parse(self.rfile.read(int(self.headers["Content-Length"])).decode()))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *args: Any) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/hear", heard
    server.shutdown()
    server.server_close()


def events(client: PortalClient, **params: Any) -> list[dict[str, Any]]:
    return client.call("event.offline.get", **params)["events"]


def test_online_event_is_a_form_with_the_id_and_tokens(app: AppClient, handler: tuple[str, Queue[dict[str, Any]]]) -> None:
    address, heard = handler
    assert app.call("event.bind", event="OnCrmDealUpdate", handler=address) is True
    assert app.call("event.get") == [{"event": "ONCRMDEALUPDATE", "handler": address, "auth_type": "0", "offline": 0}]
    deal = app.call("crm.deal.add", fields={"TITLE": "X"})
    app.call("crm.deal.update", id=deal, fields={"TITLE": "Y"})
    told = heard.get(timeout=10)
    assert (told["event"], told["data"], told["event_handler_id"]) == ("ONCRMDEALUPDATE", {"FIELDS": {"ID": str(deal)}}, "201")
    auth = told["auth"]
    assert auth["application_token"] == app.sandbox.credentials()["application_token"]
    assert app.http.post(app.base + "profile", json={"auth": auth["access_token"]}, timeout=10).status_code == 200
    assert app.call("event.unbind", event="ONCRMDEALUPDATE", handler=address) == {"count": 1}
    assert app.call("event.get") == []


def test_outgoing_webhook_gets_no_tokens(app: AppClient, handler: tuple[str, Queue[dict[str, Any]]]) -> None:
    address, heard = handler
    app.sandbox.apply_edit({"kind": "webhook", "create": {"handler": address, "events": ["ONTASKADD"]}})
    made = app.call("tasks.task.add", fields={"TITLE": "X", "RESPONSIBLE_ID": 1})["task"]
    told = heard.get(timeout=10)
    assert set(told["auth"]) == {"domain", "client_endpoint", "server_endpoint", "member_id", "application_token"}
    assert told["data"]["FIELDS_BEFORE"] == {"ID": "undefined"}
    assert told["data"]["FIELDS_AFTER"] == {"ID": made["id"]}
    assert app.call("event.get") == []


def test_installation_brings_tokens_and_removal_takes_them(app: AppClient, handler: tuple[str, Queue[dict[str, Any]]]) -> None:
    address, heard = handler
    app.sandbox.apply_edit({"kind": "app", "create": {"handler": address}})
    told = heard.get(timeout=10)
    assert (told["event"], told["data"]["INSTALLED"]) == ("ONAPPINSTALL", "Y")
    app.tokens = told["auth"]
    assert app.call("profile")["ID"] == "1"
    app.call("event.bind", event="ONCRMDEALADD", handler=address)
    app.sandbox.apply_edit({"kind": "app", "id": 1, "delete": True})
    gone = heard.get(timeout=10)
    assert (gone["event"], gone["data"]["CLEAN"], "access_token" in gone["auth"]) == ("ONAPPUNINSTALL", "1", False)
    assert app.refusal("profile") == (401, "invalid_token")
    assert app.sandbox.events.bindings == []


BAD = [
    ({}, (400, "ERROR_ARGUMENT")),
    ({"event": "ONNOTHING", "handler": "http://a.test/"}, (400, "ERROR_EVENT_NOT_FOUND")),
    ({"event": "ONCRMDEALADD", "handler": "http://localhost/"}, (400, "ERROR_WRONG_HANDLER_URL")),
    ({"event": "ONCRMDEALADD", "handler": "ftp://a.test/"}, (400, "ERROR_UNSUPPORTED_PROTOCOL")),
    ({"event": "ONCRMDEALADD"}, (400, "ERROR_ARGUMENT")),
]


@pytest.mark.parametrize(("params", "said"), BAD)
def test_bind_refusals(app: AppClient, params: dict[str, Any], said: tuple[int, str]) -> None:
    assert app.refusal("event.bind", **params) == said


def test_binding_twice(app: AppClient) -> None:
    app.call("event.bind", event="ONCRMDEALADD", handler="http://a.test/")
    assert app.refusal("event.bind", event="ONCRMDEALADD", handler="http://a.test/") == (400, "ERROR_CORE")


def test_queue_merges_and_deletes_on_read(app: AppClient) -> None:
    for event in ("ONCRMCONTACTADD", "ONCRMCONTACTUPDATE"):
        app.call("event.bind", event=event, **OFFLINE)
    person = app.call("crm.contact.add", fields={"NAME": "Ann"})
    for name in ("Bob", "Cid"):
        app.call("crm.contact.update", id=person, fields={"NAME": name})
    listed = app.body("event.offline.list")
    assert listed["total"] == 2
    assert {"PROCESS_ID", "ERROR"} <= set(listed["result"][0])
    taken = app.call("event.offline.get")
    assert taken["process_id"] is None
    assert [(one["EVENT_NAME"], one["EVENT_DATA"]) for one in taken["events"]] == [
        ("ONCRMCONTACTADD", {"FIELDS": {"ID": str(person)}}),
        ("ONCRMCONTACTUPDATE", {"FIELDS": {"ID": str(person)}}),
    ]
    assert events(app) == []


def test_reserving_rereading_clearing_and_failing(app: AppClient) -> None:
    app.call("event.bind", event="ONCRMCONTACTADD", **OFFLINE)
    people = [app.call("crm.contact.add", fields={"NAME": name}) for name in ("Ann", "Bob", "Cid")]
    mine = app.call("event.offline.get", clear=0, limit=2)
    other = app.call("event.offline.get", clear=0)
    assert [len(mine["events"]), len(other["events"])] == [2, 1]
    assert app.call("event.offline.get", clear=0, process_id=mine["process_id"])["events"] == mine["events"]
    first, second = mine["events"]
    app.call("event.offline.clear", process_id=mine["process_id"], id=[first["ID"]])
    app.call("event.offline.error", process_id=mine["process_id"], message_id=[second["MESSAGE_ID"]])
    app.call("event.offline.clear", process_id=other["process_id"])
    assert events(app) == []
    assert [one["EVENT_DATA"]["FIELDS"]["ID"] for one in events(app, error=1)] == [str(people[1])]


def test_event_of_a_reserved_row_makes_a_new_row(app: AppClient) -> None:
    app.call("event.bind", event="ONCRMCONTACTUPDATE", **OFFLINE)
    person = app.call("crm.contact.add", fields={"NAME": "Ann"})
    app.call("crm.contact.update", id=person, fields={"NAME": "Bob"})
    app.call("event.offline.get", clear=0)
    app.call("crm.contact.update", id=person, fields={"NAME": "Cid"})
    assert app.body("event.offline.list")["total"] == 2
    assert len(events(app)) == 1


def test_connector_hears_no_echo_and_has_its_own_queue(app: AppClient) -> None:
    app.call("event.bind", event="ONCRMCONTACTADD", auth_connector="pipeline", **OFFLINE)
    app.call("crm.contact.add", fields={"NAME": "Own"}, auth_connector="pipeline")
    other = app.call("crm.contact.add", fields={"NAME": "Other"})
    assert events(app) == []
    found = events(app, auth_connector="pipeline")
    assert [one["EVENT_DATA"]["FIELDS"]["ID"] for one in found] == [str(other)]


def test_plans_without_the_features() -> None:
    with portal(rest_offline_extended=False, rest_auth_connector=False) as client:
        app = client.app()
        assert app.refusal("event.offline.get", clear=0) == (403, "WRONG_LICENSE")
        assert app.refusal("event.bind", event="ONCRMDEALADD", auth_connector="x", **OFFLINE) == (403, "WRONG_LICENSE")
        assert app.call("event.offline.get")["events"] == []
        assert app.call("feature.get", CODE="rest_offline_extended") == {"value": "N"}


def test_event_data_as_the_docs_show_it() -> None:
    with portal(event_data="false") as client:
        app = client.app()
        app.call("event.bind", event="ONCRMDEALADD", **OFFLINE)
        app.call("crm.deal.add", fields={"TITLE": "X"})
        assert events(app)[0]["EVENT_DATA"] is False


def test_notice_that_something_waits(app: AppClient, handler: tuple[str, Queue[dict[str, Any]]]) -> None:
    address, heard = handler
    app.call("event.bind", event="ONCRMDEALADD", **OFFLINE)
    app.call("event.bind", event="ONOFFLINEEVENT", handler=address, options={"minTimeout": 60})
    app.sandbox.clock.freeze(1_790_000_000)
    app.call("crm.deal.add", fields={"TITLE": "X"})
    app.call("crm.deal.add", fields={"TITLE": "Y"})
    assert heard.get(timeout=10)["event"] == "ONOFFLINEEVENT"
    app.sandbox.clock.advance(61)
    app.call("crm.deal.add", fields={"TITLE": "Z"})
    assert heard.get(timeout=10)["event"] == "ONOFFLINEEVENT"
    assert heard.empty()


def test_a_failed_delivery_is_lost(app: AppClient, handler: tuple[str, Queue[dict[str, Any]]]) -> None:
    address, heard = handler
    app.call("event.bind", event="ONCRMDEALADD", handler="http://127.0.0.1:1/gone")
    app.call("event.bind", event="ONCRMDEALADD", handler=address)
    app.call("crm.deal.add", fields={"TITLE": "X"})
    assert heard.get(timeout=10)["event"] == "ONCRMDEALADD"
    assert app.call("crm.deal.list")[0]["TITLE"] == "X"


def test_merge_is_seen_as_update_and_delete(app: AppClient) -> None:
    for verb in ("UPDATE", "DELETE"):
        app.call("event.bind", event=f"ONCRMCONTACT{verb}", **OFFLINE)
    pair = [app.call("crm.contact.add", fields={"NAME": name}) for name in ("Ann", "Bob")]
    app.sandbox.apply_edit({"kind": "contact", "merge": pair})
    assert {(one["EVENT_NAME"], one["EVENT_DATA"]["FIELDS"]["ID"]) for one in events(app)} == {
        ("ONCRMCONTACTUPDATE", str(pair[0])),
        ("ONCRMCONTACTDELETE", str(pair[1])),
    }
