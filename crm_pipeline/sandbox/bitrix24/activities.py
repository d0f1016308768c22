"""Calls, e-mails and meetings: crm.activity.* (facts: bitrix24 4.13). Rows of strings; bindings are kept beside the owner."""

from __future__ import annotations

from typing import Any

import orjson

from .calls import Actor, Answer, Call, method
from .columns import CREATED, ID, UPDATED, table
from .fields import KIND_OF_TYPE
from .filters import Column, Condition, Dialect, any_pair
from .json_text import Rows
from .paging import List, names_of, page, picked
from .portal import Portal
from .refusals import NOT_FOUND, OWNER_NOT_FOUND, Refusal, classic, core

KIND = "activity"
MEETING, CALL, EMAIL, PROVIDED = "1", "2", "4", "6"
_HIDDEN = ("COMMUNICATIONS", "FILES", "BINDINGS")
_REQUIRED = ("OWNER_TYPE_ID", "OWNER_ID", "TYPE_ID", "COMMUNICATIONS", "SUBJECT", "RESPONSIBLE_ID")
_OWNER = ("OWNER_TYPE_ID", "OWNER_ID")
_TIMES = ("START_TIME", "END_TIME", "DEADLINE")
_READ_ONLY = ("ID", "CREATED", "LAST_UPDATED", "AUTHOR_ID", "EDITOR_ID")
_PROVIDERS = {
    MEETING: ("CRM_MEETING", "MEETING"),
    CALL: ("VOXIMPLANT_CALL", "CALL"),
    EMAIL: ("CRM_EMAIL", "EMAIL"),
    PROVIDED: ("CRM_TODO", "TODO"),
}
_COLUMNS: dict[str, Column] = table(
    "PROVIDER_ID PROVIDER_TYPE_ID PROVIDER_GROUP_ID SUBJECT COMPLETED DESCRIPTION LOCATION ORIGINATOR_ID ORIGIN_ID"
    " OWNER_ID OWNER_TYPE_ID TYPE_ID ASSOCIATED_ENTITY_ID STATUS RESPONSIBLE_ID PRIORITY DIRECTION AUTHOR_ID EDITOR_ID"
    " START_TIME END_TIME DEADLINE",
    numeric=(
        [
            "OWNER_ID",
            "OWNER_TYPE_ID",
            "TYPE_ID",
            "ASSOCIATED_ENTITY_ID",
            "STATUS",
            "RESPONSIBLE_ID",
            "PRIORITY",
            "DIRECTION",
            "AUTHOR_ID",
            "EDITOR_ID",
        ]
    ),
    moments=_TIMES,
    ID=ID,
    CREATED=CREATED,
    LAST_UPDATED=UPDATED,
)


def blank(number: int, type_id: str, owner_type: int, owner: int) -> dict[str, Any]:
    """Build an activity with every key and its provider; times, texts and people are the caller's."""
    provider, provider_type = _PROVIDERS.get(type_id, _PROVIDERS[PROVIDED])
    row: dict[str, Any] = {"ID": str(number), "OWNER_ID": str(owner), "OWNER_TYPE_ID": str(owner_type), "TYPE_ID": type_id}
    row |= {"PROVIDER_ID": provider, "PROVIDER_TYPE_ID": provider_type, "PROVIDER_GROUP_ID": None, "ASSOCIATED_ENTITY_ID": "0"}
    row |= dict.fromkeys(("SUBJECT", "DESCRIPTION", "LOCATION"), "") | {"COMPLETED": "N", "STATUS": "1", "PRIORITY": "2"}
    row |= {"NOTIFY_TYPE": "0", "NOTIFY_VALUE": "0", "DESCRIPTION_TYPE": "1", "DIRECTION": "0", "SETTINGS": []}
    row |= dict.fromkeys(("ORIGINATOR_ID", "ORIGIN_ID", "PROVIDER_DATA", "RESULT_VALUE", "RESULT_SUM", "RESULT_CURRENCY_ID"))
    row |= dict.fromkeys(("RESULT_MARK", "RESULT_STATUS", "RESULT_STREAM", "AUTOCOMPLETE_RULE"), "0")
    row |= {"RESULT_SOURCE_ID": None, "PROVIDER_PARAMS": [], "COMMUNICATIONS": [], "FILES": []}
    return row | {"BINDINGS": [{"OWNER_TYPE_ID": str(owner_type), "OWNER_ID": str(owner)}]}


@method("crm.activity.list")
def list_activities(portal: Portal, call: Call) -> Answer:
    """List activities; COMMUNICATIONS and FILES only when named; BINDINGS filters through every owner."""
    filters = dict(call.get("filter") or {})
    bound = _bindings(filters.pop("BINDINGS", None))
    fast, default = portal.switches.fast_mode_everywhere, f"{_COLUMNS['START_TIME'].sql}, id"
    spec = List(KIND, _COLUMNS, Dialect(portal.moments), default, snap=True, fast=fast)
    found, names = page(portal, call, spec, filters, extra=bound), names_of(call.get("select")) or ["*"]
    return found.answer(_selected(found.texts, names))


@method("crm.activity.get")
def get_activity(portal: Portal, call: Call) -> dict[str, Any]:
    """Return one activity without its bindings and communications."""
    row = _load(portal, call.classic_id())
    return {key: value for key, value in row.items() if key not in _HIDDEN}


@method("crm.activity.add")
def add_activity(portal: Portal, call: Call) -> int:
    """Add a call, e-mail or meeting and return its id."""
    given = {str(key).upper(): value for key, value in call.classic_fields().items()}
    missing = [name for name in _REQUIRED if not given.get(name)]
    if missing:
        raise core(f"The field {missing[0]} is required.<br>")
    owner_type, owner = int(given["OWNER_TYPE_ID"]), int(given["OWNER_ID"])
    _need_owner(portal, owner_type, owner, core("Owner is not found.<br>"))
    row = blank(portal.store.next_id(KIND), str(given["TYPE_ID"]), owner_type, owner)
    return create(portal, row | _text_values(portal, given), call.actor)


@method("crm.activity.update")
def update_activity(portal: Portal, call: Call) -> bool:
    """Change an activity."""
    row, given = _load(portal, call.classic_id()), call.classic_fields()
    row |= _text_values(portal, {key: value for key, value in given.items() if key in row and key not in _READ_ONLY})
    save(portal, row | {"EDITOR_ID": str(call.actor.user)}, portal.now)
    portal.events.crm("activity", "UPDATE", int(row["ID"]), call.actor)
    return True


@method("crm.activity.delete")
def delete_activity(portal: Portal, call: Call) -> bool:
    """Delete an activity for good."""
    row = _load(portal, call.classic_id())
    remove(portal, int(row["ID"]), call.actor)
    return True


@method("crm.activity.todo.add")
def add_todo(portal: Portal, call: Call) -> dict[str, int]:
    """Add a to-do, the successor of planned activities."""
    owner_type, owner, deadline = call.need_whole("ownerTypeId"), call.need_whole("ownerId"), call.need("deadline")
    _need_owner(portal, owner_type, owner, OWNER_NOT_FOUND)
    at = portal.moments.seconds(deadline)
    if at is None:
        raise Refusal(400, "WRONG_DATETIME_FORMAT", "Wrong datetime format")
    row = blank(portal.store.next_id(KIND), PROVIDED, owner_type, owner)
    row |= dict.fromkeys(_TIMES, portal.iso(at)) | {"RESPONSIBLE_ID": str(call.whole("responsibleId", call.actor.user))}
    row |= {"SUBJECT": str(call.get("title") or "To-do"), "DESCRIPTION": str(call.get("description") or "")}
    return {"id": create(portal, row, call.actor)}


def create(portal: Portal, row: dict[str, Any], actor: Actor) -> int:
    """Store a new activity under the id it has and let the owner's activity time move."""
    now = portal.now
    row |= {"CREATED": portal.iso(now), "AUTHOR_ID": str(actor.user), "EDITOR_ID": str(actor.user)}
    row = {"START_TIME": row["CREATED"], "END_TIME": row["CREATED"], "DEADLINE": row["CREATED"]} | row
    save(portal, row, now)
    touch_owner(portal, row, actor)
    portal.events.crm("activity", "ADD", int(row["ID"]), actor)
    return int(row["ID"])


def save(portal: Portal, row: dict[str, Any], updated: int) -> None:
    """Store an activity under its owner."""
    number = int(row["ID"])
    row["LAST_UPDATED"] = portal.iso(updated)
    row["STATUS"] = "2" if row["COMPLETED"] == "Y" else "1"
    created = portal.store.times(KIND, number)
    parent = f"{KIND_OF_TYPE.get(int(row['OWNER_TYPE_ID']), 'other')}:{row['OWNER_ID']}"
    portal.store.put(KIND, row, id=number, created=created[0] if created else updated, updated=updated, parent=parent)


def remove(portal: Portal, number: int, actor: Actor) -> None:
    """Purge an activity."""
    portal.store.mark(KIND, number, 2)
    portal.events.crm("activity", "DELETE", number, actor)


def touch_owner(portal: Portal, row: dict[str, Any], actor: Actor) -> None:
    """Move the owner's LAST_ACTIVITY_TIME; DATE_MODIFY moves only by the switch (facts: bitrix24 5)."""
    kind = KIND_OF_TYPE.get(int(row["OWNER_TYPE_ID"]))
    record = portal.records.load(kind, int(row["OWNER_ID"])) if kind else None
    if record is None:
        return
    record.row |= {"LAST_ACTIVITY_TIME": portal.iso(), "LAST_ACTIVITY_BY": str(actor.user)}
    if portal.switches.quiet_changes_move_time:
        record.updated = portal.now
    portal.records.save(record)


def _load(portal: Portal, number: int) -> dict[str, Any]:
    row = portal.store.get(KIND, number) if portal.store.state(KIND, number) == 0 else None
    if row is None:
        raise NOT_FOUND
    return row


def _need_owner(portal: Portal, owner_type: int, owner: int, refusal: Refusal) -> None:
    kind = KIND_OF_TYPE.get(owner_type)
    if kind is None or portal.records.load(kind, owner) is None:
        raise refusal


def _text_values(portal: Portal, given: dict[str, Any]) -> dict[str, Any]:
    kept = {key: value for key, value in given.items() if key not in _READ_ONLY}
    for key in set(_TIMES) & set(kept):
        at = portal.moments.seconds(kept[key])
        if at is None:
            raise core(f"Invalid value of field {key}.<br>")
        kept[key] = portal.iso(at)
    return {key: value if isinstance(value, list | dict) or value is None else str(value) for key, value in kept.items()}


def _bindings(bindings: Any) -> Condition:
    if bindings is None:
        return "", []
    listed = list(bindings.values()) if isinstance(bindings, dict) else bindings
    if not isinstance(listed, list) or not all(isinstance(pair, dict) and "OWNER_ID" in pair for pair in listed):
        raise classic("The parameter BINDINGS is invalid.")
    return any_pair("BINDINGS", _OWNER, [{key: int(pair.get(key) or 0) for key in _OWNER} for pair in listed])


def _selected(texts: list[str], names: list[str]) -> Rows:
    if "*" not in names:
        return picked(texts, [name for name in names if name != "BINDINGS"])
    drop = [name for name in _HIDDEN if name not in names or name == "BINDINGS"]
    return Rows([orjson.dumps({k: v for k, v in orjson.loads(text).items() if k not in drop}).decode() for text in texts])
