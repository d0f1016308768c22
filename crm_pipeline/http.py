"""One HTTP session for all CRMs: hosts, redirects, time-outs, the rate budget, short retries, status → our errors.

Knows no CRM: a connector hands over a `classify` function (a table of its own) that turns an answer into a verdict.
Long waits do not belong here: they are raised as `RateLimited(until)`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol


class Budget(Protocol):
    """Shares the vendors' meters among all processes (Postgres), threads included."""

    def reserve(self, meter: str, interval: float, burst: int, lane: str = "bulk") -> float:
        """Take the next slot of a meter and return the seconds to wait for it. Lane `interactive` goes ahead of `bulk`."""

    def pause(self, meter: str, seconds: float) -> None:
        """Nobody uses this meter for so long (the CRM said 429 or 503)."""

    def operating(self, meter: str, method: str, used: float, reset_at: float) -> None:
        """Note Bitrix24's operating seconds of one method as its last answer told them."""

    def operating_pause(self, meter: str, method: str) -> float:
        """Return the seconds this method should rest, 0 when it is well under its limit."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer as it came: `json` is None when the body is empty or not JSON; `text` is its first 2 kB, redacted."""

    status: int
    headers: Mapping[str, str]
    json: Any
    text: str
    url: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Verdict:
    """What an answer means. `action`: ok, retry (short), pause (meter, `seconds`), refresh (token), raise (`error`)."""

    action: str
    seconds: float = 0.0
    error: Exception | None = None


Classify = Callable[[Answer], Verdict]


class Session(Protocol):
    """See the module docstring; the implementation is to replace this protocol in this file."""

    requests_made: int

    def send(
        self, method: str, url: str, *, headers: Mapping[str, str] | None = None, params: Any = None, json: Any = None, form: Any = None,
        classify: Classify, safe: bool = True, lane: str = "bulk", counted: bool = True,
    ) -> Answer: ...
