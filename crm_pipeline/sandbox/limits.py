"""The vendors' meters as arithmetic over the sandbox clock: no waiting, no HTTP, no vendor's answer bodies."""

from __future__ import annotations

from collections import defaultdict, deque

from .clock import Clock

# Unix seconds as floats are good to a quarter of a microsecond: a client that paces exactly must not be refused for that.
ROUNDING = 1e-4


class TokenBucket:
    """Allow `rate` requests a second per key with a burst of `burst` (facts: amocrm 6: 7/s an integration, 50/s an account)."""

    def __init__(self, clock: Clock, rate: float, burst: float | None = None) -> None:
        self._clock, self._rate, self._burst = clock, rate, rate if burst is None else burst
        self._state: dict[str, tuple[float, float]] = {}

    def take(self, key: str = "") -> bool:
        """Spend one token; False when there is none (nothing is spent then)."""
        tokens, now = self.tokens(key), self._clock.now()
        allowed = tokens >= 1.0 - ROUNDING
        self._state[key] = (tokens - 1.0 if allowed else tokens, now)
        return allowed

    def tokens(self, key: str = "") -> float:
        """Answer how many requests could be made right now."""
        now = self._clock.now()
        tokens, at = self._state.get(key, (self._burst, now))
        return min(self._burst, tokens + max(0.0, now - at) * self._rate)


class SlidingWindow:
    """Count events per key inside the last `seconds` (for 'too many refusals lately' rules and for peaks)."""

    def __init__(self, clock: Clock, seconds: float) -> None:
        self._clock, self._seconds = clock, seconds
        self._events: dict[str, deque[float]] = defaultdict(deque)

    def add(self, key: str = "") -> int:
        """Record one event and answer how many the window now holds."""
        self._events[key].append(self._clock.now())
        return self.count(key)

    def count(self, key: str = "") -> int:
        events, since = self._events[key], self._clock.now() - self._seconds
        while events and events[0] <= since:
            events.popleft()
        return len(events)

    def forget(self, key: str = "") -> None:
        self._events.pop(key, None)


class LeakyBucket:
    """Refuse what would lift the level above `capacity`; `leak` a second run out (facts: bitrix24 7: 50 and 2, or 250 and 5)."""

    def __init__(self, clock: Clock, capacity: float = 50.0, leak: float = 2.0) -> None:
        self._clock, self.capacity, self.leak = clock, capacity, leak
        self._state: dict[str, tuple[float, float]] = {}

    def take(self, key: str = "") -> bool:
        """Add one request; False when the bucket is full (a refused request adds nothing)."""
        level, now = self.level(key), self._clock.now()
        allowed = level + 1.0 <= self.capacity + ROUNDING
        self._state[key] = (level + 1.0 if allowed else level, now)
        return allowed

    def level(self, key: str = "") -> float:
        """Answer the present level."""
        now = self._clock.now()
        level, at = self._state.get(key, (0.0, now))
        return max(0.0, level - max(0.0, now - at) * self.leak)


class OperatingTime:
    """Sum run time per key in ten one-minute buckets; a key is blocked while the sum reaches `limit` s (facts: bitrix24 7)."""

    BUCKETS, WIDTH = 10, 60

    def __init__(self, clock: Clock, limit: float = 480.0) -> None:
        self._clock, self.limit = clock, limit
        self._buckets: dict[str, dict[int, tuple[float, float]]] = defaultdict(dict)

    def blocked(self, key: str) -> bool:
        """Tell whether a call must be refused: asked before the call, the call that crosses still finishes."""
        return self.operating(key) >= self.limit

    def charge(self, key: str, seconds: float) -> None:
        """Bill seconds of run time to the present minute."""
        now = self._clock.now()
        minute = int(now // self.WIDTH)
        spent, first = self._live(key).get(minute, (0.0, now))
        self._buckets[key][minute] = (spent + seconds, first)

    def operating(self, key: str) -> float:
        """Answer the seconds billed in the window."""
        return sum(spent for spent, _ in self._live(key).values())

    def reset_at(self, key: str) -> int:
        """Answer the unix second at which the oldest bucket leaves: first call in that minute + 600."""
        live = self._live(key)
        first = live[min(live)][1] if live else self._clock.now()
        return int(first) + self.BUCKETS * self.WIDTH

    def _live(self, key: str) -> dict[int, tuple[float, float]]:
        buckets, now = self._buckets[key], self._clock.now()
        for minute in [m for m, (_, first) in buckets.items() if first + self.BUCKETS * self.WIDTH <= now]:
            del buckets[minute]
        return buckets
