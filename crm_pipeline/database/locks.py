"""One writer per connection: a session advisory lock, held by the very session that writes.

Because lock and transaction live and die together, a lock that was lost takes the page being written with it. What belongs
here: holding locks and saying who holds them.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import psycopg2
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError, PendingRollbackError, ResourceClosedError

from crm_pipeline.database.queries import queries
from crm_pipeline.errors import ConnectionBusy

WRITER_CLASS = 0x43524D
"""First key of the advisory locks of connections; the second is the connection's id."""
RECONCILER_CLASS = 0x43524E
"""First key of the advisory locks of reconciling; the second is the hash of the entity."""


class Writer:
    """The one writer of a connection while its `writer` block lasts. Not for several threads at once."""

    def __init__(self, db: Connection, connection_id: int):
        self._db = db
        self.connection_id = connection_id
        self._session = _backend(db)
        self._driver: Any = db.connection.driver_connection

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """Open a transaction that only commits while the lock is held. Raises ConnectionBusy when it was lost."""
        try:
            with self._db.begin():
                self._require_lock()
                yield self._db
                self._require_lock()
        except (DBAPIError, PendingRollbackError, ResourceClosedError, psycopg2.Error) as error:
            if not self._is_gone():
                raise
            raise _lost() from error

    def _is_gone(self) -> bool:
        """Return whether the session is over; COPY raises the driver's own errors, which SQLAlchemy has not looked at."""
        return bool(self._db.invalidated or self._db.closed or self._driver.closed)

    def _require_lock(self) -> None:
        if self._db.invalidated or _backend(self._db) != self._session:
            raise _lost()


@contextmanager
def writer(engine: Engine, connection_id: int) -> Iterator[Writer]:
    """Be the writer of a connection. Raises ConnectionBusy, at once, when another process is."""
    with engine.connect() as db:
        keys = {"class": WRITER_CLASS, "connection_id": connection_id}
        held = db.exec_driver_sql(queries("locks")["try_writer"], keys).scalar_one()
        if held:
            db.exec_driver_sql(queries("locks")["plan_for_pages"])
        db.commit()
        if not held:
            raise ConnectionBusy(what_to_do="It goes on by itself; wait for it, or stop that process.")
        try:
            yield Writer(db, connection_id)
        finally:
            _release(db, keys)


def writers(engine: Engine) -> dict[int, int]:
    """Return connection id → backend pid for every connection that is being written right now."""
    with engine.connect() as db:
        return {row[0]: row[1] for row in db.exec_driver_sql(queries("locks")["writers"], {"class": WRITER_CLASS})}


def _release(db: Connection, keys: dict[str, int]) -> None:
    """Free the lock; a session that is gone has freed it already."""
    if db.invalidated or db.closed:
        return
    with suppress(DBAPIError, PendingRollbackError):
        db.rollback()
        db.exec_driver_sql(queries("locks")["plan_as_usual"])
        db.exec_driver_sql(queries("locks")["release_writer"], keys)
        db.commit()
    if db.in_transaction():
        db.invalidate()


def _backend(db: Connection) -> int:
    """Return the pid of the server process of this session, which is another one after a reconnect."""
    return int(db.connection.driver_connection.info.backend_pid)  # type: ignore[union-attr]


def _lost() -> ConnectionBusy:
    return ConnectionBusy("The lock of this connection was lost, nothing of the last page was kept.")
