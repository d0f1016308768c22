"""What we wrote becomes what we know: source records hold it at once, so that reading it back is no news.

The raw row is marked: its next reading counts as changed whatever it says, one that is older than our write as old news. What
belongs here: these statements in their order, inside the caller's transaction. What was written is the drain's business.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from functools import cache
from typing import Any

from sqlalchemy import Connection

from crm_pipeline.database.copy import copy_rows
from crm_pipeline.database.matching import KEYS
from crm_pipeline.database.queries import queries
from crm_pipeline.database.rows import json_text
from crm_pipeline.database.templates import WITH_MARKERS, fill
from crm_pipeline.model.entities import COLUMNS
from crm_pipeline.model.writing import ORIGINATOR, POINT_SETS

LANDING_CLASS = 0x435250
"""First key of the advisory locks of landing; the second is the connection's id."""
WRITTEN_HASH = b"\x01"
"""Content hash of a raw row that was written to and not read back yet."""
DEFAULTS = {"is_own": False, "is_active": True, "is_completed": False, "tags": [], "kind": "other"}
"""What a record we made holds where nothing was said."""
HAVE_POINTS = ("contacts", "companies")


@dataclass(frozen=True, slots=True)
class Written:
    """One record that was written to. `values`: source columns and lists (`phones`, `emails`, `webs`) as they are now."""

    external_id: str
    golden_id: str
    values: Mapping[str, Any] = field(default_factory=dict)
    updated_at: datetime | None = None
    """By the CRM's clock, where it told."""
    said_at: datetime | None = None
    """When the value was first said, at its source."""
    is_own: bool = True
    """False: it counts as an edit made there."""
    is_new: bool = False
    """We made the record."""


def hold_landing(db: Connection, connection_id: int) -> None:
    """Be the only one to land records of a connection until the transaction ends."""
    _run(db, queries("echo")["hold_landing"], {"class": LANDING_CLASS, "connection_id": connection_id})


def keep_written(db: Connection, connection_id: int, entity: str, records: Iterable[Written]) -> None:
    """Have source records hold what was written, and their golden records looked at again."""
    rows = [_row(record) for record in records]
    if not rows:
        return
    hold_landing(db, connection_id)
    _run(db, queries("echo")["make_written"])
    _run(db, queries("echo")["empty_written"])
    copy_rows(db, "written_records", _ROW, rows)
    for name in _steps(entity):
        values = {"connection_id": connection_id, "hash": memoryview(WRITTEN_HASH), "kinds": json_text(POINT_SETS)}
        _run(db, _statement(name, entity), values)


def _steps(entity: str) -> Iterator[str]:
    """Yield the steps an entity needs. What has no keys is not matched: what belongs together has to be put together here."""
    for step in _STEPS:
        is_needed = entity in HAVE_POINTS if step.endswith("points") else step != "adopt_new" or entity not in KEYS
        if is_needed:
            yield step


_ROW = ("external_id", "golden_id", "patch", "points", "updated_at", "said_at", "is_own", "is_new")
_STEPS = (
    "log_written", "patch_source", "mark_raw", "add_raw", "add_source", "log_points", "remove_points", "add_points", "cross_new",
    "adopt_new", "keep_together", "queue_new", "queue_written",
)  # fmt: skip


def _row(record: Written) -> Sequence[Any]:
    patch = {name: _plain(value) for name, value in record.values.items() if name not in POINT_SETS}
    points = {name: list(value or ()) for name, value in record.values.items() if name in POINT_SETS}
    return (
        record.external_id, record.golden_id, json_text(patch).encode(), json_text(points).encode(), record.updated_at,
        record.said_at, record.is_own, record.is_new,
    )  # fmt: skip


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, Decimal) else value


def _run(db: Connection, statement: str, values: dict[str, Any] | None = None) -> Any:
    return db.exec_driver_sql(statement, values) if values else db.exec_driver_sql(statement)


@cache
def _statement(name: str, entity: str) -> str:
    columns = COLUMNS[entity]
    marked = entity in WITH_MARKERS
    defaults = {column: value for column, value in DEFAULTS.items() if column in columns}
    return fill(
        queries("echo")[name],
        entity=entity,
        columns=", ".join(columns),
        picked=", ".join(f"p.{column}" for column in columns),
        markers="originator_id, origin_id," if marked else "",
        marker_values=f"'{ORIGINATOR}', w.golden_id::text," if marked else "",
        defaults=f"'{json_text(defaults)}'",
    )
