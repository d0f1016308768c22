"""Golden records as clients read them: lists in pages, and one by one, each as JSON text made by Postgres.

What belongs here: what a record looks like, and the statements that read it. Who may read it belongs to `scopes.py`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import Engine

from crm_pipeline.database.queries import queries
from crm_pipeline.database.scopes import Sight
from crm_pipeline.database.templates import fill
from crm_pipeline.model.golden import golden_name, shared_columns

MONEY = ("amount", "price")
POINTED = ("contacts", "companies")
CHILDREN = {"contacts": ("companies_of_contact",), "deals": ("contacts_of_deal", "products_of_deal")}
SORTS = {
    "updated_at": "COALESCE(g.updated_at, '-infinity')",
    "created_at": "COALESCE(g.created_at, '-infinity')",
    "name": "COALESCE(g.name, '')",
    "title": "COALESCE(g.title, '')",
}
TYPES = {"updated_at": "timestamptz", "created_at": "timestamptz", "name": "text", "title": "text"}


@dataclass(frozen=True, slots=True)
class Asked:
    """Which records of an entity are asked for."""

    entity: str
    equal: Mapping[str, str]
    """Column → value."""
    updated_since: str | None = None
    sort: str = "updated_at"
    descending: bool = False
    after: tuple[str, str] | None = None
    """Sorted value and id of the last record of the page before."""
    limit: int = 100


@cache
def columns_of(entity: str) -> tuple[str, ...]:
    """Return the columns of a golden record that come from the CRMs."""
    return tuple(map(golden_name, shared_columns(entity)))


@cache
def record(entity: str, provenance: bool = False) -> str:
    """Return the SQL that makes a record of the row `g`."""
    spelled = [f"trim_scale(g.{name})::text AS {name}" if name in MONEY else f"g.{name}" for name in columns_of(entity)]
    points = "p.phones, p.emails, p.webs, " if entity in POINTED else ""
    return fill(
        queries("reading")["record"],
        columns=", ".join(spelled),
        children=points + " ".join(queries("reading")[name] for name in CHILDREN.get(entity, ())),
        provenance=", g.provenance" if provenance else "",
        **{"from": fill(queries("reading")["points"], entity=entity) if points else ""},
    )


def page(engine: Engine, sight: Sight, asked: Asked, *, provenance: bool = False) -> list[tuple[str, str, str]]:
    """Return a page of records: sorted value, id, JSON text. Raises DataError for values no column can hold."""
    way = "<" if asked.descending else ">"
    kind = TYPES[asked.sort]
    filters = [f"AND g.{name} = %(is_{name})s" for name in asked.equal]
    if asked.updated_since:
        filters.append("AND g.updated_at >= %(updated_since)s::timestamptz")
    text = fill(
        _seen(queries("reading")["list"], sight, asked.entity),
        dead="g.deleted_at IS NULL", filters=" ".join(filters), sort=SORTS[asked.sort],
        direction="DESC" if asked.descending else "ASC",
        after=f"AND ({SORTS[asked.sort]}, g.id) {way} (%(sorted)s::{kind}, %(last)s::uuid)" if asked.after else "",
        record=record(asked.entity, provenance), entity=asked.entity,
    )  # fmt: skip
    last = asked.after or (None, None)
    values: dict[str, Any] = {f"is_{name}": value for name, value in asked.equal.items()}
    values |= {
        "updated_since": asked.updated_since,
        "sorted": last[0],
        "last": last[1],
        "limit": asked.limit,
        "crm_users": sight.ids,
    }
    with engine.connect() as db:
        return [tuple(row) for row in db.exec_driver_sql(text, values)]


def one(engine: Engine, sight: Sight, entity: str, golden_id: str, *, provenance: bool = False) -> tuple[str, str, str] | None:
    """Return a living record: its id, the transaction that last changed it, JSON text. None: not there, or not to be seen."""
    text = fill(_seen(queries("reading")["one"], sight, entity), record=record(entity, provenance), entity=entity)
    with engine.connect() as db:
        row: Any = db.exec_driver_sql(text, {"id": golden_id, "crm_users": sight.ids}).first()
    return row and tuple(row)


def _seen(text: str, sight: Sight, entity: str) -> str:
    narrow = sight.narrows(entity)
    return fill(text, scope=queries("scopes")["visible"] if narrow else "", seen=queries("reading")["seen"] if narrow else "")
