"""One exchange over the wire: pooled connections, time-outs, size limit, redirects followed by hand and checked.

Knows no CRM, no budget and no retries. What fails on the way is a `WireFailure` that never carries an address.
"""

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urljoin, urlsplit

import orjson
import requests

from crm_pipeline.errors import CrmPipelineError
from crm_pipeline.http.answers import Answer, read_json
from crm_pipeline.http.hosts import HostPolicy, is_loopback
from crm_pipeline.http.redaction import Redactor
from crm_pipeline.http.wire import Adapter, telling

CONNECT_SECONDS = 5.0
READ_SECONDS = 30.0
TOTAL_SECONDS = 120.0
"""A body that drips byte by byte keeps every single read within its time-out: the whole may not take longer than this."""
MOST_BYTES = 64 * 1024 * 1024
MOST_REDIRECTS = 5
USER_AGENT = "crm-pipeline/0.1"

_KEEP_METHOD = frozenset((301, 302, 307, 308))
"""Vendors move a whole host and expect the call itself to follow (facts: bitrix24, moved portals), so 301 and 302 keep it too."""
_REDIRECTS = _KEEP_METHOD | {303}


logging.getLogger("urllib3.connectionpool").addFilter(lambda record: False)
"""Its lines hold whole addresses, and the address of an incoming webhook is a secret; the session writes a line of its own."""


class WireFailure(CrmPipelineError):
    """The exchange failed on the way."""

    def __init__(self, reason: str, *, sent: bool):
        super().__init__(reason)
        self.sent = sent
        """Whether the request may have reached the other side."""


@dataclass(frozen=True, slots=True, repr=False)
class Request:
    """What is to be sent. `safe`: repeating it does no harm."""

    method: str
    url: str
    headers: Mapping[str, str]
    params: Any = None
    body: bytes | Mapping[str, Any] | None = None
    safe: bool = True

    @classmethod
    def of(
        cls, method: str, url: str, headers: Mapping[str, str] | None, params: Any, json: Any, form: Any, safe: bool
    ) -> "Request":
        """Build a request; `json` is sent as application/json, `form` as application/x-www-form-urlencoded."""
        sent = {"User-Agent": USER_AGENT, "Accept": "application/json, */*;q=0.5", **(headers or {})}
        if json is None:
            return cls(method, url, sent, params, form, safe)
        return cls(method, url, {"Content-Type": "application/json", **sent}, params, orjson.dumps(json), safe)


class Transport:
    """Sends requests. Thread safe: each request has a session to itself, whose connections then serve another one."""

    def __init__(
        self, hosts: HostPolicy, redactor: Redactor, *, read_seconds: float = READ_SECONDS, most_bytes: int = MOST_BYTES
    ):
        self._hosts = hosts
        self._redactor = redactor
        self._timeouts = (CONNECT_SECONDS, read_seconds)
        self._most_bytes = most_bytes
        self._idle: list[requests.Session] = []

    def exchange(self, request: Request, written: Callable[[], None] = lambda: None) -> Answer:
        """Send once and follow redirects. `written` is told when it is on the wire. Raises WireFailure, HostNotAllowed."""
        started = time.monotonic()
        telling.written = written
        for _ in range(MOST_REDIRECTS + 1):
            self._hosts.check(request.url)
            answer, location = self._send(request, started)
            if not location:
                return answer
            request = self._redirected(request, answer.status, urljoin(request.url, location))
        raise WireFailure("too many redirects", sent=True)

    def _send(self, request: Request, started: float) -> tuple[Answer, str | None]:
        failure = WireFailure("no answer", sent=True)
        try:
            return self._attempt(request, started)
        except requests.RequestException as error:
            failure = WireFailure(type(error).__name__, sent=not _never_left(error))
        raise failure  # outside the handler: the library's error holds the address, and the address may hold a secret

    def _attempt(self, request: Request, started: float) -> tuple[Answer, str | None]:
        session = self._session(request)
        session.trust_env = not is_loopback(urlsplit(request.url).hostname or "")
        try:
            response = session.request(
                request.method, request.url, params=request.params, data=request.body, headers=dict(request.headers),
                timeout=self._timeouts, allow_redirects=False, stream=True, auth=_as_is,
            )  # fmt: skip
            try:
                body = self._read(response, started)
            finally:
                response.close()
        finally:
            self._put_back(session, request)
        location = response.headers.get("Location") if response.status_code in _REDIRECTS else None
        return self._answer(response, body, started), location

    def _session(self, request: Request) -> requests.Session:
        """Return a session nobody uses, its connections kept alive; what may not be repeated gets a fresh connection, since a
        kept-alive one that the server has just closed looks exactly like a lost answer."""
        try:
            return self._idle.pop() if request.safe else _new_session()
        except IndexError:
            return _new_session()

    def _put_back(self, session: requests.Session, request: Request) -> None:
        if request.safe:
            self._idle.append(session)
        else:
            session.close()

    def _read(self, response: requests.Response, started: float) -> bytes:
        kept = bytearray()
        for chunk in response.iter_content(65_536):
            kept += chunk
            if len(kept) > self._most_bytes:
                raise WireFailure("the answer is too large", sent=True)
            if time.monotonic() - started > TOTAL_SECONDS:
                raise WireFailure("the answer takes too long", sent=True)
        return bytes(kept)

    def _answer(self, response: requests.Response, body: bytes, started: float) -> Answer:
        if response.status_code >= 400:  # an error's words end in messages, and some servers repeat what they were sent
            body = self._redactor.hide(body)
        text = self._redactor.redact(body[:2_048].decode("utf-8", "replace"))
        return Answer(response.status_code, response.headers, read_json(body), text, response.url, time.monotonic() - started)

    def _redirected(self, request: Request, status: int, url: str) -> Request:
        headers = dict(request.headers)
        if not self._hosts.are_kin(request.url, url):
            headers.pop("Authorization", None)
        if status in _KEEP_METHOD:
            params = None if urlsplit(url).query else request.params
            return replace(request, url=url, headers=headers, params=params)
        headers.pop("Content-Type", None)
        return replace(request, method="GET", url=url, headers=headers, params=None, body=None)


def _new_session() -> requests.Session:
    session = requests.Session()
    session.mount("https://", Adapter(pool_connections=4, pool_maxsize=4, max_retries=0))
    session.mount("http://", Adapter(pool_connections=4, pool_maxsize=4, max_retries=0))
    return session


def _as_is(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Authorise nothing: keeps a ~/.netrc entry from replacing the Authorization header."""
    return request


def _never_left(error: requests.RequestException) -> bool:
    """Return whether no connection was made at all (refused, unknown host, a certificate that is not theirs)."""
    cause = error.args[0] if error.args else None
    reason = getattr(cause, "reason", cause)
    unconnected = ("NewConnectionError", "NameResolutionError", "ConnectTimeoutError")
    return type(reason).__name__ in unconnected or "CERTIFICATE_VERIFY_FAILED" in str(reason)
