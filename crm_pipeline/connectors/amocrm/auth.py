"""Who we are to amoCRM: consent link, first pair, refresh, and where the account has moved to (facts: amocrm 1).

Nothing is stored here: the vault calls `refresh` under its lock and commits the answer before anybody uses it.
"""

import base64
import binascii
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlencode, urlsplit

import orjson

from crm_pipeline.connectors import Secrets
from crm_pipeline.connectors.amocrm.statuses import UNBLOCK, detail_of
from crm_pipeline.errors import AccessBlocked, AnswerLost, ConsentNeeded, HostNotAllowed, RequestRefused
from crm_pipeline.http import Answer, Session, Verdict
from crm_pipeline.http.hosts import is_loopback

SECRET_KEYS = ("client_secret", "access_token", "refresh_token", "code")
CONSENT = "Open the authorization link again as an administrator, or create a new long-lived token."
_TOKEN_PATH = "/oauth2/access_token"
_MOVED_STATUSES = (401, 404)


def authorization_url(settings: Mapping[str, str], state: str) -> str:
    """Return where a person gives consent; redirect address and scopes come from the integration's settings (facts: 1.1)."""
    query = urlencode({"client_id": settings["client_id"], "state": state, "mode": "post_message"})
    return f"{_platform(settings.get('base_url', ''))}/oauth?{query}"


def exchange_code(http: Session, base_url: str, secrets: Secrets, code: str, now: datetime) -> Secrets:
    """Exchange a code (20 minutes, one use) for the first pair. Raises ConsentNeeded when it is no good, AnswerLost."""
    http.redactor.register(code, *(secrets.get(key) for key in SECRET_KEYS))
    body = _body(secrets, "authorization_code", code=code)
    failed = "amoCRM does not accept the authorization code."
    refused: ConsentNeeded
    try:
        return _new_pair(secrets, _ask_token(http, base_url, body, failed), now.timestamp())
    except _TokenRefusal as error:
        refused = error.refused
    raise refused


def refresh(http: Session, base_url: str, secrets: Secrets) -> Secrets:
    """Return a newer pair, following the account when it has moved.

    A refresh whose answer was lost is repeated once with the same token: in the grace some accounts give it still works
    (facts: amocrm 1.4), and where it does not, the refusal says so. Raises ConsentNeeded, AnswerLost.
    """
    if not secrets.get("refresh_token"):
        return _moved_long_lived(http, base_url, secrets)
    refused: ConsentNeeded
    try:
        return _refreshed(http, base_url, secrets)
    except _TokenRefusal as error:
        refused, status = error.refused, error.status
    moved = moved_to(http, base_url, secrets) if status in _MOVED_STATUSES else None
    if not moved:
        raise refused
    try:
        return {**_refreshed(http, moved, secrets), "base_url": moved}
    except _TokenRefusal as error:
        refused = error.refused
    raise refused


def moved_to(http: Session, base_url: str, secrets: Secrets) -> str | None:
    """Return the account's address when it is not `base_url` any more, None when it is or nobody tells (facts: amocrm 1.7)."""
    claims = claims_of(secrets.get("access_token"))
    for address, headers in _where_to_ask(base_url, secrets, claims):
        domain = _domain(http, address, headers)
        if domain and domain != urlsplit(base_url).netloc:
            return f"{_scheme(domain)}://{domain}"
    return None


def claims_of(token: Any) -> dict[str, Any]:
    """Return the claims of an access token without checking its signature, whose key is not published (facts: amocrm 1.6)."""
    parts = token.split(".") if isinstance(token, str) else []
    if len(parts) != 3:
        return {}
    try:
        claims = orjson.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (ValueError, binascii.Error):
        return {}
    return claims if isinstance(claims, dict) else {}


class _TokenRefusal(Exception):
    """The token endpoint refused for good; the address may be an old one."""

    def __init__(self, status: int, refused: ConsentNeeded):
        super().__init__()
        self.status = status
        self.refused = refused


def _refreshed(http: Session, base_url: str, secrets: Secrets) -> Secrets:
    body = _body(secrets, "refresh_token", refresh_token=secrets["refresh_token"])
    lost = False
    try:
        return _new_pair(secrets, _ask_token(http, base_url, body, "amoCRM does not accept the refresh token."), None)
    except AnswerLost:
        lost = True
    failed = "The answer to a token refresh was lost, and amoCRM does not accept the old refresh token a second time."
    return _new_pair(secrets, _ask_token(http, base_url, body, failed, after_loss=lost), None)


def _ask_token(http: Session, base_url: str, body: Secrets, failed: str, *, after_loss: bool = False) -> Answer:
    def classify(answer: Answer) -> Verdict:
        return _judge_token(answer, failed, after_loss)

    return http.send("POST", base_url.rstrip("/") + _TOKEN_PATH, json=body, classify=classify, safe=False, lane="interactive")


def _judge_token(answer: Answer, failed: str, after_loss: bool) -> Verdict:
    if answer.status == 200:
        return Verdict("ok" if _is_pair(answer.json) else "retry")  # a pair was issued, but it did not reach us: lost
    if answer.status == 429:
        return Verdict("pause", answer.retry_after or 0.0)
    if answer.status == 403 and not isinstance(answer.json, dict):
        return Verdict("raise", error=AccessBlocked("amoCRM blocks this account or address (403).", what_to_do=UNBLOCK))
    if 400 <= answer.status < 500:
        refused = ConsentNeeded(f"{failed} It says: {detail_of(answer) or answer.status}.", what_to_do=CONSENT)
        return Verdict("raise", error=_TokenRefusal(0 if after_loss else answer.status, refused))
    return Verdict("retry")


def _is_pair(body: Any) -> bool:
    return isinstance(body, dict) and all(
        isinstance(body.get(key), str) and body[key] for key in ("access_token", "refresh_token")
    )


def _new_pair(secrets: Secrets, answer: Answer, now: float | None) -> Secrets:
    pair = answer.json
    issued = pair.get("server_time") or claims_of(pair["access_token"]).get("iat") or answer.served_at or now or 0
    kept = {key: value for key, value in secrets.items() if key != "code"}
    expires_at = int(issued) + int(pair.get("expires_in") or 0)
    return {**kept, "access_token": pair["access_token"], "refresh_token": pair["refresh_token"], "expires_at": expires_at}


def _body(secrets: Secrets, grant: str, **token: str) -> Secrets:
    """Return the body of a token request; the redirect address must be there in both grants (facts: amocrm 1.2)."""
    kept = {key: secrets.get(key, "") for key in ("client_id", "client_secret", "redirect_uri")}
    return {**kept, "grant_type": grant, **token}


def _moved_long_lived(http: Session, base_url: str, secrets: Secrets) -> Secrets:
    moved = moved_to(http, base_url, secrets)
    if not moved:
        raise ConsentNeeded("amoCRM does not accept the long-lived token: it has expired or was revoked.", what_to_do=CONSENT)
    return {**secrets, "base_url": moved}


def _where_to_ask(base_url: str, secrets: Secrets, claims: Mapping[str, Any]) -> list[tuple[str, dict[str, str]]]:
    """Return the new way (api_domain, refresh token) and the old one (platform host, bearer), as far as they are open to us."""
    api_domain, refresh_token = claims.get("api_domain"), secrets.get("refresh_token")
    ways = []
    if isinstance(api_domain, str) and api_domain and refresh_token:
        address = f"{_scheme(api_domain)}://{api_domain}/oauth2/account/current/subdomain"
        ways.append((address, {"X-Refresh-Token": str(refresh_token)}))
    old = f"{_platform(base_url)}/oauth2/account/subdomain"
    return [*ways, (old, {"Authorization": f"Bearer {secrets.get('access_token', '')}"})]


def _domain(http: Session, address: str, headers: Mapping[str, str]) -> str | None:
    """Ask one address for the account's domain; None when it does not tell."""
    try:
        answer = http.send("GET", address, headers=headers, classify=_told_or_not, lane="interactive")
    except (RequestRefused, HostNotAllowed):
        return None
    domain = answer.json.get("domain") if isinstance(answer.json, dict) else None
    return domain.lower() if isinstance(domain, str) and domain else None


def _told_or_not(answer: Answer) -> Verdict:
    if answer.status >= 500:
        return Verdict("retry")
    return Verdict("ok") if answer.status == 200 else Verdict("raise", error=RequestRefused(status=answer.status))


def _platform(base_url: str) -> str:
    """Return the host people log in at: amocrm.ru, amocrm.com or kommo.com by the account's own; a stand-in is its own."""
    parts = urlsplit(base_url)
    host = parts.hostname or ""
    known = next((name for name in ("kommo.com", "amocrm.com", "amocrm.ru") if host == name or host.endswith(f".{name}")), None)
    if known:
        return f"https://www.{known}"
    return f"{parts.scheme}://{parts.netloc}" if host else "https://www.amocrm.ru"


def _scheme(domain: str) -> str:
    return "http" if is_loopback(urlsplit(f"//{domain}").hostname or "") else "https"
