"""Dagster's own tables: a database of its own where that may be made, else a schema, and the shipped dagster.yaml reads both."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy.engine import make_url

from crm_pipeline.database.dagster_storage import dagster_environment
from crm_pipeline.database.engine import engine_for
from crm_pipeline.database.queries import SQL
from crm_pipeline.settings import Settings
from crm_pipeline_tests.conftest import administer

CHECKOUT = SQL.resolve().parent
REMEMBER = """
import sys, dagster
with dagster.DagsterInstance.get() as instance:
    instance.run_storage.set_cursor_values({"of": sys.argv[1]})
    print(instance.run_storage.get_cursor_values({"of"})["of"])
"""


def settings_of(url: str) -> Settings:
    return Settings(database_url=url, _env_file=None)


def use_dagster(environment: dict[str, str], home: Path, word: str) -> str:
    """Open an instance through dagster.yaml in a process of its own, let it write and read a word."""
    (home / "dagster.yaml").write_text((CHECKOUT / "dagster.yaml").read_text())
    environment = {**os.environ, **environment, "DAGSTER_HOME": str(home)}
    done = subprocess.run(
        [sys.executable, "-c", REMEMBER, word], env=environment, capture_output=True, text=True, check=False, cwd=home
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def tables(url: str, schema: str) -> int:
    engine = engine_for(url)
    with engine.connect() as connection:
        found = connection.exec_driver_sql("SELECT count(*) FROM pg_tables WHERE schemaname = %s", (schema,)).scalar_one()
    engine.dispose()
    return found


def test_a_database_of_its_own(database_url, server_url, tmp_path):
    environment = dagster_environment(settings_of(database_url))
    assert environment == dagster_environment(settings_of(database_url))
    own = f"{make_url(database_url).database}_dagster"
    assert environment["DAGSTER_PG_DB"] == own
    try:
        assert use_dagster(environment, tmp_path, "remembered") == "remembered"
        assert tables(make_url(server_url).set(database=own).render_as_string(hide_password=False), "public") > 15
        assert tables(database_url, "public") == tables(database_url, "dagster") == 0
    finally:
        administer(server_url, "DROP DATABASE {} WITH (FORCE)", own)


def test_the_embedded_server_has_it_ready(crm_home, server_url):
    assert dagster_environment(Settings(home=crm_home, _env_file=None))["DAGSTER_PG_DB"] == "dagster"


@pytest.fixture
def poor_url(server_url, empty_database_url):
    administer(server_url, "CREATE ROLE {} LOGIN PASSWORD 'p:o@o/r' NOCREATEDB", "poor_dagster")
    administer(
        empty_database_url, "GRANT CREATE ON DATABASE {} TO {}", str(make_url(empty_database_url).database), "poor_dagster"
    )
    url = make_url(empty_database_url).set(username="poor_dagster", password="p:o@o/r")
    yield url.update_query_dict({"sslmode": "prefer"}).render_as_string(hide_password=False)
    administer(empty_database_url, "DROP OWNED BY {} CASCADE", "poor_dagster")
    administer(server_url, "DROP ROLE {}", "poor_dagster")


def test_a_schema_where_no_database_may_be_made(poor_url, server_url, tmp_path):
    environment = dagster_environment(settings_of(poor_url))
    assert use_dagster(environment, tmp_path, "in a schema") == "in a schema"
    assert tables(poor_url, "dagster") > 15
    assert tables(poor_url, "public") == 0
    administer(server_url, "ALTER ROLE {} CREATEDB", "poor_dagster")
    assert dagster_environment(settings_of(poor_url)) == environment, "what was chosen stays, or the history is lost"


def test_a_database_of_somebody_elses_dagster_is_not_used(poor_url, server_url):
    name = f"{make_url(poor_url).database}_dagster"
    administer(server_url, "CREATE DATABASE {}", name)
    try:
        assert name not in dagster_environment(settings_of(poor_url))["DAGSTER_PG_DB"]
    finally:
        administer(server_url, "DROP DATABASE {}", name)
