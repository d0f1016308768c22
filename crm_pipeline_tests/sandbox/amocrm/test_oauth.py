"""Authorisation: codes, rotation under every reading, tokens, consent, withdrawal (facts: amocrm 1)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from crm_pipeline.sandbox.amocrm import AmoSandbox

from .caller import Caller

DAY = 86_400


def claims_of(token: str) -> dict:
    middle = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(middle + "=" * (-len(middle) % 4)))


def hint(answer: requests.Response) -> tuple[int, str]:
    body = answer.json()
    assert list(body) == ["hint", "title", "type", "status", "detail"]
    assert body["status"] == answer.status_code
    assert body["type"].endswith("OAuthProblemJson")
    return answer.status_code, body["hint"]


def works(call: Caller, token: str) -> int:
    return Caller(call.sandbox, token).get("account").status_code


def test_a_code_buys_a_pair_whose_access_token_is_a_jwt(call: Caller) -> None:
    pair = call.exchange()
    assert {name: pair[name] for name in ("token_type", "expires_in")} == {"token_type": "Bearer", "expires_in": DAY}
    assert "server_time" in pair
    claims = claims_of(pair["access_token"])
    assert claims["exp"] - claims["iat"] == DAY
    assert claims["account_id"] == call.get("account").json()["id"]
    assert claims["sub"] == str(call.get("account").json()["current_user_id"])
    assert claims["aud"] == call.keys["client_id"]
    assert "crm" in claims["scopes"]
    assert claims["api_domain"] == call.sandbox.url.removeprefix("http://")
    assert works(call, pair["access_token"]) == 200


def test_codes_are_used_once_and_for_twenty_minutes(call: Caller) -> None:
    code = call.keys["code"]
    assert call.token(grant_type="authorization_code", code=code).status_code == 200
    assert hint(call.token(grant_type="authorization_code", code=code)) == (400, "Authorization code has been revoked")
    late = call.sandbox.credentials()["code"]
    call.sandbox.clock.advance(20 * 60 + 1)
    assert hint(call.token(grant_type="authorization_code", code=late)) == (400, "Authorization code has expired")
    assert hint(call.token(grant_type="authorization_code", code="junk")) == (400, "Cannot decrypt the authorization code")


@pytest.mark.parametrize(
    ("wrong", "status", "named"),
    [
        ({"client_id": "x"}, 400, "client_id"),
        ({"client_secret": "x"}, 401, "client_secret"),
        ({"redirect_uri": "https://example.com/amo/callback/"}, 400, "redirect_uri"),
        ({"grant_type": "password"}, 400, "grant_type"),
    ],
)
def test_every_part_of_the_grant_is_checked(call: Caller, wrong: dict, status: int, named: str) -> None:
    grant = {"grant_type": "authorization_code", "code": call.keys["code"]} | wrong
    found = hint(call.token(**grant))
    assert found[0] == status
    assert named in found[1]
    assert call.token(grant_type="authorization_code", code=call.keys["code"]).status_code == 200


def test_a_form_encoded_grant_is_refused(call: Caller) -> None:
    grant = {name: call.keys[name] for name in ("client_id", "client_secret", "redirect_uri", "code")}
    answer = requests.post(
        f"{call.sandbox.url}/oauth2/access_token", data=grant | {"grant_type": "authorization_code"}, timeout=20
    )
    assert answer.status_code == 400


def test_a_refresh_rotates_and_leaves_the_old_access_token_alive(call: Caller) -> None:
    first = call.exchange()
    second = call.refresh(first["refresh_token"]).json()
    assert second["refresh_token"] != first["refresh_token"]
    assert works(call, first["access_token"]) == works(call, second["access_token"]) == 200


@pytest.mark.parametrize(("reading", "status"), [("strict-401", 401), ("strict-400", 400)])
def test_a_spent_refresh_token_is_revoked(call: Caller, reading: str, status: int) -> None:
    call.sandbox.switches.change({"refresh_reuse": reading})
    first = call.exchange()
    assert call.refresh(first["refresh_token"]).status_code == 200
    assert hint(call.refresh(first["refresh_token"])) == (status, "Token has been revoked")


def test_in_grace_a_spent_token_works_until_the_new_pair_is_used(call: Caller) -> None:
    call.sandbox.switches.change({"refresh_reuse": "grace-until-new-pair-used"})
    first = call.exchange()
    assert call.refresh(first["refresh_token"]).status_code == 200
    again = call.refresh(first["refresh_token"])
    assert again.status_code == 200
    assert works(call, again.json()["access_token"]) == 200
    assert hint(call.refresh(first["refresh_token"])) == (401, "Token has been revoked")


def test_in_grace_refreshing_the_new_pair_also_uses_it(call: Caller) -> None:
    call.sandbox.switches.change({"refresh_reuse": "grace-until-new-pair-used"})
    first = call.exchange()
    second = call.refresh(first["refresh_token"]).json()
    assert call.refresh(second["refresh_token"]).status_code == 200
    assert call.refresh(first["refresh_token"]).status_code == 401


def test_a_lost_answer_of_the_token_endpoint_spends_the_token(call: Caller) -> None:
    first = call.exchange()
    call.sandbox.faults.add({"fault": "lost_token_answer"})
    with pytest.raises(requests.ConnectionError):
        call.refresh(first["refresh_token"])
    assert call.refresh(first["refresh_token"]).status_code == 401


def test_refresh_tokens_live_three_months_and_access_tokens_a_day(call: Caller) -> None:
    pair, idle = call.exchange(), call.exchange()
    call.sandbox.clock.advance(DAY + 1)
    assert works(call, pair["access_token"]) == 401
    assert call.refresh(pair["refresh_token"]).status_code == 200
    call.sandbox.clock.advance(90 * DAY)
    assert hint(call.refresh(idle["refresh_token"]))[1] == "Token has been revoked"
    assert works(call, call.keys["long_lived_token"]) == 200
    call.sandbox.clock.advance(5 * 365 * DAY)
    assert works(call, call.keys["long_lived_token"]) == 401


def test_a_garbage_refresh_token_is_named_as_such(call: Caller) -> None:
    assert hint(call.refresh("junk")) == (400, "Cannot decrypt the refresh token")


def test_a_token_signed_by_nobody_is_refused(call: Caller) -> None:
    head, body, _ = call.exchange()["access_token"].split(".")
    assert works(call, f"{head}.{body}.AAAA") == works(call, "junk") == 401


def test_401_has_two_bodies(call: Caller) -> None:
    plain = Caller(call.sandbox, "junk").get("leads")
    assert plain.json()["type"] == "https://httpstatus.es/401"
    assert plain.headers["Content-Type"] == "application/problem+json"
    call.sandbox.switches.change({"unauthorized_body": "oauth"})
    assert hint(Caller(call.sandbox, "junk").get("leads"))[0] == 401


def test_the_account_is_found_by_a_refresh_token_without_spending_it(call: Caller) -> None:
    pair = call.exchange()
    address = f"{call.sandbox.url}/oauth2/account/current/subdomain"
    answer = requests.get(address, headers={"X-Refresh-Token": pair["refresh_token"]}, timeout=20)
    assert answer.json() == {
        "id": call.get("account").json()["id"],
        "subdomain": "acme",
        "domain": call.sandbox.url.removeprefix("http://"),
        "top_level_domain": "ru",
    }
    assert call.refresh(pair["refresh_token"]).status_code == 200
    assert requests.get(address, headers={"X-Refresh-Token": pair["refresh_token"]}, timeout=20).status_code == 401
    assert call.get(f"{call.sandbox.url}/oauth2/account/subdomain").json()["subdomain"] == "acme"


def test_a_moved_account_refuses_here_and_names_the_new_host(call: Caller) -> None:
    pair = call.exchange()
    call.sandbox.switches.change({"moved_to": "neu.amocrm.ru"})
    assert works(call, pair["access_token"]) == 401
    assert call.refresh(pair["refresh_token"]).status_code == 401
    address = f"{call.sandbox.url}/oauth2/account/current/subdomain"
    assert (
        requests.get(address, headers={"X-Refresh-Token": pair["refresh_token"]}, timeout=20).json()["domain"] == "neu.amocrm.ru"
    )


def redirected(call: Caller, **query: str) -> tuple[str, dict[str, list[str]]]:
    answer = call.get(f"{call.sandbox.url}/oauth", params={"client_id": call.keys["client_id"], "mode": "popup"} | query)
    assert answer.status_code == 302
    address = urlsplit(answer.headers["Location"])
    return f"{address.scheme}://{address.netloc}{address.path}", parse_qs(address.query)


def test_consent_redirects_with_a_code_that_works(call: Caller) -> None:
    to, query = redirected(call, state="s-1")
    assert to == call.keys["redirect_uri"]
    host = call.sandbox.url.removeprefix("http://")
    assert query | {"code": []} == {
        "code": [],
        "state": ["s-1"],
        "referer": [host],
        "platform": ["1"],
        "client_id": [call.keys["client_id"]],
    }
    assert call.token(grant_type="authorization_code", code=query["code"][0]).status_code == 200
    call.sandbox.switches.change({"referer": "url"})
    assert redirected(call)[1]["referer"] == [call.sandbox.url]
    assert "state" not in redirected(call)[1]


def test_consent_can_be_refused_or_asked_for(call: Caller) -> None:
    call.sandbox.switches.change({"consent": "deny"})
    assert redirected(call, state="s")[1] == {"error": ["access_denied"], "state": ["s"]}
    call.sandbox.switches.change({"consent": "ask"})
    page = call.get(f"{call.sandbox.url}/oauth", params={"client_id": call.keys["client_id"]})
    assert page.headers["Content-Type"] == "text/html"
    assert "decision=allow" in page.text
    assert "code" in redirected(call, decision="allow")[1]
    assert call.get(f"{call.sandbox.url}/oauth", params={"client_id": "other"}).status_code == 404


def test_switching_the_integration_off_kills_tokens_and_calls_the_disconnect_hook(amo: AmoSandbox, call: Caller) -> None:
    asked: list[str] = []
    heard = threading.Event()

    class Listener(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(200)
            self.end_headers()
            heard.set()

        def log_message(self, *_: object) -> None:
            return

    server = HTTPServer(("127.0.0.1", 0), Listener)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    amo.switches.change({"disconnect_uri": f"http://127.0.0.1:{server.server_port}/gone"})
    pair = call.exchange()
    amo.apply_edit({"kind": "integration", "disable": True})
    assert works(call, pair["access_token"]) == works(call, call.keys["long_lived_token"]) == 401
    assert call.refresh(pair["refresh_token"]).status_code == 401
    assert heard.wait(5)
    server.shutdown()
    server.server_close()
    query = parse_qs(urlsplit(asked[0]).query)
    message = f"{query['client_uuid'][0]}|{query['account_id'][0]}".encode()
    assert query["signature"] == [hmac.new(call.keys["client_secret"].encode(), message, hashlib.sha256).hexdigest()]
    amo.apply_edit({"kind": "integration", "disable": False})
    assert works(call, call.exchange()["access_token"]) == 200


def test_acting_as_another_user_needs_a_known_one(call: Caller) -> None:
    agent = call.ids("users")[1]
    answer = call.get("account", headers={"X-Context-User-ID": str(agent)})
    assert answer.json()["current_user_id"] == agent
    assert call.get("users", headers={"X-Context-User-ID": str(agent)}).status_code == 403
    assert call.get("account", headers={"X-Context-User-ID": "1"}).status_code == 403


def test_an_unpaid_account_answers_402(call: Caller) -> None:
    call.sandbox.switches.change({"paid": False})
    assert call.get("leads").status_code == 402
