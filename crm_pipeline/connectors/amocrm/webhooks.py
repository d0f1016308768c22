"""Webhooks: having them delivered, and a form body → hints which records to read again (facts: amocrm 8).

A webhook is unsigned, unordered, repeated, and never the whole record, so nothing in it is believed but that something
happened to a record. Keys are PHP brackets: `leads[update][0][id]=7301`.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

import orjson

from crm_pipeline.connectors import Link, Registration, is_former
from crm_pipeline.connectors.amocrm.client import Client
from crm_pipeline.connectors.amocrm.payloads import rows_of
from crm_pipeline.errors import AccessDenied, RecordGone, RequestRefused
from crm_pipeline.model.cleaning import flag, reference
from crm_pipeline.model.hints import Hint, Notice

MOST_PARTS = 20_000
MOST_DEPTH = 12
_BRACKET = re.compile(r"\[([^\[\]]*)\]")
_ENTITY = {"leads": "deals", "contacts": "contacts", "companies": "companies", "task": "tasks", "tasks": "tasks"}
_NOTE_OWNER = {"1": "contacts", "2": "deals", "3": "companies"}


_CHANGED_AT = ("updated_at", "last_modified", "created_at", "date_create")
_PATH = "/api/v4/webhooks"
_EVENTS = tuple(
    f"{action}_{subject}"
    for subject in ("lead", "contact", "company")
    for action in ("add", "update", "delete", "restore", "responsible", "note")
)
SETTINGS = (*_EVENTS, "status_lead", "add_task", "delete_task", "responsible_task", "update_task")
"""What we want to hear of (facts: amocrm 8.1)."""
NOT_EVERYWHERE = frozenset({"update_task"})
"""Not in Kommo's list of events."""
SWITCHED_OFF = "amoCRM had switched the webhook off after too many bad answers; it was registered again."
STILL_OFF = "amoCRM keeps the webhook switched off: switch it on in the account's settings (Integrations, Webhooks)."


@dataclass(frozen=True, slots=True)
class Delivery:
    """What a webhook says: of which account, about which records."""

    account_id: str | None
    hints: tuple[Hint, ...]


def read(body: bytes, account_id: str | None) -> Notice:
    """Read one delivery of an account. Raises AccessDenied when it says that it is of another."""
    found = parse(body)
    if account_id and found.account_id and found.account_id != account_id:
        raise AccessDenied("The delivery is of another account.")
    return Notice(found.hints, repeats=True)


def register(link: Link, address: str) -> Registration:
    """Have changes delivered to an address: sent again it only changes the settings (facts: amocrm 8.1)."""
    client = Client(link)
    try:
        known = _known(client)
        for row in known:
            if is_former(row.get("destination"), address):
                _drop(client, str(row["destination"]))
        was_off = any(row.get("destination") == address and flag(row.get("disabled")) for row in known)
        return _subscribed(client, address, was_off)
    except (AccessDenied, RequestRefused) as error:
        return Registration("refused", f"amoCRM does not take the webhook, changes are found at the next sync only: {error}")


def unregister(link: Link, address: str) -> None:
    """Have nothing delivered there any more."""
    _drop(Client(link), address)


def _subscribed(client: Client, address: str, was_off: bool) -> Registration:
    """Subscribe; whether that switches a webhook on that was switched off is not known, so it is made anew then (facts: 8.3)."""
    row = _post(client, address)
    if flag(row.get("disabled")):
        _drop(client, address)
        row = _post(client, address)
    if flag(row.get("disabled")):
        return Registration("refused", STILL_OFF)
    return Registration("registered", SWITCHED_OFF if was_off else None)


def _post(client: Client, address: str) -> Mapping[str, Any]:
    try:
        answer = client.write("POST", _PATH, _wanted(address, SETTINGS), lane="interactive")
    except RequestRefused as error:
        if error.status not in (400, 422):
            raise
        everywhere = [code for code in SETTINGS if code not in NOT_EVERYWHERE]
        answer = client.write("POST", _PATH, _wanted(address, everywhere), lane="interactive")
    return answer.json if isinstance(answer.json, Mapping) else {}


def _wanted(address: str, settings: Sequence[str]) -> dict[str, Any]:
    return {"destination": address, "settings": list(settings)}


def _known(client: Client) -> list[Mapping[str, Any]]:
    return list(rows_of(client.get(_PATH, lane="interactive").json, "webhooks"))


def _drop(client: Client, address: str) -> None:
    try:
        client.write("DELETE", _PATH, {"destination": address}, lane="interactive")
    except RecordGone:
        return  # as wanted


def parse(body: bytes | str) -> Delivery:
    """Read a form body; what cannot be read is left out, and nothing is ever raised."""
    written = body.decode("utf-8", "replace") if isinstance(body, bytes) else body
    pairs = parse_qsl(written, keep_blank_values=True)[:MOST_PARTS]
    tree = _tree(pairs)
    account = tree.get("account")
    account_id = reference(account.get("id")) if isinstance(account, Mapping) else None
    return Delivery(account_id, tuple(dict.fromkeys(_hints(tree))))


def _tree(pairs: list[tuple[str, str]]) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for key, value in pairs:
        head, bracket, rest = key.partition("[")
        path = [head, *_BRACKET.findall(bracket + rest)]
        if len(path) <= MOST_DEPTH:
            _put(tree, path, value)
    return tree


def _put(tree: dict[str, Any], path: list[str], value: str) -> None:
    node = tree
    for part in path[:-1]:
        inner = node.setdefault(_place(node, part), {})
        if not isinstance(inner, dict):
            return  # a scalar stands where a branch would have to: the first reading stays
        node = inner
    node.setdefault(_place(node, path[-1]), value)


def _place(node: Mapping[str, Any], part: str) -> str:
    """Return the key a part stands for: `[]` is the next index, as in PHP."""
    return part or str(len(node))


def _hints(tree: Mapping[str, Any]) -> Iterator[Hint]:
    for top, actions in tree.items():
        entity = _ENTITY.get(top)
        if not entity or not isinstance(actions, Mapping):
            continue
        for action, items in actions.items():
            for item in _items(items):
                yield from _hint(entity, str(action), item)


def _items(items: Any) -> Iterator[Mapping[str, Any]]:
    """Yield the objects under an action; a scalar is an id (`entity[action]=id`), one extra level of index is tolerated."""
    if isinstance(items, str):
        yield {"id": items}
        return
    if not isinstance(items, Mapping):
        return
    if "id" in items or "note" in items:
        yield items
        return
    for item in items.values():
        yield from _items(item)


def _hint(entity: str, action: str, item: Mapping[str, Any]) -> Iterator[Hint]:
    note = item.get("note")
    if isinstance(note, Mapping):
        yield from _note_hints(entity, note)
        return
    if action == "note":
        return
    external_id = reference(item.get("id"))
    if external_id and external_id.isdigit():
        stamp = _stamp(item)
        for kind in _kinds(entity, item):
            yield Hint(kind, external_id, action, stamp)


def _kinds(entity: str, item: Mapping[str, Any]) -> tuple[str, ...]:
    """Contacts and companies share one key; `type` tells them apart (facts: amocrm 8.2), and without it, it may be either."""
    if entity != "contacts":
        return (entity,)
    known = {"contact": ("contacts",), "company": ("companies",)}
    return known.get(str(item.get("type")), ("contacts", "companies"))


def _stamp(item: Mapping[str, Any]) -> str:
    """Return what tells this happening from others of the record: when, and all that is said of it."""
    at = next((str(item[name]) for name in _CHANGED_AT if item.get(name)), "")
    return f"{at}:{hashlib.sha256(orjson.dumps(item, option=orjson.OPT_SORT_KEYS)).hexdigest()[:16]}"


def _note_hints(entity: str, note: Mapping[str, Any]) -> Iterator[Hint]:
    note_id, owner = reference(note.get("id")), reference(note.get("element_id"))
    stamp = _stamp(note)
    if note_id:
        yield Hint("communications", note_id, "note", stamp)
    if owner:
        yield Hint(_NOTE_OWNER.get(str(note.get("element_type")), entity), owner, "note", stamp)
