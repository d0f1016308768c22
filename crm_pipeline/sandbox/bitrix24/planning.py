"""Helping SQLite to a good plan: which index a list should go by. Changes no answer, only how long it takes.

Here: columns before a filter is compiled. What a filter means is in filters.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from .filters import Column, split_prefix

if TYPE_CHECKING:
    from .portal import Portal

FEW = 5_000
REMEMBERED = 1_000
_BOUNDS = {">": "updated >= ?", ">=": "updated >= ?", "<": "updated <= ?", "<=": "updated <= ?"}


def planned(portal: Portal, kind: str, columns: Mapping[str, Column], filters: Any) -> Mapping[str, Column]:
    """Return the columns to filter by: with the id's own index hidden when few rows lie in the window of change asked for."""
    if not isinstance(filters, Mapping):
        return columns
    named = [(split_prefix(str(key)), value) for key, value in filters.items()]
    found = [(prefix, column, value) for (prefix, name), value in named if (column := columns.get(name))]
    for _, column, _ in found:
        if column.lookup:
            portal.store.index(kind, column.lookup)
    window = [(prefix, value) for prefix, column, value in found if column.sql == "updated" and prefix in _BOUNDS]
    if not any(prefix in (">", ">=") for prefix, _ in window) or not _few(portal, kind, window):
        return columns
    return {name: replace(column, sql="+id") if column.sql == "id" else column for name, column in columns.items()}


def _few(portal: Portal, kind: str, window: list[tuple[str, Any]]) -> bool:
    """Tell whether few rows lie in a window; the answer is remembered, as being wrong costs only time."""
    bounds = [(_BOUNDS[prefix], portal.moments.seconds(value)) for prefix, value in window]
    where = " AND ".join(sql for sql, at in bounds if at is not None)
    args = tuple(at for _, at in bounds if at is not None)
    if len(portal.plans) > REMEMBERED:
        portal.plans.clear()
    key = (kind, where, args)
    if key not in portal.plans:
        portal.plans[key] = not portal.store.select(kind, where, args, "updated", limit=1, offset=FEW)
    return portal.plans[key]
