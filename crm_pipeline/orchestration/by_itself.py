"""What work that starts by itself has in common: a job of one step for one connection, and the sensor that asks for its runs.

What is due and what a step does belong to the modules of that work: `sensors.py`, `outgoing.py`, `webhooks.py`.
"""

from collections.abc import Callable, Mapping, Sequence

import dagster as dg

from crm_pipeline.orchestration.failures import RETRY
from crm_pipeline.orchestration.partitions import CONNECTIONS
from crm_pipeline.orchestration.queue import PARTITION, SYNC, kind_of
from crm_pipeline.orchestration.resources import NEEDED
from crm_pipeline.wiring import Pipeline

UNFINISHED = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]
PER_TICK = 50
"""Runs requested at once: more would only wait in Dagster's queue instead of in our table."""

Find = Callable[[dg.SensorEvaluationContext, Pipeline, Sequence[str]], list[dg.RunRequest]]
"""Tick, pipeline and the connections that have partitions → the runs to be started."""


def starting(
    name: str, jobs: Sequence[dg.JobDefinition], find: Find, *, description: str, nothing: str
) -> dg.SensorDefinition:  # fmt: skip
    """Return a sensor that starts what `find` finds. nothing: what is said when that is nothing."""

    @dg.sensor(
        name=name,
        jobs=jobs,
        minimum_interval_seconds=5,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=description,
    )
    def body(context: dg.SensorEvaluationContext, pipeline: dg.ResourceParam[Pipeline]) -> dg.SensorResult | dg.SkipReason:
        requests = find(context, pipeline, context.instance.get_dynamic_partitions(str(CONNECTIONS.name)))
        return dg.SensorResult(requests) if requests else dg.SkipReason(nothing)

    return body


def partitions_at_work(instance: dg.DagsterInstance, kind: str = SYNC) -> set[str]:
    """Return the connections that a sync (or drain) under way or in the queue is for."""
    runs = instance.get_runs(dg.RunsFilter(statuses=UNFINISHED))
    return {run.tags[PARTITION] for run in runs if PARTITION in run.tags and kind_of(run) == kind}


def one_step_job(
    name: str, step: str, body: Callable[[dg.OpExecutionContext, str], None], resources: Mapping[str, object],
    *, description: str, tags: Mapping[str, str],
) -> dg.JobDefinition:  # fmt: skip
    """Return a job whose one step does `body` for the connection that is its partition.

    It is given its resources here: Dagster would otherwise copy the sensor that launches it, with a warning of its own.
    """

    @dg.op(name=step, out=dg.Out(dg.Nothing), required_resource_keys=NEEDED, retry_policy=RETRY)
    def only_step(context: dg.OpExecutionContext) -> None:
        body(context, context.partition_key)

    @dg.graph(name=name)
    def all_of_it() -> None:
        only_step()

    return all_of_it.to_job(
        description=description,
        resource_defs=dict(resources),
        partitions_def=CONNECTIONS,
        executor_def=dg.in_process_executor,
        run_tags=dict(tags),
    )
