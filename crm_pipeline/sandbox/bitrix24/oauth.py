"""The authorisation page and the token server: /oauth/authorize/, /oauth/token/ (facts: bitrix24 1.2–1.4).

Here: their HTTP. Tokens are kept and checked in access.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode, urlsplit

import orjson
from aiohttp import web

from .portal import Portal
from .refusals import Refusal

_GRANTS = ("authorization_code", "refresh_token")
_FAILURE_PAGE = "<html><body><h1>Application is not installed</h1></body></html>"


def authorize(portal: Portal, query: Mapping[str, Any]) -> web.Response:
    """Send the browser back to the app with a code; a failure is a page, not a redirect."""
    if query.get("client_id") != portal.access.client_id:
        return web.Response(status=400, text=_FAILURE_PAGE, content_type="text/html")
    told = {"code": portal.access.code(), "state": query.get("state", ""), "domain": host(portal), "member_id": portal.member_id}
    told |= {"scope": ",".join(portal.access.scopes), "server_domain": host(portal)}
    return web.Response(status=302, headers={"Location": f"{portal.access.redirect_uri}?{urlencode(told)}"})


def token(portal: Portal, params: Mapping[str, Any]) -> web.Response:
    """Trade a code or a refresh token for a pair."""
    try:
        return _json(_granted(portal, params), 200)
    except Refusal as refusal:
        body = refusal.body()
        if not portal.switches.token_error_description:
            body.pop("error_description", None)
        return _json(body, refusal.status)


def host(portal: Portal) -> str:
    """Return host and port of the portal, which is its own token server here."""
    return urlsplit(portal.url()).netloc


def endpoints(portal: Portal) -> dict[str, str]:
    """Return what every token and event says about the portal and the auth server."""
    urls = {"client_endpoint": f"{portal.url()}/rest/", "server_endpoint": f"{portal.url()}/rest/"}
    return urls | {"member_id": portal.member_id, "status": "L", "domain": host(portal)}


def _granted(portal: Portal, params: Mapping[str, Any]) -> dict[str, Any]:
    kind = params.get("grant_type")
    if kind not in _GRANTS:
        raise Refusal(400, "invalid_request", "Invalid grant type")
    if not portal.access.knows_client(params.get("client_id"), params.get("client_secret")):
        raise _invalid_client(portal)
    return _refreshed(portal, params) if kind == "refresh_token" else _exchanged(portal, params)


def _exchanged(portal: Portal, params: Mapping[str, Any]) -> dict[str, Any]:
    if not params.get("code"):
        raise Refusal(400, "invalid_request", "Parameter code is missing")
    user, access, refresh = portal.access.exchange(str(params["code"]))
    full = portal.switches.code_answer == "full"
    return _pair(portal, access, refresh) | (_whose(portal, user) if full else {})


def _refreshed(portal: Portal, params: Mapping[str, Any]) -> dict[str, Any]:
    if not params.get("refresh_token"):
        raise Refusal(400, "invalid_request", "Parameter refresh_token is missing")
    user, access, refresh = portal.access.refresh(str(params["refresh_token"]))
    return _pair(portal, access, refresh) | _whose(portal, user)


def _whose(portal: Portal, user: int) -> dict[str, int]:
    """Return what the docs show only in the answer to a refresh, and b24pysdk 1.3.2 needs in the answer to a code, too."""
    return {"expires": int(portal.clock.now()) + portal.switches.access_seconds, "user_id": user}


def _pair(portal: Portal, access: str, refresh: str) -> dict[str, Any]:
    seconds, scopes = portal.switches.access_seconds, ",".join(portal.access.scopes)
    return {"access_token": access, "expires_in": seconds, "refresh_token": refresh, "scope": scopes, **endpoints(portal)}


def _invalid_client(portal: Portal) -> Refusal:
    if portal.switches.invalid_client == "wrong_client":
        return Refusal(200, "wrong_client", "Wrong client")
    return Refusal(int(portal.switches.invalid_client), "invalid_client", "Invalid client")


def _json(body: dict[str, Any], status: int) -> web.Response:
    return web.Response(body=orjson.dumps(body), status=status, content_type="application/json", charset="utf-8")
