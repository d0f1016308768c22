"""How much one caller may ask for: token buckets in this process, and the size of a body.

What belongs here: counting and refusing. Limits of the CRMs are the budget's, shared through Postgres.
"""

import math
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from threading import Lock

from crm_pipeline.api.problems import problem

LARGEST_BODY = 10 * 1024 * 1024
"""Bytes of a request's body."""
REMEMBERED = 50_000
"""Callers remembered at once; the one not seen for longest is forgotten first."""


class Buckets:
    """Token buckets by key: `rate` a second, `burst` at once."""

    def __init__(self, rate: float, burst: float, clock: Callable[[], float] = time.monotonic):
        self._rate, self._burst, self._clock = rate, burst, clock
        self._levels: OrderedDict[Hashable, tuple[float, float]] = OrderedDict()
        self._lock = Lock()

    def take(self, key: Hashable) -> float:
        """Take one token and return 0, or return the seconds until there is one."""
        with self._lock:
            now = self._clock()
            level, seen = self._levels.pop(key, (self._burst, now))
            level = min(self._burst, level + (now - seen) * self._rate)
            wait = 0.0 if level >= 1 else (1 - level) / self._rate
            self._levels[key] = (level if wait else level - 1, now)
            if len(self._levels) > REMEMBERED:
                self._levels.popitem(last=False)
            return wait

    def require(self, key: Hashable) -> None:
        """Take one token. Raises a problem 429 with Retry-After when there is none."""
        if wait := self.take(key):
            seconds = max(1, math.ceil(wait))
            detail = f"Too many requests; try again in {seconds} s."
            raise problem("rate-limited", 429, detail, headers={"Retry-After": str(seconds)})


class Limits:
    """The buckets of one app."""

    def __init__(self, rate_per_user: float):
        self.user = Buckets(rate_per_user, 2 * rate_per_user)
        self.address = Buckets(rate=2, burst=60)
        """Logins and refreshes from one address."""
        self.login = Buckets(rate=0.2, burst=20)
        """Logins from one address as one user."""
