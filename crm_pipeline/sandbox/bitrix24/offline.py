"""The offline event queue: pulled by the app, merged, reserved, confirmed (facts: bitrix24 8.3)."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from hashlib import md5
from typing import Any

import orjson

from .calls import Answer, Call, method
from .filters import split_prefix
from .portal import Portal
from .refusals import WRONG_LICENSE, Refusal

_SHOWN = ("ID", "TIMESTAMP_X", "EVENT_NAME", "EVENT_DATA", "EVENT_ADDITIONAL", "MESSAGE_ID")


@dataclass
class Queued:
    """One row of the queue; `process` is who has reserved it."""

    id: int
    at: int
    event: str
    data: dict[str, Any]
    user: int
    message: str
    connector: str = ""
    process: str = ""
    error: bool = False


class OfflineQueue:
    """The rows of one app."""

    def __init__(self) -> None:
        self.rows: list[Queued] = []
        self._last = 1200

    def push(self, event: str, data: dict[str, Any], user: int, connector: str, at: int) -> None:
        """Add an event; the same one waiting unreserved only gets a new time."""
        message = md5(f"{event}|{orjson.dumps(data, option=orjson.OPT_SORT_KEYS).decode()}".encode()).hexdigest()
        same = (
            row for row in self.rows if (row.message, row.connector, row.process, row.error) == (message, connector, "", False)
        )
        if (row := next(same, None)) is not None:
            row.at, row.user = at, user
            return
        self._last += 1
        self.rows.append(Queued(self._last, at, event, data, user, message, connector))

    def waiting(self, connector: str, process: str, error: bool) -> list[Queued]:
        """List rows free for this reader, or those it has reserved before."""
        own = [row for row in self.rows if row.connector == connector and row.error == error]
        reserved = [row for row in own if process and row.process == process]
        return reserved or [row for row in own if not row.process]

    def drop(self, rows: list[Queued]) -> None:
        """Remove rows."""
        gone = {row.id for row in rows}
        self.rows = [row for row in self.rows if row.id not in gone]


@method("event.offline.get", scope="", app_only=True, admin_only=True)
def take(portal: Portal, call: Call) -> dict[str, Any]:
    """Read events: removed at once (`clear` 1, the default) or reserved under a process id (`clear` 0)."""
    clear, process = call.whole("clear", 1) == 1, str(call.get("process_id") or "")
    _licensed(portal, call, extended=not clear)
    queue = portal.events.queue
    rows = _wanted(portal, call, queue.waiting(call.connector, process, call.whole("error") == 1))
    rows = rows[: max(0, call.whole("limit", 50))]
    if clear:
        queue.drop(rows)
    else:
        process = process or secrets.token_hex(16)
        for row in rows:
            row.process = process
    return {"process_id": None if clear else process, "events": [_shown(portal, row) for row in rows]}


@method("event.offline.list", scope="", app_only=True, admin_only=True)
def listed(portal: Portal, call: Call) -> Answer:
    """Look at the queue without touching it."""
    _licensed(portal, call)
    rows = _wanted(portal, call, [row for row in portal.events.queue.rows if row.connector == call.connector])
    start = max(0, call.whole("start"))
    shown = [_shown(portal, row) | {"PROCESS_ID": row.process, "ERROR": str(int(row.error))} for row in rows[start : start + 50]]
    return Answer(shown, len(rows), start + 50 if start + 50 < len(rows) else None)


@method("event.offline.clear", scope="", app_only=True, admin_only=True)
def clear(portal: Portal, call: Call) -> bool:
    """Confirm reserved events: all of a process, or the named ones."""
    portal.events.queue.drop(_reserved(portal, call))
    return True


@method("event.offline.error", scope="", app_only=True, admin_only=True)
def fail(portal: Portal, call: Call) -> bool:
    """Give reserved events up: marked as failed and released."""
    for row in _reserved(portal, call):
        row.error, row.process = True, ""
    return True


def _reserved(portal: Portal, call: Call) -> list[Queued]:
    process = str(call.get("process_id") or "")
    if not process:
        raise Refusal(400, "PROCESS_ID_REQUIRED", "Process id is required")
    rows = [row for row in portal.events.queue.rows if row.process == process]
    ids, messages = call.get("id"), call.get("message_id")
    if ids:
        return [row for row in rows if str(row.id) in _texts(ids)]
    return [row for row in rows if row.message in _texts(messages)] if messages else rows


def _texts(value: Any) -> list[str]:
    listed = value.values() if isinstance(value, dict) else value if isinstance(value, list) else [value]
    return [str(item) for item in listed]


def _licensed(portal: Portal, call: Call, extended: bool = False) -> None:
    if extended and not portal.switches.rest_offline_extended:
        raise WRONG_LICENSE
    if call.connector and not portal.switches.rest_auth_connector:
        raise WRONG_LICENSE


def _wanted(portal: Portal, call: Call, rows: list[Queued]) -> list[Queued]:
    filters = call.get("filter") or {}
    kept = [row for row in rows if all(_holds(portal, row, str(key), value) for key, value in filters.items())]
    order = call.get("order") if isinstance(call.get("order"), dict) and call.get("order") else {"TIMESTAMP_X": "ASC"}
    for key, way in reversed(list(order.items())):
        kept.sort(key=lambda row: (row.at if key == "TIMESTAMP_X" else 0, row.id), reverse=str(way).upper() == "DESC")
    return kept


def _holds(portal: Portal, row: Queued, key: str, value: Any) -> bool:
    prefix, name = split_prefix(key)
    if name == "TIMESTAMP_X":
        at = portal.moments.seconds(value) or 0
        return {">": row.at > at, ">=": row.at >= at, "<": row.at < at, "<=": row.at <= at}.get(prefix, row.at == at)
    shown = {"ID": str(row.id), "EVENT_NAME": row.event, "MESSAGE_ID": row.message}
    return name not in shown or shown[name] in _texts(value)


def _shown(portal: Portal, row: Queued) -> dict[str, Any]:
    full = portal.switches.event_data == "array"
    data, additional = (row.data, {"user_id": str(row.user)}) if full else (False, False)
    return dict(zip(_SHOWN, (str(row.id), portal.iso(row.at), row.event, data, additional, row.message), strict=True))
