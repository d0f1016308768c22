"""What a run does: assets and jobs tell the same, a broken connection fails alone and in words."""

import threading
from collections.abc import Sequence

import dagster as dg
from dagster import DagsterEventType, DagsterInstance
from sqlalchemy import Engine
from tenacity import Retrying, retry_if_result, stop_after_delay, wait_fixed

from crm_pipeline.database.locks import writer
from crm_pipeline.wiring import Pipeline
from crm_pipeline_tests.orchestration.conftest import Connect, Run, metadata_of
from crm_pipeline_tests.orchestration.paper import PaperCrm


def _names(engine: Engine, table: str) -> list[str]:
    with engine.connect() as db:
        return list(db.exec_driver_sql(f"SELECT name FROM {table} ORDER BY name").scalars())


def _failures(result: dg.ExecuteInProcessResult) -> dict[str, str]:
    """Return step → what its failure says."""
    events = [event for event in result.all_events if event.event_type == DagsterEventType.STEP_FAILURE]
    return {str(event.step_key): str(event.step_failure_data.user_failure_data.description) for event in events}


def _materialize(
    defs: dg.Definitions, instance: DagsterInstance, partition: str, keys: Sequence[str]
) -> dg.ExecuteInProcessResult:
    job = defs.resolve_implicit_global_asset_job_def()
    selection = [dg.AssetKey(key.split("/")) for key in keys]
    return job.execute_in_process(instance=instance, partition_key=partition, asset_selection=selection, raise_on_error=False)


def test_initial_sync_fills_raw_source_and_golden(
    run: Run, connect: Connect, instance: DagsterInstance, database: Engine
) -> None:
    connect("one")
    assert run("initial_sync", "one").success
    assert _names(database, "source.companies") == _names(database, "crm.companies") == ["first", "second"]
    for key in ("raw/paper/deals", "source/paper/deals", "source/paper/users"):
        said = metadata_of(instance, key, "one")
        assert (said["read"], said["inserted"], said["requests"], said["dagster/row_count"]) == (2, 2, 1, 2), key
        assert (said["connection"], said["mode"]) == ("one", "initial")
        assert said["rate_budget_share"] > 0 and said["rows_per_second"] > 0 and "lag_seconds" not in said
    assert metadata_of(instance, "crm/deals")["new"] == 2


def test_incremental_sync_reads_what_changed(run: Run, connect: Connect, crm: PaperCrm, instance: DagsterInstance) -> None:
    connect("one")
    run("initial_sync", "one")
    crm.rows["deals"][0]["at"] -= 1e6
    crm.add("deals", "third")
    assert run("incremental_sync", "one").success
    said = metadata_of(instance, "source/paper/deals", "one")
    assert (said["mode"], said["inserted"], said["dagster/row_count"]) == ("incremental", 1, 3)
    assert 0 < said["lag_seconds"] < 300


def test_syncs_that_find_nothing_by_themselves_are_told_of_once_an_hour(
    defs: dg.Definitions, run: Run, connect: Connect, crm: PaperCrm, instance: DagsterInstance
) -> None:
    connect("one")
    run("initial_sync", "one")
    job, by_itself = defs.resolve_job_def("incremental_sync"), {"dagster/sensor_name": "due_connections"}

    def told() -> set[str]:
        done = job.execute_in_process(instance=instance, partition_key="one", tags=by_itself)
        events = [event for event in done.all_events if event.event_type == DagsterEventType.ASSET_MATERIALIZATION]
        return {event.asset_key.to_user_string() for event in events}

    assert told() == set()
    crm.add("deals", "third")
    assert told() == {"raw/paper/deals", "source/paper/deals", "crm/deals"}
    assert run("incremental_sync", "one").asset_materializations_for_node("users"), "somebody asked"


def test_assets_from_the_lineage_do_what_the_job_does(
    defs: dg.Definitions, connect: Connect, instance: DagsterInstance, database: Engine
) -> None:
    connect("one")
    done = _materialize(defs, instance, "one", ["raw/paper/companies", "source/paper/companies"])
    assert done.success and done.asset_materializations_for_node("paper_companies")
    assert metadata_of(instance, "raw/paper/companies", "one")["inserted"] == 2
    assert _names(database, "crm.companies") == ["first", "second"]
    assert metadata_of(instance, "crm/companies")["new"] == 2


def test_source_alone_is_normalized_from_raw_without_the_crm(
    defs: dg.Definitions, connect: Connect, instance: DagsterInstance, database: Engine, crm: PaperCrm
) -> None:
    connect("one")
    _materialize(defs, instance, "one", ["raw/paper/companies", "source/paper/companies"])
    with database.begin() as db:
        db.exec_driver_sql("UPDATE source.companies SET name = 'spoilt'")
    crm.asked.clear()
    assert _materialize(defs, instance, "one", ["source/paper/companies"]).success
    assert not crm.asked
    assert _names(database, "source.companies") == ["first", "second"]
    said = metadata_of(instance, "source/paper/companies", "one")
    assert (said["mode"], said["requests"]) == ("normalize", 0)


def test_a_blocked_connection_stops_at_once_says_what_to_do_and_fails_alone(
    run: Run, connect: Connect, crm: PaperCrm, database: Engine
) -> None:
    connect("blocked"), connect("fine")
    crm.answers["companies"] = 402
    failed = run("initial_sync", "blocked")
    said = _failures(failed)
    assert said["companies"] == "blocked/companies: Paper has blocked this account. Ask Paper's support."
    assert (
        said["deals"].startswith("blocked/deals: not tried after companies failed: Paper has blocked")
        and "deals" not in crm.asked
    )
    with database.connect() as db:
        assert db.exec_driver_sql("SELECT status FROM sync.connections WHERE name = 'blocked'").scalar() == "blocked"
    del crm.answers["companies"]
    assert run("initial_sync", "fine").success


def test_an_implausible_entity_does_not_stop_the_others(
    run: Run, connect: Connect, crm: PaperCrm, instance: DagsterInstance, database: Engine
) -> None:
    connect("one")
    crm.add("contacts", *(f"contact {number}" for number in range(40)))
    run("initial_sync", "one")
    crm.rows["contacts"].clear()
    crm.add("deals", "third")
    said = _failures(run("verify", "one"))
    assert list(said) == ["contacts"] and "nothing was deleted" in said["contacts"]
    assert metadata_of(instance, "crm/deals")["new"] == 1
    assert len(_names(database, "source.contacts")) == 42


def test_the_second_writer_waits_for_the_first(run: Run, connect: Connect, instance: DagsterInstance, pipeline: Pipeline) -> None:
    row = connect("one")
    results: list[dg.ExecuteInProcessResult] = []
    with writer(pipeline.engine, row.id):
        second = threading.Thread(target=lambda: results.append(run("initial_sync", "one")))
        second.start()
        _until_event(instance, DagsterEventType.STEP_UP_FOR_RETRY)
    second.join(60)
    assert results[0].success


def _until_event(instance: DagsterInstance, kind: DagsterEventType) -> None:
    def seen() -> bool:
        runs = instance.get_runs()
        return any(instance.all_logs(run.run_id, of_type=kind) for run in runs)

    Retrying(retry=retry_if_result(lambda found: not found), wait=wait_fixed(0.1), stop=stop_after_delay(30))(seen)
