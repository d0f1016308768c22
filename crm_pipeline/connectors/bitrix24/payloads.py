"""How Bitrix24 spells things: hosts, calls, type numbers, selects, scopes and the lists it can be asked for.

What belongs here: names and tables of the vendor. How they are asked for is `client`, how they are walked `walks`, what
they mean `mapping`.
"""

from dataclasses import dataclass, field
from typing import Any

Params = dict[str, Any]

PAGE = 50
"""Rows of a page and commands of a batch (facts: bitrix24 3.1, 3.3)."""

REQUEST_BURST, REQUEST_INTERVAL = 48, 0.5
"""A little under the vendor's bucket: 50, leaking two a second (facts: bitrix24 7)."""

OPERATING_LIMIT, OPERATING_SHARE = 480.0, 0.8
"""Seconds of run time one method may use in ten minutes, and the share from which we slow down (facts: bitrix24 7)."""

AUTH_SERVERS = ("oauth.bitrix24.tech", "oauth.bitrix.info")
"""Today's and yesterday's authorization server (facts: bitrix24 1.1)."""

_COUNTRIES = (
    "ru com de eu fr es it pl by kz ua in vn id my ph net site tech com.br com.tr co.uk jp cn mx uk kr co pt tr az am ge ro cz "
    "com.mx com.ar com.co"
)
VENDOR_HOSTS = (*(f".bitrix24.{end}" for end in _COUNTRIES.split()), *AUTH_SERVERS)

OWNER_TYPES = {"2": "deals", "3": "contacts", "4": "companies"}
"""Owner type number → entity (facts: bitrix24 4.1)."""

SHORT_CODES = {"D": "deals", "C": "contacts", "CO": "companies"}
"""Code in bindings such as `C_91` → entity (facts: bitrix24 4.1)."""

TYPE_OF_ENTITY = {entity: int(number) for number, entity in OWNER_TYPES.items()}
NAME_OF_ENTITY = {"deals": "deal", "contacts": "contact", "companies": "company"}
"""Entity → the vendor's word, in method names and in ENTITY_TYPE of timeline comments."""

SCOPES = {
    "crm": "contacts, companies, deals and communications",
    "task": "tasks",
    "user": "users",
    "catalog": "products with their prices",
}
"""Scope → what stays empty without it."""

STREAM_SCOPES = {"tasks": ("task", "tasks"), "users": ("user", "user_basic", "user_brief")}
"""Stream → scopes of which one is needed; every other stream needs `crm` (products: `crm` or `catalog`)."""

OWN_KEY = "crm_pipeline:"
"""What the outside key of a product or task we made begins with: these have no ORIGINATOR_ID beside it (facts: bitrix24 6)."""

MULTI_FIELDS = ("PHONE", "EMAIL", "WEB", "IM")

TASK_SELECT = [
    "ID", "TITLE", "DESCRIPTION", "DESCRIPTION_IN_BBCODE", "PRIORITY", "STATUS", "REAL_STATUS", "GROUP_ID", "PARENT_ID",
    "STAGE_ID", "CREATED_BY", "CREATED_DATE", "RESPONSIBLE_ID", "CHANGED_BY", "CHANGED_DATE", "STATUS_CHANGED_BY",
    "STATUS_CHANGED_DATE", "CLOSED_BY", "CLOSED_DATE", "ACTIVITY_DATE", "DATE_START", "DEADLINE", "START_DATE_PLAN",
    "END_DATE_PLAN", "XML_ID", "MARK", "TIME_ESTIMATE", "ACCOMPLICES", "AUDITORS", "TAGS", "UF_CRM_TASK",
]  # fmt: skip
"""The default set may change: name what is needed (facts: bitrix24 4.12)."""

PRODUCT_SELECT = [
    "id", "iblockId", "iblockSectionId", "name", "code", "xmlId", "active", "available", "type", "quantity", "measure",
    "vatId", "vatIncluded", "purchasingPrice", "purchasingCurrency", "sort", "dateCreate", "timestampX", "createdBy",
    "modifiedBy", "previewText", "detailText", "detailTextType",
]  # fmt: skip
"""`id` and `iblockId` are mandatory (facts: bitrix24 4.15)."""


@dataclass(frozen=True, slots=True)
class Listing:
    """One list method that can be walked by id: how it is asked and where its rows and their keys are."""

    kind: str
    call: str
    base: Params = field(default_factory=dict)
    """Parameters that never change, in the documented order."""
    filters: Params = field(default_factory=dict)
    path: str = ""
    """Key of the rows inside `result`; empty: `result` is the list."""
    id: str = "ID"
    """Id field in filter and order."""
    row_id: str = "ID"
    """Id field in a row."""
    changed: str = ""
    """Modification time in the filter; empty: none."""
    row_changed: str = ""
    row_created: str = ""
    prefix: str = ""
    """Put before the id to make the external id."""
    chain: int = PAGE
    """At most so many pages in one batch."""
    extras: tuple["Extra", ...] = ()
    """What is read per row and added to its payload."""

    def parameters(self, filters: Params, *, descending: bool = False) -> Params:
        """Return the parameters of one page; no counting (facts: bitrix24 3.2)."""
        order = {"order": {self.id: "DESC" if descending else "ASC"}}
        return order | {"filter": self.filters | filters} | self.base | {"start": -1}

    def rows(self, result: Any) -> list[Params]:
        """Return the rows of an answer; PHP writes `[]`, null or false for nothing."""
        found = result.get(self.path) if self.path and isinstance(result, dict) else result
        listed = list(found.values()) if isinstance(found, dict) else found
        return [row for row in listed if isinstance(row, dict)] if isinstance(listed, list) else []


@dataclass(frozen=True, slots=True)
class Extra:
    """A list that belongs to a row and must be asked for per row (facts: bitrix24 4.7, 4.9, 4.15)."""

    key: str
    """Payload key it is kept under."""
    call: str
    path: str = ""
    owner: str = ""
    """Dotted place of the owner's id in the parameters."""
    base: Params = field(default_factory=dict)

    def parameters(self, owner_id: Any) -> Params:
        """Return the parameters that ask for one owner's list."""
        outer, dot, inner = self.owner.partition(".")
        if not dot:
            return self.base | {outer: owner_id}
        return self.base | {outer: dict(self.base.get(outer, {})) | {inner: owner_id}}


ITEM_ROWS = Extra("productRows", "crm.item.productrow.list", "productRows", "filter.=ownerId", {"filter": {"=ownerType": "D"}})
CLASSIC_ROWS = Extra("productRows", "crm.deal.productrows.get", owner="id")
DEAL_CONTACTS = Extra("contactItems", "crm.deal.contact.items.get", owner="id")
CONTACT_COMPANIES = Extra("companyItems", "crm.contact.company.items.get", owner="id")
PRICES = Extra("prices", "catalog.price.list", "prices", "filter.productId")


def item_listing(entity: str, extras: tuple[Extra, ...] = (), chain: int = PAGE) -> Listing:
    """Return the `crm.item.list` listing of contacts, companies or deals; `*` brings `fm` too (facts: bitrix24 4.5, 4.8)."""
    number = {"entityTypeId": TYPE_OF_ENTITY[entity]}
    return Listing(
        entity, "crm.item.list", number | {"select": ["*"]}, path="items", id="id", row_id="id",
        changed="updatedTime", row_changed="updatedTime", row_created="createdTime", chain=chain, extras=extras,
    )  # fmt: skip


def classic_listing(entity: str, extras: tuple[Extra, ...] = (), chain: int = PAGE) -> Listing:
    """Return the `crm.<entity>.list` listing; `*` covers neither UF nor multi-fields (facts: bitrix24 4.4)."""
    multi = list(MULTI_FIELDS) if entity != "deals" else []
    return Listing(
        entity, f"crm.{NAME_OF_ENTITY[entity]}.list", {"select": ["*", "UF_*", *multi]}, changed="DATE_MODIFY",
        row_changed="DATE_MODIFY", row_created="DATE_CREATE", chain=chain, extras=extras,
    )  # fmt: skip


TASKS = Listing(
    "tasks", "tasks.task.list", {"select": TASK_SELECT}, path="tasks", row_id="id", changed="CHANGED_DATE",
    row_changed="changedDate", row_created="createdDate",
)  # fmt: skip
ACTIVITIES = Listing(
    "communications", "crm.activity.list", {"select": ["*", "COMMUNICATIONS"]},
    changed="LAST_UPDATED", row_changed="LAST_UPDATED", row_created="CREATED",
)  # fmt: skip
STAGE_HISTORY = Listing(
    "stage_changes", "crm.stagehistory.list", {"entityTypeId": 2}, path="items",
    changed="CREATED_TIME", row_changed="CREATED_TIME", row_created="CREATED_TIME",
)  # fmt: skip
CLASSIC_PRODUCTS = Listing(
    "products", "crm.product.list", {"select": ["*"]},
    changed="TIMESTAMP_X", row_changed="TIMESTAMP_X", row_created="DATE_CREATE",
)  # fmt: skip


def catalog_listing(iblock: int) -> Listing:
    """Return the `catalog.product.list` listing of one catalog; prices are read per product (facts: bitrix24 4.15)."""
    return Listing(
        "products", "catalog.product.list", {"select": PRODUCT_SELECT}, {"iblockId": iblock}, path="products",
        id="id", row_id="id", changed="timestampX", row_changed="timestampX", row_created="dateCreate",
        chain=20, extras=(PRICES,),
    )  # fmt: skip


def owner_listing(entity: str, changed: str = "updatedTime") -> Listing:
    """Return the listing of bare ids of those that may own timeline comments."""
    number = {"entityTypeId": TYPE_OF_ENTITY[entity]}
    return Listing(
        entity, "crm.item.list", number | {"select": ["id", "updatedTime", "lastActivityTime"]}, path="items",
        id="id", row_id="id", changed=changed, row_changed=changed, chain=20,
    )  # fmt: skip


def classic_owner_listing(entity: str, changed: str = "DATE_MODIFY") -> Listing:
    """Return the same through the classic lists."""
    return Listing(
        entity, f"crm.{NAME_OF_ENTITY[entity]}.list", {"select": ["ID", "DATE_MODIFY", "LAST_ACTIVITY_TIME"]}, changed=changed,
        row_changed=changed, chain=20,
    )  # fmt: skip
