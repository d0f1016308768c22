"""What Bitrix24 would hold after values were written: the inverse of the mapping. Pure.

A column it cannot hold is left out; one it composes itself (a contact's name, a deal's stage category) is derived as the mapping
derives it, so that reading back gives what was expressed. How values are spelled on the wire belongs to `spelling`.
"""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any

from crm_pipeline.connectors.bitrix24.custom_values import tax_field
from crm_pipeline.connectors.bitrix24.writable import NEVER_EMPTY, WRITABLE
from crm_pipeline.model.cleaning import day, email, flag, full_name, moment, money, phone, plain_text, reference, text, web
from crm_pipeline.model.records import MappingContext

Row = dict[str, Any]

_CENT = Decimal("0.01")
_LONGEST_CALL = 86_400
_OPPOSITE = {"in": "in", "out": "out"}
SUBJECTS = {"call": "Call", "meeting": "Meeting", "email": "E-mail"}
"""Kind of activity → its subject when there is no text: the vendor wants one, and an empty text is read from it."""


def express(entity: str, values: Mapping[str, Any], context: MappingContext) -> Row:
    """Return what the portal would hold of `values`; expressing twice changes nothing."""
    if entity not in WRITABLE:
        return {}
    known = WRITABLE[entity].columns
    held = {column: _held(column, value, context) for column, value in values.items() if column in known}
    composed = _COMPOSE[entity](held, context)
    never = NEVER_EMPTY[entity]
    return {column: value for column, value in composed.items() if value is not None or column not in never}


def _held(column: str, value: Any, context: MappingContext) -> Any:
    return _HOLD.get(column, _text)(value, context)


def _text(value: Any, context: MappingContext) -> str | None:
    return text(value)


def _reference(value: Any, context: MappingContext) -> str | None:
    return reference(value)


def _pipeline(value: Any, context: MappingContext) -> str | None:
    """The default pipeline is 0, which elsewhere means that there is none."""
    return text(value)


def _amount(value: Any, context: MappingContext) -> Decimal | None:
    found = money(value)
    try:
        return None if found is None else found.quantize(_CENT, ROUND_HALF_UP) + 0
    except InvalidOperation:
        return None


def _moment(value: Any, context: MappingContext) -> datetime | None:
    found = value if isinstance(value, datetime) else moment(value, context.timezone)
    return found.astimezone(UTC).replace(microsecond=0) if found else None


def _day(value: Any, context: MappingContext) -> Any:
    return day(value.isoformat() if hasattr(value, "isoformat") else value)


def _flag(value: Any, context: MappingContext) -> bool | None:
    return flag(value)


def _whole(value: Any, context: MappingContext) -> int | None:
    found = money(value)
    return None if found is None else int(found)


def _digits(value: Any, context: MappingContext) -> str | None:
    return re.sub(r"\D", "", text(value) or "") or None


def _direction(value: Any, context: MappingContext) -> str | None:
    return _OPPOSITE.get(str(value))


def _phones(value: Any, context: MappingContext) -> list[str]:
    return _list(value, lambda one: phone(one, context.region) or one)


def _emails(value: Any, context: MappingContext) -> list[str]:
    """Anything but an address is refused by the vendor (facts: bitrix24 4.5)."""
    return _list(value, email)


def _webs(value: Any, context: MappingContext) -> list[str]:
    return _list(value, lambda one: web(one) or one)


def _website(value: Any, context: MappingContext) -> str | None:
    return next(iter(_webs([value], context)), None)


def _list(value: Any, normal: Callable[[str], str | None]) -> list[str]:
    written = (text(one) for one in value or ())
    return list(dict.fromkeys(found for one in written if one and (found := normal(one))))


_HOLD: dict[str, Callable[[Any, MappingContext], Any]] = {
    "company_external_id": _reference, "owner_external_id": _reference, "author_external_id": _reference,
    "target_external_id": _reference, "stage_external_id": _text, "pipeline_external_id": _pipeline,
    "amount": _amount, "price": _amount, "due_at": _moment, "happened_at": _moment, "birthday": _day, "is_completed": _flag,
    "is_active": _flag, "duration_seconds": _whole, "tax_id": _digits, "direction": _direction, "phones": _phones,
    "emails": _emails, "webs": _webs, "website": _website,
}  # fmt: skip
"""Column → how the vendor holds it; every other one is text."""


def _contact(held: Row, context: MappingContext) -> Row:
    """Compose the name; one that comes without first and last name becomes the first name."""
    first, last, middle = (held.get(part) for part in ("first_name", "last_name", "middle_name"))
    name = held.pop("name", None)
    if name and not (first or last) and name != middle:
        held |= {"first_name": name, "last_name": None}
    if "first_name" in held and "last_name" in held:
        composed = full_name(held["first_name"], held["last_name"])
        if composed or "middle_name" in held:
            held["name"] = composed or middle
    return held


def _company(held: Row, context: MappingContext) -> Row:
    """Where the web addresses are given, the website is the first of them."""
    if "webs" in held:
        site, webs = held.get("website"), held["webs"]
        held["webs"] = webs = list(dict.fromkeys([site, *webs])) if site else webs
        held["website"] = webs[0] if webs else None
    if tax_field(context) is None:
        held.pop("tax_id", None)
    return held


def _product(held: Row, context: MappingContext) -> Row:
    """A currency belongs to a price and is kept beside it."""
    if held.get("price") is None:
        held.pop("currency", None)
    return held


def _deal(held: Row, context: MappingContext) -> Row:
    """No amount is an amount of nought; the category follows from the stage."""
    if "amount" in held and held["amount"] is None:
        held["amount"] = Decimal(0)
    held.pop("stage_category", None)
    held["stage_category"] = context.stages.get(str(held.get("stage_external_id")))
    return held


def _task(held: Row, context: MappingContext) -> Row:
    """What a task is about is one thing: which entity, and which of them."""
    return _with_target(held)


def _with_target(held: Row) -> Row:
    """Keep the target where both its halves are told and it can be one; a half of it says nothing."""
    told = [name for name in _TARGET if name in held]
    if len(told) < len(_TARGET):
        return {column: value for column, value in held.items() if column not in told}
    known = held["target_entity"] in TARGETS and held["target_external_id"]
    return held if known else held | dict.fromkeys(_TARGET)


_TARGET = ("target_entity", "target_external_id")
TARGETS = ("deals", "contacts", "companies")
"""What tasks and communications may be about (facts: bitrix24 4.1)."""


def _communication(held: Row, context: MappingContext) -> Row:
    held = _with_target(held)
    kind = held.get("kind")
    if kind in SUBJECTS:
        held |= {"body": held.get("body") or SUBJECTS[kind]}
        held |= _lasting(kind, held)
        held["direction"] = held.get("direction") if kind != "meeting" else None
    elif kind is not None:
        for name in ("happened_at", "author_external_id"):
            held.pop(name, None)
        held |= {"direction": None, "duration_seconds": None}
    held["body_text"] = plain_text(held.get("body"))
    return held


def _lasting(kind: str, held: Row) -> Row:
    """Only a call lasts, from when it happened; the vendor keeps its end."""
    seconds = held.pop("duration_seconds", None)
    if kind != "call":
        return {"duration_seconds": None}
    if held.get("happened_at") is None:
        return {}
    return {"duration_seconds": seconds if seconds and 0 <= seconds < _LONGEST_CALL else 0}


_COMPOSE: dict[str, Callable[[Row, MappingContext], Row]] = {
    "companies": _company, "contacts": _contact, "products": _product, "deals": _deal, "tasks": _task,
    "communications": _communication,
}  # fmt: skip
