"""Newest first until known ground: what changed in accounts whose filter is switched off; and windows of tasks.

Edits move rows to page 1, which shifts unread rows down: they are repeated, not skipped. Only deletions shift unread rows
up; when the events tell of any, the pages are read once more.
"""

from collections import Counter
from collections.abc import Iterator

from crm_pipeline.connectors.amocrm.feed import happened_since
from crm_pipeline.connectors.amocrm.frame import OPEN, Frame, Ignored, follow, ranges_of, records_of
from crm_pipeline.connectors.amocrm.ladders import climb
from crm_pipeline.connectors.amocrm.payloads import named, seconds
from crm_pipeline.connectors.amocrm.streams import Listing
from crm_pipeline.model.records import Page, Payload, RawRecord
from crm_pipeline.walk import Range, Step

NEWEST, AGAIN, WINDOW = "newest", "again", "window"
IDLE_PASSES = 6
"""Passes in a row that bring nothing new, after which a count that does not add up is put down to edits under way."""
NEWEST_FIRST = (("order[updated_at]", "desc"),)


def newest_first(frame: Frame, listing: Listing, low: int, high: int, resume: Payload | None) -> Iterator[Page]:
    """Yield what changed from `low` to `high`, inclusive. Raises Ignored when the order is not respected."""
    reader = _Descent(frame, listing, low, high)
    ranges = ranges_of(resume, NEWEST)
    if ranges is None and not (resume and resume.get("phase") == AGAIN):
        ranges = [Range(1, OPEN)]
    if ranges:
        yield from follow(frame, reader.fetch, ranges, records_of(listing), phase=NEWEST, then={"phase": AGAIN})
    again = ranges_of(resume, AGAIN)
    if not again and _must_repeat(frame, listing, reader, resumed=resume is not None):
        again = [Range(1, OPEN)]
    while again:
        reader.begin_pass()
        yield from follow(frame, reader.fetch, again, records_of(listing), phase=AGAIN, then={"phase": AGAIN})
        again = [Range(1, OPEN)] if reader.is_short() and reader.idle_passes < IDLE_PASSES else []
    yield frame.page([], None)


def _must_repeat(frame: Frame, listing: Listing, reader: "_Descent", *, resumed: bool) -> bool:
    """Return whether rows may have been missed: what was counted before an interruption is not known any more."""
    if frame.notes.get("top", 1) <= 1:
        return False
    return resumed or reader.is_short() or happened_since(frame.client, listing.deletions, frame.started or 0)


class _Descent:
    """Reads pages, newest first, and counts the rows of seconds that two pages share.

    Rows of one second may be in another order at each request (facts: amocrm 3.4), so of such a second one page may repeat what
    the other had: then fewer different rows are known than were counted, and the pages are read once more.
    """

    def __init__(self, frame: Frame, listing: Listing, low: int, high: int):
        self._frame = frame
        self._listing = listing
        self._low = low
        self._high = high
        self._known: dict[int, set[str]] = {}
        self._counted: Counter[int] = Counter()
        self._found = -1
        self.idle_passes = 0

    def begin_pass(self) -> None:
        """Count afresh; what is known stays known."""
        self._counted.clear()
        found = sum(map(len, self._known.values()))
        self.idle_passes, self._found = self.idle_passes + 1 if found == self._found else 0, found

    def is_short(self) -> bool:
        """Return whether a shared second had more rows than different ones are known."""
        return any(len(self._known[second]) < count for second, count in self._counted.items())

    def fetch(self, asked: Range) -> Step:
        """Read one page, leave the next one unless this one reached known ground. Raises Ignored."""
        params = [*self._listing.params, *NEWEST_FIRST]
        found = self._frame.client.sure_page(
            self._listing.path, self._listing.key, params, page=asked.low, tries=3 if asked.low > 1 else 2
        )
        times = [seconds(row) for row in found.rows]
        if times != sorted(times, reverse=True):
            raise Ignored(self._listing.stream.name)
        self._frame.begin(times[0] if times else self._low, found.served_at)
        self._frame.notes["top"] = max(asked.low, int(self._frame.notes.get("top", 0)))
        fresh = [row for row in found.rows if self._low <= seconds(row) <= self._high]
        self._count([row for row in fresh if seconds(row) in (times[0], times[-1])])
        known_ground = not times or times[-1] < self._low
        return Step(fresh, () if known_ground or not found.more else (Range(asked.low + 1, OPEN),))

    def _count(self, rows: list[Payload]) -> None:
        for row in rows:
            self._known.setdefault(seconds(row), set()).add(named(row))
            self._counted[seconds(row)] += 1


def window_by_id(frame: Frame, listing: Listing, low: int, high: int, resume: Payload | None) -> Iterator[Page]:
    """Yield what changed from `low` to `high` in order of id, up and down, where changes cannot be ordered. Raises Ignored."""

    def fetch(asked: Range) -> Step:
        last = [] if high == OPEN else [("filter[updated_at][to]", high + 1)]
        params = [*listing.params, ("filter[updated_at][from]", max(low - 1, 0)), *last, ("order[id]", "asc")]
        step = climb(frame.client, listing, params, asked)
        times = [seconds(row) for row in step.rows]
        if times and min(times) < low - 2:
            raise Ignored(listing.stream.name)
        frame.begin(max([low, *times]), frame.client.served_at)
        return Step([row for row in step.rows if low <= seconds(row) <= high], step.rest)

    ranges = ranges_of(resume, WINDOW) or [Range(0, OPEN, {"page": 1})]
    yield from follow(frame, fetch, ranges, records_of(listing), phase=WINDOW)


def only_within(low: int, high: int, pages: Iterator[Page]) -> Iterator[Page]:
    """Drop records that changed outside of a window from pages of a walk that reads everything."""
    for page in pages:
        kept = tuple(record for record in page.records if record.deleted or low <= _changed(record) <= high)
        yield Page(kept, page.resume, page.started_at, page.requests)


def _changed(record: RawRecord) -> float:
    return record.remote_updated_at.timestamp() if record.remote_updated_at else 0.0
