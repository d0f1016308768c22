"""Changes of golden records in one order, for clients that keep a copy.

A round reads what transactions from `low` to before `high` changed; `high` is the oldest transaction still running, so that
nothing can appear behind a cursor. What changes meanwhile belongs to the next round. What belongs here: reading rounds.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine

from crm_pipeline.database.queries import queries
from crm_pipeline.database.reading import record
from crm_pipeline.database.scopes import OPEN, Sight
from crm_pipeline.database.templates import fill

ENTITIES = ("users", "pipelines", "stages", "companies", "contacts", "products", "deals", "tasks", "communications")
STEPS = (*ENTITIES, "withdrawn", "tombstones")
FIRST = "00000000-0000-0000-0000-000000000000"
BYTES = 4_000_000


@dataclass(frozen=True, slots=True)
class Place:
    """How far a client has read. step: into STEPS; xid, id: of the last change of that step; high None: no round begun."""

    low: int = 0
    high: int | None = None
    step: int = 0
    xid: int = 0
    id: str = FIRST
    initial: bool = True


@dataclass(frozen=True, slots=True)
class Standing:
    """Which database this is, the oldest transaction still running, and up to which tombstones are forgotten."""

    epoch: str
    settled: int
    forgotten: int


@dataclass(frozen=True, slots=True)
class Page:
    """Changes as JSON texts, and where to go on. has_more: the round goes on."""

    changes: list[str]
    place: Place
    has_more: bool


def standing(engine: Engine) -> Standing:
    """Return where the database stands."""
    with engine.connect() as db:
        epoch, settled, forgotten = db.exec_driver_sql(queries("delta")["standing"]).one()
    return Standing(epoch, int(settled), int(forgotten))


def begin(place: Place, settled: int) -> Place:
    """Return a place within a round: the one it is in, or the next."""
    if place.high is not None:
        return place
    return replace(place, high=max(place.low, settled), step=0, xid=place.low, id=FIRST)


def read(engine: Engine, sight: Sight, crm: str | None, place: Place, limit: int) -> Page:
    """Return the next changes of a round that has begun, at most `limit` and some 4 MB."""
    changes: list[str] = []
    size = 0
    with engine.connect() as db:
        while place.step < len(STEPS):
            rows = _rows(db, sight, crm, place, limit - len(changes))
            for xid, golden_id, text in rows:
                size += len(text or "")
                if changes and size > BYTES:
                    return Page(changes, place, True)
                changes += [text] if text else []
                place = replace(place, xid=int(xid), id=golden_id)
            if len(changes) >= limit:
                return Page(changes, place, True)
            if not rows:
                place = replace(place, step=place.step + 1, xid=place.low, id=FIRST)
    assert place.high is not None
    return Page(changes, Place(low=place.high, initial=False), False)


def _rows(db: Connection, sight: Sight, crm: str | None, place: Place, limit: int) -> list[Any]:
    step = STEPS[place.step]
    if step == "withdrawn" and sight.user is None:
        return []
    values = {"user": sight.user, "open": list(OPEN), "crm": crm, "initial": place.initial, "xid": str(place.xid),
              "id": place.id, "high": str(place.high), "limit": limit}  # fmt: skip
    return list(db.exec_driver_sql(_statement(step, sight.narrows(step)), values))


def _statement(step: str, narrow: bool) -> str:
    if step not in ENTITIES:
        return queries("delta")[step]
    rows = queries("delta")["rows_own" if narrow else "rows_all"]
    return fill(queries("delta")["changes"], rows=rows, here=queries("delta")["here"], record=record(step), entity=step)


def place_since(engine: Engine, sight: Sight, since: datetime, settled: int) -> Place:
    """Return the place from which nothing that changed since a time is missed; an hour is repeated."""
    sources = [fill(queries("delta")["since_of_entity"], entity=entity) for entity in ENTITIES]
    sources += [queries("delta")["since_of_tombstones"], queries("delta")["since_of_sight"]]
    text = fill(queries("delta")["since"], sources="\nUNION ALL\n".join(sources))
    with engine.connect() as db:
        first = db.exec_driver_sql(text, {"since": since, "user": sight.user}).scalar_one()
    return Place(low=settled if first is None else min(int(first), settled), initial=False)


def checksums(engine: Engine, sight: Sight, crm: str | None, settled: int) -> dict[str, dict[str, Any]] | None:
    """Return count and hash by entity as of a finished round; None while something newer is there."""
    found: dict[str, dict[str, Any]] = {}
    values = {"user": sight.user, "open": list(OPEN), "crm": crm, "high": str(settled)}
    with engine.connect() as db:
        for entity in ENTITIES:
            text = fill(queries("delta")["checksum"], here=queries("delta")["here"], entity=entity)
            count, total, newer = db.exec_driver_sql(text, values).one()
            if newer:
                return None
            found[entity] = {"count": count, "hash": total}
    return found


def forget(db: Connection) -> None:
    """Forget tombstones older than their retention; cursors from before are answered with 410."""
    db.exec_driver_sql(queries("delta")["forget"])
