"""Operating time: the run time a method may use in ten minutes, and when to slow down for it (facts: bitrix24 7).

It is billed to the methods inside a batch or, on some portals, to `batch` itself, so both are read. The vendor's figure is
only in its answers; the last one counts. What belongs here: that meter. The request rate belongs to `http`.
"""

import threading
import time
from datetime import UTC, datetime, timedelta
from typing import Any

from crm_pipeline.connectors.bitrix24.payloads import OPERATING_LIMIT, OPERATING_SHARE
from crm_pipeline.errors import RateLimited
from crm_pipeline.http import Session

_WORTH_SHARING = OPERATING_LIMIT / 2
_WORTH_WAITING = 60.0
"""Seconds we sit out here; a longer rest is left to the next run."""
_WINDOW = 600.0
_ASK_AGAIN = 5.0


class OperatingTime:
    """The operating seconds of one portal's methods, as this process sees them and as the budget shares them. Thread safe."""

    def __init__(self, http: Session):
        self._http = http
        self._lock = threading.Lock()
        self._known: dict[str, tuple[float, float]] = {}
        self._asked: dict[str, float] = {}

    def note(self, method: str, took: Any) -> None:
        """Keep what an answer's `time` says; self-hosted portals leave it out."""
        used, reset = _seconds(took, "operating"), _seconds(took, "operating_reset_at")
        if used is None:
            return
        until = reset if reset is not None else time.time() + _WINDOW
        with self._lock:
            self._known[method.lower()] = (used, until)
        if used >= _WORTH_SHARING:
            self._http.budget.operating(self._http.meter.key, method.lower(), used, until)

    def rest(self, *methods: str) -> None:
        """Wait before these methods are called, the longer the nearer they are to their limit. Raises RateLimited(until)."""
        for method in methods:
            shared = self._shared_rest(method.lower())
            if shared > _WORTH_WAITING:
                raise self.parked(method, time.time() + shared)
            self._http.wait(max(shared, self._own_rest(method.lower())))

    def _shared_rest(self, method: str) -> float:
        """Ask the budget how long a method should rest: always when it is half used up, else every few seconds."""
        used, _ = self._known.get(method, (0.0, 0.0))
        now = time.monotonic()
        with self._lock:
            fresh = used < _WORTH_SHARING and now - self._asked.get(method, -_ASK_AGAIN) < _ASK_AGAIN
            if not fresh:
                self._asked[method] = now
        return 0.0 if fresh else self._http.budget.operating_pause(self._http.meter.key, method)

    def _own_rest(self, method: str) -> float:
        """Return seconds to wait: from four fifths of the limit on, what would spread the rest over the window."""
        used, until = self._known.get(method, (0.0, 0.0))
        free = OPERATING_LIMIT - used
        remaining = until - time.time()
        if used < OPERATING_LIMIT * OPERATING_SHARE or remaining <= 0:
            return 0.0
        share = (used / OPERATING_LIMIT - OPERATING_SHARE) / (1 - OPERATING_SHARE)
        return min(remaining, share * 20.0) if free > 0 else min(remaining, _WORTH_WAITING)

    def parked(self, method: str, until: float | None = None) -> RateLimited:
        """Return the error of a method that is blocked, with when it is free again: as its last good answer told."""
        _, reset = self._known.get(method.lower(), (0.0, 0.0))
        moment = until or (reset if reset > time.time() else time.time() + _WINDOW)
        at = datetime.fromtimestamp(moment, UTC)
        self._http.budget.operating(self._http.meter.key, method.lower(), OPERATING_LIMIT, moment)
        return RateLimited(f"{method} has used up its operating time until {at:%H:%M:%S} UTC.", until=at + timedelta(seconds=1))


def _seconds(took: Any, key: str) -> float | None:
    found = took.get(key) if isinstance(took, dict) else None
    return float(found) if isinstance(found, (int, float)) and not isinstance(found, bool) else None
