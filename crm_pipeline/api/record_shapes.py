"""What is asked and answered about golden records, per entity: made of the columns the tables have, so that none is forgotten.

What belongs here: types, limits and examples of columns. What a record holds is said by `database/reading.py`.
"""

from datetime import date, datetime
from functools import cache
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, create_model

from crm_pipeline.database.including import INCLUSIONS, MOST, TARGETS
from crm_pipeline.database.reading import CHILDREN, ORIGINS, POINTED, POINTS, columns_of, names_of
from crm_pipeline.stages.records import UNFILTERED, sorts_of

TITLES = {
    "contacts": "Contact", "companies": "Company", "deals": "Deal", "tasks": "Task", "communications": "Communication",
    "products": "Product",
}  # fmt: skip
"""The entities, and what one of them is called."""
ID = "6b1f0a52-3c5e-4a8e-9a53-0d4f4c1f7f10"
OTHER = "0c6f7d1e-5b0a-4f7e-8d1c-2a9b3e4f5a6b"
TIME = "2026-11-24T15:50:00+00:00"
MONEY = r"^-?[0-9]{1,30}(\.[0-9]{1,30})?$"
NO_NUL = r"^[^\x00]*$"


def _is_time(text: str) -> str:
    return datetime.fromisoformat(text.replace(" ", "+").upper()).isoformat()


def _is_day(text: str) -> str:
    return date.fromisoformat(text).isoformat()


MOMENT = {"anyOf": [{"type": "string", "format": "date-time"}, {"type": "string", "format": "date"}]}
Time = Annotated[str, AfterValidator(_is_time), Field(max_length=40, json_schema_extra=MOMENT)]
Day = Annotated[str, AfterValidator(_is_day), Field(max_length=10, json_schema_extra={"format": "date"})]
Text = Annotated[str, Field(max_length=1000, pattern=NO_NUL)]
Money = Annotated[str, Field(pattern=MONEY)]
Whole = Annotated[int, Field(ge=0, le=2**31 - 1)]
Target = Literal[TARGETS]  # type: ignore[valid-type]  # a tuple of names is spelled out
Category = Literal["open", "won", "lost"]

ASKED: dict[str, Any] = {
    "birthday": Day, "amount": Money, "price": Money, "duration_seconds": Whole, "stage_category": Category,
    "direction": Literal["in", "out"], "target_entity": Target,
}  # fmt: skip
"""Column → what it is filtered by; by its ending or as text where it is not named."""
TOLD: dict[str, Any] = {**ASKED, "birthday": date, "duration_seconds": int, "tags": list[str], "target_entity": str}
"""Column → what is told of it."""
ENDINGS = {"_id": (UUID, UUID), "_at": (Time, AwareDatetime), "is_": (bool, bool)}
"""Ending or beginning of a column → what it is filtered by, what is told of it."""
EXAMPLES: dict[str, Any] = {
    "name": "Анна Смирнова", "first_name": "Анна", "last_name": "Смирнова", "middle_name": "Петровна", "position": "CTO",
    "birthday": "1990-05-17", "tags": ["VIP"], "tax_id": "7707083893", "website": "https://romashka.example",
    "is_own": False, "title": "Кофемашина", "amount": "185000.5", "currency": "RUB", "stage_category": "open",
    "loss_reason": None, "closed_at": None, "body": "Перезвонить", "kind": "call", "is_completed": False,
    "completed_at": None, "target_entity": "contacts", "direction": "in", "body_text": "Договорились на среду",
    "duration_seconds": 84, "recording_url": None, "sku": "CM-7", "price": "185000", "is_active": True,
    "phones": ["+79161234501"], "emails": ["anna@romashka.example"], "webs": [], "companies": [OTHER], "contacts": [OTHER],
    "products": [{"product_id": OTHER, "product_name": "Кофемашина", "quantity": "1", "price": "185000", "discount": None}],
    "custom_fields": {}, "source_count": 2, "deleted_at": None, "id": ID,
}  # fmt: skip


class ProductRow(BaseModel):
    """One row of a deal; `product` only with `include=products`."""

    product_id: UUID | None = None
    product_name: str | None = None
    quantity: Money | None = None
    price: Money | None = None
    discount: Money | None = None
    product: dict[str, Any] | None = None


def _type(column: str, is_told: bool) -> Any:
    named = (TOLD if is_told else ASKED).get(column)
    if named is not None:
        return named
    found = next((pair for end, pair in ENDINGS.items() if column.endswith(end) or column.startswith(end)), (Text, str))
    return found[is_told]


def example(entity: str) -> dict[str, Any]:
    """Return what a record looks like."""
    own = {"companies": {"name": "ООО Ромашка"}, "products": {"name": "Кофемашина"}}.get(entity, {})
    return {name: (EXAMPLES | own).get(name, TIME if name.endswith("_at") or name == "version" else OTHER)
            for name in names_of(entity)}  # fmt: skip


@cache
def record(entity: str) -> type[BaseModel]:
    """Return the shape of a record: nothing but `id` and `version` is always there, because `fields` leaves out."""
    told: dict[str, Any] = {name: (_type(name, True) | None, None) for name in columns_of(entity)}
    told |= dict.fromkeys(POINTS if entity in POINTED else (), (list[str], None))
    told |= {name: (_several(name), None) for name in CHILDREN.get(entity, ())}
    told |= {name: (_read_with(entity, name), None) for name in INCLUSIONS[entity] if name not in told}
    told |= {"custom_fields": (dict[str, Any], None), "source_count": (int, None), ORIGINS: (dict[str, Any], None)}
    told |= dict.fromkeys(("created_at", "updated_at", "deleted_at"), (AwareDatetime | None, None))
    told |= {"id": (UUID, ...), "version": (AwareDatetime, ...)}
    config = ConfigDict(json_schema_extra={"examples": [example(entity)]}, title=TITLES[entity])
    return create_model(TITLES[entity], __config__=config, __doc__=f"One of the {entity}.", **told)


def _several(name: str) -> Any:
    """Return ids, or with `include` the records themselves; rows of a deal are rows."""
    return list[ProductRow] if name == "products" else list[UUID] | list[dict[str, Any]]


def _read_with(entity: str, name: str) -> Any:
    told = f"Only with `include={name}`."
    many = INCLUSIONS[entity][name].many
    return Annotated[list[dict[str, Any]] if many else dict[str, Any] | None, Field(description=told)]


@cache
def page(entity: str) -> type[BaseModel]:
    """Return the shape of a page."""
    config = ConfigDict(json_schema_extra={"examples": [{"items": [example(entity)], "next_cursor": None}]})
    told: dict[str, Any] = {"items": (list[record(entity)], ...), "next_cursor": (str | None, ...)}  # type: ignore[misc]
    return create_model(f"{TITLES[entity]}Page", __config__=config, **told)


def _names(names: tuple[str, ...]) -> str:
    """Return the pattern of some of these names with commas between."""
    one = "|".join(names)
    return f"^({one})(,({one}))*$"


def _chosen(entity: str) -> dict[str, Any]:
    """Return what can be asked of lists and single records alike."""
    fields = Field(None, pattern=_names((*names_of(entity), ORIGINS)), max_length=1000, examples=["id,updated_at"],
                   description="Only these, commas between; `id` and `version` always.")  # fmt: skip
    include = Field(
        None, pattern=_names(tuple(INCLUSIONS[entity])), max_length=500, examples=[next(iter(INCLUSIONS[entity]))],
        description=f"Reads these with each record, commas between: at most {MOST} of a kind, what the caller may see.",
    )  # fmt: skip
    return {"fields": (str | None, fields), "include": (str | None, include)}


def _filters(entity: str) -> dict[str, Any]:
    return {name: (_type(name, False) | None, Field(None, description="Only records with this.")) for name in filtered(entity)}


def filtered(entity: str) -> tuple[str, ...]:
    """Return the columns lists are filtered by."""
    return tuple(name for name in columns_of(entity) if name not in UNFILTERED)


@cache
def list_query(entity: str) -> type[BaseModel]:
    """Return what can be asked of a list."""
    orders = Literal[tuple(f"{way}{name}" for name in sorts_of(entity) for way in ("", "-"))]  # type: ignore[valid-type]
    reach = ", phones and e-mail addresses" if entity in POINTED else ""
    asked: dict[str, Any] = {
        "limit": (int, Field(100, ge=1, le=500, description="At most so many; at most 100 with `include`.")),
        "cursor": (str | None, Field(None, min_length=1, max_length=4000, description="`next_cursor` of the page before.")),
        "sort": (orders, Field("updated_at", description="`-`: the other way round.")),
        "q": (str | None, Field(None, max_length=200, pattern=r"^[^\x00]*[^\x00\s][^\x00]*$", examples=["анна"],
                                description=f"Looks for all words in names{reach}.")),
        "updated_since": (Time | None, Field(None, description="Changed in the CRM at that time or later.")),
    }  # fmt: skip
    return create_model(
        f"{TITLES[entity]}List", __config__=ConfigDict(extra="forbid"), **(asked | _chosen(entity) | _filters(entity))
    )


@cache
def one_query(entity: str) -> type[BaseModel]:
    """Return what can be asked of a single record."""
    return create_model(f"{TITLES[entity]}One", __config__=ConfigDict(extra="forbid"), **_chosen(entity))


assert Target.__args__ == TARGETS  # type: ignore[attr-defined]
