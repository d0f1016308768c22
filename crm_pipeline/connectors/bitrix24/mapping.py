"""Payloads into source records: one line per kind. Contacts, companies and deals are here, of both faces.

`crm.item.*` (camelCase, typed) and the classic lists (UPPER_CASE, strings) give the same source record. Talks and tasks are in
`talks`, dictionaries and products in `dictionaries`. Pure.
"""

from collections.abc import Callable
from datetime import datetime, time
from typing import Any

from crm_pipeline.connectors.bitrix24.brackets import as_list, as_map
from crm_pipeline.connectors.bitrix24.contact_points import contact_points, first_of
from crm_pipeline.connectors.bitrix24.custom_values import definitions
from crm_pipeline.connectors.bitrix24.dictionaries import custom_field, pipeline, product, stage, stage_change, user
from crm_pipeline.connectors.bitrix24.reading import Names, day_of, faces, id_of, key, reference_of, single, text_of, times
from crm_pipeline.connectors.bitrix24.talks import communication, task
from crm_pipeline.errors import Unreadable
from crm_pipeline.model.cleaning import flag, full_name, moment, money, timezone
from crm_pipeline.model.entities import HISTORY
from crm_pipeline.model.records import MappingContext, Payload, RawRecord, SourceRecord

Row = dict[str, Any]

_COMMON = (
    "id id ID", "owner assignedById ASSIGNED_BY_ID", "created createdTime DATE_CREATE", "changed updatedTime DATE_MODIFY",
    "originator originatorId ORIGINATOR_ID", "origin originId ORIGIN_ID",
)  # fmt: skip
_CONTACT = faces(
    *_COMMON, "first name NAME", "last lastName LAST_NAME", "middle secondName SECOND_NAME", "position post POST",
    "birthday birthdate BIRTHDATE", "company companyId COMPANY_ID",
)  # fmt: skip
_COMPANY = faces(*_COMMON, "name title TITLE", "own isMyCompany IS_MY_COMPANY")
_DEAL = faces(
    *_COMMON, "title title TITLE", "amount opportunity OPPORTUNITY", "currency currencyId CURRENCY_ID",
    "pipeline categoryId CATEGORY_ID", "stage stageId STAGE_ID", "semantics stageSemanticId STAGE_SEMANTIC_ID",
    "closed closed CLOSED", "closed_on closedate CLOSEDATE",
    "moved movedTime MOVED_TIME", "company companyId COMPANY_ID", "contact contactId CONTACT_ID",
)  # fmt: skip
_ROW = faces(
    "id id ID", "product productId PRODUCT_ID", "name productName PRODUCT_NAME", "quantity quantity QUANTITY",
    "price price PRICE", "discount discountSum DISCOUNT_SUM", "sort sort SORT",
)  # fmt: skip

CATEGORY = {"P": "open", "S": "won", "F": "lost"}
"""Stage semantics (facts: bitrix24 4.7)."""


def normalize(raw: RawRecord, context: MappingContext) -> list[SourceRecord]:
    """Map one live payload; mirrors of tasks among the activities give nothing. Raises Unreadable."""
    if raw.payload is None or raw.kind not in _BY_KIND:
        raise Unreadable(f"{raw.kind}: there is no payload this connector could read.")
    return _BY_KIND[raw.kind](raw, raw.payload, context)


def _face(payload: Payload, names: tuple[Names, Names]) -> Names:
    return names[0] if "id" in payload else names[1]


def contact(raw: RawRecord, payload: Payload, context: MappingContext) -> list[SourceRecord]:
    """Map a contact."""
    names = _face(payload, _CONTACT)
    first, last, middle = (text_of(payload, names[part]) for part in ("first", "last", "middle"))
    values = {
        "name": full_name(first, last) or middle,
        "first_name": first,
        "last_name": last,
        "middle_name": middle,
        "company_external_id": reference_of(payload, names["company"]),
        "position": text_of(payload, names["position"]),
        "birthday": day_of(payload, names["birthday"]),
    }
    children = {"contact_points": contact_points(payload, context), "contact_companies": _companies(payload, names)}
    return [_record("contacts", raw, payload, names, context, values, children)]


def company(raw: RawRecord, payload: Payload, context: MappingContext) -> list[SourceRecord]:
    """Map a company; the portal owner's own ones are kept and flagged."""
    names = _face(payload, _COMPANY)
    points = contact_points(payload, context)
    values = {
        "name": text_of(payload, names["name"]),
        "website": first_of(points, "web"),
        "is_own": flag(payload.get(names["own"])) is True,
    }
    return [_record("companies", raw, payload, names, context, values, {"contact_points": points})]


def deal(raw: RawRecord, payload: Payload, context: MappingContext) -> list[SourceRecord]:
    """Map a deal. The vendor knows no reason of a loss beside the stage, so `loss_reason` stays empty."""
    names = _face(payload, _DEAL)
    category = _category(payload, names, context)
    values = {
        "title": text_of(payload, names["title"]),
        "amount": money(single(payload, names["amount"])),
        "currency": text_of(payload, names["currency"]),
        "pipeline_external_id": text_of(payload, names["pipeline"]),
        "stage_external_id": text_of(payload, names["stage"]),
        "stage_category": category,
        "company_external_id": reference_of(payload, names["company"]),
        "closed_at": _closed_at(payload, names, context) if category in ("won", "lost") else None,
        "loss_reason": None,
    }
    children = {"deal_contacts": _contacts(payload, names), "deal_products": _products(payload)}
    return [_record("deals", raw, payload, names, context, values, children)]


def _record(
    entity: str, raw: RawRecord, payload: Payload, names: Names, context: MappingContext, values: Row, children: dict[str, Any]
) -> SourceRecord:
    """Put together what contacts, companies and deals have in common."""
    custom_fields, tax_id = definitions(context).read(entity, payload)
    common: Row = {
        "owner_external_id": reference_of(payload, names["owner"]),
        "tags": [],
        "originator_id": text_of(payload, names["originator"]),
        "origin_id": text_of(payload, names["origin"]),
    }
    if entity == "companies":
        common["tax_id"] = tax_id
    return SourceRecord(
        entity,
        id_of(payload, names["id"]),
        values | common,
        *times(raw, payload, names["created"], names["changed"], context),
        custom_fields=custom_fields,
        children={table: rows for table, rows in children.items() if rows is not None},
    )


def _category(payload: Payload, names: Names, context: MappingContext) -> str | None:
    """Return open, won or lost: by the row's own semantics, else by its stage's."""
    told = CATEGORY.get(str(payload.get(names["semantics"])))
    return (
        told
        or context.stages.get(str(payload.get(names["stage"])))
        or ("open" if flag(payload.get(names["closed"])) is False else None)
    )


def _closed_at(payload: Payload, names: Names, context: MappingContext) -> datetime | None:
    """Return midnight of the closing day in the portal's zone: the vendor writes a day as some zone's midnight (facts: 4.2)."""
    on = day_of(payload, names["closed_on"])
    if on is None:
        return moment(payload.get(names["moved"]), context.timezone)
    return datetime.combine(on, time(), timezone(context.timezone))


def _companies(payload: Payload, names: Names) -> tuple[Row, ...]:
    """Return the companies of a contact, the main one marked."""
    main = reference_of(payload, names["company"])
    links = payload.get("companyItems", payload.get("companyIds"))
    linked = [_linked(item, "COMPANY_ID") for item in as_list(links)] if links else []
    found = dict.fromkeys(one for one in (main, *linked) if one)
    return tuple({"company_external_id": one, "is_primary": one == main} for one in found)


def _contacts(payload: Payload, names: Names) -> tuple[Row, ...]:
    """Return the contacts of a deal in their order, the main one marked."""
    main = reference_of(payload, names["contact"])
    links = as_list(payload.get("contactItems", payload.get("contactIds")))
    if "contactItems" in payload:
        links = sorted(links, key=lambda link: int(money(as_map(link).get("SORT")) or 0))
    linked = [one for link in links if (one := _linked(link, "CONTACT_ID"))]
    found = list(dict.fromkeys(linked if main is None or main in linked else [main, *linked]))
    return tuple({"contact_external_id": one, "is_main": one == main, "position": place} for place, one in enumerate(found))


def _linked(link: Any, name: str) -> str | None:
    """Return the id in a link: bare in `crm.item.*`, inside a row of `…items.get`."""
    return key(link.get(name)) if isinstance(link, dict) else key(link)


def _products(payload: Payload) -> tuple[Row, ...] | None:
    """Return the product rows in their order; None when they were not read."""
    if "productRows" not in payload:
        return None
    rows = [(row, _face(row, _ROW)) for row in as_list(payload["productRows"]) if isinstance(row, dict)]
    if len(rows) > 1:
        rows.sort(key=lambda pair: int(money(pair[0].get(pair[1]["sort"])) or 0))
    return tuple(_product_row(row, names, place) for place, (row, names) in enumerate(rows))


def _product_row(row: Payload, names: Names, place: int) -> Row:
    return {
        "position": place,
        "product_external_id": reference_of(row, names["product"]),
        "product_name": text_of(row, names["name"]),
        "quantity": money(single(row, names["quantity"])),
        "price": money(single(row, names["price"])),
        "discount": money(single(row, names["discount"])),
        "row_external_id": reference_of(row, names["id"]),
    }


_BY_KIND: dict[str, Callable[[RawRecord, Payload, MappingContext], list[SourceRecord]]] = {
    "users": user,
    "pipelines": pipeline,
    "stages": stage,
    "custom_fields": custom_field,
    "companies": company,
    "contacts": contact,
    "products": product,
    "deals": deal,
    HISTORY: stage_change,
    "tasks": task,
    "communications": communication,
}
