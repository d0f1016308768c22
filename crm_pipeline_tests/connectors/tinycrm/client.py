"""Requests to the tiny CRM: with the token there is, renewed when it is refused, and what an answer means."""

from collections.abc import Callable
from typing import Any

from crm_pipeline.connectors import Link, Secrets
from crm_pipeline.errors import AccessDenied, ConsentNeeded, CrmPipelineError, CrmUnavailable, RecordGone, RequestRefused
from crm_pipeline.http import Answer, Session, TokenRefused, Verdict
from crm_pipeline.http.answers import Classify

ERRORS: dict[int, Callable[[], CrmPipelineError]] = {
    400: lambda: ConsentNeeded("Tiny forgot us."),
    402: lambda: AccessDenied("Tiny wants money.", what_to_do="Pay."),
    403: lambda: AccessDenied("Tiny says no.", what_to_do="Ask Tiny."),
    500: lambda: CrmUnavailable("Tiny is ill."),
}


def classify(answer: Answer) -> Verdict:
    """Say what an answer means."""
    if answer.status in ERRORS:
        return Verdict("raise", error=ERRORS[answer.status]())
    if answer.status == 401:
        return Verdict("refresh")
    return Verdict("ok") if answer.status == 200 and answer.json is not None else Verdict("retry")


def classify_write(answer: Answer) -> Verdict:
    """Say what the answer to a write means: refusals are the record's own, after a server error nobody knows."""
    said = answer.json if isinstance(answer.json, dict) else {}
    if answer.status == 400:
        code, field = said.get("error", "refused"), said.get("field")
        return Verdict("raise", error=RequestRefused(said.get("detail", "Tiny refuses it."), status=400, code=code, detail=field))
    if answer.status == 404:
        return Verdict("raise", error=RecordGone("Tiny has no such record.", status=404, code="gone"))
    if answer.status == 429:
        return Verdict("pause")
    return Verdict("retry") if answer.status >= 500 else classify(answer)


def get(link: Link, path: str, query: dict[str, str]) -> Any:
    """Read."""
    return _with_token(link, lambda token: _send(link, token, "GET", path, classify, params=query))


def put(link: Link, method: str, path: str, values: dict[str, Any], lane: str) -> Any:
    """Create (POST) or change (PATCH). Raises RequestRefused, RecordGone, AnswerLost."""
    return _with_token(link, lambda token: _send(link, token, method, path, classify_write, json=values, safe=False, lane=lane))


def renewed(http: Session, base_url: str, refresh: str) -> Secrets:
    """Return a new pair for a refresh token."""
    return http.send("POST", f"{base_url}/token", json={"refresh_token": refresh}, classify=classify, safe=False).json


def _with_token(link: Link, send: Callable[[str], Any]) -> Any:
    token = link.vault.read()["access_token"]
    try:
        return send(token)
    except TokenRefused:
        fresh = link.vault.renew(token, lambda old: {**old, **renewed(link.http, link.base_url, old["refresh_token"])})
    return send(fresh["access_token"])


def _send(link: Link, token: str, method: str, path: str, meaning: Classify, **more: Any) -> Any:
    headers = {"Authorization": f"Bearer {token}"}
    return link.http.send(method, f"{link.base_url}/{path}", headers=headers, classify=meaning, **more).json
