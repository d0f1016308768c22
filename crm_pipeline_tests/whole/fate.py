"""When a process dies or stands still: at its n-th statement, commit, move of a cursor, request or answer, or after so long.

What belongs here: counting, and the end. Who is to die when belongs to `steps.py`, who buries them to `program.py`.
"""

import os
import signal
import threading
from functools import partial
from typing import Any

from sqlalchemy import Engine, event

from crm_pipeline.database.queries import queries

Order = dict[str, Any]
RESTING = b"resting"


class Fate:
    """Kills its own process at the n-th statement, commit, request or answer, or lets it rest there."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._left: dict[str, Any] = {}
        self._end = _die

    def begin(self, order: Order, answer: int, alarm: int) -> None:
        """Take effect from now on. alarm: where one that rests hears that it shall go on."""
        self._left = dict(order.get("dies") or order.get("rests") or {})
        if order.get("rests"):
            self._end = partial(_rest, answer, alarm)
        event.listen(Engine, "before_cursor_execute", lambda _db, _cursor, statement, *_given: self._execute(statement))
        event.listen(Engine, "commit", lambda *_given: self.reach("commit"))
        if "seconds" in self._left:
            threading.Timer(self._left["seconds"], _die).start()

    def _execute(self, statement: str) -> None:
        self.reach("statement")
        if statement in (queries("cursors")["advance"], queries("cursors")["finish"]):
            self.reach("cursor")

    def reach(self, what: str) -> None:
        """Count something that happens."""
        with self._lock:
            if what not in self._left:
                return
            self._left[what] -= 1
            is_now = self._left[what] == 0
        if is_now:
            self._end()


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _rest(answer: int, alarm: int) -> None:
    """Stand still: this thread only, the others have nothing to do soon."""
    os.write(answer, RESTING)
    os.read(alarm, 1)


FATE = Fate()
