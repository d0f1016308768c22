"""Housekeeping, mostly of Dagster's own storage: it keeps every event for ever, and no setting forgets the old ones.

Runs are never deleted: that would delete the state of their partitions. Of the event log go step events that say nothing
about an asset, and materializations that a newer one of the same asset and partition has replaced.
"""

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
from pydantic import Field

from crm_pipeline.database import delta, inbox, receipts
from crm_pipeline.database.event_log import purge
from crm_pipeline.orchestration.resources import NEEDED


class RetentionConfig(dg.Config):
    """How long things are kept."""

    chatter_days: int = Field(3, ge=1, description="step events of finished runs; failures and asset events are kept")
    materialization_days: int = Field(90, ge=1, description="materializations that were followed by another: the plots' memory")
    hint_days: int = Field(
        7, ge=2, description="hints of webhooks that were looked into; those nobody could look into: ten times that"
    )
    operation_days: int = Field(30, ge=30, description="operations of the app whose changes have ended")
    log_days: int = Field(14, ge=1, description="captured stdout and stderr of steps")


@dg.op(required_resource_keys=NEEDED)
def forget_old_events(context: dg.OpExecutionContext, config: RetentionConfig) -> None:
    """Purge Dagster's event log."""
    ages = {"chatter": config.chatter_days, "materializations": config.materialization_days}
    storage: Any = context.instance.event_log_storage  # SQL storage, whose tables the queries know
    with storage.index_connection() as connection:
        gone = {what: purge(connection, what, _days_ago(days).replace(tzinfo=None)) for what, days in ages.items()}
    context.log.info(f"Deleted events: {gone}")


@dg.op(required_resource_keys=NEEDED)
def forget_old_logs(context: dg.OpExecutionContext, config: RetentionConfig) -> None:
    """Delete captured output that nobody has written to for long."""
    storage = Path(context.instance.storage_directory())
    old = list(old_folders(storage, _days_ago(config.log_days)))
    for folder in old:
        shutil.rmtree(folder, ignore_errors=True)
    context.log.info(f"Deleted the output of {len(old)} runs.")


@dg.op(required_resource_keys=NEEDED)
def forget_old_hints(context: dg.OpExecutionContext, config: RetentionConfig) -> None:
    """Purge the inbox of webhooks; whatever was missed is found by syncs and the nightly verification."""
    gone = inbox.purge(context.resources.pipeline.engine, done_days=config.hint_days, new_days=10 * config.hint_days)
    context.log.info(f"Deleted {gone} hints.")


@dg.op(required_resource_keys=NEEDED)
def forget_old_operations(context: dg.OpExecutionContext, config: RetentionConfig) -> None:
    """Purge what the app asked for long ago; until then an operation that is sent again is answered again."""
    context.log.info(f"Deleted {receipts.purge(context.resources.pipeline.engine, config.operation_days)} operations.")


@dg.op(required_resource_keys=NEEDED)
def forget_old_tombstones(context: dg.OpExecutionContext) -> None:
    """Forget records that are gone for longer than `sync.database` says; clients away for longer read everything anew."""
    with context.resources.pipeline.engine.begin() as db:
        context.log.info(f"Forgot {delta.forget(db)} records that are gone.")


def old_folders(storage: Path, before: datetime) -> Iterator[Path]:
    """Yield the folders of runs below Dagster's storage that were last written before."""
    for logs in storage.glob("*/compute_logs"):
        if max(path.stat().st_mtime for path in (logs, *logs.iterdir())) < before.timestamp():
            yield logs.parent


@dg.job(
    executor_def=dg.in_process_executor,
    description="Nightly housekeeping: old events and captured output are deleted; what the pages show stays.",
    run_tags={"dagster/max_runtime": "7200"},
)
def maintenance() -> None:
    """Keep Dagster's storage small."""
    forget_old_events()
    forget_old_hints()
    forget_old_logs()
    forget_old_operations()
    forget_old_tombstones()


def _days_ago(days: int) -> datetime:
    return datetime.now(UTC) - timedelta(days=days)
