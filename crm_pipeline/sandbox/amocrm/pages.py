"""How a list is served: page and limit, order, links, 204, and the switches about lists. Knows no entity's parts."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import orjson

from .answers import EMPTY, HAL, Answer, dump, page_links, refuse
from .filters import Condition, joined, key
from .records import Row

if TYPE_CHECKING:
    from .account import Account
    from .call import Call

DEFAULT_LIMIT, MAX_LIMIT = 50, 250
Found = list[tuple[int, str]]
ORDER_COLUMNS = {
    "id": "id",
    "updated_at": "updated",
    "created_at": "created",
    "sort": key("sort"),
    "complete_till": key("complete_till"),
}


@dataclass(frozen=True)
class Listing:
    """One list: where its rows are, what they are called in `_embedded`, how they may be ordered, what is added to them."""

    kind: str
    name: str
    orders: Sequence[str] = ()
    where: Sequence[Condition] = ()
    order: str = "id"
    max_limit: int = MAX_LIMIT
    decorate: Callable[[Found], list[str]] = field(default=lambda found: [body for _, body in found])
    deleted: int = 0
    totals: bool = False  # users, roles, custom fields and their groups also tell totals (facts: amocrm 3.1)


def page_and_limit(account: Account, query: Mapping[str, Any], max_limit: int) -> tuple[int, int]:
    """Read page (from 1) and limit (50, at most max_limit)."""
    page, limit = _positive(query.get("page"), 1), _positive(query.get("limit"), DEFAULT_LIMIT)
    if limit > max_limit and account.switches.over_limit == "refuse-400":
        raise refuse(400, f"Limit should be less or equal than {max_limit}")
    return page, limit if limit <= max_limit else min(DEFAULT_LIMIT, max_limit)


def _positive(value: Any, default: int) -> int:
    return int(value) if isinstance(value, str) and value.isascii() and value.isdigit() and 0 < int(value) < 10**9 else default


def order_sql(account: Account, listing: Listing, query: Mapping[str, Any]) -> str:
    """Answer ORDER BY: one documented key only, ties by id or at random (facts: amocrm 3.4)."""
    asked = query.get("order")
    name, way = next(iter(asked.items())) if isinstance(asked, dict) and asked else ("", "")
    if name not in listing.orders or way not in ("asc", "desc"):
        return listing.order
    column, way = ORDER_COLUMNS[name], way.upper()
    if column == "id":
        return f"id {way}"
    return f"{column} {way}, {'random()' if account.switches.tie_order == 'random' else f'id {way}'}"


def serve(account: Account, call: Call, listing: Listing) -> Answer:
    """Answer one page of a list, or 204."""
    page, limit = page_and_limit(account, call.query, listing.max_limit)
    if _answers_early_204(account, call, page):
        return EMPTY
    _drift(account, call, listing, page, limit)
    where, args = joined(list(listing.where))
    order = order_sql(account, listing, call.query)
    # One row more than asked for tells whether there is a next page.
    found = account.records.select(listing.kind, where, args, order, limit + 1, (page - 1) * limit, listing.deleted)
    call.rows = len(found[:limit])
    if not found:
        return EMPTY
    head: Row = {"_page": page, "_links": page_links(call.path, call.pairs, page, limit, len(found) > limit)}
    if listing.totals:
        head = _totals(account, listing, where, args, limit) | head
    return _document(account, head, listing.name, listing.decorate(found[:limit]))


def _totals(account: Account, listing: Listing, where: str, args: list[Any], limit: int) -> Row:
    total = account.records.count(listing.kind, where, args)
    return {"_total_items": total, "_page_count": -(-total // limit)}


def _document(account: Account, head: Row, name: str, bodies: list[str]) -> Answer:
    body = dump(head)[:-1] + f',"_embedded":{{"{name}":[{",".join(bodies)}]}}}}'.encode()
    if account.switches.empty_custom_fields == "list":
        body = body.replace(b'"custom_fields_values":null', b'"custom_fields_values":[]')
    return Answer(200, body, HAL)


def _answers_early_204(account: Account, call: Call, page: int) -> bool:
    """Answer one page of every walk with 204 once (facts: amocrm 3.5: seen in production)."""
    if page != account.switches.early_204 or page == 0:
        return False
    key = "&".join(f"{name}={value}" for name, value in call.pairs)
    seen = (f"{call.path}?{key}", page) in account.pinned
    account.pinned.add((f"{call.path}?{key}", page))
    return not seen


def _drift(account: Account, call: Call, listing: Listing, page: int, limit: int) -> None:
    """Let a robot touch rows of the page before, as people do mid-walk: later rows move up (facts: amocrm 9.3)."""
    count = account.switches.page_drift
    if not count or page < 2 or listing.kind not in ("leads", "contacts", "companies", "tasks"):
        return
    where, args = joined(list(listing.where))
    order = order_sql(account, listing, call.query)
    for _, body in account.records.store.select(listing.kind, where, args, order, min(count, limit), (page - 2) * limit):
        account.records.save(listing.kind, orjson.loads(body) | {"updated_at": account.now(), "updated_by": 0})


def shuffled_seconds(found: Found) -> Found:
    """Shuffle events inside each second."""
    chance = random.Random()
    return sorted(found, key=lambda pair: (-orjson.loads(pair[1])["created_at"], chance.random()))
