"""Records by their ids: in bulk where the filter works, else one by one; what is not there any more is a tombstone."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from crm_pipeline.connectors import Link
from crm_pipeline.connectors.amocrm.client import Client
from crm_pipeline.connectors.amocrm.payloads import CATALOG_ID, named, raw_record, tombstone
from crm_pipeline.connectors.amocrm.scans import product_catalogs
from crm_pipeline.connectors.amocrm.streams import LISTINGS, Listing
from crm_pipeline.model.records import Payload, RawRecord

MOST_IDS = 150
"""In one address: more would come near the eight kilobytes a web server takes."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which records to read again. `gone`: those an event already called deleted; a bulk answer without them is believed."""

    kind: str
    ids: tuple[str, ...]
    gone: frozenset[str] = field(default_factory=frozenset)


def reread(client: Client, wanted: Wanted, link: Link) -> list[RawRecord]:
    """Return the records as they are now."""
    listing = next(listing for listing in LISTINGS if listing.kind == wanted.kind)
    return [record for part in portions(wanted.ids) for record in _portion(client, listing, part, wanted.gone, link)]


def portions(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    """Cut ids into portions one request can carry; what cannot be an amoCRM id is left out."""
    usable = [one for one in dict.fromkeys(ids) if one.isdigit() and one.isascii()]
    return (usable[start : start + MOST_IDS] for start in range(0, len(usable), MOST_IDS))


def found_in_list(client: Client, listing: Listing, ids: Sequence[str]) -> dict[str, Payload] | None:
    """Return those of the ids a list holds, None when it ignores the filter."""
    params = [*listing.params, *(("filter[id][]", one) for one in ids)]
    rows = client.sure_page(listing.path, listing.key, params, tries=2).rows
    found = {named(row): row for row in rows}
    return found if found.keys() <= set(ids) else None


def _portion(client: Client, listing: Listing, ids: Sequence[str], gone: frozenset[str], link: Link) -> list[RawRecord]:
    filters = not listing.needs_filter or link.facts.get("filter_enabled") is not False
    found = found_in_list(client, listing, ids) if filters and len(ids) > 1 else None
    believed = gone if found is not None else frozenset()
    return [_record(client, listing, one, (found or {}).get(one), one in believed) for one in ids]


def _record(client: Client, listing: Listing, external_id: str, row: Payload | None, is_gone: bool) -> RawRecord:
    """Return a record, asking for it alone when the bulk answer did not have it: lists lag behind."""
    if row is None and not is_gone:
        row = client.one(f"{listing.single}/{external_id}", listing.params)
    return raw_record(listing.kind, row, external_id) if row is not None else tombstone(listing.kind, external_id)


def elements_by_id(client: Client, ids: Sequence[str]) -> list[RawRecord] | None:
    """Return elements of catalogs of products; None when a list ignores the filter and has to be read whole."""
    found: list[RawRecord] = []
    for catalog in product_catalogs(client):
        for part in portions(ids):
            params = [("filter[id][]", one) for one in part]
            rows = client.sure_page(f"/api/v4/catalogs/{catalog}/elements", "elements", params, tries=2).rows
            if not set(map(named, rows)) <= set(part):
                return None
            found += [raw_record("products", {CATALOG_ID: int(catalog), **row}) for row in rows]
    return found
