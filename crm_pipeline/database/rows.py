"""Rows as COPY sends them, fast: whole blocks of text are joined and escaped at once instead of value by value.

What belongs here: how a Python value is spelled in a block, and what stands for a missing one in a NOT NULL column. Which
rows are written is decided by `landing.py`. `copy.py` has the general writer.
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from hashlib import md5
from io import BytesIO
from typing import Any

import orjson
from psycopg2 import sql
from sqlalchemy import Connection

from crm_pipeline.database.queries import queries
from crm_pipeline.database.templates import WITH_MARKERS
from crm_pipeline.model import entities
from crm_pipeline.model.entities import Child
from crm_pipeline.model.records import RawRecord, SourceRecord

FIELD, ROW = "\x1f", "\x1e"
"""Stand between fields and rows while a block is built; no CRM text needs these control characters, they become spaces."""

MISSING = {
    "is_own": "f", "tags": "{}", "is_completed": "f", "products.is_active": "t", "is_multiple": "f", "options": "{}",
    "is_primary": "f", "is_main": "f", "position": "0",
}  # fmt: skip
"""What a NOT NULL column gets when the mapping has no value: column, or table.column."""

_NUL = re.compile(rb"(?<!\\)((?:\\\\)*)\\u0000")


def copy_block(connection: Connection, table: str, columns: Sequence[str], lines: Sequence[str]) -> None:
    """Append lines made by this file to a table, in the connection's transaction."""
    if not lines:
        return
    statement = sql.SQL(queries("copying")["block"]).format(
        table=sql.Identifier(*table.split(".")), columns=sql.SQL(", ").join(map(sql.Identifier, columns))
    )
    driver: Any = connection.connection.driver_connection
    with driver.cursor() as cursor:
        cursor.copy_expert(statement, BytesIO(_bytes(lines)), 1 << 20)


def _bytes(lines: Sequence[str]) -> bytes:
    text = ROW.join(lines)
    if "\x00" in text:
        text = text.replace("\x00", "")
    text = text.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r")
    return (text.replace(ROW, "\n") + "\n").encode("utf-8", "replace")


def line(values: Sequence[str]) -> str:
    """Return a row as text; an empty value is NULL."""
    text = FIELD.join(values)
    if text.count(FIELD) != len(values) - 1 or ROW in text:
        text = FIELD.join([value.replace(FIELD, " ").replace(ROW, " ") for value in values])
    return text


def json_text(value: Any) -> str:
    """Return JSON that Postgres can store: no NUL, no half surrogates."""
    try:
        written = orjson.dumps(value, default=_json_default)
    except TypeError:  # integers beyond 64 bits, half surrogates
        written = json.dumps(value, ensure_ascii=False, default=_json_default).encode("utf-8", "replace")
    if b"\\u0000" in written:
        written = _NUL.sub(rb"\1", written)
    return written.decode()


def _json_default(value: Any) -> Any:
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, (datetime, date)):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} is not JSON")


def _array(values: Iterable[Any]) -> str:
    return "{" + ",".join(['"' + str(v).replace("\\", "\\\\").replace('"', '\\"') + '"' for v in values]) + "}"


_SPELLED: dict[type, Callable[[Any], str]] = {
    type(None): lambda _: "",
    str: str,
    bool: lambda value: "t" if value else "f",
    int: str,
    float: repr,
    Decimal: str,
    datetime: datetime.isoformat,
    date: date.isoformat,
    list: _array,
    tuple: _array,
    dict: json_text,
}


def spelled(value: Any) -> str:
    """Return one value as a block spells it."""
    spell = _SPELLED.get(type(value))
    return spell(value) if spell else str(value)


class RecordRows:
    """Spells raw records of one connection and kind."""

    columns = (
        "connection_id", "entity", "external_id", "payload", "content_hash", "remote_created_at", "remote_updated_at", "deleted_at",
    )  # fmt: skip

    def __init__(self, connection_id: int, kind: str):
        self._start = (str(connection_id), kind)

    def line(self, record: RawRecord, content_hash: bytes, deleted_at: str = "") -> str:
        """Return the row of a raw record."""
        created, updated = record.remote_created_at, record.remote_updated_at
        return line((
            *self._start, record.external_id, "" if record.payload is None else json_text(record.payload), f"\\x{content_hash.hex()}",
            created.isoformat() if created else "", updated.isoformat() if updated else "", deleted_at,
        ))  # fmt: skip


class SourceRows:
    """Spells source records of one connection and entity."""

    def __init__(self, connection_id: int, entity: str):
        self._connection = str(connection_id)
        self._golden = f"{connection_id}/{entity}/"
        self._names = (*entities.COLUMNS[entity], *(entities.MARKERS if entity in WITH_MARKERS else ()))
        self._missing = [(i, _missing(entity, name)) for i, name in enumerate(self._names) if _missing(entity, name)]

    def line(self, record: SourceRecord) -> str:
        """Return the row of a source record, with columns as `source_columns` but the last, deleted_at."""
        get = record.values.get
        values = [value if type(value) is str else _SPELLED[type(value)](value) for value in map(get, self._names)]
        for i, instead in self._missing:
            if not values[i]:
                values[i] = instead
        created, updated = record.remote_created_at, record.remote_updated_at
        return line([
            self._connection, record.external_id, self.golden_id(record.external_id), *values,
            json_text(record.custom_fields) if record.custom_fields else "{}",
            created.isoformat() if created else "", updated.isoformat() if updated else "",
        ])  # fmt: skip

    def golden_id(self, external_id: str) -> str:
        """Return `entities.identity_golden_id` in hex."""
        return md5(f"{self._golden}{external_id}".encode("utf-8", "replace"), usedforsecurity=False).hexdigest()


class ChildRows:
    """Spells child rows of one connection, entity and child table."""

    def __init__(self, connection_id: int, entity: str, child: Child):
        self._start = (str(connection_id), entity) if child.table == "contact_points" else (str(connection_id),)
        self._child = child
        self._missing = {name: _missing(child.table, name) for name in child.columns}

    def lines(self, external_id: str, children: Sequence[Mapping[str, Any]]) -> list[str]:
        """Return the rows of one parent; of two with the same key the later stays."""
        if len(children) > 1:
            children = list({tuple([child.get(name) for name in self._child.key]): child for child in children}.values())
        return [self._line(external_id, child) for child in children]

    def _line(self, external_id: str, child: Mapping[str, Any]) -> str:
        values = [spelled(child.get(name)) or instead for name, instead in self._missing.items()]
        return line([*self._start, external_id, *values])


def _missing(table: str, column: str) -> str:
    return MISSING.get(f"{table}.{column}") or MISSING.get(column, "")
