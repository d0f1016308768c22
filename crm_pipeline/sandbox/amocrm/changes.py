"""What follows from a change: the row is kept, events are written, webhooks go out. Validates nothing, answers nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import legacy
from .records import ENTITIES, SINGULAR, Row, target_of

if TYPE_CHECKING:
    from .account import Account

FIELD_TYPES = {
    "text": 1,
    "numeric": 2,
    "checkbox": 3,
    "select": 4,
    "multiselect": 5,
    "date": 6,
    "url": 7,
    "multitext": 8,
    "textarea": 9,
    "radiobutton": 10,
    "streetaddress": 11,
    "smart_address": 13,
    "birthday": 14,
    "legal_entity": 15,
    "items": 16,
    "date_time": 19,
    "price": 20,
    "category": 18,
    "monetary": 25,
}
NOTE_EVENTS = {
    "common": "common_note_added",
    "call_in": "incoming_call",
    "call_out": "outgoing_call",
    "sms_in": "incoming_sms",
    "sms_out": "outgoing_sms",
    "attachment": "attachment_note_added",
    "geolocation": "geo_note_added",
    "service_message": "service_note_added",
    "extended_service_message": "service_note_added",
    "message_cashier": "message_to_cashier_note_added",
}
Values = list[Row]


class Changes:
    """Record changes of one account."""

    def __init__(self, account: Account) -> None:
        self._account = account

    # leads, contacts, companies

    def created(self, kind: str, row: Row, by: int) -> Row:
        """Keep a new lead, contact or company."""
        one = SINGULAR[kind]
        self._account.records.save(kind, row)
        self._event(f"{one}_added", kind, row["id"], by)
        self._tag_events(kind, row["id"], [], row["_embedded"]["tags"], by)
        self._hook(f"add_{one}", kind, "add", row)
        return row

    def updated(self, kind: str, before: Row, after: Row, by: int) -> Row:
        """Keep a changed lead, contact or company."""
        one, id = SINGULAR[kind], after["id"]
        self._account.records.save(kind, after)
        for type, was, now in differences(kind, before, after):
            self._event(self._named(type, now or was), kind, id, by, now, was)
        self._tag_events(kind, id, before["_embedded"]["tags"], after["_embedded"]["tags"], by)
        self._hook(f"update_{one}", kind, "update", after, _old_owner(kind, before, after))
        if before["responsible_user_id"] != after["responsible_user_id"]:
            old = {"old_responsible_user_id": before["responsible_user_id"]}
            self._hook(f"responsible_{one}", kind, "responsible" if kind == "leads" else "update", after, old)
        if kind == "leads" and _stage(before) != _stage(after):
            old = {"old_status_id": before["status_id"], "old_pipeline_id": before["pipeline_id"]}
            self._hook("status_lead", kind, "status", after, old)
        return after

    def removed(self, kind: str, row: Row, by: int) -> None:
        """Put a lead, contact or company in the trash, or a task away."""
        one = SINGULAR[kind]
        self._account.records.trash(kind, row)
        self._event(f"{one}_deleted", kind, row["id"], by)
        self._account.hooks.notify(f"delete_{one}", kind, "delete", legacy.removed(kind, row))

    def restored(self, kind: str, row: Row, by: int) -> None:
        """Take a row out of the trash."""
        one = SINGULAR[kind]
        self._account.records.save(kind, row)
        self._event(f"{one}_restored", kind, row["id"], by)
        self._hook(f"restore_{one}", kind, "restore", row)

    def merged(self, kind: str, winner: Row, loser: Row, by: int) -> None:
        """Note a merge; the pair is not named (facts: amocrm 4.14) unless a switch says so."""
        one = SINGULAR[kind]
        named = [{"link": {"entity": {"type": one, "id": loser["id"]}}}] if self._account.switches.merge_names_pair else []
        self._account.records.purge(kind, loser)
        self._account.records.save(kind, winner)
        self._event("entity_merged", kind, winner["id"], by, named)
        self._account.hooks.notify(f"delete_{one}", kind, "delete", legacy.removed(kind, loser))
        self._hook(f"update_{one}", kind, "update", winner)

    def linked(self, kind: str, id: int, other: str, other_id: int, by: int, *, gone: bool = False) -> None:
        """Note that two rows were linked or parted, on both sides; moves updated_at when the switch says so."""
        key = self._account.switches.unlink_key if gone else "link"
        type = "entity_unlinked" if gone else "entity_linked"
        for mine, my_id, theirs, their_id in ((kind, id, other, other_id), (other, other_id, kind, id)):
            if mine not in ENTITIES:
                continue
            value: Values = [{key: {"entity": {"type": SINGULAR.get(theirs, theirs), "id": their_id}}}]
            after, before = ([], value) if gone and key == "link" else (value, [])
            self._event(type, mine, my_id, by, after, before)
            self.touch(mine, my_id, by, self._account.switches.link_bumps)

    def touch(self, kind: str, id: int, by: int, really: bool = True) -> None:
        """Move updated_at of a row because something around it changed."""
        row = self._account.records.get(kind, id) if really else None
        if row is not None:
            self._account.records.save(kind, row | {"updated_at": self._account.now(), "updated_by": by})

    # tasks and notes

    def task_created(self, row: Row, by: int) -> None:
        """Keep a new task."""
        self._account.records.save("tasks", row)
        self._event("task_added", "tasks", row["id"], by)
        self._hook("add_task", "tasks", "add", row)
        self._around_task(row, by)

    def task_updated(self, before: Row, after: Row, by: int) -> None:
        """Keep a changed task."""
        self._account.records.save("tasks", after)
        for type, was, now in task_differences(before, after):
            self._event(type, "tasks", after["id"], by, now, was)
        self._hook("update_task", "tasks", "update", after, _old_owner("tasks", before, after) | _closing(before, after))
        if before["responsible_user_id"] != after["responsible_user_id"]:
            self._hook("responsible_task", "tasks", "update", after, {"old_responsible_user_id": before["responsible_user_id"]})
        for row in (before, after) if target_of(before) != target_of(after) else (after,):
            self._around_task(row, by)

    def task_removed(self, row: Row, by: int) -> None:
        """Remove a task; it never comes back."""
        self._account.records.purge("tasks", row)
        self._event("task_deleted", "tasks", row["id"], by)
        self._account.hooks.notify("delete_task", "tasks", "delete", legacy.removed("tasks", row))
        self._around_task(row, by)

    def note_created(self, kind: str, row: Row, by: int) -> None:
        """Keep a new note of a lead, contact or company."""
        self._account.records.save(f"{kind}_notes", row)
        type = NOTE_EVENTS.get(row["note_type"], "common_note_added")
        self._event(type, kind, row["entity_id"], by, [{"note": {"id": row["id"]}}])
        self._account.hooks.notify(f"note_{SINGULAR[kind]}", kind, "note", legacy.note(row, kind))
        self.touch(kind, row["entity_id"], by, self._account.switches.note_bumps)

    def note_removed(self, kind: str, row: Row, by: int) -> None:
        """Remove a note: lists stop returning it (facts: amocrm 4.5)."""
        self._account.records.purge(f"{kind}_notes", row)
        self._event("common_note_deleted", kind, row["entity_id"], by, [], [{"note": {"id": row["id"]}}])

    def _around_task(self, task: Row, by: int) -> None:
        """Keep closest_task_at of the row a task belongs to."""
        kind, id = task["entity_type"], task["entity_id"]
        row = self._account.records.get(kind, id) if kind in ENTITIES else None
        if row is None:
            return
        open_ones = [t["complete_till"] for t in self._tasks_of(task) if not t["is_completed"]]
        changed = row | {"closest_task_at": min(open_ones, default=None)}
        if self._account.switches.task_bumps:
            changed |= {"updated_at": self._account.now(), "updated_by": by}
        self._account.records.save(kind, changed)

    def _tasks_of(self, task: Row) -> list[Row]:
        records = self._account.records
        found = {row["id"]: row for row in records.rows("tasks", "parent = ?", (target_of(task),))}
        fresh = (records.get("tasks", id) for id in {*found, task["id"]})
        return [row for row in fresh if row is not None and target_of(row) == target_of(task)]

    # both

    def _named(self, type: str, values: Values) -> str:
        if type != "custom_field_value_changed" or self._account.switches.custom_field_event == "plain":
            return type
        return f"custom_field_{values[0]['custom_field_value']['field_id']}_value_changed"

    def _tag_events(self, kind: str, id: int, before: list[Row], after: list[Row], by: int) -> None:
        was, now = {tag["name"] for tag in before}, {tag["name"] for tag in after}
        if added := sorted(now - was):
            self._event("entity_tag_added", kind, id, by, [{"tag": {"name": name}} for name in added])
        if lost := sorted(was - now):
            self._event("entity_tag_deleted", kind, id, by, [], [{"tag": {"name": name}} for name in lost])

    def _event(self, type: str, kind: str, id: int, by: int, after: Values | None = None, before: Values | None = None) -> None:
        self._account.events.add(type, SINGULAR[kind], id, by, after, before)

    def _hook(self, code: str, kind: str, action: str, row: Row, more: dict[str, Any] | None = None) -> None:
        body = legacy.of(kind, row, self._account.switches.webhook_task_dates)
        self._account.hooks.notify(code, kind, action, body | (more or {}))


def differences(kind: str, before: Row, after: Row) -> list[tuple[str, Values, Values]]:
    """List (event type, value_before, value_after) of what changed in a lead, contact or company (facts: amocrm 4.12)."""
    found: list[tuple[str, Values, Values]] = []
    shapes = {"name": ("name_field_changed", "name_field_value", "name"), "responsible_user_id": _OWNER}
    if kind == "leads":
        shapes["price"] = ("sale_field_changed", "sale_field_value", "sale")
        if _stage(before) != _stage(after):
            found.append(("lead_status_changed", [{"lead_status": _stage(before)}], [{"lead_status": _stage(after)}]))
    for field, (type, key, inner) in shapes.items():
        if before[field] != after[field]:
            found.append((type, [{key: {inner: before[field]}}], [{key: {inner: after[field]}}]))
    return found + _field_differences(before, after)


_OWNER = ("entity_responsible_changed", "responsible_user", "id")


def task_differences(before: Row, after: Row) -> list[tuple[str, Values, Values]]:
    """List what changed in a task."""
    found: list[tuple[str, Values, Values]] = []
    shapes = {
        "text": ("task_text_changed", "task", "text"),
        "task_type_id": ("task_type_changed", "task_type", "id"),
        "complete_till": ("task_deadline_changed", "task_deadline", "timestamp"),
        "responsible_user_id": _OWNER,
    }
    for field, (type, key, inner) in shapes.items():
        if before[field] != after[field]:
            found.append((type, [{key: {inner: before[field]}}], [{key: {inner: after[field]}}]))
    if after["is_completed"] and not before["is_completed"]:
        found.append(("task_completed", [], []))
    if after["result"] and after["result"] != before["result"]:
        found.append(("task_result_added", [], [{"note": {"id": after["id"]}}]))
    return found


def _field_differences(before: Row, after: Row) -> list[tuple[str, Values, Values]]:
    was = {entry["field_id"]: entry for entry in before["custom_fields_values"] or []}
    now = {entry["field_id"]: entry for entry in after["custom_fields_values"] or []}
    changed = [id for id in {**was, **now} if was.get(id, {}).get("values") != now.get(id, {}).get("values")]
    return [("custom_field_value_changed", _field_values(was.get(id)), _field_values(now.get(id))) for id in changed]


def _field_values(entry: Row | None) -> Values:
    if entry is None:
        return []
    head = {"field_id": entry["field_id"], "field_type": FIELD_TYPES.get(entry["field_type"], 1)}
    return [
        {"custom_field_value": head | {"enum_id": value.get("enum_id"), "text": str(value.get("value", ""))}}
        for value in entry["values"]
    ]


def _stage(row: Row) -> dict[str, int]:
    return {"id": row["status_id"], "pipeline_id": row["pipeline_id"]}


def _old_owner(kind: str, before: Row, after: Row) -> dict[str, Any]:
    if kind == "leads" or before["responsible_user_id"] == after["responsible_user_id"]:
        return {}
    return {"old_responsible_user_id": before["responsible_user_id"]}


def _closing(before: Row, after: Row) -> dict[str, Any]:
    return {"action_close": 1} if after["is_completed"] and not before["is_completed"] else {}
