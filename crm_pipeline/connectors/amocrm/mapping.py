"""amoCRM payloads → source records. Pure: one table row per raw kind, one short function per entity.

Field values of custom fields are read in `custom_values.py`; shapes of payloads in `payloads.py`.
"""

from collections.abc import Callable, Mapping
from typing import Any

from crm_pipeline.connectors.amocrm import reference_mapping
from crm_pipeline.connectors.amocrm.custom_values import MARKER_CODE, Fields, read_fields
from crm_pipeline.connectors.amocrm.payloads import CATALOG_ID, ENTITY_OF, ENTITY_TYPE, at, embedded, named, stage_id
from crm_pipeline.connectors.amocrm.records import Child, Children, source_record, whole
from crm_pipeline.connectors.amocrm.reference_mapping import CATEGORIES
from crm_pipeline.errors import Unreadable
from crm_pipeline.model.cleaning import flag, money, plain_text, reference, text, web
from crm_pipeline.model.records import MappingContext, Payload, RawRecord, SourceRecord

TASK_KINDS = {"1": "call", "2": "meeting"}
"""The two fixed types; others have names of their own (facts: amocrm 4.4)."""
NOTE_KINDS: dict[str, tuple[str, str | None]] = {
    "common": ("note", None),
    "call_in": ("call", "in"),
    "call_out": ("call", "out"),
    "sms_in": ("sms", "in"),
    "sms_out": ("sms", "out"),
    "amomail_message": ("email", None),
}
"""note_type → kind, direction; every other type is `other` (facts: amocrm 4.5)."""


def normalize(raw: RawRecord, context: MappingContext) -> list[SourceRecord]:
    """Map one live payload. Raises Unreadable when it has no usable id or a value of an impossible type."""
    mapper = MAPPERS.get(raw.kind)
    if mapper is None:
        raise Unreadable(f"kind: amoCRM has no mapping for {raw.kind!r}.")
    if not isinstance(raw.payload, dict):
        raise Unreadable("payload: not an object.")
    if not raw.external_id or not reference(raw.payload.get("id")):
        raise Unreadable("id: missing or not an id.")
    if raw.kind == "custom_fields" and raw.payload.get("code") == MARKER_CODE:
        return []  # where our own marker is kept is nobody's field
    try:
        return [mapper(raw.payload, raw, context)]
    except (TypeError, ValueError, AttributeError, KeyError) as error:
        reason = f"{raw.kind}: a value has an impossible type ({type(error).__name__}: {error})"
    raise Unreadable(reason)


def _contact(row: Payload, raw: RawRecord, context: MappingContext) -> SourceRecord:
    fields = read_fields("contacts", row, context)
    companies = embedded(row, "companies")
    values = {
        "name": text(row.get("name")),
        "first_name": text(row.get("first_name")),
        "last_name": text(row.get("last_name")),
        "middle_name": None,
        "company_external_id": _first(companies),
        "owner_external_id": reference(row.get("responsible_user_id")),
        "position": fields.position,
        "birthday": fields.birthday,
        "tags": _tags(row),
    }
    children: Children = {"contact_points": fields.points}
    if companies is not None:
        linked = (key for company in companies if (key := named(company)))
        children["contact_companies"] = tuple({"company_external_id": key, "is_primary": n == 0} for n, key in enumerate(linked))
    return source_record("contacts", row, raw, values, fields, children)


def _company(row: Payload, raw: RawRecord, context: MappingContext) -> SourceRecord:
    fields = read_fields("companies", row, context)
    website = next((point["value"] for point in fields.points if point["kind"] == "web"), None)
    values = {
        "name": text(row.get("name")),
        "tax_id": fields.tax_id,
        "website": website,
        "owner_external_id": reference(row.get("responsible_user_id")),
        "is_own": False,
        "tags": _tags(row),
    }
    return source_record("companies", row, raw, values, fields, {"contact_points": fields.points})


def _deal(row: Payload, raw: RawRecord, context: MappingContext) -> SourceRecord:
    fields = read_fields("deals", row, context)
    stage = stage_id(row.get("pipeline_id"), row.get("status_id"))
    reasons = embedded(row, "loss_reason")
    amount = money(row.get("price_with_minor_units"))
    values = {
        "title": text(row.get("name")),
        "amount": amount if amount is not None else money(row.get("price")),
        "currency": context.currency,
        "pipeline_external_id": reference(row.get("pipeline_id")),
        "stage_external_id": stage,
        "stage_category": CATEGORIES.get(reference(row.get("status_id")) or "") or context.stages.get(stage or "", "open"),
        "company_external_id": _first(embedded(row, "companies")),
        "owner_external_id": reference(row.get("responsible_user_id")),
        "closed_at": at(row.get("closed_at")),
        "loss_reason": text(reasons[0].get("name")) if reasons else None,
        "tags": _tags(row),
    }
    return source_record("deals", row, raw, values, fields, _deal_children(row, context))


def _deal_children(row: Payload, context: MappingContext) -> Children:
    """Return the linked contacts and products; a part that was not asked for (`with`) is left alone."""
    children: Children = {}
    contacts, elements = embedded(row, "contacts"), embedded(row, "catalog_elements")
    if contacts is not None:
        linked = {key: contact for contact in contacts if (key := named(contact))}
        children["deal_contacts"] = tuple(
            {"contact_external_id": key, "is_main": flag(contact.get("is_main")) or False, "position": n}
            for n, (key, contact) in enumerate(linked.items())
        )
    if elements is not None:
        products = [element for element in elements if named(element) and _is_product(element, context)]
        children["deal_products"] = tuple(_deal_product(n, element) for n, element in enumerate(products))
    return children


def _is_product(element: Payload, context: MappingContext) -> bool:
    """Return whether a catalog's element is a product: other catalogs hold invoices and whatever people keep in lists."""
    catalogs = context.facts.get("product_catalogs")
    catalog = reference(_metadata(element).get(CATALOG_ID))
    return not isinstance(catalogs, list) or catalog is None or catalog in catalogs


def _metadata(element: Payload) -> Mapping[str, Any]:
    found = element.get("metadata")
    return found if isinstance(found, Mapping) else {}


def _deal_product(position: int, element: Payload) -> Child:
    return {
        "position": position,
        "product_external_id": named(element),
        "product_name": None,
        "quantity": money(_metadata(element).get("quantity")),
        "price": None,
        "discount": None,
        "row_external_id": None,
    }


def _task(row: Payload, raw: RawRecord, context: MappingContext) -> SourceRecord:
    entity, target = _target(row.get("entity_type"), row.get("entity_id"))
    done = flag(row.get("is_completed")) or False
    kind = reference(row.get("task_type_id"))
    result = row.get("result")
    said = text(result.get("text")) if isinstance(result, Mapping) else None
    values = {
        "title": text(row.get("text")),
        "body": None,
        "kind": TASK_KINDS.get(kind or "") or _task_type(kind, context),
        "due_at": at(row.get("complete_till")),
        "is_completed": done,
        # amoCRM tells no time of completion; what closes a task is as a rule its last change.
        "completed_at": at(row.get("updated_at")) if done else None,
        "owner_external_id": reference(row.get("responsible_user_id")),
        "target_entity": entity,
        "target_external_id": target,
    }
    targets = ({"target_entity": entity, "target_external_id": target},) if entity else ()
    outcome = Fields(custom={"result": {"name": "result", "type": "text", "value": said}} if said else {})
    return source_record("tasks", row, raw, values, outcome, {"task_targets": targets})


def _task_type(kind: str | None, context: MappingContext) -> str | None:
    names = context.facts.get("task_types")
    return (text(names.get(kind)) if isinstance(names, Mapping) else None) or kind


def _note(row: Payload, raw: RawRecord, context: MappingContext) -> SourceRecord:
    entity, target = _target(row.get(ENTITY_TYPE), row.get("entity_id"))
    found = row.get("params")
    params: Mapping[str, Any] = found if isinstance(found, Mapping) else {}
    kind, direction = NOTE_KINDS.get(str(row.get("note_type")), ("other", None))
    body = text(params.get("text")) or text(params.get("call_result")) or text(params.get("subject"))
    values = {
        "kind": kind,
        "direction": direction or ("in" if params.get("income") is True else "out" if params.get("income") is False else None),
        "body": body,
        "body_text": plain_text(body),
        "happened_at": at(row.get("created_at")),
        "duration_seconds": whole(params.get("duration")),
        "author_external_id": reference(row.get("created_by")),
        "target_entity": entity,
        "target_external_id": target,
        "recording_url": web(params.get("link")),
    }
    return source_record("communications", row, raw, values)


def _product(row: Payload, raw: RawRecord, context: MappingContext) -> SourceRecord:
    fields = read_fields("products", row, context)
    values = {
        "name": text(row.get("name")),
        "sku": fields.sku,
        "price": fields.price,
        "currency": context.currency,
        "is_active": not flag(row.get("is_deleted")),
        "catalog_external_id": reference(row.get(CATALOG_ID)),
    }
    return source_record("products", row, raw, values, fields)


def _first(parts: list[Payload] | None) -> str | None:
    return next((key for part in parts or () if (key := named(part))), None)


def _tags(row: Payload) -> list[str]:
    return sorted({name for tag in embedded(row, "tags") or () if (name := text(tag.get("name")))})


def _target(plural: Any, external_id: Any) -> tuple[str | None, str | None]:
    """Return what a task or note hangs on, if it is one of our entities (customers are not)."""
    entity, key = ENTITY_OF.get(str(plural)), reference(external_id)
    return (entity, key) if entity and key else (None, None)


MAPPERS: dict[str, Callable[[Payload, RawRecord, MappingContext], SourceRecord]] = {
    "users": reference_mapping.user,
    "pipelines": reference_mapping.pipeline,
    "stages": reference_mapping.stage,
    "custom_fields": reference_mapping.custom_field,
    "companies": _company,
    "contacts": _contact,
    "products": _product,
    "deals": _deal,
    "tasks": _task,
    "communications": _note,
    "stage_changes": reference_mapping.stage_change,
}
