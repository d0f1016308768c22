"""Requests as they come in: route, suffix, parameters merged from query, form and JSON (facts: bitrix24 2.1, 11.1).

Here: reading only. Whether the caller may do it is decided later.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from email import message_from_bytes, policy
from typing import Any

import orjson
from aiohttp import web

from . import brackets

_WEBHOOK = re.compile(r"^/rest/(\d+)/([^/]+)/([A-Za-z0-9_.]+?)(\.json|\.xml)?/?$")
_APP = re.compile(r"^/rest/([A-Za-z0-9_.]+?)(\.json|\.xml)?/?$")


@dataclass(frozen=True)
class Route:
    """Where a request goes: the method, and who it says it is when the address tells."""

    method: str
    suffix: str = ""
    user: int = 0
    secret: str = ""

    @property
    def webhook(self) -> bool:
        return bool(self.secret)


def route(path: str) -> Route | None:
    """Read a path under /rest/; None when it is none."""
    if found := _WEBHOOK.match(path):
        return Route(found[3].lower(), found[4] or "", int(found[1]), found[2])
    if found := _APP.match(path):
        return Route(found[1].lower(), found[2] or "")
    return None


async def parameters(request: web.Request) -> dict[str, Any]:
    """Merge query, form and JSON; the body wins."""
    merged = brackets.parse(request.query_string)
    return merged | await _body(request)


async def _body(request: web.Request) -> dict[str, Any]:
    if request.content_type == "multipart/form-data":
        return brackets.nest(_parts(request.headers["Content-Type"], await request.read()))
    raw = await request.read()
    if request.content_type == "application/x-www-form-urlencoded" and not raw.startswith(b"{"):
        return brackets.parse(raw.decode(errors="replace"))
    try:
        body = orjson.loads(raw) if raw else {}
    except orjson.JSONDecodeError:
        return {}
    return body if isinstance(body, dict) else {}


def _parts(content_type: str, raw: bytes) -> list[tuple[str, str]]:
    """Read the named parts of a multipart body."""
    message = message_from_bytes(f"Content-Type: {content_type}\r\n\r\n".encode() + raw, policy=policy.HTTP)
    named = [
        (part.get_param("name", header="content-disposition"), part.get_payload(decode=True)) for part in message.iter_parts()
    ]
    return [(str(name), value.decode(errors="replace")) for name, value in named if name and isinstance(value, bytes)]
