"""The amoCRM stand-in: HTTP in, endpoint found, answer out; limits, edits and credentials. Rules of entities are elsewhere."""

from __future__ import annotations

import hashlib
import threading
import uuid
from collections.abc import Callable
from typing import Any, ClassVar
from urllib.parse import urlencode

import aiohttp
import orjson
from aiohttp import web

from ..limits import SlidingWindow, TokenBucket
from ..serving import Options, Sandbox
from ..world import world_of
from . import brackets, edits, oauth_pages, rights, routes, seed, work
from .account import Account
from .answers import BASE, PROBLEM, Answer, Refusal, dump, nginx, problem
from .call import Call
from .delivery import Courier
from .oauth import Authority, Integration, oauth_problem
from .switches import AmoSwitches

INTEGRATION_RATE, ACCOUNT_RATE = 7.0, 50.0
RETRY_AFTER = 300
WRONG_LOGIN = "Неверный логин или пароль"
_OAUTH: dict[tuple[str, str], Callable[[Account, Authority, Call], Answer]] = {
    ("GET", "/oauth"): oauth_pages.consent,
    ("POST", "/oauth2/access_token"): oauth_pages.access_token,
    ("GET", "/oauth2/account/current/subdomain"): oauth_pages.current_subdomain,
    ("GET", "/oauth2/account/subdomain"): oauth_pages.old_subdomain,
}


class AmoSandbox(Sandbox):
    """Serve one amoCRM account."""

    name: ClassVar[str] = "amocrm"
    switches_type = AmoSwitches
    switches: AmoSwitches

    def __init__(self, options: Options) -> None:
        super().__init__(options)
        self.lock = threading.RLock()
        self.account = Account(self.store, self.clock, self.switches, options.account)
        self.authority = Authority(self.clock, self.switches, self.account.id, _integration(options))
        self._integration_meter = TokenBucket(self.clock, INTEGRATION_RATE)
        self._account_meter = TokenBucket(self.clock, ACCOUNT_RATE)
        self._refusals = SlidingWindow(self.clock, 60.0)
        self._blocked_at: float | None = None
        self.courier = Courier(self.clock, self.switches, self.account.hooks, self._hook_address)

    async def started(self) -> None:
        """Fill the account, now that its own address is known, and start delivering webhooks."""
        self.account.records.base = self.url
        seed.fill(self.account, world_of(self.options))
        self.account.hooks.send = self.courier.send
        self.clock.on_change(self.courier.look)
        self.spawn(self.courier.run())

    # requests

    def call_name(self, request: web.Request) -> str:
        """Answer "GET /api/v4/leads": ids are not part of the name."""
        parts = ["{id}" if part.isdigit() else part for part in request.path.split("/")]
        return f"{request.method} {'/'.join(parts)}"

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer one request."""
        raw = await request.read()
        call = self._call(request)
        try:
            call.body = _json(raw)
            with self.lock:
                answer = self._reply(call)
        except Refusal as refused:
            answer = refused.answer
        if call.rows is not None:
            request["rows"] = call.rows
        return self._response(answer, call.base)

    def _call(self, request: web.Request) -> Call:
        pairs = [(name, value) for name, value in request.query.items()]
        base, query = f"http://{request.host}", brackets.parse(pairs)
        if self.switches.range_ends == "exclusive":
            brackets.exclude_ends(query)
        return Call(request.method, request.path, pairs, query, request.headers, base)

    def _reply(self, call: Call) -> Answer:
        page = _OAUTH.get((call.method, call.path.rstrip("/")))
        if page is not None:
            return page(self.account, self.authority, call)
        found = routes.find(call.path)
        if found is None:
            return problem(404, f"Cannot {call.method} {BASE}{call.path}")
        route, call.params = found
        self._identify(call)
        handler = route.handlers.get(call.method)
        if handler is None:
            return problem(405, f"Method Not Allowed. Must be one of: {', '.join(route.handlers)}")
        if call.method in route.admin and not self.account.users.is_admin(call.user_id):
            return problem(403, "Access denied")
        if rights.is_denied(self.account, call):
            return problem(403, "Access denied")
        return handler(self.account, call)

    def _identify(self, call: Call) -> None:
        """Find out who calls, or refuse: 401, 402 unpaid, 403 for a bad X-Context-User-ID (facts: amocrm 1.8, 7)."""
        claims = None if self.switches.moved_to else self.authority.bearer(call.bearer)
        if claims is None:
            raise Refusal(self._unauthorized())
        if not self.switches.paid:
            raise Refusal(problem(402, "Payment Required"))
        call.user_id = int(claims["sub"])
        acting = call.headers.get("X-Context-User-ID")
        if acting is None:
            return
        known = acting.isascii() and acting.isdigit() and self.account.users.is_active(int(acting))
        if not known or not self.account.users.is_admin(call.user_id):
            raise Refusal(problem(403, "Access denied"))
        call.user_id = int(acting)

    def _unauthorized(self) -> Answer:
        if self.switches.unauthorized_body == "oauth":
            return oauth_problem(401, "Access token has expired")
        return problem(401, WRONG_LOGIN)

    def _response(self, answer: Answer, base: str) -> web.Response:
        body = answer.body.replace(BASE.encode(), base.encode())
        if base != self.url:
            body = body.replace(self.url.encode(), base.encode())
        headers = {"X-Request-Id": uuid.uuid4().hex} | answer.headers
        if answer.status != 204:
            headers["Content-Type"] = answer.content_type
        return web.Response(status=answer.status, body=body or None, headers=headers)

    def error_answer(self, request: web.Request, status: int) -> web.Response:
        """Answer the vendor's error body for a status."""
        if status >= 500:
            body = {
                "title": "ErrInternalServer",
                "status": status,
                "detail": "Internal server error",
                "trace_id": uuid.uuid4().hex,
            }
            return self._response(Answer(status, dump(body), PROBLEM), self.url)
        if status in (403, 429):
            return self._response(self._over_limit(status), self.url)
        title = web.Response(status=status).reason or "Error"
        body = {"title": title, "type": f"https://httpstatus.es/{status}", "status": status, "detail": title}
        return self._response(Answer(status, dump(body), PROBLEM), self.url)

    def expired_answer(self, request: web.Request) -> web.Response:
        """Answer as to an expired access token."""
        return self._response(self._unauthorized(), self.url)

    # limits

    def check_limits(self, request: web.Request) -> web.Response | None:
        """Refuse above 7/s an integration or 50/s an account with 429; repeated abuse: 403 for everything (facts: amocrm 6)."""
        if self.blocked:
            return self._response(nginx(403), self.url)
        api = request.path.startswith("/api/")
        if self._account_meter.take() and (not api or self._integration_meter.take()):
            return None
        if self._refusals.add() > self.switches.block_after:
            self._blocked_at = self.clock.now()
        return self._response(self._over_limit(429), self.url)

    @property
    def blocked(self) -> bool:
        """Tell whether the account is blocked for flooding."""
        if self._blocked_at is None:
            return False
        seconds = self.switches.block_seconds
        return seconds <= 0 or self.clock.now() < self._blocked_at + seconds

    def lift_block(self) -> None:
        """Lift the block, as the vendor's support does by hand."""
        self._blocked_at = None
        self._refusals.forget()

    def _over_limit(self, status: int) -> Answer:
        header = {"Retry-After": str(RETRY_AFTER)} if self.switches.retry_after else {}
        if self.switches.limit_body == "html":
            return nginx(status, header)
        more = {"retry_after": RETRY_AFTER} if status == 429 else {}
        plain = problem(status, "Request rate limit exceeded", **more)
        return Answer(status, plain.body, PROBLEM, header)

    # what a person does

    def apply_edit(self, edit: dict[str, Any]) -> int | None:
        """Do one edit as a person in the CRM would (README, /_sandbox/edit; edits.py lists the kinds)."""
        with self.lock:
            if edit.get("kind") == "integration":
                return self._edit_integration(edit)
            if edit.get("kind") == "block":
                self.lift_block()
                return None
            return edits.apply(self.account, edit)

    def _edit_integration(self, edit: dict[str, Any]) -> int | None:
        """Switch the integration off (tokens die, the disconnect hook is called) or on again."""
        self.authority.enabled = not edit.get("disable", False)
        if self.authority.enabled:
            return None
        self.authority.revoke_all()
        if address := self.switches.disconnect_uri:
            self.spawn(_disconnect(f"{address}?{urlencode(self.authority.disconnect_query())}"))
        return None

    def random_edits(self, n: int, seed: int) -> list[dict[str, Any]]:
        """Answer n plausible edits."""
        with self.lock:
            return work.plausible(self.account, n, seed)

    def credentials(self) -> dict[str, Any]:
        """Answer base_url, client_id, client_secret, redirect_uri, a fresh code and a long-lived token."""
        integration, admin = self.authority.integration, self.account.users.first_admin()
        token = self.authority.long_lived(admin, self.url.partition("://")[2])
        keys = {
            "client_id": integration.client_id,
            "client_secret": integration.client_secret,
            "redirect_uri": integration.redirect_uri,
        }
        return {"base_url": self.url, **keys, "code": self.authority.new_code(admin), "long_lived_token": token}

    def _hook_address(self, id: int) -> str | None:
        row = self.account.records.get("webhooks", id)
        return None if row is None or row["disabled"] else str(row["destination"])


def _json(raw: bytes) -> Any:
    if not raw:
        return None
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise Refusal(problem(400, "Syntax error")) from error


def _integration(options: Options) -> Integration:
    client = uuid.uuid5(uuid.NAMESPACE_DNS, f"{options.account}.amocrm.ru")
    secret = hashlib.sha256(f"{client}:{options.seed}".encode()).hexdigest()
    return Integration(str(client), secret, str(options.switches.get("redirect_uri") or AmoSwitches.redirect_uri))


async def _disconnect(address: str) -> None:
    headers = {"User-Agent": "amoService-oAuth-Code-Sender/1.0"}
    try:
        async with aiohttp.ClientSession() as session, session.get(address, headers=headers) as answer:
            await answer.read()
    except aiohttp.ClientError:
        # The vendor sends it once and does not care.
        return
