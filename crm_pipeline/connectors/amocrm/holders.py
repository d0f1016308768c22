"""Where an account keeps what has a column of ours but no key of its own in amoCRM: phones, e-mails, position, SKU, our marker…

They are custom fields, found by code, type or name as `custom_values` reads them. Definitions are asked for once per session and
again when the account refuses a field. How values are spelt into them belongs to `spelling.py`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from crm_pipeline.connectors.amocrm.client import MOST_PER_PAGE, Client
from crm_pipeline.connectors.amocrm.custom_values import MARKER_CODE, TAX_NAMES
from crm_pipeline.connectors.amocrm.payloads import has_next, named, rows_of
from crm_pipeline.errors import CrmUnavailable
from crm_pipeline.model.cleaning import text
from crm_pipeline.model.records import MappingContext, Payload

MARKER = "origin_id"
"""The column our marker is read into."""
_PEOPLE = {"PHONE": ("phones",), "EMAIL": ("emails",), MARKER_CODE: (MARKER,)}
BY_CODE: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "contacts": {**_PEOPLE, "WEB": ("webs",), "POSITION": ("position",)},
    "companies": {**_PEOPLE, "WEB": ("website", "webs")},
    "deals": {MARKER_CODE: (MARKER,)},
    "products": {"SKU": ("sku",), "PRICE": ("price",), "EXTERNAL_ID": (MARKER,)},
}
"""Entity → code of a field → our columns in it (facts: amocrm 4.2, 4.3, 4.6)."""
USUAL: Mapping[str, frozenset[str]] = {
    "contacts": frozenset(("phones", "emails", "position")),
    "companies": frozenset(("phones", "emails", "website")),
    "deals": frozenset(),
    "products": frozenset(("sku", "price")),
}
"""Columns accounts have a field for from the start; what counts while an account has not been asked."""
TEXTS = frozenset(("text", "textarea", "numeric"))
LEGAL = "legal_entity"
HOLDERS = "holders"
"""What the holders of a list are remembered under."""


@dataclass(frozen=True, slots=True)
class Holder:
    """A field that holds columns of ours. `labels`: codes a value may carry, such as MOB."""

    field_id: int
    type: str
    columns: tuple[str, ...]
    labels: frozenset[str] = frozenset()


Holders = Mapping[str, tuple[Holder, ...]]
"""Column → the fields it may be in, the best first."""


def holders_of(entity: str, definitions: Sequence[Payload]) -> Holders:
    """Sort the definitions of one list by the columns they hold."""
    found: dict[str, list[Holder]] = {}
    for row in definitions:
        key, type_ = named(row), text(row.get("type")) or "text"
        columns = _columns(entity, row, type_) if key.isdigit() else ()
        holder = Holder(int(key or 0), type_, columns, _labels(row))
        for column in columns:
            found.setdefault(column, []).append(holder)
    return {column: tuple(sorted(several, key=lambda one: one.type == LEGAL)) for column, several in found.items()}


def _columns(entity: str, row: Payload, type_: str) -> tuple[str, ...]:
    code = text(row.get("code")) or ""
    coded = BY_CODE.get(entity, {}).get(code)
    if coded:
        # A single address is the website; a list of them needs a field that takes several.
        return tuple(column for column in coded if column != "webs" or type_ == "multitext")
    if entity == "contacts":
        return ("birthday",) if type_ == "birthday" else ()
    return ("tax_id",) if entity == "companies" and _is_tax_field(row, code, type_) else ()


def _is_tax_field(row: Payload, code: str, type_: str) -> bool:
    names = {code.casefold(), (text(row.get("name")) or "").casefold()}
    return type_ == LEGAL or (type_ in TEXTS and bool(names & TAX_NAMES))


def _labels(row: Payload) -> frozenset[str]:
    enums = row.get("enums")
    return frozenset(str(one["code"]) for one in enums if isinstance(one, Mapping) and one.get("code")) if enums else frozenset()


def columns_held(entity: str, context: MappingContext) -> frozenset[str]:
    """Return which of an entity's columns the account has a field for, as `prepare` found; what is usual while it has not."""
    found = context.facts.get("held")
    known: Any = found.get(entity) if isinstance(found, Mapping) else None
    if isinstance(known, Mapping):
        return frozenset(known)
    more = {_column_of(entity, definition) for key, definition in context.fields.items() if key.startswith(f"{entity}:")}
    return USUAL.get(entity, frozenset()) | {column for column in more if column}


def _column_of(entity: str, definition: Mapping[str, Any]) -> str | None:
    if entity == "contacts" and definition.get("remote_type") == "birthday":
        return "birthday"
    return "tax_id" if entity == "companies" and (text(definition.get("name")) or "").casefold() in TAX_NAMES else None


# Asking the account ---------------------------------------------------------------------------------------------------


def ask(client: Client, entity: str, owner: str, *, lane: str, again: bool = False) -> Holders:
    """Return the holders of a list (`contacts`, `catalogs/1209`), asking once for all who share the session, or `again`.

    Raises CrmUnavailable where not one is left of those the account had: more likely than that is an answer without content.
    """

    def asked() -> Holders:
        told = definitions(client, owner, lane=lane)
        if not told and client.facts.get("held", {}).get(entity):
            raise CrmUnavailable(f"{owner}: the account tells no custom fields at all, and had some.")
        return holders_of(entity, told)

    return client.http.memory.recall((HOLDERS, owner), asked, again=again)


def forget(client: Client, owner: str) -> None:
    """Ask again next time."""
    client.http.memory.forget((HOLDERS, owner))


def definitions(client: Client, owner: str, *, lane: str = "bulk") -> list[Payload]:
    """Read the definitions of a list (facts: amocrm 4.10)."""
    found: list[Payload] = []
    page, more = 1, True
    while more:
        params = [("limit", MOST_PER_PAGE), ("page", page)]
        answer = client.sure_answer(f"/api/v4/{owner}/custom_fields", "custom_fields", params, lane=lane)
        found += rows_of(answer.json, "custom_fields")
        page, more = page + 1, has_next(answer.json)
    return found
