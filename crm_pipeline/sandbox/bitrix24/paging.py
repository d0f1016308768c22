"""Pages of fifty: start, next, total, the fast mode start=-1 and the snap of classic methods (facts: bitrix24 3.1, 3.2).

Here: which rows of a table are on a page. How they look is up to the method that lists them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson

from .calls import Answer, Call
from .filters import Column, Condition, Dialect, compile_filter, compile_order
from .json_text import Rows
from .planning import planned

if TYPE_CHECKING:
    from .portal import Portal

SIZE = 50


@dataclass(frozen=True)
class List:
    """How one method lists one table; `snap`: an odd offset falls back to its page, `fast`: start=-1 is understood."""

    kind: str
    columns: Mapping[str, Column]
    dialect: Dialect
    default: str = "id"
    size: int = SIZE
    snap: bool = False
    fast: bool = True


@dataclass
class Page:
    """The `(id, JSON text)` rows of one page and what stands beside the result."""

    rows: list[tuple[int, str]]
    total: int | None
    next: int | None

    @property
    def texts(self) -> list[str]:
        return [text for _, text in self.rows]

    def answer(self, rows: Any, wrap: str = "") -> Answer:
        """Put rows into an answer, under `wrap` where the method has a key for them."""
        return Answer({wrap: rows} if wrap else rows, self.total, self.next)


def page(portal: Portal, call: Call, spec: List, filters: Any = None, order: Any = None, extra: Condition = ("", [])) -> Page:
    """Read the page a call asks for; `extra` is a condition of the method itself. Raises Refusal for a bad filter or order."""
    filters = call.get("filter") if filters is None else filters
    columns = planned(portal, spec.kind, spec.columns, filters)
    where, args = _both(extra, compile_filter(filters, columns, spec.dialect))
    default = spec.default if columns is spec.columns else f"+{spec.default}"
    sorting = compile_order(call.get("order") if order is None else order, columns, spec.dialect, default)
    start = call.whole("start")
    if start < 0 and spec.fast:
        rows = portal.store.select(spec.kind, where, args, sorting, limit=spec.size)
        return Page(rows, 0 if portal.switches.fast_total == "zero" else None, None)
    offset = max(start, 0) // spec.size * spec.size if spec.snap else max(start, 0)
    rows = portal.store.select(spec.kind, where, args, sorting, limit=spec.size, offset=offset)
    total = portal.store.count(spec.kind, where, args)
    return Page(rows, total, offset + spec.size if offset + spec.size < total else None)


def picked(texts: Sequence[str], names: Sequence[str]) -> Rows:
    """Keep the named keys of every row, in the row's own order of mention."""
    rows = map(orjson.loads, texts)
    return Rows([orjson.dumps({name: row[name] for name in names if name in row}).decode() for row in rows])


def names_of(select: Any) -> list[str]:
    """Read a select parameter: a list, a map (PHP) or one name."""
    if isinstance(select, Mapping):
        select = list(select.values())
    if isinstance(select, list):
        return [str(name) for name in select]
    return [str(select)] if select else []


def _both(first: Condition, second: Condition) -> Condition:
    if not first[0] or not second[0]:
        return first if first[0] else second
    return f"({first[0]}) AND ({second[0]})", [*first[1], *second[1]]
