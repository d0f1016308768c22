"""Contacts, companies and deals as kept: classic text and crm.item text side by side, same id (facts: bitrix24 11.3).

Here: loading, saving, trash. What a change means (stages, events) is in changes.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import orjson

from crm_pipeline.sandbox.store import LIVE, PURGED, TRASHED, Store

from .faces import LINK_KEYS, Row, blank, item_face
from .moments import Moments
from .reach import Reach

MULTIFIELD_FLOOR = 900_000_000
SIGNPOST, SIGNPOSTS_EACH = "signpost", 32


def item_kind(kind: str) -> str:
    """Name the store's table of the crm.item texts."""
    return f"{kind}_item"


def signposts(record: Record) -> list[tuple[int, str]]:
    """List `(id, whom it names)` for a deal's links, so that the deals of a contact are found without reading all.

    A signpost may be stale; whoever follows it looks whether the deal still points there.
    """
    if record.kind != "deal":
        return []
    named = [f"contact:{number}" for number in record.links[: SIGNPOSTS_EACH - 1]]
    named += [f"company:{record.row['COMPANY_ID']}"] if record.row["COMPANY_ID"] else []
    return [(record.id * SIGNPOSTS_EACH + place, owner) for place, owner in enumerate(named)]


@dataclass
class Record:
    """One contact, company or deal: its classic row, the ids linked to it (main one first) and its times."""

    kind: str
    id: int
    row: Row
    links: list[int] = field(default_factory=list)
    created: int = 0
    updated: int = 0


class Records:
    """Load and save both faces of records."""

    def __init__(self, store: Store, moments: Moments):
        self.store, self.moments, self.reach = store, moments, Reach(store)

    def load(self, kind: str, id: int) -> Record | None:
        """Return a live record, or None."""
        return self._read(kind, id) if self.store.state(kind, id) == LIVE else None

    def trashed(self, kind: str, id: int) -> Record | None:
        """Return a record from the recycle bin, or None."""
        return self._read(kind, id) if self.store.state(kind, id) == TRASHED else None

    def new(self, kind: str, now: int) -> Record:
        """Return an empty record under a fresh id; nothing is saved yet."""
        return Record(kind, self.store.next_id(kind), blank(kind), [], now, now)

    def save(self, record: Record) -> None:
        """Write both faces; the row's id and times follow the record."""
        classic, item = self.texts(record)
        for table, text in ((record.kind, classic), (item_kind(record.kind), item)):
            self.store.put_text(table, text, id=record.id, created=record.created, updated=record.updated)
        self.reach.note(record.kind, record.id, record.row)
        for number, owner in signposts(record):
            self.store.put_text(SIGNPOST, "null", id=number, created=0, updated=0, parent=owner)

    def texts(self, record: Record) -> tuple[str, str]:
        """Return the classic and the crm.item JSON of a record."""
        iso = self.moments.iso
        stamps = {"ID": str(record.id), "DATE_CREATE": iso(record.created), "DATE_MODIFY": iso(record.updated)}
        record.row |= stamps
        face = item_face(record.kind, record.row, record.links)
        return orjson.dumps(record.row).decode(), orjson.dumps(face).decode()

    def trash(self, kind: str, id: int) -> None:
        """Hide a record in the recycle bin."""
        self._mark(kind, id, TRASHED)

    def purge(self, kind: str, id: int) -> None:
        """Remove a record for good."""
        self._mark(kind, id, PURGED)

    def revive(self, kind: str, id: int) -> None:
        """Take a record out of the recycle bin under its old id."""
        self._mark(kind, id, LIVE)

    def multifield_id(self) -> int:
        """Return an id no multi-field value had before: one counter over all records."""
        return self.store.next_id("multifield", MULTIFIELD_FLOOR)

    def every(self, kind: str) -> Iterator[Row]:
        """Yield the classic rows of all live records in id order."""
        return (orjson.loads(text) for _, text in self.store.walk(kind))

    def _read(self, kind: str, id: int) -> Record | None:
        row, face, times = self.store.get(kind, id), self.store.get(item_kind(kind), id), self.store.times(kind, id)
        if row is None or face is None or times is None:
            return None
        return Record(kind, id, row, face[LINK_KEYS[kind]], *times)

    def _mark(self, kind: str, id: int, state: int) -> None:
        for table in (kind, item_kind(kind)):
            self.store.mark(table, id, state)
