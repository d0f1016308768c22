"""The whole thing as real processes: `dagster dev` on the test's Postgres, syncing, failing, being killed and going on."""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from time import monotonic
from typing import Any

import pytest
from sqlalchemy import Engine
from tenacity import Retrying, retry_if_result, stop_after_delay, wait_fixed

import crm_pipeline
from crm_pipeline.database import connections, outgoing
from crm_pipeline.database.outgoing import NewChange
from crm_pipeline.orchestration.serve import Dagster, start_dagster
from crm_pipeline.settings import Settings
from crm_pipeline.wiring import Pipeline
from crm_pipeline_tests.conftest import open_folder, url_of
from crm_pipeline_tests.orchestration.conftest import TOKEN, connect_paper
from crm_pipeline_tests.orchestration.paper import PaperCrm

pytestmark = pytest.mark.slow

MINUTE, PATIENCE = 60.0, 240.0
_RUNS = """query ($partition: String!) { runsOrError(filter: {tags: [{key: "dagster/partition", value: $partition}]}) {
    ... on Runs { results { runId status jobName startTime tags { key value } } } } }"""
_AGAIN = """mutation ($id: String!) { launchRunReexecution(reexecutionParams: {parentRunId: $id, strategy: FROM_FAILURE}) {
    __typename ... on LaunchRunSuccess { run { runId } } ... on PythonError { message } } }"""
_STEPS = """query ($id: ID!) { runOrError(runId: $id) { ... on Run { stepStats { stepKey status } } } }"""


@pytest.fixture
def home() -> Iterator[Path]:
    """Yield a CRM_HOME of this test's own."""
    with open_folder() as folder:
        yield folder


@pytest.fixture
def settings(database_url: str, encryption_key: str, home: Path) -> Settings:
    """Return the settings Dagster's processes get."""
    return Settings(database_url=database_url, encryption_key=encryption_key, home=home, allowed_hosts=("127.0.0.1",))


@pytest.fixture
def start(settings: Settings, tmp_path: Path) -> Iterator[Callable[[], Dagster]]:
    """Return a function that starts Dagster, with the paper CRM installed as an entry point as another package would."""
    package = tmp_path / "paper-1.dist-info"
    package.mkdir()
    (package / "METADATA").write_text("Metadata-Version: 2.1\nName: paper\nVersion: 1\n")
    (package / "entry_points.txt").write_text("[crm_pipeline.connectors]\npaper = crm_pipeline_tests.orchestration.paper\n")
    root = Path(str(crm_pipeline.__file__)).parents[1]
    started: list[Dagster] = []

    def starting() -> Dagster:
        started.append(start_dagster(settings, variables={"PYTHONPATH": f"{tmp_path}{os.pathsep}{root}"}))
        return started[-1]

    yield starting
    for one in started:
        one.stop()


def _runs(dagster: Dagster, partition: str) -> list[dict[str, Any]]:
    return list(dagster.ask(_RUNS, partition=partition)["runsOrError"]["results"])


def _until(condition: Callable[[], Any], seconds: float) -> Any:
    """Return what a condition gives once it is true. Raises RetryError when it stays false for so long."""
    return Retrying(retry=retry_if_result(lambda found: not found), wait=wait_fixed(0.2), stop=stop_after_delay(seconds))(
        condition
    )


def _ended(dagster: Dagster, partition: str, job: str, status: str) -> str | None:
    found = [run["runId"] for run in _runs(dagster, partition) if (run["jobName"], run["status"]) == (job, status)]
    return str(found[0]) if found else None


def test_a_connection_is_loaded_by_itself_and_what_failed_is_run_again(
    start: Callable[[], Dagster], pipeline: Pipeline, crm: PaperCrm, database: Engine, home: Path
) -> None:
    crm.answers["deals"] = 403
    connect_paper(pipeline, "one", crm.url)
    dagster = start()
    failed = _until(lambda: _ended(dagster, "one", "initial_sync", "FAILURE"), PATIENCE)
    del crm.answers["deals"]
    again = dagster.ask(_AGAIN, id=failed)["launchRunReexecution"]["run"]["runId"]
    assert dagster.wait(again, PATIENCE) == "SUCCESS"
    steps = dagster.ask(_STEPS, id=again)["runOrError"]["stepStats"]
    assert [step["stepKey"] for step in steps] == ["deals"]
    crm.add("contacts", "came later")
    connections.resume(pipeline.engine, "one")
    _until(lambda: _ended(dagster, "one", "incremental_sync", "SUCCESS"), PATIENCE)
    with database.connect() as db:
        assert db.exec_driver_sql("SELECT count(*) FROM crm.contacts").scalar() == 3
    dagster.stop()
    _assert_secret_is_nowhere(pipeline.settings, home)


def test_after_the_run_and_its_parent_are_killed_the_next_run_starts_within_a_minute(
    start: Callable[[], Dagster], pipeline: Pipeline, crm: PaperCrm
) -> None:
    crm.held["deals"] = threading.Event()
    connect_paper(pipeline, "one", crm.url)
    first = start()
    assert crm.arrived["deals"].wait(PATIENCE)
    (killed,) = _runs(first, "one")
    assert killed["status"] == "STARTED"
    os.killpg(first.process.pid, signal.SIGKILL)
    second = start()
    began = monotonic()
    crm.held["deals"].set()
    after = _until(lambda: [run for run in _runs(second, "one") if run["startTime"] and run["runId"] != killed["runId"]], MINUTE)
    assert monotonic() - began < MINUTE
    assert second.status(killed["runId"]) == "FAILURE"
    assert second.wait(after[0]["runId"], PATIENCE) == "SUCCESS"


def test_what_is_owed_is_written_within_seconds_while_a_sync_is_under_way(
    start: Callable[[], Dagster], pipeline: Pipeline, crm: PaperCrm, database: Engine
) -> None:
    connect_paper(pipeline, "one", crm.url)
    row = connections.set_direction(pipeline.engine, "one", "two_way")
    dagster = start()
    _until(lambda: _ended(dagster, "one", "initial_sync", "SUCCESS"), PATIENCE)
    crm.held["deals"] = threading.Event()
    crm.arrived["deals"].clear()
    connections.resume(pipeline.engine, "one")
    assert crm.arrived["deals"].wait(PATIENCE)
    with database.begin() as db:
        golden_id = str(
            db.exec_driver_sql("UPDATE crm.contacts SET name = 'Renamed' WHERE name = 'first' RETURNING id").scalar_one()
        )
        outgoing.enqueue(db, [NewChange(row.id, "contacts", golden_id, "update", {"name": "Renamed"}, external_id="1")])
    _until(lambda: crm.rows["contacts"][0]["name"] == "Renamed", MINUTE)
    _until(lambda: _ended(dagster, "one", "drain_outgoing", "SUCCESS"), MINUTE)
    runs = {run["jobName"]: (run["status"], {tag["key"]: tag["value"] for tag in run["tags"]}) for run in _runs(dagster, "one")}
    assert runs["incremental_sync"][0] == "STARTED", "the drain did not wait for it"
    assert {job: tags["crm/turn"] for job, (_, tags) in runs.items()} == {
        "initial_sync": "sync:one", "incremental_sync": "sync:one", "drain_outgoing": "drain:one",
    }  # fmt: skip
    crm.held["deals"].set()
    _until(lambda: _ended(dagster, "one", "incremental_sync", "SUCCESS"), PATIENCE)


def _assert_secret_is_nowhere(settings: Settings, home: Path) -> None:
    """Look for the token in all of Dagster's tables and files."""
    from crm_pipeline.database.dagster_storage import own_name
    from crm_pipeline.database.engine import engine_for, normalise_url

    url = str(settings.database_url)
    engine = engine_for(url_of(url, own_name(str(normalise_url(url).database))))
    with engine.connect() as db:
        tables = (
            db.exec_driver_sql("SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'").scalars().all()
        )
        assert "event_logs" in tables
        for table in tables:
            query = f'SELECT count(*) FROM "{table}" t WHERE strpos(t::text, %s) > 0'
            assert db.exec_driver_sql(query, (TOKEN,)).scalar() == 0, table
    engine.dispose()
    files = [path for path in home.rglob("*") if path.is_file()]
    assert any(path.name.endswith(".err") for path in files), "there is captured output to look at"
    assert [path for path in files if TOKEN.encode() in path.read_bytes()] == []


def test_stopping_leaves_nothing_of_the_session_even_where_its_head_is_gone(start: Callable[[], Dagster]) -> None:
    dagster = start()
    dagster.process.kill()
    dagster.process.wait()
    assert _of_session(dagster.process.pid), "servers outlive the process that started them"
    dagster.stop()
    _until(lambda: not _of_session(dagster.process.pid), 10)
    assert _of_session(dagster.process.pid) == []


def _of_session(leader: int) -> list[str]:
    """Return the command lines of the living processes of a session."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            state, *_, session = (folder / "stat").read_text().rpartition(")")[2].split()[:4]
            if int(session) == leader and state != "Z":
                found.append((folder / "cmdline").read_text())
        except (FileNotFoundError, ProcessLookupError):
            continue  # it has ended meanwhile
    return found
