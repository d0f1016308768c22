"""Notes, calls and messages of a row (facts: amocrm 4.5)."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from . import validation as v
from .answers import EMPTY, Answer
from .batches import batch, single
from .entities import missing
from .filters import NOTES, Condition, conditions
from .pages import Listing, serve
from .records import NOTED, Row
from .validation import Check, Errors

if TYPE_CHECKING:
    from .account import Account
    from .call import Call

_TEXT: dict[str, Check] = {"text": v.text}
_CALL: dict[str, Check] = {
    "uniq": v.nullable(v.text),
    "duration": v.integer,
    "source": v.filled_text,
    "link": v.nullable(v.text),
    "phone": v.label,
    "call_responsible": v.nullable(v.label),
    "call_result": v.nullable(v.text),
    "call_status": v.nullable(v.integer),
}
_SMS: dict[str, Check] = {"text": v.text, "phone": v.label}
_SERVICE: dict[str, Check] = {"service": v.text, "text": v.text}
_FILE: dict[str, Check] = {"file_uuid": v.text, "version_uuid": v.nullable(v.text), "file_name": v.text}
# note_type -> (what params may hold, what they must hold)
TYPES: dict[str, tuple[dict[str, Check], tuple[str, ...]]] = {
    "common": (_TEXT, ("text",)),
    "call_in": (_CALL, ("duration", "source", "phone")),
    "call_out": (_CALL, ("duration", "source", "phone")),
    "sms_in": (_SMS, ("text", "phone")),
    "sms_out": (_SMS, ("text", "phone")),
    "service_message": (_SERVICE, ("service", "text")),
    "extended_service_message": (_SERVICE, ("service", "text")),
    "message_cashier": ({"status": v.one_of("created", "shown", "canceled"), "text": v.text}, ("status", "text")),
    "geolocation": (
        dict.fromkeys(("text", "address", "longitude", "latitude"), v.text),
        ("text", "address", "longitude", "latitude"),
    ),
    "attachment": (_FILE, ("file_uuid", "file_name")),
}
FIELDS: dict[str, Check] = {
    "entity_id": v.integer,
    "note_type": v.one_of(*TYPES),
    "params": v.mapping,
    "created_by": v.author,
    "responsible_user_id": v.user,
    "created_at": v.integer,
    "request_id": v.label,
    "is_need_to_trigger_digital_pipeline": v.boolean,
}
_UPDATE = FIELDS | {"id": v.integer, "updated_by": v.author, "updated_at": v.integer}


def notes_kind(kind: str) -> str:
    return f"{kind}_notes"


def next_note_id(account: Account) -> int:
    """Answer an id no note of any row has."""
    top = max(account.records.next_id(notes_kind(kind)) for kind in NOTED)
    return account.records.store.next_id(notes_kind("leads"), floor=top)


def list_notes(account: Account, call: Call) -> Answer:
    """Answer a page of notes, of all rows of a type or of one row."""
    kind = call.params["kind"]
    where: list[Condition] = [("parent = ?", [call.params["entity"]])] if "entity" in call.params else []
    filters = call.query.get("filter")
    if isinstance(filters, dict) and NOTES.keys() & filters.keys():
        where.append(conditions(filters, NOTES))
    return serve(account, call, Listing(notes_kind(kind), "notes", ("updated_at", "id"), where))


def get_note(account: Account, call: Call) -> Answer:
    """Answer one note."""
    row = _found(account, call)
    if row is None:
        return EMPTY if account.switches.missing_entity == "204" else missing(call)
    return Answer(200, account.records.text(row).encode())


def _found(account: Account, call: Call) -> Row | None:
    row = account.records.get(notes_kind(call.params["kind"]), int(call.params["id"]))
    return row if row is None or str(row["entity_id"]) == call.params.get("entity", str(row["entity_id"])) else None


def create_notes(account: Account, call: Call) -> Answer:
    """Create notes; entity_id is in the item or in the path."""

    def show(row: Row, item: Row, request_id: str) -> Row:
        return {"id": row["id"], "entity_id": row["entity_id"], "request_id": request_id, "_links": row["_links"]}

    prepare = partial(prepare_create, account, call.params["kind"], call.params.get("entity"), call.user_id)
    return batch(account, call, "notes", prepare, show)


def update_notes(account: Account, call: Call) -> Answer:
    """Change notes, or one; note_type comes with params."""

    def show(row: Row, item: Row, request_id: str) -> Row:
        return {"id": row["id"], "entity_id": row["entity_id"], "updated_at": row["updated_at"], "_links": row["_links"]}

    prepare = partial(prepare_update, account, call.params["kind"], call.user_id)
    if "id" not in call.params:
        return batch(account, call, "notes", prepare, show)
    return single(account, call, "notes", prepare, show, _found(account, call) is not None)


def pin_note(account: Account, call: Call) -> Answer:
    """Pin or unpin: 204 without a body."""
    row = _found(account, call)
    if row is None:
        return missing(call)
    account.records.save(notes_kind(call.params["kind"]), row | {"is_pinned": call.params["pin"] == "pin"})
    return EMPTY


def prepare_create(account: Account, kind: str, entity: str | None, by: int, item: Row, errors: Errors) -> Callable[[], Row]:
    """Check a new one; the act stores it."""
    v.check_fields(account, item, FIELDS, errors)
    v.require(item, ("note_type", "params"), errors)
    if entity is not None:
        item = item | {"entity_id": int(entity)}
    v.require(item, ("entity_id",), errors)
    if isinstance(item.get("entity_id"), int) and account.records.get(kind, item["entity_id"]) is None:
        errors.add("NotSupportedChoice", "entity_id")
    _check_params(account, item, errors)
    return partial(_create, account, kind, by, item)


def _check_params(account: Account, item: Row, errors: Errors) -> None:
    allowed, needed = TYPES.get(str(item.get("note_type")), ({}, ()))
    if isinstance(item.get("params"), dict) and allowed:
        v.check_fields(account, item["params"], allowed, errors, "params.")
        v.require(item["params"], needed, errors, "params.")


def prepare_update(account: Account, kind: str, by: int, item: Row, errors: Errors) -> Callable[[], Row]:
    """Check a change; the act applies it."""
    v.check_fields(account, item, _UPDATE, errors)
    known = isinstance(item.get("id"), int) and account.records.get(notes_kind(kind), item["id"]) is not None
    if not known:
        errors.add("NotSupportedChoice" if "id" in item else "FieldMissing", "id")
    if "params" in item:
        v.require(item, ("note_type",), errors)
        _check_params(account, item, errors)
    return partial(_update, account, kind, by, item)


def _create(account: Account, kind: str, by: int, item: Row) -> Row:
    at = item.get("created_at", account.now())
    author = item.get("created_by", by)
    row = note_row(account, kind, next_note_id(account), item["entity_id"], item["note_type"], item["params"], author, at)
    row["responsible_user_id"] = item.get("responsible_user_id", author or by)
    row["updated_at"] = account.now()
    account.changes.note_created(kind, row, by)
    return row


def _update(account: Account, kind: str, by: int, item: Row) -> Row:
    before = account.records.get(notes_kind(kind), item["id"])
    assert before is not None
    sent = {
        name: item[name] for name in ("note_type", "params", "responsible_user_id", "created_by", "created_at") if name in item
    }
    after = before | sent | {"updated_at": item.get("updated_at", account.now()), "updated_by": item.get("updated_by", by)}
    return account.records.save(notes_kind(kind), after)


def note_row(account: Account, kind: str, id: int, entity_id: int, type: str, params: dict[str, Any], by: int, at: int) -> Row:
    """Build a note."""
    head: Row = {"id": id, "entity_id": entity_id, "created_by": by, "updated_by": by, "created_at": at, "updated_at": at}
    head |= {"responsible_user_id": by, "group_id": 0, "note_type": type, "params": params}
    return head | account.row_head(f"{kind}/{entity_id}/notes/{id}")
