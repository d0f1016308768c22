"""Connecting: every spelling of the URL, and one sentence without the password for everything that can be wrong."""

import threading
import traceback

import psycopg2
import pytest
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError

from crm_pipeline.database.embedded import free_port
from crm_pipeline.database.engine import copy_rows, create_engine, engine_for, normalise_url, unavailable
from crm_pipeline.errors import ConfigurationError, DatabaseUnavailable
from crm_pipeline.settings import Settings
from crm_pipeline_tests.conftest import administer

SECRET = "hunter2secret"


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg2"])
def test_every_spelling_connects(database_url, scheme):
    engine = create_engine(Settings(database_url=database_url.replace("postgresql", scheme, 1), _env_file=None))
    with engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT 1").scalar() == 1
    assert engine.driver == "psycopg2"
    engine.dispose()


def test_without_a_url_the_embedded_server_answers(crm_home, server_url):
    engine = create_engine(Settings(home=crm_home, _env_file=None))
    assert (engine.url.port, engine.url.database) == (make_url(server_url).port, "crm")
    engine.dispose()


def test_sessions_are_in_utc_and_named_even_after_a_rollback(database_url):
    administer(database_url, "ALTER DATABASE {} SET timezone = 'Asia/Vladivostok'", str(make_url(database_url).database))
    engine = engine_for(database_url)
    with engine.connect() as connection:
        connection.rollback()
        assert connection.exec_driver_sql("SHOW timezone").scalar() == "UTC"
        assert connection.exec_driver_sql("SHOW application_name").scalar() == "crm-pipeline"
    engine.dispose()


def test_a_connection_that_broke_is_replaced(database):
    with database.connect() as connection:
        pid = connection.exec_driver_sql("SELECT pg_backend_pid()").scalar()
    administer(database.url.render_as_string(hide_password=False), f"SELECT pg_terminate_backend({pid})")
    with database.connect() as connection:
        assert connection.exec_driver_sql("SELECT 1").scalar() == 1


def changed(url: str, **parts) -> str:
    return make_url(url).set(**parts).render_as_string(hide_password=False)


WRONG = {
    "password": ({"password": SECRET}, DatabaseUnavailable, "user or the password in CRM_DATABASE_URL is wrong"),
    "database": ({"database": "nowhere"}, DatabaseUnavailable, "Create it, or correct CRM_DATABASE_URL"),
    "driver": ({"drivername": "mysql"}, ConfigurationError, "cannot be read"),
    "driver of another kind": ({"drivername": "postgresql+asyncpg"}, ConfigurationError, "cannot be read"),
}


@pytest.mark.parametrize(("parts", "error", "words"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_a_sentence_without_the_password(server_url, parts, error, words):
    url = changed(server_url, **parts)
    with pytest.raises(error, match=words) as caught:
        create_engine(Settings(database_url=url, _env_file=None))
    chain = "".join(traceback.format_exception(caught.value)).replace(url, "")  # pytest's own frame shows the argument
    assert make_url(url).password not in chain


@pytest.mark.parametrize("url", [f"postgresql://u:{SECRET}@x@h/d", f"postgresql://u:{SECRET}:x@h:port/d", SECRET])
def test_an_unreadable_url_is_not_repeated(url):
    with pytest.raises(ConfigurationError, match="percent-encoded") as caught:
        normalise_url(url)
    assert SECRET not in str(caught.value)


def test_nobody_listening_is_a_sentence():
    with pytest.raises(DatabaseUnavailable, match="Start Postgres"):
        create_engine(Settings(database_url=f"postgresql://u:{SECRET}@127.0.0.1:{free_port()}/d", _env_file=None))


def test_a_server_that_goes_away_later_is_a_sentence_too():
    engine = engine_for(f"postgresql://u:{SECRET}@127.0.0.1:{free_port()}/d")
    with pytest.raises(DatabaseUnavailable, match="does not let us in"), engine.connect():
        pass


def test_too_many_clients_is_a_sentence():
    assert "max_connections" in str(unavailable(psycopg2.OperationalError("FATAL:  sorry, too many clients already")))


BROKEN = {
    "a row that violates": ("INSERT INTO sync.migrations (version, name, checksum) VALUES (%s, %s, NULL)", (99, SECRET)),
    "a statement that fails": ("SELECT nothing_like_this(%s)", (SECRET,)),
    "two rows with one key": ("INSERT INTO sync.migrations (version, name, checksum) VALUES (1, %s, %s)", (SECRET, SECRET)),
}


@pytest.mark.parametrize(("statement", "values"), BROKEN.values(), ids=BROKEN)
def test_values_stay_out_of_errors(database, statement, values):
    with pytest.raises(DBAPIError) as caught, database.begin() as connection:
        connection.exec_driver_sql(statement, values)
    assert SECRET not in "".join(traceback.format_exception(caught.value))


def test_values_stay_out_of_errors_of_copy(database):
    with pytest.raises(psycopg2.Error) as caught, database.begin() as connection:
        copy_rows(connection, "sync.migrations", ["version", "name"], [(99, SECRET)])
    assert "null value" in str(caught.value)
    assert SECRET not in "".join(traceback.format_exception(caught.value))


def test_an_old_server_is_refused(old_server):
    with pytest.raises(ConfigurationError, match="Postgres 13; crm-pipeline needs 14 or newer"):
        create_engine(Settings(database_url=old_server, _env_file=None))


@pytest.fixture
def old_server(empty_database_url):
    """A database that answers `current_setting('server_version_num')` as Postgres 13 would."""
    name = str(make_url(empty_database_url).database)
    administer(
        empty_database_url,
        "CREATE FUNCTION public.current_setting(text) RETURNS text LANGUAGE sql AS $$ SELECT '130012'::text $$",
    )
    administer(empty_database_url, "ALTER DATABASE {} SET search_path = public, pg_catalog", name)
    return empty_database_url


def test_engines_are_shared_by_threads(database):
    seen: list[int] = []

    def ask() -> None:
        with database.connect() as connection:
            seen.append(connection.exec_driver_sql("SELECT 1").scalar_one())

    threads = [threading.Thread(target=ask) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == [1] * 12
