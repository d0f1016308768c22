"""The tables as assets: `raw/<crm>/<entity>` and `source/<crm>/<entity>` per connection, `crm/<entity>` for all of them.

Raw and source of one entity are one step: selected together (or raw alone), the CRM is read and a page lands in both in one
transaction; source alone is normalized again from raw, without asking the CRM. `backfill/<crm>` is in `backfills.py`.
"""

from collections.abc import Iterator, Mapping

import dagster as dg
from pydantic import Field

from crm_pipeline.connectors import Connector
from crm_pipeline.model.entities import GOLDEN
from crm_pipeline.orchestration.catalogue import ABOUT, NEEDS, entities_of, golden_needs, priority, sources_of
from crm_pipeline.orchestration.failures import RETRY
from crm_pipeline.orchestration.partitions import connections_of
from crm_pipeline.orchestration.resources import NEEDED
from crm_pipeline.orchestration.steps import landed, normalize_entity, reconcile_entity, reconcile_golden, sync_entity


class SyncConfig(dg.Config):
    """How an asset of a CRM is synced."""

    mode: str = Field("incremental", description="incremental (what changed), initial (everything), verify (compare everything)")


class ReconcileConfig(dg.Config):
    """How a golden table is refreshed."""

    full: bool = Field(False, description="all records instead of those that changed")


def all_assets(connectors: Mapping[str, Connector]) -> list[dg.AssetsDefinition]:
    """Return the assets of every CRM and the golden ones."""
    of_crms = [synced(found, entity) for found in connectors.values() for entity in entities_of(found)]
    return [*of_crms, *(golden(connectors, entity) for entity in GOLDEN)]


def synced(connector: Connector, entity: str) -> dg.AssetsDefinition:
    """Return raw and source of one entity of one CRM."""
    crm = connector.crm

    @dg.multi_asset(
        name=f"{crm}_{entity}",
        specs=[_raw_spec(connector, entity), _source_spec(connector, entity)],
        can_subset=True,
        partitions_def=connections_of(crm),
        required_resource_keys=NEEDED,
        retry_policy=RETRY,
        op_tags={"dagster/priority": priority(entity)},
    )
    def body(context: dg.AssetExecutionContext, config: SyncConfig) -> Iterator[dg.MaterializeResult]:
        connection, asked = context.partition_key, context.selected_asset_keys
        if dg.AssetKey(["raw", crm, entity]) in asked:
            said = landed(context, crm, connection, entity, config.mode, sync_entity(context, connection, entity, config.mode))
        else:
            said = normalize_entity(context, crm, connection, entity)
        yield from (dg.MaterializeResult(key, metadata=metadata) for key, metadata in said.items() if key in asked)
        reconcile_entity(context, entity)

    return body


def golden(connectors: Mapping[str, Connector], entity: str) -> dg.AssetsDefinition:
    """Return `crm/<entity>`, reconciled from every CRM that has the entity, behind what its records refer to."""

    @dg.asset(
        key=["crm", entity],
        deps=[*sources_of(connectors, entity), *golden_needs(entity)],
        group_name="golden",
        kinds={"postgres"},
        description=f"{ABOUT[entity]} Golden records, reconciled from all connections; every sync carries its changes here.",
        required_resource_keys=NEEDED,
        retry_policy=RETRY,
        op_tags={"dagster/priority": priority(entity)},
    )
    def body(context: dg.AssetExecutionContext, config: ReconcileConfig) -> dg.MaterializeResult:
        return dg.MaterializeResult(metadata=reconcile_golden(context, entity, full=config.full))

    return body


def _raw_spec(connector: Connector, entity: str) -> dg.AssetSpec:
    return dg.AssetSpec(
        ["raw", connector.crm, entity],
        group_name=f"{connector.crm}_raw",
        kinds={"postgres", connector.crm},
        description=f"{ABOUT[entity]} Payloads as {connector.title} sends them: raw.records, one partition per connection.",
        skippable=True,
    )


def _source_spec(connector: Connector, entity: str) -> dg.AssetSpec:
    crm = connector.crm
    needs = [need for need in NEEDS.get(entity, ()) if need in entities_of(connector)]
    return dg.AssetSpec(
        ["source", crm, entity],
        deps=[["raw", crm, entity], *(["source", crm, need] for need in needs)],
        group_name=f"{crm}_source",
        kinds={"postgres", crm},
        description=f"{ABOUT[entity]} Typed and cleaned: source.{entity}, one partition per connection of {connector.title}.",
        metadata={"dagster/table_name": f"source.{entity}"},
        skippable=True,
    )
