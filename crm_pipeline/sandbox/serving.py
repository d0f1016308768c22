"""The base of a stand-in: HTTP, latency, limits, faults, journal, start and stop. Knows no vendor's path, field or answer."""

from __future__ import annotations

import asyncio
import signal
import ssl
import threading
import warnings
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import perf_counter
from typing import Any, ClassVar, Self

import orjson
from aiohttp import web

from . import admin, blows
from .clock import Clock
from .faults import AFTER, Faults, Rule
from .journal import Entry, Journal, fingerprint, masked
from .store import Store
from .switches import Switches

MAX_BODY = 64 * 1024 * 1024
BIG = 200_000
# String keys on a request are this package's own; they meet no other library's.
warnings.filterwarnings("ignore", message="It is recommended to use web.RequestKey", category=UserWarning)


@dataclass(frozen=True)
class Options:
    """How one stand-in is started; `limits` is 'off' or 'real', `share` the part of the world it holds."""

    port: int = 0
    data: Path | None = None
    contacts: int = 0
    seed: int = 1
    limits: str = "off"
    latency_ms: int = 0
    account: str = "acme"
    switches: Mapping[str, Any] = field(default_factory=dict)
    share: tuple[float, float] = (0.0, 1.0)
    host: str = "127.0.0.1"


class Sandbox:
    """Serve one stand-in; a CRM implements `handle` and the hooks below it.

    Request keys a CRM sets: "call" (vendor call name), "credential" (the secret used; only its hash is kept), "params" (what the
    journal shows; default: query and JSON or form body), "rows" (how many were served), "violation".
    """

    name: ClassVar[str] = "sandbox"
    switches_type: ClassVar[type[Switches]] = Switches
    big_from: ClassVar[int] = BIG

    def __init__(self, options: Options) -> None:
        _check_limits(options.limits)
        self.options = options
        self.clock = Clock()
        self.switches = self.switches_type.parse(options.switches)
        self.store = Store(big=options.contacts > self.big_from)
        self.faults = Faults(options.seed)
        self.journal = Journal()
        self.url = ""
        self.loop: asyncio.AbstractEventLoop | None = None
        self._tasks: set[asyncio.Task[Any]] = set()

    # what a CRM implements

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer one vendor request."""
        raise NotImplementedError

    def call_name(self, request: web.Request) -> str:
        """Answer the vendor's name of the call before it is handled ('crm.deal.list', 'GET /api/v4/leads'), for fault rules."""
        return f"{request.method} {request.path}"

    def credential_of(self, request: web.Request) -> str:
        """Answer the secret a request came with; never shown, only its fingerprint."""
        return request.headers.get("Authorization", "")

    def shown_path(self, request: web.Request) -> str:
        """Answer the path as the journal shows it, without secrets (a webhook's, say)."""
        return request.path

    def check_limits(self, request: web.Request) -> web.Response | None:
        """Answer the vendor's refusal when a meter is over, else None. Asked with limits='real'; a refusal is a violation."""
        return None

    def error_answer(self, request: web.Request, status: int) -> web.Response:
        """Answer the vendor's usual JSON error body for a status, for fault rules without a body of their own."""
        return web.json_response({"error": "fault", "error_description": f"status {status} on demand"}, status=status)

    def expired_answer(self, request: web.Request) -> web.Response:
        """Answer as the vendor does to an access token that has expired."""
        return self.error_answer(request, 401)

    def apply_edit(self, edit: dict[str, Any]) -> int | None:
        """Do one edit as a person in the CRM would (README, /_sandbox/edit) and answer the id concerned."""
        raise NotImplementedError

    def random_edits(self, n: int, seed: int) -> list[dict[str, Any]]:
        """Answer n plausible edits for apply_edit, the same ones for the same seed and content."""
        raise NotImplementedError

    def credentials(self) -> dict[str, Any]:
        """Answer what a person would copy from the CRM's settings page."""
        return {}

    def tls_context(self) -> ssl.SSLContext | None:
        """Answer the context to serve https with, or None for plain http."""
        return None

    async def started(self) -> None:
        """Run once inside the event loop when `url` is known (start timers here)."""

    async def stopping(self) -> None:
        """Run once before the server stops."""

    # for the CRM

    def spawn(self, work: Coroutine[Any, Any, Any]) -> None:
        """Run a coroutine beside the requests, from any thread; cancelled at the end, dropped when nothing is served."""
        if self.loop is None:
            work.close()
            return
        self.loop.call_soon_threadsafe(self._begin, work)

    def limit(self, limits: str, latency_ms: int) -> None:
        """Go on with other limits and another latency; the meters keep what they have counted. Raises ValueError."""
        _check_limits(limits)
        if latency_ms < 0:
            raise ValueError("latency_ms is not negative")
        self.options = replace(self.options, limits=limits, latency_ms=latency_ms)

    def edit(self, edits: dict[str, Any] | list[dict[str, Any]]) -> list[int | None]:
        """Apply one edit or a list in order and answer the ids."""
        return [self.apply_edit(edit) for edit in (edits if isinstance(edits, list) else [edits])]

    def work(self, n: int, seed: int = 1) -> list[int | None]:
        """Do n random edits."""
        return self.edit(self.random_edits(n, seed))

    # serving

    def application(self) -> web.Application:
        """Answer the aiohttp application: the admin plane, and everything else to the vendor."""
        app = web.Application(client_max_size=MAX_BODY)
        app.add_routes(admin.routes(self))
        app.router.add_route("*", "/{tail:.*}", self._receive)
        return app

    async def _receive(self, request: web.Request) -> web.StreamResponse:
        began, clock = perf_counter(), self.clock.now()
        request["call"], request["credential"] = self.call_name(request), self.credential_of(request)
        self.journal.arrived(fingerprint(request["credential"]))
        entry = Entry(clock, request.method, self.shown_path(request), call=request["call"])
        try:
            await request.read()
            answer = await self._answer(request, entry)
            entry.status = 0 if request.get("dropped") else answer.status
            return answer
        except web.HTTPException as refused:
            entry.status = refused.status
            raise
        except Exception:
            entry.status = 500
            raise
        finally:
            entry.ms = round((perf_counter() - began) * 1000, 3)
            await self._complete(request, entry)

    async def _answer(self, request: web.Request, entry: Entry) -> web.StreamResponse:
        if self.options.latency_ms:
            await asyncio.sleep(self.options.latency_ms / 1000)
        rule = self.faults.take(request.method, request.path_qs, request["call"])
        entry.fault = rule.fault if rule else None
        if (blow := await self._before(request, rule)) is not None:
            return blow
        if self.options.limits == "real" and (refusal := self.check_limits(request)) is not None:
            request["violation"] = True
            return refusal
        answer = await self.handle(request)
        return await blows.AFTER[rule.fault](self, request, rule, answer) if rule and rule.fault in AFTER else answer

    async def _before(self, request: web.Request, rule: Rule | None) -> web.StreamResponse | None:
        if rule is None or rule.fault in AFTER:
            return None
        return await blows.BEFORE[rule.fault](self, request, rule)

    async def _complete(self, request: web.Request, entry: Entry) -> None:
        entry.call = request["call"]
        entry.credential = fingerprint(request["credential"])
        entry.params = masked(request["params"] if "params" in request else await _params(request))
        entry.rows, entry.violation = request.get("rows"), request.get("violation")
        self.journal.add(entry)

    # start and stop

    @contextmanager
    def running(self) -> Iterator[Self]:
        """Serve in a background thread with its own event loop until the block ends."""
        ready, stop = threading.Event(), asyncio.Event()
        failure: list[BaseException] = []
        thread = threading.Thread(target=self._thread, args=(ready, stop, failure), name=f"sandbox-{self.name}", daemon=True)
        thread.start()
        ready.wait()
        if failure:
            raise failure[0]
        try:
            yield self
        finally:
            if self.loop is not None:
                self.loop.call_soon_threadsafe(stop.set)
            thread.join()
            self.store.close()

    def serve_forever(self, ready: Callable[[], None] = lambda: None) -> None:
        """Serve until SIGINT or SIGTERM; call `ready` when `url` is known."""
        try:
            asyncio.run(self._serve_until_signal(ready))
        finally:
            self.store.close()

    async def _serve_until_signal(self, ready: Callable[[], None]) -> None:
        stop = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        await self._serve(ready, stop)

    def _thread(self, ready: threading.Event, stop: asyncio.Event, failure: list[BaseException]) -> None:
        try:
            asyncio.run(self._serve(ready.set, stop))
        except BaseException as error:  # noqa: BLE001 - handed to the thread that waits for the start
            failure.append(error)
        finally:
            ready.set()

    async def _serve(self, ready: Callable[[], None], stop: asyncio.Event) -> None:
        self.loop = asyncio.get_running_loop()
        runner = web.AppRunner(self.application(), access_log=None, shutdown_timeout=0.2)
        await runner.setup()
        context = self.tls_context()
        site = web.TCPSite(runner, self.options.host, self.options.port, ssl_context=context)
        try:
            await site.start()
            self.url = f"{'https' if context else 'http'}://{self.options.host}:{runner.addresses[0][1]}"
            await self.started()
            ready()
            await stop.wait()
        finally:
            await self._wind_down(runner)

    async def _wind_down(self, runner: web.AppRunner) -> None:
        await self.stopping()
        for task in list(self._tasks):
            task.cancel()
        await runner.cleanup()
        self.loop = None

    def _begin(self, work: Coroutine[Any, Any, Any]) -> None:
        assert self.loop is not None
        task = self.loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _check_limits(limits: str) -> None:
    if limits not in ("off", "real"):
        raise ValueError("limits is 'off' or 'real'")


async def _params(request: web.Request) -> dict[str, Any]:
    shown: dict[str, Any] = dict(request.query)
    # Read before it was handled, so that a connection that is gone by now still has its parameters shown.
    return shown | await _body(request)


async def _body(request: web.Request) -> dict[str, Any]:
    raw = await request.read()
    if not raw:
        return {}
    if request.content_type == "application/x-www-form-urlencoded":
        return dict(await request.post())  # type: ignore[arg-type]
    try:
        body = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return {"body": raw[:200].decode(errors="replace")}
    return body if isinstance(body, dict) else {"body": body}
