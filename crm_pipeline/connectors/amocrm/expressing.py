"""What amoCRM would hold after values were written: the inverse of `mapping.py`, in source columns. Pure.

Left out is what it has no place for: a middle name, the body of a task, a currency, an author, the time of closing.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from crm_pipeline.connectors.amocrm.custom_values import POINT_KINDS
from crm_pipeline.connectors.amocrm.holders import columns_held
from crm_pipeline.connectors.amocrm.mapping import NOTE_KINDS, TASK_KINDS
from crm_pipeline.connectors.amocrm.payloads import LOST, PLURAL_OF
from crm_pipeline.connectors.amocrm.records import whole
from crm_pipeline.connectors.amocrm.reference_mapping import CATEGORIES
from crm_pipeline.model.cleaning import day, full_name, moment, money, plain_text, reference, text, web
from crm_pipeline.model.records import MappingContext

Values = Mapping[str, Any]
LEFT_OUT: Any = object()
MOST_MONEY = Decimal(10) ** 15
"""More is no price: an integer of 64 bits with room for minor units."""
Reader = Callable[[Any, Values, MappingContext], Any]


def express(entity: str, values: Values, context: MappingContext) -> dict[str, Any]:
    """Return what would be held of `values`; expressing twice changes nothing."""
    held = columns_held(entity, context)
    found: dict[str, Any] = {}
    for column, value in values.items():
        read = READERS.get(entity, {}).get(column)
        if read is None or (column in IN_FIELDS and column not in held):
            continue
        told = read(value, values, context)
        if told is not LEFT_OUT:
            found[column] = told
    return COMPOSED.get(entity, _as_is)(found, values, context)


IN_FIELDS = frozenset(("phones", "emails", "webs", "website", "position", "birthday", "tax_id", "sku", "price"))
"""Columns kept in custom fields, which an account may lack."""


def moment_of(value: Any) -> datetime | None:
    """Return an instant as amoCRM keeps it: whole seconds."""
    found = value.astimezone(UTC) if isinstance(value, datetime) and value.tzinfo else moment(value)
    return found.replace(microsecond=0) if found and found.timestamp() > 0 else None


def task_type(kind: Any, facts: Mapping[str, Any]) -> int | None:
    """Return the id of a task's type by our word for it (facts: amocrm 4.4)."""
    named = facts.get("task_types")
    types: Mapping[str, Any] = named if isinstance(named, Mapping) else {}
    ids = {text(name): key for key, name in reversed(list(types.items())) if key not in TASK_KINDS}
    ids |= {key: key for key in types if key not in TASK_KINDS and not text(types[key])}
    ids |= {name: key for key, name in TASK_KINDS.items()}
    found = ids.get(text(kind))
    return int(found) if found and found.isdigit() else None


def note_type(kind: Any, direction: Any) -> str | None:
    """Return the type of a note, call or message; None for what cannot be written."""
    asked = direction if kind != "note" and direction in ("in", "out") else None if kind == "note" else "out"
    written = {pair: name for name, pair in NOTE_KINDS.items() if pair[0] in ("note", "call", "sms")}
    return written.get((str(kind), asked))


def loss_reason_id(name: Any, facts: Mapping[str, Any]) -> int | None:
    """Return the id of a reason the account knows by this name."""
    known = facts.get("loss_reasons")
    reasons: Mapping[str, Any] = known if isinstance(known, Mapping) else {}
    found = next((key for key, reason in reasons.items() if text(reason) == text(name)), None) if text(name) else None
    return int(found) if found and found.isdigit() else None


# One column each ------------------------------------------------------------------------------------------------------


def _text(value: Any, values: Values, context: MappingContext) -> Any:
    return text(value)


def _needed(read: Reader) -> Reader:
    """Leave out what amoCRM cannot hold as empty."""

    def reader(value: Any, values: Values, context: MappingContext) -> Any:
        told = read(value, values, context)
        return LEFT_OUT if told is None else told

    return reader


def _price(value: Any, values: Values, context: MappingContext) -> Any:
    """Return an amount as the deal's `price`, which is never empty: whole, unless the account keeps minor units, or may do so
    (facts: amocrm 4.1; the official library then sends a fractional `price`)."""
    amount = money(value)
    unit = Decimal(1) if context.facts.get("minor_units") is False else Decimal("0.01")
    if amount is not None and abs(amount) >= MOST_MONEY:
        return LEFT_OUT
    return Decimal(0) if amount is None else amount.quantize(unit, ROUND_HALF_UP) + 0


def _money(value: Any, values: Values, context: MappingContext) -> Any:
    return money(value)


def _reference(value: Any, values: Values, context: MappingContext) -> Any:
    return reference(value)


def _moment(value: Any, values: Values, context: MappingContext) -> Any:
    return moment_of(value)


def _day(value: Any, values: Values, context: MappingContext) -> Any:
    return value.date() if isinstance(value, datetime) else value if isinstance(value, date) else day(value)


def _tags(value: Any, values: Values, context: MappingContext) -> Any:
    return sorted({name for one in value or () if (name := text(one))})


def _points(code: str) -> Reader:
    _, clean = POINT_KINDS[code]

    def reader(value: Any, values: Values, context: MappingContext) -> Any:
        written = [found for one in value or () if (found := text(one))]
        return list(dict.fromkeys(clean(one, context.region) or one for one in written))

    return reader


def _web(value: Any, values: Values, context: MappingContext) -> Any:
    return web(value) or text(value)


def _stage(value: Any, values: Values, context: MappingContext) -> Any:
    pipeline, _, status = (reference(value) or "").partition(":")
    return f"{pipeline}:{status}" if pipeline.isdigit() and status.isdigit() else LEFT_OUT


def _loss_reason(value: Any, values: Values, context: MappingContext) -> Any:
    """Return a reason the account knows, of a deal that is lost (facts: amocrm 4.1)."""
    lost = "stage_external_id" not in values or str(values["stage_external_id"]).endswith(f":{LOST}")
    return text(value) if lost and loss_reason_id(value, context.facts) else LEFT_OUT


def _task_kind(value: Any, values: Values, context: MappingContext) -> Any:
    return text(value) if task_type(value, context.facts) else LEFT_OUT


def _kind(value: Any, values: Values, context: MappingContext) -> Any:
    return value if note_type(value, values.get("direction")) else LEFT_OUT


def _of_calls(read: Reader) -> Reader:
    """Keep what only calls have."""
    return lambda value, values, context: read(value, values, context) if values.get("kind") == "call" else LEFT_OUT


def _target_entity(value: Any, values: Values, context: MappingContext) -> Any:
    known = value in PLURAL_OF and reference(values.get("target_external_id"))
    return value if known else None


def _target_id(value: Any, values: Values, context: MappingContext) -> Any:
    return reference(value) if values.get("target_entity") in PLURAL_OF else None


# Columns that depend on one another -----------------------------------------------------------------------------------

Composer = Callable[[dict[str, Any], Values, MappingContext], dict[str, Any]]


def _as_is(found: dict[str, Any], values: Values, context: MappingContext) -> dict[str, Any]:
    return found


def _contact(found: dict[str, Any], values: Values, context: MappingContext) -> dict[str, Any]:
    """Compose the name from its parts, as the account does (facts: amocrm 4.2): so it is the same whoever composes it."""
    if "first_name" in found and "last_name" in found and (found["first_name"] or found["last_name"]):
        parts = (found["first_name"], found["last_name"])
        found["name"] = full_name(*(reversed(parts) if context.facts.get("name_order") == 2 else parts))
    if found.get("name", "") is None:
        del found["name"]
    return found


def _company(found: dict[str, Any], values: Values, context: MappingContext) -> dict[str, Any]:
    """Let the website be the first address where the account has a list of them."""
    if "webs" in found and "website" in found:
        first = found["website"] or next(iter(found["webs"]), None)
        found["website"] = first
        found["webs"] = list(dict.fromkeys([first, *found["webs"]])) if first else []
    return found


def _deal(found: dict[str, Any], values: Values, context: MappingContext) -> dict[str, Any]:
    """A stage is a stage of its pipeline, and its category is what the account says."""
    stage = found.get("stage_external_id")
    found.pop("stage_category", None)
    if stage:
        pipeline, _, status = stage.partition(":")
        found["pipeline_external_id"] = pipeline
        if "stage_category" in values:
            found["stage_category"] = CATEGORIES.get(status) or context.stages.get(stage, "open")
    return found


def _note(found: dict[str, Any], values: Values, context: MappingContext) -> dict[str, Any]:
    """A call has a direction and a duration, a note has neither; the plain text follows the text."""
    kind = found.get("kind")
    if "direction" in found or kind in ("call", "sms"):
        asked = found.get("direction")
        found["direction"] = None if kind == "note" else asked if asked in ("in", "out") else "out"
    if "body" in found:
        found["body_text"] = plain_text(found["body"])
    if kind == "call":
        found.setdefault("duration_seconds", 0)
    return found


COMPOSED: Mapping[str, Composer] = {"contacts": _contact, "companies": _company, "deals": _deal, "communications": _note}
_TARGET: Mapping[str, Reader] = {"target_entity": _target_entity, "target_external_id": _target_id}
_PEOPLE: Mapping[str, Reader] = {
    "owner_external_id": _needed(_reference), "tags": _tags,
    "phones": _points("PHONE"), "emails": _points("EMAIL"), "webs": _points("WEB"),
}  # fmt: skip
READERS: Mapping[str, Mapping[str, Reader]] = {
    "contacts": {
        **_PEOPLE, "name": _text, "first_name": _text, "last_name": _text, "company_external_id": _reference,
        "position": _text, "birthday": _day,
    },
    "companies": {**_PEOPLE, "name": _needed(_text), "tax_id": _text, "website": _web},
    "deals": {
        "title": _needed(_text), "amount": _price, "pipeline_external_id": _needed(_reference),
        "stage_external_id": _stage, "stage_category": _text, "loss_reason": _loss_reason, "company_external_id": _reference,
        "owner_external_id": _needed(_reference), "tags": _tags,
    },
    "tasks": {
        **_TARGET, "title": _needed(_text), "kind": _task_kind, "due_at": _needed(_moment),
        "is_completed": _needed(lambda value, values, context: value is True if value is not None else None),
        "owner_external_id": _needed(_reference),
    },
    "communications": {
        **_TARGET, "kind": _kind, "direction": _text, "body": _text, "body_text": _text, "happened_at": _needed(_moment),
        "duration_seconds": _of_calls(lambda value, values, context: whole(value) or 0),
        "recording_url": _of_calls(lambda value, values, context: web(value)),
    },
    "products": {
        "name": _needed(_text), "sku": _text, "price": _money, "catalog_external_id": _needed(_reference),
    },
}  # fmt: skip
"""Entity → column → how a value is held. What has no row here is not written."""
