"""What draining asks of the golden tables: what should be there by now, and which record of a connection stands for it."""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import cache
from typing import Any

from sqlalchemy import Connection

from crm_pipeline.database.echo import HAVE_POINTS
from crm_pipeline.database.queries import queries
from crm_pipeline.database.templates import fill
from crm_pipeline.model.writing import POINT_SETS


@dataclass(frozen=True, slots=True)
class GoldenNow:
    """A golden record as it is now. `fields`: golden columns and lists of contact points."""

    golden_id: str
    is_deleted: bool
    fields: Mapping[str, Any]
    open_groups: frozenset[str]
    since: Mapping[str, datetime]
    """Column → when its value was first said, where known."""


def golden_now(db: Connection, entity: str, golden_ids: Collection[str]) -> dict[str, GoldenNow]:
    """Return golden id → the record it stands for now, without those that are no more."""
    rows = db.exec_driver_sql(_statement("golden_now", entity), {"ids": list(golden_ids)})
    return {row.asked_id: _read(row) for row in rows}


def records_of(db: Connection, connection_id: int, entity: str, golden_ids: Collection[str]) -> dict[str, str]:
    """Return golden id → external id of its living record in a connection, the smallest where there are several."""
    values = {"connection_id": connection_id, "ids": list(golden_ids)}
    return {row[0]: row[1] for row in db.exec_driver_sql(_statement("records_of", entity), values)}


def made_lately(db: Connection, connection_id: int, entity: str, since: datetime) -> frozenset[str]:
    """Return the external ids of records our creates have made in a connection since."""
    values = {"connection_id": connection_id, "entity": entity, "since": since}
    return frozenset(row[0] for row in db.exec_driver_sql(queries("delivery")["made_lately"], values))


def _read(row: Any) -> GoldenNow:
    kinds = json.loads(row.points or "{}")
    points = {name: kinds.get(kind, []) for name, kind in POINT_SETS.items()}
    fields = json.loads(row.fields, parse_float=Decimal)
    since = {column: datetime.fromisoformat(said) for column, said in json.loads(row.since or "{}").items() if said}
    return GoldenNow(row.golden_id, row.is_deleted, {**fields, **points}, frozenset(row.open_groups), since)


@cache
def _statement(name: str, entity: str) -> str:
    points = fill(queries("delivery")["golden_points"], entity=entity) if entity in HAVE_POINTS else "NULL::text"
    return fill(queries("delivery")[name], points=points, entity=entity)
