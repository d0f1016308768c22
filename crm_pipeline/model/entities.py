"""The entities, their columns in `source.*`, and the child tables that hang on them.

This is the one catalogue that mapping, landing, reconciling, assets and docs are multiplied from. Columns that every
`source.<entity>` has (connection_id, external_id, golden_id, remote_created_at, remote_updated_at, deleted_at,
custom_fields) are not repeated here.
"""

import hashlib
import uuid
from dataclasses import dataclass

REFERENCE = ("users", "pipelines", "stages", "custom_fields")
BUSINESS = ("companies", "contacts", "products", "deals", "tasks", "communications")
ENTITIES = REFERENCE + BUSINESS
"""In load order: what others refer to comes first."""

GOLDEN = ("users", "pipelines", "stages", *BUSINESS)
"""Entities with a golden table `crm.<entity>`; custom fields stay per connection."""

HISTORY = "stage_changes"
"""Raw kind of the CRMs' own stage history, part of the entity `deals`; it lands in `source.stage_changes`."""

COLUMNS: dict[str, tuple[str, ...]] = {
    "users": ("name", "email", "is_active", "is_admin"),
    "pipelines": ("name", "sort", "is_main", "is_archived"),
    "stages": ("name", "sort", "pipeline_external_id", "category", "color"),
    "custom_fields": ("entity", "field_key", "name", "kind", "remote_type", "is_multiple", "options"),
    "companies": ("name", "tax_id", "website", "owner_external_id", "is_own", "tags"),
    "contacts": (
        "name", "first_name", "last_name", "middle_name", "company_external_id", "owner_external_id", "position", "birthday",
        "tags",
    ),
    "products": ("name", "sku", "price", "currency", "is_active", "catalog_external_id"),
    "deals": (
        "title", "amount", "currency", "pipeline_external_id", "stage_external_id", "stage_category", "company_external_id",
        "owner_external_id", "closed_at", "loss_reason", "tags",
    ),
    "tasks": (
        "title", "body", "kind", "due_at", "is_completed", "completed_at", "owner_external_id", "target_entity",
        "target_external_id",
    ),
    "communications": (
        "kind", "direction", "body", "body_text", "happened_at", "duration_seconds", "author_external_id", "target_entity",
        "target_external_id", "recording_url",
    ),
    "stage_changes": (
        "deal_external_id", "pipeline_external_id", "stage_external_id", "from_pipeline_external_id", "from_stage_external_id",
        "changed_at", "author_external_id",
    ),
}  # fmt: skip

MARKERS = ("originator_id", "origin_id")
"""Marker columns on contacts, companies and deals: whose record a CRM says it is (Bitrix24 ORIGINATOR_ID/ORIGIN_ID)."""


@dataclass(frozen=True, slots=True)
class Child:
    """A child table: replaced as a whole set whenever its parent changes."""

    table: str
    parent: str
    """Column holding the parent's external id."""
    key: tuple[str, ...]
    """What tells two children of one parent apart."""
    columns: tuple[str, ...]
    """All columns but connection_id and the parent's (and `entity` of contact_points)."""
    field: str
    """Name under which a change of the set is written to `source.field_changes`."""


_POINTS = Child(
    "contact_points", "external_id", ("kind", "value"),
    ("kind", "value", "original", "label", "is_primary", "position", "remote_value_id"), "contact_points",
)  # fmt: skip

_COMPANIES = Child(
    "contact_companies", "contact_external_id", ("company_external_id",), ("company_external_id", "is_primary"), "companies"
)
_CONTACTS = Child(
    "deal_contacts", "deal_external_id", ("contact_external_id",), ("contact_external_id", "is_main", "position"), "contacts"
)
_PRODUCTS = Child(
    "deal_products", "deal_external_id", ("position",),
    ("position", "product_external_id", "product_name", "quantity", "price", "discount", "row_external_id"), "products",
)  # fmt: skip
_TARGET = ("target_entity", "target_external_id")
_TARGETS = Child("task_targets", "task_external_id", _TARGET, _TARGET, "targets")

CHILDREN: dict[str, tuple[Child, ...]] = {
    "contacts": (_POINTS, _COMPANIES),
    "companies": (_POINTS,),
    "deals": (_CONTACTS, _PRODUCTS),
    "tasks": (_TARGETS,),
}


def identity_golden_id(connection_id: int, entity: str, external_id: str) -> uuid.UUID:
    """Return the golden id a source record has while nothing else is linked with it: stable over rebuilds."""
    return uuid.UUID(bytes=hashlib.md5(f"{connection_id}/{entity}/{external_id}".encode(), usedforsecurity=False).digest())
