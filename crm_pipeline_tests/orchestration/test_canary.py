"""Every way in which a CRM can fail a run, with its secrets in what it answers: Dagster is told none of them.

The real connectors against their stand-ins, in Dagster runs; the contract suite looks at exceptions and logs one by one.
"""

import logging
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster import DagsterInstance

from crm_pipeline.connectors import Connector, Meter, Secrets, discover
from crm_pipeline.database import connections, vault
from crm_pipeline.database.budget import PostgresBudget
from crm_pipeline.database.dagster_storage import own_name
from crm_pipeline.database.engine import engine_for
from crm_pipeline.http import HostPolicy, Patience, Session
from crm_pipeline.http.transport import Transport
from crm_pipeline.orchestration.build import build_defs
from crm_pipeline.orchestration.partitions import missing_partitions
from crm_pipeline.orchestration.resources import RESOURCES
from crm_pipeline.sandbox.amocrm import AmoSandbox
from crm_pipeline.sandbox.bitrix24 import BitrixSandbox
from crm_pipeline.sandbox.serving import Options, Sandbox
from crm_pipeline.settings import Settings
from crm_pipeline.stages.connect import connect
from crm_pipeline.wiring import Pipeline, _hide
from crm_pipeline_tests.conftest import url_of

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

SECRET = ("access_token", "refresh_token", "client_secret", "webhook_url", "application_token")
TABLES = "SELECT schemaname, tablename FROM pg_tables WHERE schemaname !~ '^(pg_|information_schema)'"
ECHOED = (400, 401, 402, 403, 404, 429)
PASSING: tuple[dict[str, Any], ...] = (
    {"fault": "status", "status": 502, "html": True},
    {"fault": "reset_before"},
    {"fault": "reset_after"},
    {"fault": "hang", "seconds": 2},
    {"fault": "truncate"},
    {"fault": "status", "status": 503},
)
"""Tried again: twice by the session, three times by Dagster, so that one run meets all six, and every second one ends a step."""
LASTING: tuple[list[dict[str, Any]], ...] = (
    [*PASSING],
    [*PASSING[1:], PASSING[0]],
    [{"fault": "status", "status": 403, "html": True, "times": 0}],
    [{"fault": "status", "status": 429, "html": True, "times": 0}],
    [{"fault": "redirect", "location": "https://evil.example/steal", "times": 0}],
    [{"fault": "expired_token", "times": 0}],
    [{"fault": "lost_token_answer", "times": 0}, {"fault": "expired_token", "times": 0}],
)


class Impatient(Session):
    """A session that gives up at once, so that all ways to fail are gone through in little time."""

    def __init__(self, hosts: HostPolicy, meter: Meter, budget: PostgresBudget, name: str):
        patience = Patience(attempts=2, first=0.01, first_pause=0.01, longest=0.02, limit=0.5)
        super().__init__(hosts, meter, budget, name=name, patience=patience)
        self._transport = Transport(hosts, self.redactor, read_seconds=0.5)


class Hasty(Pipeline):
    """The pipeline with impatient sessions."""

    def _session(self, connector: Connector, meter: Meter, secrets: Secrets, name: str) -> Session:
        session = Impatient(HostPolicy(connector.vendor_hosts, self.settings.allowed_hosts), meter, self.budget, name)
        _hide(session, secrets)
        return session


@pytest.fixture
def hasty(settings: Settings) -> Iterator[Pipeline]:
    """Yield the pipeline with the real connectors."""
    engine = engine_for(str(settings.database_url))
    parts = Hasty(settings, engine, discover(), PostgresBudget(engine))
    yield parts
    parts.close()


def grants(sandbox: Sandbox) -> dict[str, tuple[dict[str, Any], str | None]]:
    """Return way → what a person would copy from the CRM's settings, and a code, for every way to connect."""
    given = sandbox.credentials()
    oauth: dict[str, Any] = {
        key: given[key] for key in ("client_id", "client_secret", "redirect_uri", "oauth_url") if key in given
    }
    other = {"webhook_url": given["webhook_url"]} if "webhook_url" in given else {"access_token": given["long_lived_token"]}
    return {"oauth": (oauth, given["code"]), "other": (other, None)}


def secrets_of(parts: Pipeline) -> set[str]:
    """Return every secret stored now; of a webhook's address the part that opens the door."""
    with parts.engine.connect() as db:
        row = connections.find(db, "canary")
        assert row
        kept = vault.read(db, parts.settings.encryption_keys, row.id)
    return {str(kept[name]).rstrip("/").rsplit("/", 1)[-1] for name in SECRET if kept.get(name)}


def run_failing(parts: Pipeline, instance: DagsterInstance, sandbox: Sandbox, rules: list[dict[str, Any]]) -> str:
    """Run a sync that meets these faults; return what its failures say."""
    sandbox.faults.clear()
    for rule in rules:
        sandbox.faults.add(rule)
    defs = build_defs(parts.connectors, resources={**RESOURCES, "pipeline": parts})
    job = defs.resolve_job_def("initial_sync")
    done = job.execute_in_process(instance=instance, partition_key="canary", raise_on_error=False)
    connections.resume(parts.engine, "canary")
    failures = [event for event in done.all_events if event.event_type == dg.DagsterEventType.STEP_FAILURE]
    return "\n".join(str(event.event_specific_data) for event in failures)


@pytest.mark.parametrize("way", ["oauth", "other"])
@pytest.mark.parametrize("stand_in", [AmoSandbox, BitrixSandbox], ids=lambda one: one.name)
def test_no_failure_tells_dagster_a_secret(
    stand_in: type[Sandbox], way: str, hasty: Pipeline, instance: DagsterInstance, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with stand_in(Options(contacts=5)).running() as sandbox:
        given, code = grants(sandbox)[way]
        connect(hasty, sandbox.name, "canary", sandbox.url, given, code, now=datetime.now(UTC))
        for definition, keys in missing_partitions(instance, {"canary": sandbox.name}, list(hasty.connectors)).items():
            instance.add_dynamic_partitions(definition, keys)
        canaries, said = secrets_of(hasty), ""
        for rules in LASTING:
            said += run_failing(hasty, instance, sandbox, rules)
            canaries |= secrets_of(hasty)
        for status in ECHOED:
            echo = {
                "error": "E",
                "error_description": " ".join(canaries),
                "detail": sorted(canaries),
                "title": " ".join(canaries),
            }
            said += run_failing(hasty, instance, sandbox, [{"fault": "status", "status": status, "body": echo, "times": 0}])
            canaries |= secrets_of(hasty)
    assert said.count("what_to_do") >= len(ECHOED), "the runs did fail"
    told = {"failures": said, "log": caplog.text} | dict(stored(hasty, instance))
    assert "canary" in told["event_logs"] and "canary" in told["log"], "the search would find what is there"
    assert [(place, secret[:4]) for place, text in told.items() for secret in canaries if secret in text] == []


def stored(parts: Pipeline, instance: DagsterInstance) -> Iterator[tuple[str, str]]:
    """Yield everything both databases and Dagster's files hold, with where it is."""
    url = parts.engine.url.render_as_string(hide_password=False)
    for place in (url, url_of(url, own_name(str(parts.engine.url.database)))):
        engine = engine_for(place)
        with engine.connect() as db:
            for schema, table in db.exec_driver_sql(
                "SELECT schemaname, tablename FROM pg_tables WHERE schemaname !~ '^(pg_|info)'"
            ):
                yield table, "\n".join(db.exec_driver_sql(f'SELECT t::text FROM "{schema}"."{table}" t').scalars())
        engine.dispose()
    for path in Path(instance.root_directory).rglob("*"):
        if path.is_file():
            yield str(path.name), path.read_text(errors="replace")
