"""Custom field definitions as other files need them: found by id or code. Their endpoints are in custom_fields.py."""

from __future__ import annotations

from typing import Any

from .records import Records, Row


def fields_kind(owner: str) -> str:
    """Answer where definitions of an owner are kept: "leads" or "catalog_1209"."""
    return f"fields_{owner}"


class Fields:
    """The definitions of one owner."""

    def __init__(self, rows: list[Row]) -> None:
        self.rows = rows
        self._by_id = {row["id"]: row for row in rows}
        self._by_code = {row["code"]: row for row in rows if row["code"]}

    def find(self, key: Any) -> dict[str, Any] | None:
        """Find by id (int) or code (text); anything else finds nothing."""
        if isinstance(key, str):
            return self._by_code.get(key)
        return self._by_id.get(key) if isinstance(key, int) else None


class Definitions:
    """The definitions of one account, read once and again after every change."""

    def __init__(self, records: Records) -> None:
        self._records = records
        self._read: dict[str, Fields] = {}

    def of(self, owner: str) -> Fields:
        """Answer the fields of "leads", "contacts", "companies", "customers" or "catalog_<id>"."""
        if owner not in self._read:
            self._read[owner] = Fields(self._records.rows(fields_kind(owner)))
        return self._read[owner]

    def save(self, owner: str, row: Row, deleted: int = 0) -> None:
        self._records.save(fields_kind(owner), row, deleted)
        self._read.pop(owner, None)

    def forget(self) -> None:
        """Read everything again, after seeding."""
        self._read.clear()
