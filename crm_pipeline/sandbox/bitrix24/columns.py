"""Which columns each list method filters and orders by, as SQL over the store's rows: white lists, nothing from requests.

Here: tables built from the field tables. How a filter key is read is in filters.py.
"""

from collections.abc import Iterable
from functools import cache

from .faces import all_fields, by_item
from .fields import MULTI, Field
from .filters import Column

ID = Column("id", "integer")
UPDATED = Column("updated", "datetime")
CREATED = Column("created", "datetime")
_NUMERIC = ("integer", "user", "reference", "enumeration")


def json_column(name: str, kind: str = "string") -> Column:
    """Describe a column read from the row's JSON by name and field type."""
    value = f"json_extract(body, '$.{name}')"
    if kind in _NUMERIC:
        return Column(f"CAST({value} AS INTEGER)", "integer")
    if kind in ("double", "boolean", "char"):
        return Column(f"CAST({value} AS REAL)" if kind == "double" else value, kind)
    if kind == "datetime":
        return Column(f"CAST(strftime('%s', {value}) AS INTEGER)", "datetime")
    return Column(f"substr({value}, 1, 10)", "date") if kind == "date" else Column(value)


def list_column(name: str, kind: str = "string", inner: str = "") -> Column:
    """Describe a JSON list that matches when one of its items (or the item's `inner` value) does."""
    value = f"json_extract(j.value, '$.{inner}')" if inner else "j.value"
    return Column(
        f"CAST({value} AS INTEGER)" if kind in _NUMERIC else value, "integer" if kind in _NUMERIC else kind, f"body, '$.{name}'"
    )


def _of_field(name: str, field: Field) -> Column:
    if field.name == "ORIGIN_ID":
        return Column(f"json_extract(body, '$.{name}')", lookup=f"$.{name}")
    fixed = {"ID": ID, "DATE_MODIFY": UPDATED, "DATE_CREATE": CREATED}.get(field.name)
    return fixed or (list_column if field.multiple else json_column)(name, field.type)


@cache
def classic_columns(kind: str) -> dict[str, Column]:
    """Columns of `crm.contact.list` and its like, multi-fields by exact value."""
    columns = {field.name: _of_field(field.name, field) for field in all_fields(kind)}
    return columns | {name: list_column(name, "string", "VALUE") for name in MULTI}


@cache
def item_columns(kind: str) -> dict[str, Column]:
    """Columns of `crm.item.list`, by camelCase name."""
    columns = {name: _of_field(name, field) for name, field in by_item(kind).items()}
    columns |= {
        name: Column(f"json_extract(body, '$.{name}')", "char")
        for name, field in by_item(kind).items()
        if field.type == "boolean"
    }
    linked = "companyIds" if kind == "contact" else "contactIds"
    return columns | {linked: list_column(linked, "integer")}


@cache
def item_aliases(kind: str) -> dict[str, str]:
    """Other spellings crm.item.list takes: `ID`, and user fields by their original names."""
    return {"ID": "id"} | {field.name: field.item for field in by_item(kind).values() if field.custom}


def table(spec: str, numeric: Iterable[str] = (), moments: Iterable[str] = (), **special: Column) -> dict[str, Column]:
    """Build columns for rows keyed by the names in `spec`."""
    kinds = dict.fromkeys(numeric, "integer") | dict.fromkeys(moments, "datetime")
    return {name: json_column(name, kinds.get(name, "string")) for name in spec.split()} | special
