"""PHP's bracket notation: what a batch command's query and the body of an event are written in (facts: bitrix24 2.1, 3.3, 8.1).

What belongs here: the notation, both ways. What is said in it belongs to `client` and `webhooks`.
"""

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl, quote


class Reference(str):
    """A `$result[...]` reference: sent as it is, because some servers look for it before decoding (facts: bitrix24 3.3)."""

    __slots__ = ()


def query(params: Mapping[str, Any]) -> str:
    """Write nested parameters as a query, encoded once; `+` of a time zone becomes `%2B` (facts: bitrix24 5).

    >>> query({"filter": {">id": 5}, "select": ["id"]})
    'filter%5B%3Eid%5D=5&select%5B0%5D=id'
    """
    return "&".join([f"{_quoted(key)}={_written(value)}" for key, value in _flat(params, "")])


@lru_cache(maxsize=4_096)
def _quoted(text: str) -> str:
    """Return a name encoded; a batch of fifty commands says the same few names fifty times."""
    return quote(text, safe="")


def _written(value: Any) -> str:
    if isinstance(value, Reference):
        return str(value)
    if isinstance(value, bool):
        return "Y" if value else "N"
    written = "" if value is None else str(value)
    return written if written.isalnum() and written.isascii() else quote(written, safe="")


def _flat(value: Any, prefix: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _flat(inner, f"{prefix}[{key}]" if prefix else str(key))
    elif isinstance(value, (list, tuple)):
        for number, inner in enumerate(value):
            yield from _flat(inner, f"{prefix}[{number}]")
    else:
        yield prefix, value


def parse(body: str) -> dict[str, Any]:
    """Read a form body into nested maps; `a[]` is numbered, a broken bracket stays part of the name.

    >>> parse("data[FIELDS][ID]=410&event=ONCRMDEALUPDATE")
    {'data': {'FIELDS': {'ID': '410'}}, 'event': 'ONCRMDEALUPDATE'}
    """
    tree: dict[str, Any] = {}
    for key, value in parse_qsl(body, keep_blank_values=True, max_num_fields=10_000):
        _plant(tree, _path(key), value)
    return tree


def _path(key: str) -> list[str]:
    name, bracket, rest = key.partition("[")
    if not bracket or not name or not rest.endswith("]"):
        return [key]
    return [name, *rest[:-1].split("][")]


def _plant(tree: dict[str, Any], path: list[str], value: str) -> None:
    for name in path[:-1]:
        inner = tree.get(name or str(len(tree)))
        if not isinstance(inner, dict):
            inner = tree[name or str(len(tree))] = {}
        tree = inner
    tree[path[-1] or str(len(tree))] = value


def as_map(value: Any) -> dict[str, Any]:
    """Return a map whatever PHP made of it: an empty map comes as `[]`, a list as numbered keys, nothing as null or false."""
    if isinstance(value, dict):
        return value
    return {str(number): inner for number, inner in enumerate(value)} if isinstance(value, list) else {}


def as_list(value: Any) -> list[Any]:
    """Return a list whatever PHP made of it: a list with holes comes as a map, nothing as null or false."""
    if isinstance(value, list):
        return value
    return list(value.values()) if isinstance(value, dict) else []
