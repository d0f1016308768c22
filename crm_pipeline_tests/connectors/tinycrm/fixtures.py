"""Fixtures of whoever tests with the tiny CRM: it serves, a pipeline on a fresh database knows it, a connection leads to it."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest
from sqlalchemy import Engine

from crm_pipeline.database.budget import PostgresBudget
from crm_pipeline.settings import Settings
from crm_pipeline.stages.connect import connect
from crm_pipeline.wiring import Pipeline
from crm_pipeline_tests.connectors.tinycrm import CONNECTOR
from crm_pipeline_tests.connectors.tinycrm.server import TinyServer

NOW = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture
def tiny() -> Iterator[TinyServer]:
    """Yield a tiny CRM without records."""
    server = TinyServer()
    yield server
    server.close()


@pytest.fixture
def pipeline(database: Engine, database_url: str, encryption_key: str) -> Iterator[Pipeline]:
    """Yield a pipeline that knows the tiny CRM."""
    settings = Settings(database_url=database_url, encryption_key=encryption_key, allowed_hosts="127.0.0.1")
    parts = Pipeline(settings, database, {"tinycrm": CONNECTOR}, PostgresBudget(database))
    yield parts
    parts.close()


@pytest.fixture
def connected(pipeline: Pipeline, tiny: TinyServer) -> Pipeline:
    """Return the pipeline with the connection `tiny` to the tiny CRM."""
    connect(pipeline, "tinycrm", "tiny", tiny.url, {"access_token": "access-0", "refresh_token": "refresh-0"}, now=NOW)
    return pipeline


@pytest.fixture
def rows(database: Engine) -> Callable[..., list[dict[str, object]]]:
    """Return a function that answers the rows of a query as dicts."""

    def ask(query: str, *values: object) -> list[dict[str, object]]:
        with database.connect() as db:
            found = db.exec_driver_sql(query, values) if values else db.exec_driver_sql(query)
            return [dict(row._mapping) for row in found]

    return ask
