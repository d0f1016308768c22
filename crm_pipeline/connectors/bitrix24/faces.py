"""Which faces a portal shows: `crm.item.*` or the classic lists, `catalog.*` or `crm.product.*`, which times its filters take.

The account check finds out and keeps it in the connection's facts; a walk without those facts finds out itself. What belongs
here: choosing. The listings chosen from are in `payloads`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from crm_pipeline.connectors.bitrix24 import payloads
from crm_pipeline.connectors.bitrix24.brackets import as_list, as_map
from crm_pipeline.connectors.bitrix24.client import Client
from crm_pipeline.connectors.bitrix24.payloads import Extra, Listing
from crm_pipeline.connectors.bitrix24.replies import Command, Reply
from crm_pipeline.connectors.bitrix24.times import Span
from crm_pipeline.model.cleaning import moment

PROBES: dict[str, Command] = {
    "items": ("crm.item.list", {"order": {"id": "DESC"}, "entityTypeId": 3, "select": ["id"], "start": -1}),
    "catalogs": ("catalog.catalog.list", {}),
}
"""Commands whose answers tell which faces there are; other questions may travel in the same batch."""


@dataclass(frozen=True, slots=True)
class Faces:
    """What a portal offers."""

    items: bool = True
    iblocks: tuple[int, ...] = ()
    catalog: bool = False
    times: Mapping[str, str] = field(default_factory=dict)
    """Kind → how modification times are written in its filters."""

    @classmethod
    def from_facts(cls, facts: Mapping[str, Any]) -> "Faces | None":
        """Read what the account check kept; None when there was none."""
        if "item_api" not in facts:
            return None
        iblocks = tuple(int(number) for number in facts.get("catalog_iblocks") or ())
        return cls(bool(facts["item_api"]), iblocks, bool(facts.get("catalog_api")), dict(facts.get("filter_times") or {}))

    @classmethod
    def from_replies(cls, replies: Mapping[str, Reply]) -> "Faces":
        """Read the answers to `PROBES`."""
        catalogs = as_list(as_map(replies["catalogs"].result).get("catalogs"))
        numbers = (as_map(row).get("iblockId") or as_map(row).get("id") for row in catalogs)
        iblocks = tuple(sorted({int(found) for number in numbers if (found := str(number)).isdigit()}))
        return cls(replies["items"].ruled is None, iblocks, replies["catalogs"].ruled is None and bool(iblocks))

    def as_facts(self) -> dict[str, Any]:
        """Return the JSON-able form `from_facts` reads."""
        return {
            "item_api": self.items,
            "catalog_api": self.catalog,
            "catalog_iblocks": list(self.iblocks),
            "filter_times": dict(self.times),
        }

    def listing(self, kind: str) -> Listing:
        """Return the listing of contacts, companies, deals, tasks, activities (`communications`) or stage history."""
        if kind in _SINGLE:
            return _SINGLE[kind]
        extras = (_ITEM_EXTRAS if self.items else _CLASSIC_EXTRAS).get(kind, ())
        make = payloads.item_listing if self.items else payloads.classic_listing
        return make(kind, extras, 20 if extras else payloads.PAGE)

    def products(self) -> tuple[Listing, ...]:
        """Return one listing per catalog, or the classic one."""
        if self.catalog:
            return tuple(payloads.catalog_listing(iblock) for iblock in self.iblocks)
        return (payloads.CLASSIC_PRODUCTS,)

    def owners(self, entity: str, *, by_activity: bool = False) -> Listing:
        """Return the listing of ids of those that may own comments, by modification or by last activity."""
        if self.items:
            return payloads.owner_listing(entity, "lastActivityTime" if by_activity else "updatedTime")
        return payloads.classic_owner_listing(entity, "LAST_ACTIVITY_TIME" if by_activity else "DATE_MODIFY")


_SINGLE = {"tasks": payloads.TASKS, "communications": payloads.ACTIVITIES, "stage_changes": payloads.STAGE_HISTORY}
_ITEM_EXTRAS: dict[str, tuple[Extra, ...]] = {"deals": (payloads.ITEM_ROWS,)}
_CLASSIC_EXTRAS: dict[str, tuple[Extra, ...]] = {
    "deals": (payloads.CLASSIC_ROWS, payloads.DEAL_CONTACTS),
    "contacts": (payloads.CONTACT_COMPANIES,),
}


def faces_of(client: Client, facts: Mapping[str, Any]) -> Faces:
    """Return the faces from the facts, or ask the portal."""
    known = Faces.from_facts(facts)
    if known:
        return known
    faces = Faces.from_replies(client.batch(PROBES))
    return Faces(faces.items, faces.iblocks, faces.catalog, probe_times(client, faces))


def probe_times(client: Client, faces: Faces) -> dict[str, str]:
    """Ask for one row of each kind by its own modification time and keep the form that brings it back (facts: bitrix24 5).

    Two questions per form: `>=` its time must find it, `<` its time must not. Kinds without a row are left out.
    """
    listings = [faces.listing(kind) for kind in ("contacts", "companies", "deals", "tasks", "communications")]
    listings += faces.products()[:1]
    newest = client.batch({item.kind: (item.call, item.parameters({}, descending=True)) for item in listings})
    samples = [(item, rows[0]) for item in listings if (rows := item.rows(newest[item.kind].result))]
    asked = {name: command for item, row in samples for name, command in _questions(client, item, row).items()}
    replies = client.batch(asked) if asked else {}
    return {item.kind: _answer(replies, item) for item, _ in samples if f"{item.kind}_iso_in" in replies}


def _questions(client: Client, listing: Listing, row: payloads.Params) -> dict[str, Command]:
    at = moment(row.get(listing.row_changed), client.offset)
    if at is None:
        return {}
    own = {listing.id: row[listing.row_id]}
    asked: dict[str, Command] = {}
    for form in ("iso", "naive"):
        written = Span(at, offset=client.offset, form=form).written(at)
        asked[f"{listing.kind}_{form}_in"] = (listing.call, listing.parameters(own | {f">={listing.changed}": written}))
        asked[f"{listing.kind}_{form}_out"] = (listing.call, listing.parameters(own | {f"<{listing.changed}": written}))
    return asked


def _answer(replies: Mapping[str, Reply], listing: Listing) -> str:
    """Return the first form that finds the row and only then; a naive time may be off by an hour, so being found is enough."""

    def found(form: str, side: str) -> Sequence[Any]:
        return listing.rows(replies[f"{listing.kind}_{form}_{side}"].result)

    if found("iso", "in") and not found("iso", "out"):
        return "iso"
    return "naive" if found("naive", "in") and not found("naive", "out") else "none"
