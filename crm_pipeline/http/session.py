"""The session: waits for a slot, exchanges, asks for the verdict, tries again or says why not. Thread safe.

Short retries only; whatever needs longer than `Patience` is raised, and the next run goes on from the cursor.
"""

import logging
import random
import threading
from collections import defaultdict
from collections.abc import Callable, Hashable, Mapping
from copy import copy
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar
from urllib.parse import urlsplit

from tenacity import RetryCallState, Retrying, retry_if_exception_type

from crm_pipeline.errors import AnswerLost, CrmUnavailable, HostNotAllowed, RateLimited
from crm_pipeline.http.answers import Answer, Classify, TokenRefused, Verdict
from crm_pipeline.http.budget import Budget, Gate, Meter
from crm_pipeline.http.hosts import HostPolicy
from crm_pipeline.http.redaction import Redactor
from crm_pipeline.http.transport import Request, Transport, WireFailure

LOG = logging.getLogger("crm_pipeline.http")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Patience:
    """How long the session tries by itself: `attempts` at most, waits that double from `first` to `longest` seconds with
    jitter; one wait of more than `limit` seconds is not sat out here but raised."""

    attempts: int = 6
    first: float = 0.5
    first_pause: float = 1.0
    """As `first`, after a refusal for speed that does not say how long to wait."""
    longest: float = 16.0
    limit: float = 90.0

    def wait(self, attempt: int, *, pause: bool = False) -> float:
        """Return the seconds before the next attempt (1: after the first)."""
        full = min(self.longest, (self.first_pause if pause else self.first) * 2.0 ** (attempt - 1))
        return full * random.uniform(1.0, 1.5)


class _Again(Exception):
    """Try once more after `seconds` (None: as patience says); `error` is what to raise when patience has ended."""

    def __init__(self, error: Exception, seconds: float | None = None, *, pause: bool = False):
        super().__init__()
        self.error = error
        self.seconds = seconds
        self.pause = pause


class Memory:
    """What an account was asked once, for all who want to know; who asks while another does waits for it. Thread safe."""

    def __init__(self) -> None:
        self._known: dict[Hashable, Any] = {}
        self._asking: defaultdict[Hashable, threading.Lock] = defaultdict(threading.Lock)

    def recall(self, key: Hashable, ask: Callable[[], T], *, again: bool = False) -> T:
        """Return what `ask` answered when it was last asked, asking now when it never was, or `again`."""
        with self._asking[key]:
            if again or key not in self._known:
                self._known[key] = ask()
            known: T = self._known[key]
            return known

    def forget(self, key: Hashable) -> None:
        """Ask again next time."""
        self._known.pop(key, None)


class Session:
    """Talks to one connection's CRM on one meter. One instance is shared by all threads of a walk."""

    def __init__(self, hosts: HostPolicy, meter: Meter, budget: Budget, *, name: str = "", secrets: tuple[object, ...] = (),
                 patience: Patience = Patience(), transport: Transport | None = None):  # fmt: skip
        self.hosts = hosts
        self.meter = meter
        self.budget = budget
        self.name = name
        self.redactor = Redactor(*secrets)
        self.requests_made = 0
        self.has_room = False
        """A walk says so when it cannot keep all its requests in flight any more: it is time to begin the next."""
        self.lane = "bulk"
        """What requests of this session are that are nothing more urgent by themselves: bulk, writes, interactive."""
        self.before_write: Callable[[], None] | None = None
        """Is asked right before anything is sent that must not be repeated, after all waiting; raises when it may not be sent."""
        self.memory = Memory()
        """What is asked of the account once; sessions set apart from this one share it."""
        self.latency = 0.0
        """Seconds an answer takes, of late."""
        self._patience = patience
        self._transport = transport or Transport(hosts, self.redactor)
        self._gate = Gate(meter)
        self._counting = threading.Lock()
        self._stopping = threading.Event()

    def __repr__(self) -> str:
        return f"Session({self.name!r}, {self.meter.key!r}, requests_made={self.requests_made})"

    def apart(self) -> "Session":
        """Return this session with a count of requests of its own: for one walk of several that run at once."""
        other = copy(self)
        other.requests_made, other.has_room = 0, False
        return other

    def stop(self) -> None:
        """End all waits of this session: who waits gets CrmUnavailable."""
        self._stopping.set()

    def send(
        self, method: str, url: str, *, headers: Mapping[str, str] | None = None, params: Any = None, json: Any = None,
        form: Any = None, classify: Classify, safe: bool = True, lane: str = "bulk", counted: bool = True,
    ) -> Answer:  # fmt: skip
        """Send until the verdict is ok, and return that answer.

        `safe`: repeating does no harm (a read); what is not safe is repeated only when it never left or was refused.
        `counted`: it uses the meter. Raises TokenRefused on `refresh`, the verdict's error on `raise`, RateLimited,
        CrmUnavailable, AnswerLost (not safe, and nobody knows whether it was applied), HostNotAllowed.
        """
        request = Request.of(method, url, headers, params, json, form, safe)
        ended: list[Exception] = []
        retrying = Retrying(
            retry=retry_if_exception_type(_Again), stop=self._is_enough, wait=self._next_wait, sleep=self.wait,
            retry_error_callback=lambda state: ended.append(_why(state)),
        )  # fmt: skip
        answer: Answer = retrying(self._once, request, classify, lane, counted)
        if ended:
            raise ended[0]
        return answer

    def wait(self, seconds: float) -> None:
        """Wait, unless the session is stopped meanwhile. Raises CrmUnavailable then."""
        if seconds > 0 and self._stopping.wait(seconds):
            raise CrmUnavailable("The session was stopped.")

    def _once(self, request: Request, classify: Classify, lane: str, counted: bool) -> Answer:
        if counted:
            self._take_slot(lane)
        if self.before_write and counted and not request.safe:
            self.before_write()
        answer = self._exchange(request)
        verdict = classify(answer)
        if verdict.action != "ok":
            said = " ".join(answer.text[:300].split())
            LOG.warning("crm_answer connection=%s status=%s verdict=%s %s", self.name, answer.status, verdict.action, said)
        return _ACTIONS[verdict.action](self, request, answer, verdict)

    def _take_slot(self, lane: str) -> None:
        lane = self.lane if lane == "bulk" else lane
        seconds = self.budget.reserve(self.meter.key, self.meter.interval, self.meter.burst, lane)
        if seconds > self._patience.limit:
            raise _rate_limited(seconds)
        self.wait(seconds)
        self.wait(self._gate.wait_for())
        while (early := self._gate.leave()) > 0:
            self.wait(early)

    def _exchange(self, request: Request) -> Answer:
        with self._counting:
            self.requests_made += 1
        failure = None
        try:
            answer = self._transport.exchange(request, self._gate.is_written)
        except WireFailure as error:
            failure = error
        except HostNotAllowed:
            self._log(request, 0, "led to a host that is not allowed", 0.0)
            raise
        if failure:
            self._log(request, 0, failure.args[0], 0.0)
            raise _after_failure(request, failure)
        self.latency = 0.8 * self.latency + 0.2 * answer.seconds if self.latency else answer.seconds
        self._log(request, answer.status, "", answer.seconds)
        return answer

    def _log(self, request: Request, status: int, failure: str, seconds: float) -> None:
        level = logging.INFO if status and status < 400 else logging.WARNING
        if not LOG.isEnabledFor(level):
            return
        path = self.redactor.redact(urlsplit(request.url).path)
        said = {"connection": self.name, "method": request.method, "path": path, "status": status, "ms": round(seconds * 1000)}
        words = " ".join(f"{key}={value}" for key, value in said.items())
        LOG.log(level, "crm_request %s %s", words, failure, extra={"event": "crm_request", **said})

    def _is_enough(self, state: RetryCallState) -> bool:
        seconds = _asked(state).seconds
        return state.attempt_number >= self._patience.attempts or (seconds is not None and seconds > self._patience.limit)

    def _next_wait(self, state: RetryCallState) -> float:
        asked = _asked(state)
        if asked.seconds is not None:
            return asked.seconds
        seconds = self._patience.wait(state.attempt_number, pause=asked.pause)
        if asked.pause:
            self.budget.pause(self.meter.key, seconds)
        return seconds

    def _pause(self, request: Request, answer: Answer, verdict: Verdict) -> Answer:
        if verdict.seconds:
            self.budget.pause(self.meter.key, verdict.seconds)
        error = verdict.error or _rate_limited(verdict.seconds or self._patience.longest)
        raise _Again(error, verdict.seconds or None, pause=True)


def _ok(session: Session, request: Request, answer: Answer, verdict: Verdict) -> Answer:
    return answer


def _retry(session: Session, request: Request, answer: Answer, verdict: Verdict) -> Answer:
    if not request.safe:
        raise AnswerLost(f"The CRM answered {answer.status}: the request may have been applied.")
    raise _Again(verdict.error or CrmUnavailable(f"The CRM answered {answer.status}."), verdict.seconds or None)


def _refresh(session: Session, request: Request, answer: Answer, verdict: Verdict) -> Answer:
    raise TokenRefused(answer)


def _raise(session: Session, request: Request, answer: Answer, verdict: Verdict) -> Answer:
    raise verdict.error or CrmUnavailable(f"The CRM answered {answer.status}.")


_ACTIONS: dict[str, Callable[[Session, Request, Answer, Verdict], Answer]] = {
    "ok": _ok, "retry": _retry, "pause": Session._pause, "refresh": _refresh, "raise": _raise,
}  # fmt: skip


def _after_failure(request: Request, failure: WireFailure) -> Exception:
    if request.safe or not failure.sent:
        return _Again(CrmUnavailable(f"The CRM does not answer ({failure.args[0]})."))
    return AnswerLost(f"The answer was lost ({failure.args[0]}): the request may have been applied.")


def _rate_limited(seconds: float) -> RateLimited:
    until = datetime.now(UTC) + timedelta(seconds=seconds)
    return RateLimited(f"The CRM's rate limit is used up until {until:%H:%M:%S} UTC.", until=until)


def _asked(state: RetryCallState) -> _Again:
    error = state.outcome.exception() if state.outcome else None
    return error if isinstance(error, _Again) else _Again(CrmUnavailable())


def _why(state: RetryCallState) -> Exception:
    return _asked(state).error
