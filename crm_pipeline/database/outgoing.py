"""The outgoing queue: changes are queued, merged with what waits already, claimed, sent, and ended or put back.

What belongs here: the moves of the queue, set-based, each in the caller's transaction. States and allowed moves are those of
`model/delivery.py`. What a person does at the desk, and what is counted, is in `outgoing_desk.py`.
"""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, fields
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Protocol
from uuid import uuid4

import orjson
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from crm_pipeline.database.copy import copy_rows
from crm_pipeline.database.queries import queries
from crm_pipeline.database.rows import storable
from crm_pipeline.errors import DatabaseUnavailable
from crm_pipeline.model.delivery import BULK, FLIPS_PER_HOUR, IN_FLIGHT, LEASE, MAX_ATTEMPTS, UNSETTLED, may_move
from crm_pipeline.model.writing import COMPLETE, OPERATIONS, REOPEN

CLAIM_CLASS = 0x43524F
"""First key of the advisory locks under which claims of a connection follow one another; the second is the connection."""
DETOURS = ["enable_seqscan", "enable_bitmapscan", "enable_sort", "enable_hashjoin", "enable_mergejoin"]
"""What the planner may not do while claiming: the index in claiming order is right however many changes wait."""
COLUMNS = (
    "n", "connection_id", "entity", "golden_id", "external_id", "operation", "fields", "base", "said", "requires", "lane",
    "origin", "key", "kind",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class NewChange:
    """A change to be queued."""

    connection_id: int
    entity: str
    golden_id: str
    operation: str
    fields: Mapping[str, Any]
    base: Mapping[str, Any] = field(default_factory=dict)
    said: Mapping[str, Any] = field(default_factory=dict)
    external_id: str | None = None
    lane: str = BULK
    origin: str = "reconcile"
    """op:<operation>, reconcile, undo:<change>."""
    key: str | None = None
    """None: a change of its own, whatever was queued before."""
    requires: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Offered:
    """How many changes were offered with which result."""

    queued: int = 0
    coalesced: int = 0
    """Joined one that waits; also when that one said the same already."""
    withdrawn: int = 0
    looped: int = 0
    suppressed: int = 0


@dataclass(frozen=True, slots=True)
class Change:
    """A change that was claimed."""

    id: int
    connection_id: int
    entity: str
    golden_id: str
    external_id: str | None
    operation: str
    fields: dict[str, Any]
    base: dict[str, Any]
    said: dict[str, Any]
    requires: dict[str, Any] | None
    lane: str
    origin: str
    attempts: int
    """With this one."""
    fence: int
    sent_at: datetime | None
    """When an earlier attempt was sent whose outcome is not known."""
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Settlement:
    """How a claimed change ended. Without an external id the one it has stays; merged, conflict: detail says why."""

    id: int
    fence: int
    state: str
    external_id: str | None = None
    written: Mapping[str, Any] | None = None
    overwrote: Mapping[str, Any] | None = None
    code: str | None = None
    detail: str | None = None


@dataclass(frozen=True, slots=True)
class Parked:
    """When a claimed change is tried again: after so many seconds, or at a time."""

    id: int
    fence: int
    seconds: float | None = None
    until: datetime | None = None
    code: str = "later"
    detail: str = "Not done now; tried again later."
    counts: bool = True
    """False: this was no attempt (the account's rate was used up, say)."""
    uncertain: bool = False
    """It may have been applied."""


class Held(Protocol):
    """Whatever names a claim: a Change, a Settlement, a Parked."""

    @property
    def id(self) -> int: ...
    @property
    def fence(self) -> int: ...


# Queueing -------------------------------------------------------------------------------------------------------------


def enqueue(db: Connection, changes: Iterable[NewChange]) -> list[int]:
    """Queue changes as they are and return their ids in order.

    A key that was queued before, and a create of a record that has one already, answer the id of the first.
    """
    _lay_out(db, changes)
    for step in ("plan_enqueued", "insert", "link_operations"):
        _run(db, step)
    return [row[0] for row in _run(db, "enqueued")]


def offer(db: Connection, entity: str, considered: Iterable[tuple[int, str]], owed: Iterable[NewChange]) -> Offered:
    """Let the queue hold what is owed to the considered records (connection id, golden id), and nothing else of that kind.

    owed: at most one change per record and kind (create; update; complete or reopen). A record of which a change is on its
    way is left alone: offer it again once that one has ended. Links and undoing are never touched.
    """
    pairs = {(one.connection_id, one.golden_id) for one in _lay_out(db, owed)} | set(considered)
    copy_rows(db, "outgoing_considered", ("connection_id", "golden_id"), pairs)
    _run(db, "plan_with", names=["jit"], state="off")
    _run(db, "lock_pending", entity=entity)
    _run(db, "plan_offered", flips=FLIPS_PER_HOUR)
    _run(db, "plan_withdrawn", entity=entity)
    for step in ("coalesce", "withdraw", "insert", "link_operations"):
        _run(db, step)
    return Offered(**dict(map(tuple, _run(db, "planned"))))


def _lay_out(db: Connection, changes: Iterable[NewChange]) -> list[NewChange]:
    _run(db, "prepare")
    listed = list(changes)
    copy_rows(db, "outgoing_new", COLUMNS, (_row(number, one) for number, one in enumerate(listed)))
    return listed


def _row(number: int, one: NewChange) -> tuple[Any, ...]:
    if one.operation not in OPERATIONS:
        raise ValueError(f"{one.operation!r} is no operation")
    kind = COMPLETE if one.operation == REOPEN else one.operation
    values = (_json(one.fields), _json(one.base), _json(one.said), None if one.requires is None else _json(one.requires))
    head = (number, one.connection_id, one.entity, one.golden_id, one.external_id, one.operation)
    return (*head, *values, one.lane, one.origin, one.key or str(uuid4()), kind)


# Draining -------------------------------------------------------------------------------------------------------------


def rescue(db: Connection) -> int:
    """Let changes be tried again at once whose process died; return how many. Whether they were sent stays noted."""
    return _run(db, "rescue").rowcount


def claim(db: Connection, connection_id: int, holder: str, size: int, lane: str | None = None) -> list[Change]:
    """Take at most `size` changes that are due, of each record only the oldest, interactive ones first; commit before working.

    Nothing is given out of a connection that is not two-way. lane: only this one.
    """
    values = {"connection_id": connection_id, "holder": holder, "size": size, "lane": lane, "lease": LEASE.total_seconds()}
    _run(db, "one_claimer", **{"class": CLAIM_CLASS, "connection_id": connection_id})
    _run(db, "plan_with", names=["jit", *DETOURS], state="off")
    found = [Change(*row) for row in _run(db, "claim", **values)]
    _run(db, "plan_with", names=DETOURS, state="on")
    return sorted(found, key=lambda change: (change.lane == BULK, change.id))


def extend(db: Connection, holder: str) -> int:
    """Give a sign of life for everything `holder` has claimed; return how much that is."""
    return _run(db, "extend", holder=holder, lease=LEASE.total_seconds()).rowcount


def keep(engine: Engine, holder: str) -> None:
    """Extend in a transaction of its own; what the database does not take now it is asked for with the next sign of life."""
    with suppress(DBAPIError, DatabaseUnavailable), engine.begin() as db:
        extend(db, holder)


def mark_sent(db: Connection, claims: Iterable[Held]) -> set[int]:
    """Note that these are about to be sent, and return the ids still held: only those may be sent. Commit before sending."""
    held = list(claims)
    values = {"ids": [one.id for one in held], "fences": [one.fence for one in held]}
    return _ids(_run(db, "mark_sent", **values, lease=LEASE.total_seconds()))


def settle(db: Connection, settlements: Iterable[Settlement]) -> set[int]:
    """End claimed changes; return the ids that were still held. Raises ValueError for a state that is no end."""
    ends = list(settlements)
    for one in ends:
        if one.state in UNSETTLED or not may_move(IN_FLIGHT, one.state):
            raise ValueError(f"a change in flight cannot end as {one.state!r}")
    return _ids(_run(db, "settle", rows=_rows(ends)))


def park(db: Connection, parked: Iterable[Parked]) -> set[int]:
    """Put claimed changes back, or end as dead what was tried MAX_ATTEMPTS times; return the ids that were still held."""
    return _ids(_run(db, "park", rows=_rows(parked), most=MAX_ATTEMPTS))


def _rows(given: Iterable[Settlement | Parked]) -> str:
    return _json([{column.name: getattr(one, column.name) for column in fields(one)} for one in given])


def _ids(rows: Iterable[Sequence[Any]]) -> set[int]:
    return {row[0] for row in rows}


def _run(db: Connection, name: str, **values: object) -> Any:
    return db.exec_driver_sql(queries("outgoing")[name], values) if values else db.exec_driver_sql(queries("outgoing")[name])


def _json(value: Any) -> str:
    """Return JSON for Postgres in which an exact number is text without trailing zeros."""
    return storable(orjson.dumps(value, default=_said)).decode()


def _said(value: Any) -> Any:
    if isinstance(value, Decimal):
        return format(value.normalize(), "f")
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} cannot be queued")
