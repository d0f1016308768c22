"""Timeline comments: per owner only, BB code, no modify time (facts: bitrix24 4.14)."""

from __future__ import annotations

from typing import Any

from .activities import touch_owner
from .calls import Actor, Answer, Call, method
from .columns import CREATED, ID, table
from .fields import ENTITY_TYPES
from .filters import Dialect
from .json_text import Rows
from .paging import List, names_of, page, picked
from .portal import Portal
from .refusals import NOT_FOUND, classic, core

KIND = "comment"
_COLUMNS = table("AUTHOR_ID COMMENT ENTITY_ID ENTITY_TYPE", numeric=("AUTHOR_ID", "ENTITY_ID"), ID=ID, CREATED=CREATED)


@method("crm.timeline.comment.list")
def list_comments(portal: Portal, call: Call) -> Answer:
    """List the comments of one owner; there is no portal-wide list."""
    filters = dict(call.get("filter") or {})
    kind, owner = _owner(
        filters.pop("ENTITY_TYPE", filters.pop("=ENTITY_TYPE", "")), filters.pop("ENTITY_ID", filters.pop("=ENTITY_ID", 0))
    )
    spec = List(KIND, _COLUMNS, Dialect(portal.moments), snap=True)
    found = page(portal, call, spec, filters, extra=("parent = ?", [f"{kind}:{owner}"]))
    names = names_of(call.get("select"))
    return found.answer(picked(found.texts, names) if names and "*" not in names else Rows(found.texts))


@method("crm.timeline.comment.get")
def get_comment(portal: Portal, call: Call) -> dict[str, Any]:
    """Return one comment."""
    return _load(portal, call.classic_id())


@method("crm.timeline.comment.add", strict=True)
def add_comment(portal: Portal, call: Call) -> int:
    """Add a comment and return its id; takes only the lower-case `fields`."""
    given = call.classic_fields()
    kind, owner = _owner(given.get("ENTITY_TYPE"), given.get("ENTITY_ID"))
    if kind not in ENTITY_TYPES or portal.records.load(kind, owner) is None:
        raise core("Owner is not found.")
    if not given.get("COMMENT"):
        raise core("Empty comment message")
    return create(portal, kind, owner, str(given["COMMENT"]), call.actor)


@method("crm.timeline.comment.update")
def update_comment(portal: Portal, call: Call) -> bool:
    """Change a comment's text; nothing shows that it changed."""
    row, given = _load(portal, call.classic_id()), call.classic_fields()
    row["COMMENT"] = str(given.get("COMMENT") or row["COMMENT"])
    times = portal.store.times(KIND, int(row["ID"]))
    assert times is not None
    _put(portal, row, times[0])
    portal.events.crm("timelinecomment", "UPDATE", int(row["ID"]), call.actor)
    return True


@method("crm.timeline.comment.delete")
def delete_comment(portal: Portal, call: Call) -> bool:
    """Delete a comment."""
    number = int(_load(portal, call.classic_id())["ID"])
    portal.store.mark(KIND, number, 2)
    portal.events.crm("timelinecomment", "DELETE", number, call.actor)
    return True


def create(portal: Portal, kind: str, owner: int, text: str, actor: Actor) -> int:
    """Store a new comment under its owner."""
    number, now = portal.store.next_id(KIND), portal.now
    _put(portal, row_of(number, kind, owner, portal.iso(now), text, actor.user), now)
    touch_owner(portal, {"OWNER_TYPE_ID": ENTITY_TYPES[kind], "OWNER_ID": owner}, actor)
    portal.events.crm("timelinecomment", "ADD", number, actor)
    return number


def row_of(number: int, kind: str, owner: int, created: str, text: str, author: int) -> dict[str, Any]:
    """Build a comment's row; `FILES` is an empty object, for once not a list."""
    row: dict[str, Any] = {"ID": str(number), "ENTITY_ID": str(owner), "ENTITY_TYPE": kind, "CREATED": created}
    return row | {"COMMENT": text, "AUTHOR_ID": str(author), "FILES": {}}


def _put(portal: Portal, row: dict[str, Any], created: int) -> None:
    parent = f"{row['ENTITY_TYPE']}:{row['ENTITY_ID']}"
    portal.store.put(KIND, row, id=int(row["ID"]), created=created, updated=created, parent=parent)


def _load(portal: Portal, number: int) -> dict[str, Any]:
    row = portal.store.get(KIND, number) if portal.store.state(KIND, number) == 0 else None
    if row is None:
        raise NOT_FOUND
    return row


def _owner(kind: Any, number: Any) -> tuple[str, int]:
    name, owner = str(kind or "").lower(), int(number) if str(number).isdigit() else 0
    if not name or not owner:
        raise classic("ENTITY_ID and ENTITY_TYPE are required.")
    return name, owner
