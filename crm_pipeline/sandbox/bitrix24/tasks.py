"""tasks.task.*: UPPER_CASE filters, camelCase rows of strings (facts: bitrix24 4.12).

Here: the methods. How a task's row is built and changed is in task_rows.py.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import orjson

from . import task_rows
from .calls import Answer, Call, method, register
from .camel import camel
from .columns import CREATED, ID, UPDATED, json_column, list_column
from .filters import TASK_PREFIXES, Column, Dialect
from .json_text import Rows
from .paging import List, names_of, page
from .portal import Portal
from .refusals import Refusal, missing_parameter
from .task_rows import KIND, STATUS_AFTER

Cards = dict[str, dict[str, Any]]
_ONLY_NAMED = ("ufCrmTask", "tags", "commentsCount", "timeSpentInLogs")
_ALWAYS = ("id", "group", "creator", "responsible")
_NUMBERS = "PARENT_ID GROUP_ID CREATED_BY RESPONSIBLE_ID CHANGED_BY CLOSED_BY PRIORITY STAGE_ID"
_TEXTS = "TITLE XML_ID GUID"
_TIMES = "DEADLINE CLOSED_DATE ACTIVITY_DATE DATE_START START_DATE_PLAN END_DATE_PLAN"
_ACTIONS = (
    "accept",
    "decline",
    "complete",
    "approve",
    "disapprove",
    "start",
    "pause",
    "delegate",
    "remove",
    "edit",
    "defer",
    "renew",
)


def _typed(names: str, kind: str) -> dict[str, Column]:
    return {name: json_column(camel(name), kind) for name in names.split()}


_COLUMNS = {
    **_typed(_NUMBERS, "integer"),
    **_typed(_TEXTS, "string"),
    **_typed(_TIMES, "datetime"),
    "ID": ID,
    "CHANGED_DATE": UPDATED,
    "CREATED_DATE": CREATED,
    "REAL_STATUS": json_column("status", "integer"),
    "UF_CRM_TASK": list_column("ufCrmTask"),
    "ACCOMPLICE": list_column("accomplices", "integer"),
    "AUDITOR": list_column("auditors", "integer"),
    "TAG": list_column("tags", "string", "title"),
}


@method("tasks.task.list", scope="task", strict=True)
def list_tasks(portal: Portal, call: Call) -> Answer:
    """List tasks, newest first unless told; UF_CRM_TASK, tags and counters only when named."""
    columns = _COLUMNS | {"STATUS": Column(_meta_status(portal.now), "integer")}
    dialect = Dialect(portal.moments, prefixes=TASK_PREFIXES)
    spec = List(KIND, columns, dialect, "id DESC", fast=portal.switches.fast_mode_everywhere)
    found = page(portal, call, spec)
    names = [camel(name) for name in names_of(call.get("select"))]
    cards: Cards = {}
    rows = [_selected(_live(portal, orjson.loads(text), cards), names) for text in found.texts]
    return found.answer(Rows([orjson.dumps(row).decode() for row in rows]), "tasks")


@method("tasks.task.get", scope="task", strict=True)
def get_task(portal: Portal, call: Call) -> Any:
    """Return one task; a missing one is `[]` with HTTP 200."""
    call.need("taskId")
    row = _find(portal, call)
    if row is None:
        return []
    names = [camel(name) for name in names_of(call.get("select"))]
    return {"task": _selected(_live(portal, row, {}), names) | {"action": dict.fromkeys(_ACTIONS, True)}}


@method("tasks.task.add", scope="task", strict=True)
def add_task(portal: Portal, call: Call) -> dict[str, Any]:
    """Add a task and return all of it."""
    given = _fields(call)
    for name in ("TITLE", "RESPONSIBLE_ID"):
        if not given.get(name):
            raise Refusal(400, "ERROR_CORE", f"{name} is required<br>")
    return _whole(portal, task_rows.create(portal, given, call.actor))


@method("tasks.task.update", scope="task", strict=True)
def update_task(portal: Portal, call: Call) -> dict[str, Any]:
    """Change a task and return all of it."""
    row, given = _need(portal, call), _fields(call)
    return _whole(portal, task_rows.change(portal, row, given, call.actor))


@method("tasks.task.delete", scope="task", strict=True)
def delete_task(portal: Portal, call: Call) -> dict[str, bool]:
    """Delete a task."""
    task_rows.remove(portal, int(_need(portal, call)["id"]), call.actor)
    return {"task": True}


@method("tasks.task.history.list", scope="task", strict=True)
def history(portal: Portal, call: Call) -> dict[str, Any]:
    """List what happened to a task: its creation and its last status change."""
    row = _need(portal, call)
    who = {
        "id": row["createdBy"],
        "name": task_rows.person(portal, row["createdBy"])["name"],
        "lastName": "",
        "secondName": "",
        "login": "",
    }
    made = {
        "id": f"{row['id']}1",
        "createdDate": row["createdDate"],
        "field": "NEW",
        "value": {"from": None, "to": None},
        "user": who,
    }
    moved = made | {"id": f"{row['id']}2", "createdDate": row["statusChangedDate"], "field": "STATUS"}
    moved |= {"value": {"from": task_rows.WAITING, "to": row["status"]}}
    return {"list": [made] if row["status"] == task_rows.WAITING else [made, moved]}


@method("task.commentitem.add", scope="task")
def add_comment(portal: Portal, call: Call) -> int:
    """Add a comment to a task and return its id; an old method that goes by the order of its parameters (facts: bitrix24 2.1)."""
    number, fields = [*call.params.values(), None, None][:2]
    row = portal.store.get(KIND, int(number)) if str(number).isdigit() and portal.store.state(KIND, int(number)) == 0 else None
    if row is None or not isinstance(fields, dict) or not fields.get("POST_MESSAGE"):
        raise Refusal(400, "ERROR_CORE", "TASKS_ERROR_EXCEPTION_#8; Action failed")
    comment = {"taskId": row["id"], "message": str(fields["POST_MESSAGE"]), "authorId": str(call.actor.user)}
    made = portal.store.next_id(task_rows.COMMENT)
    portal.store.put(task_rows.COMMENT, comment, id=made, created=portal.now, updated=portal.now, parent=f"task:{row['id']}")
    return made


def _act(portal: Portal, call: Call, status: str) -> dict[str, Any]:
    return _whole(portal, task_rows.change(portal, _need(portal, call), {"STATUS": status}, call.actor))


for _action, _status in STATUS_AFTER.items():
    register(f"tasks.task.{_action}", partial(_act, status=_status), "task", strict=True)


def _find(portal: Portal, call: Call) -> dict[str, Any] | None:
    number = call.whole("taskId")
    return portal.store.get(KIND, number) if portal.store.state(KIND, number) == 0 else None


def _need(portal: Portal, call: Call) -> dict[str, Any]:
    call.need("taskId")
    row = _find(portal, call)
    if row is None:
        raise Refusal(400, "1048582", "Task not found or not accessible")
    return row


def _fields(call: Call) -> dict[str, Any]:
    given = call.need("fields")
    if not isinstance(given, dict):
        raise missing_parameter("fields")
    return given


def _whole(portal: Portal, row: dict[str, Any]) -> dict[str, Any]:
    more = {"action": dict.fromkeys(_ACTIONS, True), "checkListTree": {"nodeId": 0, "fields": {"id": None}, "descendants": []}}
    return {"task": _live(portal, row, {}) | more}


def _live(portal: Portal, row: dict[str, Any], cards: Cards) -> dict[str, Any]:
    """Add what depends on the moment: people's names and the overdue status."""
    due = portal.moments.seconds(row["deadline"]) if row["deadline"] else None
    overdue = due is not None and due < portal.now and row["status"] not in (task_rows.DONE, task_rows.DEFERRED)
    row |= {"creator": _card(portal, row["createdBy"], cards), "responsible": _card(portal, row["responsibleId"], cards)}
    row["subStatus"] = "-1" if overdue else row["status"]
    return row


def _card(portal: Portal, user: str, cards: Cards) -> dict[str, Any]:
    if user not in cards:
        cards[user] = task_rows.person(portal, user)
    return cards[user]


def _selected(row: dict[str, Any], names: list[str]) -> dict[str, Any]:
    if not names or "*" in names:
        return {key: value for key, value in row.items() if key not in _ONLY_NAMED or key in names}
    return {
        key: value for key, value in row.items() if key in names or key in _ALWAYS or (key == "subStatus" and "status" in names)
    }


def _meta_status(now: int) -> str:
    status, deadline = _COLUMNS["REAL_STATUS"].sql, _COLUMNS["DEADLINE"].sql
    return f"CASE WHEN {deadline} < {int(now)} AND {status} NOT IN (5, 6) THEN -1 ELSE {status} END"
