"""Connections over the API: by consent and by what is brought, seen without secrets, changed, tested, taken away; who may."""

import threading
from collections.abc import Callable, Iterator
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
    assert admin.ask("GET", "/auth-url", params=query).status_code == 404
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


AMO, PORTAL = {"crmType": "amocrm", "token": "t"}, "https://acme.bitrix24.ru"
OF_BITRIX = {"crmType": "bitrix24", "code": "c", "clientId": "i", "clientSecret": "s", "baseUrl": PORTAL}
INNER = (
    "http://169.254.169.254", "http://[::1]:{port}", "http://[::ffff:127.0.0.1]:{port}", "http://localhost:{port}",
    "http://2130706433:{port}", "http://0x7f.1:{port}", "http://127.1:{port}", "https://acme.bitrix24.ru@127.0.0.1:{port}",
    "https://metadata.google.internal", "https://acme.bitrix24.ru.evil.example", "https://acme.bitrix24.ru:22",
    "https://evil.example%2f.bitrix24.ru", "file://127.0.0.1", "gopher://127.0.0.1:{port}",
)  # fmt: skip
"""Where no CRM is; `port`: of a server that must not hear of it."""
REFUSED: list[dict[str, Any]] = [
    *({"crmType": "bitrix24", "webhookUrl": f"{inner}/rest/1/secret/"} for inner in INNER),
    *(AMO | {"baseUrl": inner} for inner in INNER),
    *(OF_BITRIX | {"oauthUrl": inner} for inner in INNER),
    {"crmType": "bitrix24", "webhookUrl": "https://evil.example/rest/1/secret/"},
    {"crmType": "bitrix24", "webhookUrl": "https://acme.bitrix24.ru@evil.example/rest/1/secret/"},
    {"crmType": "bitrix24", "webhookUrl": "["},
    {"crmType": "bitrix24", "webhookUrl": "https://[/rest/1/x/"},
    {"crmType": "bitrix24", "baseUrl": "https://[", "token": "t"},
    OF_BITRIX | {"oauthUrl": "["},
    AMO | {"baseUrl": "https://acme.amocrm.ru.evil.example"},
    AMO | {"baseUrl": "http://acme.amocrm.ru"},
    AMO | {"baseUrl": "https://acme.amocrm.ru", "code": "c"},
    {"crmType": "amocrm", "baseUrl": "https://acme.amocrm.ru"},
    AMO | {"crmType": "nocrm", "baseUrl": "https://acme.amocrm.ru"},
    AMO | {"baseUrl": "https://acme.amocrm.ru", "name": "Not A Name"},
    AMO | {"baseUrl": "https://acme.amocrm.ru", "token": {"a": 1}},
]


class Inner:
    """A server on a loopback port that is no CRM; `answers` (status, Location) says what it answers, `seen` who asked."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self.location = ""
        inner = self

        class Asked(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                inner.seen.append(self.headers["Host"])
                self.send_response(302)
                self.send_header("Location", inner.location)
                self.send_header("Content-Length", "0")
                self.end_headers()

            do_GET = do_POST

            def log_message(self, *_args: object) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Asked)
        self.port = self.server.server_port


@pytest.fixture
def inner() -> Iterator[Inner]:
    """Yield a server that waits for requests that should not come."""
    found = Inner()
    with found.server:
        threading.Thread(target=found.server.serve_forever, daemon=True).start()
        yield found
        found.server.shutdown()


def at(inner: Inner, written: Any) -> Any:
    """Return what is written with the port of the server that must not hear of it."""
    return written.replace("{port}", str(inner.port)) if isinstance(written, str) else written


def test_what_may_not_be_contacted_or_understood_is_refused_without_a_request(house: House, inner: Inner) -> None:
    admin = house.person("admin")
    for written in REFUSED:
        brought = {"name": "x"} | {name: at(inner, value) for name, value in written.items()}
        refused = admin.ask("POST", "", json=brought)
        assert refused.status_code == 422 and refused.headers["Content-Type"] == "application/problem+json", brought
        assert "secret" not in refused.text.replace("clientSecret", "")
    for place in INNER:
        for name in ("baseUrl", "oauthUrl"):
            asked = house.application("bitrix24") | {name: at(inner, place)}
            assert admin.ask("POST", "/auth-url", json=asked).status_code == 422, asked
    assert inner.seen == [] and admin.ask("GET", "").json()["items"] == []


def test_a_referer_that_leads_elsewhere_is_refused_and_its_code_not_spent(house: House, inner: Inner) -> None:
    admin, application = house.person("admin"), house.application("amocrm")
    del application["baseUrl"]
    elsewhere = [
        *(place.replace("bitrix24", "amocrm") for place in INNER), "acme.amocrm.ru@127.0.0.1:{port}", "evil.example", "[",
        "127.0.0.1.evil.example", "127.0.0.1:{port}\\@acme.amocrm.ru", "[::1]:{port}", "//evil.example", "%",
    ]  # fmt: skip
    for place in elsewhere:
        state = admin.ask("POST", "/auth-url", json=application).json()["state"]
        answer = {"state": state, "code": "c" * 20, "referer": at(inner, place), "client_id": application["clientId"]}
        back = requests.get(f"{house.url}/api/sync/connection/callback", params=answer, headers=BROWSER, timeout=10)
        assert back.status_code == 422 and "Not connected" in back.text, (place, back.text)
    assert inner.seen == [] and admin.ask("GET", "").json()["items"] == []


def test_a_redirect_to_where_it_may_not_lead_is_not_followed(house: House, inner: Inner) -> None:
    url = f"http://127.0.0.1:{inner.port}/rest/1/secret0123456/"
    for place in INNER:
        inner.location = at(inner, f"{place}/rest/1/secret0123456/")
        refused = house.person("admin").ask("POST", "", json={"crmType": "bitrix24", "name": "x", "webhookUrl": url})
        assert refused.status_code == 422 and "secret0123456" not in refused.text, (place, refused.text)
    assert set(inner.seen) == {f"127.0.0.1:{inner.port}"} and len(inner.seen) == len(INNER)


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
