"""Operations: what people and apps ask for is kept here, and becomes source records of the app's own connection.

What belongs here: looking up what operations name, the rows of the app, set by set in the caller's transaction. What may be
asked is decided by `model/operations.py`, what comes of it by `stages/edits.py`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

import orjson
from sqlalchemy import Connection

from crm_pipeline.database.copy import copy_rows
from crm_pipeline.database.queries import queries
from crm_pipeline.database.rows import json_text
from crm_pipeline.database.templates import WITH_MARKERS, child_columns, child_statement, fill, source_columns, source_statement
from crm_pipeline.model.entities import CHILDREN, COLUMNS, Child
from crm_pipeline.model.rules import APP
from crm_pipeline.model.writing import ORIGINATOR

DOOR_CLASS = 0x435250
"""First key of the advisory lock that uploads take one after the other."""
NUMBERS = ("amount", "price")
LOGGED = ("connection_id", "entity", "external_id", "field", "old_value", "new_value", "changed_at")


@dataclass(frozen=True, slots=True)
class Known:
    """An operation that came before."""

    id: str
    actor: str
    request: Any
    status: str
    reason: str | None
    golden_id: str | None
    record: str | None
    entity: str


@dataclass(frozen=True, slots=True)
class Sides:
    """The connections: name → (id, crm, direction), and the id of the app's own."""

    app: int
    crms: Mapping[str, tuple[int, str, str]]


@dataclass(frozen=True, slots=True)
class Laid:
    """What is there of a golden record. All values as JSON holds them, amounts as texts."""

    golden: dict[str, Any] | None
    app: dict[str, Any] | None
    """The app's own row, by its source columns."""
    connections: frozenset[int]
    """Connections to CRMs that have it."""


@dataclass(frozen=True, slots=True)
class AppRow:
    """A source record of the app as it is to be: source column → value, child table → rows."""

    golden_id: str
    values: Mapping[str, Any]
    children: Mapping[str, Sequence[Mapping[str, Any]]]
    created_at: datetime | None
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Current:
    """What holds true of a golden record after reconciling."""

    values: dict[str, Any]
    provenance: dict[str, Any]
    open_fields: dict[str, int]
    """Group of fields → the open conflict about it."""


def _run(db: Connection, statement: str, **values: Any) -> Any:
    return db.exec_driver_sql(statement, values) if values else db.exec_driver_sql(statement)


def _ask(db: Connection, name: str, **values: Any) -> Any:
    return _run(db, queries("operations")[name], **values)


@cache
def _statement(name: str, entity: str) -> str:
    has_marker = entity in WITH_MARKERS
    return fill(
        queries("operations")[name],
        golden_numbers=_numbers("g", entity),
        source_numbers=_numbers("s", entity),
        marker_columns=", originator_id, origin_id" if has_marker else "",
        marker_values=f", '{ORIGINATOR}', id::text" if has_marker else "",
        entity=entity,
    )


def _numbers(alias: str, entity: str) -> str:
    named = ", ".join(f"'{column}', trim_scale({alias}.{column})::text" for column in NUMBERS if column in COLUMNS[entity])
    return f"jsonb_build_object({named})"


# What is there --------------------------------------------------------------------------------------------------------


def one_door(db: Connection) -> None:
    """Wait for the uploads before this one; the next waits until the transaction ends."""
    _ask(db, "one_door", **{"class": DOOR_CLASS})


def known(db: Connection, ids: Sequence[str]) -> dict[str, Known]:
    """Return operation id → what became of it, of those that came before."""
    return {row[0]: Known(*row) for row in _ask(db, "known", ids=list(ids))}


def temporary(db: Connection, actor: str, records: Iterable[str]) -> dict[str, tuple[str, str, str]]:
    """Return temporary id → golden id, operation that made it, entity; of what this actor made before."""
    return {row[0]: (row[1], row[2], row[3]) for row in _ask(db, "temporary", actor=actor, records=list(records))}


def find(db: Connection, entity: str, ids: Iterable[str]) -> dict[str, tuple[str, bool]]:
    """Return id → golden id it stands for by now, and whether that is deleted; of those there are."""
    rows = _run(db, _statement("find", entity), ids=list(ids))
    return {row[0]: (row[1], bool(row[2])) for row in rows}


def stages(db: Connection, ids: Iterable[str]) -> dict[str, tuple[str | None, str | None]]:
    """Return stage → pipeline and category."""
    return {row[0]: (row[1], row[2]) for row in _ask(db, "stages", ids=list(ids))}


def sides(db: Connection) -> Sides:
    """Return the connections."""
    rows = _ask(db, "connections").all()
    app = next(row[0] for row in rows if row[2] == APP)
    return Sides(app, {row[1]: (row[0], row[2], row[3]) for row in rows if row[2] != APP})


def lay(db: Connection, app: int, entity: str, ids: Iterable[str]) -> dict[str, Laid]:
    """Return golden id → what is there of it."""
    rows = _run(db, _statement("lay", entity), app=app, ids=list(ids))
    return {row[0]: Laid(row[1], row[2], frozenset(row[3])) for row in rows}


def children(db: Connection, app: int, entity: str, ids: Iterable[str]) -> dict[str, dict[str, list[dict[str, Any]]]]:
    """Return golden id → child table → the app's rows."""
    found: dict[str, dict[str, list[dict[str, Any]]]] = {id_: {} for id_ in ids}
    for child in CHILDREN.get(entity, ()):
        and_entity = f"AND x.entity = '{entity}'" if child.table == "contact_points" else ""
        statement = fill(queries("operations")["lay_children"], table=child.table, parent=child.parent, and_entity=and_entity)
        for parent, row in _run(db, statement, app=app, ids=list(found)):
            found[parent].setdefault(child.table, []).append(row)
    return found


def points(db: Connection, entity: str, ids: Iterable[str]) -> dict[str, list[dict[str, Any]]]:
    """Return golden id → its contact points."""
    found: dict[str, list[dict[str, Any]]] = {}
    for golden_id, kind, value, label, is_primary in _ask(db, "points", entity=entity, ids=list(ids)):
        found.setdefault(golden_id, []).append({"kind": kind, "value": value, "label": label, "is_primary": is_primary})
    return found


def changed_since(db: Connection, app: int, entity: str, versions: Sequence[tuple[int, str, datetime]]) -> set[tuple[int, str]]:
    """Return (number, source column) of fields that were changed in a CRM since (number, golden id, version)."""
    if not versions:
        return set()
    numbers, ids, times = map(list, zip(*versions, strict=True))
    rows = _ask(db, "changed_since", app=app, entity=entity, n=numbers, ids=ids, versions=times)
    return {(row[0], row[1]) for row in rows}


def external_ids(db: Connection, app: int, entity: str, ids: Iterable[str]) -> dict[tuple[str, int], str]:
    """Return (golden id, connection) → external id."""
    return {(row[0], row[1]): row[2] for row in _run(db, _statement("external_ids", entity), app=app, ids=list(ids))}


def coming(db: Connection, entity: str, ids: Iterable[str]) -> set[tuple[str, int]]:
    """Return (golden id, connection) of records that wait to be created there."""
    return {(row[0], row[1]) for row in _ask(db, "coming", entity=entity, ids=list(ids))}


# What is written ------------------------------------------------------------------------------------------------------


def hold(db: Connection, records: Iterable[tuple[str, str]]) -> None:
    """Have golden records (entity, id) rebuilt, after this transaction and not before."""
    listed = sorted(set(records))
    if listed:
        entities, ids = map(list, zip(*listed, strict=True))
        _ask(db, "hold", entities=entities, ids=ids)


def are_waiting(db: Connection, app: int, records: Iterable[tuple[str, str]]) -> bool:
    """Return whether golden records (entity, id) still wait to be reconciled, once others who are at it have ended."""
    entities, ids = map(list, zip(*sorted(set(records)), strict=True))
    unmatched = _ask(db, "unmatched", entities=entities, ids=ids, app=app).scalar_one()
    return bool(unmatched or _ask(db, "unbuilt", entities=entities, ids=ids).scalar_one())


def keep(db: Connection, actor: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """Keep operations: id, entity, action, golden_id, record, request, status, reason."""
    if rows:
        _ask(db, "keep", actor=actor, rows=json_text(rows))


def answer(db: Connection, answers: Sequence[tuple[str, str, str | None]]) -> None:
    """Keep (operation, status, reason)."""
    if answers:
        ids, statuses, reasons = map(list, zip(*answers, strict=True))
        _ask(db, "answer", ids=ids, statuses=statuses, reasons=reasons)


def refer(db: Connection, app: int, entity: str, ids: Iterable[str]) -> None:
    """Have the app know golden records its rows refer to."""
    listed = list(ids)
    if listed:
        _run(db, _statement("refer", entity), app=app, ids=listed)
        _run(db, _statement("cross", entity), app=app, ids=listed)


def put(db: Connection, app: int, entity: str, rows: Sequence[AppRow]) -> None:
    """Bring rows of the app in, with the children they come with, and tell the crosswalk of new ones."""
    if not rows:
        return
    _run(db, source_statement("make_incoming", entity))
    copy_rows(db, f"incoming_{entity}", (*source_columns(entity)[:-1], "replaced"), (_line(app, entity, row) for row in rows))
    _run(db, source_statement("upsert", entity))
    for child in CHILDREN.get(entity, ()):
        _put_children(db, app, entity, child, rows)
    _run(db, _statement("cross", entity), app=app, ids=[row.golden_id for row in rows])


def _put_children(db: Connection, app: int, entity: str, child: Child, rows: Sequence[AppRow]) -> None:
    _run(db, child_statement("make_incoming_child", entity, child))
    lines = (_child_line(app, child, row.golden_id, one) for row in rows for one in row.children.get(child.table, ()))
    copy_rows(db, f"incoming_{child.table}", child_columns(child), lines)
    _run(db, child_statement("remove_children", entity, child))
    _run(db, child_statement("upsert_children", entity, child))


def _line(app: int, entity: str, row: AppRow) -> list[Any]:
    markers = (ORIGINATOR, row.golden_id) if entity in WITH_MARKERS else ()
    values = [row.values.get(column) for column in COLUMNS[entity]]
    return [app, row.golden_id, row.golden_id, *values, *markers, {}, row.created_at, row.updated_at, list(row.children)]


def _child_line(app: int, child: Child, golden_id: str, one: Mapping[str, Any]) -> list[Any]:
    of_entity = (one["entity"],) if child.table == "contact_points" else ()
    return [app, *of_entity, golden_id, *(one.get(column) for column in child.columns)]


def log(db: Connection, rows: Iterable[tuple[str, str, str, Any, Any, datetime]], app: int) -> None:
    """Note changes the app made: entity, golden id, field, old value, new value, when."""
    lines = ((app, entity, golden_id, field, _json(old), _json(new), at) for entity, golden_id, field, old, new, at in rows)
    copy_rows(db, "source.field_changes", LOGGED, lines)


def _json(value: Any) -> bytes | None:
    return None if value is None else orjson.dumps(value)


# What became of it ----------------------------------------------------------------------------------------------------


def carry(db: Connection, ids: Iterable[str]) -> None:
    """Note that creates which still wait carry these operations about their records, too."""
    _ask(db, "carry", ids=list(ids))


def changes(db: Connection, ids: Iterable[str]) -> dict[str, list[int]]:
    """Return operation → ids of the outgoing changes that carry it."""
    found: dict[str, list[int]] = {}
    for operation, change in _ask(db, "changes", ids=list(ids)):
        found.setdefault(operation, []).append(change)
    return found


def current(db: Connection, entity: str, ids: Iterable[str]) -> dict[str, Current]:
    """Return golden id → what holds true of it now."""
    return {row[0]: Current(row[1], row[2], row[3]) for row in _run(db, _statement("current", entity), ids=list(ids))}
