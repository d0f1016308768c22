"""Fields two sides changed differently: which conflicts stand, and the side a person chose.

What belongs here: the statements of `conflicts.sql`. When there is a conflict is decided by reconciling; which states a
person may change is the stage's business.
"""

from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Connection, Engine

from crm_pipeline.database.decisions import TITLES
from crm_pipeline.database.queries import queries
from crm_pipeline.database.templates import fill
from crm_pipeline.model.entities import GOLDEN


@dataclass(frozen=True, slots=True)
class Conflict:
    """One conflict."""

    id: int
    entity: str
    golden_id: str
    field: str
    values: dict[str, dict[str, Any]]
    """Side → {"value": by column, "changed_at"}."""
    rule: str
    chosen: str | None
    state: str
    decided_by: str | None
    superseded_at: datetime | None


@cache
def _named(query: str) -> str:
    when = queries("conflicts")["golden_name"]
    name = " ".join(["CASE k.entity", *(fill(when, entity=e, title=TITLES.get(e, "name")) for e in GOLDEN), "END"])
    return fill(queries("conflicts")[query], name=name)


def standing(engine: Engine, entity: str | None, state: str, limit: int) -> list[dict[str, Any]]:
    """Return the conflicts that stand, with what the record is called. `state`: one, or all."""
    with engine.connect() as db:
        rows = db.exec_driver_sql(_named("listed"), {"entity": entity, "state": state, "limit": limit})
        return [dict(row._mapping) for row in rows]


def page(engine: Engine, entity: str | None, state: str | None, below: int | None, limit: int) -> list[dict[str, Any]]:
    """Return standing conflicts with smaller ids, the latest first."""
    return _page(engine, id=None, entity=entity, state=state, below=below, limit=limit)


def shown(engine: Engine, conflict_id: int) -> dict[str, Any] | None:
    """Return a conflict with what its record is called, also one that does not stand any more; None when there is none."""
    found = _page(engine, id=conflict_id, entity=None, state=None, below=None, limit=1)
    return found[0] if found else None


def _page(engine: Engine, **values: Any) -> list[dict[str, Any]]:
    with engine.connect() as db:
        return [dict(row._mapping) for row in db.exec_driver_sql(_named("page"), values)]


def count_open(engine: Engine) -> dict[str, int]:
    """Return entity → how many conflicts wait for a person."""
    with engine.connect() as db:
        return {row[0]: row[1] for row in db.exec_driver_sql(queries("conflicts")["count_open"])}


def by_id(db: Connection, conflict_id: int) -> Conflict | None:
    """Return a conflict, kept from changing until the transaction ends."""
    row = db.exec_driver_sql(queries("conflicts")["by_id"], {"id": conflict_id}).one_or_none()
    return Conflict(*row) if row else None


def settle(db: Connection, conflict: Conflict, state: str, chosen: str, who: str) -> None:
    """Note the side a person chose, and have the golden record's values chosen again."""
    values = {"id": conflict.id, "state": state, "chosen": chosen, "who": who}
    db.exec_driver_sql(queries("conflicts")["settle"], values)
    db.exec_driver_sql(queries("conflicts")["queue"], {"entity": conflict.entity, "golden_id": conflict.golden_id})
