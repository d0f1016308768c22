"""What every walk of amoCRM has in common: the state it resumes from, its clock, and pages made of landings.

The clock of a walk is the newest change the account showed when it began, or the server's `Date` when that is earlier: a
row written with a date in the future must not push the cursor past everything else, and a quiet account's clock must not
depend on the web server's.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from math import ceil
from typing import Any

from crm_pipeline.connectors import Link
from crm_pipeline.connectors.amocrm.client import Client
from crm_pipeline.connectors.amocrm.payloads import named, raw_record
from crm_pipeline.connectors.amocrm.streams import Listing
from crm_pipeline.model.cleaning import EPOCH, moment
from crm_pipeline.model.records import Page, Payload, RawRecord
from crm_pipeline.walk import Range, Split, Step, walk

OVERLAP = 600
"""Seconds re-read before a watermark: rows show up late in windows (facts: amocrm 3.5, 9.4)."""
FEWEST = 4
"""Requests in flight, however quick the answers: what is done with one must not keep the next waiting."""
OPEN = 1 << 40
"""High end of a range that has no end yet."""


class Ignored(Exception):
    """The account ignores the filter or the order without saying so (facts: amocrm 0.2): read it the other way."""


@dataclass
class Frame:
    """One walk under way."""

    link: Link
    client: Client
    started: int | None
    """Unix seconds of the walk's clock; None until the first answer."""
    notes: Payload = field(default_factory=dict)
    """What else must survive a kill, JSON-able."""
    spent: int = 0

    @property
    def in_flight(self) -> int:
        """Return how many requests keep the meter busy: as many as it grants while one is answered, and one more."""
        http = self.link.http
        wanted = ceil(http.latency / http.meter.interval) + 1 if http.meter.interval > 0 else FEWEST
        return max(1, min(self.link.in_flight, max(FEWEST, wanted)))

    @property
    def started_at(self) -> datetime:
        """Return the walk's clock as a moment; the epoch for an account that has shown nothing yet."""
        return moment(self.started) or EPOCH

    def begin(self, newest: int | None, served_at: float | None) -> None:
        """Set the walk's clock, once: never later than the server's own `Date`; `newest` None: nothing tells (complete lists)."""
        if self.started is None:
            served = int(served_at) if served_at else OPEN
            self.started = min(served, newest if newest is not None else served) % OPEN

    def page(self, records: Sequence[RawRecord], resume: Payload | None) -> Page:
        """Make a page; the state it resumes from carries the walk's clock and notes."""
        made = self.client.http.requests_made
        spent, self.spent = made - self.spent, made
        # Workers go on adding to the notes: a page's state is what they are now.
        notes = {name: dict(note) if isinstance(note, dict) else note for name, note in dict(self.notes).items()}
        state = None if resume is None else {**resume, "started": self.started, "notes": notes}
        return Page(tuple(records), state, self.started_at, spent)


def open_frame(link: Link, resume: Payload | None) -> Frame:
    """Begin a walk or go on with one."""
    client = Client(link)
    state: Mapping[str, Any] = resume or {}
    return Frame(link, client, state.get("started"), dict(state.get("notes") or {}), client.http.requests_made)


def records_of(listing: Listing) -> Callable[[Sequence[Payload]], list[RawRecord]]:
    """Return what makes a listing's rows raw records."""
    tag, kind, prefix = dict(listing.tag), listing.kind, listing.prefix

    def records(rows: Sequence[Payload]) -> list[RawRecord]:
        if not tag:
            return [raw_record(kind, row) for row in rows]
        return [raw_record(kind, {**row, **tag}, prefix + named(row)) for row in rows]

    return records


Records = Callable[[Sequence[Any]], Sequence[RawRecord]]


def follow(
    frame: Frame, fetch: Callable[[Range], Step], ranges: Sequence[Range], records: Records, *,
    phase: str, then: Payload | None = None, in_flight: int = 1, split: Split | None = None,
) -> Iterator[Page]:  # fmt: skip
    """Yield the pages of one phase. `then`: where to resume once the phase is read whole (None: the walk has ended).

    With fewer ranges left than could be in flight, and none that tells only when read what there is, the next walk may begin.
    """
    for landing in walk(fetch, ranges, in_flight=in_flight, split=split):
        growing = any((part.hint or {}).get("top") is not None for part in landing.remaining)
        frame.link.http.has_room = not growing and len(landing.remaining) < frame.in_flight
        left = [[part.low, part.high, part.hint] for part in landing.remaining]
        yield frame.page(records(landing.rows), {"phase": phase, "ranges": left} if left else then)


def ranges_of(resume: Payload | None, phase: str) -> list[Range] | None:
    """Return the ranges an interrupted phase has left, None when that phase was not under way."""
    if not resume or resume.get("phase") != phase:
        return None
    return [Range(low, high, hint) for low, high, hint in resume.get("ranges", [])]
