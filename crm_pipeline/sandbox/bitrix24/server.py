"""The portal as a server: routes, credentials, limits, envelope (facts: bitrix24 2, 11). What calls do is in its siblings."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any, ClassVar

from aiohttp import web

from crm_pipeline.sandbox.limits import LeakyBucket
from crm_pipeline.sandbox.serving import Options, Sandbox
from crm_pipeline.sandbox.switches import Switches
from crm_pipeline.sandbox.world import World, world_of

from . import edits, json_text, oauth, seed
from .access import SCOPES, Access
from .calls import Credential
from .dictionaries import Dictionaries
from .dispatch import Dispatcher, Done, rows_in
from .events import Events
from .incoming import Route, parameters, route
from .moments import Moments
from .portal import Portal
from .records import Records
from .refusals import EXPIRED, HTTPS_REQUIRED, RATE, Refusal
from .register import MODULES
from .space import ADMIN
from .switches import BitrixSwitches
from .work import Worker

_CODES = {
    400: "ERROR_CORE",
    401: "NO_AUTH_FOUND",
    403: "ACCESS_DENIED",
    404: "ERROR_METHOD_NOT_FOUND",
    429: "OPERATION_TIME_LIMIT",
}


class BitrixSandbox(Sandbox):
    """A Bitrix24 portal and its token server on one port; `tls` is a pair of files (certificate, key)."""

    name: ClassVar[str] = "bitrix24"
    switches_type: ClassVar[type[Switches]] = BitrixSwitches
    big_from: ClassVar[int] = 50_000
    switches: BitrixSwitches
    method_modules = MODULES

    def __init__(
        self,
        options: Options,
        *,
        world: World | None = None,
        offset: str = "+03:00",
        tls: tuple[Path, Path] | None = None,
        redirect_uri: str = "http://127.0.0.1/callback",
    ):
        super().__init__(options)
        self.tls = tls
        moments = Moments(offset)
        self.portal = Portal(
            store=self.store,
            clock=self.clock,
            switches=self.switches,
            moments=moments,
            records=Records(self.store, moments),
            dictionaries=Dictionaries(),
            member_id=sha256(f"member {options.account}".encode()).hexdigest()[:32],
            spawn=self.spawn,
            url=lambda: self.url,
            faults=self.faults,
        )
        self.portal.access = self.access = Access(options.account, self.clock, self.switches, redirect_uri)
        self.portal.events = self.events = Events(self.portal)
        self.portal.dispatcher = Dispatcher(self.portal, lambda: self.options.limits == "real")

        self._bucket = LeakyBucket(self.clock, self.switches.bucket_size, self.switches.bucket_leak)
        seed.fill(self.portal, world or world_of(options))

    # what the base asks for

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer one vendor request."""
        request["params"] = params = await parameters(request)
        if request.path.rstrip("/") == "/oauth/authorize":
            return oauth.authorize(self.portal, params)
        if request.path.rstrip("/") == "/oauth/token":
            return oauth.token(self.portal, params)
        found = route(request.path)
        if found is None:
            return web.Response(status=404, text="<html><body><h1>404 Not Found</h1></body></html>", content_type="text/html")
        return self._rest(request, found, params)

    def tls_context(self) -> ssl.SSLContext | None:
        """Serve https when a certificate and key were given: b24pysdk speaks nothing else (facts: 10)."""
        if self.tls is None:
            return None
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(*self.tls)
        return context

    def call_name(self, request: web.Request) -> str:
        """Name a call by its method, as fault rules do."""
        found = route(request.path)
        return found.method if found else f"{request.method} {request.path.rstrip('/')}"

    def credential_of(self, request: web.Request) -> str:
        """Return the webhook's secret or the token of the query."""
        found = route(request.path)
        return found.secret if found and found.webhook else request.query.get("auth", "")

    def shown_path(self, request: web.Request) -> str:
        """Return the path without the webhook's secret."""
        found = route(request.path)
        return request.path.replace(found.secret, "***") if found and found.webhook else request.path

    def check_limits(self, request: web.Request) -> web.Response | None:
        """Count a REST request against the bucket of its source address (facts: 7); a batch is one request."""
        if not request.path.startswith("/rest/"):
            return None
        self._bucket.capacity, self._bucket.leak = self.switches.bucket_size, self.switches.bucket_leak
        return None if self._bucket.take(request.remote or "") else _refused(RATE)

    def error_answer(self, request: web.Request, status: int) -> web.Response:
        """Build the error body a portal has for a status."""
        if status == 503:
            return _refused(RATE)
        code = _CODES.get(status, "INTERNAL_SERVER_ERROR")
        return _refused(Refusal(status, code, "Internal server error" if status >= 500 else code))

    def expired_answer(self, request: web.Request) -> web.Response:
        """Answer as to an expired access token."""
        return _refused(EXPIRED)

    def apply_edit(self, edit: dict[str, Any]) -> int | None:
        """Do one edit as a person in the CRM would and return the id concerned."""
        try:
            return edits.apply_edit(self.portal, edit)
        except Refusal as refusal:
            raise edits.BadEdit(f"{edit}: {refusal.body()}") from refusal

    def random_edits(self, n: int, seed: int) -> list[dict[str, Any]]:
        """Choose n plausible edits."""
        return Worker(self.portal, seed).edits(n)

    def credentials(self) -> dict[str, Any]:
        """Return the addresses and secrets a person copies from the portal; the code is fresh each time."""
        access = self.access
        addresses = {"portal": self.url, "oauth_url": self.url, "webhook_url": self.webhook_url()}
        app = {"client_id": access.client_id, "client_secret": access.client_secret, "redirect_uri": access.redirect_uri}
        return {**addresses, **app, "code": access.code(), "application_token": access.application_token}

    def webhook_url(self, user: int = ADMIN, scopes: tuple[str, ...] | None = None) -> str:
        """Return the administrator's webhook, or create one for another user or with other scopes."""
        if user == ADMIN and scopes is None:
            return f"{self.url}/rest/{ADMIN}/{self.access.webhook_secret}/"
        secret = self.access.add_webhook(user, scopes or SCOPES, admin=user == ADMIN)
        return f"{self.url}/rest/{user}/{secret}/"

    # serving

    def _rest(self, request: web.Request, found: Route, params: dict[str, Any]) -> web.Response:
        parked = self.portal.dispatcher.parked
        try:
            answer = self._run(request, found, params)
        except Refusal as refusal:
            answer = _refused(refusal, found.suffix)
        if self.portal.dispatcher.parked > parked:
            request["violation"] = True
        return answer

    def _run(self, request: web.Request, found: Route, params: dict[str, Any]) -> web.Response:
        if self.switches.https_required and request.scheme == "http":
            raise HTTPS_REQUIRED
        self.portal.dispatcher.find(found.method)
        credential = self._credential(request, found, params)
        done = self.portal.dispatcher.run(found.method, params, credential)
        request["rows"] = rows_in(done.answer.result)
        return _answered(_envelope(done), found.suffix)

    def _credential(self, request: web.Request, found: Route, params: Mapping[str, Any]) -> Credential:
        if found.webhook:
            return self.access.webhook(found.user, found.secret)
        request["credential"] = token = str(params.get("auth") or "")
        return self.access.token(token)


def _envelope(done: Done) -> dict[str, Any]:
    beside = {"total": done.answer.total, "next": done.answer.next}
    return {"result": done.answer.result, **{key: n for key, n in beside.items() if n is not None}, "time": done.time}


def _refused(refusal: Refusal, suffix: str = "") -> web.Response:
    return _answered(refusal.body(), suffix, refusal.status)


def _answered(body: dict[str, Any], suffix: str = "", status: int = 200) -> web.Response:
    text, kind = (json_text.xml(body), "application/xml") if suffix == ".xml" else (json_text.dump(body), "application/json")
    return web.Response(body=text, status=status, content_type=kind, charset="utf-8")
