"""Records re-read by id: a webhook hinted at them, they are about to be written, or a person asked.

Only a portal's clear word makes a tombstone. Where `get` tells "gone" from "no right" it is used; elsewhere the list is
asked for the id, and an empty list is all the word there is (facts: bitrix24 4.4, 4.8, 4.12, 5).
"""

import re
from collections.abc import Callable, Iterator, Sequence

from crm_pipeline.connectors import Link, Stream
from crm_pipeline.connectors.bitrix24.brackets import as_map
from crm_pipeline.connectors.bitrix24.client import Client
from crm_pipeline.connectors.bitrix24.details import attach, lists
from crm_pipeline.connectors.bitrix24.faces import Faces
from crm_pipeline.connectors.bitrix24.landing import COMMENT, comment_record, raw_records, tombstone
from crm_pipeline.connectors.bitrix24.payloads import NAME_OF_ENTITY, PAGE, TASK_SELECT, TYPE_OF_ENTITY, Extra, Listing, Params
from crm_pipeline.connectors.bitrix24.refusals import code_of, description_of
from crm_pipeline.connectors.bitrix24.replies import Command, Reply
from crm_pipeline.errors import RecordGone
from crm_pipeline.model.records import Page, RawRecord, WalkRequest

GONE = re.compile(r"not found|не найден", re.IGNORECASE)
"""The classic lists have one empty code for "gone" and "no right"; only these words are taken for "gone"."""


BULK = 500
"""Contacts, companies and deals of a page: ten commands of one request, and no more rows than a transaction should hold."""

Read = Callable[[Client, Sequence[str]], list[RawRecord]]


def walk_records(link: Link, client: Client, faces: Faces, stream: Stream, request: WalkRequest) -> Iterator[Page]:
    """Yield the records asked for, as they are now; what is gone comes as a tombstone, what may not be read not at all."""
    ids = [key for key in request.ids if _is_of(stream, key)]
    read, step = _reader(faces, stream), BULK if stream.name in NAME_OF_ENTITY else PAGE
    first = int((request.resume or {}).get("from", 0))
    for start in range(first, max(len(ids), first + 1), step):
        spent = link.http.requests_made
        found = read(client, ids[start : start + step]) if start < len(ids) else []
        resume = {"from": start + step} if start + step < len(ids) else None
        yield Page(tuple(found), resume, client.clock(), link.http.requests_made - spent)


def _is_of(stream: Stream, key: str) -> bool:
    """Communications have two streams; their external ids tell which one an id is of."""
    return key.startswith(COMMENT) == (stream.name == "comments") and key.removeprefix(COMMENT).isdigit()


def _reader(faces: Faces, stream: Stream) -> Read:
    if stream.name == "comments":
        return _read_comments
    if stream.name == "stage_history":
        return lambda client, deals: _read_history(client, faces.listing("stage_changes"), deals)
    if stream.name == "activities":
        return lambda client, ids: _read_listed(client, (faces.listing("communications"),), ids)
    if stream.name == "products":
        return lambda client, ids: _read_listed(client, faces.products(), ids)
    one_by_one = stream.name not in NAME_OF_ENTITY
    read = _read_each if one_by_one else _read_together
    return lambda client, ids: read(client, faces.listing(stream.name), _getter(faces, stream.name), ids)


def _getter(faces: Faces, kind: str) -> Callable[[str], Command]:
    """Return what makes the `get` command of one record."""
    if kind == "tasks":
        return lambda key: ("tasks.task.get", {"taskId": key, "select": TASK_SELECT})
    if faces.items:
        return lambda key: ("crm.item.get", {"entityTypeId": TYPE_OF_ENTITY[kind], "id": key})
    return lambda key: (f"crm.{NAME_OF_ENTITY[kind]}.get", {"id": key})


def _read_each(client: Client, listing: Listing, getter: Callable[[str], Command], ids: Sequence[str]) -> list[RawRecord]:
    replies = client.batch({f"g{key}": getter(key) for key in dict.fromkeys(ids)})
    rows = {key: _row(replies[f"g{key}"], listing) for key in dict.fromkeys(ids)}
    live = [row for row in rows.values() if row]
    attach(client, listing, live)
    gone = [key for key, row in rows.items() if not row and _is_gone(replies[f"g{key}"])]
    return raw_records(listing, live, client.offset) + [tombstone(listing.kind, key) for key in gone]


def _read_together(client: Client, listing: Listing, getter: Callable[[str], Command], ids: Sequence[str]) -> list[RawRecord]:
    """Ask the list for fifty ids a command; only what it leaves out is asked for one by one, to tell "gone" from "no right"."""
    keys = list(dict.fromkeys(ids))
    parts = [keys[start : start + PAGE] for start in range(0, len(keys), PAGE)]
    asked = {
        f"p{n}": (listing.call, listing.parameters({f"@{listing.id}": list(map(int, part))})) for n, part in enumerate(parts)
    }
    replies = client.batch(asked) if asked else {}
    rows = [row for reply in replies.values() if reply.ruled is None for row in listing.rows(reply.result)]
    wanted = set(keys)
    live = {key: row for row in rows if (key := str(row.get(listing.row_id))) in wanted}
    attach(client, listing, list(live.values()))
    found = {record.external_id: record for record in raw_records(listing, live.values(), client.offset)}
    left = [key for key in keys if key not in found]
    for start in range(0, len(left), PAGE):
        found |= {one.external_id: one for one in _read_each(client, listing, getter, left[start : start + PAGE])}
    return [found[key] for key in keys if key in found]


def _row(reply: Reply, listing: Listing) -> Params | None:
    """Return the record of a `get`: bare, or under `item` or `task`; None when there is none."""
    result = as_map(reply.result)
    inner = next((as_map(result[key]) for key in ("item", "task") if key in result), result)
    return inner if inner.get(listing.row_id) else None


def _is_gone(reply: Reply) -> bool:
    """Tell "gone" from "no right"; a connection that is stopped altogether is raised.

    `tasks.task.get` answers `[]` for a task that is gone.
    """
    if reply.ruled is None:
        return True
    if reply.ruled.action != "refuse":
        reply.or_raise("get")
    return reply.ruled.error is RecordGone or (code_of(reply.body) == "" and bool(GONE.search(description_of(reply.body))))


def _read_listed(client: Client, listings: Sequence[Listing], ids: Sequence[str]) -> list[RawRecord]:
    """Ask the lists for single ids; an id no list knows is gone."""
    found: dict[str, RawRecord] = {}
    for listing in listings:
        commands = {f"l{key}": (listing.call, listing.parameters({listing.id: int(key)})) for key in dict.fromkeys(ids)}
        replies = client.batch(commands)
        rows = [row for reply in replies.values() for row in listing.rows(reply.or_raise(listing.call))]
        wanted = [row for row in rows if str(row.get(listing.row_id)) in ids]
        attach(client, listing, wanted)
        found |= {record.external_id: record for record in raw_records(listing, wanted, client.offset)}
    return [found.get(key) or tombstone(listings[0].kind, key) for key in dict.fromkeys(ids)]


def _read_history(client: Client, listing: Listing, deals: Sequence[str]) -> list[RawRecord]:
    """Read the whole stage history of these deals."""
    asked = Extra(
        "history", listing.call, listing.path, "filter.OWNER_ID", {"entityTypeId": 2, "order": {"ID": "ASC"}, "filter": {}}
    )
    found = lists(client, [(asked, int(key)) for key in deals])
    rows = [row for rows in found for row in rows or () if str(row.get("OWNER_ID")) in deals]
    return raw_records(listing, rows, client.offset)


def _read_comments(client: Client, ids: Sequence[str]) -> list[RawRecord]:
    """Read single comments; a portal without `crm.timeline.comment.get` gives none, and the next walk brings them."""
    keys = [key.removeprefix(COMMENT) for key in dict.fromkeys(ids)]
    replies = client.batch({f"c{key}": ("crm.timeline.comment.get", {"id": int(key)}) for key in keys})
    rows = {key: as_map(replies[f"c{key}"].result) for key in keys}
    live = [comment_record(row, client.offset) for row in rows.values() if row.get("ID")]
    gone = [key for key, row in rows.items() if not row and replies[f"c{key}"].ruled and _is_gone(replies[f"c{key}"])]
    return live + [tombstone("communications", f"{COMMENT}{key}") for key in gone]
