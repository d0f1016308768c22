"""Every vendor request a stand-in received, for assertions and for people. Bounded memory; what comes here is masked."""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import orjson

MAX_ENTRIES = 100_000
MAX_CREDENTIALS = 1_000
MAX_BYTES = 64 * 1024 * 1024
SECRET_KEYS = frozenset(
    {"client_secret", "refresh_token", "access_token", "auth", "code", "password", "secret", "token", "authorization"}
)
MASK = "***"


@dataclass(slots=True)
class Entry:
    """One request as it was received and answered."""

    clock: float
    method: str
    path: str
    call: str = ""
    params: Any = None
    credential: str = ""
    status: int = 0
    ms: float = 0.0
    rows: int | None = None
    violation: bool | None = None
    fault: str | None = None


class Journal:
    """Keep the latest entries as JSON text and count all of them. Thread safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.clear()

    def clear(self) -> None:
        """Forget entries and counters; numbers go on from 1."""
        with self._lock:
            self._entries: deque[tuple[int, bytes]] = deque()
            self._bytes = self._count = self._violations = 0
            self._by: dict[str, Counter[str]] = {"status": Counter(), "method": Counter(), "call": Counter(), "fault": Counter()}
            self._first: float | None = None
            self._last: float | None = None
            self._recent: dict[str, deque[float]] = {}
            self._peaks: dict[str, int] = {}

    def arrived(self, credential: str) -> None:
        """Note a request's arrival for the peak rates (real time: a frozen clock says nothing about load)."""
        with self._lock:
            now = time.monotonic()
            for key in ("all", credential) if credential and self._counted(credential) else ("all",):
                recent = self._recent.setdefault(key, deque())
                recent.append(now)
                while recent[0] <= now - 1.0:
                    recent.popleft()
                self._peaks[key] = max(self._peaks.get(key, 0), len(recent))

    def add(self, entry: Entry) -> None:
        """Record one answered request."""
        at = time.time()
        with self._lock:
            self._count += 1
            self._violations += bool(entry.violation)
            self._first, self._last = self._first or at, at
            self._tally(entry)
            fields = {name: getattr(entry, name) for name in Entry.__slots__}
            line = orjson.dumps({"n": self._count, "at": at, **fields}, default=str, option=orjson.OPT_NON_STR_KEYS)
            self._keep(line)

    def entries(self, since: int = 0) -> list[dict[str, Any]]:
        """Answer the kept entries with n > since, oldest first, each with the keys n, at and those of Entry."""
        with self._lock:
            lines = [line for n, line in self._entries if n > since]
        return [orjson.loads(line) for line in lines]

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return iter(self.entries())

    def __len__(self) -> int:
        return self._count

    def summary(self) -> dict[str, Any]:
        """Answer counts of everything since the start or the last clear, peak requests in any one second, first and last time."""
        with self._lock:
            counts = {f"by_{name}": dict(counter) for name, counter in self._by.items()}
            times = {"first": self._first, "last": self._last}
            return {
                "requests": self._count,
                "violations": self._violations,
                **counts,
                **times,
                "peak_per_second": dict(self._peaks),
            }

    def _counted(self, credential: str) -> bool:
        return credential in self._peaks or len(self._peaks) < MAX_CREDENTIALS

    def _tally(self, entry: Entry) -> None:
        self._by["status"][str(entry.status)] += 1
        self._by["method"][entry.method] += 1
        self._by["call"][entry.call] += 1
        if entry.fault:
            self._by["fault"][entry.fault] += 1

    def _keep(self, line: bytes) -> None:
        self._entries.append((self._count, line))
        self._bytes += len(line)
        while len(self._entries) > MAX_ENTRIES or (self._bytes > MAX_BYTES and len(self._entries) > 1):
            self._bytes -= len(self._entries.popleft()[1])


def fingerprint(secret: str) -> str:
    """Answer a short hash by which a credential is recognised without being shown; empty for none."""
    return sha256(secret.encode()).hexdigest()[:12] if secret else ""


def masked(params: Any) -> Any:
    """Answer params with the values of secret keys replaced, at the top level only (records have a `code`, too)."""
    if not isinstance(params, Mapping):
        return params
    return {key: MASK if str(key).lower() in SECRET_KEYS else value for key, value in params.items()}
