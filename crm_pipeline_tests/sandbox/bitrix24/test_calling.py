"""Routes, suffixes, spellings, merged parameters, envelope, errors of the door (facts: bitrix24 1, 2)."""

from __future__ import annotations

import pytest
import requests

from .portal_client import PortalClient, portal

TIME_KEYS = {"start", "finish", "duration", "processing", "date_start", "date_finish", "operating_reset_at", "operating"}


@pytest.mark.parametrize(
    "spelled", ["crm.contact.list", "crm.contact.List.json", "CRM.CONTACT.LIST", "crm.contact.list/", "crm.contact.list.json/"]
)
def test_every_spelling_of_a_method_answers_alike(filled: PortalClient, spelled: str) -> None:
    answer = filled.body(spelled, select=["ID"])
    assert answer["result"][0] == {"ID": "1"}
    assert (answer["total"], answer["next"]) == (230, 50)


def test_query_form_and_json_are_merged(filled: PortalClient) -> None:
    url = filled.base + "crm.contact.list?filter[%3EID]=10&select[]=NAME&bx24_request_id=1"
    asked = [
        requests.get(url + "&select[]=ID&order[ID]=ASC", timeout=10),
        requests.post(
            url, data="order[ID]=ASC&select[]=ID", headers={"Content-Type": "application/x-www-form-urlencoded"}, timeout=10
        ),
        requests.post(url, json={"ORDER": {"ID": "ASC"}, "select": ["ID"]}, timeout=10),
        requests.post(url, files={"select[]": (None, "ID")}, timeout=10),
    ]
    assert [one.json()["result"][0]["ID"] for one in asked] == ["11"] * 4


def test_envelope_has_the_time_block_and_escaped_slashes(filled: PortalClient) -> None:
    answer = filled.post("user.current")
    assert set(answer.json()["time"]) == TIME_KEYS
    assert answer.headers["Content-Type"] == "application/json; charset=utf-8"
    task = filled.post("tasks.task.list", select=["ID", "CREATED_BY"], start=-1)
    assert rb"\/company\/personal" in task.content


def test_time_block_without_the_limiter() -> None:
    with portal(operating="absent") as client:
        assert set(client.body("profile")["time"]) == TIME_KEYS - {"operating", "operating_reset_at"}


def test_xml_on_demand(filled: PortalClient) -> None:
    answer = filled.post("server.time.xml")
    assert answer.headers["Content-Type"].startswith("application/xml")
    assert answer.text.startswith('<?xml version="1.0" encoding="UTF-8"?>\n<response><result>20')


def test_portal_time_follows_the_clock_in_the_portals_zone(empty: PortalClient) -> None:
    empty.sandbox.clock.freeze(1_790_000_000.9)
    assert empty.call("server.time") == "2026-09-21T17:13:20+03:00"
    empty.sandbox.clock.advance(3600)
    answer = empty.body("server.time")
    assert answer["result"] == "2026-09-21T18:13:20+03:00" == answer["time"]["date_start"]


def test_unknown_method_is_refused_before_credentials(empty: PortalClient) -> None:
    url = empty.sandbox.url
    assert requests.post(f"{url}/rest/1/wrong/crm.nothing.list", timeout=10).json()["error"] == "ERROR_METHOD_NOT_FOUND"
    assert empty.refusal("crm.nothing.list") == (404, "ERROR_METHOD_NOT_FOUND")
    empty.switch(method_not_found_status=400)
    assert empty.refusal("crm.nothing.list")[0] == 400


@pytest.mark.parametrize("status", [401, 403])
def test_wrong_webhook(status: int) -> None:
    with portal(bad_webhook_status=status) as client:
        answer = requests.post(f"{client.sandbox.url}/rest/1/wrong/profile", timeout=10)
        assert (answer.status_code, answer.json()["error"]) == (status, "INVALID_CREDENTIALS")


def test_webhook_without_the_scope(empty: PortalClient) -> None:
    narrow = empty.sandbox.webhook_url(user=1, scopes=("task",))
    answer = requests.post(narrow + "crm.deal.list", timeout=10)
    assert (answer.status_code, answer.json()["error"]) == (403, "insufficient_scope")
    assert requests.post(narrow + "tasks.task.list", timeout=10).status_code == 200
    assert requests.post(narrow + "scope", timeout=10).json()["result"] == ["task"]


@pytest.mark.parametrize("method", ["event.bind", "event.get", "event.offline.get", "event.offline.list"])
def test_webhook_is_the_wrong_kind_of_credential_for_events(empty: PortalClient, method: str) -> None:
    assert empty.refusal(method) == (403, "WRONG_AUTH_TYPE")


def test_portal_wide_refusals(empty: PortalClient) -> None:
    empty.switch(https_required=True)
    assert empty.refusal("profile") == (400, "INVALID_REQUEST")
    empty.switch(https_required=False, commercial_plan=False)
    assert empty.refusal("profile") == (403, "ACCESS_DENIED")
    empty.switch(commercial_plan=True, overload=True)
    assert empty.refusal("profile") == (503, "OVERLOAD_LIMIT")


def test_html_outside_rest(empty: PortalClient) -> None:
    answer = requests.get(f"{empty.sandbox.url}/nothing", timeout=10)
    assert answer.status_code == 404
    assert answer.headers["Content-Type"].startswith("text/html")


def test_faults_name_calls_and_answer_html_or_redirect(empty: PortalClient) -> None:
    empty.sandbox.faults.add({"match": {"call": "crm.deal.*"}, "fault": "status", "status": 502, "html": True})
    empty.sandbox.faults.add({"match": {"call": "profile"}, "fault": "redirect", "location": "https://new.example/rest/"})
    empty.sandbox.faults.add({"match": {"call": "scope"}, "fault": "expired_token"})
    broken = empty.post("crm.deal.list")
    assert (broken.status_code, broken.text[:6]) == (502, "<html>")
    assert empty.post("profile").headers["Location"] == "https://new.example/rest/"
    assert empty.refusal("scope") == (401, "expired_token")
    assert empty.post("crm.deal.list").status_code == 200


def test_a_lost_answer_leaves_the_write_behind(empty: PortalClient) -> None:
    empty.sandbox.faults.add({"match": {"call": "crm.contact.add"}, "fault": "reset_after"})
    empty.sandbox.faults.add({"match": {"call": "crm.contact.add"}, "fault": "reset_before"})
    for _ in range(2):
        with pytest.raises(requests.ConnectionError):
            empty.post("crm.contact.add", fields={"NAME": "Ann", "ORIGIN_ID": "ext-1"})
    assert empty.body("crm.contact.list", filter={"ORIGIN_ID": "ext-1"})["total"] == 1


def test_a_command_is_found_by_every_name_a_fault_rule_may_use(empty: PortalClient) -> None:
    empty.sandbox.faults.add({"match": {"path": "batch"}, "fault": "truncate", "bytes": 10})
    answer = empty.post("batch", cmd={"a": "server.time"})
    with pytest.raises(requests.exceptions.JSONDecodeError):
        answer.json()
    assert empty.call("batch", cmd={"a": "server.time"})["result_error"] == []


def test_journal_hides_the_secret(empty: PortalClient) -> None:
    empty.post("crm.contact.list.json", select=["ID"])
    entry = empty.sandbox.journal.entries()[-1]
    assert (entry["call"], entry["path"], entry["status"], entry["rows"]) == (
        "crm.contact.list",
        "/rest/1/***/crm.contact.list.json",
        200,
        0,
    )
    assert entry["params"] == {"select": ["ID"]}
    assert empty.base.split("/")[5] not in str(empty.sandbox.journal.entries())


def test_service_methods(filled: PortalClient) -> None:
    assert filled.call("profile")["ADMIN"] is True
    assert filled.call("method.get", name="CRM.DEAL.LIST") == {"isExisting": True, "isAvailable": True}
    assert filled.call("method.get", name="event.bind") == {"isExisting": True, "isAvailable": False}
    assert filled.call("method.get", name="no.such") == {"isExisting": False, "isAvailable": False}
    assert filled.call("feature.get", CODE="rest_offline_extended") == {"value": "Y"}
    assert filled.call("feature.get", CODE="operating_cost") == {"value": "N"}
    assert {"LICENSE", "INSTALLED", "VERSION"} <= set(filled.call("app.info"))
