"""Log messages in the timeline: own entries only, pages of ten, camelCase, native numbers (facts: bitrix24 4.14, 3.1)."""

from __future__ import annotations

from typing import Any

from .calls import Answer, Call, method
from .columns import CREATED, ID
from .fields import KIND_OF_TYPE
from .filters import Dialect
from .json_text import Rows
from .paging import List, page
from .portal import Portal
from .refusals import OWNER_NOT_FOUND, Refusal

KIND, SIZE = "logmessage", 10
_COLUMNS = {"id": ID, "created": CREATED}


@method("crm.timeline.logmessage.list")
def list_messages(portal: Portal, call: Call) -> Answer:
    """List the log messages of one owner, ten a page."""
    owner = f"{_kind(call)}:{call.need_whole('entityId')}"
    spec = List(KIND, _COLUMNS, Dialect(portal.moments, aliases={"ID": "id"}), size=SIZE)
    found = page(portal, call, spec, extra=("parent = ?", [owner]))
    return found.answer(Rows(found.texts), "logMessages")


@method("crm.timeline.logmessage.get")
def get_message(portal: Portal, call: Call) -> dict[str, Any]:
    """Return one log message."""
    return {"logMessage": _load(portal, call)}


@method("crm.timeline.logmessage.add")
def add_message(portal: Portal, call: Call) -> dict[str, Any]:
    """Add a log message and return it."""
    given = call.need("fields")
    kind, owner = KIND_OF_TYPE.get(int(given.get("entityTypeId") or 0)), int(given.get("entityId") or 0)
    if kind is None or portal.records.load(kind, owner) is None:
        raise OWNER_NOT_FOUND
    number, now = portal.store.next_id(KIND), portal.now
    row = {"id": number, "created": portal.iso(now), "authorId": call.actor.user}
    row |= {key: str(given.get(key) or "") for key in ("title", "text", "iconCode")}
    portal.store.put(KIND, row, id=number, created=now, updated=now, parent=f"{kind}:{owner}")
    return {"logMessage": row}


@method("crm.timeline.logmessage.delete")
def delete_message(portal: Portal, call: Call) -> None:
    """Delete a log message."""
    portal.store.mark(KIND, _load(portal, call)["id"], 2)


def _kind(call: Call) -> str:
    kind = KIND_OF_TYPE.get(call.need_whole("entityTypeId"))
    if kind is None:
        raise OWNER_NOT_FOUND
    return kind


def _load(portal: Portal, call: Call) -> dict[str, Any]:
    number = call.need_whole("id")
    row = portal.store.get(KIND, number) if portal.store.state(KIND, number) == 0 else None
    if row is None:
        raise Refusal(400, "NOT_FOUND", "Log message is not found")
    return row
