"""Talking to one amoCRM account: address, headers, status codes, page by page. What is read in which order is in the walks.

Limits: 7 requests a second per integration (facts: amocrm 6), paced evenly a little below, so that no window of one second
holds an eighth; the session's gate sees to that when requests leave late.
"""

import hashlib
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urlsplit

from crm_pipeline.connectors import Link, Meter, Secrets
from crm_pipeline.connectors.amocrm import auth
from crm_pipeline.connectors.amocrm.payloads import has_next, rows_of, total_of
from crm_pipeline.connectors.amocrm.statuses import classify, classify_write
from crm_pipeline.errors import ConsentNeeded, RequestRefused
from crm_pipeline.http import Answer, Session, TokenRefused
from crm_pipeline.model.records import Payload

REQUESTS_PER_SECOND = 6.85
MOST_PER_PAGE = 250
"""Never more: what a larger limit does is disputed (facts: amocrm 3.1)."""
EVENTS_PER_PAGE = 100

Params = Sequence[tuple[str, str | int]]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ListPage:
    """One page of a list; `more`: it says there is a next one, or it is full; `names_next`: it says so itself."""

    rows: list[Payload]
    more: bool
    names_next: bool
    total: int | None
    served_at: float | None


def meter(secrets: Secrets) -> Meter:
    """Return the meter of the integration: its id, or a hash of a token that names none."""
    owner = secrets.get("client_id") or hashlib.sha256(str(secrets.get("access_token", "")).encode()).hexdigest()[:16]
    return Meter(f"amocrm:{owner}", 1 / REQUESTS_PER_SECOND, 1)


class Client:
    """One account's API. Thread safe; renews the token once when it is refused and follows the account when it has moved."""

    def __init__(self, link: Link):
        self._link = link
        self._lock = threading.Lock()
        self._base_url = link.base_url.rstrip("/")
        self._secrets = self._known(link.vault.read())
        self._looked_for_move = False
        self.served_at: float | None = None
        """The server's `Date` of the last answer, unix seconds."""
        self.ahead = 0.0
        """By how many seconds the server's clock is ahead of ours."""

    def __repr__(self) -> str:
        return f"Client({self._link.name!r})"

    @property
    def http(self) -> Session:
        """Return the session requests go through."""
        return self._link.http

    @property
    def facts(self) -> Mapping[str, Any]:
        """Return what is known of the account."""
        return self._link.facts

    @property
    def base_url(self) -> str:
        """Return where the account lives now; differs from the link's address when it has moved."""
        return self._base_url

    def get(self, path: str, params: Params = (), *, lane: str = "bulk") -> Answer:
        """Read once, with the token renewed or the address corrected if need be.

        Raises RequestRefused, ConnectionStopped, TryLater.
        """
        return self._where_it_lives(lambda: self._send(path, params, lane))

    def write(self, method: str, path: str, body: Any, *, lane: str) -> Answer:
        """Write once; sent again only when it was certainly not applied.

        Raises RequestRefused, AnswerLost (nobody knows whether it was applied); ConnectionStopped, TryLater: it was not.
        """
        return self._where_it_lives(lambda: self._send(path, (), lane, method, body))

    def page(self, path: str, key: str, params: Params = (), *, limit: int = MOST_PER_PAGE, page: int = 1) -> ListPage:
        """Read one page of a list; 204 is an empty page."""
        answer = self.get(path, [*params, ("limit", limit), ("page", page)])
        rows, following = rows_of(answer.json, key), has_next(answer.json)
        return ListPage(
            rows, bool(rows) and (following or len(rows) >= limit), following, total_of(answer.json), answer.served_at
        )

    def sure_page(
        self, path: str, key: str, params: Params = (), *, limit: int = MOST_PER_PAGE, page: int = 1, tries: int = 3,
        enough: Callable[[], bool] = lambda: False,
    ) -> ListPage:  # fmt: skip
        """Read a page without believing an empty answer at once: it is asked for again (facts: amocrm 3.5).

        `enough` says when an empty answer has become plausible meanwhile.
        """
        return self._insist(
            lambda: self.page(path, key, params, limit=limit, page=page), lambda found: bool(found.rows) or enough(), tries
        )

    def sure_answer(self, path: str, key: str, params: Params = (), *, lane: str = "bulk") -> Answer:
        """Read an answer with rows of that key, without believing an empty one at once (facts: amocrm 3.5)."""
        return self._insist(lambda: self.get(path, params, lane=lane), lambda found: bool(rows_of(found.json, key)))

    def _insist(self, read: Callable[[], T], is_plausible: Callable[[T], bool], tries: int = 3) -> T:
        found = read()
        for attempt in range(1, tries):
            if is_plausible(found):
                break
            self.http.wait(0.2 * attempt)
            found = read()
        return found

    def one(self, path: str, params: Params = ()) -> Payload | None:
        """Read one record; None when there is none: 204, or 404 from an account that is where we think it is."""
        try:
            answer = self._send(path, params, "bulk")
        except RequestRefused as error:
            if error.status != 404:
                raise
            self.account()  # a renamed account answers 404 to everything: that must not look like a deleted record
            return None
        return answer.json if isinstance(answer.json, dict) else None

    def account(self, *with_: str) -> tuple[Payload, Answer]:
        """Read the account itself."""
        answer = self.get("/api/v4/account", [("with", ",".join(with_))] if with_ else ())
        return (answer.json if isinstance(answer.json, dict) else {}), answer

    def _where_it_lives(self, send: Callable[[], Answer]) -> Answer:
        """Send; when it is not found and the account turns out to have another address by now, send again."""
        try:
            return send()
        except RequestRefused as error:
            if error.status != 404 or not self._has_moved():
                raise
        return send()

    def _send(self, path: str, params: Params, lane: str, method: str = "GET", body: Any = None) -> Answer:
        for _ in range(3):  # with the token at hand, with one another process has got, with one we have got
            token = self._token()
            try:
                return self._ask(path, params, token, lane, method, body)
            except TokenRefused:
                refused = token
            self._renew(refused)
        raise ConsentNeeded(
            "amoCRM refuses the token it has just issued: the integration is switched off.", what_to_do=auth.CONSENT
        )

    def _ask(self, path: str, params: Params, token: str, lane: str, method: str, body: Any) -> Answer:
        headers, reads = {"Authorization": f"Bearer {token}"}, method == "GET"
        answer = self.http.send(
            method, self.base_url + path, headers=headers, params=list(params) or None, json=body,
            classify=classify if reads else classify_write, safe=reads, lane=lane,
        )  # fmt: skip
        if answer.served_at:
            self.served_at, self.ahead = answer.served_at, answer.served_at - time.time()
        parts = urlsplit(answer.url)
        self._base_url = f"{parts.scheme}://{parts.netloc}"  # where a redirect has led to
        return answer

    def _token(self) -> str:
        return str(self._secrets.get("access_token", ""))

    def _renew(self, stale: str) -> None:
        """Get a newer token than the refused one, once for all threads."""
        with self._lock:
            if self._token() != stale:
                return
            base_url = self._base_url
            self._secrets = self._known(self._link.vault.renew(stale, lambda current: auth.refresh(self.http, base_url, current)))

    def _has_moved(self) -> bool:
        """Ask once, when a list is not found, whether the account has another address by now (facts: amocrm 1.7)."""
        with self._lock:
            if self._looked_for_move:
                return False
            self._looked_for_move = True
            moved = auth.moved_to(self.http, self._base_url, self._secrets)
            self._base_url = moved or self._base_url
            return bool(moved)

    def _known(self, secrets: Secrets) -> Secrets:
        self.http.redactor.register(*(value for key, value in secrets.items() if key in auth.SECRET_KEYS))
        self._base_url = str(secrets.get("base_url") or self._base_url).rstrip("/")
        return secrets
