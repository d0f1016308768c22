"""Fixtures every room's tests share: one Postgres for the session, a fresh migrated database for each test that asks.

The server is the project's own embedded one under a temporary CRM_HOME, stopped at the end; the tests run as root and as
an ordinary user alike. A fresh database is a copy of a migrated template and takes some 60 ms.
"""

import base64
import os
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from psycopg2 import sql
from sqlalchemy import Engine
from sqlalchemy.engine import make_url

from crm_pipeline.database.embedded import ensure_running, erase
from crm_pipeline.database.engine import engine_for
from crm_pipeline.database.migrate import migrate

_numbers = count(1)

for _name in [name for name in os.environ if name.startswith(("CRM_", "DAGSTER_", "PG")) or name == "FRONTEND_URL"]:
    del os.environ[_name]  # the tests never meet the database, the keys or the Dagster of whoever runs them


def administer(server: str, statement: str, *names: str) -> None:
    """Run a statement that cannot be in a transaction; `{}` are quoted names."""
    engine = engine_for(server).execution_options(isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        driver = connection.connection.driver_connection
        connection.exec_driver_sql(sql.SQL(statement).format(*map(sql.Identifier, names)).as_string(driver))
    engine.dispose()


def url_of(server: str, database: str) -> str:
    """Return the server's URL with another database."""
    return make_url(server).set(database=database).render_as_string(hide_password=False)


@contextmanager
def open_folder() -> Iterator[Path]:
    """Yield a temporary folder every account can pass through; pytest's own are closed to all but the one who runs it."""
    with TemporaryDirectory(prefix="crm-test-") as name:
        Path(name).chmod(0o755)
        yield Path(name).resolve()


@pytest.fixture(scope="session")
def crm_home() -> Iterator[Path]:
    """Yield the session's CRM_HOME; a server started there is gone at the end."""
    with open_folder() as folder:
        yield folder / ".crm"
        erase(folder / ".crm")


@pytest.fixture(scope="session")
def server_url(crm_home: Path) -> str:
    """Return the URL of the session's Postgres, logged in as its superuser.

    Tests kill processes, never this server's machine: what it would keep for a power cut is not waited for.
    """
    server = ensure_running(crm_home)
    for setting in ("fsync", "synchronous_commit", "full_page_writes"):
        administer(server, f"ALTER SYSTEM SET {setting} = off")
    administer(server, "SELECT pg_reload_conf()")
    return server


@pytest.fixture(scope="session")
def template(server_url: str) -> str:
    """Return the name of a database that has been migrated and that nobody is connected to."""
    administer(server_url, "CREATE DATABASE {}", "template_migrated")
    engine = engine_for(url_of(server_url, "template_migrated"))
    migrate(engine)
    engine.dispose()
    return "template_migrated"


@pytest.fixture
def empty_database_url(server_url: str) -> Iterator[str]:
    """Yield the URL of a fresh database without our schemas."""
    name = f"empty_{next(_numbers)}"
    administer(server_url, "CREATE DATABASE {}", name)
    yield url_of(server_url, name)
    administer(server_url, "DROP DATABASE {} WITH (FORCE)", name)


@pytest.fixture
def database_url(server_url: str, template: str) -> Iterator[str]:
    """Yield the URL of a fresh migrated database."""
    name = f"test_{next(_numbers)}"
    administer(server_url, "CREATE DATABASE {} TEMPLATE {}", name, template)
    yield url_of(server_url, name)
    administer(server_url, "DROP DATABASE {} WITH (FORCE)", name)


@pytest.fixture
def database(database_url: str) -> Iterator[Engine]:
    """Yield an engine on a fresh migrated database."""
    engine = engine_for(database_url)
    yield engine
    engine.dispose()


@pytest.fixture(scope="session")
def encryption_key() -> str:
    """Return a value for CRM_ENCRYPTION_KEY: one key, base64."""
    return base64.b64encode(os.urandom(32)).decode()


@pytest.fixture(scope="session")
def encryption_keys(encryption_key: str) -> tuple[bytes, ...]:
    """Return the keys as `Settings.encryption_keys` does."""
    return (base64.b64decode(encryption_key),)


@pytest.fixture(scope="module")
def module_database_url(server_url: str, template: str) -> Iterator[str]:
    """Yield the URL of a migrated database that a module's tests share."""
    name = f"module_{next(_numbers)}"
    administer(server_url, "CREATE DATABASE {} TEMPLATE {}", name, template)
    yield url_of(server_url, name)
    administer(server_url, "DROP DATABASE {} WITH (FORCE)", name)


@pytest.fixture(scope="module")
def module_engine(module_database_url: str) -> Iterator[Engine]:
    """Yield an engine on the module's database."""
    engine = engine_for(module_database_url)
    yield engine
    engine.dispose()


pytest_plugins = [
    f"crm_pipeline_tests.{room}" for room in ("connectors.tinycrm.fixtures", "two_sides", "settled_sides")
]  # fmt: skip
