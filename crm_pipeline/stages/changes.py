"""Changes for a client that keeps a copy: what its cursor stands for, whether it still holds, and the next page.

What belongs here: decisions about cursors. Reading is `database/delta.py`'s business, waiting and HTTP the API's.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from crm_pipeline.database import delta, scopes
from crm_pipeline.database.checksums import checksums
from crm_pipeline.database.delta import Place, Standing, View
from crm_pipeline.database.refusals import Connection, Engine
from crm_pipeline.errors import UnknownCursor, UsageError
from crm_pipeline.model.cursors import BadCursor, seal, unseal

VERSION = 2
"""Of what a cursor says; those of another version are void."""
REPEATED = timedelta(hours=1)
"""What `since` a time repeats."""


class CursorExpired(Exception):
    """A cursor that does not hold any more; everything is to be read anew."""


@dataclass(frozen=True, slots=True)
class Start:
    """Where a client wants to go on: at a place of the database of that epoch, or at a time. Without both: at the beginning."""

    place: Place = field(default_factory=Place)
    epoch: str | None = None
    moment: datetime | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """A page as the client gets it; changes are JSON texts. checksums: None while too much is being written."""

    changes: list[str]
    next_cursor: str
    has_more: bool
    checksums: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Reader:
    """Who reads, and what of."""

    engine: Engine
    secrets: Sequence[str]
    view: View

    def start(self, cursor: str | None) -> Start:
        """Return where to go on. Raises UnknownCursor, and CursorExpired for a cursor that is of no use to this user."""
        return Start() if cursor is None else self._opened(cursor)

    def since(self, since: str) -> Start:
        """Return where a cursor or an ISO time with offset says. Raises UsageError, UnknownCursor and CursorExpired."""
        moment = _moment(since)
        return self._opened(since) if moment is None else Start(moment=moment)

    def page(self, start: Start, limit: int, *, checksums: bool = False) -> Answer:
        """Return the next page; checksums come with the last one. Raises CursorExpired."""
        answer = self._page(start, limit, checksums)
        if answer is None:
            delta.adopt(self.engine)
            answer = self._page(start, limit, checksums)
        assert answer is not None, "the server is another one with every look"
        return answer

    def _page(self, start: Start, limit: int, with_checksums: bool) -> Answer | None:
        """Return the page, or None where the versions are of another server."""
        if not with_checksums and (nothing := self._nothing(start)):
            return nothing
        considered = scopes.note(self.engine, self.view.sight)
        with delta.snapshot(self.engine) as db:
            now = delta.standing(db)
            if not now.is_known:
                return None
            settled = now.settled if considered is None else considered
            place = self._place(db, start, now, settled)
            page = delta.read(db, self.view, delta.begin(place, settled), limit)
            has_more = page.has_more or (place.high is not None and self._has_news(db, page.place, settled))
            sums = checksums(db, self.view, page.place.low) if with_checksums and not has_more else None
        told = {entity: one.as_json() for entity, one in sums.items()} if sums is not None else None
        return Answer(page.changes, self._cursor(page.place, now), has_more, told)

    def _nothing(self, start: Start) -> Answer | None:
        """Return the empty page of a person held to its own while no transaction has ended since its cursor; else None.

        What it sees is then what was noted last, and needs no look.
        """
        place = start.place
        if self.view.sight.user is None or place.initial or place.high is not None or start.moment is not None:
            return None
        with delta.snapshot(self.engine) as db:
            now = delta.standing(db)
            if not now.is_known or now.settled != place.low:
                return None
            return Answer([], self._cursor(self._place(db, start, now, now.settled), now), False)

    def _has_news(self, db: Connection, place: Place, settled: int) -> bool:
        """Return whether something changed during a long round: it is told at once, so that in the end all is of one moment."""
        return bool(delta.news(db, self.view, delta.begin(place, settled)))

    def lines(self, first: Answer, limit: int) -> Iterator[str]:
        """Yield a page and all that follow as lines, a page of them at a time, the cursor last."""
        answer = first
        while True:
            if answer.changes:
                yield "\n".join([*answer.changes, ""])
            if not answer.has_more:
                break
            answer = self.page(self._opened(answer.next_cursor), limit)
        yield f'{{"next_cursor":"{answer.next_cursor}","has_more":false}}\n'

    def _cursor(self, place: Place, now: Standing) -> str:
        bound = {"v": VERSION, "epoch": now.epoch, "u": self.view.sight.user, "c": self.view.crm}
        return seal(self.secrets, {**bound, **asdict(place)})

    def _opened(self, cursor: str) -> Start:
        try:
            said = unseal(self.secrets, cursor)
        except BadCursor as error:
            raise UnknownCursor(str(error)) from None
        version = said.pop("v", None)
        if version is None:
            raise UnknownCursor("It is no cursor of changes.")
        if version != VERSION:
            raise CursorExpired("The cursor was made by another version of this server.")
        epoch = said.pop("epoch")
        if said.pop("u") != self.view.sight.user:
            raise CursorExpired("What this user may see has changed.")
        if said.pop("c") != self.view.crm:
            raise UnknownCursor("The cursor was given for another crmType.")
        return Start(Place(**said), epoch)

    def _place(self, db: Connection, start: Start, now: Standing, settled: int) -> Place:
        if start.moment is not None:
            if now.forgotten_at is not None and now.forgotten_at >= start.moment - REPEATED:
                raise CursorExpired("What was deleted since is forgotten.")
            return delta.place_since(db, self.view, start.moment, settled)
        place = start.place
        if start.epoch not in (None, now.epoch):
            raise CursorExpired("The database was restored or is another one.")
        if place.low > now.settled:
            raise CursorExpired("The database is older than the cursor: it was set back.")
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
    earliest, latest = datetime.min.replace(tzinfo=UTC) + REPEATED, datetime.max.replace(tzinfo=UTC)
    try:
        return max(moment.astimezone(UTC), earliest)
    except OverflowError:
        return earliest if moment.year == 1 else latest
