"""The lists of amoCRM that are read, one row each, in load order. How each is walked is in the walks.

A stream of events stands before the list it watches: its first walk only notes where the events are, so that whatever is
deleted while the list is read for the first time is found by the next walk of the events.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from crm_pipeline.connectors import Stream
from crm_pipeline.connectors.amocrm.client import Params


@dataclass(frozen=True, slots=True)
class Listing:
    """A list that knows when its rows changed."""

    stream: Stream
    path: str
    key: str
    """Name in `_embedded`."""
    params: Params = ()
    deletions: tuple[str, ...] = ()
    """Event types that tell of rows leaving or entering the list."""
    by_change: bool = True
    """Can be ordered by `updated_at`; tasks cannot (facts: amocrm 3.3)."""
    needs_filter: bool = True
    """Its filter is the paid extra an account may have switched off (facts: amocrm 0.2)."""
    tag: tuple[tuple[str, str], ...] = ()
    """Added to each row."""
    single: str = ""
    """Address of one row, empty where an id alone does not find it."""
    prefix: str = ""
    """Put before the id to make the external id."""

    @property
    def kind(self) -> str:
        """Return the raw kind of its rows."""
        return self.stream.kinds[0]


@dataclass(frozen=True, slots=True)
class EventFeed:
    """A stream of events: which types concern records of which kind."""

    stream: Stream
    kind: str
    """Kind of the records the events tell of."""
    deleted: tuple[str, ...]
    reread: tuple[str, ...] = ()
    """Types after which the records named are read again."""
    history: tuple[str, ...] = ()
    """Types landed themselves."""


def _stream(
    name: str, entity: str, *kinds: str, complete: bool = False, windowed: bool = True, auxiliary: bool = False
) -> Stream:
    return Stream(name, entity, kinds or (entity,), complete, windowed, auxiliary, small_pages=True)


USERS = _stream("users", "users", complete=True, windowed=False, auxiliary=True)
PIPELINES = _stream("pipelines", "pipelines", complete=True, windowed=False)
STAGES = _stream("stages", "stages", complete=True, windowed=False)
CUSTOM_FIELDS = _stream("custom_fields", "custom_fields", complete=True, windowed=False, auxiliary=True)
PRODUCTS = _stream("catalog_elements", "products", complete=True, windowed=False, auxiliary=True)

LINKS = ("entity_linked", "entity_unlinked")
OLD_LINKS = tuple(f"{name}_{verb}" for name in ("lead", "contact", "company") for verb in ("linked", "unlinked"))
"""Older names of the same (facts: amocrm 4.12: `*_linked`); an account that does not know them refuses the filter."""


def _watch(name: str, kind: str, singular: str, *, history: tuple[str, ...] = (), kinds: tuple[str, ...] = ()) -> EventFeed:
    stream = _stream(name, kind, *(kinds or (kind,)), auxiliary=True)
    return EventFeed(
        stream, kind, (f"{singular}_deleted",), (f"{singular}_restored", "entity_merged", *LINKS, *OLD_LINKS), history
    )


def _changes(singular: str) -> tuple[str, ...]:
    return (f"{singular}_deleted", f"{singular}_restored", "entity_merged")


LEAD_WITH = "contacts,catalog_elements,loss_reason,source"

FEEDS = (
    _watch("company_events", "companies", "company"),
    _watch("contact_events", "contacts", "contact"),
    _watch("lead_events", "deals", "lead", history=("lead_status_changed",), kinds=("stage_changes", "deals")),
    EventFeed(_stream("task_events", "tasks", auxiliary=True), "tasks", ("task_deleted",)),
    EventFeed(_stream("note_events", "communications", auxiliary=True), "communications", ("common_note_deleted",)),
)


def _entities(plural: str, entity: str, singular: str, params: Params = ()) -> Listing:
    path = f"/api/v4/{plural}"
    return Listing(_stream(plural, entity), path, plural, params, deletions=_changes(singular), single=path)


def _notes(plural: str, singular: str) -> Listing:
    return Listing(
        _stream(f"{singular}_notes", "communications"), f"/api/v4/{plural}/notes", "notes",
        deletions=("common_note_deleted",), needs_filter=False, tag=(("entity_type", plural),),
    )  # fmt: skip


LISTINGS = (
    _entities("companies", "companies", "company"),
    _entities("contacts", "contacts", "contact"),
    _entities("leads", "deals", "lead", (("with", LEAD_WITH),)),
    Listing(
        _stream("tasks", "tasks"), "/api/v4/tasks", "tasks",
        deletions=("task_deleted",), by_change=False, needs_filter=False, single="/api/v4/tasks",
    ),
    _notes("leads", "lead"),
    _notes("contacts", "contact"),
    _notes("companies", "company"),
)  # fmt: skip

FEED_OF = {feed.stream.name: feed for feed in FEEDS}
LISTING_OF = {listing.stream.name: listing for listing in LISTINGS}
NOTE_LISTINGS = tuple(listing for listing in LISTINGS if listing.tag)


def note_prefix(owners: str, facts: Mapping[str, Any]) -> str:
    """Return what makes the ids of notes of these owners unique: nothing where all notes are numbered together."""
    return f"{owners}:" if facts.get("notes_numbered_apart") and owners in ("contacts", "companies") else ""


def listing_of(name: str, facts: Mapping[str, Any]) -> Listing:
    """Return a stream's listing as this account has it."""
    listing = LISTING_OF[name]
    return replace(listing, prefix=note_prefix(dict(listing.tag)["entity_type"], facts)) if listing.tag else listing


def _in_load_order() -> tuple[Stream, ...]:
    watched = {feed.stream.entity: feed.stream for feed in FEEDS}
    ordered = [USERS, PIPELINES, STAGES, CUSTOM_FIELDS]
    for listing in LISTINGS:
        entity = listing.stream.entity
        if entity == "deals":
            ordered.append(PRODUCTS)
        if entity in watched:
            ordered.append(watched.pop(entity))
        ordered.append(listing.stream)
    return tuple(ordered)


STREAMS = _in_load_order()
