"""PHP bracket parameters, both ways: queries in, webhook forms out. Knows no field's meaning."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

Node = Any  # str | dict[str, Node]
# At most 18 digits: what does not fit 64 bits is nobody's id.
_WHOLE = re.compile(r"^-?[0-9]{1,18}$")
_PART = re.compile(r"\[([^\]]*)\]")


def parse(pairs: Iterable[tuple[str, str]]) -> dict[str, Node]:
    """Nest `filter[id][]=1&filter[id][]=2` as {"filter": {"id": {"0": "1", "1": "2"}}}; both array syntaxes end alike."""
    tree: dict[str, Node] = {}
    for name, value in pairs:
        head = name.split("[", 1)[0]
        _place(tree, [head, *_PART.findall(name[len(head) :])], value)
    return tree


def _place(tree: dict[str, Node], path: list[str], value: str) -> None:
    for part in path[:-1]:
        key = part or str(len(tree))
        if not isinstance(tree.get(key), dict):
            tree[key] = {}
        tree = tree[key]
    tree[path[-1] or str(len(tree))] = value


def values(node: Node) -> list[str]:
    """List every leaf of a node in order: a scalar is a list of one."""
    if node is None:
        return []
    if isinstance(node, dict):
        return [leaf for child in node.values() for leaf in values(child)]
    return [str(node)]


def integers(node: Node, *, commas: bool = False) -> list[int]:
    """List the whole numbers among the leaves; `commas` also splits "1,2"."""
    leaves = values(node)
    if commas:
        leaves = [part for leaf in leaves for part in leaf.split(",")]
    return [int(leaf) for leaf in leaves if _WHOLE.match(leaf.strip())]


def flatten(value: Any, prefix: str = "") -> Iterator[tuple[str, str]]:
    """Yield (bracket name, text) pairs as PHP's http_build_query does: null is left out, booleans are 1 and 0."""
    if isinstance(value, dict):
        children: Iterable[tuple[Any, Any]] = value.items()
    elif isinstance(value, list):
        children = enumerate(value)
    else:
        if value is not None:
            yield prefix, str(int(value)) if isinstance(value, bool) else str(value)
        return
    for key, child in children:
        yield from flatten(child, f"{prefix}[{key}]" if prefix else str(key))


def exclude_ends(query: dict[str, Node]) -> None:
    """Narrow the ranges of a query's filters by one at either end: their ends are then exclusive."""
    filters = query.get("filter")
    for span in filters.values() if isinstance(filters, dict) else ():
        for end, step in (("from", 1), ("to", -1)):
            bound = span.get(end) if isinstance(span, dict) else None
            if isinstance(span, dict) and isinstance(bound, str) and bound.isdigit():
                span[end] = str(int(bound) + step)
