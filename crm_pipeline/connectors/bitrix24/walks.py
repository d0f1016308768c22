"""The walks of the big lists: their parts, what is read beside the rows, and where an interrupted walk goes on.

A walk has *parts* read one after the other (one listing each: products have one per catalog, comments one per kind of
owner); within a part ranges of ids are read several at once (`keyset`). Its state is JSON: the start, the part, and the
ranges not yet landed. Small lists are in `reference`, single records in `single`.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from crm_pipeline.connectors import Link, Stream
from crm_pipeline.connectors.bitrix24.client import Client
from crm_pipeline.connectors.bitrix24.comments import comments_of
from crm_pipeline.connectors.bitrix24.details import attach
from crm_pipeline.connectors.bitrix24.faces import Faces
from crm_pipeline.connectors.bitrix24.keyset import KeysetReader, whole
from crm_pipeline.connectors.bitrix24.landing import raw_records
from crm_pipeline.connectors.bitrix24.payloads import PAGE, Listing, Params
from crm_pipeline.connectors.bitrix24.replies import Command
from crm_pipeline.connectors.bitrix24.times import OVERLAP, Span
from crm_pipeline.model.cleaning import moment
from crm_pipeline.model.records import Page, Payload, RawRecord, WalkRequest
from crm_pipeline.walk import Range, Step, walk

Finish = Callable[[Client, Sequence[Params]], list[RawRecord]]


@dataclass(frozen=True, slots=True)
class Part:
    """One listing of a walk. `finish` makes raw records of its rows, reading what belongs to them; it runs in the workers."""

    name: str
    listing: Listing
    finish: Finish
    bounded: bool = True
    """The window's end applies to its rows; owners of comments may have changed later than the comment was written."""


def parts_of(stream: Stream, faces: Faces, request: WalkRequest) -> tuple[Part, ...]:
    """Return what a walk of this stream reads."""
    if stream.name == "comments":
        return _comment_parts(faces, request)
    if stream.name == "products":
        return tuple(_records(listing, f"{listing.call}:{listing.filters.get('iblockId', '')}") for listing in faces.products())
    return (_records(faces.listing(_KINDS[stream.name])),)


_KINDS = {
    "companies": "companies", "contacts": "contacts", "deals": "deals", "stage_history": "stage_changes", "tasks": "tasks",
    "activities": "communications",
}  # fmt: skip


def _records(listing: Listing, name: str = "") -> Part:
    def finish(client: Client, rows: Sequence[Params]) -> list[RawRecord]:
        attach(client, listing, rows)
        return raw_records(listing, rows, client.offset)

    return Part(name or listing.kind, listing, finish)


def _comment_parts(faces: Faces, request: WalkRequest) -> tuple[Part, ...]:
    """Comments have no list of their own: those of every owner, or of owners that changed or were active since."""
    ways = (False,) if request.mode in ("initial", "verify") else (False, True)
    return tuple(
        _comments(faces.owners(entity, by_activity=way), f"{entity}:{'activity' if way else 'changed'}", entity, request)
        for entity in ("contacts", "companies", "deals")
        for way in ways
    )


def _comments(listing: Listing, name: str, entity: str, request: WalkRequest) -> Part:
    def finish(client: Client, rows: Sequence[Params]) -> list[RawRecord]:
        return _wanted(comments_of(client, [(entity, row[listing.row_id]) for row in rows]), request)

    return Part(name, listing, finish, bounded=False)


def _wanted(comments: Sequence[RawRecord], request: WalkRequest) -> list[RawRecord]:
    """Return the comments that were written within the window, if one is asked for."""
    return [found for found in comments if request.mode != "window" or _within(found.remote_created_at, request)]


def _within(at: datetime | None, request: WalkRequest) -> bool:
    early = at is None or (request.since is not None and at < request.since)
    return not early and (request.until is None or (at is not None and at < request.until))


def walk_comments(link: Link, client: Client, faces: Faces, parts: Sequence[Part], request: WalkRequest) -> Iterator[Page]:
    """Yield the comments of owners that changed or were active: one batch asks all lists of owners at once, and only those
    longer than a page are walked."""
    spent = link.http.requests_made
    if request.resume is None:
        owners, longer = _first_pages(client, faces, parts, request)
        found = _wanted(comments_of(client, owners), request)
        state = _state(client.clock(), longer[0].name, ()) if longer else None
        yield Page(tuple(found), state, client.clock(), link.http.requests_made - spent)
        parts, request = longer, replace(request, resume=state)
    if parts:
        yield from walk_parts(link, client, faces, parts, request)


def _first_pages(
    client: Client, faces: Faces, parts: Sequence[Part], request: WalkRequest
) -> tuple[list[tuple[str, str]], list[Part]]:
    """Return the owners of the lists that fit one page, each owner once, and the parts whose lists do not."""
    spans = [span_of(client, faces, part, request) for part in parts]
    asked = {f"o{number}": _first_page(part.listing, span) for number, (part, span) in enumerate(zip(parts, spans, strict=True))}
    replies = client.batch(asked)
    owners: dict[tuple[str, str], None] = {}
    longer: list[Part] = []
    for part, span, reply in zip(parts, spans, replies.values(), strict=True):
        listing, rows = part.listing, part.listing.rows(reply.or_raise(part.listing.call))
        if len(rows) >= PAGE or reply.next or (span and not span.honoured(rows, listing, span.form)):
            longer.append(part)
        else:
            owners |= {(listing.kind, str(row[listing.row_id])): None for row in rows}
    return list(owners), longer


def _first_page(listing: Listing, span: Span | None) -> Command:
    return listing.call, listing.parameters(span.filters(listing) if span else {})


def walk_parts(link: Link, client: Client, faces: Faces, parts: Sequence[Part], request: WalkRequest) -> Iterator[Page]:
    """Yield the pages of these parts; the last page, possibly empty, has no `resume`."""
    state = request.resume or {"part": parts[0].name}
    started = moment(state.get("started"))
    names = [part.name for part in parts]
    first = names.index(state["part"]) if state["part"] in names else 0
    spent = link.http.requests_made
    for number, part in enumerate(parts[first:], start=first):
        ranges = _ranges(state.get("ranges")) if number == first else None
        following = names[number + 1] if number + 1 < len(names) else None
        for records, remaining in _landings(link, client, faces, part, request, ranges):
            started = started or client.clock()
            resume = _state(started, part.name if remaining else following, remaining)
            warnings = tuple(client.left_out.values())
            yield Page(tuple(records), resume, started, link.http.requests_made - spent, warnings)
            spent = link.http.requests_made


def _landings(
    link: Link, client: Client, faces: Faces, part: Part, request: WalkRequest, ranges: list[Range] | None
) -> Iterator[tuple[Sequence[RawRecord], tuple[Range, ...]]]:
    """Read one part; a part always lands once, so that its end is known even when it is empty."""
    span = span_of(client, faces, part, request)
    reader = KeysetReader(client, part.listing, span)

    def fetch(asked: Range) -> Step:
        rows, step = reader.step(asked)
        return Step(part.finish(client, rows) if rows else (), step.rest)

    for landing in walk(fetch, ranges or [whole()], in_flight=link.in_flight, split=reader.split):
        if landing.rows or not landing.remaining:
            yield landing.rows, landing.remaining


def span_of(client: Client, faces: Faces, part: Part, request: WalkRequest) -> Span | None:
    """Return the span of modification times a walk is limited to; None: everything."""
    if request.mode not in ("incremental", "window") or request.since is None or not part.listing.changed:
        return None
    since = request.since - (OVERLAP if request.mode == "incremental" else timedelta())
    until = _whole_second(request.until) if request.mode == "window" and part.bounded and request.until else None
    return Span(since.replace(microsecond=0), until, client.offset, faces.times.get(part.listing.kind, "iso"))


def _whole_second(end: datetime) -> datetime:
    """Return an exclusive end rounded up: portals know whole seconds only, and one that has begun is within."""
    return end if not end.microsecond else end.replace(microsecond=0) + timedelta(seconds=1)


def _ranges(written: Any) -> list[Range]:
    return [Range(int(low), int(high), hint) for low, high, hint in written or ()]


def _state(started: datetime, part: str | None, remaining: Sequence[Range]) -> Payload | None:
    if part is None:
        return None
    ranges = [[found.low, found.high, found.hint] for found in remaining]
    return {"started": started.isoformat(), "part": part, "ranges": ranges}
