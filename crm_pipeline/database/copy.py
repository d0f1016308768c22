"""Loading many rows fast: COPY from an iterable, a chunk at a time, so memory stays small whatever the number of rows."""

import csv
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal
from io import StringIO
from itertools import islice
from typing import Any

import orjson
from psycopg2 import sql
from sqlalchemy import Connection

from crm_pipeline.database.queries import queries
from crm_pipeline.database.redaction import without_values

CHUNK_ROWS = 500


class _Null(int):
    """NULL in a CSV row: a number to the csv module, so it is written without quotes, unlike a text that reads \\N."""

    def __str__(self) -> str:
        return r"\N"

    __repr__ = __str__


NULL = _Null()


def copy_rows(connection: Connection, table: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> int:
    """Append the rows to `table` ("schema.name", or a temporary table's bare name) and return how many there were.

    A value is None, str, int, float, Decimal, bool, datetime, date, list or tuple (a Postgres array), dict or bytes (JSON;
    a JSON list must come as bytes), or memoryview (bytea). Joins the connection's transaction.
    """
    if not connection.in_transaction():
        connection.begin()  # the driver begins by itself, but then SQLAlchemy's commit would know nothing of it
    source = _CsvSource(rows)
    statement = sql.SQL(queries("server")["copy_rows"]).format(
        table=sql.Identifier(*table.split(".")), columns=sql.SQL(", ").join(map(sql.Identifier, columns))
    )
    driver: Any = connection.connection.driver_connection
    with without_values(), driver.cursor() as cursor:
        cursor.copy_expert(statement, source)
    return source.count


class _CsvSource:
    """A readable file whose every read is the next chunk of rows as CSV (the driver takes more than it asked for)."""

    def __init__(self, rows: Iterable[Sequence[object]]):
        self._rows: Iterator[Sequence[object]] = iter(rows)
        self.count = 0

    def read(self, _size: int = -1) -> str:
        chunk = [[_written(value) for value in row] for row in islice(self._rows, CHUNK_ROWS)]
        self.count += len(chunk)
        text = StringIO()
        csv.writer(text, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\n").writerows(chunk)
        return text.getvalue()


def _written(value: object) -> object:
    write = _WRITERS.get(type(value))
    return write(value) if write else _of_subclass(value)


def _of_subclass(value: object) -> object:
    """Write an instance of a subclass (an enum that is a str, say) as its base class."""
    for known, write in _WRITERS.items():
        if isinstance(value, known):
            return write(value)
    raise TypeError(f"COPY cannot write a {type(value).__name__}")


def _array(values: Sequence[object]) -> str:
    return "{" + ",".join(map(_element, values)) + "}"


def _element(value: object) -> str:
    if value is None:
        return "NULL"
    text = str(value).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'


def _plain(value: Any) -> Any:
    return value


_WRITERS: dict[type, Callable[[Any], object]] = {
    type(None): lambda _: NULL,
    str: lambda text: text if type(text) is str else str.__str__(text),
    bool: _plain,
    int: _plain,
    float: _plain,
    Decimal: str,
    datetime: datetime.isoformat,
    date: date.isoformat,
    list: _array,
    tuple: _array,
    dict: lambda mapping: orjson.dumps(mapping).decode(),
    bytes: bytes.decode,
    memoryview: lambda view: f"\\x{view.hex()}",
}
