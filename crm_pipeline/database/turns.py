"""Turns: who of one process may reserve the next slot of a meter, so that no long line of reserved slots lies ahead of anybody.

A slot once reserved cannot be given back. So a lane reserves only a few slots ahead of time, and who is more urgent overtakes
those that still wait. Processes share a meter in the measure of what their lanes may reserve ahead: writing gets three slots for
one that reading gets. What belongs here: waiting. Slots are counted in Postgres, by `budget.py`.
"""

import heapq
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count

AHEAD = {"writes": 3, "bulk": 1}
"""Lane → slots reserved ahead of time. Not in it: interactive, which reserves at once."""
RANK = {"writes": 0, "bulk": 1}
LONG = 5.0
"""Seconds to a slot that are no line but a pause: who asks learns of it at once."""


class Turns:
    """The turns of one meter within this process. Thread safe."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._line: list[tuple[int, int]] = []
        self._is_taken = False
        """Somebody has its turn right now; others come and stand in line meanwhile."""
        self._numbers = count()
        self._last_at = 0.0
        """When the slot reserved last comes, by the monotonic clock."""

    @contextmanager
    def turn(self, lane: str, interval: float) -> Iterator[None]:
        """Wait until it is this caller's turn to reserve; the next one's comes when the block ends."""
        if lane not in AHEAD:
            yield
            return
        self._wait((RANK[lane], next(self._numbers)), AHEAD[lane] * interval)
        try:
            yield
        finally:
            with self._changed:
                self._is_taken = False
                self._changed.notify_all()

    def _wait(self, place: tuple[int, int], ahead: float) -> None:
        """Stand in line until it is this place's turn."""
        with self._changed:
            heapq.heappush(self._line, place)
            try:
                while (seconds := self._seconds_left(place, ahead)) != 0:
                    self._changed.wait(seconds)
                self._is_taken = True
            finally:
                self._line.remove(place)
                heapq.heapify(self._line)
                self._changed.notify_all()

    def _seconds_left(self, place: tuple[int, int], ahead: float) -> float | None:
        """Return the seconds to wait; None: until somebody else has had a turn."""
        if self._is_taken or self._line[0] != place:
            return None
        seconds = self._last_at - ahead - time.monotonic()
        return seconds if seconds > 0 else 0

    def reserved(self, seconds: float) -> None:
        """Note that a slot was reserved that comes in so many seconds."""
        self._last_at = time.monotonic() + (seconds if seconds <= LONG else 0.0)
