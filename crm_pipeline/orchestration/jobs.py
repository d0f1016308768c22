"""The jobs under their fixed names.

`initial_sync`, `incremental_sync` and `verify` are partitioned by connection: choosing a partition is choosing a connection,
of whichever CRM, which is why they are op jobs (an asset job cannot span differently partitioned assets). Every step is one
entity; steps are independent but for what they need of one another, so a re-execution from failure repeats only those that
failed. They log the same materializations as the assets' own steps.
"""

from collections.abc import Iterator, Mapping

import dagster as dg

from crm_pipeline.connectors import Connector
from crm_pipeline.model.entities import ENTITIES, GOLDEN
from crm_pipeline.orchestration.backfills import PATIENCE, PeriodConfig, period, read_period
from crm_pipeline.orchestration.catalogue import ABOUT, NEEDS, entities_of, priority
from crm_pipeline.orchestration.checks import guards
from crm_pipeline.orchestration.failures import RETRY, failing_in_words
from crm_pipeline.orchestration.partitions import CONNECTIONS
from crm_pipeline.orchestration.resources import NEEDED
from crm_pipeline.orchestration.steps import crm_of, golden_news, is_news, landed, report, sync_entity

MODES = {"initial_sync": "initial", "incremental_sync": "incremental", "verify": "verify"}
"""Job → mode of its syncs."""

PURPOSE = {
    "initial_sync": "Load one connection (the partition) from scratch. Interrupted, it goes on where it was.",
    "incremental_sync": "Bring one connection up to date from its cursors; happens by itself at its own interval.",
    "verify": "Walk one connection completely, compare every record, repair, and find deletions.",
}

MAX_RUNTIME = {"initial_sync": "86400", "incremental_sync": "3600", "verify": "86400"}
"""Seconds after which Dagster ends a run of the job."""


def sync_jobs(connectors: Mapping[str, Connector], resources: Mapping[str, object]) -> dict[str, dg.JobDefinition]:
    """Return initial_sync, incremental_sync and verify by name.

    They are given their resources here: Dagster would otherwise copy the sensor that launches them, with a warning of its own.
    """
    graph = _sync_graph({entity: _entity_op(connectors, entity) for entity in ENTITIES})
    return {
        name: graph.to_job(
            name=name,
            description=PURPOSE[name],
            resource_defs=dict(resources),
            partitions_def=CONNECTIONS,
            executor_def=dg.in_process_executor,
            run_tags={"crm/mode": mode, "dagster/max_runtime": MAX_RUNTIME[name]},
        )
        for name, mode in MODES.items()
    }


GOLDEN_TABLES = dg.AssetSelection.assets(*(["crm", entity] for entity in GOLDEN)).without_checks()

reconcile_job = dg.define_asset_job(
    "reconcile",
    selection=GOLDEN_TABLES | dg.AssetSelection.checks(*guards()),
    executor_def=dg.in_process_executor,
    description="Carry what changed in source.* into the golden tables, checked one by one; `full` recomputes all of them.",
    run_tags={"dagster/max_runtime": "86400"},
)

quality_job = dg.define_asset_job(
    "quality",
    selection=dg.AssetSelection.all_asset_checks(),
    executor_def=dg.in_process_executor,
    description="All checks of all assets over all connections, Great Expectations' suites among them; nothing is changed.",
    run_tags={"dagster/max_runtime": "7200"},
)


def backfill_window_job(connectors: Mapping[str, Connector]) -> dg.JobDefinition:
    """Return the job that reads a period of some connections again; each connection is a step and fails alone."""

    @dg.op(out=dg.DynamicOut(dg.Nothing), required_resource_keys=NEEDED, retry_policy=RETRY)
    def each_connection(context: dg.OpExecutionContext, config: PeriodConfig) -> Iterator[dg.DynamicOutput]:
        with failing_in_words():
            period(config.since, config.until)
        for number, name in enumerate(config.connections):
            yield dg.DynamicOutput(None, mapping_key=f"{number}_{name.replace('-', '_')}")

    @dg.op(ins={"connection": dg.In(dg.Nothing)}, out=dg.Out(dg.Nothing), required_resource_keys=NEEDED, retry_policy=PATIENCE)
    def read_again(context: dg.OpExecutionContext, config: PeriodConfig) -> None:
        number = int(str(context.get_mapping_key()).partition("_")[0])
        read_period(context, connectors, config.connections[number], config)

    @dg.graph
    def backfill_window() -> None:
        each_connection().map(read_again)

    return backfill_window.to_job(
        description="Read a period of some connections again, by time of change, without touching their cursors.",
        config=_period_everywhere,
        executor_def=dg.in_process_executor,
        run_tags={"crm/mode": "window", "dagster/max_runtime": "86400"},
    )


@dg.config_mapping
def _period_everywhere(config: PeriodConfig) -> dg.RunConfig:
    return dg.RunConfig(ops={"each_connection": config, "read_again": config})


def _entity_op(connectors: Mapping[str, Connector], entity: str) -> dg.OpDefinition:
    """Return the step that syncs one entity of the run's connection, whichever CRM it is of."""

    @dg.op(
        name=entity,
        description=ABOUT[entity],
        ins={need: dg.In(dg.Nothing) for need in NEEDS.get(entity, ())},
        out=dg.Out(dg.Nothing),
        required_resource_keys=NEEDED,
        retry_policy=RETRY,
        tags={"dagster/priority": priority(entity)},
    )
    def body(context: dg.OpExecutionContext) -> Iterator[dg.AssetMaterialization | dg.Output]:
        news, failed = False, None
        try:
            news = _synced(context, connectors, entity)
        except dg.Failure as failure:
            failed = failure  # what others changed, and what was landed before it, does not wait for this entity's luck
        yield from golden_news(context, entity, quietly=not news, later=_later(context, entity))
        if failed:
            raise failed
        yield dg.Output(None)

    return body


def _synced(context: dg.OpExecutionContext, connectors: Mapping[str, Connector], entity: str) -> bool:
    """Sync one entity of the run's connection and report it; return whether that was news."""
    connection, mode = context.partition_key, MODES[context.job_name]
    crm = crm_of(context, connection)
    if entity not in entities_of(connectors[crm]):
        context.log.info(f"{crm} has no {entity}.")
        return False
    result = sync_entity(context, connection, entity, mode)
    said = landed(context, crm, connection, entity, mode, result)
    news = is_news(context, connection, said)
    if news:
        report(context, connection, said)
    return news


def _later(context: dg.OpExecutionContext, entity: str) -> tuple[str, ...]:
    """Return the entities that this run has a step for after this one."""
    chosen = context.run.step_keys_to_execute
    behind = ENTITIES[ENTITIES.index(entity) + 1 :]
    return tuple(one for one in behind if not chosen or one in chosen)


def _sync_graph(ops: Mapping[str, dg.OpDefinition]) -> dg.GraphDefinition:
    needs = {dg.NodeInvocation(entity): {need: dg.DependencyDefinition(need) for need in NEEDS.get(entity, ())} for entity in ops}
    return dg.GraphDefinition("sync", node_defs=list(ops.values()), dependencies=needs)
