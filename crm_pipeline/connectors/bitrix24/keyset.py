"""Reading one list by id: chains of pages in one batch, several ranges in flight, never past the first short page.

A page is the first fifty rows above an id, in id order; the next command of the batch takes its id from the page before
(`$result[p0][items][49][id]`). After a short page the reference cannot be resolved and servers answer anything, so reading
stops there (facts: bitrix24 3.2, 3.3). Rows may be inserted, deleted or change while this runs: no row above an id moves
because of it. What belongs here: one listing. Which listings make up a stream is in `walks`.
"""

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from crm_pipeline.connectors.bitrix24.brackets import Reference
from crm_pipeline.connectors.bitrix24.client import Client
from crm_pipeline.connectors.bitrix24.payloads import PAGE, Listing, Params
from crm_pipeline.connectors.bitrix24.replies import Command, Reply
from crm_pipeline.connectors.bitrix24.times import Span
from crm_pipeline.errors import CrmUnavailable, ImplausibleWalk
from crm_pipeline.walk import Range, Step

EVERYTHING = 2**53 - 1
"""The end of a range without one."""
PATIENCE = 3
"""How often an end that cannot be the end is asked for again."""
SLOW_SECONDS = 10.0
"""A request is cut off after a minute (facts: bitrix24 2.3) and given up earlier here: slow batches are made shorter in time."""

TOP = "top"


@dataclass(frozen=True, slots=True)
class Hint:
    """What a range knows of itself: pages to ask for (0: ask for the last id too), that last id, tries without progress."""

    pages: int = 0
    top: int = 0
    tries: int = 0

    @classmethod
    def read(cls, written: Any) -> "Hint":
        """Read what `Range.hint` holds: a list of three numbers, for it is kept as JSON."""
        return cls(*written) if written else cls()

    def write(self) -> list[int]:
        """Return the JSON-able form."""
        return [self.pages, self.top, self.tries]


def whole() -> Range:
    """Return the range a fresh walk begins with."""
    return Range(0, EVERYTHING, Hint().write())


class KeysetReader:
    """Reads ranges of one listing within a span of modification times. Its `step` may run in several threads."""

    def __init__(self, client: Client, listing: Listing, span: Span | None = None):
        self._client = client
        self.listing = listing
        self._span = span
        self._lock = threading.Lock()
        self.longest = listing.chain

    def step(self, asked: Range) -> tuple[list[Params], Step]:
        """Read the pages the range's hint asks for; return the rows and, as a `Step`, the ranges that remain."""
        hint = Hint.read(asked.hint)
        form = self._span.form if self._span else ""
        replies = self._ask(asked, hint)
        if self._span:
            self._span.offset = self._client.offset
        if TOP in replies:
            hint = Hint(hint.pages, self._top(replies.pop(TOP)), hint.tries)
        rows, ended = self._rows(replies, asked)
        if self._span and not self._span.honoured(rows, self.listing, form):
            return [], Step((), (Range(asked.low, asked.high, Hint(hint.pages, hint.top, hint.tries).write()),))
        kept = self._span.kept(rows, self.listing) if self._span else rows
        return kept, Step((), self._rest(asked, hint, rows, ended))

    def split(self, waiting: Range) -> tuple[Range, ...]:
        """Halve a range an idle worker could help with: only where at least two full batches are left."""
        hint = Hint.read(waiting.hint)
        high = min(waiting.high, hint.top) if hint.top else waiting.high
        if hint.pages < self.longest or high == EVERYTHING or high - waiting.low < 2 * PAGE * self.longest:
            return (waiting,)
        middle = (waiting.low + high) // 2
        lower = Range(waiting.low, middle, Hint(hint.pages).write())
        return lower, Range(middle + 1, waiting.high, hint.write())

    def _ask(self, asked: Range, hint: Hint) -> dict[str, Reply]:
        pages = max(1, min(hint.pages, self.longest))
        try:
            replies = self._client.batch(self._commands(asked, pages, with_top=not hint.pages), chained=True)
        except CrmUnavailable:
            if pages == 1:
                raise
            self._shorten(pages // 4)
            return self._client.batch(self._commands(asked, self.longest, with_top=False), chained=True)
        if self._client.seconds > SLOW_SECONDS:
            self._shorten(pages // 2)
        return replies

    def _shorten(self, pages: int) -> None:
        with self._lock:
            self.longest = max(1, min(self.longest, pages))

    def _commands(self, asked: Range, pages: int, *, with_top: bool) -> dict[str, Command]:
        first = self._filters(asked, asked.low - 1)
        commands = {"p0": self._command(first)}
        if with_top:
            commands[TOP] = (self.listing.call, self.listing.parameters(first, descending=True))
        path = f"[{self.listing.path}]" if self.listing.path else ""
        for page in range(1, pages):
            last = Reference(f"$result[p{page - 1}]{path}[{PAGE - 1}][{self.listing.row_id}]")
            commands[f"p{page}"] = self._command(self._filters(asked, last))
        return commands

    def _command(self, filters: Params) -> Command:
        return self.listing.call, self.listing.parameters(filters)

    def _filters(self, asked: Range, above: int | Reference) -> Params:
        name = self.listing.id
        low: Params = {f">{name}": above} if isinstance(above, Reference) or above > 0 else {}
        high: Params = {f"<={name}": asked.high} if asked.high != EVERYTHING else {}
        return low | high | (self._span.filters(self.listing) if self._span else {})

    def _top(self, reply: Reply) -> int:
        rows = self.listing.rows(reply.or_raise(self.listing.call))
        return max((self._id(row) for row in rows), default=0)

    def _rows(self, replies: dict[str, Reply], asked: Range) -> tuple[list[Params], bool]:
        """Return the rows up to the first page that ends the list or goes astray, and whether it ended."""
        rows: list[Params] = []
        last = asked.low - 1
        for number, reply in enumerate(replies.values()):
            if number and reply.ruled:
                return rows, False
            page = self.listing.rows(reply.or_raise(self.listing.call))
            ids = [self._id(row) for row in page]
            if ids and (ids[0] <= last or any(a >= b for a, b in pairwise(ids))):
                return rows, self._astray(number)
            rows += [row for row, found in zip(page, ids, strict=True) if found <= asked.high]
            last = ids[-1] if ids else last
            if last > asked.high or (len(page) < PAGE and not (page and reply.next)):
                return rows, True
        return rows, False

    def _astray(self, number: int) -> bool:
        """A page that repeats ids: behind a full page the reference was not understood, so ask singly; at the front, give up."""
        if number == 0:
            raise ImplausibleWalk(
                f"{self.listing.call} does not honour the id filter or the order by id: walking it would lose rows."
            )
        self._shorten(1)
        return False

    def _id(self, row: Params) -> int:
        try:
            return int(row[self.listing.row_id])
        except (KeyError, TypeError, ValueError):
            raise ImplausibleWalk(f"{self.listing.call} answers with rows that have no {self.listing.row_id}.") from None

    def _rest(self, asked: Range, hint: Hint, rows: Sequence[Params], ended: bool) -> tuple[Range, ...]:
        """Return what remains of a range after these rows; an end below the last known id is not believed at once."""
        last = self._id(rows[-1]) if rows else asked.low - 1
        if last >= asked.high:
            return ()
        if not ended:
            return (Range(last + 1, asked.high, Hint(self._pages(asked, hint, rows, last), hint.top).write()),)
        if hint.top > max(last, 0):
            return (Range(last + 1, asked.high, Hint(0, 0, self._tried(hint, rows)).write()),)
        if not hint.pages or not rows or asked.high == EVERYTHING:
            return ()
        return (Range(last + 1, asked.high, Hint(1).write()),)

    def _tried(self, hint: Hint, rows: Sequence[Params]) -> int:
        tries = 0 if rows else hint.tries + 1
        if tries > PATIENCE:
            raise ImplausibleWalk(f"{self.listing.call} ends before its last row; nothing was deleted, walk again.")
        return tries

    def _pages(self, asked: Range, hint: Hint, rows: Sequence[Params], last: int) -> int:
        """Return how many pages the rest probably holds: pages asked beyond its end cost operating time for nothing."""
        end = min(asked.high, hint.top) if hint.top else asked.high
        if end == EVERYTHING or not rows:
            return self.longest
        per_id = len(rows) / max(1, last - self._id(rows[0]) + 1)
        return max(1, min(self.longest, int((end - last) * per_id / PAGE) + 1))
