"""Changes of golden records and of the uploads' receipts in one order, for clients that keep a copy.

A round reads what transactions from `low` to before `high` changed; `high` is the oldest transaction still running, so that
nothing can appear behind a cursor. What changes meanwhile belongs to the next round. Everything here reads within a `snapshot`:
where the database stands, a page and the checksums are of one state. What belongs here: reading rounds.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from typing import Any

import orjson
from sqlalchemy import Connection, Engine

from crm_pipeline.database import receipts
from crm_pipeline.database.queries import queries
from crm_pipeline.database.reading import record
from crm_pipeline.database.scopes import OPEN, Sight
from crm_pipeline.database.templates import fill

ENTITIES = ("users", "pipelines", "stages", "companies", "contacts", "products", "deals", "tasks", "communications")
STEPS = (*ENTITIES, "operations", "withdrawn", "tombstones")
NEWS = {"operations": "news_of_operations", "withdrawn": "news_of_withdrawn", "tombstones": "news_of_tombstones"}
SINCE = ("since_of_tombstones", "since_of_sight", "since_of_operations")
FIRST = "00000000-0000-0000-0000-000000000000"
SIZE = 4_000_000
"""Letters of a page; a record that is larger comes alone."""
PIECE = 250
"""Rows fetched at once, so that a page of large records never needs more memory than it may have letters."""
SKIPPED = 20_000
"""Rows that are not for the client after which a page ends, even with nothing in it."""


@dataclass(frozen=True, slots=True)
class View:
    """Who reads, and what of. actor: whose uploads' receipts are told; crm: only records with a source in one of that kind."""

    sight: Sight
    actor: str
    crm: str | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """How far a client has read. step: into STEPS; xid, id: of the last change of that step; high None: no round begun."""

    low: int = 0
    high: int | None = None
    step: int = 0
    xid: int = 0
    id: str = ""
    initial: bool = True


@dataclass(frozen=True, slots=True)
class Standing:
    """Which database this is, the oldest transaction still running, up to which transaction and time tombstones are forgotten.

    is_known: versions are of this server's transactions; if not, `adopt` makes them so.
    """

    epoch: str
    is_known: bool
    settled: int
    forgotten: int
    forgotten_at: datetime | None


@dataclass(frozen=True, slots=True)
class Page:
    """Changes as JSON texts, and where to go on. has_more: the round goes on."""

    changes: list[str]
    place: Place
    has_more: bool


@contextmanager
def snapshot(engine: Engine) -> Iterator[Connection]:
    """Yield a connection that sees one state of the database, and only reads."""
    with engine.connect() as db:
        db.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        yield db


def standing(db: Connection) -> Standing:
    """Return where the database stands."""
    epoch, is_known, settled, forgotten, forgotten_at = db.exec_driver_sql(queries("delta")["standing"]).one()
    return Standing(epoch, is_known, int(settled), int(forgotten), forgotten_at)


def tide(engine: Engine) -> int:
    """Return the oldest transaction still running: as long as it is the same, there is nothing new to tell."""
    with engine.connect() as db:
        return int(db.exec_driver_sql(queries("delta")["tide"]).scalar_one())


def adopt(engine: Engine) -> None:
    """Stamp the versions that are of another server anew and void all cursors, unless somebody did meanwhile."""
    with engine.begin() as db:
        db.exec_driver_sql(queries("delta")["adopt"])


def begin(place: Place, settled: int) -> Place:
    """Return a place within a round: the one it is in, or the next."""
    if place.high is not None:
        return place
    return replace(place, high=max(place.low, settled), step=0, xid=place.low, id="")


def read(db: Connection, view: View, place: Place, limit: int) -> Page:
    """Return the next changes of a round that has begun, bounded by rows and size."""
    changes: list[str] = []
    room = SIZE
    for step in (one for one in news(db, view, place) if one >= place.step):
        place = place if step == place.step else replace(place, step=step, xid=place.low, id="")
        is_over, skipped = False, 0
        while not is_over:
            fetched, xid, last = 0, place.xid, place.id
            for xid_of, id_of, text in _rows(db, view, place, limit + 1):
                if text and changes and (len(changes) >= limit or len(text) > room):
                    return Page(changes, replace(place, xid=int(xid), id=last), True)
                fetched, xid, last = fetched + 1, xid_of, id_of
                if text:
                    changes.append(text)
                    room -= len(text)
                else:
                    skipped += 1
            place, is_over = replace(place, xid=int(xid), id=last), fetched <= limit
            if skipped > SKIPPED:
                return Page(changes, place, True)
    assert place.high is not None
    return Page(changes, Place(low=place.high, initial=False), False)


def news(db: Connection, view: View, place: Place) -> list[int]:
    """Return the steps of a round that have anything to tell; of the first round, all."""
    if place.initial:
        return list(range(len(STEPS)))
    values = {"user": view.sight.user, "actor": view.actor, "low": str(place.low), "high": str(place.high)}
    return [step for step, has_any in enumerate(db.exec_driver_sql(_news(view.sight.user is not None), values).one()) if has_any]


@cache
def _news(narrow: bool) -> str:
    sql = queries("delta")
    of_entity = "\n".join([sql["news_of_entity"], *([sql["news_of_sight"]] if narrow else [])])
    steps = (fill(sql[NEWS[step]] if step in NEWS else of_entity, step=step) for step in STEPS)
    return fill(sql["news"], steps=",\n".join(steps))


def _rows(db: Connection, view: View, place: Place, limit: int) -> Iterator[tuple[Any, str, str | None]]:
    """Yield (xid, id, JSON text or nothing for what is not for the client) after a place, in pieces."""
    step, sight = STEPS[place.step], view.sight
    if step == "operations":
        yield from _receipts(db, view, place, limit)
    elif step != "withdrawn" or sight.user is not None:
        values = {"user": sight.user, "open": list(OPEN), "crm": view.crm, "initial": place.initial, "xid": str(place.xid),
                  "id": place.id or FIRST, "high": str(place.high), "limit": limit}  # fmt: skip
        statement = _statement(step, sight.narrows(step))
        with db.exec_driver_sql(statement, values, {"yield_per": PIECE}) as rows:
            yield from map(tuple, rows)


@cache
def _statement(step: str, narrow: bool) -> str:
    if step not in ENTITIES:
        return queries("delta")[step]
    rows = queries("delta")["rows_own" if narrow else "rows_all"]
    return fill(queries("delta")["changes"], rows=rows, here=queries("delta")["here"], record=record(step), entity=step)


def _receipts(db: Connection, view: View, place: Place, limit: int) -> Iterator[tuple[Any, str, str]]:
    for one in receipts.changed(db, view.actor, str(place.xid), place.id, str(place.high), limit):
        told = {"entity": "operations", "op": "upsert", "id": one.id, "version": one.version, "record": one.as_json()}
        yield one.version, one.id, orjson.dumps(told).decode()


def place_since(db: Connection, view: View, since: datetime, settled: int) -> Place:
    """Return the place from which nothing that changed since a time is missed; an hour is repeated."""
    sources = [fill(queries("delta")["since_of_entity"], entity=entity) for entity in ENTITIES]
    sources += [queries("delta")[name] for name in SINCE]
    text = fill(queries("delta")["since"], sources="\nUNION ALL\n".join(sources))
    first = db.exec_driver_sql(text, {"since": since, "user": view.sight.user, "actor": view.actor}).scalar_one()
    return Place(low=settled if first is None else min(int(first), settled), initial=False)


def forget(db: Connection) -> int:
    """Forget tombstones older than their retention, and return how many; cursors from before are answered with 410."""
    forgotten: int = db.exec_driver_sql(queries("delta")["forget"]).scalar_one()
    return forgotten
