"""What the database says no to for good: values a table cannot hold. COPY raises the driver's errors, queries SQLAlchemy's.

Also hands the stages the two names they need of SQLAlchemy, which only this room imports, and the API what to answer with 503.
"""

import psycopg2
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DataError, IntegrityError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

REFUSALS = (DataError, IntegrityError, psycopg2.DataError, psycopg2.IntegrityError)

UNREACHABLE = (OperationalError, InterfaceError, PoolTimeout)
"""The server went away in the middle, or every connection to it is taken."""

UNSTORABLE = (DataError, ValueError)
"""Among these are values no column can hold; `is_unstorable` says which."""


def reason(error: BaseException) -> str:
    """Return the database's own sentence, without the values."""
    return str(getattr(error, "orig", error)).splitlines()[0]


def is_unstorable(error: BaseException) -> bool:
    """Return whether an error says that a value cannot be written at all: out of range, a NUL, half a surrogate pair."""
    return isinstance(error, DataError | UnicodeEncodeError) or (isinstance(error, ValueError) and "NUL" in str(error))


__all__ = ["REFUSALS", "UNREACHABLE", "UNSTORABLE", "Connection", "Engine", "is_unstorable", "reason"]
