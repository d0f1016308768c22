"""Golden records as clients read them: lists in pages, and one by one, each as JSON text made by Postgres.

What belongs here: what a record looks like, and the statements that read it. Who may read it belongs to `scopes.py`, what is
read with it to `including.py`.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import cache, lru_cache
from typing import Any

from sqlalchemy import Connection

from crm_pipeline.database.queries import queries
from crm_pipeline.database.scopes import Sight, seen_by_one
from crm_pipeline.database.templates import fill
from crm_pipeline.model.golden import golden_name, shared_columns
from crm_pipeline.model.searching import Sought

MONEY = ("amount", "price")
POINTED = ("contacts", "companies")
POINTS = ("phones", "emails", "webs")
CHILDREN = {"contacts": ("companies",), "deals": ("contacts", "products")}
LATER = ("custom_fields", "source_count", "created_at", "updated_at", "deleted_at")
ALWAYS = ("id", "version")
ORIGINS = "provenance"
SORTS = {
    "updated_at": "COALESCE(g.updated_at, '-infinity')",
    "created_at": "COALESCE(g.created_at, '-infinity')",
    "name": "COALESCE(g.name, '')",
    "title": "COALESCE(g.title, '')",
}
TYPES = {"updated_at": "timestamptz", "created_at": "timestamptz", "name": "text", "title": "text"}
SEARCHED = {
    "contacts": ("name", "first_name", "last_name", "middle_name"),
    "companies": ("name", "tax_id", "website"),
    "deals": ("title",),
    "tasks": ("title", "body"),
    "communications": ("body_text",),
    "products": ("name", "sku"),
}
"""Columns in which words are looked for: all words in one text of them together."""


@dataclass(frozen=True, slots=True)
class Shown:
    """Which part of a record is shown."""

    only: frozenset[str] | None = None
    """Names beside id and version; None: all but the provenance."""
    without: frozenset[str] = frozenset()
    """Names that are not shown even so."""


WHOLE = Shown()


@dataclass(frozen=True, slots=True)
class Asked:
    """Which records of an entity are asked for."""

    entity: str
    equal: Mapping[str, str]
    """Column → value."""
    updated_since: str | None = None
    sought: Sought | None = None
    sort: str = "updated_at"
    descending: bool = False
    after: tuple[str, str] | None = None
    """Sorted value and id of the last record of the page before."""
    limit: int = 100
    shown: Shown = field(default=WHOLE)


@cache
def columns_of(entity: str) -> tuple[str, ...]:
    """Return the columns of a golden record that come from the CRMs."""
    return tuple(map(golden_name, shared_columns(entity)))


@cache
def names_of(entity: str) -> tuple[str, ...]:
    """Return everything a record of an entity has, in its order, without its provenance."""
    points = POINTS if entity in POINTED else ()
    return ("id", *columns_of(entity), *points, *CHILDREN.get(entity, ()), *LATER, "version")


@cache
def _made(entity: str) -> dict[str, str]:
    """Return by name the SQL that makes it of the row `g`, and of its points `p`."""
    made = {name: f"g.{name}" for name in (*names_of(entity), ORIGINS)}
    made |= {name: f"trim_scale(g.{name})::text" for name in MONEY if name in made}
    made |= {name: f"p.{name}" for name in POINTS if name in made}
    made |= {name: queries("reading")[f"list_{name}_of_{entity}"] for name in CHILDREN.get(entity, ())}
    return made | {"version": "g.reconciled_at"}


@lru_cache(maxsize=512)
def record(entity: str, shown: Shown = WHOLE) -> str:
    """Return the SQL that makes a record of the row `g`."""
    wanted = names_of(entity) if shown.only is None else shown.only | set(ALWAYS)
    made = {name: text for name, text in _made(entity).items() if name in wanted and name not in shown.without}
    is_pointed = not made.keys().isdisjoint(POINTS)
    return fill(
        queries("reading")["record"],
        columns=", ".join(f"{text} AS {name}" for name, text in made.items()),
        **{"from": fill(queries("reading")["points"], entity=entity) if is_pointed else ""},
    )


def page(db: Connection, sight: Sight, asked: Asked) -> list[tuple[str, str, str]]:
    """Return a page of records: sorted value, id, JSON text. Raises DataError for values no column can hold."""
    way = "<" if asked.descending else ">"
    kind = TYPES[asked.sort]
    text = fill(
        seen(queries("reading")["list"], sight, asked.entity),
        dead="g.deleted_at IS NULL", filters=" ".join(_filters(asked)), sort=SORTS[asked.sort],
        direction="DESC" if asked.descending else "ASC",
        after=f"AND ({SORTS[asked.sort]}, g.id) {way} (%(sorted)s::{kind}, %(last)s::uuid)" if asked.after else "",
        record=record(asked.entity, asked.shown), entity=asked.entity,
    )  # fmt: skip
    last = asked.after or (None, None)
    values: dict[str, Any] = {f"is_{name}": value for name, value in asked.equal.items()}
    values |= {"updated_since": asked.updated_since, "sorted": last[0], "last": last[1], "limit": asked.limit}
    return [tuple(row) for row in db.exec_driver_sql(text, values | _sought(asked.sought) | {"crm_users": sight.ids})]


def _filters(asked: Asked) -> list[str]:
    filters = [f"AND g.{name} = %(is_{name})s" for name in asked.equal]
    if asked.updated_since:
        filters.append("AND g.updated_at >= %(updated_since)s::timestamptz")
    if asked.sought:
        filters.append(_found(asked.entity, asked.sought))
    return filters


def _found(entity: str, sought: Sought) -> str:
    """Return the condition of a search: a whole number or address is looked up by its index and nowhere else."""
    if entity in POINTED and (sought.phone or sought.email):
        return fill(queries("reading")["found_by_whole"], entity=entity)
    has_part = entity in POINTED and (sought.digits or sought.part)
    named = " || ' ' || ".join(f"COALESCE(g.{name}, '')" for name in SEARCHED[entity])
    return fill(
        queries("reading")["found"], named=named, points=queries("reading")["found_by_part"] if has_part else "", entity=entity
    )


def _sought(sought: Sought | None) -> dict[str, Any]:
    if sought is None:
        return {}
    return {
        "words": list(sought.words), "kind": "phone" if sought.phone or sought.digits else "email",
        "whole": sought.phone or sought.email, "part": sought.digits or sought.part,
    }  # fmt: skip


def one(db: Connection, sight: Sight, entity: str, golden_id: str, shown: Shown = WHOLE) -> tuple[str, str, str] | None:
    """Return a living record: its id, the transaction that last changed it, JSON text. None: not there, or not to be seen."""
    text = fill(seen(queries("reading")["one"], sight, entity), record=record(entity, shown), entity=entity)
    row: Any = db.exec_driver_sql(text, {"id": golden_id, "crm_users": sight.ids}).first()
    return row and tuple(row)


def visible(db: Connection, sight: Sight, entity: str, ids: Collection[str]) -> set[str]:
    """Return which of these records a caller sees."""
    if not sight.narrows(entity):
        return set(ids)
    text = fill(queries("reading")["visible"], scope=seen_by_one())
    return {row[0] for row in db.exec_driver_sql(text, {"entity": entity, "ids": list(ids), "crm_users": sight.ids})}


def seen(text: str, sight: Sight, entity: str, *, whole: bool = False) -> str:
    """Return a statement that reads what a caller sees. whole: it looks into that set again and again."""
    narrow = sight.narrows(entity)
    return fill(text, scope=seen_by_one(whole=whole) if narrow else "", seen=queries("reading")["seen"] if narrow else "")
