"""Kill -9 at any moment, run again: the same tables as in a run nobody disturbed.

Two databases are fed from the same two stand-ins, edit by edit. On one, every run is killed at random moments until one gets
through; on the other none is. KILLS says how many kills it takes (CI: 100).
"""

import json
import os
import random
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from crm_pipeline.database.connections import set_rate
from crm_pipeline.database.engine import engine_for
from crm_pipeline.model.entities import CHILDREN, COLUMNS, GOLDEN
from crm_pipeline.sandbox.amocrm import AmoSandbox
from crm_pipeline.sandbox.bitrix24 import BitrixSandbox
from crm_pipeline.sandbox.serving import Options
from crm_pipeline.settings import Settings
from crm_pipeline.stages.connect import connect
from crm_pipeline.wiring import open_pipeline
from crm_pipeline_tests.conftest import administer, url_of

KILLS = int(os.environ.get("KILLS", "100"))
CONTACTS = 25
EDITS = 25
ROOT = Path(__file__).resolve().parents[1]
CHILD_TABLES = sorted({child.table for children in CHILDREN.values() for child in children})
OF_THE_MOMENT = (
    "id",
    "fetched_at",
    "seen_at",
    "changed_at",
    "reconciled_at",
    "changed_xid",
    "decided_at",
    "deleted_at",
    "first_seen_at",
    "last_tried_at",
    "attempts",
)
"""Columns that tell when we looked, not what the CRM holds; that a record is deleted is compared apart."""
LINKS = ("contact_points", "contact_companies", "deal_contacts", "deal_products", "deal_stage_history", "crosswalk")
TABLES = (
    *("raw.records", "source.field_changes", "sync.quarantine", "sync.missing_references"),
    *(f"source.{name}" for name in (*COLUMNS, *CHILD_TABLES)),
    *(f"crm.{name}" for name in (*GOLDEN, *LINKS)),
)


class Mortals:
    """Runs that may be killed."""

    def __init__(self, env: dict[str, str]):
        command = [sys.executable, "-m", "crm_pipeline_tests.mortal"]
        self._process = subprocess.Popen(command, cwd=ROOT, env=env, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def run(self, database: str, life: float | None = None) -> str:
        """Let one run live for so many seconds, or to its end."""
        assert self._process.stdin and self._process.stdout
        print(json.dumps({"database": database, "life": life}), file=self._process.stdin, flush=True)
        answer = self._process.stdout.readline().strip()
        assert answer.startswith(("killed", "done")), answer
        return answer

    def close(self) -> None:
        """End the parent; its children have ended before."""
        assert self._process.stdin
        self._process.stdin.close()
        self._process.wait(60)


@contextmanager
def two_databases(server: str, template: str) -> Iterator[tuple[str, str]]:
    """Yield the URLs of a disturbed and an undisturbed database."""
    names = ("kills_disturbed", "kills_calm")
    for name in names:
        administer(server, "CREATE DATABASE {} TEMPLATE {}", name, template)
    yield url_of(server, names[0]), url_of(server, names[1])
    for name in names:
        administer(server, "DROP DATABASE {} WITH (FORCE)", name)


def introduce(database: str, key: str, grants: dict[str, tuple[str, dict[str, Any]]]) -> None:
    """Connect both stand-ins, which keep no limits: kills should meet work, not waits for a slot.

    grants: crm → its address and credentials that do not rotate.
    """
    parts = open_pipeline(Settings(database_url=database, encryption_key=key, allowed_hosts="127.0.0.1"))
    for crm, (url, secrets) in grants.items():
        connect(parts, crm, crm, url, secrets, now=datetime.now(UTC))
        set_rate(parts.engine, crm, 500)
    parts.close()


def content(engine: Engine, table: str) -> list[str]:
    """Return a table's rows as sorted text, without what tells of the moment."""
    is_deleted = "jsonb_build_object('is_deleted', to_jsonb(t) -> 'deleted_at' IS DISTINCT FROM 'null')"
    shown = f"to_jsonb(t) - %(hidden)s::text[] || {is_deleted}"
    hidden = [name for name in OF_THE_MOMENT if not (table.startswith("crm.") and name in ("id", "changed_at"))]
    if table == "source.field_changes":
        shown = f"CASE WHEN t.field = 'deleted_at' THEN to_jsonb(t.external_id) ELSE {shown} END"
    shown = f"({shown})::text"
    if (
        table == "crm.communications"
    ):  # a comment of Bitrix24 does not say when it changed: its values are as old as our look at it
        shown = f"""regexp_replace({shown}, '"since": "[^"]*"', '', 'g')"""
    with engine.connect() as db:
        return sorted(row[0] for row in db.exec_driver_sql(f"SELECT {shown} FROM {table} t", {"hidden": hidden}))


def differences(one: str, other: str) -> dict[str, Any]:
    """Return what differs between two databases, table by table."""
    engines = [engine_for(url) for url in (one, other)]
    found: dict[str, Any] = {}
    for table in TABLES:
        left, right = (content(engine, table) for engine in engines)
        if left != right:
            found[table] = (len(left), len(right), sorted(set(left) ^ set(right))[:4])
    for engine in engines:
        engine.dispose()
    return found


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_kill_at_any_moment_run_again_same_tables(server_url: str, template: str, encryption_key: str) -> None:
    chance, kills, rounds = random.Random(7), 0, 0
    env = {**os.environ, "CRM_ENCRYPTION_KEY": encryption_key, "CRM_ALLOWED_HOSTS": "127.0.0.1"}
    mortals = Mortals(env)
    with (
        AmoSandbox(Options(contacts=CONTACTS)).running() as amo,
        BitrixSandbox(Options(contacts=CONTACTS)).running() as bitrix,
        two_databases(server_url, template) as (disturbed, calm),
    ):
        grants = {
            "amocrm": (amo.url, {"access_token": amo.credentials()["long_lived_token"]}),
            "bitrix24": (bitrix.url, {"webhook_url": bitrix.credentials()["webhook_url"]}),
        }
        for database in (disturbed, calm):
            introduce(database, encryption_key, grants)
        while kills < KILLS:
            whole = float(mortals.run(calm).split()[1])
            while mortals.run(disturbed, chance.uniform(0.02, 1.1 * whole) if kills < KILLS else None) == "killed":
                kills += 1
            rounds += 1
            assert differences(disturbed, calm) == {}, f"after {kills} kills in {rounds} rounds"
            amo.work(EDITS, rounds)
            bitrix.work(EDITS, rounds)
    mortals.close()
    print(f"{kills} kills in {rounds} rounds")
