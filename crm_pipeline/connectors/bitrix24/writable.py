"""What can be written of each entity: the table `Connector.writable` is. How it is written belongs to `spelling` and `orders`.

Columns the vendor keeps elsewhere than where they are read from are not here: tags of contacts (there are none), requisites, the
day a deal was closed (for an open deal the same field is the day it is expected to close).
"""

from collections.abc import Mapping
from types import MappingProxyType

from crm_pipeline.model.writing import COMPLETE, CREATE, LINK, REOPEN, UNLINK, UPDATE, Writable

_RECORD = frozenset({CREATE, UPDATE})
_LINKED = _RECORD | {LINK, UNLINK}
_POINTS = ("phones", "emails", "webs")

WRITABLE: Mapping[str, Writable] = MappingProxyType({
    "companies": Writable(
        _RECORD, frozenset({"name", "tax_id", "website", "owner_external_id", *_POINTS}), required=("name",)
    ),
    "contacts": Writable(
        _LINKED,
        frozenset({
            "name", "first_name", "last_name", "middle_name", "company_external_id", "owner_external_id", "position", "birthday",
            *_POINTS,
        }),
        frozenset({"companies"}),
    ),
    "products": Writable(_RECORD, frozenset({"name", "sku", "price", "currency", "is_active"}), required=("name",)),
    "deals": Writable(
        _LINKED,
        frozenset({
            "title", "amount", "currency", "pipeline_external_id", "stage_external_id", "stage_category", "company_external_id",
            "owner_external_id",
        }),
        frozenset({"contacts", "companies", "products"}),
    ),
    "tasks": Writable(
        _RECORD | {COMPLETE, REOPEN},
        frozenset({"title", "body", "due_at", "is_completed", "owner_external_id", "target_entity", "target_external_id"}),
        required=("title",),
    ),
    "communications": Writable(
        frozenset({CREATE}),
        frozenset({
            "kind", "direction", "body", "body_text", "happened_at", "duration_seconds", "author_external_id", "target_entity",
            "target_external_id",
        }),
        required=("kind", "target_entity", "target_external_id"),
    ),
})  # fmt: skip

SETTLE_SECONDS = 60.0
"""A request is cut off after a minute; what was not applied by then never is (facts: bitrix24 2.3, 6, 7)."""

NEVER_EMPTY: Mapping[str, frozenset[str]] = MappingProxyType({
    "companies": frozenset({"name", "owner_external_id"}),
    "contacts": frozenset({"owner_external_id"}),
    "products": frozenset({"name", "sku", "price", "currency", "is_active"}),
    "deals": frozenset({
        "title", "currency", "pipeline_external_id", "stage_external_id", "stage_category", "owner_external_id",
    }),
    "tasks": frozenset({"title", "is_completed", "owner_external_id"}),
    "communications": frozenset(
        {"kind", "body", "body_text", "happened_at", "author_external_id", "target_entity", "target_external_id"}
    ),
})  # fmt: skip
"""Columns the vendor always has something in: they cannot be cleared."""
