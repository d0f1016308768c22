"""What webhooks hinted at: the job `follow_webhooks`, which reads the records named, and the sensor that starts it at once.

Its runs take the connection's turn to sync (see `queue.py`), so one process at a time reads a connection.
"""

import time
from collections.abc import Mapping

import dagster as dg

from crm_pipeline.database.inbox import Waiting, waiting
from crm_pipeline.orchestration.failures import RETRY
from crm_pipeline.orchestration.partitions import CONNECTIONS
from crm_pipeline.orchestration.queue import SYNC
from crm_pipeline.orchestration.resources import NEEDED
from crm_pipeline.orchestration.sensors import PER_TICK, partitions_at_work
from crm_pipeline.orchestration.steps import Context, crm_of, golden_news, in_words, landed, report
from crm_pipeline.stages.inbox import follow
from crm_pipeline.wiring import Pipeline

JOB = "follow_webhooks"
URGENT = "8"
"""Runs that read a few records go before runs that read everything, and behind those that write."""
SAME_AGAIN = 30
"""Seconds after which the same hints are looked into again though the run for them left them as they were."""


def follow_job(resources: Mapping[str, object]) -> dg.JobDefinition:
    """Return follow_webhooks; it is given its resources here for the same reason as the sync jobs."""

    @dg.op(out=dg.Out(dg.Nothing), required_resource_keys=NEEDED, retry_policy=RETRY)
    def read_hinted(context: dg.OpExecutionContext) -> None:
        _follow(context, context.partition_key)

    @dg.graph(name=JOB)
    def follow_all() -> None:
        read_hinted()

    return follow_all.to_job(
        description="Read again what webhooks of one connection (the partition) hinted at; happens by itself within seconds.",
        resource_defs=dict(resources),
        partitions_def=CONNECTIONS,
        executor_def=dg.in_process_executor,
        run_tags={"crm/mode": "record", "dagster/priority": URGENT, "dagster/max_runtime": "3600"},
    )


def webhooks_received(job: dg.JobDefinition) -> dg.SensorDefinition:
    """Return the sensor that looks into the inbox. job: follow_webhooks."""

    @dg.sensor(
        name="webhooks_received",
        job=job,
        minimum_interval_seconds=5,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Reads again what webhooks hinted at, connection by connection.",
    )
    def body(context: dg.SensorEvaluationContext, pipeline: dg.ResourceParam[Pipeline]) -> dg.SensorResult | dg.SkipReason:
        known = context.instance.get_dynamic_partitions(str(CONNECTIONS.name))
        found = waiting(pipeline.engine, known, partitions_at_work(context.instance, SYNC), PER_TICK)
        requests = [_request(one, time.time()) for one in found]
        return dg.SensorResult(requests) if requests else dg.SkipReason("No hint waits.")

    return body


def _request(one: Waiting, now: float) -> dg.RunRequest:
    """Return the request to look into a connection's hints. The key is the situation, met anew after a while."""
    key = f"hints:{one.name}:{one.first_id}:{one.since}:{int(now // SAME_AGAIN)}"
    return dg.RunRequest(run_key=key, partition_key=one.name, tags={"crm/crm": one.crm})


def _follow(context: Context, connection: str) -> None:
    """Read what is hinted at, carry it into the golden tables, and say what came of it."""
    parts, lease = context.resources.pipeline, context.resources.lease
    crm = crm_of(context, connection)
    with in_words(context, connection, "webhooks"):
        done = follow(parts, connection, run_id=lease.run_id)
    for entity, result in done.results.items():
        if entity in result.entities:
            report(context, connection, landed(context, crm, connection, entity, "record", result.entities[entity]))
        for told in golden_news(context, entity, quietly=True):
            context.log_event(told)
    context.log.info(f"{connection}: {done.done} of {done.hints} hints looked into")
    if done.raised:
        with in_words(context, connection, "webhooks"):
            raise done.raised
