"""What the database says no to for good: values a table cannot hold. COPY raises the driver's errors, queries SQLAlchemy's.

Also hands the stages the two names they need of SQLAlchemy, which only this room imports.
"""

import psycopg2
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DataError, IntegrityError

REFUSALS = (DataError, IntegrityError, psycopg2.DataError, psycopg2.IntegrityError)


def reason(error: BaseException) -> str:
    """Return the database's own sentence, without the values."""
    return str(getattr(error, "orig", error)).splitlines()[0]


__all__ = ["REFUSALS", "Connection", "Engine", "reason"]
