"""Vendor filters and orders → SQL conditions over the store's columns (facts: bitrix24 4.4, 4.8, 4.12, 11.4).

Column expressions come from the tables of `columns.py` only; values are always bound. Here: prefixes, lists, nesting.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .moments import Moments
from .refusals import Refusal, bad_argument

Condition = tuple[str, list[Any]]
PREFIXES = (">=", "<=", "!=%", "!%=", "!%", "!@", "!=", "><", "=%", "%=", ">", "<", "@", "%", "=", "!")
TASK_PREFIXES = (">=", "<=", ">", "<", "!")
EVERYTHING: Condition = ("", [])
NOTHING: Condition = ("0 = 1", [])
_LIST_OF = {"": "", "=": "", "@": "", "!": "NOT ", "!=": "NOT ", "!@": "NOT "}
_COMPARE = {">": ">", ">=": ">=", "<": "<", "<=": "<="}
_LIKE = {"%": ("LIKE", True), "!%": ("NOT LIKE", True), "%=": ("LIKE", False), "=%": ("LIKE", False)}
_LIKE |= {"!%=": ("NOT LIKE", False), "!=%": ("NOT LIKE", False)}


@dataclass(frozen=True)
class Column:
    """A filterable column: SQL of its value and the type values are read as; `each` is the JSON list to look into.

    `lookup` is the JSON path of a key that rows are looked up by; it gets an index when it is first asked for.
    """

    sql: str
    type: str = "string"
    each: str = ""
    lookup: str = ""


@dataclass(frozen=True)
class Dialect:
    """How one family of methods reads filters: known prefixes, nesting, and what happens to unknown keys."""

    moments: Moments
    prefixes: tuple[str, ...] = PREFIXES
    nested: bool = False
    iso: bool = True
    unknown: Callable[[str, str], Refusal] | None = None
    aliases: Mapping[str, str] = field(default_factory=dict)


def unknown_item_key(where: str, name: str) -> Refusal:
    """Refuse an unknown field as crm.item.list does (facts: bitrix24 4.8)."""
    return bad_argument(f"Invalid {where}: field '{name}' is not allowed in {where}")


def compile_filter(filters: Any, columns: Mapping[str, Column], dialect: Dialect) -> Condition:
    """Translate a filter to `(where, args)`; empty text when it asks for everything. Raises Refusal."""
    parts = [_entry(str(key), value, columns, dialect) for key, value in _pairs(filters)]
    return _join(parts, "AND")


def compile_order(order: Any, columns: Mapping[str, Column], dialect: Dialect, default: str = "id") -> str:
    """Translate an order map to SQL; rows equal in it are ordered by id. Raises Refusal."""
    terms = [term for key, way in _pairs(order) for term in _order_term(str(key), way, columns, dialect)]
    if not terms:
        return default
    plain = [term.rpartition(" ")[0].lstrip("+") for term in terms]
    return ", ".join(terms if "id" in plain else [*terms, f"id {terms[0].rpartition(' ')[2]}"])


def split_prefix(key: str, prefixes: tuple[str, ...] = PREFIXES) -> tuple[str, str]:
    """Split a filter key into prefix and field name."""
    prefix = next((prefix for prefix in prefixes if key.startswith(prefix)), "")
    return prefix, key[len(prefix) :]


def any_pair(name: str, keys: Sequence[str], pairs: list[dict[str, int]]) -> Condition:
    """Ask for rows whose JSON list `name` holds one of the pairs, compared by the keys."""
    same = " AND ".join(f"CAST(json_extract(j.value, '$.{key}') AS INTEGER) = ?" for key in keys)
    wanted = " OR ".join([f"({same})"] * len(pairs))
    args = [pair[key] for pair in pairs for key in keys]
    return f"EXISTS (SELECT 1 FROM json_each(body, '$.{name}') j WHERE {wanted})", args


def _pairs(value: Any) -> list[tuple[Any, Any]]:
    if isinstance(value, Mapping):
        return list(value.items())
    return list(enumerate(value)) if isinstance(value, list) else []


def _join(parts: list[Condition], word: str) -> Condition:
    filled = [part for part in parts if part[0]]
    return f" {word} ".join(f"({sql})" for sql, _ in filled), [arg for _, args in filled for arg in args]


def _order_term(key: str, way: Any, columns: Mapping[str, Column], dialect: Dialect) -> list[str]:
    column = columns.get(dialect.aliases.get(key, key))
    if column is None and dialect.unknown:
        raise dialect.unknown("order", key)
    direction = "DESC" if str(way).upper().startswith("DESC") else "ASC"
    return [f"{column.sql} {direction}"] if column else []


def _entry(key: str, value: Any, columns: Mapping[str, Column], dialect: Dialect) -> Condition:
    if dialect.nested and key.lower() == "logic":
        return EVERYTHING
    if dialect.nested and key.isdigit() and isinstance(value, Mapping | list):
        return _group(value, columns, dialect)
    prefix, name = split_prefix(key, dialect.prefixes)
    column = columns.get(dialect.aliases.get(name, name))
    if column is None:
        if dialect.unknown:
            raise dialect.unknown("filter", name)
        return EVERYTHING
    return _condition(column, prefix, value, dialect)


def _group(value: Any, columns: Mapping[str, Column], dialect: Dialect) -> Condition:
    pairs = _pairs(value)
    logic = next((str(item).upper() for key, item in pairs if str(key).lower() == "logic"), "AND")
    return _join([_entry(str(key), item, columns, dialect) for key, item in pairs], "OR" if logic == "OR" else "AND")


def _condition(column: Column, prefix: str, value: Any, dialect: Dialect) -> Condition:
    values = [item for _, item in _pairs(value)] if isinstance(value, list | Mapping) else None
    if column.each:
        return _any_of(column, prefix, [value] if values is None else values, dialect)
    if prefix == "><" and values and len(values) == 2:
        return _join([_single(column, ">=", values[0], dialect), _single(column, "<=", values[1], dialect)], "AND")
    if values is None and prefix not in ("@", "!@"):
        return _single(column, prefix, value, dialect)
    return _listed(column, prefix, [value] if values is None else values, dialect)


def _listed(column: Column, prefix: str, values: list[Any], dialect: Dialect) -> Condition:
    if prefix not in _LIST_OF:
        return _join([_single(column, prefix, value, dialect) for value in values], "OR")
    read = [_read(column.type, value, dialect) for value in values]
    if not read:
        return NOTHING if not _LIST_OF[prefix] else EVERYTHING
    return f"{column.sql} {_LIST_OF[prefix]}IN ({', '.join('?' * len(read))})", read


def _single(column: Column, prefix: str, value: Any, dialect: Dialect) -> Condition:
    if prefix in _LIKE:
        operator, contains = _LIKE[prefix]
        return f"{column.sql} {operator} ?", [f"%{value}%" if contains else str(value)]
    empty = value is None or value is False or value == ""
    if prefix in _COMPARE:
        return _compare(column, _COMPARE[prefix], value, empty, dialect)
    negated = prefix.startswith("!")
    if empty and column.type != "boolean":
        sql = f"({column.sql} IS NULL OR {column.sql} IN ('', 0, '0'))"
        return f"NOT {sql}" if negated else sql, []
    read = _read(column.type, value, dialect)
    if read is None:
        return EVERYTHING
    return f"{column.sql} IS {'NOT ' if negated else ''}?", [read]


def _compare(column: Column, operator: str, value: Any, empty: bool, dialect: Dialect) -> Condition:
    if not dialect.iso and column.type in ("datetime", "date") and "T" in str(value):
        return EVERYTHING
    read = 0 if empty and column.type == "integer" else _read(column.type, value, dialect)
    return EVERYTHING if read is None else (f"{column.sql} {operator} ?", [read])


def _any_of(column: Column, prefix: str, values: list[Any], dialect: Dialect) -> Condition:
    some = f"EXISTS (SELECT 1 FROM json_each({column.each}) j"
    wanted = [_read(column.type, value, dialect) for value in values if value not in (None, "", False)]
    sql = f"{some} WHERE {column.sql} IN ({', '.join('?' * len(wanted))}))" if wanted else f"NOT {some})"
    return f"NOT {sql}" if prefix.startswith("!") else sql, wanted


def _read(kind: str, value: Any, dialect: Dialect) -> Any:
    return _READERS.get(kind, _text)(value, dialect)


def _text(value: Any, _: Dialect) -> str:
    return ("Y" if value else "N") if isinstance(value, bool) else str(value)


def _integer(value: Any, _: Dialect) -> int:
    digits = str(value).strip().partition(".")[0]
    return int(digits) if digits.lstrip("-").isdigit() else 0


def _double(value: Any, _: Dialect) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        return 0.0


def _flag(value: Any, _: Dialect) -> str:
    return {"1": "Y", "true": "Y", "0": "N", "false": "N", "": "N", "none": "N"}.get(str(value).lower(), str(value))


def _bit(value: Any, _: Dialect) -> str:
    return {"y": "1", "true": "1", "n": "0", "false": "0", "": "0", "none": "0"}.get(str(value).lower(), str(value))


def _moment(value: Any, dialect: Dialect) -> int | None:
    return dialect.moments.seconds(value)


def _day(value: Any, _: Dialect) -> str:
    return str(value)[:10]


_READERS: dict[str, Callable[[Any, Dialect], Any]] = {
    "integer": _integer,
    "double": _double,
    "char": _flag,
    "boolean": _bit,
    "datetime": _moment,
    "date": _day,
}
