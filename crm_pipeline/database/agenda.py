"""Which connections are due: what the sensors ask and claim."""

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
