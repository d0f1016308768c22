"""Webhooks of an account: a form body → hints which records to read again (facts: amocrm 8).

A webhook is unsigned, unordered, repeated, and never the whole record, so nothing in it is believed but that something
happened to a record. Keys are PHP brackets: `leads[update][0][id]=7301`.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from crm_pipeline.model.cleaning import reference

MOST_PARTS = 20_000
MOST_DEPTH = 12
_BRACKET = re.compile(r"\[([^\[\]]*)\]")
_ENTITY = {"leads": "deals", "contacts": "contacts", "companies": "companies", "task": "tasks", "tasks": "tasks"}
_NOTE_OWNER = {"1": "contacts", "2": "deals", "3": "companies"}


@dataclass(frozen=True, slots=True)
class Hint:
    """Something happened to a record; `action` is amoCRM's word: add, update, delete, restore, status, responsible, note."""

    entity: str
    external_id: str
    action: str


@dataclass(frozen=True, slots=True)
class Notice:
    """What a webhook says: of which account, about which records."""

    account_id: str | None
    hints: tuple[Hint, ...]


def parse(body: bytes | str) -> Notice:
    """Read a form body; what cannot be read is left out, and nothing is ever raised."""
    written = body.decode("utf-8", "replace") if isinstance(body, bytes) else body
    pairs = parse_qsl(written, keep_blank_values=True)[:MOST_PARTS]
    tree = _tree(pairs)
    account = tree.get("account")
    account_id = reference(account.get("id")) if isinstance(account, Mapping) else None
    return Notice(account_id, tuple(dict.fromkeys(_hints(tree))))


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
        yield Hint(_kind(entity, item), external_id, action)


def _kind(entity: str, item: Mapping[str, Any]) -> str:
    """Contacts and companies share one key; `type` tells them apart (facts: amocrm 8.2)."""
    return "companies" if entity == "contacts" and item.get("type") == "company" else entity


def _note_hints(entity: str, note: Mapping[str, Any]) -> Iterator[Hint]:
    note_id, owner = reference(note.get("id")), reference(note.get("element_id"))
    if note_id:
        yield Hint("communications", note_id, "note")
    if owner:
        yield Hint(_NOTE_OWNER.get(str(note.get("element_type")), entity), owner, "note")
