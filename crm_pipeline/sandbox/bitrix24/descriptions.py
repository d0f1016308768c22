"""What fields there are: crm.*.fields, crm.item.fields, crm.*.userfield.list (facts: bitrix24 4.3)."""

from __future__ import annotations

from functools import partial
from typing import Any

from .calls import Answer, Call, method, register
from .camel import upper
from .faces import all_fields, by_item
from .fields import CUSTOM, ENTITY_TYPES, KIND_OF_TYPE, MULTI, Field
from .filters import split_prefix
from .portal import Portal
from .refusals import NOT_FOUND, TYPE_UNSUPPORTED

_READ_ONLY, _REQUIRED, _IMMUTABLE = "r", "q", "i"
_TYPE_NAMES = {"COMPANY_ID": "crm_company", "CONTACT_ID": "crm_contact"}


def describe(field: Field, title: str) -> dict[str, Any]:
    """Describe one field with the seven common keys, user fields with labels and items."""
    described: dict[str, Any] = {"type": _TYPE_NAMES.get(field.name, field.type)}
    marks = (("isRequired", _REQUIRED), ("isReadOnly", _READ_ONLY), ("isImmutable", _IMMUTABLE))
    described |= {key: mark in field.mark for key, mark in marks}
    described |= {"isMultiple": field.multiple, "isDynamic": field.custom, "title": title}
    if field.status:
        described["statusType"] = field.status
    return described | (_custom(field) if field.custom else {})


def _custom(field: Field) -> dict[str, Any]:
    labels = dict.fromkeys(("listLabel", "formLabel", "filterLabel"), field.label)
    items = [{"ID": str(number), "VALUE": value} for number, value in field.items]
    return labels | ({"items": items} if items else {}) | {"settings": []}


def classic_fields(portal: Portal, call: Call, kind: str) -> dict[str, Any]:
    """Describe the classic fields; a user field's title is its technical name."""
    described = {field.name: describe(field, field.name) for field in all_fields(kind)}
    if kind == "deal":
        return described
    return described | {name: _multifield(name) for name in MULTI}


def _multifield(name: str) -> dict[str, Any]:
    flags = {"isRequired": False, "isReadOnly": False, "isImmutable": False, "isMultiple": True, "isDynamic": False}
    return {"type": "crm_multifield", **flags, "title": name}


@method("crm.item.fields")
def item_fields(portal: Portal, call: Call) -> dict[str, Any]:
    """Describe the fields of crm.item.*, each with its `upperName`."""
    kind = KIND_OF_TYPE.get(call.need_whole("entityTypeId"))
    if kind is None:
        raise TYPE_UNSUPPORTED
    original = str(call.get("useOriginalUfNames", "N")).upper() == "Y"
    return {"fields": dict(_item_field(name, field, original) for name, field in by_item(kind).items())}


def _item_field(name: str, field: Field, original: bool) -> tuple[str, dict[str, Any]]:
    spelled = field.name if field.custom else upper(name)
    described = describe(field, field.label or spelled) | {"upperName": spelled}
    return (field.name if original and field.custom else name), described


def user_fields(portal: Portal, call: Call, kind: str) -> Answer:
    """List the user fields of one entity; the labels need LANG in the filter, as on a portal."""
    rows = [userfield_row(kind, field) for field in CUSTOM[kind]]
    filters = {split_prefix(str(key))[1]: value for key, value in (call.get("filter") or {}).items()}
    labels = _labels if filters.pop("LANG", None) else _no_labels
    shown = [row | labels(field) for row, field in zip(rows, CUSTOM[kind], strict=True)]
    shown = [row for row in shown if all(str(row.get(key)) == str(value) for key, value in filters.items() if key in row)]
    return Answer(shown, len(shown))


def get_user_field(portal: Portal, call: Call, kind: str) -> dict[str, Any]:
    """Return one user field with its labels per language."""
    field = next((field for field in CUSTOM[kind] if field.id == call.classic_id()), None)
    if field is None:
        raise NOT_FOUND
    per_language = {name: {"en": field.label, "ru": field.label} for name in _LABELS}
    return userfield_row(kind, field) | per_language


def userfield_row(kind: str, field: Field) -> dict[str, Any]:
    """Build the row of one user field; enumerations carry LIST."""
    row: dict[str, Any] = {"ID": str(field.id), "ENTITY_ID": f"CRM_{kind.upper()}", "FIELD_NAME": field.name}
    row |= {
        "USER_TYPE_ID": field.type,
        "XML_ID": None,
        "SORT": "100",
        "MULTIPLE": "Y" if field.multiple else "N",
        "MANDATORY": "N",
    }
    row |= {"SHOW_FILTER": "E", "SHOW_IN_LIST": "Y", "EDIT_IN_LIST": "Y", "IS_SEARCHABLE": "N", "SETTINGS": []}
    return row | ({"LIST": [_choice(*item, place) for place, item in enumerate(field.items, 1)]} if field.items else {})


def _choice(number: int, value: str, place: int) -> dict[str, str]:
    return {"ID": str(number), "SORT": str(place * 10), "VALUE": value, "DEF": "N", "XML_ID": f"choice-{number}"}


_LABELS = ("EDIT_FORM_LABEL", "LIST_COLUMN_LABEL", "LIST_FILTER_LABEL")


def _labels(field: Field) -> dict[str, Any]:
    return dict.fromkeys(_LABELS, field.label)


def _no_labels(field: Field) -> dict[str, Any]:
    return {}


for _kind in ENTITY_TYPES:
    register(f"crm.{_kind}.fields", partial(classic_fields, kind=_kind))
    register(f"crm.{_kind}.userfield.list", partial(user_fields, kind=_kind))
    register(f"crm.{_kind}.userfield.get", partial(get_user_field, kind=_kind))
