"""What webhooks hinted at: the job `follow_webhooks`, which reads the records named, and the sensor that starts it at once.

Its runs take the connection's turn to sync (see `queue.py`), so one process at a time reads a connection.
"""

import time
from collections.abc import Mapping, Sequence

import dagster as dg

from crm_pipeline.database.inbox import Waiting, waiting
from crm_pipeline.orchestration.by_itself import PER_TICK, one_step_job, partitions_at_work, starting
from crm_pipeline.orchestration.steps import Context, crm_of, golden_news, in_words, landed, report
from crm_pipeline.stages.inbox import follow
from crm_pipeline.wiring import Pipeline

JOB = "follow_webhooks"
URGENT = "8"
"""Runs that read a few records go before runs that read everything, and behind those that write."""
SAME_AGAIN = 30
"""Seconds after which the same hints are looked into again though the run for them left them as they were."""


def follow_job(resources: Mapping[str, object]) -> dg.JobDefinition:
    """Return follow_webhooks."""
    return one_step_job(
        JOB, "read_hinted", _follow, resources,
        description="Read again what webhooks of one connection (the partition) hinted at; happens by itself within seconds.",
        tags={"crm/mode": "record", "dagster/priority": URGENT, "dagster/max_runtime": "3600"},
    )  # fmt: skip


def webhooks_received(job: dg.JobDefinition) -> dg.SensorDefinition:
    """Return the sensor that looks into the inbox. job: follow_webhooks."""

    def find(context: dg.SensorEvaluationContext, pipeline: Pipeline, known: Sequence[str]) -> list[dg.RunRequest]:
        found = waiting(pipeline.engine, known, partitions_at_work(context.instance), PER_TICK)
        return [_request(one, time.time()) for one in found]

    description = "Reads again what webhooks hinted at, connection by connection."
    return starting("webhooks_received", [job], find, description=description, nothing="No hint waits.")


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
