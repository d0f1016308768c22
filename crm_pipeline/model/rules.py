"""The rules of reconciling as data: what decides each group of fields, what counts as a match, which stages are the same.

What belongs here: the shape of the rules, and what holds when nobody wrote any. How a mapping becomes rules and what can be
wrong with it belongs to `rules_reading.py`, files to `rules_file.py`, deciding to `three_way.py`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from types import MappingProxyType
from typing import NamedTuple

from crm_pipeline.model.survivorship import GROUPS, SKEW, GroupRule

APP = "app"
"""The built-in connection that holds edits made through the API."""

MATCH_KEYS: Mapping[str, tuple[str, ...]] = MappingProxyType({
    "contacts": ("external_id", "email", "phone"),
    "companies": ("external_id", "tax_id", "email", "phone", "web"),
    "deals": ("external_id",),
    "products": ("external_id", "sku", "name"),
    "users": ("email",),
})  # fmt: skip
"""Keys by which records of an entity can be matched, the most trusted first; markers and people come before them."""

WITH_EXTERNAL_ID = tuple(entity for entity, keys in MATCH_KEYS.items() if "external_id" in keys)

CREATABLE = ("companies", "contacts", "products", "deals", "tasks", "communications")
"""Entities that can be created where they are missing."""

MAX_SHARING = 5


@dataclass(frozen=True, slots=True)
class Matching:
    """What counts as the same record."""

    max_sharing: int = MAX_SHARING
    """A key that more records of one connection share is no key (office phone)."""
    same_connection: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Entity → keys that may link two records of one connection; without, only a person does."""
    external_id: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Entity → connection → key or name of the custom field that holds an id of another system."""
    product_name: bool = False
    """Whether products match by exact name within a catalog."""
    stop_addresses: frozenset[str] = frozenset()
    """E-mails, phones and web domains that are never keys, beside the built-in ones; as written."""


class Ref(NamedTuple):
    """A record named by a person in the rules."""

    connection: str
    record: str
    """Its name or its external id."""


SameThings = tuple[tuple[Ref, ...], ...]
"""Groups of records that are one golden record."""


def default_fields(order: tuple[str, ...] = (), skew: timedelta = SKEW) -> dict[str, dict[str, GroupRule]]:
    """Return entity → group → its default rule, with the ties of all ended by `order`."""
    return {
        entity: {group.name: GroupRule(group.default, order, skew=skew) for group in groups} for entity, groups in GROUPS.items()
    }


@dataclass(frozen=True, slots=True)
class Rules:
    """Everything a person may decide about reconciling."""

    source_order: tuple[str, ...] = ()
    """Connection names, the most trusted first."""
    skew: timedelta = SKEW
    fields: Mapping[str, Mapping[str, GroupRule]] = field(default_factory=default_fields)
    """Entity → group → rule, complete."""
    matching: Matching = Matching()
    stages: SameThings = ()
    pipelines: SameThings = ()
    users: SameThings = ()
    create_missing: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Two-way connection → entities that are created there when only others have them."""

    @classmethod
    def default(cls) -> "Rules":
        """Return what holds without a rules file."""
        return cls()

    def rule(self, entity: str, group: str) -> GroupRule:
        """Return how a group is decided. Raises KeyError for a group that is not in `survivorship.GROUPS`."""
        return self.fields[entity][group]
