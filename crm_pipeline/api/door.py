"""What every request passes on its way in and out: its id, its size, the security headers, the log line, the last resort.

A plain ASGI wrapper. What belongs here: what is the same for every route. Who is calling is asked by the routes (`deps`).
"""

import logging
import re
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass

import orjson
from anyio.to_thread import current_default_thread_limiter
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from crm_pipeline.api.limits import LARGEST_BODY
from crm_pipeline.api.measures import Measures
from crm_pipeline.api.problems import MEDIA_TYPE, TITLES, Problem, document, problem
from crm_pipeline.database.engine import POOL

log = logging.getLogger(__name__)
access = logging.getLogger("crm_pipeline.access")

_GIVEN_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
THREADS = 2 * POOL
"""Requests worked on at once. More than there are connections to Postgres, because logging in and calling a CRM need none; not
many more, because those would only wait for one."""
UNKNOWN_ROUTE = "(none)"
NOTHING: Mapping[str, str] = {}
SECURITY = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    "Cross-Origin-Resource-Policy": "same-site",
    "Strict-Transport-Security": "max-age=31536000",
    "Cache-Control": "no-store",
}
"""Unless a route says otherwise."""


@dataclass(slots=True)
class Visit:
    """One request, as the log and the measures know it; `user` and `route` are filled in on the way."""

    request_id: str
    user: str | None = None
    route: str = UNKNOWN_ROUTE
    status: int = 0
    received: int = 0


class Door:
    """Wraps the app."""

    def __init__(self, app: ASGIApp, measures: Measures):
        self._app = app
        self._measures = measures

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request through."""
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        current_default_thread_limiter().total_tokens = THREADS
        visit = Visit(_request_id(Headers(scope=scope)))
        scope["visit"], scope["request_id"] = visit, visit.request_id
        began = time.perf_counter()
        try:
            await self._pass(scope, _measured(receive, visit), _marked(send, visit), visit)
        finally:
            self._note(scope, visit, time.perf_counter() - began)

    async def _pass(self, scope: Scope, receive: Receive, send: Send, visit: Visit) -> None:
        try:
            _require_small(Headers(scope=scope).get("content-length", "0"))
            await self._app(scope, receive, send)
        except Problem as refused:
            await _say(send, visit, refused.slug, refused.status_code, refused.detail, refused.headers or {})
        except Exception:
            log.exception("request %s failed", visit.request_id)
            if visit.status:
                raise  # the answer has begun: all that is left is to break it off
            await _say(send, visit, "internal", 500, TITLES["internal"])

    def _note(self, scope: Scope, visit: Visit, seconds: float) -> None:
        self._measures.note(scope["method"] if scope["method"] in METHODS else "OTHER", visit.route, visit.status, seconds)
        line = {
            "request_id": visit.request_id, "user": visit.user, "method": scope["method"], "path": _path(scope, visit),
            "status": visit.status, "ms": round(seconds * 1000, 1),
        }  # fmt: skip
        access.info(orjson.dumps(line, default=str).decode())


METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


def _path(scope: Scope, visit: Visit) -> str:
    """Return the path without its query; of a webhook its template, because the path itself is a secret."""
    return visit.route if "{token}" in visit.route else _hide_tokens(scope["path"])


def _hide_tokens(path: str) -> str:
    return re.sub(r"^(/api/webhooks/[^/]+/).+", r"\1***", path)


def _request_id(headers: Headers) -> str:
    given = headers.get("x-request-id", "")
    return given if _GIVEN_ID.fullmatch(given) else secrets.token_hex(8)


def _too_large() -> Problem:
    return problem("too-large", 413, f"A body may have {LARGEST_BODY // 1024 // 1024} MiB.", headers={"Connection": "close"})


def _require_small(length: str) -> None:
    if not length.isdigit():
        raise problem("bad-request", 400, "Content-Length is not a number.")
    if int(length) > LARGEST_BODY:
        raise _too_large()


def _measured(receive: Receive, visit: Visit) -> Receive:
    async def taking() -> Message:
        message = await receive()
        visit.received += len(message.get("body", b""))
        if visit.received > LARGEST_BODY:
            raise _too_large()
        return message

    return taking


def _marked(send: Send, visit: Visit) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            visit.status = message["status"]
            headers = MutableHeaders(scope=message)
            headers["X-Request-ID"] = visit.request_id
            for name, value in SECURITY.items():
                headers.setdefault(name, value)
        await send(message)

    return sending


async def _say(send: Send, visit: Visit, slug: str, status: int, detail: str, more: Mapping[str, str] = NOTHING) -> None:
    body = document(slug, status, detail, visit.request_id)
    headers = {"content-type": MEDIA_TYPE, "content-length": str(len(body)), **more}
    raw = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": status, "headers": raw})
    await send({"type": "http.response.body", "body": body})
