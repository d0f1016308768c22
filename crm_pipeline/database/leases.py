"""Signs of life: a run holds a session lock under its name, so anybody can see which runs still have a process.

Postgres frees the lock when the process dies, whatever killed it and on whichever machine. This is about runs; that a
connection has one writer is the business of `locks.py`.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from sqlalchemy import Connection, Engine, NullPool, create_engine
from sqlalchemy.exc import DBAPIError

from crm_pipeline.database.engine import CONNECT, say_what_to_do_on_failure
from crm_pipeline.database.queries import queries
from crm_pipeline.errors import DatabaseUnavailable

LEASE_CLASS = 0x43524C
"""First key of the advisory locks of runs; the second is the hash of the run's id."""
LOOK_AFTER_SECONDS = 3


@contextmanager
def run_lease(engine: Engine, run_id: str) -> Iterator[None]:
    """Hold the lease of a run; taken again when Postgres was restarted meanwhile, as long as this process lives."""
    own = create_engine(engine.url, connect_args=CONNECT, poolclass=NullPool, isolation_level="AUTOCOMMIT", hide_parameters=True)
    say_what_to_do_on_failure(own)
    done = threading.Event()
    keeper = threading.Thread(target=_keep, args=(own, run_id, _taken(own, run_id), done), name="run-lease", daemon=True)
    keeper.start()
    try:
        yield
    finally:
        done.set()
        keeper.join()


def live_runs(engine: Engine) -> set[str]:
    """Return the ids of the runs some living process answers for."""
    with engine.connect() as connection:
        rows = connection.exec_driver_sql(queries("leases")["live_runs"], execution_options={"no_parameters": True})
        return {row.run_id.strip() for row in rows}


def _taken(engine: Engine, run_id: str) -> Connection:
    connection = engine.connect()
    _ask(connection, "sign", {"name": f"crm:{run_id}"})
    _ask(connection, "take", {"class": LEASE_CLASS, "run_id": run_id})
    return connection


def _keep(engine: Engine, run_id: str, held: Connection, done: threading.Event) -> None:
    while not done.wait(LOOK_AFTER_SECONDS):
        try:
            _ask(held, "sign", {"name": f"crm:{run_id}"})
        except DBAPIError:
            held.invalidate()
            with suppress(DBAPIError, DatabaseUnavailable):  # still down: the next look tries again
                held = _taken(engine, run_id)
    held.close()


def _ask(connection: Connection, question: str, values: dict[str, Any]) -> None:
    connection.exec_driver_sql(queries("leases")[question], values)
