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
from operator import itemgetter
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
    "is_primary": "f", "is_main": "f",
    "contact_points.position": "0", "deal_contacts.position": "0", "deal_products.position": "0",
}  # fmt: skip
"""What a NOT NULL column gets when the mapping has no value: column, or table.column where another table has the name too."""

_NUL = re.compile(rb"(?<!\\)((?:\\\\)*)\\u0000")


def copy_block(connection: Connection, table: str, columns: Sequence[str], lines: Sequence[str] | Sequence[bytes]) -> None:
    """Append lines made by this file to a table, in the connection's transaction. Lines of bytes are escaped already."""
    if not lines:
        return
    statement = sql.SQL(queries("copying")["block"]).format(
        table=sql.Identifier(*table.split(".")), columns=sql.SQL(", ").join(map(sql.Identifier, columns))
    )
    driver: Any = connection.connection.driver_connection
    with driver.cursor() as cursor:
        cursor.copy_expert(statement, BytesIO(_bytes(lines)), 1 << 20)


def _bytes(lines: Sequence[Any]) -> bytes:
    if isinstance(lines[0], bytes):
        return b"\n".join(lines) + b"\n"
    return _escaped(ROW.join(lines)).replace(ROW.encode(), b"\n") + b"\n"


def _escaped(text: str) -> bytes:
    if "\x00" in text:
        text = text.replace("\x00", "")
    return text.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r").encode("utf-8", "replace")


def line(values: Sequence[str]) -> str:
    """Return a row as text; an empty value is NULL."""
    text = FIELD.join(values)
    if text.count(FIELD) != len(values) - 1 or ROW in text:
        text = FIELD.join([value.replace(FIELD, " ").replace(ROW, " ") for value in values])
    return text


def json_text(value: Any) -> str:
    """Return JSON that Postgres can store: no NUL, no half surrogates."""
    return json_bytes(value).decode()


def json_bytes(value: Any) -> bytes:
    """Return JSON that Postgres can store, in UTF-8."""
    try:
        written = orjson.dumps(value, default=_json_default)
    except TypeError:  # integers beyond 64 bits, half surrogates
        written = json.dumps(value, ensure_ascii=False, default=_json_default).encode("utf-8", "replace")
    if b"\\u0000" in written:
        written = _NUL.sub(rb"\1", written)
    return written


def _json_default(value: Any) -> Any:
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, (datetime, date)):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} is not JSON")


def _array(values: Iterable[Any]) -> str:
    return "{" + ",".join(['"' + str(v).replace("\\", "\\\\").replace('"', '\\"') + '"' for v in values]) + "}"


class _Spellings(dict[type, Callable[[Any], str]]):
    """How values are spelled, by their type; a subclass (a text that is an enum) is spelled as what it is made of."""

    def __missing__(self, kind: type) -> Callable[[Any], str]:
        return next((spell for known, spell in self.items() if issubclass(kind, known)), str)


_SPELLED = _Spellings({
    type(None): lambda _: "",
    str: str.__str__,
    bool: lambda value: "t" if value else "f",
    int: int.__repr__,
    float: repr,
    Decimal: str,
    datetime: datetime.isoformat,
    date: date.isoformat,
    list: _array,
    tuple: _array,
    dict: json_text,
})  # fmt: skip


class RecordRows:
    """Spells raw records of one connection and kind."""

    columns = (
        "connection_id", "entity", "external_id", "payload", "content_hash", "remote_created_at", "remote_updated_at",
        "deleted_at",
    )  # fmt: skip

    def __init__(self, connection_id: int, kind: str):
        self._connection, self._kind = str(connection_id).encode(), kind

    def line(self, record: RawRecord, content_hash: bytes, deleted_at: str = "") -> bytes:
        """Return the row of a raw record, escaped: its payload stays bytes, to be text it would cost as much as all the rest."""
        created, updated = record.remote_created_at, record.remote_updated_at
        payload = b"" if record.payload is None else json_bytes(record.payload)
        end = (
            f"\\\\x{content_hash.hex()}",
            created.isoformat() if created else "",
            updated.isoformat() if updated else "",
            deleted_at,
        )
        head = _escaped(line([self._kind, record.external_id]))
        return b"\x1f".join((self._connection, head, payload.replace(b"\\", rb"\\"), FIELD.join(end).encode()))


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
        self._key = itemgetter(*child.key)
        self._names = child.columns
        self._missing = [(i, _missing(child.table, name)) for i, name in enumerate(child.columns) if _missing(child.table, name)]

    def lines(self, external_id: str, children: Sequence[Mapping[str, Any]]) -> list[str]:
        """Return the rows of one parent; of two with the same key the later stays."""
        if len(children) > 1 and len(set(map(self._key, children))) < len(children):
            children = list({self._key(child): child for child in children}.values())
        return [self._line(external_id, child) for child in children]

    def _line(self, external_id: str, child: Mapping[str, Any]) -> str:
        values = [value if type(value) is str else _SPELLED[type(value)](value) for value in map(child.get, self._names)]
        for i, instead in self._missing:
            values[i] = values[i] or instead
        return line([*self._start, external_id, *values])


def _missing(table: str, column: str) -> str:
    return MISSING.get(f"{table}.{column}") or MISSING.get(column, "")
