"""Which walk reads which stream in which mode. How each of them reads is in its own file.

| file | reads |
| --- | --- |
| `chains.py` | lists with a working filter, by time of change |
| `ladders.py` | page numbers by id: everything there is, when no chain can |
| `newest.py` | newest first until known ground, when the filter is off; windows of tasks |
| `feed.py` | events |
| `scans.py` | complete lists |
| `byid.py` | records by id |
"""

from collections.abc import Callable, Iterator

from crm_pipeline.connectors import Link, Stream
from crm_pipeline.connectors.amocrm.byid import Wanted, elements_by_id, found_in_list, portions, reread
from crm_pipeline.connectors.amocrm.chains import chain
from crm_pipeline.connectors.amocrm.feed import feed, note_place
from crm_pipeline.connectors.amocrm.frame import OPEN, OVERLAP, Frame, Ignored, open_frame, records_of
from crm_pipeline.connectors.amocrm.ladders import ladder
from crm_pipeline.connectors.amocrm.newest import newest_first, only_within, window_by_id
from crm_pipeline.connectors.amocrm.scans import SCANNED, scan
from crm_pipeline.connectors.amocrm.streams import FEED_OF, PRODUCTS, EventFeed, Listing, listing_of
from crm_pipeline.model.records import Page, Payload, WalkRequest

WHOLE = ("initial", "verify")
Walk = Callable[[Frame, Listing, int, int, Payload | None], Iterator[Page]]


def walk_stream(link: Link, stream: Stream, request: WalkRequest) -> Iterator[Page]:
    """Yield the pages of a stream."""
    frame = open_frame(link, request.resume)
    if request.mode == "record":
        return _by_id(frame, stream, request)
    if stream.name in SCANNED:
        return scan(frame, stream.name)
    if stream.name in FEED_OF:
        return _events(frame, FEED_OF[stream.name], request)
    return _list(frame, listing_of(stream.name, link.facts), request)


def _bounds(request: WalkRequest) -> tuple[int, int]:
    """Return the first and last second to read, inclusive."""
    if request.mode in WHOLE:
        return 0, OPEN
    since = int(request.since.timestamp()) if request.since else 0
    if request.mode == "incremental":
        return max(0, since - OVERLAP), OPEN
    until = request.until.timestamp() if request.until else None
    return since, OPEN if until is None else int(until) - (1 if until == int(until) else 0)


def _list(frame: Frame, listing: Listing, request: WalkRequest) -> Iterator[Page]:
    low, high = _bounds(request)
    resume = request.resume
    if not frame.notes.get("unfiltered") and _can_filter(frame, listing):
        filtered = _filtered(listing, request.mode)
        try:
            yield from filtered(frame, listing, low, high, resume)
            return
        except Ignored:
            frame.notes["unfiltered"] = True
        resume = None
    frame.notes["unfiltered"] = True
    yield from _unfiltered(frame, listing, request.mode, low, high, resume)


def _can_filter(frame: Frame, listing: Listing) -> bool:
    return not listing.needs_filter or frame.link.facts.get("filter_enabled") is not False


def _filtered(listing: Listing, mode: str) -> Walk:
    if listing.by_change:
        return chain
    return _ladder if mode in WHOLE else window_by_id


def _unfiltered(frame: Frame, listing: Listing, mode: str, low: int, high: int, resume: Payload | None) -> Iterator[Page]:
    if mode not in WHOLE and listing.by_change and not frame.notes.get("unordered"):
        try:
            yield from newest_first(frame, listing, low, high, resume)
            return
        except Ignored:
            frame.notes["unordered"] = True
        resume = None
    yield from only_within(low, high, ladder(frame, listing, resume))


def _ladder(frame: Frame, listing: Listing, low: int, high: int, resume: Payload | None) -> Iterator[Page]:
    return ladder(frame, listing, resume)


def _events(frame: Frame, events: EventFeed, request: WalkRequest) -> Iterator[Page]:
    """Yield what events tell. The first walk reads history only: what was deleted before it will not be found in any list."""
    every = (*events.deleted, *events.reread, *events.history)
    if request.mode not in WHOLE:
        low, high = _bounds(request)
        yield from feed(frame, events, low, high, request.resume, types=every)
        return
    if frame.started is None:
        note_place(frame, events, every)
    if events.history:
        yield from feed(frame, events, 0, OPEN, request.resume, types=events.history)
    else:
        yield frame.page([], None)


def _by_id(frame: Frame, stream: Stream, request: WalkRequest) -> Iterator[Page]:
    """Yield the records with these ids. Events have none of their own; a note not found in one list may be in another."""
    frame.begin(None, None)
    if stream.name in SCANNED:
        yield from _picked(frame, stream, request)
        return
    if stream.name in FEED_OF:
        return
    listing = listing_of(stream.name, frame.link.facts)
    if listing.single:
        records = reread(frame.client, Wanted(listing.kind, request.ids), frame.link)
    else:
        ids = [one.removeprefix(listing.prefix) for one in request.ids if one.startswith(listing.prefix)]
        found = [found_in_list(frame.client, listing, part) or {} for part in portions(ids)]
        records = records_of(listing)([row for part in found for row in part.values()])
    yield frame.page(records, None)


def _picked(frame: Frame, stream: Stream, request: WalkRequest) -> Iterator[Page]:
    """Yield those with these ids of a complete list; elements of catalogs can be asked for (facts: amocrm 3.3)."""
    elements = elements_by_id(frame.client, request.ids) if stream.name == PRODUCTS.name else None
    if elements is not None:
        yield frame.page(elements, None)
        return
    for page in scan(frame, stream.name):
        records = [record for record in page.records if record.external_id in request.ids]
        yield Page(tuple(records), page.resume, page.started_at, page.requests)
