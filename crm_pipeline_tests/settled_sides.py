"""Two accounts of the tiny CRM that are both written to and owe each other nothing any more: made once, copied for each test.

What belongs here: making and copying them, and bringing them to rest again. What should come of it is the tests' to say.
"""

from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from copy import deepcopy
from dataclasses import dataclass
from itertools import count
from typing import Any

import pytest

from crm_pipeline.database import connections
from crm_pipeline.database.budget import PostgresBudget
from crm_pipeline.database.engine import engine_for
from crm_pipeline.settings import Settings
from crm_pipeline.stages.connect import connect
from crm_pipeline.stages.drain import drain
from crm_pipeline.stages.parts import DrainResult
from crm_pipeline.wiring import Pipeline
from crm_pipeline_tests.conftest import administer, url_of
from crm_pipeline_tests.connectors.tinycrm import CONNECTOR
from crm_pipeline_tests.connectors.tinycrm.fixtures import NOW
from crm_pipeline_tests.connectors.tinycrm.server import TinyServer
from crm_pipeline_tests.operator import Operator
from crm_pipeline_tests.two_sides import LEFT, RIGHT, TwoSides, fill

ROUNDS = 6
"""Rounds within which writing has to stop."""
KEPT = (
    "records",
    "access",
    "refresh",
    "dead",
    "generation",
    "requests",
    "fail",
    "hidden",
    "vanished",
    "refused",
    "writes",
    "now",
)
"""What of a tiny CRM a test may change."""
FIRST_PAIR = {"access_token": "access-0", "refresh_token": "refresh-0"}
_numbers = count(1)


def settle(sides: TwoSides, rounds: int = ROUNDS) -> dict[str, DrainResult]:
    """Sync, reconcile and drain until nothing is written any more; return what was drained."""
    done: dict[str, DrainResult] = {}
    sides.load()
    for _ in range(rounds):
        before = writes(sides)
        for name, result in drain(sides.parts).items():
            done[name] = done[name] + result if name in done else result
        sides.load()
        if writes(sides) == before and not sides.rows("SELECT FROM sync.outgoing_changes WHERE settled_at IS NULL"):
            return done
    raise AssertionError(f"it does not stop: {changes(sides)}")


def writes(sides: TwoSides) -> int:
    """Return how often the CRMs were written to."""
    return sides.left.writes.total() + sides.right.writes.total()


def changes(sides: TwoSides) -> list[dict[str, Any]]:
    """Return the outgoing changes in their order."""
    return sides.rows(
        """SELECT o.id, c.name AS connection, o.entity, o.external_id, o.operation, o.state, o.fields, o.error_code,
                  o.error_detail
           FROM sync.outgoing_changes o JOIN sync.connections c ON c.id = o.connection_id ORDER BY o.id"""
    )


# Making and copying ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Settled:
    """Two accounts at rest: their servers, what each held then, and the database that knows it."""

    servers: tuple[TinyServer, TinyServer]
    held: tuple[dict[str, Any], ...]
    database: str


@pytest.fixture(scope="session")
def settled(server_url: str, template: str, encryption_key: str) -> Iterator[Settled]:
    """Yield two accounts that hold the same people, and everything they owed each other has been written."""
    name = "settled_sides"
    administer(server_url, "CREATE DATABASE {} TEMPLATE {}", name, template)
    with closing(TinyServer()) as left, closing(TinyServer("tiny-2")) as right:
        with opened(url_of(server_url, name), encryption_key, left, right) as sides:
            for side, server in ((LEFT, left), (RIGHT, right)):
                connect(
                    sides.parts, "tinycrm", side, server.url, {"access_token": "access-0", "refresh_token": "refresh-0"}, now=NOW
                )
                fill(server, f"{'left' if side == LEFT else 'right'}.example", phones=4)
                connections.set_direction(sides.parts.engine, side, "two_way")
            settle(sides)
        held = tuple({part: deepcopy(getattr(server, part)) for part in KEPT} for server in (left, right))
        yield Settled((left, right), held, name)


@pytest.fixture
def pair(settled: Settled, server_url: str, encryption_key: str) -> Iterator[TwoSides]:
    """Yield the two accounts at rest, on a database of the test's own."""
    for server, held in zip(settled.servers, settled.held, strict=True):
        for part, value in held.items():
            setattr(server, part, deepcopy(value))
    name = f"settled_{next(_numbers)}"
    administer(server_url, "CREATE DATABASE {} TEMPLATE {}", name, settled.database)
    with opened(url_of(server_url, name), encryption_key, *settled.servers) as sides:
        yield sides
    administer(server_url, "DROP DATABASE {} WITH (FORCE)", name)


@contextmanager
def opened(url: str, key: str, left: TinyServer, right: TinyServer) -> Iterator[TwoSides]:
    """Yield two servers with a pipeline on a database."""
    with ExitStack() as stack:
        engine = engine_for(url)
        stack.callback(engine.dispose)
        settings = Settings(database_url=url, encryption_key=key, allowed_hosts="127.0.0.1")
        parts = Pipeline(settings, engine, {"tinycrm": CONNECTOR}, PostgresBudget(engine))
        stack.callback(parts.close)

        def rows(query: str, *values: object) -> list[dict[str, Any]]:
            with engine.connect() as db:
                found = db.exec_driver_sql(query, values) if values else db.exec_driver_sql(query)
                return [dict(row._mapping) for row in found]

        yield TwoSides(parts, left, right, rows, Operator(url, key))
