"""crm.item.*: one API for deals, contacts and companies, camelCase keys, native values (facts: bitrix24 4.8)."""

from __future__ import annotations

from typing import Any

import orjson

from . import changes, multifields
from .calls import Answer, Call, method
from .classic import with_empty
from .columns import item_aliases, item_columns
from .faces import LINK_KEYS, Row, by_item, multiple_names
from .fields import KIND_OF_TYPE
from .filters import Dialect, unknown_item_key
from .json_text import Rows
from .paging import List, names_of, page
from .portal import Portal
from .records import Record, item_kind
from .refusals import TYPE_UNSUPPORTED, Refusal, bad_value, item_not_found, missing_parameter, value_required
from .values import BadValue, item_values

_NEVER_SELECTED = ("fm",)
IMPORT_SIZE = 20


@method("crm.item.list")
def list_items(portal: Portal, call: Call) -> Answer:
    """List items; unknown keys of filter and order are refused; `fm` comes only with `*`."""
    kind = _kind(call)
    dialect = Dialect(
        portal.moments,
        nested=True,
        iso=portal.switches.iso_filters == "honoured",
        unknown=unknown_item_key,
        aliases=item_aliases(kind),
    )
    found = page(portal, call, List(item_kind(kind), item_columns(kind), dialect))
    return found.answer(_selected(portal, kind, found.texts, call), "items")


@method("crm.item.get")
def get_item(portal: Portal, call: Call) -> Row:
    """Return one item with all fields."""
    return _shown(portal, _load(portal, call), call)


@method("crm.item.add")
def add_item(portal: Portal, call: Call) -> Row:
    """Add an item and return all of it."""
    kind, given = _kind(call), _fields(call)
    if kind == "company" and not given.get("title"):
        raise value_required("title")
    values = _values(portal, kind, given, {})
    if kind == "deal" and "CATEGORY_ID" in values:
        _check_pair(portal, values, int(values["CATEGORY_ID"] or 0))
    record = changes.create(portal, kind, values, _linked(kind, given), call.actor)
    return _shown(portal, record, call)


@method("crm.item.update")
def update_item(portal: Portal, call: Call) -> Row:
    """Change an item and return all of it; an update without a real change saves nothing."""
    record, given = _load(portal, call), _fields(call)
    values, linked = _values(portal, record.kind, given, record.row), _linked(record.kind, given)
    if record.kind == "deal" and {"CATEGORY_ID", "STAGE_ID"} & set(values):
        _check_pair(portal, values, int(values.get("CATEGORY_ID") or record.row["CATEGORY_ID"]))
    fresh = {name: value for name, value in values.items() if (record.row.get(name) or None) != (value or None)}
    if fresh or (linked is not None and linked != record.links):
        changes.change(portal, record, fresh, linked, call.actor)
    return _shown(portal, record, call)


@method("crm.item.delete")
def delete_item(portal: Portal, call: Call) -> list[Any]:
    """Move an item to the recycle bin."""
    record = _load(portal, call)
    changes.remove(portal, record.kind, record.id, call.actor)
    return []


@method("crm.item.import")
def import_item(portal: Portal, call: Call) -> Row:
    """Add an item as an import does: it may set its creation time; only the id comes back."""
    return {"item": {"id": _imported(portal, _kind(call), _fields(call), call)}}


@method("crm.item.batchImport")
def import_items(portal: Portal, call: Call) -> Row:
    """Import up to twenty items; each has its own outcome."""
    kind, data = _kind(call), call.need("data")
    listed = list(data.values()) if isinstance(data, dict) else data
    if len(listed) > IMPORT_SIZE:
        raise Refusal(400, "MAX_IMPORT_BATCH_SIZE_EXCEEDED", f"Max import batch size is {IMPORT_SIZE}")
    return {"items": [_outcome(portal, kind, given, call) for given in listed]}


def _outcome(portal: Portal, kind: str, given: Row, call: Call) -> Row:
    try:
        return {"item": {"id": _imported(portal, kind, given, call)}}
    except Refusal as refusal:
        return refusal.body()


def _imported(portal: Portal, kind: str, given: Row, call: Call) -> int:
    created = portal.moments.seconds(given.get("createdTime") or "")
    return changes.create(portal, kind, _values(portal, kind, given, {}), _linked(kind, given), call.actor, at=created).id


def _kind(call: Call) -> str:
    kind = KIND_OF_TYPE.get(call.need_whole("entityTypeId"))
    if kind is None:
        raise TYPE_UNSUPPORTED
    return kind


def _load(portal: Portal, call: Call) -> Record:
    kind = _kind(call)
    record = portal.records.load(kind, call.need_whole("id"))
    if record is None:
        raise item_not_found()
    return record


def _fields(call: Call) -> Row:
    given = call.need("fields")
    if not isinstance(given, dict):
        raise missing_parameter("fields")
    return given


def _shown(portal: Portal, record: Record, call: Call) -> Row:
    text = portal.store.text(item_kind(record.kind), record.id)
    assert text is not None
    row = with_empty(portal, [item for _, item in multiple_names(record.kind)], orjson.loads(text))
    return {"item": _original(record.kind, row) if _original_names(call) else row}


def _original_names(call: Call) -> bool:
    return str(call.get("useOriginalUfNames", "N")).upper() == "Y"


def _original(kind: str, row: Row) -> Row:
    fields = by_item(kind)
    return {fields[key].name if key in fields and fields[key].custom else key: value for key, value in row.items()}


def _selected(portal: Portal, kind: str, texts: list[str], call: Call) -> Rows:
    names, original = names_of(call.get("select")) or ["*"], _original_names(call)
    if "*" in names and not original and portal.switches.empty_multiple == "list":
        return Rows(texts)
    multiple = [item for _, item in multiple_names(kind)]
    rows = [with_empty(portal, multiple, row) for row in map(orjson.loads, texts)]
    if original:
        rows = [_original(kind, row) for row in rows]
    if "*" not in names:
        rows = [_named(kind, row, names, original) for row in rows]
    return Rows([orjson.dumps(row or []).decode() for row in rows])


def _named(kind: str, row: Row, names: list[str], original: bool) -> Row:
    """Keep the named keys; original names together with a camelCase one return nothing, a reported bug (facts: 4.3)."""
    if original and any(name.startswith("ufCrm") for name in names):
        return {}
    aliases = item_aliases(kind) if not original else {"ID": "id"}
    wanted = [aliases.get(name, name) for name in names if name not in _NEVER_SELECTED]
    return {name: row[name] for name in wanted if name in row}


def _values(portal: Portal, kind: str, given: Row, row: Row) -> Row:
    try:
        values = item_values(kind, given, portal.moments)
    except BadValue as error:
        raise bad_value(error.field.item) from error
    if kind != "deal" and "fm" in given:
        values |= multifields.apply_fm(row, given["fm"], portal.records.multifield_id)
    return values


def _check_pair(portal: Portal, values: Row, category: int) -> None:
    stages = [stage["STATUS_ID"] for stage in portal.dictionaries.stages(category)]
    if not stages:
        raise bad_value("categoryId")
    if "CATEGORY_ID" in values:
        values.setdefault("STAGE_ID", stages[0])
    if values["STAGE_ID"] not in stages:
        raise bad_value("stageId")


def _linked(kind: str, given: Row) -> list[int] | None:
    value = given.get(LINK_KEYS[kind])
    if value is None:
        return None
    listed = value.values() if isinstance(value, dict) else value if isinstance(value, list) else [value]
    return [int(number) for number in listed if str(number).isdigit() and int(number)]
