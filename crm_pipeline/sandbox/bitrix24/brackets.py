"""PHP's bracket notation, both ways: `filter[>ID]=5&select[]=ID` ↔ nested dicts and lists (facts: bitrix24 2.1, 11.1).

Here: only the notation. What the parameters mean belongs to the calls.
"""

from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import parse_qsl, quote_plus


def parse(query: str) -> dict[str, Any]:
    """Parse a query or form body to nested values; a plus is a space, as PHP reads it."""
    return nest(parse_qsl(query, keep_blank_values=True))


def nest(pairs: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """Put decoded `(key, value)` pairs into nested dicts; groups numbered 0..n-1 become lists."""
    tree: dict[str, Any] = {}
    for key, value in pairs:
        name, bracket, rest = key.partition("[")
        if not bracket or not name or "]" not in rest:
            tree[key] = value
        else:
            _plant(tree, [name, *_segments(rest)], value)
    return {key: _listed(value) for key, value in tree.items()}


def encode(values: Any, prefix: str = "") -> str:
    """Write nested values as a form body; brackets are escaped as PHP's `http_build_query` does."""
    return "&".join(f"{quote_plus(key)}={quote_plus(text)}" for key, text in _flat(values, prefix))


def _segments(rest: str) -> list[str]:
    return [part.partition("]")[0] for part in rest.split("[")]


def _plant(tree: dict[str, Any], path: list[str], value: str) -> None:
    for segment in path[:-1]:
        key = segment or str(len(tree))
        if not isinstance(tree.get(key), dict):
            tree[key] = {}
        tree = tree[key]
    tree[path[-1] or str(len(tree))] = value


def _listed(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    inner = {key: _listed(item) for key, item in value.items()}
    return list(inner.values()) if list(inner) == [str(n) for n in range(len(inner))] else inner


def _flat(value: Any, prefix: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict | list | tuple):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for key, item in items:
            yield from _flat(item, f"{prefix}[{key}]" if prefix else str(key))
    elif value is not None:
        yield prefix, str(int(value)) if isinstance(value, bool) else str(value)
