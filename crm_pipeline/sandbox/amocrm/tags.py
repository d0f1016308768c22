"""Tags: one dictionary per entity type, and the tags of a row after a write (facts: amocrm 4.11)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .answers import Answer
from .batches import batch
from .brackets import integers, values
from .filters import Condition, among, filters_of, key
from .pages import Listing, serve
from .records import Row
from .validation import Errors, check_fields, filled_text, integer, label, nullable, require, text

if TYPE_CHECKING:
    from .account import Account
    from .call import Call

TAG_KEYS = {"id": integer, "name": text, "color": nullable(text)}
_NEW = {"name": filled_text, "color": nullable(text), "request_id": label}


def tags_kind(kind: str) -> str:
    return f"tags_{kind}"


def tags_after(account: Account, kind: str, current: list[Row], item: Row, errors: Errors, *, dry: bool) -> list[Row]:
    """Answer a row's tags after a write: `_embedded.tags` replaces all, else tags_to_add and tags_to_delete apply."""
    embedded = item.get("_embedded") if isinstance(item.get("_embedded"), dict) else {}
    if isinstance(embedded, dict) and "tags" in embedded:
        return _named(account, kind, embedded["tags"] or [], "_embedded.tags", errors, dry)
    kept = {tag["id"]: tag for tag in current}
    for tag in _named(account, kind, item.get("tags_to_add") or [], "tags_to_add", errors, dry):
        kept[tag["id"]] = tag
    gone = item.get("tags_to_delete")
    names = [tag for tag in gone if isinstance(tag, dict)] if isinstance(gone, list) else []
    return [tag for tag in kept.values() if not any(tag["id"] == g.get("id") or tag["name"] == g.get("name") for g in names)]


def _named(account: Account, kind: str, sent: Any, path: str, errors: Errors, dry: bool) -> list[Row]:
    found = [_one(account, kind, tag, f"{path}.{n}", errors, dry) for n, tag in enumerate(sent if isinstance(sent, list) else [])]
    return list({tag["id"]: tag for tag in found if tag is not None}.values())


def _one(account: Account, kind: str, tag: Any, path: str, errors: Errors, dry: bool) -> Row | None:
    if not isinstance(tag, dict):
        errors.add("InvalidType:array", path)
        return None
    check_fields(account, tag, TAG_KEYS, errors, f"{path}.")
    if isinstance(tag.get("id"), int):
        row = account.records.get(tags_kind(kind), tag["id"])
        if row is None:
            errors.add("NotSupportedChoice", f"{path}.id")
        return row and _shown(row)
    if not tag.get("name"):
        errors.add("FieldMissing", f"{path}.name")
        return None
    return None if dry else _shown(by_name(account, kind, str(tag["name"]), tag.get("color")))


def by_name(account: Account, kind: str, name: str, color: str | None = None) -> Row:
    """Answer the tag of that name, made when there is none yet."""
    known = account.records.rows(tags_kind(kind), f"{key('name')} = ?", (name,))
    if known:
        return known[0]
    row = {"id": account.records.next_id(tags_kind(kind)), "name": name, "color": color if kind == "leads" else None}
    return account.records.save(tags_kind(kind), row)


def _shown(row: Row) -> Row:
    return {"id": row["id"], "name": row["name"], "color": row["color"]}


def list_tags(account: Account, call: Call) -> Answer:
    """Answer the tags of an entity type; filters: id, name (exact), and `query`."""
    filters = filters_of(call.query)
    where: list[Condition] = []
    if "id" in filters:
        where.append(among("id", integers(filters["id"])))
    if "name" in filters:
        where.append((f"{key('name')} = ?", values(filters["name"])[:1]))
    if call.query.get("query"):
        where.append((f"{key('name')} LIKE ?", [f"%{call.query['query']}%"]))
    return serve(account, call, Listing(tags_kind(call.params["kind"]), "tags", where=where))


def create_tags(account: Account, call: Call) -> Answer:
    """Create tags; an existing name answers its id."""
    kind = call.params["kind"]

    def prepare(item: Row, errors: Errors) -> Any:
        check_fields(account, item, _NEW, errors)
        require(item, ("name",), errors)
        return lambda: by_name(account, kind, item["name"], item.get("color"))

    answer = batch(account, call, "tags", prepare, lambda row, item, request_id: _shown(row) | {"request_id": request_id})
    return answer
