"""Codes, tokens, rotation and the errors of the token server (facts: bitrix24 1.2–1.4)."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from .portal_client import PortalClient, portal

PAIR = {
    "access_token",
    "client_endpoint",
    "domain",
    "expires_in",
    "member_id",
    "refresh_token",
    "scope",
    "server_endpoint",
    "status",
}


def test_browser_is_sent_back_with_a_code(empty: PortalClient) -> None:
    told = empty.sandbox.credentials()
    sent = requests.get(
        f"{told['oauth_url']}/oauth/authorize/",
        params={"client_id": told["client_id"], "state": "xyz"},
        allow_redirects=False,
        timeout=10,
    )
    place = urlsplit(sent.headers["Location"])
    query = {key: value[0] for key, value in parse_qs(place.query).items()}
    assert sent.status_code == 302
    assert set(query) == {"code", "state", "domain", "member_id", "scope", "server_domain"}
    assert query["state"] == "xyz"
    assert empty.app().token(grant_type="authorization_code", code=query["code"]).status_code == 200
    refused = requests.get(f"{told['oauth_url']}/oauth/authorize/", params={"client_id": "no"}, allow_redirects=False, timeout=10)
    assert (refused.status_code, "Location" in refused.headers) == (400, False)


def test_the_apps_address_can_be_changed(empty: PortalClient) -> None:
    empty.sandbox.apply_edit({"kind": "app", "id": 1, "set": {"redirect_uri": "http://127.0.0.1:9/back"}})
    told = empty.sandbox.credentials()
    place = f"{told['oauth_url']}/oauth/authorize/?client_id={told['client_id']}"
    sent = requests.get(place, allow_redirects=False, timeout=10)
    assert sent.headers["Location"].startswith("http://127.0.0.1:9/back?code=")


def test_a_code_answered_in_full(empty: PortalClient) -> None:
    empty.switch(code_answer="full")
    assert set(empty.app().tokens) == PAIR | {"expires", "user_id"}


def test_code_gives_a_pair_that_works_everywhere(empty: PortalClient) -> None:
    app = empty.app()
    assert set(app.tokens) == PAIR
    assert app.tokens["client_endpoint"] == f"{empty.sandbox.url}/rest/"
    assert app.call("profile")["ID"] == "1"
    token = app.tokens["access_token"]
    assert requests.get(app.base + "profile.json", params={"auth": token}, timeout=10).status_code == 200
    assert requests.post(app.base + "profile", data={"auth": token}, timeout=10).status_code == 200


def test_code_works_once_and_for_thirty_seconds(empty: PortalClient) -> None:
    app = empty.app()
    code = empty.sandbox.credentials()["code"]
    assert app.token(grant_type="authorization_code", code=code).status_code == 200
    assert app.token(grant_type="authorization_code", code=code).json()["error"] == "invalid_grant"
    late = empty.sandbox.credentials()["code"]
    empty.sandbox.clock.advance(31)
    answer = app.token(grant_type="authorization_code", code=late)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")


def test_access_token_ends_after_an_hour_and_refresh_brings_a_new_pair(empty: PortalClient) -> None:
    app = empty.app()
    empty.sandbox.clock.advance(3601)
    assert app.refusal("profile") == (401, "expired_token")
    fresh = app.token(grant_type="refresh_token", refresh_token=app.tokens["refresh_token"]).json()
    assert set(fresh) == PAIR | {"expires", "user_id"}
    assert fresh["refresh_token"] != app.tokens["refresh_token"]
    app.tokens = fresh
    assert app.call("profile")["ID"] == "1"


@pytest.mark.parametrize(("rotation", "status"), [("strict", 400), ("lenient", 200)])
def test_replaced_refresh_token(rotation: str, status: int) -> None:
    with portal(rotation=rotation) as client:
        app = client.app()
        old = app.tokens["refresh_token"]
        assert app.token(grant_type="refresh_token", refresh_token=old).status_code == 200
        assert app.token(grant_type="refresh_token", refresh_token=old).status_code == status


def test_refresh_by_post_form(empty: PortalClient) -> None:
    app = empty.app()
    form = app.client | {"grant_type": "refresh_token", "refresh_token": app.tokens["refresh_token"]}
    assert requests.post(f"{empty.sandbox.url}/oauth/token/", data=form, timeout=10).json()["user_id"] == 1


def test_refresh_token_ends_after_its_days(empty: PortalClient) -> None:
    app = empty.app()
    empty.sandbox.clock.advance(181 * 86_400)
    assert app.token(grant_type="refresh_token", refresh_token=app.tokens["refresh_token"]).json()["error"] == "invalid_grant"


@pytest.mark.parametrize(
    ("reading", "status", "error"),
    [("400", 400, "invalid_client"), ("401", 401, "invalid_client"), ("wrong_client", 200, "wrong_client")],
)
def test_wrong_client(reading: str, status: int, error: str) -> None:
    with portal(invalid_client=reading, token_error_description=False) as client:
        app = client.app()
        answer = app.token(grant_type="refresh_token", refresh_token=app.tokens["refresh_token"], client_secret="no")
        assert (answer.status_code, answer.json()) == (status, {"error": error})


def test_malformed_token_requests(empty: PortalClient) -> None:
    app = empty.app()
    for params in ({}, {"grant_type": "refresh_token"}, {"grant_type": "authorization_code"}, {"grant_type": "password"}):
        answer = app.token(**params)
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


def test_calls_without_or_with_unknown_token(empty: PortalClient) -> None:
    assert requests.post(f"{empty.sandbox.url}/rest/profile", timeout=10).json()["error"] == "NO_AUTH_FOUND"
    answer = requests.post(f"{empty.sandbox.url}/rest/profile", json={"auth": "unknown"}, timeout=10)
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_token")


def test_lost_token_answer_has_still_rotated(empty: PortalClient) -> None:
    app = empty.app()
    old = app.tokens["refresh_token"]
    empty.sandbox.faults.add({"fault": "lost_token_answer"})
    with pytest.raises(requests.ConnectionError):
        app.token(grant_type="refresh_token", refresh_token=old)
    assert app.token(grant_type="refresh_token", refresh_token=old).json()["error"] == "invalid_grant"
