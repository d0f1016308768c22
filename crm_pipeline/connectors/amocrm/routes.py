"""Where each kind of write goes: address, method, name of its rows, and which list's fields it uses (facts: amocrm 4, 5.1)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from crm_pipeline.connectors.amocrm.client import Params
from crm_pipeline.connectors.amocrm.payloads import CATALOG_ID, PLURAL_OF
from crm_pipeline.connectors.amocrm.streams import LEAD_WITH
from crm_pipeline.model.cleaning import reference
from crm_pipeline.model.records import MappingContext
from crm_pipeline.model.writing import COMPLETE, CREATE, LINK, REOPEN, UNLINK, UPDATE, Writable, Write

MOST_ITEMS = 50
"""Advised; 250 are the limit (facts: amocrm 6)."""


@dataclass(frozen=True, slots=True)
class Route:
    """One address of the API that takes writes of one kind, several at a time."""

    entity: str
    method: str
    path: str
    key: str
    """Name in `_embedded`."""
    plural: str = ""
    """leads, contacts or companies: what a note hangs on, or what is linked."""
    owner: str = ""
    """Whose custom fields: `contacts`, `catalogs/1209`; nothing has them where it is empty."""
    params: Params = ()
    """Of reading the list at the same address."""

    @property
    def creates(self) -> bool:
        """Return whether sending twice would make two records."""
        return self.method == "POST" and not self.is_linking

    @property
    def is_linking(self) -> bool:
        """Return whether it links records that are there."""
        return self.key == "links"


def route_of(write: Write, context: MappingContext) -> Route | None:
    """Return where a write goes; None: amoCRM has no place for it."""
    if write.operation not in WRITABLE[write.entity].operations if write.entity in WRITABLE else True:
        return None
    method, plural = "POST" if write.operation == CREATE else "PATCH", PLURAL_OF.get(write.entity, "")
    if write.operation in (LINK, UNLINK):
        return Route(write.entity, "POST", write.operation, "links", plural)
    if write.entity == "tasks":
        return Route("tasks", method, "/api/v4/tasks", "tasks")
    if write.entity == "communications":
        owners = PLURAL_OF.get(str(write.values.get("target_entity")))
        return Route("communications", "POST", f"/api/v4/{owners}/notes", "notes", owners) if owners else None
    if write.entity == "products":
        catalog = catalog_of(write, context)
        path = f"catalogs/{catalog}"
        return Route("products", method, f"/api/v4/{path}/elements", "elements", owner=path) if catalog else None
    params = (("with", LEAD_WITH),) if plural == "leads" else ()
    return Route(write.entity, method, f"/api/v4/{plural}", plural, plural, plural, params)


def catalog_of(write: Write, context: MappingContext) -> str | None:
    """Return the catalog of a product: its own, or the account's first one."""
    row: Mapping[str, Any] = (write.current.payload if write.current else None) or {}
    known = context.facts.get("product_catalogs")
    catalogs: Sequence[Any] = known if isinstance(known, list) else ()
    asked = reference(row.get(CATALOG_ID)) or reference(write.values.get("catalog_external_id"))
    if write.operation == CREATE and asked not in catalogs:
        asked = None  # a catalog of another account, or none
    found = asked or (reference(catalogs[0]) if catalogs else None)
    return found if found and found.isdigit() else None


def portions(writes: Sequence[Write], context: MappingContext) -> tuple[list[tuple[Route, list[Write]]], list[Write]]:
    """Sort writes by where they go, in order and at most MOST_ITEMS to a request; and those that go nowhere."""
    sorted_ = by_route(writes, context)
    cut = [(route, all_[n : n + MOST_ITEMS]) for route, all_ in sorted_.items() for n in range(0, len(all_), MOST_ITEMS)]
    return cut, [write for write in writes if route_of(write, context) is None]


def by_route(writes: Sequence[Write], context: MappingContext) -> dict[Route, list[Write]]:
    """Sort writes by where they go, in order; those that go nowhere are left out."""
    found: dict[Route, list[Write]] = {}
    for write in writes:
        route = route_of(write, context)
        if route:
            found.setdefault(route, []).append(write)
    return found


_RECORDS = frozenset((CREATE, UPDATE, LINK, UNLINK))
_PEOPLE = frozenset(("owner_external_id", "tags", "phones", "emails", "webs"))
WRITABLE: Mapping[str, Writable] = {
    "companies": Writable(
        _RECORDS, _PEOPLE | {"name", "tax_id", "website"}, frozenset(("contacts", "products")), ("name",)
    ),
    "contacts": Writable(
        _RECORDS, _PEOPLE | {"name", "first_name", "last_name", "company_external_id", "position", "birthday"},
        frozenset(("companies", "products")),
    ),
    "products": Writable(
        frozenset((CREATE, UPDATE)), frozenset(("name", "sku", "price", "catalog_external_id")), required=("name",)
    ),
    "deals": Writable(
        _RECORDS,
        frozenset((
            "title", "amount", "pipeline_external_id", "stage_external_id", "stage_category", "loss_reason",
            "company_external_id", "owner_external_id", "tags",
        )),
        frozenset(("contacts", "companies", "products")),
    ),
    "tasks": Writable(
        frozenset((CREATE, UPDATE, COMPLETE, REOPEN)),
        frozenset(("title", "kind", "due_at", "is_completed", "owner_external_id", "target_entity", "target_external_id")),
        required=("title", "due_at"),
    ),
    "communications": Writable(
        frozenset((CREATE,)),
        frozenset((
            "kind", "direction", "body", "body_text", "happened_at", "duration_seconds", "target_entity", "target_external_id",
            "recording_url",
        )),
        required=("kind", "target_entity", "target_external_id"),
    ),
}  # fmt: skip
"""Companies without a name and products without one are refused; the rest of what is required is facts: amocrm 4.4, 4.5."""
