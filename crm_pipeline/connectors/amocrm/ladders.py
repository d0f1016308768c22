"""Ladders: page numbers in order of id, for lists that no chain can read (tasks, accounts without the filter, one full second).

Going up, a row that leaves the list shifts the next page's first row onto a page already read. Going down, it shifts unread
rows towards page 1, where the way down still comes past. New rows have the highest ids and stand at the end. So: up (several
pages in flight), and if anything has left or come back meanwhile, down again, one page at a time.
"""

from collections.abc import Iterator

from crm_pipeline.connectors.amocrm.client import Client, ListPage, Params
from crm_pipeline.connectors.amocrm.feed import happened_since
from crm_pipeline.connectors.amocrm.frame import OPEN, Frame, follow, ranges_of, records_of
from crm_pipeline.connectors.amocrm.payloads import named, seconds
from crm_pipeline.connectors.amocrm.streams import Listing
from crm_pipeline.model.records import Page, Payload
from crm_pipeline.walk import Range, Step

UP, DOWN = "up", "down"
SURE = 0.9
"""Share of the pages a list seems to have that are asked for before its end is in sight."""
BY_ID: Params = (("order[id]", "asc"),)


def ladder(frame: Frame, listing: Listing, resume: Payload | None) -> Iterator[Page]:
    """Yield the whole list."""
    ranges = ranges_of(resume, UP)
    if ranges is None and not (resume and resume.get("phase") == DOWN):
        _begin(frame, listing)
        ranges = [Range(0, OPEN)]
    reader, in_flight = _Ladder(frame, listing), frame.in_flight
    if ranges:
        yield from follow(
            frame, reader.up, ranges, records_of(listing), phase=UP, then={"phase": DOWN}, in_flight=in_flight, split=reader.split
        )
    yield from _down(frame, listing, reader, resume)


def _down(frame: Frame, listing: Listing, reader: "_Ladder", resume: Payload | None) -> Iterator[Page]:
    left = ranges_of(resume, DOWN)
    top = int(frame.notes.get("top", 1))
    if not left and top > 1 and happened_since(frame.client, listing.deletions, frame.started or 0):
        left = [Range(1, top)]
    if left:
        yield from follow(frame, reader.down, left, records_of(listing), phase=DOWN)
    else:
        yield frame.page([], None)


def _begin(frame: Frame, listing: Listing) -> None:
    """Set the walk's clock by the newest change; where changes cannot be ordered (tasks) the newest rows set it."""
    if listing.by_change:
        newest = [*listing.params, ("order[updated_at]", "desc")]
        found = frame.client.sure_page(listing.path, listing.key, newest, limit=1, tries=2)
        frame.begin(seconds(found.rows[0]) if found.rows else None, found.served_at)


class _Ladder:
    """Reads one page at a time; shared by the workers of one walk.

    Page 0 is the page of the highest ids: once a page reaches them, the end is known without asking for a page beyond it.
    """

    def __init__(self, frame: Frame, listing: Listing):
        self._frame = frame
        self._listing = listing
        self._end = OPEN
        """Page number beyond which nothing is expected."""
        self._probably = 1.0
        """Page number the list probably ends with, by the ids of the page read last."""

    def up(self, asked: Range) -> Step:
        """Read the lowest page of a range, leave those above."""
        if asked.low == 0:
            return self._highest(asked)
        if asked.low > self._end:
            return Step(())
        found = self._read(asked.low, tries=3 if asked.low > 1 else 2)
        if found.rows:
            self._frame.notes["top"] = max(asked.low, int(self._frame.notes.get("top", 0)))
            self._expect(asked.low, found.rows)
        if not found.names_next:
            self._end = min(self._end, last_page(asked.low, found))
        more = found.more and asked.low < self._end and asked.high > asked.low
        return Step(found.rows, self._above(asked) if more else ())

    def _above(self, asked: Range) -> tuple[Range, ...]:
        """Return what remains: the pages there surely are, for all workers, and those that show where the list ends."""
        surely = asked.low + int(SURE * (self._probably - asked.low))
        if asked.high != OPEN or surely <= asked.low + 1:
            return (Range(asked.low + 1, asked.high),)
        return Range(asked.low + 1, surely), Range(surely + 1, OPEN)

    def split(self, waiting: Range) -> tuple[Range, ...]:
        """Halve the pages of a range for an idle worker; those that show the end are left to one."""
        if waiting.high == OPEN or waiting.high == waiting.low:
            return (waiting,)
        middle = (waiting.low + waiting.high) // 2
        return Range(waiting.low, middle), Range(middle + 1, waiting.high)

    def _highest(self, asked: Range) -> Step:
        """Read the page of the highest ids and leave the others; even what ends there is asked for the other way round."""
        params = [*self._listing.params, ("order[id]", "desc")]
        found = self._frame.client.sure_page(self._listing.path, self._listing.key, params, tries=2)
        self._frame.begin(max((seconds(row, "created_at") for row in found.rows), default=None), found.served_at)
        ids = [int(named(row)) for row in found.rows]
        if ids and ids == sorted(ids, reverse=True):
            self._frame.notes["highest"] = ids[-1]
        return Step(found.rows, (Range(1, asked.high),) if found.rows else ())

    def _expect(self, page: int, rows: list[Payload]) -> None:
        """Learn from a page where the list ends: at the first of the highest ids."""
        first, last = int(named(rows[0])), int(named(rows[-1]))
        highest = self._frame.notes.get("highest")
        if highest is None:
            self._probably = page + 1.0
        elif last >= highest:
            self._end = min(self._end, page)
        else:
            self._probably = page + (highest - last) / max(1, last - first + 1)

    def down(self, asked: Range) -> Step:
        """Read the highest page of a range, leave those below."""
        found = self._read(asked.high, tries=1)
        return Step(found.rows, (Range(asked.low, asked.high - 1),) if asked.high > asked.low else ())

    def _read(self, page: int, *, tries: int) -> ListPage:
        params = [*self._listing.params, *BY_ID]
        return self._frame.client.sure_page(
            self._listing.path, self._listing.key, params, page=page, tries=tries, enough=lambda: page > self._end
        )  # fmt: skip


def rungs_above(page: int, hint: Payload, most: int) -> list[tuple[int, Payload]]:
    """Return the pages to read after a full one, with their hints: in blocks that double up to `most` at once.

    The last page of a block leads to the next block; in the widest, each page leads to the one `most` higher. So a short list
    costs few pages beyond its end, and a long one keeps all workers busy.
    """
    step = int(hint.get("step", 1))
    if step >= most:
        return [(page + step, {"step": step})]
    if not hint.get("leads"):
        return []
    wider = min(max(1, 2 * step), most)
    return [(page + n, {"step": wider, "leads": n == wider}) for n in range(1, wider + 1)]


def last_page(page: int, found: ListPage) -> int:
    """Return the last page a list can have by a page that names no next one; a full one may be wrong about that."""
    return page + 1 if found.more else page


def climb(client: Client, listing: Listing, params: Params, asked: Range) -> Step:
    """Read one page of a frozen window: up until the end, then down again. Range hint: {"page": n, "down": bool}."""
    page, going_down = int(asked.hint["page"]), bool(asked.hint.get("down"))
    found = client.sure_page(listing.path, listing.key, params, page=page, tries=1 if going_down else 3)
    if found.more and not going_down:
        return Step(found.rows, (_rung(asked, page + 1, False),))
    return Step(found.rows, (_rung(asked, page - 1, True),) if page > 1 else ())


def _rung(asked: Range, page: int, down: bool) -> Range:
    return Range(asked.low, asked.high, {**asked.hint, "page": page, "down": down})
