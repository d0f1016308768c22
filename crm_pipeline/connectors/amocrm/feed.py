"""Events: stage history, and the news no list tells: deleted, restored, merged, linked, unlinked (facts: amocrm 4.12, 4.14).

Events have no documented order, so page 2 of them is never relied on. Where a page turns out to be in order of time (newest
first, in practice), everything beyond its last second has been read and the next window ends there; where it does not,
windows on `created_at` are made small enough for one page each.
What an event tells of is read again rather than believed, because events arrive in any order.
"""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import pairwise
from typing import Any

from crm_pipeline.connectors.amocrm.byid import MOST_IDS, Wanted, reread
from crm_pipeline.connectors.amocrm.client import EVENTS_PER_PAGE, Client, ListPage, Params
from crm_pipeline.connectors.amocrm.frame import OPEN, Frame, follow, ranges_of
from crm_pipeline.connectors.amocrm.payloads import SINGULAR, raw_record, seconds, tombstone, value_part
from crm_pipeline.connectors.amocrm.streams import LINKS, OLD_LINKS, EventFeed, note_prefix
from crm_pipeline.errors import AccessDenied, ImplausibleWalk, RequestRefused
from crm_pipeline.model.cleaning import reference
from crm_pipeline.model.records import Page, Payload, RawRecord
from crm_pipeline.walk import Range, Step

PATH, KEY, PHASE = "/api/v4/events", "events", "events"
MOST_PASSES = 24
PAGES_AHEAD = 10
MOST_IN_A_ROW = 2
"""Pages a worker reads by itself before it leaves what is beyond to others."""
_ENDS = {"deals": ("contacts", "companies", "catalog_elements"), "contacts": ("companies",), "companies": ()}
"""Links to what change our record of a kind: the rest of a link is embedded on its other side."""
_PLURALS = {
    "contact": "contacts",
    "company": "companies",
    "lead": "deals",
    "leads": "deals",
    "catalog_element": "catalog_elements",
}


def feed(frame: Frame, events: EventFeed, low: int, high: int, resume: Payload | None, *, types: Sequence[str]) -> Iterator[Page]:
    """Yield what the events of a period tell; `types` as filter."""
    reader = _Feed(frame, events, types)
    ranges = ranges_of(resume, PHASE) or [Range(low, high)]
    in_flight = frame.in_flight
    yield from follow(frame, reader.fetch, ranges, _as_they_are, phase=PHASE, in_flight=in_flight, split=_in_two)


def note_place(frame: Frame, events: EventFeed, types: Sequence[str]) -> None:
    """Set the walk's clock by the newest event in sight; if they come oldest first, the next walk reads more than it must.

    An empty answer is believed at once: the server's clock is then the walk's, and what happens from now on is read by the next.
    """
    found = _Asker(frame.client, types).page([], 1, tries=1)
    frame.begin(max((seconds(row, "created_at") for row in found.rows), default=None), found.served_at)


def happened_since(client: Client, types: Sequence[str], since: int) -> bool:
    """Return whether there are such events since then; True when it cannot be told.

    Nothing is the usual answer, and is not believed when it comes once: so it is asked for twice, at the same time.
    """
    bounds: Params = [("filter[created_at][from]", max(0, since - 1))]
    with ThreadPoolExecutor(2, thread_name_prefix="events") as both:
        asked = [both.submit(_Asker(client, types).page, bounds, 1, tries=1) for _ in range(2)]
    try:
        return any(answer.result().rows for answer in asked)
    except (RequestRefused, AccessDenied):
        return True


def _bounds(first: int, last: int) -> Params:
    until = [] if last == OPEN else [("filter[created_at][to]", last)]
    return [("filter[created_at][from]", first), *until]


def _as_they_are(rows: Sequence[Any]) -> Sequence[RawRecord]:
    return rows


class _Asker:
    """Asks for events of some types; an account that does not know the older names is asked without them."""

    def __init__(self, client: Client, types: Sequence[str]):
        self._client = client
        self._types = list(types)

    def page(self, bounds: Params, page: int, *, tries: int = 2) -> ListPage:
        """Read one page; rows of other types are dropped."""
        try:
            found = self._ask(bounds, page, tries)
        except RequestRefused as error:
            if error.status != 400 or not set(OLD_LINKS) & set(self._types):
                raise
            found = None
        if found is None:
            self._types = [name for name in self._types if name not in OLD_LINKS]
            found = self._ask(bounds, page, tries)
        return ListPage(
            [row for row in found.rows if row.get("type") in self._types],
            found.more,
            found.names_next,
            found.total,
            found.served_at,
        )

    def has(self, bounds: Params, second: int) -> bool:
        """Return whether a window shows an event of a second."""
        return any(seconds(row, "created_at") == second for row in self.page(bounds, 1).rows)

    def _ask(self, bounds: Params, page: int, tries: int) -> ListPage:
        types = [("filter[type][]", name) for name in self._types]
        return self._client.sure_page(
            PATH, KEY, [*bounds, *types], limit=EVENTS_PER_PAGE, page=page, tries=3 if page > 1 else tries
        )


class _Feed:
    """Reads one window at a time."""

    def __init__(self, frame: Frame, events: EventFeed, types: Sequence[str]):
        self._frame = frame
        self._events = events
        self._asker = _Asker(frame.client, types)
        self._before, self._after = frame.notes.get("event_ends", (0, 0))
        """Seconds to add at either end of a window so that its own ends are certainly included."""

    def fetch(self, asked: Range) -> Step:
        """Read a window that fits one page, or leave it in smaller ones.

        Range hints: at (a second that has events), ordered (the window goes on from that second), cut (its ends are no such
        seconds), pages and span of what was read; wanted (what is still to be read again).
        """
        found = self._whole_window(asked)
        times = _times(asked, found)
        self._frame.begin(max(times, default=asked.low or None), found.served_at)
        if not found.more or not times:
            return self._step(asked, found.rows)
        if asked.low == asked.high:
            return self._step(asked, self._second(asked, found.rows))
        rest = _unread(asked, times, found.served_at)
        unread = [part for part in rest if part.hint.get("ordered")]
        read = [row for row in found.rows if not any(part.low <= seconds(row, "created_at") <= part.high for part in unread)]
        return self._step(asked, read if unread else (), rest)

    def _step(self, asked: Range, rows: Sequence[Payload], rest: tuple[Range, ...] = ()) -> Step:
        """Return what a window tells; few records to be read again are left to the window that goes on from this one."""
        within = [row for row in rows if asked.low <= seconds(row, "created_at") <= asked.high]
        told, before = self._wanted(within), (asked.hint or {}).get("wanted", {})
        wanted = {owner: told.get(owner, False) or before.get(owner, False) for owner in {**before, **told}}
        if len(rest) == 1 and wanted and len(wanted) < MOST_IDS:
            return Step(self._history(within), (replace(rest[0], hint={**rest[0].hint, "wanted": wanted}),))
        return Step(self._history(within) + self._reread(wanted), rest)

    def _whole_window(self, asked: Range) -> ListPage:
        """Read page 1 of a window, its own ends included: whether they are is not documented."""
        hint = asked.hint or {}
        if hint.get("cut"):
            self._learn_ends(hint["at"])
        found = self._window(asked, 1)
        if "at" in hint and hint.get("ordered") and hint["at"] not in _times(asked, found):
            self._learn_ends(hint["at"])
            found = self._window(asked, 1)
        return found

    def _window(self, asked: Range, page: int) -> ListPage:
        first = max(asked.low - self._before, 0)
        found = self._asker.page(_bounds(first, asked.high if asked.high == OPEN else asked.high + self._after), page)
        if any(seconds(row, "created_at") < first for row in found.rows):
            raise ImplausibleWalk("amoCRM ignores the filter on the time of events.")
        return found

    def _learn_ends(self, second: int) -> None:
        """Find out, by a second that has events, whether the ends of a window are inclusive."""
        if "event_ends" in self._frame.notes:
            return
        if not self._asker.has(_bounds(second, second), second):
            self._before = int(not self._asker.has(_bounds(second, second + 1), second))
            self._after = int(not self._asker.has(_bounds(second - 1, second), second))
        self._frame.notes["event_ends"] = [self._before, self._after]

    def _second(self, asked: Range, rows: Sequence[Payload]) -> list[Payload]:
        """Read one second that holds more than a page, pass after pass, until as many different events are known as a pass has.

        Events never change, so however their order does from page to page, each pass has as many rows as there are events.
        """
        known = {str(row.get("id")): row for row in rows}
        count, page, more = len(rows), 2, True
        for _ in range(MOST_PASSES):
            while more:
                found = self._window(asked, page)
                known.update((str(row.get("id")), row) for row in found.rows)
                count, page, more = count + len(found.rows), page + 1, found.more
            if len(known) >= count:
                return list(known.values())
            count, page, more = 0, 1, True
        raise ImplausibleWalk("The events of one second are different each time they are read; sync again.")

    def _history(self, rows: Sequence[Payload]) -> list[RawRecord]:
        return [raw_record("stage_changes", row) for row in rows if row["type"] in self._events.history]

    def _wanted(self, rows: Sequence[Payload]) -> dict[str, bool]:
        """Return the ids of the records events tell of, and whether an event calls it deleted."""
        gone = {owner: True for row in rows if row["type"] in self._events.deleted for owner in self._subject(row)}
        changed = {owner: False for row in rows if row["type"] in self._events.reread for owner in self._affected(row)}
        return changed | gone

    def _reread(self, wanted: Mapping[str, bool]) -> list[RawRecord]:
        """Return the records as they are by now."""
        gone = frozenset(owner for owner, is_gone in wanted.items() if is_gone)
        if self._events.kind == "communications":
            return [tombstone("communications", note) for note in sorted(gone)]
        return reread(self._frame.client, Wanted(self._events.kind, tuple(sorted(wanted)), gone), self._frame.link)

    def _subject(self, row: Payload) -> list[str]:
        """Return the id of the record an event is about."""
        if self._events.kind == "communications":
            part = value_part(row.get("value_before"), "note") or value_part(row.get("value_after"), "note")
            note, owners = reference(part.get("id")), SINGULAR.get(str(row.get("entity_type")), "")
            return [note_prefix(owners, self._frame.link.facts) + note] if note else []
        owner = reference(row.get("entity_id"))
        return [owner] if owner and SINGULAR.get(str(row.get("entity_type")), "") == self._events.kind else []

    def _affected(self, row: Payload) -> list[str]:
        """Return the ids of our kind whose record the event changed; of a link, whichever end it was noted at."""
        if row["type"] not in (*LINKS, *OLD_LINKS):
            return self._subject(row)
        ends = [(str(row.get("entity_type")), reference(row.get("entity_id"))), *_linked(row)]
        kinds = [(_PLURALS.get(name, name), owner) for name, owner in ends]
        matters = any(kind in _ENDS[self._events.kind] for kind, _ in kinds)
        return [owner for kind, owner in kinds if matters and owner and kind == self._events.kind]


def _linked(row: Payload) -> list[tuple[str, str | None]]:
    """Return the other ends of a link event; on unlinking they stand in either value, under either key (facts: amocrm 4.12)."""
    values = [*(row.get("value_after") or []), *(row.get("value_before") or [])]
    parts = [value_part([value], key).get("entity") for value in values for key in ("link", "unlink")]
    return [(str(part.get("type")), reference(part.get("id"))) for part in parts if isinstance(part, dict)]


def _times(asked: Range, found: ListPage) -> list[int]:
    """Return the times of a page's events that are within a window, in the page's order."""
    return [moment for row in found.rows if asked.low <= (moment := seconds(row, "created_at")) <= asked.high]


def _unread(asked: Range, times: Sequence[int], served_at: float | None) -> tuple[Range, ...]:
    """Return what remains of a window that does not fit one page."""
    oldest, newest = min(times), max(times)
    if oldest == newest:
        around = ((asked.low, oldest - 1), (oldest, oldest), (oldest + 1, asked.high))
        return tuple(Range(low, high, {"cut": True, "at": oldest}) for low, high in around if low <= high)
    hint = {"ordered": True, "span": newest - oldest, "pages": (asked.hint or {}).get("pages", 0) + 1}
    if list(times) == sorted(times, reverse=True) and oldest > asked.low:
        return (Range(asked.low, oldest, {**hint, "at": oldest}),)
    if list(times) == sorted(times) and newest < asked.high:
        return (Range(newest, asked.high, {**hint, "at": newest}),)
    return _smaller(asked, times, served_at)


def _smaller(asked: Range, times: Sequence[int], served_at: float | None) -> tuple[Range, ...]:
    """Cut a window whose page is in no order into as many as its events seem to need."""
    high, hint = asked.high, {"cut": True, "at": times[0]}
    beyond: tuple[Range, ...] = ()
    if high == OPEN:
        high = max([asked.low, int(served_at or 0), *times])
        beyond = (Range(high + 1, OPEN, hint),)
    width = high - asked.low + 1
    span = max(1, high - min(times))
    parts = min(32, max(2, round(1.6 * width / span)), width)
    cuts = [asked.low + width * part // parts for part in range(parts + 1)]
    return (*(Range(low, until - 1, hint) for low, until in pairwise(cuts) if until > low), *beyond)


def _in_two(waiting: Range) -> tuple[Range, ...]:
    """Leave the next pages of a window to one worker and what is beyond to an idle one, by the span of the page read last.

    Not before there have been some: what has changed since the last walk often fills no more.
    """
    hint = waiting.hint or {}
    cut = waiting.high - PAGES_AHEAD * max(1, hint.get("span", 0))
    if not hint.get("ordered") or hint.get("pages", 0) < MOST_IN_A_ROW or waiting.high == OPEN or cut <= waiting.low:
        return (waiting,)
    beyond = {"cut": True, "at": hint["at"]}
    return Range(cut + 1, waiting.high, {**hint, "cut": True}), Range(waiting.low, cut, beyond)
