"""Changes for a client that keeps a copy: what its cursor stands for, whether it still holds, and the next page.

What belongs here: decisions about cursors. Reading is `database/delta.py`'s business, HTTP the API's.
"""

import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from crm_pipeline.database import delta, scopes
from crm_pipeline.database.delta import Place, Standing
from crm_pipeline.database.refusals import Engine
from crm_pipeline.database.scopes import Sight
from crm_pipeline.errors import UsageError
from crm_pipeline.model.cursors import BadCursor, seal, unseal

POLL = 0.25
"""Seconds between looks while a client waits; no transaction is open meanwhile."""


class CursorExpired(Exception):
    """A cursor that does not hold any more; everything is to be read anew."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A page as the client gets it; changes are JSON texts."""

    changes: list[str]
    next_cursor: str
    has_more: bool
    checksums: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Reader:
    """Who reads, and what of."""

    engine: Engine
    secrets: Sequence[str]
    sight: Sight
    crm: str | None = None

    def start(self, cursor: str | None) -> Place:
        """Return where to go on. Raises UsageError and CursorExpired."""
        return Place() if cursor is None else self._place(cursor)

    def since(self, since: str) -> Place:
        """Return the place of a cursor or an ISO time with offset. Raises UsageError and CursorExpired."""
        moment = _moment(since)
        if moment is None:
            return self._place(since)
        return delta.place_since(self.engine, self.sight, moment, delta.standing(self.engine).settled)

    def next(self, place: Place, limit: int, *, wait: float = 0, checksums: bool = False) -> Answer:
        """Return the next page; wait at most so many seconds for changes."""
        until, pause = time.monotonic() + wait, threading.Event()
        while True:
            scopes.note(self.engine, self.sight)
            now = delta.standing(self.engine)
            begun = delta.begin(place, now.settled)
            page = delta.read(self.engine, self.sight, self.crm, begun, limit)
            if page.changes or page.has_more or time.monotonic() >= until:
                break
            pause.wait(min(POLL, max(0, until - time.monotonic())))
        sums = None
        if checksums and not page.has_more:
            sums = delta.checksums(self.engine, self.sight, self.crm, page.place.low)
        return Answer(page.changes, self._cursor(page.place, now), page.has_more, sums)

    def everything(self, place: Place, limit: int) -> Iterator[str]:
        """Yield a whole round as lines, the cursor last, a page at a time."""
        more = True
        while more:
            answer = self.next(place, limit)
            yield from (f"{line}\n" for line in answer.changes)
            place, more = self._place(answer.next_cursor), answer.has_more
        yield f'{{"next_cursor":"{answer.next_cursor}","has_more":false}}\n'

    def _cursor(self, place: Place, now: Standing) -> str:
        return seal(self.secrets, {"v": 1, "epoch": now.epoch, "u": self.sight.user, "c": self.crm, **asdict(place)})

    def _place(self, cursor: str) -> Place:
        try:
            said = unseal(self.secrets, cursor)
        except BadCursor as error:
            raise UsageError(str(error)) from None
        if said.pop("v", None) != 1:
            raise UsageError("It is no cursor of changes.")
        now = delta.standing(self.engine)
        if said.pop("epoch") != now.epoch:
            raise CursorExpired("The database was restored or is another one.")
        if said.pop("u") != self.sight.user:
            raise CursorExpired("What this user may see has changed.")
        if said.pop("c") != self.crm:
            raise UsageError("The cursor was given for another crmType.")
        place = Place(**said)
        if not place.initial and place.low <= now.forgotten:
            raise CursorExpired("What was deleted since is forgotten.")
        return place


def _moment(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text.replace(" ", "+"))
    except ValueError:
        return None
    if moment.tzinfo is None:
        raise UsageError("A time needs its offset, such as 2026-01-31T12:00:00+00:00.")
    return moment
