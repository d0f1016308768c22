"""The addresses of authorisation: consent page, token endpoint, where an account lives (facts: amocrm 1.1-1.7)."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from .answers import HTML, JSON, Answer, Refusal, dump, problem
from .oauth import Authority, oauth_problem

if TYPE_CHECKING:
    from .account import Account
    from .call import Call

_PAGE = """<!doctype html><html lang="ru"><head><meta charset="utf-8"><title>Доступ к аккаунту</title></head><body>
<h1>Интеграция просит доступ к аккаунту {account}</h1>
<p><a id="allow" href="?{allow}">Разрешить</a> <a id="deny" href="?{deny}">Отказать</a></p></body></html>"""


def consent(account: Account, authority: Authority, call: Call) -> Answer:
    """Ask a person for access, or answer for them: redirect with a code, or with error=access_denied."""
    query = {name: value for name, value in call.query.items() if isinstance(value, str)}
    if query.get("client_id") != authority.integration.client_id:
        return problem(404, "Integration not found")
    decision = query.get("decision") or account.switches.consent
    if decision == "ask":
        links = {name: escape(urlencode(query | {"decision": name})) for name in ("allow", "deny")}
        return Answer(200, _PAGE.format(account=escape(account.subdomain), **links).encode(), HTML)
    state = {"state": query["state"]} if "state" in query else {}
    back = _allowed(account, authority, call, state) if decision == "allow" else {"error": "access_denied"} | state
    target = authority.integration.redirect_uri
    return Answer(302, b"", HTML, {"Location": f"{target}{'&' if '?' in target else '?'}{urlencode(back)}"})


def _allowed(account: Account, authority: Authority, call: Call, state: dict[str, str]) -> dict[str, str]:
    referer = call.host if account.switches.referer == "host" else call.base
    code = authority.new_code(account.users.first_admin())
    return {"code": code, "referer": referer, "platform": "1", "client_id": authority.integration.client_id} | state


def access_token(account: Account, authority: Authority, call: Call) -> Answer:
    """Answer a token pair; only JSON bodies are read."""
    if account.switches.moved_to:
        return oauth_problem(401, "Token has been revoked")
    try:
        return Answer(200, dump(authority.grant(call.body, call.host)), JSON)
    except Refusal as refused:
        return refused.answer


def current_subdomain(account: Account, authority: Authority, call: Call) -> Answer:
    """Tell by a refresh token, without spending it, where the account lives now."""
    if not authority.knows_refresh(call.headers.get("X-Refresh-Token", "")):
        return problem(401, "Unauthorized")
    return Answer(200, dump(_whereabouts(account, call)), JSON)


def old_subdomain(account: Account, authority: Authority, call: Call) -> Answer:
    """Tell the same by an access token (deprecated by the vendor)."""
    if authority.bearer(call.bearer) is None:
        return problem(401, "Unauthorized")
    return Answer(200, dump(_whereabouts(account, call)), JSON)


def _whereabouts(account: Account, call: Call) -> dict[str, Any]:
    domain = account.switches.moved_to or call.host
    return {"id": account.id, "subdomain": account.subdomain, "domain": domain, "top_level_domain": "ru"}
