"""Chains on the time of change, for lists whose filter works: leads, contacts, companies, notes (facts: amocrm 3.4, 3.5).

Each step asks for page 1 of what changed since the last row's second, oldest first. Page 2 is never asked for, so rows that
leave the window while people work cannot shift unread ones out of sight. A second too full for one page is read in order of
id, up and then down again: rows can only leave a past second, and leaving rows shift unread ones towards page 1, which the
way down has not passed yet.
"""

from collections.abc import Iterator
from typing import Any

from crm_pipeline.connectors.amocrm.client import Params
from crm_pipeline.connectors.amocrm.frame import OPEN, Frame, Ignored, follow, ranges_of, records_of
from crm_pipeline.connectors.amocrm.ladders import climb
from crm_pipeline.connectors.amocrm.payloads import seconds
from crm_pipeline.connectors.amocrm.streams import Listing
from crm_pipeline.errors import ImplausibleWalk
from crm_pipeline.model.records import Page, Payload
from crm_pipeline.walk import Range, Step

PHASE = "chain"
WORTH_SPLITTING = 3
"""A range is halved for an idle worker when it seems to hold at least so many pages."""


def chain(frame: Frame, listing: Listing, low: int, high: int, resume: Payload | None) -> Iterator[Page]:
    """Yield what changed from `low` to `high` (OPEN: to the walk's clock), inclusive. Raises Ignored."""
    ranges = ranges_of(resume, PHASE)
    if ranges is None and high == OPEN:
        newest = _newest(frame, listing)
        if newest < low or not newest:
            yield frame.page([], None)
            return
        ranges = [Range(low, newest)]
    reader = _Chain(frame, listing)
    records, in_flight = records_of(listing), max(1, frame.link.in_flight)
    ranges = [Range(low, high)] if ranges is None else ranges
    yield from follow(frame, reader.fetch, ranges, records, phase=PHASE, in_flight=in_flight, split=_halves)


def _newest(frame: Frame, listing: Listing) -> int:
    """Set the walk's clock by the newest change there is; return its second, 0 for an empty list."""
    newest_first = [*listing.params, ("order[updated_at]", "desc")]
    found = frame.client.sure_page(listing.path, listing.key, newest_first, limit=1, tries=2)
    newest = seconds(found.rows[0]) if found.rows else 0
    frame.begin(newest, found.served_at)
    return newest


class _Chain:
    """Reads one step at a time; shared by the workers of one walk."""

    def __init__(self, frame: Frame, listing: Listing):
        self._client = frame.client
        self._listing = listing
        self._from_is_inclusive: bool | None = None
        """Not documented (facts: amocrm 12.11); learnt from the first step that goes on from a row."""

    def fetch(self, asked: Range) -> Step:
        """Read one step. Range hints: None (beginning), on (goes on from a row's second), page (inside one second)."""
        hint: dict[str, Any] = asked.hint or {}
        if "page" in hint:
            return self._second(asked)
        rows, more = self._from_row(asked) if hint.get("on") else self._window(asked, asked.low - 1, tries=2)
        fresh = [row for row in rows if asked.low <= seconds(row) <= asked.high]
        last = seconds(rows[-1]) if rows else 0
        if not more or last > asked.high:
            return Step(fresh)
        if last > asked.low:
            return Step(fresh, (Range(last, asked.high, {"on": True, "span": last - max(asked.low, seconds(rows[0]))}),))
        second = (Range(asked.low, asked.low, {"page": 1}),)
        return Step(fresh, second + ((Range(asked.low + 1, asked.high),) if asked.high > asked.low else ()))

    def _from_row(self, asked: Range) -> tuple[list[Payload], bool]:
        """Go on from a row's second. Something must be there: the page before said that it is not the last."""
        first = asked.low if self._from_is_inclusive is not False else asked.low - 1
        rows, more = self._window(asked, first, tries=4)
        if not rows:
            self._be_sure_of_the_end(asked)
            return rows, more
        if seconds(rows[0]) <= asked.low:
            self._from_is_inclusive = self._from_is_inclusive is not False
            return rows, more
        if first < asked.low:
            return rows, more
        return self._unless_exclusive(asked, rows, more)

    def _unless_exclusive(self, asked: Range, rows: list[Payload], more: bool) -> tuple[list[Payload], bool]:
        """No row at the second asked for: either all of it was edited meanwhile, or `from` excludes it."""
        if self._from_is_inclusive:
            return rows, more
        earlier, more_earlier = self._window(asked, asked.low - 1, tries=2)
        if not any(seconds(row) == asked.low for row in earlier):
            return rows, more
        self._from_is_inclusive = False
        return earlier, more_earlier

    def _be_sure_of_the_end(self, asked: Range) -> None:
        """Ask the other way round before believing that the rest of a list is empty (facts: amocrm 3.5: it was not)."""
        params = self._params(asked, asked.low - 1, "desc")
        found = self._client.sure_page(self._listing.path, self._listing.key, params, limit=1)
        if any(asked.low < seconds(row) <= asked.high for row in found.rows):
            raise ImplausibleWalk(f"{self._listing.stream.name}: amoCRM answered nothing where there are rows; sync again.")

    def _window(self, asked: Range, first: int, *, tries: int) -> tuple[list[Payload], bool]:
        """Read page 1 of a window and check that it was respected. Raises Ignored."""
        first = max(first, 0)
        found = self._client.sure_page(self._listing.path, self._listing.key, self._params(asked, first, "asc"), tries=tries)
        times = [seconds(row) for row in found.rows]
        if times and (min(times) < first or times != sorted(times)):
            raise Ignored(self._listing.stream.name)
        return found.rows, found.more

    def _params(self, asked: Range, first: int, way: str) -> Params:
        # One second more than asked for: whether `to` is inclusive is not documented; what is beyond is dropped.
        last = [] if asked.high == OPEN else [("filter[updated_at][to]", asked.high + 1)]
        return [*self._listing.params, ("filter[updated_at][from]", max(first, 0)), *last, ("order[updated_at]", way)]

    def _second(self, asked: Range) -> Step:
        first = asked.low if self._from_is_inclusive is not False else asked.low - 1
        bounds = [("filter[updated_at][from]", first), ("filter[updated_at][to]", asked.low + 1)]
        params = [*self._listing.params, *bounds, ("order[id]", "asc")]
        step = climb(self._client, self._listing, params, asked)
        return Step([row for row in step.rows if seconds(row) == asked.low], step.rest)


def _halves(waiting: Range) -> tuple[Range, ...]:
    """Halve a range that is being read and seems to hold several pages, by the span of the page read last."""
    hint = waiting.hint or {}
    span = max(1, hint.get("span") or 0)
    if not hint.get("on") or waiting.high == OPEN or waiting.high - waiting.low < max(WORTH_SPLITTING * span, 2):
        return (waiting,)
    middle = (waiting.low + waiting.high) // 2
    return Range(waiting.low, middle, hint), Range(middle + 1, waiting.high)
