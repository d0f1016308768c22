"""Bringing a database to the schema of this code: `sql/migrations/NNNN_name.sql` in order, then `sql/views/*.sql`.

Each migration is one transaction that also records it with its checksum; all under a lock of the database, so any number
of processes may try. A file, once released, is never edited: add the next one. A view file is named after its view in `crm`.
"""

import hashlib
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psycopg2.errors
from psycopg2.extensions import quote_ident
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from crm_pipeline.database.queries import SQL, queries
from crm_pipeline.errors import ConfigurationError

_FILE = re.compile(r"^(\d{4})_(\w+)\.sql$")


@dataclass(frozen=True)
class Migration:
    """One numbered step."""

    version: int
    name: str
    text: str = field(repr=False)

    @property
    def checksum(self) -> str:
        """Return the SHA-256 of the text, in hex."""
        return hashlib.sha256(self.text.encode()).hexdigest()

    def __str__(self) -> str:
        return f"{self.version:04}_{self.name}"


@dataclass(frozen=True)
class MigrationResult:
    """What was applied now, and the version the database has."""

    applied: list[str]
    version: int


def migrate(engine: Engine, folder: Path = SQL) -> MigrationResult:
    """Apply what is missing and make the views anew; doing it again changes nothing.

    Raises ConfigurationError when the database is newer than this code, a released migration was edited, or the role may
    not create schemas.
    """
    known = read_migrations(folder)
    with engine.connect() as connection, _locked(connection):
        _prepare(connection)
        missing = decide(known, _applied(connection))
        for migration in missing:
            _apply(connection, migration)
        _make_views(connection, folder)
        _adopt_server(connection)
    return MigrationResult([str(migration) for migration in missing], max((m.version for m in known), default=0))


def require_current(engine: Engine, folder: Path = SQL) -> int:
    """Return the version of a database that has this code's schema. Raises ConfigurationError when it is older or newer."""
    known = read_migrations(folder)
    with engine.connect() as connection:
        is_there = connection.exec_driver_sql(queries("migrations")["is_there"]).scalar()
        missing = decide(known, _applied(connection) if is_there else {})
    if missing:
        raise ConfigurationError(
            f"The database lacks {len(missing)} migration(s) of this version.", what_to_do="Run: crm-pipeline migrate"
        )
    return len(known)


def read_migrations(folder: Path = SQL) -> list[Migration]:
    """Return the numbered files in order. Raises ConfigurationError when two have one number or a name is off."""
    paths = sorted((folder / "migrations").glob("*.sql"))
    found = [_read(path) for path in paths]
    if [m.version for m in found] != list(range(1, len(found) + 1)):
        raise ConfigurationError(f"The files in {folder / 'migrations'} are not numbered 0001, 0002, … without gaps.")
    return found


def decide(known: Sequence[Migration], applied: dict[int, tuple[str, str]]) -> list[Migration]:
    """Return what is missing. applied: version → (name, checksum). Raises ConfigurationError as `migrate` says."""
    newest = max(applied, default=0)
    if newest > len(known):
        raise ConfigurationError(
            f"The database is newer than this code: it has migration {newest:04}_{applied[newest][0]}.",
            what_to_do="Install the version of crm-pipeline that made it, or a later one.",
        )
    for migration in known:
        if migration.version in applied and applied[migration.version][1] != migration.checksum:
            raise ConfigurationError(
                f"Migration {migration} was edited after this database had it.",
                what_to_do="Restore the file and put the change into a new migration.",
            )
    return [migration for migration in known if migration.version not in applied]


def _read(path: Path) -> Migration:
    found = _FILE.match(path.name)
    if not found:
        raise ConfigurationError(f"{path} is not named like 0001_name.sql.")
    return Migration(int(found[1]), found[2], path.read_text(encoding="utf-8"))


@contextmanager
def _locked(connection: Connection) -> Iterator[None]:
    _run(connection, queries("migrations")["lock"])
    connection.commit()
    try:
        yield
    finally:
        connection.rollback()
        _run(connection, queries("migrations")["unlock"])
        connection.commit()


def _prepare(connection: Connection) -> None:
    try:
        _run(connection, queries("migrations")["prepare"])
    except DBAPIError as error:
        if not isinstance(error.orig, psycopg2.errors.InsufficientPrivilege):
            raise
        raise ConfigurationError(
            "This role may not create schemas in the database.",
            what_to_do="Have its owner run: GRANT CREATE ON DATABASE <name> TO <role>.",
        ) from None
    connection.commit()


def _applied(connection: Connection) -> dict[int, tuple[str, str]]:
    rows = connection.exec_driver_sql(queries("migrations")["applied"])
    return {row.version: (row.name, row.checksum) for row in rows}


def _apply(connection: Connection, migration: Migration) -> None:
    values = {"version": migration.version, "name": migration.name, "checksum": migration.checksum}
    _run(connection, migration.text)
    connection.exec_driver_sql(queries("migrations")["record"], values)
    connection.commit()


def _make_views(connection: Connection, folder: Path) -> None:
    for path in sorted((folder / "views").glob("*.sql")):
        _make_view(connection, path)
    connection.commit()


def _make_view(connection: Connection, path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    try:
        with connection.begin_nested():
            _run(connection, text)
    except DBAPIError as error:
        if not isinstance(error.orig, psycopg2.errors.InvalidTableDefinition):
            raise
        _drop_view(connection, path.stem)  # its columns changed, which CREATE OR REPLACE cannot do
        _run(connection, text)


def _adopt_server(connection: Connection) -> None:
    """Have clients' cursors and the versions of records be of this server, where the database came from another one."""
    _run(connection, queries("migrations")["adopt_server"])
    connection.commit()


def _drop_view(connection: Connection, name: str) -> None:
    driver = connection.connection.driver_connection
    view = f"crm.{quote_ident(name, driver)}"
    try:
        _run(connection, queries("migrations")["drop_view"].format(name=view))
    except DBAPIError as error:
        if not isinstance(error.orig, psycopg2.errors.DependentObjectsStillExist):
            raise
        raise ConfigurationError(
            f"The columns of the view {view} change, but a view outside this project is built on it.",
            what_to_do="Drop that view, run `crm-pipeline migrate`, then create it again.",
        ) from None


def _run(connection: Connection, text: str) -> None:
    """Run statements as they are written: a percent sign is only a percent sign."""
    connection.exec_driver_sql(text, execution_options={"no_parameters": True})
