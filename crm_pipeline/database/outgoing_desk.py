"""The outgoing queue as a person sees it: what is listed, explained, retried and taken back, and how each connection stands.

What belongs here: reading the queue, and decisions of people about it, kept in the audit log. Its own moves are in
`outgoing.py`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Connection, Engine

from crm_pipeline.database.decisions import TITLES
from crm_pipeline.database.queries import queries
from crm_pipeline.database.templates import fill
from crm_pipeline.errors import UsageError
from crm_pipeline.model.delivery import CANCELLED, RETRIABLE, may_move
from crm_pipeline.model.entities import GOLDEN

STANDS: Mapping[str, str] = {
    "pending": "is waiting for its turn already",
    "in_flight": "is being sent right now; wait until it has ended",
    "applied": "was applied; to go back use: crm-pipeline undo",
    "merged": "ended without anything to send",
    "cancelled": "was taken back",
    "conflict": "waits for a person; see: crm-pipeline conflicts list",
}
"""State → what is said of a change that may not be moved as asked."""


LARGEST_ID = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Which:
    """Which changes: these, or all that fit. With ids every one must be there and be movable."""

    ids: Sequence[int] | None = None
    connection: str | None = None
    state: str | None = None
    entity: str | None = None


@dataclass(frozen=True, slots=True)
class Story:
    """All there is to know about one change."""

    change: dict[str, Any]
    """Its row, with connection, crm, direction, status and what the record is called (name)."""
    attempts: list[dict[str, Any]]
    operations: list[dict[str, Any]]
    decisions: list[dict[str, Any]]
    in_front: list[dict[str, Any]]
    """Changes of the record that have to end first."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How the queue of one connection stands."""

    connection: str
    crm: str
    counts: dict[str, int]
    """State → changes; of settled ones those of the last day."""
    oldest_pending_seconds: float | None
    next_due: datetime | None
    applied_per_minute: float
    """Over the last hour."""


@dataclass(frozen=True, slots=True)
class NearMisses:
    """Of the changes applied to a connection, how many somebody there changed again within two minutes."""

    connection: str
    applied: int
    missed: int
    crm: str = field(default="", compare=False)
    fields: tuple[str, ...] = field(default=(), compare=False)
    """What was changed again: <entity>.<field>, sorted."""

    @property
    def share(self) -> float:
        """Return missed by applied, 0 to 1."""
        return self.missed / self.applied if self.applied else 0.0


# Deciding -------------------------------------------------------------------------------------------------------------


def retry(db: Connection, which: Which, actor: str) -> list[int]:
    """Let changes be tried again; return their ids. Raises UsageError naming the first of `ids` that cannot be."""
    found = _chosen(db, which)
    for change_id, state, is_replaced in found if which.ids is not None else ():
        if state not in RETRIABLE:
            raise UsageError(f"Change {change_id} {STANDS[state]}.", what_to_do=f"See: crm-pipeline outgoing explain {change_id}")
        if is_replaced:
            raise UsageError(f"Change {change_id} would create a record for which there is a later create; retry that one.")
    movable = {change_id: state for change_id, state, is_replaced in found if state in RETRIABLE and not is_replaced}
    _decide(db, "retry", movable, actor, None)
    return list(movable)


def cancel(db: Connection, ids: Sequence[int], actor: str, reason: str) -> list[int]:
    """Take changes back that were not sent; return their ids. Raises UsageError naming the first that cannot be."""
    found = _chosen(db, Which(ids))
    for change_id, state, _ in found:
        if not may_move(state, CANCELLED):
            raise UsageError(f"Change {change_id} {STANDS[state]}.", what_to_do=f"See: crm-pipeline outgoing explain {change_id}")
    _decide(db, "cancel", {change_id: state for change_id, state, _ in found}, actor, reason)
    return [row[0] for row in found]


def _chosen(db: Connection, which: Which) -> list[tuple[int, str, bool]]:
    ids = None if which.ids is None else [one for one in which.ids if one <= LARGEST_ID]
    values = {"ids": ids, "connection": which.connection, "state": which.state, "entity": which.entity}
    found = [tuple(row) for row in db.exec_driver_sql(queries("outgoing_desk")["chosen"], values)]
    missing = sorted(set(which.ids or ()) - {row[0] for row in found})
    if missing:
        raise UsageError(f"There is no outgoing change {missing[0]}.", what_to_do="See: crm-pipeline outgoing list")
    return found


def _decide(db: Connection, move: str, states: Mapping[int, str], actor: str, reason: str | None) -> None:
    values = {"ids": list(states), "reason": reason}
    statements = queries("outgoing_desk")
    db.exec_driver_sql({"retry": statements["retry"], "cancel": statements["cancel"]}[move], values)
    noted = {**values, "were": list(states.values()), "actor": actor, "action": f"outgoing.{move}"}
    db.exec_driver_sql(statements["note_decisions"], noted)


# Looking --------------------------------------------------------------------------------------------------------------


def listed(engine: Engine, which: Which = Which(), limit: int = 50) -> list[dict[str, Any]]:
    """Return changes with what their records are called: what waits first, then what ended last."""
    values = {"connection": which.connection, "state": which.state, "entity": which.entity, "limit": limit}
    return _rows(engine, _named("listed"), **values)


def explain(engine: Engine, change_id: int) -> Story:
    """Return all about one change. Raises UsageError when there is none."""
    found = _rows(engine, _named("change"), id=change_id)
    if not found:
        raise UsageError(f"There is no outgoing change {change_id}.", what_to_do="See: crm-pipeline outgoing list")
    statements = queries("outgoing_desk")
    parts = (statements[name] for name in ("attempts", "operations", "decisions", "in_front"))
    return Story(found[0], *(_rows(engine, part, id=change_id) for part in parts))


def summary(engine: Engine) -> list[Standing]:
    """Return how the queue of each connection stands that is two-way or has changes."""
    return [Standing(**{**row, "counts": row["counts"] or {}}) for row in _rows(engine, queries("outgoing_desk")["summary"])]


def left(engine: Engine, connection_id: int) -> tuple[int, float | None]:
    """Return how many changes of a connection have not ended, and for how many seconds the oldest pending one has waited."""
    with engine.connect() as db:
        count, oldest = db.exec_driver_sql(queries("outgoing_desk")["left"], {"id": connection_id}).one()
        return count, oldest


def near_misses(engine: Engine, hours: int) -> list[NearMisses]:
    """Return by connection how many changes of the last hours somebody in the CRM changed again at once."""
    rows = _rows(engine, queries("outgoing_desk")["near_misses"], hours=hours)
    return [NearMisses(**{**row, "fields": tuple(sorted(set(row["fields"].split(",")) - {""}))}) for row in rows]


@cache
def _named(query: str) -> str:
    """Return a statement that tells what records are called."""
    when = queries("conflicts")["golden_name"]
    name = " ".join(["CASE k.entity", *(fill(when, entity=e, title=TITLES.get(e, "name")) for e in GOLDEN), "END"])
    return fill(queries("outgoing_desk")[query], name=name)


def _rows(engine: Engine, statement: str, **values: object) -> list[dict[str, Any]]:
    with engine.connect() as db:
        found = db.exec_driver_sql(statement, values) if values else db.exec_driver_sql(statement)
        return [dict(row._mapping) for row in found]
