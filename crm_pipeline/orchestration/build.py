"""Everything Dagster is to know, put together: CRMs found × entities known."""

from collections.abc import Mapping

import dagster as dg

from crm_pipeline.connectors import Connector, discover
from crm_pipeline.orchestration.assets import all_assets
from crm_pipeline.orchestration.backfills import backfill
from crm_pipeline.orchestration.checks import all_checks
from crm_pipeline.orchestration.jobs import backfill_window_job, quality_job, reconcile_job, sync_jobs
from crm_pipeline.orchestration.maintenance import maintenance
from crm_pipeline.orchestration.outgoing import drain_job, outgoing_assets
from crm_pipeline.orchestration.resources import RESOURCES
from crm_pipeline.orchestration.schedules import SCHEDULES
from crm_pipeline.orchestration.sensors import PRIORITY, connection_registry, due_connections, outgoing_changes, reaper
from crm_pipeline.orchestration.webhooks import follow_job, webhooks_received


def build_defs(connectors: Mapping[str, Connector] | None = None, resources: Mapping[str, object] = RESOURCES) -> dg.Definitions:
    """Return the definitions for these connectors, by default for every one there is."""
    found = discover() if connectors is None else connectors
    syncs, drains, follows = sync_jobs(found, resources), drain_job(resources), follow_job(resources)
    due = due_connections([syncs[name] for name in PRIORITY])
    sensors = [connection_registry(found), due, webhooks_received(follows), outgoing_changes(drains), reaper]
    return dg.Definitions(
        assets=[*all_assets(found), *(backfill(one) for one in found.values()), *outgoing_assets(found)],
        asset_checks=all_checks(found),
        jobs=[*syncs.values(), follows, drains, backfill_window_job(found), reconcile_job, quality_job, maintenance],
        schedules=SCHEDULES,
        sensors=sensors,
        resources=resources,
        executor=dg.in_process_executor,
    )
