"""Whose turn it is: the vendors' rate limits as meters, and the budget that shares them out.

A slot is reserved before a request is sent; who reserves waits the seconds it is told. The budget of a deployment lives in
Postgres (`database/`), because processes share it; `LocalBudget` is the same rule inside one process, for tests and tools.
"""

import math
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Meter:
    """A vendor's rate limit as the budget needs it: `burst` at once, then one per `interval` seconds."""

    key: str
    interval: float
    burst: int = 1


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


class Gate:
    """Keeps what really leaves within one second to what the meter allows in one.

    A slot says when a request may leave; a busy machine lets some leave late and the next on time, closer together than their
    slots. So who has waited for its place looks once more when it leaves, at when the others were really written out.
    Only meters without a burst are watched: theirs is a limit per second. Thread safe.
    """

    def __init__(self, meter: Meter, clock: Callable[[], float] = time.monotonic):
        self._clock = clock
        self._lock = threading.Lock()
        self._per_second = math.ceil(1 / meter.interval) if meter.burst == 1 and 0 < meter.interval <= 1 else 0
        self._places: deque[float] = deque(maxlen=self._per_second or None)
        self._left: deque[list[float]] = deque(maxlen=self._per_second or None)
        self._own = threading.local()

    def wait_for(self) -> float:
        """Take a place and return the seconds to wait for it."""
        if not self._per_second:
            return 0.0
        with self._lock:
            now = self._clock()
            at = max(now, self._places[0] + SECOND) if len(self._places) == self._per_second else now
            self._places.append(at)
            return at - now

    def leave(self) -> float:
        """Note that a request leaves now and return 0, or return the seconds after which to ask again."""
        if not self._per_second:
            return 0.0
        with self._lock:
            now = self._clock()
            early = self._left[0][0] + SECOND - now if len(self._left) == self._per_second else 0.0
            if early <= 0:
                self._own.left = [now]
                self._left.append(self._own.left)
            return max(0.0, early)

    def is_written(self) -> None:
        """Note that the request this thread was let through for is only now on the wire: it had to connect, or was held up."""
        left: list[float] | None = getattr(self._own, "left", None)
        if left:
            left[0] = self._clock()


SECOND = 1.02
"""A second, with the jitter of a network between us and whoever counts."""

OPERATING_LIMIT = 480.0
"""Seconds of `operating` per method in ten minutes (facts: bitrix24, limits)."""
OPERATING_SHARE = 0.9


@dataclass(slots=True)
class _Level:
    full_at: float = 0.0
    """Theoretical arrival time (GCRA): when the next request would come if all had kept to the interval."""
    paused_until: float = 0.0


class LocalBudget:
    """A budget inside one process, by the generic cell rate algorithm. Thread safe."""

    def __init__(self, clock: Callable[[], float] = time.time):
        self._clock = clock
        self._lock = threading.Lock()
        self._levels: dict[str, _Level] = {}
        self._operating: dict[tuple[str, str], tuple[float, float]] = {}

    def reserve(self, meter: str, interval: float, burst: int, lane: str = "bulk") -> float:
        """Take the next slot; within one process all lanes are served in order."""
        with self._lock:
            now = self._clock()
            level = self._levels.setdefault(meter, _Level())
            earliest = max(now, level.paused_until)
            slot = max(earliest, level.full_at - interval * (burst - 1))
            level.full_at = max(slot, level.full_at) + interval
            return slot - now

    def pause(self, meter: str, seconds: float) -> None:
        """Let nobody use the meter for so long, nor in a burst afterwards."""
        with self._lock:
            level = self._levels.setdefault(meter, _Level())
            level.paused_until = max(level.paused_until, self._clock() + seconds)
            level.full_at = max(level.full_at, level.paused_until)

    def operating(self, meter: str, method: str, used: float, reset_at: float) -> None:
        """Note the operating seconds of one method."""
        with self._lock:
            self._operating[meter, method] = (used, reset_at)

    def operating_pause(self, meter: str, method: str) -> float:
        """Return the seconds until the method's window resets when nine tenths of it are used, else 0."""
        used, reset_at = self._operating.get((meter, method), (0.0, 0.0))
        return max(0.0, reset_at - self._clock()) if used >= OPERATING_LIMIT * OPERATING_SHARE else 0.0
