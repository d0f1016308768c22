"""A pipeline with the paper CRM, a Dagster instance in the same Postgres, and our definitions over both."""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster import DagsterInstance
from sqlalchemy.engine import make_url

from crm_pipeline.database import connections, outgoing, vault
from crm_pipeline.database.budget import PostgresBudget
from crm_pipeline.database.connections import ConnectionRow
from crm_pipeline.database.dagster_storage import own_name
from crm_pipeline.database.engine import DRIVER, engine_for
from crm_pipeline.database.outgoing import NewChange
from crm_pipeline.model.records import Account
from crm_pipeline.orchestration.build import build_defs
from crm_pipeline.orchestration.partitions import missing_partitions
from crm_pipeline.orchestration.resources import RESOURCES
from crm_pipeline.settings import Settings
from crm_pipeline.wiring import Pipeline
from crm_pipeline_tests.conftest import administer, url_of
from crm_pipeline_tests.orchestration.paper import CONNECTOR, PaperCrm

TOKEN = "canary-4f1d8c77-token"
"""A secret that must never be seen anywhere but in the requests to the CRM."""


@pytest.fixture
def settings(database_url: str, encryption_key: str, crm_home: Path) -> Settings:
    """Return settings as the environment would give them."""
    return Settings(database_url=database_url, encryption_key=encryption_key, home=crm_home, allowed_hosts=("127.0.0.1",))


@pytest.fixture
def pipeline(settings: Settings) -> Iterator[Pipeline]:
    """Yield the pipeline with the paper CRM as its only connector."""
    engine = engine_for(str(settings.database_url))
    parts = Pipeline(settings, engine, {"paper": CONNECTOR}, PostgresBudget(engine))
    yield parts
    parts.close()


@pytest.fixture
def crm() -> Iterator[PaperCrm]:
    """Yield a running paper CRM with two records in every list."""
    server = PaperCrm()
    for entity in ("users", "companies", "contacts", "deals"):
        server.add(entity, "first", "second")
    yield server
    server.close()


@pytest.fixture(scope="session")
def dagster_template(server_url: str) -> str:
    """Return the name of a database that has Dagster's tables and that nobody is connected to."""
    administer(server_url, "CREATE DATABASE {}", "template_dagster")
    with dg.instance_for_test(overrides=storage_in(url_of(server_url, "template_dagster"))):
        pass
    return "template_dagster"


@pytest.fixture
def instance(settings: Settings, server_url: str, dagster_template: str) -> Iterator[DagsterInstance]:
    """Yield a Dagster instance whose storage is the database `dagster_environment` would choose beside the test's own."""
    name = own_name(str(make_url(str(settings.database_url)).database))
    administer(server_url, "CREATE DATABASE {} TEMPLATE {}", name, dagster_template)
    with dg.instance_for_test(overrides=storage_in(url_of(server_url, name))) as made:
        yield made
    administer(server_url, "DROP DATABASE {} WITH (FORCE)", name)


def storage_in(url: str) -> dict[str, Any]:
    """Return the part of `dagster.yaml` that keeps everything in a database."""
    return {"storage": {"postgres": {"postgres_url": make_url(url).set(drivername=DRIVER).render_as_string(hide_password=False)}}}


@pytest.fixture
def defs(pipeline: Pipeline) -> dg.Definitions:
    """Return our definitions for the paper CRM, on the test's pipeline."""
    return definitions_on(pipeline)


def definitions_on(pipeline: Pipeline) -> dg.Definitions:
    """Return our definitions with this pipeline instead of the one the environment names."""
    return build_defs({"paper": CONNECTOR}, resources={**RESOURCES, "pipeline": pipeline})


Connect = Callable[..., ConnectionRow]


@pytest.fixture
def connect(pipeline: Pipeline, instance: DagsterInstance, crm: PaperCrm) -> Connect:
    """Return a function that connects an account of the paper CRM under a name, with its partitions."""

    def made(name: str, url: str | None = None) -> ConnectionRow:
        row = connect_paper(pipeline, name, url or crm.url)
        for definition, keys in missing_partitions(instance, {name: "paper"}, ["paper"]).items():
            instance.add_dynamic_partitions(definition, keys)
        return row

    return made


def connect_paper(pipeline: Pipeline, name: str, url: str) -> ConnectionRow:
    """Connect an account of the paper CRM as the stage `connect` does for a discovered one."""
    with pipeline.engine.begin() as db:
        row_id = connections.add(db, "paper", name, url)
        vault.save(db, pipeline.settings.encryption_keys, row_id, {"access_token": TOKEN})
        connections.adopt(db, row_id, Account(f"{url}/{name}", "Paper", url, "UTC", "EUR"), datetime.now(UTC))
        connections.activate(db, row_id)
        return connections.by_id(db, row_id)


TwoWay = Callable[[str], None]
Owe = Callable[..., int]
NOBODY = "00000000-0000-4000-8000-{:012d}"
"""Golden ids of nobody."""


@pytest.fixture
def two_way(connect: Connect, pipeline: Pipeline) -> TwoWay:
    """Return a function that connects an account that is written to."""

    def made(name: str) -> None:
        connect(name)
        connections.set_direction(pipeline.engine, name, "two_way")

    return made


@pytest.fixture
def owe(pipeline: Pipeline) -> Owe:
    """Return a function that queues a change of a contact and returns its id."""

    def owed(connection: str, golden_id: str = NOBODY.format(1), lane: str = "bulk", **fields: Any) -> int:
        row = connections.get(pipeline.engine, connection)
        change = NewChange(row.id, "contacts", golden_id, "update", fields or {"name": "New"}, {}, external_id="1", lane=lane)
        with pipeline.engine.begin() as db:
            return outgoing.enqueue(db, [change])[0]

    return owed


Run = Callable[..., dg.ExecuteInProcessResult]


@pytest.fixture
def run(defs: dg.Definitions, instance: DagsterInstance) -> Run:
    """Return a function that runs a job in this process and returns its result, failed or not."""

    def ran(job: str, partition: str | None = None, config: Mapping[str, Any] | None = None) -> dg.ExecuteInProcessResult:
        found = defs.resolve_job_def(job)
        return found.execute_in_process(config, instance, partition_key=partition, raise_on_error=False)

    return ran


def metadata_of(instance: DagsterInstance, key: str, partition: str | None = None) -> dict[str, Any]:
    """Return the metadata of the latest materialization of an asset ("raw/paper/deals"), as plain values."""
    record = instance.fetch_materializations(
        dg.AssetRecordsFilter(dg.AssetKey(key.split("/")), asset_partitions=[partition] if partition else None), limit=1
    ).records[0]
    found = record.asset_materialization
    assert found is not None
    return {name: value.value for name, value in found.metadata.items()}
