"""What is done by itself: partitions in step with connections, due connections requested once, dead runs ended."""

import json
from time import perf_counter

import dagster as dg
import pytest
from dagster import DagsterInstance
from dagster._core.test_utils import create_run_for_test
from hypothesis import given
from hypothesis import strategies as st

from crm_pipeline.database import connections
from crm_pipeline.database.leases import live_runs, run_lease
from crm_pipeline.database.locks import writer
from crm_pipeline.orchestration.reaper import GRACE, split_missing
from crm_pipeline.wiring import Pipeline
from crm_pipeline_tests.orchestration.conftest import Connect, Run, connect_paper
from crm_pipeline_tests.orchestration.paper import PaperCrm

Tick = dg.SensorResult | dg.SkipReason


@pytest.fixture
def tick(defs: dg.Definitions, instance: DagsterInstance, pipeline: Pipeline):
    """Return a function that evaluates a sensor once."""

    def ticked(name: str, cursor: str | None = None) -> Tick:
        context = dg.build_sensor_context(instance, cursor, definitions=defs, resources={"pipeline": pipeline})
        return defs.resolve_sensor_def(name)(context)

    return ticked


def test_new_connections_get_their_partitions_and_removed_ones_keep_them(
    tick, pipeline: Pipeline, instance: DagsterInstance
) -> None:
    connect_paper(pipeline, "one", "http://127.0.0.1:1/one")
    requests = tick("connection_registry").dynamic_partitions_requests
    asked = {request.partitions_def_name: request.partition_keys for request in requests}
    assert asked == {"crm_connections": ["one"], "crm_connections_paper": ["one"]}
    for name, keys in asked.items():
        instance.add_dynamic_partitions(name, keys)
    assert isinstance(tick("connection_registry"), dg.SkipReason)
    connections.remove(pipeline.engine, "one")
    assert isinstance(tick("connection_registry"), dg.SkipReason)
    assert instance.get_dynamic_partitions("crm_connections_paper") == ["one"]


def test_the_first_sync_is_initial_and_what_was_requested_is_not_due_again(tick, connect: Connect) -> None:
    connect("one")
    (request,) = tick("due_connections").run_requests
    assert (request.job_name, request.partition_key, request.tags["crm/crm"]) == ("initial_sync", "one", "paper")
    assert request.run_key.startswith("one:")
    assert isinstance(tick("due_connections"), dg.SkipReason)


def test_a_loaded_connection_is_synced_incrementally_when_due(tick, connect: Connect, run: Run, pipeline: Pipeline) -> None:
    connect("one")
    run("initial_sync", "one")
    assert isinstance(tick("due_connections"), dg.SkipReason)
    connections.resume(pipeline.engine, "one")
    (request,) = tick("due_connections").run_requests
    assert request.job_name == "incremental_sync"


def test_connections_at_rest_running_or_being_written_are_left_alone(
    tick, connect: Connect, instance: DagsterInstance, pipeline: Pipeline
) -> None:
    rows = {name: connect(name) for name in ("idle", "paused", "queued", "written")}
    connections.pause(pipeline.engine, "paused")
    create_run_for_test(instance, "verify", status=dg.DagsterRunStatus.STARTING, tags={"dagster/partition": "queued"})
    with writer(pipeline.engine, rows["written"].id):
        assert [request.partition_key for request in tick("due_connections").run_requests] == ["idle"]
    assert [request.partition_key for request in tick("due_connections").run_requests] == ["written"]


def test_a_thousand_connections_take_less_than_a_second(tick, pipeline: Pipeline, instance: DagsterInstance) -> None:
    names = [f"c-{number}" for number in range(1000)]
    with pipeline.engine.begin() as db:
        for name in names:
            db.exec_driver_sql("INSERT INTO sync.connections (crm, name, base_url) VALUES ('paper', %s, 'https://x')", (name,))
    for definition in ("crm_connections", "crm_connections_paper"):
        instance.add_dynamic_partitions(definition, names)
    began = perf_counter()
    assert isinstance(tick("connection_registry"), dg.SkipReason)
    assert len(tick("due_connections").run_requests) == 50
    assert perf_counter() - began < 1.0


def test_the_reaper_ends_a_run_without_a_process_and_lets_its_connection_go_on(
    tick, connect: Connect, instance: DagsterInstance, pipeline: Pipeline
) -> None:
    connect("one")
    assert tick("due_connections").run_requests
    dead, alive = (
        create_run_for_test(instance, "initial_sync", status=dg.DagsterRunStatus.STARTED, tags={"dagster/partition": name})
        for name in ("one", "two")
    )
    with run_lease(pipeline.engine, alive.run_id):
        first = json.loads(str(tick("reaper").cursor))
        assert list(first) == [dead.run_id]
        first[dead.run_id] -= GRACE
        assert json.loads(str(tick("reaper", json.dumps(first)).cursor)) == {}
        statuses = [instance.get_run_by_id(run.run_id).status for run in (dead, alive)]
    assert statuses == [dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.STARTED]
    assert [request.partition_key for request in tick("due_connections").run_requests] == ["one"]


def test_a_lease_ends_with_its_holder(pipeline: Pipeline) -> None:
    with run_lease(pipeline.engine, "some-run"):
        assert "some-run" in live_runs(pipeline.engine)
    assert "some-run" not in live_runs(pipeline.engine)


RUNS = st.sets(st.sampled_from("abcdef"))


@given(st.lists(st.tuples(RUNS, RUNS, st.floats(0, 60)), min_size=1, max_size=12))
def test_only_a_run_missed_at_every_look_for_the_grace_is_dead(looks: list[tuple[set[str], set[str], float]]) -> None:
    now, missing, history = 0.0, {}, []
    for under_way, live, passed in looks:
        now += passed
        dead, missing = split_missing(under_way - live, live, missing, now)
        history.append((now, under_way - live))
        for run_id in dead:
            since = next(at for at, missed in reversed(history) if run_id in missed and not _earlier(history, at, run_id))
            assert now - since >= GRACE
            history = [(at, missed - {run_id}) for at, missed in history]
        assert set(missing) == under_way - live - set(dead)


def _earlier(history: list[tuple[float, set[str]]], at: float, run_id: str) -> bool:
    """Return whether the look just before this one missed the run too."""
    before = [missed for when, missed in history if when < at]
    return bool(before) and run_id in before[-1]


def test_a_due_connection_is_requested_for_real(tick, connect: Connect, run: Run, crm: PaperCrm) -> None:
    connect("one")
    (request,) = tick("due_connections").run_requests
    assert run(request.job_name, request.partition_key).success and "deals" in crm.asked
