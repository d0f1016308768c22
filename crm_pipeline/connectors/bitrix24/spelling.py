"""Source columns in the vendor's words, in both faces: which field, and how a value is written in it (facts: bitrix24 4.2).

What belongs here: names and values. Which call carries them belongs to `orders`, contact points to `multifields`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from crm_pipeline.connectors.bitrix24 import multifields
from crm_pipeline.connectors.bitrix24.brackets import as_list, as_map
from crm_pipeline.connectors.bitrix24.client import Client
from crm_pipeline.connectors.bitrix24.custom_values import item_name, tax_field
from crm_pipeline.connectors.bitrix24.faces import Faces
from crm_pipeline.connectors.bitrix24.payloads import SHORT_CODES, Params
from crm_pipeline.connectors.bitrix24.reading import Names, faces, key
from crm_pipeline.errors import RequestRefused
from crm_pipeline.model.cleaning import text, timezone
from crm_pipeline.model.records import MappingContext, Payload
from crm_pipeline.model.writing import CREATE, Write

_SPELLED: dict[str, tuple[Names, Names]] = {
    "contacts": faces(
        "first_name name NAME", "last_name lastName LAST_NAME", "middle_name secondName SECOND_NAME", "position post POST",
        "birthday birthdate BIRTHDATE", "company_external_id companyId COMPANY_ID",
        "owner_external_id assignedById ASSIGNED_BY_ID",
    ),
    "companies": faces("name title TITLE", "owner_external_id assignedById ASSIGNED_BY_ID"),
    "deals": faces(
        "title title TITLE", "amount opportunity OPPORTUNITY", "currency currencyId CURRENCY_ID",
        "pipeline_external_id categoryId CATEGORY_ID", "stage_external_id stageId STAGE_ID",
        "company_external_id companyId COMPANY_ID", "owner_external_id assignedById ASSIGNED_BY_ID",
    ),
    "products": faces("name name NAME", "sku code CODE", "is_active active ACTIVE"),
    "tasks": faces(
        "title title TITLE", "body description DESCRIPTION", "due_at deadline DEADLINE",
        "owner_external_id responsibleId RESPONSIBLE_ID",
    ),
}  # fmt: skip
_MANUAL = ("isManualOpportunity", "IS_MANUAL_OPPORTUNITY")
_STAGE = re.compile(r"C(\d+):.*")
_BINDING = re.compile(r"([A-Z]+)_\d+")
_CODES = {entity: code for code, entity in SHORT_CODES.items()}


@dataclass
class Desk:
    """What writing needs to know of the portal."""

    client: Client
    faces: Faces
    context: MappingContext
    user_id: str | None
    rows: dict[str, list[Params]] = field(default_factory=dict)
    """Deal → its product rows as read right before they are written anew."""
    prices: dict[str, Any] = field(default_factory=dict)
    """Product → its own price, of those linked without one."""
    callees: dict[tuple[str, str], Params] = field(default_factory=dict)
    """Target of a call or e-mail → whom it was with."""

    @property
    def face(self) -> int:
        """0: `crm.item.*`, 1: classic."""
        return 0 if self.faces.items else 1


def written(value: Any, offset: str) -> str:
    """Write one value: what is empty clears, a time carries the portal's offset.

    >>> written(Decimal("1E+3"), "+03:00"), written(None, "+03:00"), written(True, "+03:00")
    ('1000', '', 'Y')
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return "Y" if value else "N"
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, datetime):
        return value.astimezone(timezone(offset)).isoformat(timespec="seconds")
    return value.isoformat() if isinstance(value, date) else str(value)


def named(desk: Desk, entity: str, values: Mapping[str, Any], face: int) -> Params:
    """Return the plain fields of `values` under the names of a face."""
    names = _SPELLED[entity][face]
    return {names[column]: written(values[column], desk.client.offset) for column in names if column in values}


def fields_of(desk: Desk, write: Write) -> Params:
    """Return the fields of a contact, company or deal to be sent; only what is in `values`."""
    fields = named(desk, write.entity, write.values, desk.face)
    payload = write.current.payload if write.current else None
    if write.entity == "deals":
        return _placed(desk, write, payload, fields) | _by_hand(desk, write, payload)
    found = multifields.changes(payload, write.values, desk.context)
    points = (multifields.as_classic if desk.face else multifields.as_item)(found)
    return fields | points | _tax(desk, write)


def _tax(desk: Desk, write: Write) -> Params:
    name = tax_field(desk.context) if "tax_id" in write.values else None
    if name is None:
        return {}
    spelled = name if desk.face else item_name(write.entity, name, desk.context)
    return {spelled: written(write.values["tax_id"], desk.client.offset)}


def _by_hand(desk: Desk, write: Write, payload: Payload | None) -> Params:
    """An amount stands beside product rows only when it is marked as set by hand: else the rows' sum replaces it (facts: 4.9)."""
    linked = any(link.entity == "products" for link in write.links)
    bare = not linked and (write.operation == CREATE or (payload or {}).get("productRows") == [])
    return {_MANUAL[desk.face]: "Y"} if "amount" in write.values and not bare else {}


def _placed(desk: Desk, write: Write, payload: Payload | None, fields: Params) -> Params:
    """Say the pipeline only where it is another one. Raises RequestRefused where a portal cannot move a deal (facts: 4.7)."""
    name = _SPELLED["deals"][desk.face]["pipeline_external_id"]
    wanted = fields.pop(name, None) or pipeline_of(write.values.get("stage_external_id"))
    if write.operation == CREATE:
        return fields | ({name: wanted} if wanted else {})
    held = text((payload or {}).get(name))
    if wanted is None or wanted == held or (held is None and desk.face):
        return fields
    if desk.face:
        raise RequestRefused(
            "The deal is in another pipeline, and this portal cannot move it: crm.item.update is not offered.", code="pipeline"
        )
    return fields | {name: wanted}


def pipeline_of(stage: str | None) -> str | None:
    """Return the pipeline a stage is of: its number is in the stage's id (facts: bitrix24 4.10).

    >>> pipeline_of("C9:WON"), pipeline_of("WON")
    ('9', '0')
    """
    found = _STAGE.fullmatch(stage) if stage else None
    return found[1] if found else "0" if stage else None


def bindings(write: Write) -> list[str]:
    """Return what a task is about after the write: the target first, then what else it was about."""
    held = [str(code) for code in as_list((write.current.payload or {}).get("ufCrmTask"))] if write.current else []
    ours = [code for code in held if (found := _BINDING.fullmatch(code)) and found[1] in SHORT_CODES]
    entity, target = write.values["target_entity"], write.values["target_external_id"]
    others = [code for code in held if code not in ours]
    if not entity or not target:
        return others
    first = f"{_CODES[entity]}_{target}"
    return [first, *(code for code in ours[1:] if code != first), *others]


def companies_of(payload: Payload | None) -> list[str]:
    """Return the companies a contact is linked with."""
    links = as_list((payload or {}).get("companyItems", (payload or {}).get("companyIds")))
    found = (key(as_map(link).get("COMPANY_ID") if isinstance(link, dict) else link) for link in links)
    return [one for one in found if one]


def is_done(write: Write) -> bool | None:
    """Return whether the task is completed as far as was read."""
    payload = write.current.payload if write.current else None
    return None if payload is None else text(payload.get("realStatus", payload.get("status"))) == "5"


__all__ = ["Desk", "bindings", "companies_of", "fields_of", "is_done", "named", "pipeline_of", "written"]
