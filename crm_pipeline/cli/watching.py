"""Watching a pipeline at work: progress while Dagster loads, and the summary table at the end of the demo."""

import time
from collections.abc import Callable
from datetime import datetime
from typing import Any

from crm_pipeline.cli.output import print_table, progress_bar
from crm_pipeline.cli.stands import Stand
from crm_pipeline.database import status
from crm_pipeline.errors import CrmPipelineError
from crm_pipeline.wiring import Pipeline

LOOK_SECONDS = 0.5
Rows = list[dict[str, Any]]


class Watch:
    """Waits for conditions on the status of all connections, showing progress."""

    def __init__(self, parts: Pipeline):
        self._parts = parts
        self._wanted = {
            (row["connection"], stream.entity)
            for row in status.status_rows(parts.engine)
            for stream in parts.connectors[row["crm"]].streams
        }

    def until_loaded(self, seconds: float) -> None:
        """Return once every entity of every connection has been loaded and reconciled. Raises CrmPipelineError."""
        self._until("loading", lambda row: row["last_success_at"] is not None, seconds)

    def until_synced_after(self, moment: datetime, seconds: float) -> None:
        """Return once every entity was synced by a sync that began after `moment`. Raises CrmPipelineError."""
        self._until("following", lambda row: row["last_success_at"] is not None and row["last_started_at"] > moment, seconds)

    def _until(self, what: str, is_done: Callable[[dict[str, Any]], bool], seconds: float) -> None:
        ends = time.monotonic() + seconds
        with progress_bar() as bars:
            task = bars.add_task(what, total=len(self._wanted), note="")
            while True:
                rows = status.status_rows(self._parts.engine)
                _require_healthy(rows)
                done = {(row["connection"], row["entity"]) for row in rows if row["entity"] and is_done(row)} & self._wanted
                bars.update(task, completed=len(done), note=f"{sum(row['read'] or 0 for row in rows):,} records")
                if done == self._wanted and not status.waiting(self._parts.engine):
                    return
                if time.monotonic() > ends:
                    late = ", ".join(sorted(f"{name} {entity}" for name, entity in self._wanted - done))
                    raise CrmPipelineError(
                        f"Not everything was synced within {seconds:.0f} s: {late}.", what_to_do="See the runs in the Dagster UI."
                    )
                time.sleep(LOOK_SECONDS)


def _require_healthy(rows: Rows) -> None:
    for row in rows:
        if row["status"] != "active":
            raise CrmPipelineError(f"{row['connection']} is {row['status']}: {row['status_reason']}")


def print_summary(parts: Pipeline, stands: list[Stand]) -> None:
    """Print what is in the tables, and what the CRMs were asked."""
    rows = status.holdings(parts.engine)
    print_table("In Postgres", tuple(rows[0]), [list(row.values()) for row in rows])
    said = [(stand.plan.name, stand.plan.crm, stand.journal()) for stand in stands]
    columns = ("connection", "crm", "requests", "limit violations")
    print_table("Asked of the CRMs", columns, [[name, crm, one["requests"], one["violations"]] for name, crm, one in said])
