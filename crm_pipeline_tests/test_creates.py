"""A thousand creates while answers are lost after they were applied and drains are killed: a thousand records."""

import json
import os
import random
import subprocess
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy import Engine

from crm_pipeline.sandbox.run import stand_in
from crm_pipeline.sandbox.serving import Options, Sandbox
from crm_pipeline.settings import Settings
from crm_pipeline.stages.edits import edit
from crm_pipeline.wiring import open_pipeline
from crm_pipeline_tests.operator import Operator

CREATES = int(os.environ.get("CREATES", "1000"))
KILLS = 6
LOST = {"amocrm": {"method": "POST", "path": r"/api/v4/contacts$"}, "bitrix24": {"path": "batch"}}
NAMES = {"amocrm": ("contacts", "last_name"), "bitrix24": ("contact", "LAST_NAME")}

pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Office:
    """Both CRMs, two-way, and who works with them."""

    operator: Operator
    engine: Engine
    sandboxes: dict[str, Sandbox]

    def run(self, statement: str) -> list[Any]:
        """Run a statement and return its rows, if it has any."""
        with self.engine.begin() as db:
            done = db.exec_driver_sql(statement)
            return list(done.all()) if done.returns_rows else []


@pytest.fixture
def office(database_url: str, database: Engine, encryption_key: str) -> Iterator[Office]:
    """Yield two small accounts, loaded, two-way, in which a lost answer is certain after a second."""
    operator = Operator(database_url, encryption_key)
    with ExitStack() as stack:
        sandboxes = {crm: stand_in(crm)(Options(contacts=5)) for crm in LOST}
        for crm, sandbox in sandboxes.items():
            stack.enter_context(sandbox.running())
            operator.connect(crm, sandbox)
        operator.do("sync", "--mode", "initial")
        for crm in LOST:
            operator.do("connections", "set", crm, "direction=two_way", "settle_seconds=1")
        yield Office(operator, database, sandboxes)


def test_as_many_records_as_creates(office: Office, encryption_key: str, database_url: str) -> None:
    settings = Settings(database_url=database_url, encryption_key=encryption_key, allowed_hosts="127.0.0.1")
    parts = open_pipeline(settings)
    done = edit(parts, [create(number) for number in range(CREATES)], "operator")
    parts.close()
    assert Counter(one.status for one in done) == {"accepted": CREATES}
    for crm, sandbox in office.sandboxes.items():
        sandbox.faults.add({"fault": "reset_after", "match": LOST[crm], "times": 0, "probability": 0.3})
    chance = random.Random(7)
    for _ in range(KILLS):
        killed_drain(office, chance.uniform(0.3, 2.5))
    fired = {crm: sum(rule["fired"] for rule in sandbox.faults.rules()) for crm, sandbox in office.sandboxes.items()}
    for sandbox in office.sandboxes.values():
        sandbox.faults.clear()
    office.operator.ask("drain", "--wait", "120")

    assert all(fired.values()), fired
    states = office.run("SELECT state, count(*) FROM sync.outgoing_changes WHERE operation = 'create' GROUP BY 1")
    assert {row[0] for row in states} <= {"applied", "merged"}, states
    for crm, sandbox in office.sandboxes.items():
        kind, column = NAMES[crm]
        made = Counter(row[column] for row in rows_of(sandbox, kind) if str(row.get(column)).startswith("Created"))
        assert (len(made), sum(made.values())) == (CREATES, CREATES), (crm, made.most_common(3))


def create(number: int) -> dict[str, Any]:
    fields = {"first_name": "Анна", "last_name": f"Created{number:04}", "phones": [f"+7916{number:07}"]}
    return {
        "id": f"create-{number}", "entity": "contacts", "action": "create", "record": f"tmp:{number}", "connections": list(LOST),
        "fields": fields,
    }  # fmt: skip


def killed_drain(office: Office, life: float) -> None:
    """Start a drain, kill it after so many seconds of work, and let the time pass until others may take over what it held."""
    drain = subprocess.Popen(
        office.operator.command("drain", "--wait", "60", "--json"), env=office.operator.environment(),
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    claimed = "SELECT 1 FROM sync.outgoing_changes WHERE state = 'in_flight' LIMIT 1"
    while drain.poll() is None and not office.run(claimed):
        pass
    try:
        drain.wait(life)
    except subprocess.TimeoutExpired:
        drain.kill()
        drain.wait()
    office.run("UPDATE sync.outgoing_changes SET lease_until = now() - interval '1 second' WHERE state = 'in_flight'")


def rows_of(sandbox: Sandbox, kind: str) -> Iterator[dict[str, Any]]:
    """Yield everything a stand-in holds of a kind."""
    after = 0
    while found := sandbox.store.select(kind, "id > ?", (after,), limit=1000):
        yield from (json.loads(text) for _, text in found)
        after = found[-1][0]
