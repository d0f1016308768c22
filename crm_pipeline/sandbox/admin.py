"""The admin plane under /_sandbox: what a person or a test does to a stand-in. JSON; never rate limited, never journaled."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import orjson
from aiohttp import web

from .faults import BadRule
from .switches import UnknownSwitch

if TYPE_CHECKING:
    from .serving import Sandbox

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Action = Callable[["Sandbox", web.Request, Any], Any]


class BadRequest(ValueError):
    """An admin call makes no sense; the message goes to the caller with status 400."""


def routes(sandbox: Sandbox) -> list[web.RouteDef]:
    """Answer the admin routes of one sandbox."""
    made = [web.route(method, f"/_sandbox/{path}", _handler(sandbox, action)) for method, path, action in _TABLE]
    return [*made, web.route("*", "/_sandbox/{tail:.*}", _unknown)]


def _handler(sandbox: Sandbox, action: Action) -> Handler:
    async def run(request: web.Request) -> web.StreamResponse:
        try:
            raw = await request.read()
            answer = action(sandbox, request, orjson.loads(raw) if raw else {})
        except (BadRequest, BadRule, UnknownSwitch, KeyError, TypeError, ValueError) as error:
            return _json({"error": type(error).__name__, "detail": str(error)}, 400)
        return answer if isinstance(answer, web.StreamResponse) else _json(answer)

    return run


async def _unknown(request: web.Request) -> web.StreamResponse:
    return _json(
        {
            "error": "NotFound",
            "detail": f"no {request.method} {request.path}",
            "known": [f"{m} /_sandbox/{p}" for m, p, _ in _TABLE],
        },
        404,
    )


def _json(value: Any, status: int = 200) -> web.Response:
    return web.Response(body=orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS), status=status, content_type="application/json")


def _state(sandbox: Sandbox, request: web.Request, body: Any) -> Any:
    return {
        "name": sandbox.name,
        "account": sandbox.options.account,
        "url": sandbox.url,
        "clock": _clock_now(sandbox),
        "counts": sandbox.store.kinds(),
        "switches": sandbox.switches.as_dict(),
        "choices": sandbox.switches.choices(),
        "limits": sandbox.options.limits,
        "latency_ms": sandbox.options.latency_ms,
        "faults": sandbox.faults.rules(),
    }


def _clock(sandbox: Sandbox, request: web.Request, body: Any) -> Any:
    unknown = set(body) - {"advance", "freeze", "unfreeze"}
    if not isinstance(body, dict) or unknown or not body:
        raise BadRequest('give {"advance": seconds}, {"freeze": unix second or null} or {"unfreeze": true}')
    if "freeze" in body:
        sandbox.clock.freeze(body["freeze"])
    if "advance" in body:
        sandbox.clock.advance(float(body["advance"]))
    if body.get("unfreeze"):
        sandbox.clock.unfreeze()
    return _clock_now(sandbox)


def _clock_now(sandbox: Sandbox) -> dict[str, Any]:
    return {"now": sandbox.clock.now(), "frozen": sandbox.clock.frozen}


def _switches(sandbox: Sandbox, request: web.Request, body: Any) -> Any:
    sandbox.switches.change(body)
    return sandbox.switches.as_dict()


def _limits(sandbox: Sandbox, request: web.Request, body: Any) -> Any:
    if not isinstance(body, dict) or not body or set(body) - {"limits", "latency_ms"}:
        raise BadRequest('give {"limits": "off" or "real"}, {"latency_ms": milliseconds} or both')
    now = sandbox.options
    sandbox.limit(body.get("limits", now.limits), int(body.get("latency_ms", now.latency_ms)))
    return {"limits": sandbox.options.limits, "latency_ms": sandbox.options.latency_ms}


def _add_faults(sandbox: Sandbox, request: web.Request, body: Any) -> Any:
    return {"numbers": [sandbox.faults.add(rule) for rule in (body if isinstance(body, list) else [body])]}


def _list_faults(sandbox: Sandbox, request: web.Request, body: Any) -> Any:
    return {"rules": sandbox.faults.rules()}


def _clear_faults(sandbox: Sandbox, request: web.Request, body: Any) -> Any:
    sandbox.faults.clear()
    return {"rules": []}


def _journal(sandbox: Sandbox, request: web.Request, body: Any) -> Any:
    return {"entries": sandbox.journal.entries(int(request.query.get("since", 0)))}


def _summary(sandbox: Sandbox, request: web.Request, body: Any) -> Any:
    return sandbox.journal.summary()


def _clear_journal(sandbox: Sandbox, request: web.Request, body: Any) -> Any:
    sandbox.journal.clear()
    return sandbox.journal.summary()


def _edit(sandbox: Sandbox, request: web.Request, body: Any) -> Any:
    return {"ids": sandbox.edit(body)}


def _work(sandbox: Sandbox, request: web.Request, body: Any) -> Any:
    return {"ids": sandbox.work(int(body.get("edits", 1)), int(body.get("seed", 1)))}


def _credentials(sandbox: Sandbox, request: web.Request, body: Any) -> Any:
    return sandbox.credentials()


def _rows(sandbox: Sandbox, request: web.Request, body: Any) -> web.Response:
    kind, after = request.match_info["kind"], int(request.query.get("after", 0))
    if kind not in sandbox.store.kinds():
        raise BadRequest(f"no kind {kind!r}; known: {', '.join(sandbox.store.kinds())}")
    state = request.query.get("deleted", "0")
    found = sandbox.store.select(
        kind, "id > ?", (after,), limit=int(request.query.get("limit", 1000)), deleted=None if state == "all" else int(state)
    )
    last = found[-1][0] if found else "null"
    return web.Response(text=f'{{"rows":[{",".join(text for _, text in found)}],"last":{last}}}', content_type="application/json")


_TABLE: list[tuple[str, str, Action]] = [
    ("GET", "state", _state),
    ("POST", "clock", _clock),
    ("POST", "switches", _switches),
    ("POST", "limits", _limits),
    ("POST", "faults", _add_faults),
    ("GET", "faults", _list_faults),
    ("DELETE", "faults", _clear_faults),
    ("GET", "journal", _journal),
    ("GET", "journal/summary", _summary),
    ("DELETE", "journal", _clear_journal),
    ("POST", "edit", _edit),
    ("POST", "work", _work),
    ("GET", "rows/{kind}", _rows),
    ("GET", "credentials", _credentials),
]
