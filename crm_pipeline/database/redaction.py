"""Keeping rows out of error messages: Postgres says what is wrong in its first line, and whose data it was in the next ones.

DETAIL ("Failing row contains …"), CONTEXT ("COPY contacts, line 3: …") and LINE (the statement with its values) would end in
logs and in Dagster's events. The driver's `diag` still has them for a debugger.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg2


def keep_first_line(error: BaseException | None) -> None:
    """Cut the error's message after what is wrong."""
    if error is not None and error.args:
        error.args = (str(error.args[0]).split("\n", 1)[0], *error.args[1:])


@contextmanager
def without_values() -> Iterator[None]:
    """Let the driver's errors pass with their first line only; for calls that go past SQLAlchemy."""
    try:
        yield
    except psycopg2.Error as error:
        keep_first_line(error)
        raise
