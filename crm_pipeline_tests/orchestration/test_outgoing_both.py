"""Dagster writes to both CRMs: sensor, runs, assets with what came of them, and checks, over the stand-ins."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import dagster as dg
import pytest
from dagster import DagsterInstance
from sqlalchemy import Engine

from crm_pipeline.connectors import discover
from crm_pipeline.database import connections
from crm_pipeline.database.budget import PostgresBudget
from crm_pipeline.orchestration.build import build_defs
from crm_pipeline.orchestration.partitions import missing_partitions
from crm_pipeline.orchestration.queue import DRAIN, PARTITION, kind_of
from crm_pipeline.orchestration.resources import RESOURCES
from crm_pipeline.sandbox.run import stand_in
from crm_pipeline.sandbox.serving import Options, Sandbox
from crm_pipeline.settings import Settings
from crm_pipeline.stages.connect import connect
from crm_pipeline.stages.direct import direct
from crm_pipeline.stages.edits import edit
from crm_pipeline.stages.reconcile import reconcile
from crm_pipeline.stages.sync import sync
from crm_pipeline.wiring import Pipeline
from crm_pipeline_tests.conftest import administer, url_of
from crm_pipeline_tests.orchestration.conftest import metadata_of, storage_in

CRMS = ("amocrm", "bitrix24")
KIND = {"amocrm": "contacts", "bitrix24": "contact"}
SECRET = {"amocrm": ("access_token", "long_lived_token"), "bitrix24": ("webhook_url", "webhook_url")}

pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Plant:
    """Both CRMs, two-way and loaded, and the Dagster that works for them."""

    parts: Pipeline
    instance: DagsterInstance
    defs: dg.Definitions
    sandboxes: dict[str, Sandbox]

    def rows(self, statement: str) -> list[Any]:
        """Run a statement and return its rows, if it has any."""
        with self.parts.engine.begin() as db:
            done = db.exec_driver_sql(statement)
            return list(done.all()) if done.returns_rows else []

    def tick(self) -> list[dg.RunRequest]:
        """Evaluate the sensor once and return what it requests."""
        context = dg.build_sensor_context(self.instance, definitions=self.defs, resources={"pipeline": self.parts})
        found = self.defs.resolve_sensor_def("outgoing_changes")(context)
        return list(found.run_requests or ()) if isinstance(found, dg.SensorResult) else []

    def run(self, request: dg.RunRequest) -> dg.ExecuteInProcessResult:
        """Run what was requested, as the daemon would have it run."""
        job = self.defs.resolve_job_def("drain_outgoing")
        return job.execute_in_process(
            instance=self.instance, partition_key=request.partition_key, tags=dict(request.tags), raise_on_error=False
        )

    def position(self, crm: str, golden_id: str) -> Any:
        """Return the position a CRM holds of a person."""
        ((number,),) = self.rows(
            f"""SELECT x.external_id FROM crm.crosswalk x JOIN sync.connections c ON c.id = x.connection_id
                WHERE c.name = '{crm}' AND x.entity = 'contacts' AND x.golden_id = '{golden_id}'"""
        )
        row = self.sandboxes[crm].store.get(KIND[crm], int(number))
        if crm == "bitrix24":
            return row["POST"]
        return next(one["values"][0]["value"] for one in row["custom_fields_values"] if one["field_code"] == "POSITION")


@pytest.fixture(scope="module")
def plant(
    module_database_url: str, module_engine: Engine, encryption_key: str, server_url: str, dagster_template: str
) -> Iterator[Plant]:
    """Yield both CRMs, connected, loaded and two-way, with everything they owed each other written."""
    settings = Settings(database_url=module_database_url, encryption_key=encryption_key, allowed_hosts="127.0.0.1")
    parts = Pipeline(settings, module_engine, {crm: discover()[crm] for crm in CRMS}, PostgresBudget(module_engine))
    with ExitStack() as stack:
        stack.callback(parts.close)
        sandboxes = {crm: stand_in(crm)(Options(contacts=6)) for crm in CRMS}
        for crm, sandbox in sandboxes.items():
            stack.enter_context(sandbox.running())
            name, key = SECRET[crm]
            connect(parts, crm, crm, sandbox.url, {name: sandbox.credentials()[key]}, now=datetime.now(UTC))
            connections.set_rate(parts.engine, crm, 1000.0)
            connections.set_burst(parts.engine, crm, 1000)
            assert sync(parts, crm, "initial").status == "ok"
            direct(parts, crm, "two_way")
        reconcile(parts)
        administer(server_url, "CREATE DATABASE {} TEMPLATE {}", "plant_dagster", dagster_template)
        stack.callback(administer, server_url, "DROP DATABASE {} WITH (FORCE)", "plant_dagster")
        instance = stack.enter_context(dg.instance_for_test(overrides=storage_in(url_of(server_url, "plant_dagster"))))
        for definition, keys in missing_partitions(instance, {crm: crm for crm in CRMS}, list(CRMS)).items():
            instance.add_dynamic_partitions(definition, keys)
        chosen = dg.AssetSelection.checks_for_assets(*(dg.AssetKey(["outgoing", crm]) for crm in CRMS))
        look = dg.Definitions(jobs=[dg.define_asset_job("look", selection=chosen)])
        defs = dg.Definitions.merge(build_defs(parts.connectors, {**RESOURCES, "pipeline": parts}), look)
        yield Plant(parts, instance, defs, sandboxes)


def met(plant: Plant, place: int) -> str:
    """Return the golden id of somebody both CRMs have."""
    found = plant.rows("SELECT id::text FROM crm.contacts WHERE source_count >= 2 ORDER BY id")
    return str(found[place][0])


def ask(plant: Plant, operation: str, record: str, position: str) -> None:
    """Have the app change somebody's position."""
    fields = {"position": position}
    given = {"id": operation, "entity": "contacts", "action": "update", "record": record, "fields": fields}
    (done,) = edit(plant.parts, [given], "anna")
    assert (done.status, len(done.changes)) == ("accepted", 2), done


def test_an_edit_is_in_both_crms_after_one_tick(plant: Plant) -> None:
    assert plant.tick() == []
    person = met(plant, 0)
    ask(plant, "op-1", person, "Director of coffee")
    requests = {request.partition_key: request for request in plant.tick()}
    assert requests.keys() == set(CRMS)
    assert len({request.run_key for request in requests.values()}) == 2 and all(request.run_key for request in requests.values())
    for crm, request in requests.items():
        assert str(request.run_key).startswith(f"{crm}:") and plant.run(request).success
        said = metadata_of(plant.instance, f"outgoing/{crm}", crm)
        ends = {name: said[name] for name in ("claimed", "applied", "merged", "conflicts", "rejected", "dead")}
        assert ends == {"claimed": 1, "applied": 1, "merged": 0, "conflicts": 0, "rejected": 0, "dead": 0}
        assert (said["left"], said["oldest_seconds"]) == (0, 0.0) and said["applied_per_second"] > 0
        assert said["requests"] >= 2 and said["rate_budget_share"] > 0
        assert [row.data["state"] for row in said["last_settled"].records] == ["applied"]
        assert plant.position(crm, person) == "Director of coffee"
    assert plant.tick() == [], "what was written is not owed any more"
    for run in plant.instance.get_runs():
        assert (kind_of(run), run.tags[PARTITION]) in {(DRAIN, crm) for crm in CRMS}, "one turn per connection"


def test_what_gathered_during_downtime_is_caught_up_with_by_one_run_per_connection(plant: Plant) -> None:
    """Changes that have waited since yesterday, of a process that died in their midst."""
    for place in range(3):
        ask(plant, f"op-2-{place}", met(plant, place), f"Barista {place}")
    plant.rows(
        """UPDATE sync.outgoing_changes SET created_at = now() - interval '1 day', next_attempt_at = now() - interval '1 day'
           WHERE settled_at IS NULL"""
    )
    plant.rows(
        """UPDATE sync.outgoing_changes SET state = 'in_flight', leased_by = 'gone', lease_until = now() - interval '1 hour',
               fence = nextval('sync.outgoing_fences'), sent_at = now() - interval '1 day'
           WHERE id IN (SELECT min(id) FROM sync.outgoing_changes WHERE settled_at IS NULL)"""
    )
    assert checked(plant)["oldest_pending"] == {False}, "of either CRM something has waited for too long"
    requests = plant.tick()
    assert sorted(str(request.partition_key) for request in requests) == sorted(CRMS)
    assert all(plant.run(request).success for request in requests)
    assert [metadata_of(plant.instance, f"outgoing/{crm}", crm)["applied"] for crm in CRMS] == [3, 3]
    for crm in CRMS:
        assert [plant.position(crm, met(plant, place)) for place in range(3)] == [f"Barista {place}" for place in range(3)]
    assert plant.tick() == []
    assert checked(plant) == {name: {True} for name in ("oldest_pending", "dead", "rejected", "near_misses")}


def test_a_crm_that_fails_hinders_not_the_other(plant: Plant) -> None:
    plant.sandboxes["amocrm"].faults.add({"fault": "status", "status": 403, "match": {"path": ".*"}, "times": 0})
    try:
        ask(plant, "op-3", met(plant, 1), "Roaster")
        done = {str(request.partition_key): plant.run(request).success for request in plant.tick()}
    finally:
        plant.sandboxes["amocrm"].faults.clear()
    assert done == {"amocrm": False, "bitrix24": True}
    assert plant.position("bitrix24", met(plant, 1)) == "Roaster"
    ((state,),) = plant.rows("SELECT DISTINCT state FROM sync.outgoing_changes WHERE settled_at IS NULL")
    assert state == "pending", "what could not be written waits"


def checked(plant: Plant) -> dict[str, set[bool]]:
    """Run the checks of what is owed to both CRMs; return name → whether it passed for any, and failed for any."""
    done = plant.defs.resolve_job_def("look").execute_in_process(instance=plant.instance)
    found: dict[str, set[bool]] = {}
    for one in done.get_asset_check_evaluations():
        found.setdefault(one.check_name, set()).add(one.passed)
    return found
