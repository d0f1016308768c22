"""What a plan's own transaction would have the CRMs written, and what it cannot write, before it is rolled back.

What belongs here: the statements of `planned_writes.sql`. The engine is run by `stages/plan.py`, why something cannot be written
is found by `stages/plan_writes.py`.
"""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection

from crm_pipeline.database import golden
from crm_pipeline.database.copy import copy_rows
from crm_pipeline.database.decisions import TITLES
from crm_pipeline.database.queries import queries
from crm_pipeline.database.templates import fill
from crm_pipeline.model.owing import NEVER_WRITTEN
from crm_pipeline.model.rules import Rules

NO_COUNTERPART, CANNOT_HOLD, REQUIRED, OPEN, WAITS = "no_counterpart", "cannot_hold", "required", "open_conflict", "waits"
UNSAID = [NO_COUNTERPART, CANNOT_HOLD, OPEN, WAITS]
"""Why a field is left out of a change that is made otherwise."""
FIRST = "00000000-0000-0000-0000-000000000000"
Found = dict[str, Any]


class Failing(NamedTuple):
    """One value that cannot be written."""

    connection_id: int
    entity: str
    golden_id: str
    external_id: str | None
    operation: str
    field: str
    code: str
    detail: str


class Scope(NamedTuple):
    """What of the plan is told."""

    connections: Sequence[int]
    entity: str | None
    limit: int


def prepare(db: Connection) -> None:
    """Begin a plan."""
    db.exec_driver_sql(queries("outgoing")["prepare"])
    db.exec_driver_sql(queries("planned_writes")["prepare"])


def show_batch(
    db: Connection, entity: str, rules: Rules, connections: Sequence[int], after: str, size: int, *, with_others: bool
) -> str | None:
    """Lay out the next golden records of these connections as they stand; return the last of them, None: there is none.

    with_others: also those the connections do not have.
    """
    golden.begin_batch(db, entity, many=True)
    values = {"after": after, "size": size, "connections": list(connections), "all": with_others}
    last: str | None = _run(db, "show_batch", values, entity=entity).scalar_one()
    if last is not None:
        golden.lay_out(db, entity, rules)
    return last


def created(db: Connection, connection_id: int) -> set[str]:
    """Return the golden ids of the batch's records that are offered to be created."""
    return {row[0] for row in _run(db, "created", {"connection_id": connection_id})}


def note_failing(db: Connection, entity: str, failing: Iterable[Failing]) -> None:
    """Keep what of the batch cannot be written, in place of what was known of its records."""
    _run(db, "forget_failing", entity=entity)
    copy_rows(db, "plan_failing", Failing._fields, failing)
    _run(db, "note_suppressed", {"never": sorted(NEVER_WRITTEN)})


def forget_offer(db: Connection) -> None:
    """Have looked at what the batch offered."""
    db.exec_driver_sql(queries("planned_writes")["forget_offer"])


def gather(db: Connection, scope: Scope) -> None:
    """Lay out everything that would be written."""
    never = sorted(NEVER_WRITTEN)
    _run(db, "note_looped", {"never": never})
    _run(db, "gather", {**_of(scope), "never": never, "unsaid": UNSAID})


def counts(db: Connection) -> list[Found]:
    """Return {connection, entity, operation, field, new, joined, waiting, withdrawn}."""
    return _found(db.exec_driver_sql(queries("planned_writes")["counts"]))


def totals(db: Connection) -> dict[str, int]:
    """Return status → changes."""
    return {row[0]: row[1] for row in db.exec_driver_sql(queries("planned_writes")["totals"])}


def rows(db: Connection, limit: int) -> list[Found]:
    """Return values that would be written, one by one, with what each record is called and where golden has its value from."""
    found = _found(_run(db, "rows", {"limit": limit}))
    known = _about(db, {(row["entity"], row["golden_id"]) for row in found})
    for row in found:
        name, provenance = known.get((row["entity"], row["golden_id"]), (None, {}))
        origin = provenance.get(row["field"]) or {}
        row |= {"name": name, "from": origin.get("connection"), "rule": origin.get("rule"), "since": origin.get("since")}
    return found


def names(db: Connection, refs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return golden id → what it is called, of (entity, golden id)."""
    return {key[1]: name for key, (name, _) in _about(db, set(refs)).items() if name}


def _about(db: Connection, refs: set[tuple[str, str]]) -> dict[tuple[str, str], tuple[str | None, dict[str, Any]]]:
    by_entity: dict[str, list[str]] = {}
    for entity, golden_id in refs:
        by_entity.setdefault(entity, []).append(golden_id)
    return {
        (entity, row.id): (row.name, row.provenance)
        for entity, ids in by_entity.items()
        for row in _run(db, "about", {"ids": ids}, entity=entity, title=TITLES.get(entity, "name"))
    }


def failing_counts(db: Connection, scope: Scope) -> list[Found]:
    """Return {connection, entity, operation, field, code, records, reason}."""
    return _found(_run(db, "failing_counts", _of(scope)))


def failing_rows(db: Connection, scope: Scope) -> list[Found]:
    """Return {connection, entity, golden_id, external_id, operation, field, code, reason}."""
    return _found(_run(db, "failing_rows", {**_of(scope), "limit": scope.limit}))


def _of(scope: Scope) -> Found:
    return {"connections": list(scope.connections), "entity": scope.entity}


def _run(db: Connection, name: str, values: Found | None = None, **names: str) -> Any:
    text = fill(queries("planned_writes")[name], **names)
    return db.exec_driver_sql(text, values) if values else db.exec_driver_sql(text)


def _found(result: Any) -> list[Found]:
    return [dict(row._mapping) for row in result]
