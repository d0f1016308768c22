"""Definitions of custom fields: amoCRM's types, what they are for us, and the choices of a field (facts: amocrm 4.10)."""

from collections.abc import Mapping
from typing import Any

from crm_pipeline.model.cleaning import reference, text
from crm_pipeline.model.records import Payload

KINDS = {
    "text": "text",
    "textarea": "text",
    "streetaddress": "text",
    "tracking_data": "text",
    "url": "link",
    "numeric": "number",
    "price": "number",
    "monetary": "money",
    "checkbox": "boolean",
    "select": "enum",
    "radiobutton": "enum",
    "category": "enum",
    "multiselect": "enum",
    "multitext": "text",
    "date": "date",
    "birthday": "date",
    "date_time": "datetime",
    "file": "file",
}
"""Everything else (legal_entity, items, linked_entity…) is `json`: its value is kept as amoCRM sends it."""

MULTIPLE = frozenset(
    ("multiselect", "multitext", "smart_address", "items", "linked_entity", "chained_list", "legal_entity", "file")
)
OPTIONS_AT = ("enums", "nested")


def field_kind(remote_type: str) -> str:
    """Return our word for a field's type."""
    return KINDS.get(remote_type, "json")


def is_multiple(remote_type: str) -> bool:
    """Return whether a field holds a list of values."""
    return remote_type in MULTIPLE


def options_of(row: Payload, keys: tuple[str, ...]) -> dict[str, str]:
    """Return enum id → label; a category field has its choices under another key."""
    found: dict[str, str] = {}
    for key in keys:
        for option in row.get(key) or ():
            known = reference(option.get("id")) if isinstance(option, Mapping) else None
            if known:
                found[known] = text(option.get("value")) or known
    return found


def label(value: Any, options: Any, enum_id: Any) -> str | None:
    """Return a choice's label: the one sent, else the one the definition has."""
    return text(value) or (text(options.get(reference(enum_id))) if isinstance(options, Mapping) else None)
