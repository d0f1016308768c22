"""Applied changes of a period, record by record, for undoing them; and what the connections hold of those records now.

What belongs here: the statements of `undoing.sql`, inside the caller's transaction. What the inverse of a change is belongs to
`model/undoing.py`, queueing it to `outgoing.py`.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any

from sqlalchemy import Connection

from crm_pipeline.database.queries import queries
from crm_pipeline.database.templates import fill
from crm_pipeline.database.translating import held
from crm_pipeline.model.undoing import Applied

AT_ONCE = 2_000
"""Records taken at once."""
LINKS: Mapping[tuple[str, str], tuple[tuple[str, str, str], ...]] = {
    ("deals", "contacts"): (("deal_contacts", "deal_external_id", "contact_external_id"),),
    ("deals", "products"): (("deal_products", "deal_external_id", "product_external_id"),),
    ("deals", "companies"): (("deals", "external_id", "company_external_id"),),
    ("contacts", "companies"): (
        ("contact_companies", "contact_external_id", "company_external_id"), ("contacts", "external_id", "company_external_id"),
    ),
}  # fmt: skip
"""Entity, what it is linked with → the tables that say so, their column of the record and of the other."""


@dataclass(frozen=True, slots=True)
class Which:
    """Which applied changes are meant. None: whatever it is."""

    since: datetime
    until: datetime | None = None
    """Exclusive."""
    connection: str | None = None
    origin: str | None = None
    """As the change has it; `*` stands for anything."""
    entity: str | None = None


@dataclass(frozen=True, slots=True)
class Record:
    """One record of one connection that changes were applied to."""

    connection_id: int
    connection: str
    entity: str
    golden_id: str
    external_id: str


Page = list[tuple[Record, list[Applied]]]
"""Records with their changes, of each the newest first."""


def pages(db: Connection, which: Which) -> Iterator[Page]:
    """Yield what was applied, page by page; the record written to last comes first."""
    db.exec_driver_sql(queries("undoing")["choose"], _values(which))
    db.exec_driver_sql(queries("undoing")["index_chosen"])
    after = 0
    while page := _page(db, after):
        yield page
        after += AT_ONCE


def _values(which: Which) -> dict[str, Any]:
    origin = which.origin and which.origin.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_").replace("*", "%")
    return {
        "since": which.since, "until": which.until, "connection": which.connection, "entity": which.entity, "origin": origin,
    }  # fmt: skip


def _page(db: Connection, after: int) -> Page:
    rows = db.exec_driver_sql(queries("undoing")["page"], {"after": after, "size": AT_ONCE})
    return [_record(list(group)) for _, group in groupby(rows, key=lambda row: row.record)]


def _record(rows: list[Any]) -> tuple[Record, list[Applied]]:
    newest = rows[0]
    record = Record(newest.connection_id, newest.connection, newest.entity, newest.golden_id, newest.external_id)
    return record, [_applied(row) for row in rows]


def _applied(row: Any) -> Applied:
    return Applied(
        row.id, row.operation, row.fields, row.written or {}, row.overwrote, row.is_undone, frozenset(row.undone_fields),
        row.is_removed,
    )  # fmt: skip


def held_now(db: Connection, connection_id: int, entity: str, external_ids: Collection[str]) -> dict[str, dict[str, Any]]:
    """Return external id → what we know a connection holds now, without records that are gone."""
    statement = fill(queries("undoing")["living"], entity=entity)
    rows = db.exec_driver_sql(statement, {"connection_id": connection_id, "ids": list(external_ids)})
    return held(db, connection_id, entity, [row[0] for row in rows])


def linked_now(db: Connection, connection_id: int, entity: str, external_ids: Collection[str]) -> set[tuple[str, str, str]]:
    """Return (external id, field, golden id) of what records of a connection are linked with now."""
    values = {"connection_id": connection_id, "ids": list(external_ids)}
    return {
        (row[0], to, row[1])
        for (of, to), tables in LINKS.items() if of == entity
        for table, parent, column in tables
        for row in db.exec_driver_sql(fill(queries("undoing")["links"], table=table, parent=parent, column=column, to=to), values)
    }  # fmt: skip


def open_groups(db: Connection, entity: str, golden_ids: Collection[str]) -> set[tuple[str, str]]:
    """Return (golden id, group) of open conflicts."""
    rows = db.exec_driver_sql(queries("undoing")["open_groups"], {"entity": entity, "ids": list(golden_ids)})
    return {(row[0], row[1]) for row in rows}


def forget_links(db: Connection, entity: str, links: Iterable[tuple[str, str, str]]) -> None:
    """Have the app not say links any more: (golden id, field, golden id of the other)."""
    by_field: dict[str, list[tuple[str, str]]] = {}
    for record, name, linked in links:
        by_field.setdefault(name, []).append((record, linked))
    for name, pairs in by_field.items():
        table, parent, column = LINKS[entity, name][0]
        if table != entity:  # a company of a deal is a field of it, and goes back as one
            records, linked_ids = map(list, zip(*pairs, strict=True))
            statement = fill(queries("undoing")["forget_links"], table=table, parent=parent, column=column)
            db.exec_driver_sql(statement, {"records": records, "linked": linked_ids})
