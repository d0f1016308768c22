"""Tasks: list, read, create, change (facts: amocrm 4.4). There is no DELETE."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from . import validation as v
from .answers import Answer
from .batches import batch, single
from .entities import gone
from .filters import TASKS, Condition, conditions, task_target
from .pages import Listing, serve
from .records import NOTED, Row
from .validation import Check, Errors

if TYPE_CHECKING:
    from .account import Account
    from .call import Call

_RESULT: dict[str, Check] = {"text": v.text}


def _task_type(account: Account, value: object) -> str | None:
    from .account import TASK_TYPES

    return v.integer(account, value) or (None if value in [type["id"] for type in TASK_TYPES] else "NotSupportedChoice")


def _result(account: Account, value: object) -> str | None:
    return None if value == [] else v.mapping(account, value)


FIELDS: dict[str, Check] = {
    "text": v.filled_text,
    "complete_till": v.integer,
    "responsible_user_id": v.user,
    "entity_id": v.nullable(v.integer),
    "entity_type": v.nullable(v.one_of(*NOTED)),
    "is_completed": v.boolean,
    "task_type_id": _task_type,
    "duration": v.nullable(v.integer),
    "result": v.nullable(_result),
    "created_by": v.author,
    "updated_by": v.author,
    "created_at": v.integer,
    "updated_at": v.integer,
    "request_id": v.label,
}
_UPDATE = FIELDS | {"id": v.integer}


def list_tasks(account: Account, call: Call) -> Answer:
    """Answer a page of tasks; they cannot be ordered by updated_at (facts: amocrm 0.5)."""
    filters = call.query.get("filter")
    where: list[Condition] = []
    if isinstance(filters, dict):
        where = [task_target(filters)]
        if TASKS.keys() & filters.keys():
            where.append(conditions(filters, TASKS))
    return serve(account, call, Listing("tasks", "tasks", ("created_at", "complete_till", "id"), where))


def get_task(account: Account, call: Call) -> Answer:
    """Answer one task."""
    id = int(call.params["id"])
    row = account.records.get("tasks", id)
    return Answer(200, account.records.text(row).encode()) if row else gone(account, call, "tasks", id)


def create_tasks(account: Account, call: Call) -> Answer:
    """Create tasks; text and complete_till are required."""

    def show(row: Row, item: Row, request_id: str) -> Row:
        return {"id": row["id"], "request_id": request_id, "_links": row["_links"]}

    return batch(account, call, "tasks", partial(prepare_create, account, call.user_id), show)


def update_tasks(account: Account, call: Call) -> Answer:
    """Change tasks, or one."""

    def show(row: Row, item: Row, request_id: str) -> Row:
        return {"id": row["id"], "updated_at": row["updated_at"], "request_id": request_id, "_links": row["_links"]}

    prepare = partial(prepare_update, account, call.user_id)
    if "id" not in call.params:
        return batch(account, call, "tasks", prepare, show)
    return single(account, call, "tasks", prepare, show, account.records.get("tasks", int(call.params["id"])) is not None)


def prepare_create(account: Account, by: int, item: Row, errors: Errors) -> Callable[[], Row]:
    """Check a new one; the act stores it."""
    v.check_fields(account, item, FIELDS, errors)
    v.require(item, ("text", "complete_till"), errors)
    _check_target(account, item, errors)
    return partial(_create, account, by, item)


def prepare_update(account: Account, by: int, item: Row, errors: Errors) -> Callable[[], Row]:
    """Check a change; the act applies it."""
    v.check_fields(account, item, _UPDATE, errors)
    known = isinstance(item.get("id"), int) and account.records.get("tasks", item["id"]) is not None
    if not known:
        errors.add("NotSupportedChoice" if "id" in item else "FieldMissing", "id")
    _check_target(account, item, errors)
    return partial(_update, account, by, item)


def _check_target(account: Account, item: Row, errors: Errors) -> None:
    kind, id = item.get("entity_type"), item.get("entity_id")
    if isinstance(item.get("result"), dict):
        v.check_fields(account, item["result"], _RESULT, errors, "result.")
    if id is not None and kind is None:
        errors.add("FieldMissing", "entity_type")
    elif isinstance(id, int) and kind in NOTED and account.records.get(str(kind), id) is None:
        errors.add("NotSupportedChoice", "entity_id")


def _create(account: Account, by: int, item: Row) -> Row:
    id, now = account.records.next_id("tasks"), account.now()
    row = blank(account, id, by, now) | _plain(item)
    row["updated_by"] = item.get("updated_by", row["created_by"])
    account.changes.task_created(row, by)
    return row


def _update(account: Account, by: int, item: Row) -> Row:
    before = account.records.get("tasks", item["id"])
    assert before is not None
    after = (
        before | _plain(item) | {"updated_at": item.get("updated_at", account.now()), "updated_by": item.get("updated_by", by)}
    )
    account.changes.task_updated(before, after, by)
    return after


def _plain(item: Row) -> Row:
    sent = {name: value for name, value in item.items() if name not in ("id", "request_id")}
    if "result" in sent:
        sent["result"] = {"text": sent["result"]["text"]} if sent["result"] and sent["result"].get("text") else []
    return sent


def blank(account: Account, id: int, by: int, now: int) -> Row:
    """Build a task without its text."""
    head: Row = {"id": id, "created_by": by, "updated_by": by, "created_at": now, "updated_at": now}
    head |= {"responsible_user_id": by, "group_id": 0, "entity_id": None, "entity_type": None, "duration": 0}
    head |= {"is_completed": False, "task_type_id": 1, "text": "", "result": [], "complete_till": now}
    return head | account.row_head(f"tasks/{id}")
