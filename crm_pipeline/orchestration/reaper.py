"""Which runs have lost their process. Dagster alone does not notice when a run's worker and its parent die together.

A run's process holds a lease in Postgres from its first step to its last. A run that is under way and was without one at
every look for `GRACE` seconds is dead.
"""

from collections.abc import Callable, Iterable, Mapping

import dagster as dg

GRACE = 15.0
"""Seconds: longer than a run takes from its start to its lease, and than a lease lost with a restarted Postgres is away."""

LOST = "The process of this run is gone: nobody holds its lease. The next run goes on where it was."

END: dict[dg.DagsterRunStatus, Callable[[dg.DagsterInstance, dg.DagsterRun], object]] = {
    dg.DagsterRunStatus.STARTED: lambda instance, run: instance.report_run_failed(run, LOST),
    dg.DagsterRunStatus.CANCELING: lambda instance, run: instance.report_run_canceled(run, LOST),
}
"""Status a dead run may be stuck in → how it is ended. (Runs that never start are Dagster's own run monitoring's.)"""


def split_missing(
    under_way: Iterable[str], live: set[str], missing: Mapping[str, float], now: float
) -> tuple[list[str], dict[str, float]]:
    """Return the runs that are dead, and since when the others without a lease have been missed.

    under_way: ids of runs; live: those with a lease; missing: what the last look returned; now: unix seconds.
    """
    without = {run_id: missing.get(run_id, now) for run_id in under_way if run_id not in live}
    dead = [run_id for run_id, since in without.items() if now - since >= GRACE]
    return dead, {run_id: since for run_id, since in without.items() if run_id not in dead}
