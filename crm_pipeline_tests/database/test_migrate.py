"""Migrations: in order, once, under a lock, never backwards, and by a role with few rights."""

import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import Engine
from sqlalchemy.engine import make_url

from crm_pipeline.database.catalogue import schema_statements
from crm_pipeline.database.engine import engine_for
from crm_pipeline.database.migrate import migrate, read_migrations
from crm_pipeline.database.queries import SQL
from crm_pipeline.errors import ConfigurationError
from crm_pipeline_tests.conftest import administer


@pytest.fixture
def empty(empty_database_url: str):
    engine = engine_for(empty_database_url)
    yield engine
    engine.dispose()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of sql/ to add to."""
    return Path(shutil.copytree(SQL, tmp_path / "sql"))


def statements(engine: Engine) -> list[str]:
    with engine.connect() as connection:
        return schema_statements(connection)


def run(engine: Engine, text: str):
    with engine.begin() as connection:
        return connection.exec_driver_sql(text, execution_options={"no_parameters": True})


def add_migration(folder: Path, text: str) -> None:
    number = len(read_migrations(folder)) + 1
    (folder / "migrations" / f"{number:04}_added.sql").write_text(text)


def test_migrating_twice_changes_nothing(empty):
    first = migrate(empty)
    before = statements(empty)
    second = migrate(empty)
    assert [name[:4] for name in first.applied] == [f"{n:04}" for n in range(1, first.version + 1)]
    assert second.applied == [] and second.version == first.version > 0
    assert statements(empty) == before


def test_many_migrate_at_once_and_each_step_is_applied_once(empty_database_url):
    def one(_) -> list[str]:
        engine = engine_for(empty_database_url)
        try:
            return migrate(engine).applied
        finally:
            engine.dispose()

    with ThreadPoolExecutor(4) as pool:
        applied = [name for names in pool.map(one, range(4)) for name in names]
    assert sorted(applied) == [str(m) for m in read_migrations()]


def test_a_newer_database_is_refused_and_left_alone(empty, folder):
    add_migration(folder, "CREATE TABLE crm.of_tomorrow (id integer)")
    migrate(empty, folder)
    before = statements(empty)
    with pytest.raises(ConfigurationError, match="newer than this code"):
        migrate(empty)
    assert statements(empty) == before


def test_an_edited_migration_is_refused(empty, folder):
    migrate(empty)
    last = sorted((folder / "migrations").glob("*.sql"))[-1]
    last.write_text(last.read_text() + "\n-- edited\n")
    with pytest.raises(ConfigurationError, match=f"{last.stem} was edited"):
        migrate(empty, folder)


def test_a_failing_migration_leaves_nothing_of_itself_and_is_tried_again(empty, folder):
    add_migration(folder, "CREATE TABLE crm.half (id integer); SELECT 1 / 0;")
    with pytest.raises(Exception, match="division by zero"):
        migrate(empty, folder)
    assert not any("crm.half" in statement for statement in statements(empty))
    next(iter((folder / "migrations").glob("*_added.sql"))).write_text("CREATE TABLE crm.half (id integer); -- 100 %")
    assert [name[5:] for name in migrate(empty, folder).applied] == ["added"]


def test_numbers_have_no_gap(folder):
    (folder / "migrations" / "0999_late.sql").write_text("SELECT 1")
    with pytest.raises(ConfigurationError, match="without gaps"):
        read_migrations(folder)


def test_a_view_whose_columns_change_is_made_anew(empty, folder):
    view = folder / "views" / "of_a_test.sql"
    view.write_text("CREATE OR REPLACE VIEW crm.of_a_test AS SELECT 1 AS a, 2 AS b;")
    migrate(empty, folder)
    view.write_text("CREATE OR REPLACE VIEW crm.of_a_test AS SELECT 3 AS b;")
    migrate(empty, folder)
    assert run(empty, "SELECT * FROM crm.of_a_test").all() == [(3,)]


def test_a_view_somebody_built_upon_is_not_dropped_from_under_them(empty, folder):
    view = folder / "views" / "of_a_test.sql"
    view.write_text("CREATE OR REPLACE VIEW crm.of_a_test AS SELECT 1 AS a, 2 AS b;")
    migrate(empty, folder)
    run(empty, "CREATE VIEW public.theirs AS SELECT a FROM crm.of_a_test")
    view.write_text("CREATE OR REPLACE VIEW crm.of_a_test AS SELECT 3 AS b;")
    with pytest.raises(ConfigurationError, match="a view outside this project"):
        migrate(empty, folder)
    assert run(empty, "SELECT a FROM public.theirs").scalar() == 1


@pytest.fixture
def poor_role(server_url: str, empty_database_url: str):
    """The URL of a role that owns its database's content but may create no database, role or extension."""
    url = make_url(empty_database_url)
    administer(server_url, "CREATE ROLE {} LOGIN PASSWORD 'poor' NOCREATEDB NOCREATEROLE NOSUPERUSER", "poor")
    administer(empty_database_url, "GRANT CREATE, CONNECT ON DATABASE {} TO {}", str(url.database), "poor")
    yield url.set(username="poor", password="poor").render_as_string(hide_password=False)
    administer(empty_database_url, "DROP OWNED BY {}", "poor")
    administer(server_url, "DROP ROLE {}", "poor")


def test_a_role_without_rights_beyond_its_database_can_migrate_and_work(poor_role):
    engine = engine_for(poor_role)
    assert migrate(engine).applied
    assert migrate(engine).applied == []
    assert run(engine, "SELECT count(*) FROM crm.contacts").scalar() == 0
    engine.dispose()


def test_a_role_that_may_not_even_create_schemas_is_told_what_to_ask_for(server_url, empty_database_url):
    administer(server_url, "CREATE ROLE {} LOGIN PASSWORD 'none'", "without_rights")
    engine = engine_for(make_url(empty_database_url).set(username="without_rights", password="none"))
    try:
        with pytest.raises(ConfigurationError, match="GRANT CREATE ON DATABASE"):
            migrate(engine)
    finally:
        engine.dispose()
        administer(server_url, "DROP ROLE {}", "without_rights")


def test_the_picture_in_schema_sql_equals_the_migrated_database(database, empty):
    run(empty, (SQL / "schema.sql").read_text())
    assert statements(empty) == statements(database), "run: python -m crm_pipeline.database.dictionary"
