"""POST /leads/complex: leads with their contact and company in one call; the answer is a bare array (facts: amocrm 5.5)."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from . import validation as v
from .answers import JSON, Answer, dump
from .batches import form_refusal
from .entity_writes import CREATE, EMBEDDED_CREATE, prepare_create
from .links import connect
from .records import Row
from .validation import Check, Errors, validation_answer

if TYPE_CHECKING:
    from .account import Account
    from .call import Call

MAX_LEADS, MAX_VALUES = 50, 40
_PARTS = ("contacts", "companies")
_EMBEDDED: dict[str, Check] = EMBEDDED_CREATE["leads"] | {"metadata": v.mapping}


def create_complex(account: Account, call: Call) -> Answer:
    """Create up to 50 leads with at most one contact and one company each, given by id or as a full model."""
    if (refused := form_refusal(call.body, MAX_LEADS, status=400)) is not None:
        return refused
    failed = [
        (_request_id(item, n), errors) for n, item in enumerate(call.body) if (errors := _errors(account, call, item)).found
    ]
    if failed:
        return validation_answer(failed)
    return Answer(200, dump([_make(account, call.user_id, item, _request_id(item, n)) for n, item in enumerate(call.body)]), JSON)


def _request_id(item: Any, index: int) -> str:
    return str(item.get("request_id", index)) if isinstance(item, dict) else str(index)


def _errors(account: Account, call: Call, item: Any) -> Errors:
    errors = Errors()
    if not isinstance(item, dict):
        errors.add("InvalidType:array", "")
        return errors
    embedded = item.get("_embedded")
    embedded = embedded if isinstance(embedded, dict) else {}
    v.check_fields(account, embedded, _EMBEDDED, errors, "_embedded.")
    prepare_create(account, "leads", call.user_id, _bare(item), errors)
    _check_count(item, "", errors)
    for name in _PARTS:
        listed = embedded[name] if isinstance(embedded.get(name), list) else []
        if len(listed) > 1:
            errors.add("TooMany:1", f"_embedded.{name}")
        for part in listed[:1]:
            _check_part(account, call, name, part, errors)
    return errors


def _check_part(account: Account, call: Call, name: str, part: Any, errors: Errors) -> None:
    prefix = f"_embedded.{name}.0"
    if not isinstance(part, dict):
        errors.add("InvalidType:array", prefix)
        return
    inner = Errors()
    if "id" in part:
        if v.integer(account, part["id"]) or account.records.get(name, part["id"]) is None:
            inner.add("NotSupportedChoice", "id")
        v.check_fields(account, part, {"id": v.integer, "is_main": v.boolean}, inner)
    else:
        prepare_create(account, name, call.user_id, {key: value for key, value in part.items() if key != "is_main"}, inner)
        _check_count(part, "", inner)
    errors.found += [error | {"path": f"{prefix}.{error['path']}"} for error in inner.found]


def _check_count(item: Row, prefix: str, errors: Errors) -> None:
    values = item.get("custom_fields_values")
    if isinstance(values, list) and len(values) > MAX_VALUES:
        errors.add(f"TooMany:{MAX_VALUES}", f"{prefix}custom_fields_values")


def _bare(item: Row) -> Row:
    """Answer the lead without what only this call knows."""
    embedded = item.get("_embedded")
    if not isinstance(embedded, dict):
        return item
    return item | {"_embedded": {name: value for name, value in embedded.items() if name == "tags"}}


def _make(account: Account, by: int, item: Row, request_id: str) -> Row:
    lead = prepare_create(account, "leads", by, _bare(item), Errors())()
    embedded = item.get("_embedded") or {}
    contact, company = (_part(account, by, name, embedded.get(name)) for name in _PARTS)
    join = partial(connect, account, by=by)
    if contact is not None:
        join("leads", lead["id"], {"to_entity_type": "contacts", "to_entity_id": contact, "metadata": {"is_main": True}})
    if company is not None:
        join("leads", lead["id"], {"to_entity_type": "companies", "to_entity_id": company})
    if contact is not None and company is not None:
        join("contacts", contact, {"to_entity_type": "companies", "to_entity_id": company})
    shown = {"id": lead["id"], "contact_id": contact, "company_id": company}
    return shown | {"request_id": [request_id], "merged": False}


def _part(account: Account, by: int, name: str, listed: list[Row] | None) -> int | None:
    if not listed:
        return None
    if "id" in listed[0]:
        return int(listed[0]["id"])
    item = {key: value for key, value in listed[0].items() if key != "is_main" and key in CREATE[name]}
    return int(prepare_create(account, name, by, item, Errors())()["id"])
