"""Who has a phone or e-mail: an index built when duplicates are first asked for, kept from then on (facts: bitrix24 4.11).

Entries may be stale; whoever follows one looks whether the record still has the value. Here: the index, not the method.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice
from typing import Any

import orjson

from crm_pipeline.sandbox.store import Store

Line = tuple[int, int, int, str, str]
KIND, CHUNK = "reach", 5_000
KINDS = {"contact": 0, "company": 1}
INDEXED = ("PHONE", "EMAIL")


def normal(type_id: str, text: str) -> str:
    """Return the form in which values are compared: digits of a phone, lower case of an e-mail."""
    return re.sub(r"\D", "", text) if type_id == "PHONE" else text.strip().lower()


class Reach:
    """The index of one portal."""

    def __init__(self, store: Store):
        self.store, self.built = store, False

    def note(self, kind: str, id: int, row: dict[str, Any]) -> None:
        """Enter the values of a record that is being saved; nothing is kept before the first question."""
        if self.built and kind in KINDS:
            self.store.put_many(KIND, self._lines(kind, id, row))

    def holders(self, kind: str, type_id: str, values: list[str]) -> list[int]:
        """List ids of live records of a kind that have one of the values, in id order."""
        self._build()
        wanted = {normal(type_id, value) for value in values}
        found: set[int] = set()
        for value in wanted:
            entries = self.store.select(KIND, "parent = ?", (f"{kind}:{type_id}:{value}",))
            found |= {int(body) for _, body in entries}
        return sorted(id for id in found if self._has(kind, id, type_id, wanted))

    def _has(self, kind: str, id: int, type_id: str, wanted: set[str]) -> bool:
        if self.store.state(kind, id) != 0:
            return False
        row = self.store.get(kind, id) or {}
        return any(normal(type_id, value["VALUE"]) in wanted for value in row.get(type_id, ()))

    def _build(self) -> None:
        if self.built:
            return
        self.built = True
        for kind in KINDS:
            lines = self._all(kind)
            while chunk := list(islice(lines, CHUNK)):
                self.store.put_many(KIND, chunk)

    def _all(self, kind: str) -> Iterator[Line]:
        for id, text in self.store.walk(kind):
            yield from self._lines(kind, id, orjson.loads(text))

    def _lines(self, kind: str, id: int, row: dict[str, Any]) -> Iterator[Line]:
        for type_id in INDEXED:
            for value in row.get(type_id, ()):
                yield int(value["ID"]), 0, 0, f"{kind}:{type_id}:{normal(type_id, value['VALUE'])}", str(id)
