"""The rows and columns Dagster multiplies: CRMs × entities, and in which order and by which need they are loaded."""

from collections.abc import Mapping

import dagster as dg

from crm_pipeline.connectors import Connector
from crm_pipeline.model.entities import COLUMNS, ENTITIES, GOLDEN, REFERENCE
from crm_pipeline.model.golden import LINKS, REFERENCES, TARGET

NEEDS: dict[str, tuple[str, ...]] = {
    "stages": ("pipelines",),
    **dict.fromkeys(("companies", "contacts", "tasks", "communications"), ("custom_fields",)),
    "products": ("custom_fields",),
    "deals": ("custom_fields", "stages", "products"),
}
"""Entity → what must be loaded before it can be normalized in full."""

ABOUT = {
    "users": "People of the account, who own records.",
    "pipelines": "Sales pipelines.",
    "stages": "Stages of the pipelines, each open, won or lost.",
    "custom_fields": "Definitions of the account's own fields.",
    "companies": "Companies with their phones and e-mails.",
    "contacts": "People with their phones, e-mails and messengers.",
    "products": "The product catalogue.",
    "deals": "Deals with contacts, product rows and the history of their stages.",
    "tasks": "Tasks and what they are about.",
    "communications": "Calls, messages, meetings and notes.",
}


def entities_of(connector: Connector) -> tuple[str, ...]:
    """Return the entities a connector has streams for, in load order."""
    own = {stream.entity for stream in connector.streams}
    return tuple(entity for entity in ENTITIES if entity in own)


def windowed_entities(connector: Connector) -> tuple[str, ...]:
    """Return the entities of which a period can be read again, in load order."""
    own = {stream.entity for stream in connector.streams if stream.windowed}
    return tuple(entity for entity in ENTITIES if entity in own)


def written_entities(connector: Connector) -> tuple[str, ...]:
    """Return the entities that can be written of a CRM, in load order; none of one whose connector only reads."""
    own = getattr(connector, "writable", {})  # a connector of another package may be older than writing
    return tuple(entity for entity in GOLDEN if entity in own)


def sources_of(connectors: Mapping[str, Connector], entity: str) -> list[dg.AssetKey]:
    """Return `source/<crm>/<entity>` of every CRM that has the entity."""
    return [dg.AssetKey(["source", crm, entity]) for crm, found in connectors.items() if entity in entities_of(found)]


def golden_needs(entity: str) -> list[dg.AssetKey]:
    """Return `crm/<entity>` of what an entity's golden records refer to; all of it comes earlier in load order."""
    columns = set(COLUMNS[entity])
    led_to = {to for column, to in REFERENCES.items() if column in columns} | {links.to for links in LINKS.get(entity, ())}
    if TARGET in columns:
        led_to |= {"companies", "contacts", "deals"}
    return [dg.AssetKey(["crm", need]) for need in GOLDEN if need in led_to]


def priority(entity: str) -> str:
    """Return the value of the tag `dagster/priority` that keeps steps in load order, reference entities first."""
    return str(10 * (len(ENTITIES) - ENTITIES.index(entity)) + (1000 if entity in REFERENCE else 0))
