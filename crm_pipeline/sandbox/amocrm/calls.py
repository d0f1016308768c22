"""POST /calls: a call finds its row by the last ten digits of the number; the answer can be partial (facts: amocrm 4.5)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import validation as v
from .answers import Answer, hal, href
from .batches import form_refusal
from .linkbook import reference
from .notes import next_note_id, note_row
from .records import SINGULAR, Row
from .stages import LOST, WON
from .validation import Check, Errors, validation_answer

if TYPE_CHECKING:
    from .account import Account
    from .call import Call

FIELDS: dict[str, Check] = {
    "direction": v.one_of("inbound", "outbound"),
    "duration": v.integer,
    "source": v.filled_text,
    "phone": v.label,
    "uniq": v.text,
    "link": v.text,
    "call_result": v.text,
    "call_status": v.one_of(*range(1, 8)),
    "call_responsible": v.label,
    "responsible_user_id": v.user,
    "created_by": v.author,
    "updated_by": v.author,
    "created_at": v.integer,
    "updated_at": v.integer,
    "request_id": v.label,
}
REQUIRED = ("direction", "duration", "source", "phone")
PARAMS = ("uniq", "duration", "source", "link", "phone", "call_responsible", "call_result", "call_status")


def create_calls(account: Account, call: Call) -> Answer:
    """Add calls to the rows their numbers belong to; the others are listed in `errors`."""
    if (refused := form_refusal(call.body, 250)) is not None:
        return refused
    failed = [(str(n), errors) for n, item in enumerate(call.body) if (errors := _errors(account, item)).found]
    if failed:
        return validation_answer(failed)
    done: list[Row] = []
    lost: list[Row] = []
    for index, item in enumerate(call.body):
        request_id = str(item.get("request_id", index))
        target = find_target(account, str(item["phone"]))
        if target is None:
            lost.append({"title": "Entity not found", "status": 263, "detail": "Entity not found", "request_id": request_id})
        else:
            done.append(_add(account, call.user_id, item, request_id, *target))
    body = {"_total_items": len(done), "errors": lost, "_links": {"self": href("calls")}, "_embedded": {"calls": done}}
    return hal(body)


def _errors(account: Account, item: Any) -> Errors:
    errors = Errors()
    if not isinstance(item, dict):
        errors.add("InvalidType:array", "")
        return errors
    v.check_fields(account, item, FIELDS, errors)
    v.require(item, REQUIRED, errors)
    return errors


def find_target(account: Account, phone: str) -> tuple[str, int] | None:
    """Answer the one active lead of the person with this number, else the person or company itself."""
    digits = "".join(letter for letter in phone if letter.isdigit())[-10:]
    for kind in ("contacts", "companies"):
        for row in account.records.rows(kind, f"{_PHONES}", (f"%{digits}%",)) if digits else ():
            leads = account.links.pairs_of_contact(row["id"]) if kind == "contacts" else []
            active = [pair["lead"] for pair in leads if _is_active(account, pair["lead"])]
            return ("leads", active[0]) if len(active) == 1 else (kind, row["id"])
    return None


_PHONES = (
    "EXISTS (SELECT 1 FROM json_each(body, '$.custom_fields_values') AS f, json_each(f.value, '$.values') AS v"
    " WHERE json_extract(f.value, '$.field_code') = 'PHONE' AND"
    " replace(replace(replace(replace(json_extract(v.value, '$.value'), ' ', ''), '-', ''), '(', ''), ')', '') LIKE ?)"
)


def _is_active(account: Account, id: int) -> bool:
    row = account.records.get("leads", id)
    return row is not None and row["status_id"] not in (WON, LOST)


def _add(account: Account, by: int, item: Row, request_id: str, kind: str, id: int) -> Row:
    type = "call_in" if item["direction"] == "inbound" else "call_out"
    params = {name: item.get(name) for name in PARAMS if name in item}
    at = item.get("created_at", account.now())
    row = note_row(account, kind, next_note_id(account), id, type, params, item.get("created_by", by), at)
    row["responsible_user_id"] = item.get("responsible_user_id", row["responsible_user_id"])
    account.changes.note_created(kind, row, by)
    shown = {"id": row["id"], "entity_id": id, "entity_type": SINGULAR[kind], "account_id": account.id, "request_id": request_id}
    return shown | {"_embedded": {"entity": reference(kind, id)}}
