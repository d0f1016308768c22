"""Where Dagster keeps its runs and events, as the DAGSTER_PG_* variables that `dagster.yaml` reads.

Its tables belong to Dagster, so they get a database of their own on the same server. A role that may not create databases
gets a schema `dagster` in the same database instead: Dagster knows no schema setting, but its tables follow `search_path`,
which the connection URL can carry behind the database's name. What was chosen once stays, or the history would be lost.
"""

from urllib.parse import urlencode

from psycopg2.errors import DuplicateDatabase
from psycopg2.extensions import quote_ident
from sqlalchemy import Connection, Engine, NullPool
from sqlalchemy import create_engine as sqlalchemy_engine
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError

from crm_pipeline.database.embedded import ensure_running
from crm_pipeline.database.engine import CONNECT, normalise_url, say_what_to_do_on_failure
from crm_pipeline.database.queries import queries
from crm_pipeline.settings import Settings

SCHEMA = "dagster"
BUSINESS = "crm"


def dagster_environment(settings: Settings) -> dict[str, str]:
    """Return DAGSTER_PG_USER, _PASSWORD, _HOST, _PORT and _DB, making the database or schema when it is missing.

    Raises DatabaseUnavailable or ConfigurationError as `create_engine` does.
    """
    url = normalise_url(settings.database_url or ensure_running(settings.home, settings.pg_bin))
    engine = sqlalchemy_engine(url, connect_args=CONNECT, poolclass=NullPool, isolation_level="AUTOCOMMIT", hide_parameters=True)
    say_what_to_do_on_failure(engine)
    return _variables(url, _chosen_database(engine))


def _chosen_database(engine: Engine) -> str | None:
    """Return the name of Dagster's own database, None when it lives in a schema of ours."""
    name = own_name(engine.url.database or "")
    with engine.connect() as connection:
        if _asked(connection, "schema_exists", SCHEMA):
            return None
        is_ours = _asked(connection, "database_owner", name)
        if is_ours is None and connection.exec_driver_sql(queries("server")["may_create_databases"]).scalar():
            is_ours = _create_database(connection, name)
        if is_ours:
            return name
        _make(connection, "create_schema", SCHEMA)
        return None


def own_name(business: str) -> str:
    """Return the name of Dagster's database beside the business database: `dagster` beside `crm`."""
    return SCHEMA if business == BUSINESS else f"{business}_{SCHEMA}"


def _asked(connection: Connection, question: str, name: str) -> bool | None:
    return connection.exec_driver_sql(queries("server")[question], {"name": name}).scalar()


def _create_database(connection: Connection, name: str) -> bool:
    try:
        _make(connection, "create_database", name)
    except DBAPIError as error:
        if not isinstance(error.orig, DuplicateDatabase):  # another process of ours was first
            raise
    return True


def _make(connection: Connection, statement: str, name: str) -> None:
    quoted = quote_ident(name, connection.connection.driver_connection)
    connection.exec_driver_sql(queries("server")[statement].format(name=quoted))


def _variables(url: URL, database: str | None) -> dict[str, str]:
    query = {name: value for name, value in url.query.items() if isinstance(value, str)}
    if database is None:
        query["options"] = f"{query.get('options', '')} -csearch_path={SCHEMA}".strip()
    suffix = f"?{urlencode(query)}" if query else ""
    return {
        "DAGSTER_PG_USER": url.username or "",
        "DAGSTER_PG_PASSWORD": url.password or "",
        "DAGSTER_PG_HOST": url.host or "",
        "DAGSTER_PG_PORT": str(url.port or 5432),
        "DAGSTER_PG_DB": f"{database or url.database}{suffix}",
    }
