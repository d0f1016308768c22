"""What is answered when something is wrong: problem+json of one shape (RFC 9457), with a request id and never a trace.

`raise problem("not-found", 404, "…")` from a route; errors of the stages become problems by the table below. Every slug is
explained in docs/api.md. What belongs here: shapes and the table. Headers, limits and logging belong to the doors in front.
"""

import logging
import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import orjson
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from crm_pipeline import errors
from crm_pipeline.database.refusals import UNREACHABLE, UNSTORABLE, is_unstorable

log = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"
RETRY_SECONDS = 5
"""When nothing says how long to wait."""

TITLES = {
    "bad-request": "The request cannot be understood",
    "unauthenticated": "A valid access token is needed",
    "invalid-credentials": "Wrong username or password",
    "invalid-refresh-token": "The refresh token is not valid",
    "forbidden": "This user may not do that",
    "not-found": "There is no such thing",
    "method-not-allowed": "This address does not take that method",
    "conflict": "It does not fit what is there",
    "consent-needed": "The CRM asks for consent again",
    "unknown-cursor": "There is no such page",
    "cursor-expired": "The cursor is too old: fetch everything anew",
    "too-large": "The body is too large",
    "unsupported-media-type": "The body is of a kind this address does not take",
    "invalid": "Something in the request is not valid",
    "rate-limited": "Too many requests",
    "refused-by-crm": "The CRM refused the request",
    "crm-unavailable": "The CRM does not answer properly",
    "try-later": "Not now",
    "unavailable": "The database does not answer",
    "misconfigured": "A setting of the server is missing or wrong",
    "internal": "Something went wrong on our side",
}

BY_ERROR: dict[type[errors.CrmPipelineError], tuple[str, int]] = {
    errors.UsageError: ("invalid", 422),
    errors.UnknownCursor: ("unknown-cursor", 404),
    errors.UnknownApplication: ("not-found", 404),
    errors.ConfigurationError: ("misconfigured", 503),
    errors.DatabaseUnavailable: ("unavailable", 503),
    errors.ConnectionStopped: ("conflict", 409),
    errors.ConsentNeeded: ("consent-needed", 409),
    errors.HostNotAllowed: ("invalid", 422),
    errors.TryLater: ("try-later", 503),
    errors.CrmUnavailable: ("crm-unavailable", 503),
    errors.RequestRefused: ("refused-by-crm", 422),
    errors.RecordGone: ("not-found", 404),
    errors.Unreadable: ("invalid", 422),
}
"""The nearest class above an error decides; what is not here is internal."""

BY_STATUS = {
    400: "bad-request",
    401: "unauthenticated",
    403: "forbidden",
    404: "not-found",
    405: "method-not-allowed",
    409: "conflict",
    413: "too-large",
    415: "unsupported-media-type",
    422: "invalid",
    429: "rate-limited",
}


class Problem(HTTPException):
    """An answer that says what is wrong. Made by `problem`."""

    def __init__(self, slug: str, status: int, detail: str, headers: Mapping[str, str], more: Mapping[str, Any]):
        super().__init__(status, detail, dict(headers))
        self.slug = slug
        self.more = dict(more)


def problem(slug: str, status: int, detail: str = "", *, headers: Mapping[str, str] | None = None, **more: Any) -> Problem:
    """Return a problem to raise. slug: of `TITLES`; more: further members of the answer, such as `what_to_do`."""
    return Problem(slug, status, detail or TITLES[slug], headers or {}, more)


def document(slug: str, status: int, detail: str, request_id: str, more: Mapping[str, Any] | None = None) -> bytes:
    """Return the body of a problem."""
    members = {"type": f"/problems/{slug}", "title": TITLES[slug], "status": status, "detail": detail, "request_id": request_id}
    return orjson.dumps({**members, **(more or {})}, default=str)


def install(app: FastAPI) -> None:
    """Let every error of an app be answered as a problem."""
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(errors.CrmPipelineError, _ours)
    for kind in (*UNREACHABLE, *UNSTORABLE):
        app.add_exception_handler(kind, _by_database)


def _answer(
    request: Request, slug: str, status: int, detail: str, more: Mapping[str, Any], headers: Mapping[str, str]
) -> Response:
    body = document(slug, status, detail, request.scope.get("request_id", ""), more)
    return Response(body, status, dict(headers), MEDIA_TYPE)


def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    headers = dict(error.headers or {})
    if isinstance(error, Problem):
        return _answer(request, error.slug, error.status_code, error.detail, error.more, headers)
    slug = BY_STATUS.get(error.status_code, "bad-request" if error.status_code < 500 else "internal")
    return _answer(request, slug, error.status_code, TITLES[slug], {}, headers)


def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    found = [{"field": path(one["loc"]), "message": one["msg"], "kind": one["type"]} for one in error.errors()]
    detail = "; ".join(f"{one['field']}: {one['message']}" for one in found[:3])
    return _answer(request, "invalid", 422, detail, {"errors": found}, {})


def path(location: Sequence[int | str]) -> str:
    """Return where in the request something is, such as `body.operations[0].fields`."""
    text = ""
    for step in location:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else str(step)
    return text.encode(errors="replace").decode()  # a name may hold half a surrogate pair


def _ours(request: Request, error: Exception) -> Response:
    assert isinstance(error, errors.CrmPipelineError)
    found = next((BY_ERROR[kind] for kind in type(error).__mro__ if kind in BY_ERROR), None)
    if found is None:
        raise error  # nothing a caller can act on: the door logs it and answers 500
    slug, status = found
    if status >= 500:
        log.warning("%s answered with %s: %s", request.scope.get("request_id"), status, error)
    more = {"what_to_do": error.what_to_do} if error.what_to_do and slug not in ("unavailable", "misconfigured") else {}
    detail = TITLES[slug] if slug in ("unavailable", "misconfigured") else error.args[0]
    return _answer(request, slug, status, detail, more, _patience(error, status))


def _patience(error: errors.CrmPipelineError, status: int) -> dict[str, str]:
    """Return Retry-After, in seconds, for what will be over by itself."""
    if status != 503:
        return {}
    until = getattr(error, "until", None)
    seconds = (until - datetime.now(UTC)).total_seconds() if until else RETRY_SECONDS
    return {"Retry-After": str(max(1, math.ceil(seconds)))}


def _by_database(request: Request, error: Exception) -> Response:
    if isinstance(error, UNREACHABLE):
        log.warning("%s answered with 503: %s", request.scope.get("request_id"), type(error).__name__)
        return _answer(request, "unavailable", 503, TITLES["unavailable"], {}, {"Retry-After": str(RETRY_SECONDS)})
    if is_unstorable(error):
        return _answer(request, "invalid", 422, "A value holds characters that no text may hold, or is out of range.", {}, {})
    raise error
