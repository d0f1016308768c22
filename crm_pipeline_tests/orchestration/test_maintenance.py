"""Old events go, the state of partitions and what failed stay."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
from dagster import DagsterInstance
from sqlalchemy import Engine

from crm_pipeline.database.engine import engine_for
from crm_pipeline.database.event_log import purge
from crm_pipeline.orchestration.maintenance import old_folders
from crm_pipeline_tests.orchestration.conftest import Connect, Run
from crm_pipeline_tests.orchestration.paper import PaperCrm

GONE = """INSERT INTO crm.tombstones (entity, id, gone_at)
    SELECT 'deals', gen_random_uuid(), now() - make_interval(days => age) FROM unnest(ARRAY[89, 91]) age"""
DEALS = dg.AssetKey(["source", "paper", "deals"])


def _storage(instance: DagsterInstance) -> Engine:
    return engine_for(instance.event_log_storage.postgres_url)


def _count(engine: Engine, condition: str) -> int:
    with engine.connect() as db:
        return int(db.exec_driver_sql(f"SELECT count(*) FROM event_logs WHERE {condition}").scalar_one())


def test_purging_keeps_partitions_failures_and_the_latest_of_every_asset(
    run: Run, connect: Connect, crm: PaperCrm, instance: DagsterInstance
) -> None:
    connect("one"), connect("two")
    for job, name in (("initial_sync", "one"), ("incremental_sync", "one"), ("initial_sync", "two")):
        assert run(job, name).success
    crm.answers["deals"] = 403
    run("incremental_sync", "two")
    before = {key: instance.get_materialized_partitions(key) for key in (DEALS, dg.AssetKey(["raw", "paper", "users"]))}
    engine = _storage(instance)
    latest = instance.get_latest_materialization_event(DEALS)
    assert _count(engine, "dagster_event_type = 'ASSET_MATERIALIZATION' AND asset_key LIKE '%%source%%deals%%'") == 3
    with engine.connect() as db:
        tomorrow = (datetime.now(UTC) + timedelta(days=1)).replace(tzinfo=None)
        assert purge(db, "chatter", tomorrow) > 20 and purge(db, "materializations", tomorrow) > 0
    assert _count(engine, "dagster_event_type = 'ASSET_MATERIALIZATION' AND asset_key LIKE '%%source%%deals%%'") == 2
    assert _count(engine, "dagster_event_type IN ('STEP_FAILURE', 'PIPELINE_FAILURE')") == 2
    assert _count(engine, "asset_key IS NULL AND dagster_event_type = 'STEP_START'") == 0
    assert before == {key: instance.get_materialized_partitions(key) for key in before}
    assert instance.get_latest_materialization_event(DEALS) == latest
    engine.dispose()


def test_the_job_leaves_young_events_and_tombstones(
    run: Run, connect: Connect, instance: DagsterInstance, database: Engine
) -> None:
    connect("one")
    run("initial_sync", "one")
    engine = _storage(instance)
    before = _count(engine, "asset_key IS NULL")
    with database.begin() as db:
        db.exec_driver_sql(GONE)
    assert run("maintenance").success
    assert _count(engine, "asset_key IS NULL") >= before
    with database.connect() as db:
        assert db.exec_driver_sql("SELECT array_agg(gone_at > now() - interval '90 days') FROM crm.tombstones").scalar() == [True]
    engine.dispose()


def test_captured_output_goes_by_age(tmp_path: Path) -> None:
    for name, age in (("old", 20), ("young", 1)):
        logs = tmp_path / name / "compute_logs"
        logs.mkdir(parents=True)
        (logs / "step.out").write_text("said")
        stamp = (datetime.now(UTC) - timedelta(days=age)).timestamp()
        for path in (logs / "step.out", logs):
            os.utime(path, (stamp, stamp))
    assert [path.name for path in old_folders(tmp_path, datetime.now(UTC) - timedelta(days=14))] == ["old"]
