"""Rows as clients see them: single reads at once, lists after the read lag. Knows what a row's parent is, not what rows mean."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from ..clock import Clock
from ..store import LIVE, PURGED, TRASHED, Store
from .answers import BASE
from .switches import AmoSwitches

Row = dict[str, Any]
ENTITIES = ("leads", "contacts", "companies")
SINGULAR = {"leads": "lead", "contacts": "contact", "companies": "company", "customers": "customer", "tasks": "task"}
PLURAL = {one: many for many, one in SINGULAR.items()}
NOTED = ("leads", "contacts", "companies", "customers")
LIMIT = 2**63  # ids are 64-bit; larger numbers are nobody's
LAGGING = frozenset({*ENTITIES, "tasks", *(f"{entity}_notes" for entity in NOTED)})


@dataclass
class Pending:
    """A change that single reads see and lists do not yet."""

    visible_at: float
    row: Row
    deleted: int


def company_of(row: Row) -> str:
    """Answer the parent of a lead or contact: its company's id, or nothing."""
    companies = row["_embedded"]["companies"]
    return str(companies[0]["id"]) if companies else ""


def target_of(row: Row) -> str:
    """Answer the parent of a task: "leads:7301", or nothing for a free task."""
    return f"{row['entity_type']}:{row['entity_id']}" if row.get("entity_id") else ""


PARENTS: dict[str, Callable[[Row], str]] = {"leads": company_of, "contacts": company_of, "tasks": target_of}
PARENTS |= {f"{entity}_notes": lambda row: str(row["entity_id"]) for entity in NOTED}


def parent_of(kind: str, row: Row) -> str:
    """Answer the `parent` column of a row."""
    return PARENTS[kind](row) if kind in PARENTS else ""


class Records:
    """Read and write the rows of one account."""

    def __init__(self, store: Store, clock: Clock, switches: AmoSwitches) -> None:
        self.store, self._clock, self._switches = store, clock, switches
        self.base = ""
        self._pending: dict[tuple[str, int], Pending] = {}

    # one row

    def get(self, kind: str, id: int) -> Row | None:
        """Answer a live row, newest version; None when missing, trashed or purged."""
        return self.any(kind, id) if self.state(kind, id) == LIVE else None

    def any(self, kind: str, id: int) -> Row | None:
        """Answer a row in whatever state."""
        pending = self._pending.get((kind, id))
        if pending is not None:
            return orjson.loads(orjson.dumps(pending.row))
        return self.store.get(kind, id)

    def state(self, kind: str, id: int) -> int | None:
        """Answer 0 live, 1 in the trash, 2 purged, None never existed."""
        if not -LIMIT <= id < LIMIT:
            return None
        pending = self._pending.get((kind, id))
        return pending.deleted if pending is not None else self.store.state(kind, id)

    def save(self, kind: str, row: Row, deleted: int = LIVE) -> Row:
        """Keep a row; lists show it after the read lag."""
        pending = Pending(self._clock.now() + self._switches.read_lag, row, deleted)
        if self._switches.read_lag > 0 and kind in LAGGING:
            self._pending[kind, row["id"]] = pending
        else:
            self._pending.pop((kind, row["id"]), None)
            self._write(kind, pending)
        return row

    def trash(self, kind: str, row: Row) -> None:
        self.save(kind, row, TRASHED)

    def purge(self, kind: str, row: Row) -> None:
        self.save(kind, row, PURGED)

    def next_id(self, kind: str) -> int:
        return self.store.next_id(kind)

    # lists

    def settle(self) -> None:
        """Let lists see every change whose lag is over."""
        if not self._pending:
            return
        now = self._clock.now()
        for key in [key for key, pending in self._pending.items() if pending.visible_at <= now]:
            self._write(key[0], self._pending.pop(key))

    def select(
        self,
        kind: str,
        where: str = "",
        args: Sequence[Any] = (),
        order: str = "id",
        limit: int | None = None,
        offset: int = 0,
        deleted: int | None = LIVE,
    ) -> list[tuple[int, str]]:
        """Answer (id, body text) as a list shows it."""
        self.settle()
        return self.store.select(kind, where, args, order, limit, offset, deleted)

    def rows(
        self, kind: str, where: str = "", args: Sequence[Any] = (), order: str = "id", deleted: int | None = LIVE
    ) -> list[Row]:
        """Answer parsed rows as a list shows them; for small kinds and narrow conditions."""
        return [orjson.loads(body) for _, body in self.select(kind, where, args, order, deleted=deleted)]

    def count(self, kind: str, where: str = "", args: Sequence[Any] = ()) -> int:
        self.settle()
        return self.store.count(kind, where, args)

    def text(self, row: Row) -> str:
        """Answer a row as it is stored: JSON with this server's own address in its links."""
        return orjson.dumps(row).decode().replace(BASE, self.base)

    def write(self, kind: str, id: int, row: Row, deleted: int = LIVE, parent: str = "") -> None:
        """Store a row under a number, past any lag."""
        created = row.get("created_at") or 0
        updated = row.get("updated_at") or created
        self.store.put_text(kind, self.text(row), id=id, created=created, updated=updated, deleted=deleted, parent=parent)

    def _write(self, kind: str, pending: Pending) -> None:
        self.write(kind, pending.row["id"], pending.row, pending.deleted, parent_of(kind, pending.row))
