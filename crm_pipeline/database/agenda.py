"""Which connections are due, to be synced or to be written to: what the sensors ask and claim."""

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import Engine

from crm_pipeline.database.locks import writers
from crm_pipeline.database.queries import queries


@dataclass(frozen=True, slots=True)
class Due:
    """A connection whose sync is due."""

    name: str
    crm: str
    due: int
    """When it was due, unix milliseconds: tells one turn from the next."""
    is_new: bool
    """None of its walks has ever finished."""


@dataclass(frozen=True, slots=True)
class DueDrain:
    """A two-way connection with a change whose turn has come."""

    name: str
    crm: str
    change_id: int
    """The first such change, people's before others."""
    since: int
    """When its turn came, unix milliseconds: a change that was parked has another."""
    active_since: float
    """When the connection became active, unix seconds."""


def claim_due(engine: Engine, known: Collection[str], busy: Collection[str], limit: int) -> list[Due]:
    """Take the active connections that are due, at most `limit`, and put each off by its interval.

    known: names that may be taken; busy: names to leave alone, as is whatever some process is writing now.
    """
    values = {"known": list(known), "busy": list(busy), "written": list(writers(engine)), "limit": limit}
    with engine.begin() as db:
        rows = [Due(*row) for row in db.exec_driver_sql(queries("agenda")["claim_due"], values)]
    return sorted(rows, key=lambda row: (row.due, row.name))


def hurry(engine: Engine, names: Collection[str]) -> None:
    """Let connections be due at once."""
    with engine.begin() as db:
        db.exec_driver_sql(queries("agenda")["hurry"], {"names": list(names)})


def due_drains(engine: Engine, known: Collection[str], busy: Collection[str], limit: int) -> list[DueDrain]:
    """Return the active two-way connections with changes to write now, interactive ones first; nothing is claimed.

    known: names that may be returned; busy: names to leave alone. A change that a process held which died counts too.
    """
    with engine.connect() as db:
        values = {"known": list(known), "busy": list(busy), "limit": limit}
        return [DueDrain(*row) for row in db.exec_driver_sql(queries("agenda")["due_drains"], values)]
