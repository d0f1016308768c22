"""The sandbox's own time. Every time a stand-in shows, stores or counts with comes from here; real waiting does not."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable


class Clock:
    """Tell the time of one sandbox in unix seconds; it can be moved forward and stopped. Thread safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._offset = 0.0
        self._frozen: float | None = None
        self._listeners: list[Callable[[], None]] = []

    def now(self) -> float:
        """Answer unix seconds."""
        with self._lock:
            return self._read()

    def seconds(self) -> int:
        """Answer whole unix seconds, as both CRMs stamp their rows."""
        return int(self.now())

    @property
    def frozen(self) -> bool:
        return self._frozen is not None

    def advance(self, seconds: float) -> None:
        """Move forward (or back, with a negative number) by seconds, frozen or not."""
        with self._lock:
            if self._frozen is None:
                self._offset += seconds
            else:
                self._frozen += seconds
        self._tell()

    def freeze(self, at: float | None = None) -> None:
        """Stop at a unix second, by default at the present one."""
        with self._lock:
            self._frozen = self._read() if at is None else float(at)
        self._tell()

    def unfreeze(self) -> None:
        """Run on from where the clock stood: time never jumps back by this."""
        with self._lock:
            if self._frozen is not None:
                self._offset = self._frozen - time.time()
                self._frozen = None
        self._tell()

    def on_change(self, listener: Callable[[], None]) -> None:
        """Call listener after every advance, freeze and unfreeze (timers such as webhook retries look again)."""
        self._listeners.append(listener)

    def _read(self) -> float:
        return time.time() + self._offset if self._frozen is None else self._frozen

    def _tell(self) -> None:
        for listener in list(self._listeners):
            listener()
