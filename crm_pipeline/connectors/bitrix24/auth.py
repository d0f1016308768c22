"""Who we are to a portal: the address and parameters a credential gives, consent, the first tokens, and their renewal.

Two kinds of credential: an incoming webhook (its URL is the secret, nothing to renew) and OAuth (facts: bitrix24 1). What
belongs here: talk with the authorization server. Calls to the portal belong to `client`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote, urlsplit

from crm_pipeline.connectors import Secrets
from crm_pipeline.connectors.bitrix24.payloads import AUTH_SERVERS
from crm_pipeline.connectors.bitrix24.refusals import code_of, description_of
from crm_pipeline.errors import AnswerLost, ConfigurationError, ConnectionStopped, ConsentNeeded, CrmPipelineError, CrmUnavailable
from crm_pipeline.http import Answer, Session, Verdict

TOKEN_SECONDS = 3_600
_CONNECT_AGAIN = "Authorise the connection again: crm-pipeline connect bitrix24."
_SENTENCES = {
    "invalid_grant": "The authorization code or refresh token is no longer valid.",
    "bad_verification_code": "The authorization code is no longer valid: it lives thirty seconds and works once.",
    "invalid_client": "The authorization server does not know this client id and secret.",
    "wrong_client": "The authorization server does not know this client id and secret.",
    "not_installed": "The application is not installed on the portal.",
    "invalid_scope": "The application asks for more scopes than its card allows.",
    "insufficient_scope": "The application asks for more scopes than its card allows.",
}
_UNPAID = "payment_required"


class _Refused(ConsentNeeded):
    """The authorization server said no for good, as opposed to an answer that was lost."""


@dataclass(frozen=True, slots=True, repr=False)
class Credential:
    """How a call is addressed: `root` ends before the method; `token` goes into the body, None for a webhook."""

    root: str
    token: str | None

    @classmethod
    def of(cls, base_url: str, secrets: Secrets) -> "Credential":
        """Read it from a connection's secrets; the portal may have moved, so `base_url` says where and the secret says who."""
        webhook = secrets.get("webhook_url")
        if webhook:
            path = urlsplit(str(webhook)).path.rstrip("/")
            return cls(f"{origin(base_url) or origin(str(webhook))}{path}/", None)
        token = secrets.get("access_token")
        if not token:
            raise ConsentNeeded("There is neither a webhook nor an access token for this portal.", what_to_do=_CONNECT_AGAIN)
        return cls(f"{origin(base_url)}/rest/", str(token))

    def moved(self, new_origin: str) -> "Credential":
        """Return the same credential at another address."""
        return Credential(new_origin + self.root[len(origin(self.root)) :], self.token)


def origin(url: str) -> str:
    """Return scheme, host and port of an address; empty when there is no host."""
    parts = urlsplit(url if "//" in url else f"https://{url}" if url else "")
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2].lower()}" if parts.netloc else ""


def host_of(base_url: str, secrets: Secrets) -> str:
    """Return the portal's host (with a port if it has one)."""
    found = origin(base_url) or origin(str(secrets.get("webhook_url") or ""))
    return found.partition("//")[2]


def authorization_url(settings: Mapping[str, str], state: str) -> str:
    """Return where a person gives consent; the redirect address comes from the application's card (facts: bitrix24 1.2)."""
    base = origin(settings.get("base_url", ""))
    if not base or not settings.get("client_id"):
        raise ConfigurationError("An authorization address needs the portal's address and the application's client_id.")
    return f"{base}/oauth/authorize/?client_id={quote(settings['client_id'], safe='')}&state={quote(state, safe='')}"


def exchange_code(http: Session, secrets: Secrets, code: str, now: datetime) -> Secrets:
    """Exchange a code for the first pair of tokens. Raises ConsentNeeded: a code whose answer was lost is used up too."""
    http.redactor.register(code, secrets.get("client_secret"))
    try:
        answer = _token(http, secrets, {"grant_type": "authorization_code", "code": code})
    except AnswerLost:
        lost = ConsentNeeded("The answer of the authorization server was lost, and a code works once.", what_to_do=_CONNECT_AGAIN)
        raise lost from None
    return _kept(http, secrets, answer, now.timestamp())


def refresher(http: Session, now: Callable[[], float]) -> Callable[[Secrets], Secrets]:
    """Return the function a vault renews tokens with.

    A lost answer may mean that the refresh token is used up: the old one is tried once more, and when that is refused a
    person has to consent again (facts: bitrix24 1.3, 12.1). A second lost answer leaves the row as it was.
    """

    def refresh(current: Secrets) -> Secrets:
        token = current.get("refresh_token")
        if not token:
            raise ConsentNeeded("There is no refresh token.", what_to_do=_CONNECT_AGAIN)
        return _kept(
            http, current, _refreshed(http, current, {"grant_type": "refresh_token", "refresh_token": str(token)}), now()
        )

    return refresh


def _refreshed(http: Session, secrets: Secrets, grant: Mapping[str, str]) -> Answer:
    try:
        return _token(http, secrets, grant)
    except (AnswerLost, CrmUnavailable):
        return _refreshed_again(http, secrets, grant)


def _refreshed_again(http: Session, secrets: Secrets, grant: Mapping[str, str]) -> Answer:
    try:
        return _token(http, secrets, grant)
    except _Refused:
        sentence = "The answer to a token refresh was lost, and the refresh token it replaced is used up."
    raise ConsentNeeded(sentence, what_to_do=_CONNECT_AGAIN)


def _token(http: Session, secrets: Secrets, grant: Mapping[str, str]) -> Answer:
    """Ask for tokens: GET as documented; POST where a server does not take GET any more (facts: bitrix24 1.2, 1.3)."""
    client = {"client_id": str(secrets.get("client_id") or ""), "client_secret": str(secrets.get("client_secret") or "")}
    asked = {"grant_type": grant["grant_type"]} | client | dict(grant)
    http.redactor.register(client["client_secret"], grant.get("code"), grant.get("refresh_token"))
    url = f"{auth_server(secrets)}/oauth/token/"
    answer = http.send("GET", url, params=asked, classify=_classify, safe=False, counted=False)
    if answer.status in _POST_INSTEAD:
        answer = http.send("POST", url, form=asked, classify=_classify, safe=False, counted=False)
    return answer


_POST_INSTEAD = (405, 501)


def auth_server(secrets: Secrets) -> str:
    """Return the authorization server: a setting, for it has changed before (facts: bitrix24 1.1)."""
    chosen = str(secrets.get("oauth_url") or "")
    return origin(chosen) or f"https://{AUTH_SERVERS[0]}"


def _classify(answer: Answer) -> Verdict:
    """An error may come with HTTP 200, and without a description (facts: bitrix24 1.4)."""
    code = code_of(answer.json)
    if code is None and answer.status == 200 and isinstance(answer.json, dict) and answer.json.get("access_token"):
        return Verdict("ok")
    if code is None and answer.status in _POST_INSTEAD:
        return Verdict("ok")
    if code is None and (answer.status >= 500 or answer.status in (200, 408, 429)):
        return Verdict("raise", error=AnswerLost("The authorization server gave no proper answer."))
    return Verdict("raise", error=_refusal(answer, code or ""))


def _refusal(answer: Answer, code: str) -> CrmPipelineError:
    if answer.status >= 500 and code not in _SENTENCES:
        return CrmUnavailable(f"The authorization server answered {answer.status}.")
    if code == _UNPAID or answer.status == 402:
        return ConnectionStopped(
            "The application's paid period is over.", what_to_do="Pay in the portal, then resume the connection."
        )
    sentence = _SENTENCES.get(code) or f"The authorization server refused ({answer.status} {code} {description_of(answer.json)})."
    return _Refused(sentence, what_to_do=_CONNECT_AGAIN)


def _kept(http: Session, secrets: Secrets, answer: Answer, now: float) -> Secrets:
    """Return the secrets with the new pair; `domain` in the answer is the authorization server, not the portal."""
    found: dict[str, Any] = answer.json or {}
    http.redactor.register(found.get("access_token"), found.get("refresh_token"))
    lifetime = str(found.get("expires_in"))
    seconds = int(lifetime) if lifetime.isdigit() else TOKEN_SECONDS
    new = {
        "access_token": found.get("access_token"),
        "refresh_token": found.get("refresh_token") or secrets.get("refresh_token"),
        "expires_at": int(now) + seconds,
        "member_id": found.get("member_id") or secrets.get("member_id"),
        "client_endpoint": found.get("client_endpoint") or secrets.get("client_endpoint"),
        "scope": found.get("scope") or secrets.get("scope"),
    }
    return {**secrets, **{key: value for key, value in new.items() if value is not None}}


class PortalMoved(CrmPipelineError):
    """The portal answers at another address, and what it redirected to is not the call itself."""

    def __init__(self, new_origin: str):
        super().__init__("The portal has moved.")
        self.origin = new_origin


def secret_values(secrets: Secrets) -> list[Any]:
    """Return what must never be read: tokens, and the secret part of a webhook's address."""
    names = ("access_token", "refresh_token", "client_secret", "application_token")
    webhook = str(secrets.get("webhook_url") or "").rstrip("/")
    return [secrets.get(name) for name in names] + [webhook, webhook.rpartition("/")[2]]
