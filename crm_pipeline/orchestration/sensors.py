"""What is done by itself: partitions kept in step, due connections synced, what is owed written, dead runs ended.

A tick only reads and claims rows of our own tables, well below the time Dagster allows; no CRM is ever asked here.
"""

import json
import time
from collections.abc import Mapping, Sequence
from itertools import takewhile

import dagster as dg

from crm_pipeline.connectors import Connector
from crm_pipeline.database.agenda import Due, DueDrain, claim_due, due_drains, hurry
from crm_pipeline.database.connections import list_connections
from crm_pipeline.database.leases import live_runs
from crm_pipeline.orchestration.by_itself import PER_TICK, partitions_at_work, starting
from crm_pipeline.orchestration.partitions import missing_partitions
from crm_pipeline.orchestration.queue import DRAIN, DRAIN_JOB, PARTITION, SYNC, kind_of
from crm_pipeline.orchestration.reaper import END, split_missing
from crm_pipeline.wiring import Pipeline

PRIORITY = {"incremental_sync": "5", "initial_sync": "0"}
"""Small and frequent before large and rare."""

FIRST_REST, LONGEST_REST = 10.0, 600.0
"""Seconds a connection is left alone after a drain that failed: twice as long after every further one in a row."""
SAME_AGAIN = 600
"""Seconds after which a drain is started again though the one before it left everything as it was."""
LOOK_BACK = 8
"""Runs looked at to count failures in a row: more would not make the rest longer."""


def connection_registry(connectors: Mapping[str, Connector]) -> dg.SensorDefinition:
    """Return the sensor that gives every connection its partitions."""

    @dg.sensor(
        name="connection_registry",
        minimum_interval_seconds=5,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Gives new connections their partitions. A removed connection keeps its own and is not synced any more.",
    )
    def body(context: dg.SensorEvaluationContext, pipeline: dg.ResourceParam[Pipeline]) -> dg.SensorResult | dg.SkipReason:
        crm_of = {known.name: known.crm for known in list_connections(pipeline.engine)}
        missing = missing_partitions(context.instance, crm_of, list(connectors))
        if not missing:
            return dg.SkipReason(f"{len(crm_of)} connections, all with their partitions.")
        requests = [dg.DynamicPartitionsDefinition(name=name).build_add_request(keys) for name, keys in missing.items()]
        return dg.SensorResult(dynamic_partitions_requests=requests)

    return body


def due_connections(jobs: Sequence[dg.JobDefinition]) -> dg.SensorDefinition:
    """Return the sensor that syncs what is due. jobs: initial_sync and incremental_sync."""

    def find(context: dg.SensorEvaluationContext, pipeline: Pipeline, known: Sequence[str]) -> list[dg.RunRequest]:
        return [_request(one) for one in claim_due(pipeline.engine, known, partitions_at_work(context.instance), PER_TICK)]

    description = "Syncs every active connection at its own interval; the first sync of a new one is the initial load."
    return starting("due_connections", jobs, find, description=description, nothing="Nothing is due.")


def outgoing_changes(job: dg.JobDefinition) -> dg.SensorDefinition:
    """Return the sensor that writes what connections are owed. job: drain_outgoing."""

    def find(context: dg.SensorEvaluationContext, pipeline: Pipeline, known: Sequence[str]) -> list[dg.RunRequest]:
        due = due_drains(pipeline.engine, known, partitions_at_work(context.instance, DRAIN), PER_TICK)
        asked = [_drain_request(one, failures_in_a_row(context.instance, one), time.time()) for one in due]
        return [request for request in asked if request]

    description = "Writes to every active two-way connection what it is owed, as soon as a change's turn has come."
    return starting("outgoing_changes", [job], find, description=description, nothing="No change waits for its turn.")


@dg.sensor(
    minimum_interval_seconds=5,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Ends runs whose process is gone, so that the next run of their connection can start.",
)
def reaper(context: dg.SensorEvaluationContext, pipeline: dg.ResourceParam[Pipeline]) -> dg.SensorResult:
    """End the runs that have been without a lease for long enough, and remember those that are without one."""
    runs = {run.run_id: run for run in context.instance.get_runs(dg.RunsFilter(statuses=list(END))) if _is_ours(context, run)}
    live = live_runs(pipeline.engine)
    dead, missing = split_missing(runs, live, json.loads(context.cursor or "{}"), time.time())
    for run_id in dead:
        END[runs[run_id].status](context.instance, runs[run_id])
    hurry(pipeline.engine, {runs[run_id].tags.get(PARTITION, "") for run_id in dead if kind_of(runs[run_id]) == SYNC})
    reason = f"Ended {', '.join(dead)}." if dead else f"{len(runs)} runs under way, {len(missing)} without a sign of life."
    return dg.SensorResult(skip_reason=reason, cursor=json.dumps(missing))


def failures_in_a_row(instance: dg.DagsterInstance, one: DueDrain) -> list[tuple[str, float]]:
    """Return the last drains of a connection, the newest first, that did not succeed since it was made active: id, end."""
    of_it = dg.RunsFilter(job_name=DRAIN_JOB, tags={PARTITION: one.name})
    records = instance.get_run_records(of_it, limit=LOOK_BACK)
    ends = [(record.dagster_run, record.end_time or record.update_timestamp.timestamp()) for record in records]
    failed = takewhile(lambda end: end[0].status != dg.DagsterRunStatus.SUCCESS and end[1] > one.active_since, ends)
    return [(run.run_id, ended) for run, ended in failed]


def _is_ours(context: dg.SensorEvaluationContext, run: dg.DagsterRun) -> bool:
    """Return whether a run is of this code location; all of its steps hold the lease, those of others do not."""
    ours, theirs = context.code_location_origin, run.remote_job_origin
    return theirs is None or ours is None or theirs.location_name == ours.location_name


def _request(one: Due) -> dg.RunRequest:
    job = "initial_sync" if one.is_new else "incremental_sync"
    return dg.RunRequest(
        run_key=f"{one.name}:{one.due}",
        job_name=job,
        partition_key=one.name,
        tags={"crm/crm": one.crm, "dagster/priority": PRIORITY[job]},
    )


def rest(failures: int) -> float:
    """Return the seconds a connection is left alone after so many failed drains in a row."""
    return min(FIRST_REST * 2 ** (failures - 1), LONGEST_REST) if failures else 0.0


def _drain_request(one: DueDrain, failed: Sequence[tuple[str, float]], now: float) -> dg.RunRequest | None:
    """Return the request to drain a connection, unless it rests.

    The key is the situation: the first change and when its turn came. It is met anew only after a failure, or after a while.
    """
    last, ended = failed[0] if failed else (str(int(now // SAME_AGAIN)), 0.0)
    if now - ended < rest(len(failed)):
        return None
    key = f"{one.name}:{one.change_id}:{one.since}:{last}"
    return dg.RunRequest(run_key=key, partition_key=one.name, tags={"crm/crm": one.crm})
