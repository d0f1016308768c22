"""What we owe to the CRMs: `outgoing/<crm>` per connection, and the job that writes it, `drain_outgoing`.

A materialization is a drain: changes whose turn has come are taken to the CRM, and what became of them is told. Draining beside a
sync of the same connection, or beside another drain, does no harm: every change is held by one process at a time.
"""

from collections.abc import Mapping

import dagster as dg

from crm_pipeline.connectors import Connector
from crm_pipeline.database.checks import ask
from crm_pipeline.orchestration.by_itself import one_step_job
from crm_pipeline.orchestration.catalogue import written_entities
from crm_pipeline.orchestration.failures import RETRY
from crm_pipeline.orchestration.metadata import Metadata, outgoing_metadata
from crm_pipeline.orchestration.partitions import connections_of
from crm_pipeline.orchestration.queue import DRAIN_JOB
from crm_pipeline.orchestration.resources import NEEDED
from crm_pipeline.orchestration.steps import Context, crm_of, in_words, now_and_then, reconcile_waiting
from crm_pipeline.stages.drain import drain
from crm_pipeline.stages.parts import DrainProgress, DrainResult

URGENT = "10"
"""Runs that write go before runs that read."""


def outgoing_assets(connectors: Mapping[str, Connector]) -> list[dg.AssetsDefinition]:
    """Return `outgoing/<crm>` of every CRM that can be written to."""
    return [outgoing(found) for found in connectors.values() if written_entities(found)]


def outgoing(connector: Connector) -> dg.AssetsDefinition:
    """Return `outgoing/<crm>`."""
    crm = connector.crm

    @dg.asset(
        key=["outgoing", crm],
        deps=[["crm", entity] for entity in written_entities(connector)],
        partitions_def=connections_of(crm),
        group_name="outgoing",
        kinds={"postgres", crm},
        description=f"Changes two-way connections of {connector.title} are owed (golden records differ), written there.",
        metadata={"dagster/table_name": "sync.outgoing_changes"},
        required_resource_keys=NEEDED,
        retry_policy=RETRY,
    )
    def body(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        return dg.MaterializeResult(metadata=drain_connection(context, context.partition_key))

    return body


def drain_job(resources: Mapping[str, object]) -> dg.JobDefinition:
    """Return drain_outgoing."""

    def drain_changes(context: dg.OpExecutionContext, connection: str) -> None:
        key = ["outgoing", crm_of(context, connection)]
        said = drain_connection(context, connection)
        context.log_event(dg.AssetMaterialization(key, partition=connection, metadata=said))

    return one_step_job(
        DRAIN_JOB, "drain_changes", drain_changes, resources,
        description="Write to one connection (the partition) what it is owed; happens by itself within seconds.",
        tags={"crm/mode": "drain", "dagster/priority": URGENT, "dagster/max_runtime": "86400"},
    )  # fmt: skip


def drain_connection(context: Context, connection: str) -> Metadata:
    """Write what a connection is owed, let the golden tables know, and say what came of it. Raises dg.Failure with what to do."""
    try:
        done = _drained(context, connection)
    finally:  # what was written before a failure is known to the golden tables too
        reconcile_waiting(context)
    parts = context.resources.pipeline
    rate = 1 / parts.link(connection).http.meter.interval if done.requests else None
    return outgoing_metadata(done, connection, rate, ask(parts.engine, "newest_settled", connection=connection))


def _drained(context: Context, connection: str) -> DrainResult:
    parts, lease = context.resources.pipeline, context.resources.lease
    with in_words(context, connection, "outgoing"):
        done = drain(parts, connection, run_id=lease.run_id, progress=_telling(context))[connection]
        if done.raised:
            raise done.raised
    if done.error:
        raise dg.Failure(f"{connection}/outgoing: {done.error}", allow_retries=False)
    return done


def _telling(context: Context) -> DrainProgress:
    """Return a progress that logs a line now and then."""
    is_time = now_and_then()

    def tell(connection: str, counts: Mapping[str, int]) -> None:
        if is_time():
            told = ", ".join(f"{count} {state}" for state, count in sorted(counts.items()))
            context.log.info(f"{connection}/outgoing: {sum(counts.values())} changes so far: {told}")

    return tell
