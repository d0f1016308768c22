"""What Dagster is shown: fixed names, one asset per CRM and entity, nothing heavy imported, nothing contacted, no warnings."""

import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest

from crm_pipeline.connectors import discover
from crm_pipeline.model.entities import ENTITIES, GOLDEN
from crm_pipeline.orchestration.build import build_defs
from crm_pipeline.orchestration.catalogue import entities_of, golden_needs
from crm_pipeline_tests.orchestration.paper import CONNECTOR

PAPER = ("users", "companies", "contacts", "deals")
JOBS = {"initial_sync", "incremental_sync", "backfill_window", "verify", "reconcile", "quality", "maintenance", "drain_outgoing"}
JOBS |= {"follow_webhooks"}
ENVIRONMENT = {"PATH": "/usr/bin:/bin", "CRM_DATABASE_URL": "postgresql://nobody:none@127.0.0.1:1/none"}
"""An environment whose database cannot be reached: importing must not try."""


@pytest.fixture(scope="module")
def repository() -> dg.RepositoryDefinition:
    """Return the repository of the paper CRM."""
    defs = build_defs({"paper": CONNECTOR})
    dg.Definitions.validate_loadable(defs)
    return defs.get_repository_def()


def _keys(repository: dg.RepositoryDefinition) -> set[str]:
    return {key.to_user_string() for key in repository.asset_graph.get_all_asset_keys()}


def test_asset_keys_are_crms_times_entities(repository: dg.RepositoryDefinition) -> None:
    of_paper = {f"{layer}/paper/{entity}" for layer in ("raw", "source") for entity in PAPER}
    assert _keys(repository) == of_paper | {"backfill/paper", "outgoing/paper"} | {f"crm/{entity}" for entity in GOLDEN}


def test_jobs_sensors_and_schedules_have_their_fixed_names(repository: dg.RepositoryDefinition) -> None:
    assert {job.name for job in repository.get_all_jobs()} - {"__ASSET_JOB"} == JOBS
    assert {one.name for one in repository.sensor_defs} == {
        "connection_registry",
        "due_connections",
        "outgoing_changes",
        "reaper",
        "webhooks_received",
    }
    assert {one.name: one.job_name for one in repository.schedule_defs} == {
        "nightly_verify": "verify",
        "nightly_quality": "quality",
        "nightly_maintenance": "maintenance",
    }


def test_every_discovered_crm_has_its_assets() -> None:
    found = discover()
    keys = _keys(build_defs().get_repository_def())
    assert {"amocrm", "bitrix24"} <= set(found)
    for crm, connector in found.items():
        for entity in entities_of(connector):
            assert {f"raw/{crm}/{entity}", f"source/{crm}/{entity}"} <= keys
        assert f"backfill/{crm}" in keys


def test_a_crms_assets_take_only_its_own_connections(repository: dg.RepositoryDefinition) -> None:
    graph = repository.asset_graph
    for entity in PAPER:
        for layer in ("raw", "source"):
            assert graph.get(dg.AssetKey([layer, "paper", entity])).partitions_def.name == "crm_connections_paper"
    assert graph.get(dg.AssetKey(["crm", "deals"])).partitions_def is None


def test_lineage_goes_from_raw_through_source_to_golden(repository: dg.RepositoryDefinition) -> None:
    graph = repository.asset_graph
    assert dg.AssetKey(["raw", "paper", "deals"]) in graph.get(dg.AssetKey(["source", "paper", "deals"])).parent_keys
    referred = {dg.AssetKey(["crm", entity]) for entity in ("users", "pipelines", "stages", "companies", "contacts", "products")}
    assert graph.get(dg.AssetKey(["crm", "deals"])).parent_keys == {dg.AssetKey(["source", "paper", "deals"])} | referred
    assert graph.get(dg.AssetKey(["crm", "users"])).parent_keys == {dg.AssetKey(["source", "paper", "users"])}


def test_outgoing_comes_behind_the_golden_tables_that_can_be_written(repository: dg.RepositoryDefinition) -> None:
    node = repository.asset_graph.get(dg.AssetKey(["outgoing", "paper"]))
    assert node.parent_keys == {dg.AssetKey(["crm", "contacts"])}
    assert node.partitions_def.name == "crm_connections_paper"


def test_golden_tables_come_behind_what_they_refer_to() -> None:
    for entity in GOLDEN:
        assert all(GOLDEN.index(need.path[1]) < GOLDEN.index(entity) for need in golden_needs(entity)), entity


def test_checks_block_where_a_breach_would_spread(repository: dg.RepositoryDefinition) -> None:
    graph = repository.asset_graph
    blocking = {key.to_user_string() for key in graph.asset_check_keys if graph.get_check_spec(key).blocking}
    guarded = {f"crm/{entity}:{check}" for entity in GOLDEN for check in ("keys", "crosswalk")}
    guarded |= {f"crm/{entity}:links" for entity in ("stages", "companies", "contacts", "deals", "tasks", "communications")}
    assert blocking == guarded | {"crm/deals:sums"} | {f"source/paper/{entity}:keys" for entity in PAPER}


def test_every_asset_says_what_it_is_and_where_it_belongs(repository: dg.RepositoryDefinition) -> None:
    nodes = [repository.asset_graph.get(key) for key in repository.asset_graph.get_all_asset_keys()]
    assert all(node.description and node.kinds for node in nodes)
    assert {node.group_name for node in nodes} == {"paper_raw", "paper_source", "golden", "backfill", "outgoing"}


def test_steps_go_in_load_order(repository: dg.RepositoryDefinition) -> None:
    def rank(entity: str) -> int:
        return int(repository.get_job("initial_sync").get_node_named(entity).definition.tags["dagster/priority"])

    assert sorted(ENTITIES, key=rank, reverse=True) == list(ENTITIES)


def _python(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command, variables = [sys.executable, *arguments], {**ENVIRONMENT, **environment}
    return subprocess.run(command, env=variables, cwd=folder, capture_output=True, text=True, timeout=120, check=False)


def test_importing_the_definitions_is_light_and_contacts_nobody(tmp_path: Path) -> None:
    code = """
import socket, sys
def refuse(*_): raise AssertionError("contacted somebody")
socket.socket.connect = refuse
import crm_pipeline.definitions
heavy = sorted({"pandas", "great_expectations", "scipy", "numpy", "fastapi"} & set(sys.modules))
assert not heavy, heavy
"""
    done = _python(tmp_path, "-W", "error::DeprecationWarning:crm_pipeline", "-c", code)
    assert done.returncode == 0, done.stderr
    assert "Warning" not in done.stderr


def test_dagster_definitions_validate_is_clean(tmp_path: Path) -> None:
    done = _python(
        tmp_path, "-m", "dagster", "definitions", "validate", "-m", "crm_pipeline.definitions", DAGSTER_HOME=str(tmp_path)
    )
    assert done.returncode == 0, done.stderr
    warned = [line for line in done.stderr.splitlines() if "Warning" in line and "SupersessionWarning" not in line]
    assert not warned
