"""The door to Postgres: an engine made from the settings, with errors a person can act on.

What belongs here: how to connect, and what goes wrong while connecting. Queries are in `sql/`, transactions in the stages.
"""

import psycopg2
from psycopg2.extensions import connection as DriverConnection
from sqlalchemy import Engine, event
from sqlalchemy import create_engine as sqlalchemy_engine
from sqlalchemy.engine import URL, ExceptionContext, make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from crm_pipeline.database.copy import copy_rows
from crm_pipeline.database.embedded import ensure_running
from crm_pipeline.database.queries import queries
from crm_pipeline.database.redaction import keep_first_line
from crm_pipeline.errors import ConfigurationError, DatabaseUnavailable
from crm_pipeline.settings import Settings

__all__ = ["copy_rows", "create_engine", "engine_for", "normalise_url"]  # copy_rows lives next door, and is looked for here

DRIVER = "postgresql+psycopg2"
SPELLINGS = ("postgres", "postgresql", DRIVER)
OLDEST = 140000
POOL = 10
"""Connections of one process at most, opened as they are needed and kept: one for a moment only costs more than it brings."""
PATIENCE = 30.0
"""Seconds a command waits for one of them; who waits for an answer is told to come again before."""
CONNECT = {
    "application_name": "crm-pipeline",
    "connect_timeout": 10,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
}
REFUSALS = {  # what libpq says -> what to do
    "password authentication failed": "The user or the password in CRM_DATABASE_URL is wrong.",
    "no password supplied": "CRM_DATABASE_URL needs a password.",
    "does not exist": "Create it, or correct CRM_DATABASE_URL.",
    "no pg_hba.conf entry": "Let this machine in in the server's pg_hba.conf, or add ?sslmode=require to CRM_DATABASE_URL.",
    "Connection refused": "Start Postgres, or correct host and port in CRM_DATABASE_URL.",
    "could not translate host name": "Correct the host in CRM_DATABASE_URL.",
    "too many clients": "Raise max_connections, or stop other clients.",
}


def create_engine(settings: Settings, patience: float = PATIENCE) -> Engine:
    """Return an engine on CRM_DATABASE_URL, else on the embedded server, after one successful contact.

    Raises ConfigurationError (unreadable URL, Postgres older than 14) or DatabaseUnavailable; neither carries a password.
    """
    engine = engine_for(settings.database_url or ensure_running(settings.home, settings.pg_bin), patience)
    _require_version(engine)
    return engine


def engine_for(url: str | URL, patience: float = PATIENCE) -> Engine:
    """Return an engine on this URL without contacting the server: UTC, small pool, no values in error messages.

    patience: seconds somebody waits for a connection when all are taken.
    """
    engine = sqlalchemy_engine(
        normalise_url(url), connect_args=CONNECT, pool_pre_ping=True, pool_size=POOL, max_overflow=0, pool_timeout=patience,
        hide_parameters=True,
    )  # fmt: skip
    event.listen(engine, "connect", _begin_session)
    say_what_to_do_on_failure(engine)
    return engine


def normalise_url(url: str | URL) -> URL:
    """Return the URL with the driver spelled out: `postgres://`, `postgresql://` and `postgresql+psycopg2://` are the same.

    Raises ConfigurationError without repeating the URL, which holds the password.
    """
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        parsed = None
    if parsed is None or parsed.drivername not in SPELLINGS or "@" in (parsed.host or ""):
        raise ConfigurationError(
            "CRM_DATABASE_URL cannot be read.",
            what_to_do="Write postgresql://user:password@host:5432/database, with special characters percent-encoded.",
        )
    return parsed.set(drivername=DRIVER)


def _begin_session(connection: DriverConnection, _record: object) -> None:
    with connection.cursor() as cursor:
        cursor.execute(queries("server")["use_utc"])
    connection.commit()  # else the pool's rollback undoes it


def say_what_to_do_on_failure(engine: Engine) -> None:
    """Let failures to connect raise DatabaseUnavailable with a sentence; errors of statements keep their class and first line."""
    event.listen(engine, "handle_error", _say_what_to_do)


def _say_what_to_do(context: ExceptionContext) -> None:
    connecting = context.connection is None and not context.is_pre_ping  # a failed ping makes the pool connect anew
    if connecting and isinstance(context.original_exception, psycopg2.OperationalError):
        raise unavailable(context.original_exception) from None
    keep_first_line(context.original_exception)
    keep_first_line(context.sqlalchemy_exception)


def unavailable(error: psycopg2.Error) -> DatabaseUnavailable:
    """Return the error for a failed connection attempt, with what to do where the cause is known."""
    said = " ".join(str(error).split()) or "no answer"
    advice = next((advice for words, advice in REFUSALS.items() if words in said), "Check CRM_DATABASE_URL.")
    return DatabaseUnavailable(f"Postgres does not let us in: {said.rstrip('.')}.", what_to_do=advice)


def _require_version(engine: Engine) -> None:
    try:
        with engine.connect() as connection:
            version = int(connection.exec_driver_sql(queries("server")["version"]).scalar_one())
    except SQLAlchemyError as error:
        raise DatabaseUnavailable(f"Postgres does not answer as it should ({type(error).__name__}).") from None
    if version < OLDEST:
        raise ConfigurationError(
            f"The server is Postgres {version // 10000}; crm-pipeline needs 14 or newer.", what_to_do="Upgrade the server."
        )
