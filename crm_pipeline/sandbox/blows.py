"""What each fault does to a request in flight. Which request is hit is decided in faults.py; vendor bodies come from the CRM."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import orjson
from aiohttp import web

from .faults import Rule

if TYPE_CHECKING:
    from .serving import Sandbox

HTML = (
    "<html>\r\n<head><title>{0}</title></head>\r\n<body>\r\n<center><h1>{0}</h1></center>\r\n"
    "<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"
)
REASONS = {
    403: "403 Forbidden",
    429: "429 Too Many Requests",
    500: "500 Internal Server Error",
    502: "502 Bad Gateway",
    503: "503 Service Temporarily Unavailable",
    504: "504 Gateway Time-out",
}
Answer = web.StreamResponse | None


def html_answer(status: int) -> web.Response:
    """Answer the page a web server in front shows instead of JSON (facts: amocrm 7, bitrix24 2.3)."""
    return web.Response(status=status, text=HTML.format(REASONS.get(status, str(status))), content_type="text/html")


def drop(request: web.Request) -> web.Response:
    """Reset the connection; what is answered goes nowhere."""
    request["dropped"] = True
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=500)


async def _status(sandbox: Sandbox, request: web.Request, rule: Rule) -> Answer:
    status, body = int(rule.arguments.get("status", 500)), rule.arguments.get("body")
    if rule.arguments.get("html"):
        return html_answer(status)
    if body is None:
        answer = sandbox.error_answer(request, status)
    else:
        text = body if isinstance(body, str) else orjson.dumps(body).decode()
        answer = web.Response(status=status, text=text, content_type=rule.arguments.get("content_type", "application/json"))
    answer.headers.update(rule.arguments.get("headers", {}))
    return answer


async def _reset_before(sandbox: Sandbox, request: web.Request, rule: Rule) -> Answer:
    return drop(request)


async def _hang(sandbox: Sandbox, request: web.Request, rule: Rule) -> Answer:
    await asyncio.sleep(float(rule.arguments.get("seconds", 60)))
    gone = request.transport is None or request.transport.is_closing()
    return drop(request) if gone else None


async def _early_204(sandbox: Sandbox, request: web.Request, rule: Rule) -> Answer:
    return web.Response(status=204)


async def _redirect(sandbox: Sandbox, request: web.Request, rule: Rule) -> Answer:
    location = str(rule.arguments["location"])
    return web.Response(status=int(rule.arguments.get("status", 302)), headers={"Location": location})


async def _expired(sandbox: Sandbox, request: web.Request, rule: Rule) -> Answer:
    return sandbox.expired_answer(request)


async def _mutate(sandbox: Sandbox, request: web.Request, rule: Rule) -> Answer:
    sandbox.edit(rule.arguments.get("edits", []))
    if work := rule.arguments.get("work"):
        sandbox.work(int(work.get("edits", 1)), int(work.get("seed", 1)))
    return None


async def _reset_after(sandbox: Sandbox, request: web.Request, rule: Rule, answer: web.StreamResponse) -> web.StreamResponse:
    return drop(request)


async def _hang_after(sandbox: Sandbox, request: web.Request, rule: Rule, answer: web.StreamResponse) -> web.StreamResponse:
    await asyncio.sleep(float(rule.arguments.get("seconds", 60)))
    return answer


async def _truncate(sandbox: Sandbox, request: web.Request, rule: Rule, answer: web.StreamResponse) -> web.StreamResponse:
    body = answer.body if isinstance(answer, web.Response) and isinstance(answer.body, bytes) else b""
    kept = body[: int(rule.arguments.get("bytes", len(body) // 2))]
    return web.Response(status=answer.status, body=kept, headers={"Content-Type": answer.headers.get("Content-Type", "")})


BEFORE: dict[str, Callable[[Sandbox, web.Request, Rule], Awaitable[Answer]]] = {
    "status": _status,
    "reset_before": _reset_before,
    "hang": _hang,
    "early_204": _early_204,
    "redirect": _redirect,
    "expired_token": _expired,
    "mutate": _mutate,
}
AFTER: dict[str, Callable[[Sandbox, web.Request, Rule, web.StreamResponse], Awaitable[web.StreamResponse]]] = {
    "reset_after": _reset_after,
    "lost_token_answer": _reset_after,
    "hang_after": _hang_after,
    "truncate": _truncate,
}
