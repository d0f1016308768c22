"""Connections over the API: by consent and by what is brought, seen without secrets, changed, tested, taken away; who may."""

import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import requests
from sqlalchemy import Engine

from crm_pipeline.database.vault import RowVault
from crm_pipeline.stages.sync import sync
from crm_pipeline_tests.api.administering import CRMS, House, everything_said, house

__all__ = ["everything_said", "house"]
BOTH = pytest.mark.parametrize("crm", CRMS)
BROWSER = {"Accept": "text/html,application/xhtml+xml"}


@BOTH
def test_an_administrator_connects_in_the_browser(house: House, crm: str) -> None:
    back = house.consent(crm, "sales")
    done = requests.get(back, headers=BROWSER, timeout=20)
    assert done.status_code == 200 and "is connected as sales" in done.text
    assert "default-src 'none'" in done.headers["Content-Security-Policy"] and "src=" not in done.text and "http" not in done.text
    (shown,) = house.person("admin").ask("GET", "").json()["items"]
    assert (shown["name"], shown["crm"], shown["status"], shown["webhook"]["state"]) == ("sales", crm, "active", "registered")
    assert sync(house.parts, "sales", "initial", ["contacts"]).status == "ok"
    full = house.person("operator").ask("GET", f"/{shown['id']}").json()
    assert full["records"]["contacts"] > 0 and full["entities"]["contacts"]["last_error"] is None
    assert full["last_success_at"]


@BOTH
def test_a_state_is_good_once_for_one_user_and_unchanged(house: House, crm: str) -> None:
    back = house.consent(crm, "sales")
    other = house.second_admin()
    assert requests.get(back, headers={"Authorization": f"Bearer {other.token}"}, timeout=20).status_code == 409
    changed = back.replace("state=", "state=x")
    assert requests.get(changed, headers=BROWSER, timeout=20).status_code == 409
    assert requests.get(back.replace("127.0.0.1%3A", "evil.example%3A"), headers=BROWSER, timeout=20).status_code == 422
    again = requests.get(back, headers=BROWSER, timeout=20)
    assert again.status_code == 409 and "used before" in again.text and "Not connected" in again.text
    assert house.person("admin").ask("GET", "").json()["items"] == []


def test_access_denied_and_no_state_are_pages_for_people_and_problems_for_programs(house: House) -> None:
    house.amocrm.switches.consent = "deny"
    page = requests.get(house.consent("amocrm"), headers=BROWSER, timeout=20)
    assert page.status_code == 409 and page.headers["Content-Type"].startswith("text/html") and "not allowed" in page.text
    told = requests.get(f"{house.url}/api/sync/connection/callback?code=<script>", timeout=20)
    assert told.headers["Content-Type"] == "application/problem+json" and told.json()["type"] == "/problems/consent-needed"


def test_a_link_without_a_secret_needs_one_that_was_given_before(house: House) -> None:
    query = {key: value for key, value in house.application("amocrm").items() if key in ("crmType", "clientId")}
    admin = house.person("admin")
    assert admin.ask("GET", "/auth-url", params=query).status_code == 422
    house.connected("amocrm", "sales")
    link = admin.ask("GET", "/auth-url", params=query).json()
    assert link["url"].startswith("https://www.amocrm.ru/oauth?") and link["state"] in link["url"] and link["expires_at"]


WAYS: dict[str, Callable[[House], dict[str, str]]] = {
    "webhook": lambda house: {"crmType": "bitrix24", "webhookUrl": house.bitrix24.webhook_url()},
    "token": lambda house: {
        "crmType": "amocrm",
        "baseUrl": house.amocrm.url,
        "token": house.amocrm.credentials()["long_lived_token"],
    },
    "code": lambda house: house.application("amocrm") | {"code": house.amocrm.credentials()["code"]},
}


@pytest.mark.parametrize("way", WAYS)
def test_an_account_is_connected_by_what_is_brought(house: House, way: str) -> None:
    admin = house.person("admin")
    made = admin.ask("POST", "", json=WAYS[way](house) | {"name": "brought"})
    assert made.status_code == 201, made.text
    again = admin.ask("POST", "", json=WAYS[way](house) | {"name": "another"})
    assert (again.json()["id"], again.json()["name"]) == (made.json()["id"], "brought")
    tested = admin.ask("POST", f"/{made.json()['id']}/test")
    assert tested.status_code == 200 and tested.json()["account"]
    if way == "webhook":
        assert made.json()["webhook"]["state"] == "refused" and "application" in made.json()["webhook"]["detail"]


@pytest.mark.parametrize(
    "brought",
    [
        {"crmType": "bitrix24", "webhookUrl": "https://evil.example/rest/1/secret/"},
        {"crmType": "bitrix24", "webhookUrl": "http://169.254.169.254/rest/1/secret/"},
        {"crmType": "bitrix24", "webhookUrl": "https://acme.bitrix24.ru@evil.example/rest/1/secret/"},
        {"crmType": "bitrix24", "webhookUrl": "file:///etc/passwd"},
        {"crmType": "bitrix24", "webhookUrl": "["},
        {"crmType": "bitrix24", "webhookUrl": "https://[/rest/1/x/"},
        {"crmType": "bitrix24", "baseUrl": "https://[", "token": "t"},
        {
            "crmType": "bitrix24",
            "baseUrl": "https://acme.bitrix24.ru",
            "code": "c",
            "clientId": "i",
            "clientSecret": "s",
            "oauthUrl": "[",
        },
        {"crmType": "amocrm", "baseUrl": "https://acme.amocrm.ru.evil.example", "token": "t"},
        {"crmType": "amocrm", "baseUrl": "http://acme.amocrm.ru", "token": "t"},
        {"crmType": "amocrm", "baseUrl": "https://acme.amocrm.ru", "token": "t", "code": "c"},
        {"crmType": "amocrm", "baseUrl": "https://acme.amocrm.ru"},
        {"crmType": "nocrm", "baseUrl": "https://acme.amocrm.ru", "token": "t"},
        {"crmType": "amocrm", "baseUrl": "https://acme.amocrm.ru", "token": "t", "name": "Not A Name"},
        {"crmType": "amocrm", "baseUrl": "https://acme.amocrm.ru", "token": {"a": 1}},
    ],
)
def test_what_may_not_be_contacted_or_understood_is_refused_without_a_request(house: House, brought: dict[str, Any]) -> None:
    refused = house.person("admin").ask("POST", "", json={"name": "x"} | brought)
    assert refused.status_code == 422 and refused.headers["Content-Type"] == "application/problem+json"
    assert "secret" not in refused.text.replace("clientSecret", "")


def test_a_redirect_to_where_it_may_not_lead_is_not_followed(house: House) -> None:
    seen: list[str] = []

    class Moved(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            seen.append(self.headers["Host"])
            self.send_response(302)
            self.send_header("Location", f"http://localhost:{server.server_port}{self.path}")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_args: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Moved) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/rest/1/secret0123456/"
        refused = house.person("admin").ask("POST", "", json={"crmType": "bitrix24", "name": "x", "webhookUrl": url})
        server.shutdown()
    assert refused.status_code == 422 and "secret0123456" not in refused.text
    assert seen and not any("localhost" in host for host in seen)


def test_settings_pausing_resuming_and_who_may(house: House) -> None:
    number = house.connected("amocrm", "sales")["id"]
    admin, operator, agent = (house.person(role) for role in ("admin", "operator", "agent"))
    changed = admin.ask("PATCH", f"/{number}", json={"interval": 60, "rate": 5.5, "direction": "two_way"})
    assert {key: changed.json()[key] for key in ("interval", "rate", "direction")} == {
        "interval": 60,
        "rate": 5.5,
        "direction": "two_way",
    }
    assert operator.ask("POST", f"/{number}/pause").json()["status"] == "paused"
    assert operator.ask("POST", f"/{number}/resume").json()["status"] == "active"
    forbidden = [
        ("PATCH", f"/{number}"),
        ("DELETE", f"/{number}"),
        ("POST", ""),
        ("POST", f"/{number}/test"),
        ("POST", "/auth-url"),
    ]
    assert [operator.ask(*asked, json={}).status_code for asked in forbidden] == [403] * 5
    assert [agent.ask(*asked).status_code for asked in (("GET", ""), ("GET", f"/{number}"), ("POST", f"/{number}/pause"))] == [
        403
    ] * 3
    assert requests.get(f"{house.url}/api/sync/connection", timeout=10).status_code == 401
    assert [admin.ask("GET", f"/{wrong}").status_code for wrong in (99, 0, 2**40, "x")] == [404, 422, 422, 422]


def test_disconnecting_deletes_secrets_and_webhooks_keeps_or_purges_and_the_account_may_come_back(
    house: House, database: Engine
) -> None:
    shown = house.connected("amocrm", "sales")
    sync(house.parts, "sales", "initial", ["contacts"])
    address = house.hook(shown["id"])
    admin = house.person("admin")
    assert admin.ask("DELETE", f"/{shown['id']}").json() == {"connection": "sales", "data": "keep", "warnings": []}
    assert house.amocrm.account.hooks.all() == []
    assert requests.post(address, data="leads[add][0][id]=1", timeout=10).status_code == 404
    with database.connect() as db:
        kept = "SELECT secrets IS NULL, (SELECT count(*) FROM raw.records) > 0 FROM sync.connections WHERE name = 'sales'"
        assert tuple(db.exec_driver_sql(kept).one()) == (True, True)
    assert admin.ask("GET", "").json()["items"] == []
    assert house.connected("amocrm", "sales")["id"] == shown["id"]
    assert admin.ask("DELETE", f"/{shown['id']}", params={"data": "purge"}).status_code == 200
    with database.connect() as db:
        gone = "SELECT (SELECT count(*) FROM raw.records) + (SELECT count(*) FROM source.contacts)"
        assert db.exec_driver_sql(gone).scalar_one() == 0
        actors = db.exec_driver_sql("SELECT DISTINCT actor FROM sync.audit_log WHERE action ~ '^connection'").scalars().all()
    assert actors == ["admin"]


def test_no_secret_is_in_any_answer_or_log(house: House, everything_said: Callable[[], str]) -> None:
    answers = []
    for crm in CRMS:
        shown = house.connected(crm, crm)
        person = house.person("admin")
        for asked in (
            ("GET", f"/{shown['id']}"),
            ("GET", ""),
            ("POST", f"/{shown['id']}/test"),
            ("POST", f"/{shown['id']}/pause"),
        ):
            answers.append(person.ask(*asked).text)
        requests.post(house.hook(shown["id"]), data="leads[add][0][id]=1", timeout=10)
        known = RowVault(house.parts.engine, house.parts.settings.encryption_keys, shown["id"]).read()
        hidden = [known[name] for name in ("access_token", "refresh_token", "client_secret")] + [
            house.hook(shown["id"]).rpartition("/")[2]
        ]
        said = everything_said() + "".join(answers)
        assert [name for name in hidden if name in said] == []
