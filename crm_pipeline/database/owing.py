"""What two-way connections are owed: how the golden records of a batch, and what their sides say, are read for it.

What belongs here: the statements of `owing.sql`, within a batch that `golden.py` has laid out and written. What is owed is
decided by `stages/owe.py`, and queued by `outgoing.py`.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

import orjson
from sqlalchemy import Connection

from crm_pipeline.database.golden_statements import column_groups, json_value
from crm_pipeline.database.queries import queries
from crm_pipeline.database.templates import fill
from crm_pipeline.model.entities import COLUMNS
from crm_pipeline.model.golden import REFERENCES, golden_name, is_reference, shared_columns
from crm_pipeline.model.owing import NEVER_WRITTEN
from crm_pipeline.model.writing import POINT_SETS

WITH_POINTS = ("contacts", "companies")
LINKS = {"contacts": {"companies": "contact_links"}, "deals": {"contacts": "deal_contacts", "products": "deal_products"}}
"""Entity → field that holds links → the statement that lists them."""
NOT_REPORTED = ("pipeline_id",)
"""References the report leaves out: where a deal's stage belongs goes without saying."""


class Target(NamedTuple):
    """A connection that is written to."""

    id: int
    name: str
    crm: str
    account: dict[str, Any]


class Differing(NamedTuple):
    """A record of a connection that says something else than its golden record."""

    connection_id: int
    golden_id: str
    external_id: str


class Said(NamedTuple):
    """What one side says, golden column → value."""

    connection_id: int
    external_id: str
    label: str
    values: dict[str, Any]


class Requested(NamedTuple):
    """An operation somebody asked for."""

    id: str
    action: str
    fields: dict[str, Any]


@dataclass(frozen=True, slots=True)
class GoldenRecord:
    """A golden record as changes carry it: golden column or list → JSON value."""

    values: dict[str, Any]
    provenance: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Missing:
    """A golden record that records of a two-way connection refer to, and of which it has no counterpart."""

    connection: str
    entity: str
    field: str
    missing: str
    records: int


def targets(db: Connection, only: Sequence[str] | None = None) -> list[Target]:
    """Return the connections that are written to. `only`: these, as if they were."""
    return [Target(*row) for row in db.exec_driver_sql(queries("owing")["targets"], {"only": only and list(only)})]


def differing(db: Connection, entity: str, connections: Sequence[int]) -> list[Differing]:
    """Return the records of the batch that are not as golden: per golden record those with the smallest ids first."""
    return [Differing(*row) for row in _run(db, "differing", entity, connections=list(connections))]


def creatable(db: Connection, entity: str, connections: Sequence[int], by_rule: Sequence[int]) -> list[tuple[int, str]]:
    """Return (connection id, golden id) of the records of the batch that are to be created there."""
    rows = _run(db, "creatable", entity, connections=list(connections), by_rule=list(by_rule))
    return [(row[0], row[1]) for row in rows]


def waiting(db: Connection, entity: str, connections: Sequence[int]) -> list[tuple[int, str]]:
    """Return (connection id, golden id) of records of the batch with changes that have not ended."""
    return [(row[0], row[1]) for row in _run(db, "waiting", entity, connections=list(connections))]


def golden(db: Connection, entity: str, ids: Iterable[str]) -> dict[str, GoldenRecord]:
    """Return golden id → record, with its lists and links."""
    rows = _run(db, "golden", entity, ids=list(ids))
    return {row[0]: GoldenRecord(orjson.loads(row[1]), row[2]) for row in rows}


def sides(db: Connection, entity: str, ids: Iterable[str]) -> dict[str, list[Said]]:
    """Return golden id → what its sides say."""
    found: dict[str, list[Said]] = {}
    for golden_id, connection_id, external_id, label, values in _run(db, "sides", entity, ids=list(ids)):
        found.setdefault(golden_id, []).append(Said(connection_id, external_id, label, orjson.loads(values)))
    return found


def open_groups(db: Connection, entity: str, ids: Iterable[str]) -> set[tuple[str, str]]:
    """Return (golden id, group) of open conflicts."""
    return {(row[0], row[1]) for row in _run(db, "open_groups", entity, ids=list(ids))}


def operations(db: Connection, entity: str, ids: Iterable[str]) -> dict[str, list[Requested]]:
    """Return golden id → accepted operations, the latest first."""
    found: dict[str, list[Requested]] = {}
    for golden_id, operation_id, action, fields in _run(db, "operations", entity, ids=list(ids)):
        found.setdefault(golden_id, []).append(Requested(operation_id, action, fields or {}))
    return found


def missing_counterparts(
    db: Connection, entities: Mapping[str, Iterable[str]] | None = None, only: Sequence[str] | None = None
) -> Iterator[Missing]:
    """Yield what two-way connections have no counterpart of. entities: golden columns per entity; None: all references.

    only: these connections, as if they were two-way.
    """
    names = {"only": only and list(only)}
    for entity in COLUMNS if entities is None else entities:
        known = [column for column in COLUMNS[entity] if column in REFERENCES and entity not in ("stages", "stage_changes")]
        for column in known:
            if golden_name(column) not in NOT_REPORTED and (entities is None or golden_name(column) in set(entities[entity])):
                yield from (Missing(*row) for row in db.exec_driver_sql(_missing(entity, column), names))


def queue_of(db: Connection, connection_id: int, entities: Sequence[str]) -> None:
    """Have the golden records of a connection rebuilt."""
    db.exec_driver_sql(queries("owing")["queue_of"], {"connection_id": connection_id, "entities": list(entities)})


def count_of(db: Connection, connection_id: int, entities: Sequence[str]) -> int:
    """Return how many golden records a connection has."""
    values = {"connection_id": connection_id, "entities": list(entities)}
    return int(db.exec_driver_sql(queries("owing")["count_of"], values).scalar_one())


def _run(db: Connection, name: str, entity: str, **values: Any) -> Any:
    return db.exec_driver_sql(_statement(name, entity), values)


@cache
def _statement(name: str, entity: str) -> str:
    compared = [column for _, group in column_groups(entity) for column in group.fields if column not in NEVER_WRITTEN]
    alias = "s" if name == "sides" else "g"
    return fill(
        queries("owing")[name],
        side_columns=", ".join(f"s.{column}" for column in compared),
        golden_columns=", ".join(f"g.{column}" for column in compared),
        or_points=queries("owing")["differing_points"] if entity in WITH_POINTS else "",
        and_not_own="AND NOT g.is_own" if entity == "companies" else "",
        values=", ".join(_values(entity, alias)),
        entity=entity,
    )


def _values(entity: str, alias: str) -> Iterator[str]:
    for column in map(golden_name, shared_columns(entity)):
        yield f"'{column}', {json_value(f'{alias}.{column}', column)}"
    if alias == "g" and entity in WITH_POINTS:
        for name, kind in POINT_SETS.items():
            yield f"'{name}', {fill(queries('owing')['golden_points'], kind=kind)}"
    for name, statement in LINKS.get(entity, {}).items() if alias == "g" else ():
        yield f"'{name}', {queries('owing')[statement]}"


@cache
def _missing(entity: str, column: str) -> str:
    assert is_reference(column)
    to = REFERENCES[column]
    and_open = "AND n.category IS DISTINCT FROM 'won' AND n.category IS DISTINCT FROM 'lost'" if to == "stages" else ""
    return fill(
        queries("owing")["missing_counterparts"],
        field=golden_name(column), name="name", to=to, and_open=and_open, entity=entity,
    )  # fmt: skip
