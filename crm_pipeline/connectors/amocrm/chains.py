"""Chains on the time of change, for lists whose filter works: leads, contacts, companies, notes (facts: amocrm 3.4, 3.5).

A walk up to now begins at its end: the newest page, which also sets its clock and often is all there is. The rest is read in
steps from its beginning: each asks for page 1 of what changed since the last row's second, oldest first. Page 2 is never asked
for, so rows that leave the window while people work cannot shift unread ones out of sight. When everything is read, those that
left are read at the end: a first load is whole although people work. A second too full for one page is read by pages in order
of id, several in flight. Rows can only leave a past second; if any row was changed or deleted meanwhile, such seconds are read
once more from their last page down: leaving rows shift unread ones towards page 1, where the way down still comes past.
How a range is shared among workers is in `shares.py`.
"""

from collections.abc import Iterator
from typing import Any

from crm_pipeline.connectors.amocrm.client import Params
from crm_pipeline.connectors.amocrm.feed import happened_since
from crm_pipeline.connectors.amocrm.frame import OPEN, OVERLAP, Frame, Ignored, follow, ranges_of, records_of
from crm_pipeline.connectors.amocrm.ladders import last_page, rungs_above
from crm_pipeline.connectors.amocrm.payloads import seconds
from crm_pipeline.connectors.amocrm.shares import halves, shares
from crm_pipeline.connectors.amocrm.streams import Listing
from crm_pipeline.errors import ImplausibleWalk
from crm_pipeline.model.records import Page, Payload
from crm_pipeline.walk import Range, Step

PHASE, TAIL, DENSE = "chain", "tail", "dense"
FULL_ENOUGH = 60
"""Rows of its last second in a page that make it likely that the second goes on for pages: a bulk import."""


def chain(frame: Frame, listing: Listing, low: int, high: int, resume: Payload | None) -> Iterator[Page]:
    """Yield what changed from `low` to `high` (OPEN: to the walk's clock; everything: to the end), inclusive. Raises Ignored."""
    reader, records, in_flight = _Chain(frame, listing), records_of(listing), frame.in_flight
    ranges, tail = ranges_of(resume, PHASE), ranges_of(resume, TAIL)
    phase = resume.get("phase") if resume else None
    if ranges is None and phase not in (TAIL, DENSE):
        ranges = [Range(low, high, {"head": True} if high == OPEN else None)]
    if ranges:
        then = {"phase": TAIL}
        yield from follow(frame, reader.fetch, ranges, records, phase=PHASE, then=then, in_flight=in_flight, split=halves)
    if phase != DENSE and low == 0 and high == OPEN and frame.started:
        tail = tail or reader.ends(frame.started)
        yield from follow(frame, reader.tail, tail, records, phase=TAIL, then={"phase": DENSE}, in_flight=2)
    again = ranges_of(resume, DENSE) or _unsure_seconds(frame, reader)
    if again:
        yield from follow(frame, reader.fetch, again, records, phase=DENSE, in_flight=in_flight)
    else:
        yield frame.page([], None)


def _unsure_seconds(frame: Frame, reader: "_Chain") -> list[Range]:
    """Return the seconds of several pages, if any row may have left them while they were read."""
    dense: dict[str, int] = frame.notes.get("dense", {})
    if not dense or reader.is_quiet():
        return []
    return [Range(int(second), int(second), {"page": top, "down": True}) for second, top in dense.items()]


class _Chain:
    """Reads one step at a time; shared by the workers of one walk."""

    def __init__(self, frame: Frame, listing: Listing):
        self._frame = frame
        self._client = frame.client
        self._listing = listing
        self._ends: dict[int, int] = {}
        """Second → page number beyond which nothing is expected."""

    @property
    def _from_is_inclusive(self) -> bool | None:
        """Not documented (facts: amocrm 12.11); learnt from the first step that goes on from a row, None until then."""
        known: bool | None = self._frame.notes.get("from_is_inclusive")
        return known

    @_from_is_inclusive.setter
    def _from_is_inclusive(self, learnt: bool) -> None:
        self._frame.notes["from_is_inclusive"] = learnt

    def fetch(self, asked: Range) -> Step:
        """Read one step. Range hints: head (newest page), None (beginning), on (goes on from a row's second), page (inside one
        second); top (seconds a page spans at the end), span (the same where it was read last).
        """
        hint: dict[str, Any] = asked.hint or {}
        if "page" in hint:
            return self._second(asked)
        if "head" in hint:
            return self._head(asked)
        rows, more = (self._from_row if hint.get("on") else self._from_the_beginning)(asked)
        fresh = [row for row in rows if asked.low <= seconds(row) <= asked.high]
        times = [seconds(row) for row in rows]
        last = times[-1] if times else 0
        if not more or last > asked.high:
            return Step(fresh)
        if last > asked.low and times.count(last) < FULL_ENOUGH:
            return Step(fresh, shares(asked, max(asked.low, times[0]), last, self._frame.in_flight))
        second = max(asked.low, last)
        return Step([row for row in fresh if seconds(row) < second], self._dense(asked, second))

    def _dense(self, asked: Range, second: int) -> tuple[Range, ...]:
        """Return what remains at a second that seems to fill pages: its own pages, and what comes after it."""
        self._learn(second)
        within = Range(second, second, {"page": 1, "step": 0, "leads": True})
        after = {name: asked.hint[name] for name in ("top", "span") if name in (asked.hint or {})}
        return (within, Range(second + 1, asked.high, after)) if asked.high > second else (within,)

    def _head(self, asked: Range) -> Step:
        """Read the newest page of a range and set the walk's clock by it; leave what is older. Raises Ignored.

        Where nothing has changed the clock stays where it was: the newest row known is within the overlap, or was deleted.
        """
        params = self._params(asked, asked.low - 1, "desc")
        found = self._client.sure_page(self._listing.path, self._listing.key, params, tries=2)
        times = [seconds(row) for row in found.rows]
        if times != sorted(times, reverse=True) or (times and times[-1] < asked.low - 1):
            raise Ignored(self._listing.stream.name)
        self._frame.begin(times[0] if times else asked.low + OVERLAP if asked.low else None, found.served_at)
        fresh = [row for row in found.rows if seconds(row) >= asked.low]
        if not found.more or times[-1] < asked.low:
            return Step(fresh)
        return Step(fresh, (Range(asked.low, times[-1], {"top": times[0] - times[-1]}),))

    def ends(self, began: int) -> list[Range]:
        """Return what is asked for when a list has been read: what has changed meanwhile; whether any row left a full second."""
        left = [Range(0, 0, {"left": True})] if self._frame.notes.get("dense") else []
        return [Range(began, OPEN), *left]

    def tail(self, asked: Range) -> Step:
        """Read what has changed since the walk began, and note whether anything has."""
        began, notes = self._frame.started or 0, self._frame.notes
        if "left" in (asked.hint or {}):
            notes["left"] = happened_since(self._client, self._listing.deletions, began)
            return Step(())
        step = self.fetch(asked)
        changed = bool(step.rest) or any(seconds(row) > began for row in step.rows)
        notes["changed"] = changed or notes.get("changed", False)
        return step

    def _learn(self, second: int) -> None:
        """Find out by a second that has many rows: the pages of a second must all be counted from the same beginning."""
        if self._from_is_inclusive is None:
            rows, _ = self._window(Range(second, second), second, tries=2)
            self._from_is_inclusive = any(seconds(row) == second for row in rows)

    def _before(self, second: int) -> int:
        """Return what to ask from so that a second is certainly included."""
        return second if self._from_is_inclusive else second - 1

    def _from_the_beginning(self, asked: Range) -> tuple[list[Payload], bool]:
        """Read the first page of a range; a page that has shown newer rows may have said that something must be there."""
        certain = "top" in (asked.hint or {})
        rows, more = self._window(asked, self._before(asked.low), tries=4 if certain else 2)
        if certain and not rows:
            self._be_sure_of_the_end(asked)
        return rows, more

    def _from_row(self, asked: Range) -> tuple[list[Payload], bool]:
        """Go on from a row's second. Something must be there: the page before said that it is not the last."""
        first = asked.low if self._from_is_inclusive is not False else asked.low - 1
        rows, more = self._window(asked, first, tries=4)
        if first == asked.low and not (rows and seconds(rows[0]) <= asked.low):
            rows, more = self._unless_exclusive(asked, rows, more)
        elif first == asked.low:
            self._from_is_inclusive = True
        if not rows:
            self._be_sure_of_the_end(asked)
        return rows, more

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
        since = [("filter[updated_at][from]", first)] if first > 0 else []
        last = [] if asked.high == OPEN else [("filter[updated_at][to]", asked.high + 1)]
        return [*self._listing.params, *since, *last, ("order[updated_at]", way)]

    def is_quiet(self) -> bool:
        """Return whether nothing of the list was changed or deleted since the walk began."""
        began = self._frame.started
        if began is None or self._has_changed(began):
            return False
        left: bool | None = self._frame.notes.get("left")
        return not (happened_since(self._client, self._listing.deletions, began) if left is None else left)

    def _has_changed(self, began: int) -> bool:
        known: bool | None = self._frame.notes.get("changed")
        if known is not None:
            return known
        rows, more = self._window(Range(began, OPEN), began, tries=2)
        return more or any(seconds(row) > began for row in rows)

    def _second(self, asked: Range) -> Step:
        """Read one page of a second; going up, leave the page a `step` higher (after the first: all rungs at once)."""
        hint = asked.hint
        bounds = [("filter[updated_at][from]", self._before(asked.low)), ("filter[updated_at][to]", asked.low + 1)]
        params = [*self._listing.params, *bounds, ("order[id]", "asc")]
        page, end = hint["page"], self._ends.get(asked.low, OPEN)
        found = self._client.sure_page(
            self._listing.path, self._listing.key, params, page=page, tries=1 if hint.get("down") else 3,
            enough=lambda: page > self._ends.get(asked.low, OPEN),
        )  # fmt: skip
        rows = [row for row in found.rows if seconds(row) == asked.low]
        if hint.get("down"):
            return Step(rows, (_rung(asked, {"page": page - 1, "down": True}),) if page > 1 else ())
        if not found.names_next:
            self._ends[asked.low] = min(end, last_page(page, found))
        if found.more or page > 1:
            dense = self._frame.notes.setdefault("dense", {})
            dense[str(asked.low)] = max(page if found.rows else 1, dense.get(str(asked.low), 1))
        above = rungs_above(page, hint, self._frame.in_flight) if found.more else []
        return Step(rows, tuple(_rung(asked, {**wider, "page": higher}) for higher, wider in above))


def _rung(asked: Range, hint: dict[str, Any]) -> Range:
    return Range(asked.low, asked.high, hint)
