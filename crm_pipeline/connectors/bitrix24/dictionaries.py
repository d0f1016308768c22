"""Users, pipelines, stages, custom fields, products and the stage history into source records. Pure.

Facts: bitrix24 4.3, 4.10, 4.15, 4.16.
"""

import re
from typing import Any

from crm_pipeline.connectors.bitrix24.brackets import as_list, as_map
from crm_pipeline.connectors.bitrix24.custom_values import KIND_OF_TYPE
from crm_pipeline.connectors.bitrix24.payloads import OWN_KEY
from crm_pipeline.connectors.bitrix24.reading import faces, id_of, reference_of, text_of, times
from crm_pipeline.errors import Unreadable
from crm_pipeline.model.cleaning import email, flag, full_name, moment, money, text
from crm_pipeline.model.entities import HISTORY
from crm_pipeline.model.records import MappingContext, Payload, RawRecord, SourceRecord

_STAGE_SET = re.compile(r"DEAL_STAGE(?:_(\d+))?")
_STAGE_CATEGORY = {"S": "won", "F": "lost", "SUCCESS": "won", "FAILURE": "lost", "APOLOGY": "lost"}
_PRODUCT = faces(
    "id id ID", "name name NAME", "sku code CODE", "outside_key xmlId XML_ID", "active active ACTIVE",
    "catalog iblockId CATALOG_ID", "created dateCreate DATE_CREATE", "changed timestampX TIMESTAMP_X",
)  # fmt: skip


def user(raw: RawRecord, payload: Payload, context: MappingContext) -> list[SourceRecord]:
    """Map a user; ACTIVE is a JSON boolean, empty dates come as `{}`."""
    key = id_of(payload, "ID")
    mail = email(payload.get("EMAIL"))
    is_self = key == text(context.facts.get("user_id"))
    values = {
        "name": full_name(payload.get("NAME"), payload.get("LAST_NAME")) or mail,
        "email": mail,
        "is_active": flag(payload.get("ACTIVE")) is not False,
        "is_admin": flag(context.facts.get("is_admin")) if is_self else flag(payload.get("IS_ADMIN")),
    }
    return [SourceRecord("users", key, values, *times(raw, payload, "DATE_REGISTER", "TIMESTAMP_X", context))]


def pipeline(raw: RawRecord, payload: Payload, context: MappingContext) -> list[SourceRecord]:
    """Map a deal pipeline; the default one has the id 0."""
    key = text(payload.get("id", payload.get("ID")))
    if key is None:
        raise Unreadable("id: the record has no usable id.")
    values = {
        "name": text(payload.get("name", payload.get("NAME"))),
        "sort": _whole(payload.get("sort", payload.get("SORT"))),
        "is_main": flag(payload.get("isDefault")) is True or key == "0",
        "is_archived": False,
    }
    return [SourceRecord("pipelines", key, values)]


def stage(raw: RawRecord, payload: Payload, context: MappingContext) -> list[SourceRecord]:
    """Map a stage: its key is STATUS_ID, its pipeline stands in ENTITY_ID."""
    owner = _STAGE_SET.fullmatch(str(payload.get("ENTITY_ID")))
    semantics = payload.get("SEMANTICS") or as_map(payload.get("EXTRA")).get("SEMANTICS")
    values = {
        "name": text_of(payload, "NAME"),
        "sort": _whole(payload.get("SORT")),
        "pipeline_external_id": (owner[1] or "0") if owner else text(payload.get("CATEGORY_ID")) or "0",
        "category": _STAGE_CATEGORY.get(str(semantics).upper(), "open"),
        "color": text(payload.get("COLOR")) or text(as_map(payload.get("EXTRA")).get("COLOR")),
    }
    return [SourceRecord("stages", id_of(payload, "STATUS_ID"), values)]


def custom_field(raw: RawRecord, payload: Payload, context: MappingContext) -> list[SourceRecord]:
    """Map a user field's definition, its choices as id → label."""
    entity, _, key = raw.external_id.partition(":")
    remote_type = text(payload.get("USER_TYPE_ID")) or "string"
    choices = [as_map(item) for item in as_list(payload.get("LIST"))]
    values = {
        "entity": entity,
        "field_key": text(payload.get("FIELD_NAME")) or key,
        "name": text(payload.get("label")) or text(as_map(payload.get("EDIT_FORM_LABEL")).get("ru")) or key,
        "kind": KIND_OF_TYPE.get(remote_type, "text"),
        "remote_type": remote_type,
        "is_multiple": flag(payload.get("MULTIPLE")) is True,
        "options": {str(item["ID"]): text(item.get("VALUE")) or "" for item in choices if item.get("ID")},
    }
    return [SourceRecord("custom_fields", raw.external_id, values)]


def product(raw: RawRecord, payload: Payload, context: MappingContext) -> list[SourceRecord]:
    """Map a product of either catalog; the price is the one of the first price type, the base one."""
    names = _PRODUCT[0] if "id" in payload else _PRODUCT[1]
    price, currency = _price(payload)
    outside_key = text_of(payload, names["outside_key"]) or ""
    values = {
        "name": text_of(payload, names["name"]),
        "sku": text_of(payload, names["sku"]) or (None if outside_key.startswith(OWN_KEY) else outside_key or None),
        "price": price,
        "currency": currency or (context.currency if price is not None else None),
        "is_active": flag(payload.get(names["active"])) is not False,
        "catalog_external_id": reference_of(payload, names["catalog"]),
    }
    record_times = times(raw, payload, names["created"], names["changed"], context)
    return [SourceRecord("products", id_of(payload, names["id"]), values, *record_times)]


def _price(payload: Payload) -> tuple[Any, str | None]:
    if "prices" not in payload:
        return money(payload.get("PRICE")), text(payload.get("CURRENCY_ID"))
    rows = sorted(
        map(as_map, as_list(payload["prices"])),
        key=lambda row: (_whole(row.get("catalogGroupId")) or 0, _whole(row.get("id")) or 0),
    )
    return (money(rows[0].get("price")), text(rows[0].get("currency"))) if rows else (None, None)


def stage_change(raw: RawRecord, payload: Payload, context: MappingContext) -> list[SourceRecord]:
    """Map a row of the stage history; it tells where the deal went, not where it came from (facts: bitrix24 4.10)."""
    changed_at = moment(payload.get("CREATED_TIME"), context.timezone)
    if changed_at is None:
        raise Unreadable("CREATED_TIME: the row does not say when.")
    values = {
        "deal_external_id": id_of(payload, "OWNER_ID"),
        "pipeline_external_id": text_of(payload, "CATEGORY_ID"),
        "stage_external_id": text_of(payload, "STAGE_ID"),
        "from_pipeline_external_id": None,
        "from_stage_external_id": None,
        "changed_at": changed_at,
        "author_external_id": None,
    }
    return [SourceRecord(HISTORY, id_of(payload, "ID"), values, changed_at, changed_at)]


def _whole(value: Any) -> int | None:
    found = money(value)
    return int(found) if found is not None else None
