"""What is owed is written within seconds: the sensor starts drains, and the runs tell what came of them."""

import json
from collections.abc import Callable

import dagster as dg
import pytest
from dagster import DagsterEventType, DagsterInstance
from dagster._core.test_utils import create_run_for_test
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine

from crm_pipeline.database import connections, outgoing
from crm_pipeline.database.outgoing import Parked
from crm_pipeline.orchestration.queue import kind_of
from crm_pipeline.orchestration.reaper import GRACE
from crm_pipeline.orchestration.sensors import FIRST_REST, LONGEST_REST, rest
from crm_pipeline.wiring import Pipeline
from crm_pipeline_tests.orchestration.conftest import NOBODY, Connect, Owe, Run, TwoWay, metadata_of
from crm_pipeline_tests.orchestration.paper import PaperCrm

Tick = Callable[[], list[dg.RunRequest]]


@pytest.fixture
def tick(defs: dg.Definitions, instance: DagsterInstance, pipeline: Pipeline) -> Tick:
    """Return a function that evaluates the sensor once and returns what it requests."""

    def ticked() -> list[dg.RunRequest]:
        context = dg.build_sensor_context(instance, definitions=defs, resources={"pipeline": pipeline})
        found = defs.resolve_sensor_def("outgoing_changes")(context)
        return list(found.run_requests) if isinstance(found, dg.SensorResult) else []

    return ticked


def _park(engine: Engine, connection: str, seconds: float) -> None:
    row = connections.get(engine, connection)
    with engine.begin() as db:
        (held,) = outgoing.claim(db, row.id, "test", 1)
        outgoing.park(db, [Parked(held.id, held.fence, seconds)])


def _sql(engine: Engine, text: str) -> None:
    with engine.begin() as db:
        db.exec_driver_sql(text)


# The sensor -----------------------------------------------------------------------------------------------------------


def test_a_pending_change_starts_a_drain_of_its_connection_once(tick: Tick, two_way: TwoWay, owe: Owe) -> None:
    two_way("one"), two_way("idle")
    assert tick() == []
    first = owe("one")
    owe("one", NOBODY.format(2))
    (request,) = tick()
    assert (request.partition_key, request.job_name, request.tags["crm/crm"]) == ("one", None, "paper")
    assert request.run_key.startswith(f"one:{first}:")
    assert [again.run_key for again in tick()] == [request.run_key], "the same situation has the same key"


def test_interactive_changes_go_first(tick: Tick, two_way: TwoWay, owe: Owe) -> None:
    two_way("bulk"), two_way("urgent")
    owe("bulk"), owe("urgent", NOBODY.format(1))
    last = owe("urgent", NOBODY.format(2), lane="interactive")
    requests = tick()
    assert [request.partition_key for request in requests] == ["urgent", "bulk"]
    assert requests[0].run_key.startswith(f"urgent:{last}:")


def test_a_parked_change_starts_nothing_until_its_next_attempt(tick: Tick, two_way: TwoWay, owe: Owe, database: Engine) -> None:
    two_way("one")
    owe("one")
    (before,) = tick()
    _park(database, "one", 3600)
    assert tick() == []
    owe("one", NOBODY.format(1), name="Behind the parked one")
    assert tick() == [], "changes of one record keep their order"
    _sql(database, "UPDATE sync.outgoing_changes SET next_attempt_at = now() - interval '1 second'")
    (after,) = tick()
    assert after.run_key != before.run_key, "another attempt is another situation"


def test_what_a_dead_process_held_is_taken_up_again(tick: Tick, two_way: TwoWay, owe: Owe, database: Engine) -> None:
    two_way("one")
    owe("one")
    with database.begin() as db:
        outgoing.claim(db, connections.get(database, "one").id, "gone", 1)
    assert tick() == [], "somebody is at it"
    _sql(database, "UPDATE sync.outgoing_changes SET lease_until = now() - interval '1 second'")
    assert [request.partition_key for request in tick()] == ["one"]


def test_only_active_two_way_connections_are_written_to(tick: Tick, two_way: TwoWay, owe: Owe, pipeline: Pipeline) -> None:
    for name in ("one", "paused", "removed", "read", "consent"):
        two_way(name)
        owe(name)
    connections.pause(pipeline.engine, "paused")
    connections.remove(pipeline.engine, "removed")
    connections.set_direction(pipeline.engine, "read", "read_only")
    with pipeline.engine.begin() as db:
        connections.set_status(db, connections.get(pipeline.engine, "consent").id, "needs_consent", "Ask.")
    assert [request.partition_key for request in tick()] == ["one"]
    connections.resume(pipeline.engine, "paused"), connections.resume(pipeline.engine, "consent")
    assert {request.partition_key for request in tick()} == {"one", "paused", "consent"}


def test_one_drain_at_a_time_beside_a_sync(tick: Tick, two_way: TwoWay, owe: Owe, instance: DagsterInstance) -> None:
    for name in ("synced", "drained", "queued", "shown"):
        two_way(name)
        owe(name)
    started, queued = dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.NOT_STARTED
    chosen = frozenset({dg.AssetKey(["outgoing", "paper"])})
    create_run_for_test(instance, "initial_sync", status=started, tags={"dagster/partition": "synced"})
    create_run_for_test(instance, "drain_outgoing", status=started, tags={"dagster/partition": "drained"})
    create_run_for_test(instance, "drain_outgoing", status=queued, tags={"dagster/partition": "queued"})
    create_run_for_test(instance, "__ASSET_JOB", status=started, tags={"dagster/partition": "shown"}, asset_selection=chosen)
    assert [request.partition_key for request in tick()] == ["synced"]


def test_a_drain_does_not_hold_up_the_sync(
    defs: dg.Definitions, connect: Connect, instance: DagsterInstance, pipeline: Pipeline
) -> None:
    connect("one")
    create_run_for_test(instance, "drain_outgoing", status=dg.DagsterRunStatus.STARTED, tags={"dagster/partition": "one"})
    context = dg.build_sensor_context(instance, definitions=defs, resources={"pipeline": pipeline})
    found = defs.resolve_sensor_def("due_connections")(context)
    assert [request.partition_key for request in found.run_requests] == ["one"]


def test_after_a_failure_a_drain_rests_and_starts_anew(
    tick: Tick, two_way: TwoWay, owe: Owe, instance: DagsterInstance, database: Engine
) -> None:
    two_way("one")
    owe("one")
    (before,) = tick()
    failed = create_run_for_test(
        instance, "drain_outgoing", status=dg.DagsterRunStatus.STARTED, tags={"dagster/partition": "one"}
    )
    instance.report_run_failed(instance.get_run_by_id(failed.run_id))
    assert tick() == []
    _sql(database, "UPDATE sync.connections SET status_changed_at = now() + interval '1 minute'")
    (after,) = tick()
    assert after.run_key.rpartition(":")[0] == before.run_key.rpartition(":")[0], "made active since: nothing to rest for"


def test_a_drain_that_died_is_ended_and_makes_no_sync_due(
    defs: dg.Definitions, two_way: TwoWay, owe: Owe, instance: DagsterInstance, pipeline: Pipeline
) -> None:
    def ticked(name: str, cursor: str | None = None) -> dg.SensorResult | dg.SkipReason:
        context = dg.build_sensor_context(instance, cursor, definitions=defs, resources={"pipeline": pipeline})
        return defs.resolve_sensor_def(name)(context)

    two_way("one")
    assert ticked("due_connections").run_requests
    started = {"status": dg.DagsterRunStatus.STARTED, "tags": {"dagster/partition": "one"}}
    died = create_run_for_test(instance, "drain_outgoing", **started)
    missed = json.loads(str(ticked("reaper").cursor))
    ticked("reaper", json.dumps({died.run_id: missed[died.run_id] - GRACE}))
    assert instance.get_run_by_id(died.run_id).status == dg.DagsterRunStatus.FAILURE
    assert isinstance(ticked("due_connections"), dg.SkipReason)


@given(st.integers(0, 200))
def test_rests_grow_and_have_an_end(failures: int) -> None:
    assert rest(0) == 0 and rest(1) == FIRST_REST
    assert rest(failures) <= rest(failures + 1) <= LONGEST_REST


def test_runs_say_whose_turn_they_take(instance: DagsterInstance) -> None:
    def kind(job: str, *keys: str) -> str:
        chosen = frozenset(dg.AssetKey(key.split("/")) for key in keys) or None
        return kind_of(create_run_for_test(instance, job, asset_selection=chosen))

    assert kind("drain_outgoing") == kind("__ASSET_JOB", "outgoing/paper") == "drain"
    assert (
        kind("verify") == kind("__ASSET_JOB", "raw/paper/deals", "outgoing/paper") == kind("__ASSET_JOB", "crm/deals") == "sync"
    )


# Runs -----------------------------------------------------------------------------------------------------------------


def _rename(database: Engine, owe: Owe, name: str) -> int:
    """Give the golden contact of `one:1` another name and queue what that connection is owed."""
    with database.begin() as db:
        of_first = "FROM source.contacts s WHERE s.golden_id = g.id AND s.external_id = '1'"
        text = f"UPDATE crm.contacts g SET name = %s {of_first} RETURNING g.id"
        golden_id = str(db.exec_driver_sql(text, (name,)).scalar_one())
    return owe("one", golden_id, name=name)


def _failure(result: dg.ExecuteInProcessResult) -> str:
    (event,) = (event for event in result.all_events if event.event_type == DagsterEventType.STEP_FAILURE)
    return str(event.step_failure_data.user_failure_data.description)


@pytest.fixture
def loaded(two_way: TwoWay, run: Run) -> None:
    """Load the two-way connection `one`."""
    two_way("one")
    assert run("initial_sync", "one").success


@pytest.mark.usefixtures("loaded")
def test_a_drain_writes_and_tells_what_came_of_it(
    run: Run, owe: Owe, crm: PaperCrm, database: Engine, instance: DagsterInstance
) -> None:
    change = _rename(database, owe, "Renamed")
    assert run("drain_outgoing", "one").success
    assert crm.rows["contacts"][0]["name"] == "Renamed"
    said = metadata_of(instance, "outgoing/paper", "one")
    assert (said["claimed"], said["applied"], said["left"], said["connection"]) == (1, 1, 0, "one")
    assert said["requests"] >= 2 and said["rate_budget_share"] > 0 and said["applied_per_second"] > 0
    (row,) = (record.data for record in said["last_settled"].records)
    assert (row["change"], row["operation"], row["entity"], row["fields"], row["state"]) == (
        change,
        "update",
        "contacts",
        "name",
        "applied",
    )
    assert "Renamed" not in repr(said)


@pytest.mark.usefixtures("loaded")
def test_what_was_written_is_no_news_and_golden_stays(run: Run, owe: Owe, crm: PaperCrm, database: Engine) -> None:
    _rename(database, owe, "Renamed")
    assert run("drain_outgoing", "one").success
    with database.connect() as db:
        assert db.exec_driver_sql("SELECT count(*) FROM sync.golden_queue").scalar() == 0
    assert run("incremental_sync", "one").success
    with database.connect() as db:
        assert db.exec_driver_sql("SELECT count(*) FROM crm.contacts WHERE name = 'Renamed'").scalar() == 1
        assert db.exec_driver_sql("SELECT count(*) FROM sync.outgoing_changes").scalar() == 1
        assert db.exec_driver_sql("SELECT count(*) FROM source.field_changes WHERE NOT is_own_write").scalar() == 0


@pytest.mark.usefixtures("loaded")
def test_the_asset_does_what_the_job_does(
    defs: dg.Definitions, owe: Owe, crm: PaperCrm, database: Engine, instance: DagsterInstance
) -> None:
    _rename(database, owe, "Renamed")
    job = defs.resolve_implicit_global_asset_job_def()
    chosen = [dg.AssetKey(["outgoing", "paper"])]
    assert job.execute_in_process(instance=instance, partition_key="one", asset_selection=chosen).success
    assert crm.rows["contacts"][0]["name"] == "Renamed"
    assert metadata_of(instance, "outgoing/paper", "one")["applied"] == 1


@pytest.mark.usefixtures("loaded")
def test_a_refused_change_is_counted_and_fails_no_run(
    run: Run, owe: Owe, crm: PaperCrm, database: Engine, instance: DagsterInstance
) -> None:
    _rename(database, owe, "Renamed")
    crm.answers["put contacts"] = 422
    assert run("drain_outgoing", "one").success
    said = metadata_of(instance, "outgoing/paper", "one")
    assert (said["applied"], said["rejected"]) == (0, 1)
    assert [record.data["reason"] for record in said["last_settled"].records] == ["refused"]


@pytest.mark.usefixtures("loaded")
def test_a_blocked_connection_fails_in_words_and_is_left_alone(
    run: Run, owe: Owe, crm: PaperCrm, database: Engine, tick: Tick
) -> None:
    _rename(database, owe, "Renamed")
    crm.answers["contacts"] = 402
    failed = run("drain_outgoing", "one")
    assert not failed.success
    assert _failure(failed) == "one/outgoing: Paper has blocked this account. Ask Paper's support."
    assert connections.get(database, "one").status == "blocked" and tick() == []


def test_a_connection_that_is_only_read_is_not_drained(run: Run, connect: Connect) -> None:
    connect("one")
    assert "one is read only: nothing is ever written to it." in _failure(run("drain_outgoing", "one"))
