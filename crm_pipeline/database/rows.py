"""Rows as COPY sends them, fast: whole blocks of text are joined and escaped at once instead of value by value.

What belongs here: how a Python value is spelled in a block, and what stands for a missing one in a NOT NULL column. Which
rows are written is decided by `landing.py`. `copy.py` has the general writer.
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
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
    return storable(written)


def storable(written: bytes) -> bytes:
    """Return JSON without NUL, which Postgres cannot hold."""
    return _NUL.sub(rb"\1", written) if b"\\u0000" in written else written


def _json_default(value: Any) -> Any:
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, (datetime, date)):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} is not JSON")


def _array(values: Iterable[Any]) -> str:
    return "{" + ",".join(['"' + str(v).replace("\\", "\\\\").replace('"', '\\"') + '"' for v in values]) + "}"


def time_text(moment: datetime) -> str:
    """Return a moment in ISO form; the way over JSON is five times as fast, but drops the odd seconds of historical zones."""
    return orjson.dumps(moment)[1:-1].decode() if moment.tzinfo is UTC else moment.isoformat()


_last_times: tuple[datetime | None, datetime | None, str] = (None, None, FIELD)


def times_text(created: datetime | None, updated: datetime | None) -> str:
    """Return both times of a record as fields; a raw and a source record next to one another often share them."""
    global _last_times  # one tuple, replaced at once: threads may disturb one another's luck, never the text
    last = _last_times
    if last[0] is created and last[1] is updated:
        return last[2]
    text = f"{time_text(created) if created else ''}{FIELD}{time_text(updated) if updated else ''}"
    _last_times = created, updated, text
    return text


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
    datetime: time_text,
    date: date.isoformat,
    list: lambda values: _array(values) if values else "{}",
    tuple: lambda values: _array(values) if values else "{}",
    dict: json_text,
})  # fmt: skip


class RecordRows:
    """Spells raw records of one connection and kind."""

    columns = (
        "connection_id", "entity", "external_id", "payload", "content_hash", "remote_created_at", "remote_updated_at",
        "deleted_at",
    )  # fmt: skip

    def __init__(self, connection_id: int, kind: str):
        self._start = _escaped(f"{connection_id}{FIELD}{kind}")

    def line(self, record: RawRecord, content_hash: bytes, deleted_at: str = "", payload: bytes | None = None) -> bytes:
        """Return the row of a raw record, escaped: its payload stays bytes, to be text it would cost as much as all the rest.

        `payload`: the record's as JSON that Postgres can store, when the caller has it.
        """
        key, times = record.external_id, times_text(record.remote_created_at, record.remote_updated_at)
        if payload is None:
            payload = b"" if record.payload is None else json_bytes(record.payload)
        head = key.encode() if key.isalnum() and key.isascii() else _escaped(line([key]))
        end = f"\\\\x{content_hash.hex()}{FIELD}{times}{FIELD}{deleted_at}".encode()
        return b"\x1f".join((self._start, head, payload.replace(b"\\", rb"\\"), end))


@dataclass(frozen=True, slots=True)
class Spelled:
    """A source record with its rows as COPY sends them."""

    record: SourceRecord
    line: str
    children: tuple[Sequence[str], ...]
    """The rows of each child table, in the order of `CHILDREN`."""


class Speller:
    """Spells source records of one connection and entity with their children."""

    def __init__(self, connection_id: int, entity: str):
        self._rows = SourceRows(connection_id, entity)
        self._children = [(child.table, ChildRows(connection_id, entity, child)) for child in entities.CHILDREN.get(entity, ())]

    def spell(self, record: SourceRecord) -> Spelled:
        """Return the record with its rows."""
        of, key = record.children, record.external_id
        children = [rows.lines(key, of[table]) if of.get(table) else () for table, rows in self._children]
        return Spelled(record, self._rows.line(record), tuple(children))


class SourceRows:
    """Spells source records of one connection and entity."""

    def __init__(self, connection_id: int, entity: str):
        self._connection = str(connection_id)
        self._golden = f"{connection_id}/{entity}/"
        names = (*entities.COLUMNS[entity], *(entities.MARKERS if entity in WITH_MARKERS else ()))
        self._columns = [(name, _missing(entity, name)) for name in names]

    def line(self, record: SourceRecord) -> str:
        """Return the row of a source record, with columns as `source_columns` but the last, deleted_at."""
        key, custom = record.external_id, record.custom_fields
        values = _spelled(record.values, self._columns)
        values[:0] = self._connection, key, self.golden_id(key)
        values.append(json_text(custom) if custom else "{}")
        return f"{line(values)}{FIELD}{times_text(record.remote_created_at, record.remote_updated_at)}"

    def golden_id(self, external_id: str) -> str:
        """Return `entities.identity_golden_id` in hex."""
        return md5(f"{self._golden}{external_id}".encode("utf-8", "replace"), usedforsecurity=False).hexdigest()


class ChildRows:
    """Spells child rows of one connection, entity and child table."""

    def __init__(self, connection_id: int, entity: str, child: Child):
        self._start = (str(connection_id), entity) if child.table == "contact_points" else (str(connection_id),)
        self._key = itemgetter(*child.key)
        self._columns = [(name, _missing(child.table, name)) for name in child.columns]

    def lines(self, external_id: str, children: Sequence[Mapping[str, Any]]) -> list[str]:
        """Return the rows of one parent; of two with the same key the later stays."""
        if len(children) > 1 and len(set(map(self._key, children))) < len(children):
            children = list({self._key(child): child for child in children}.values())
        return [line([*self._start, external_id, *_spelled(child, self._columns)]) for child in children]


def _spelled(record: Mapping[str, Any], columns: Sequence[tuple[str, str]]) -> list[str]:
    """Return the values of these columns; each column comes with what stands for a missing value."""
    values = []
    for name, instead in columns:
        value = record.get(name)
        if value is None:
            values.append(instead)
        elif type(value) is str:
            values.append(value or instead)
        else:
            values.append(_SPELLED[type(value)](value) or instead)
    return values


def _missing(table: str, column: str) -> str:
    return MISSING.get(f"{table}.{column}") or MISSING.get(column, "")
