"""Hints of webhooks start a run that reads what they name, which takes the connection's turn to sync."""

import dagster as dg
import pytest
from dagster import DagsterInstance
from dagster._core.test_utils import create_run_for_test
from sqlalchemy import Engine

from crm_pipeline.database import connections, inbox
from crm_pipeline.model.hints import Hint, Notice, rows_of
from crm_pipeline.orchestration.queue import SYNC, kind_of
from crm_pipeline.wiring import Pipeline
from crm_pipeline_tests.orchestration.conftest import Connect, Run


@pytest.fixture
def tick(defs: dg.Definitions, instance: DagsterInstance, pipeline: Pipeline):
    """Return a function that evaluates the sensor once."""

    def ticked() -> dg.SensorResult | dg.SkipReason:
        context = dg.build_sensor_context(instance, definitions=defs, resources={"pipeline": pipeline})
        return defs.resolve_sensor_def("webhooks_received")(context)

    return ticked


def hint(engine: Engine, connection_id: int, *keys: str) -> None:
    """Put hints about deals into the inbox, as a delivery does."""
    notice = Notice(tuple(Hint("deals", key, "update", "1") for key in keys), repeats=True)
    with engine.begin() as db:
        inbox.put(db, connection_id, rows_of(notice, "digest"), "digest", wakes=False)


def states(engine: Engine) -> list[str]:
    with engine.connect() as db:
        return list(db.exec_driver_sql("SELECT state FROM sync.inbox ORDER BY id").scalars())


def test_hints_are_looked_into_by_a_run_of_their_own(
    tick, connect: Connect, run: Run, pipeline: Pipeline, database: Engine
) -> None:
    row = connect("one")
    run("initial_sync", "one")
    assert isinstance(tick(), dg.SkipReason)
    hint(database, row.id, "1", "2")
    (request,) = tick().run_requests
    assert (request.partition_key, request.tags["crm/crm"]) == ("one", "paper")
    due = connections.get(pipeline.engine, "one").next_due_at
    assert run("follow_webhooks", "one").success
    assert states(database) == ["done", "done"]
    assert connections.get(pipeline.engine, "one").next_due_at == due
    assert isinstance(tick(), dg.SkipReason)


def test_a_connection_at_work_or_at_rest_is_left_alone(
    tick, connect: Connect, instance: DagsterInstance, pipeline: Pipeline, database: Engine
) -> None:
    for name in ("idle", "busy", "paused"):
        hint(database, connect(name).id, "1")
    connections.pause(pipeline.engine, "paused")
    at_work = create_run_for_test(
        instance, "follow_webhooks", status=dg.DagsterRunStatus.STARTING, tags={"dagster/partition": "busy"}
    )
    assert kind_of(at_work) == SYNC
    assert [request.partition_key for request in tick().run_requests] == ["idle"]
