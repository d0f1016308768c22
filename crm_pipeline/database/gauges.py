"""How syncs and queues stand, in numbers a monitoring system keeps."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Engine

from crm_pipeline.database.queries import queries


def read(engine: Engine, names: Iterable[str]) -> dict[str, list[tuple[Any, ...]]]:
    """Return the rows of queries of gauges.sql, of one moment: labels, then the value."""
    with engine.connect().execution_options(isolation_level="REPEATABLE READ") as db:
        return {name: [tuple(row) for row in db.exec_driver_sql(queries("gauges")[name])] for name in names}
