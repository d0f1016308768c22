"""Methods an address takes: others are refused with all it takes in `Allow`, OPTIONS tells them, HEAD is GET without the body.

A plain ASGI wrapper. What belongs here: methods and addresses. What a page of another origin may send is CORS, decided before.
"""

from functools import cached_property
from typing import Any

from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from starlette.responses import Response
from starlette.routing import compile_path
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from crm_pipeline.api.problems import problem

CALLBACK = "/api/sync/connection/callback"
"""Where GET uses up a consent: a look at its headers alone would, too."""


class Methods:
    """Wraps the app."""

    def __init__(self, app: ASGIApp, routed: FastAPI):
        self._app, self._routed = app, routed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request through, or answer it. Raises a problem 405."""
        taken = self.of(scope["path"]) if scope["type"] == "http" else set()
        if not taken or scope["method"] in taken - {"HEAD"}:
            return await self._app(scope, receive, send)
        allow = {"Allow": ", ".join(sorted(taken))}
        if scope["method"] == "OPTIONS":
            return await Response(status_code=204, headers=allow)(scope, receive, send)
        if scope["method"] not in taken:
            raise problem("method-not-allowed", 405, headers=allow)
        await self._app({**scope, "method": "GET"}, receive, _without_body(send))

    def of(self, path: str) -> set[str]:
        """Return what an address takes; nothing where there is none. One written out goes before one with parameters."""
        found = self._by_path.get(path) or {
            method for pattern, methods in self._by_pattern for method in methods if pattern.fullmatch(path)
        }
        return found | ({"HEAD"} if "GET" in found and path != CALLBACK else set())

    @cached_property
    def _by_path(self) -> dict[str, set[str]]:
        found: dict[str, set[str]] = {}
        for route in iter_route_contexts(self._routed.routes):
            found.setdefault(route.path or "", set()).update(route.methods or ())
        return found

    @cached_property
    def _by_pattern(self) -> list[tuple[Any, set[str]]]:
        return [(compile_path(path)[0], methods) for path, methods in self._by_path.items() if "{" in path]


def _without_body(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.body":
            message = {**message, "body": b""}
        await send(message)

    return sending
