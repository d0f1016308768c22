"""Six accounts whose records are edited directly in `source.*`, through the landing code, without a server in between.

What belongs here: edits, and what matching and choosing must come to by a second, slow way that shares only the rules with
the engine. No assertions.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Engine

from crm_pipeline.database.landing import Landing, speller
from crm_pipeline.model.matching import Edge, resolve
from crm_pipeline.model.names import PersonName, contradiction
from crm_pipeline.model.records import SourceRecord
from crm_pipeline.model.rules import MAX_SHARING, Rules
from crm_pipeline.settings import Settings

START = datetime(2026, 3, 1, 9, tzinfo=UTC)
ACCOUNTS = ("amo-1", "amo-2", "amo-3", "portal-1", "portal-2", "portal-3")
Ref = tuple[str, str]
"""Connection and external id."""


def empty(db: Connection, tables: Iterable[str]) -> None:
    """Take everything out of tables. They hold little: deleting rows is many times faster than making new files for each."""
    db.exec_driver_sql("SET LOCAL session_replication_role = replica")
    db.exec_driver_sql("; ".join(f"DELETE FROM {table}" for table in tables))
    db.exec_driver_sql("SET LOCAL session_replication_role = origin")


@dataclass
class Ledger:
    """What the accounts hold, in the database and as plain values."""

    engine: Engine
    rules: Rules = field(default_factory=Rules.default)
    settings: Settings = field(default_factory=lambda: Settings(_env_file=None))
    connectors: dict[str, Any] = field(default_factory=dict)
    ids: dict[str, int] = field(default_factory=dict)
    live: dict[Ref, dict[str, Any]] = field(default_factory=dict)
    clock: datetime = START

    def open_accounts(self) -> None:
        """Make the connections."""
        with self.engine.begin() as db:
            for name in ACCOUNTS:
                crm = "amocrm" if name.startswith("amo") else "bitrix24"
                values = (crm, name, f"https://{name}.example")
                found = db.exec_driver_sql(
                    "INSERT INTO sync.connections (crm, name, base_url) VALUES (%s, %s, %s) RETURNING id", values
                )
                self.ids[name] = found.scalar_one()

    def put(self, ref: Ref, *, at: datetime | None = None, **values: Any) -> None:
        """Create a contact or change some of its values: name, position, phone, email, tags."""
        self.clock += timedelta(minutes=1)
        now = {**self.live.get(ref, {}), **values}
        self.live[ref] = now
        points = tuple(
            {"kind": kind, "value": now[kind], "original": now[kind], "is_primary": True, "position": 0}
            for kind in ("phone", "email") if now.get(kind)
        )  # fmt: skip
        columns = {"name": now.get("name"), "position": now.get("position"), "tags": now.get("tags") or []}
        record = SourceRecord("contacts", ref[1], columns, START, at or self.clock, children={"contact_points": points})
        landing = Landing(self.ids[ref[0]])
        with self.engine.begin() as db:
            landing.save_changed(db, "contacts", [speller(self.ids[ref[0]], "contacts").spell(record)])
            landing.owe_reconciling(db, "contacts", [ref[1]])

    def land(self, entity: str, ref: Ref, *, at: datetime | None = None, **values: Any) -> None:
        """Land a record of any entity; `children`, `custom_fields` and markers among the values go where they belong."""
        self.clock += timedelta(minutes=1)
        children, custom = values.pop("children", {}), values.pop("custom_fields", {})
        record = SourceRecord(entity, ref[1], values, START, at or self.clock, custom, children)
        landing = Landing(self.ids[ref[0]])
        with self.engine.begin() as db:
            landing.save_changed(db, entity, [speller(self.ids[ref[0]], entity).spell(record)])
            landing.owe_reconciling(db, entity, [ref[1]])

    def rows(self, query: str, *values: Any) -> list[Any]:
        """Return the rows of a query as tuples."""
        with self.engine.connect() as db:
            return [tuple(row) for row in db.exec_driver_sql(query, values or None)]

    def delete(self, ref: Ref) -> None:
        """Delete a contact in its CRM."""
        if self.live.pop(ref, None) is None:
            return
        landing = Landing(self.ids[ref[0]])
        with self.engine.begin() as db:
            landing.owe_reconciling(db, "contacts", landing.bury(db, "contacts", [(ref[1], self.clock)]))

    def groups(self) -> set[frozenset[Ref]]:
        """Return which contacts are one, worked out from the whole in plain Python."""
        refs = sorted(self.live)
        number = {ref: at for at, ref in enumerate(refs, 1)}
        edges = [edge for kind in ("email", "phone") for edge in self._edges(kind, number)]
        found = resolve({number[ref]: self.ids[ref[0]] for ref in refs}, edges)
        return {frozenset(refs[record - 1] for record in cluster) for cluster in found.clusters}

    def _edges(self, kind: str, number: dict[Ref, int]) -> list[Edge]:
        sharers: dict[str, list[Ref]] = defaultdict(list)
        for ref, values in self.live.items():
            if values.get(kind):
                sharers[values[kind]].append(ref)
        return [
            Edge(*sorted((number[a], number[b])), kind, key, _against(self.live[a], self.live[b]))
            for key, refs in sharers.items() if all(len(same) <= MAX_SHARING for same in _of_connection(refs).values())
            for at, a in enumerate(sorted(refs)) for b in sorted(refs)[at + 1 :]
        ]  # fmt: skip


def _of_connection(refs: list[Ref]) -> dict[Any, list[Ref]]:
    found: dict[Any, list[Ref]] = defaultdict(list)
    for ref in refs:
        found[ref[0]].append(ref)
    return found


def _against(one: dict[str, Any], other: dict[str, Any]) -> str | None:
    if one.get("name") == other.get("name"):
        return None
    return contradiction(PersonName(one.get("name"), None, None, None), PersonName(other.get("name"), None, None, None))
