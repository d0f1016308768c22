"""Whose turn it is: of a connection at most one sync and one drain are under way at once, whoever launched them.

`dagster.yaml` limits runs by the tag `crm/turn`, which every run gets on its way into Dagster's queue: what a person launches in
the UI carries no tags of ours, and Dagster's own tag `dagster/partition` would let an initial load of hours hold up every change
that waits to be written. That a connection is read by one process is kept by a lock in Postgres; this only spares runs the wait.
"""

import dagster as dg
from dagster._core.run_coordinator import QueuedRunCoordinator, SubmitRunContext

DRAIN_JOB = "drain_outgoing"
PARTITION, TURN = "dagster/partition", "crm/turn"
SYNC, DRAIN = "sync", "drain"


class TurnsQueue(QueuedRunCoordinator):
    """Dagster's own queue, of runs that say whose turn they take."""

    def submit_run(self, context: SubmitRunContext) -> dg.DagsterRun:
        """Put a run into the queue."""
        run = context.dagster_run
        if PARTITION in run.tags:
            self._instance.add_run_tags(run.run_id, {TURN: f"{kind_of(run)}:{run.tags[PARTITION]}"})
        return super().submit_run(context)


def kind_of(run: dg.DagsterRun) -> str:
    """Return whether a run is a sync or a drain: the job, or assets `outgoing/…` only."""
    drains = run.asset_selection and all(key.path[0] == "outgoing" for key in run.asset_selection)
    return DRAIN if drains or run.job_name == DRAIN_JOB else SYNC
