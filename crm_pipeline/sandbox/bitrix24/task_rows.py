"""Task rows: building, changing, removing (facts: bitrix24 4.12). Methods and edits both come here."""

from __future__ import annotations

from typing import Any
from uuid import uuid5

from .calls import Actor
from .camel import camel
from .portal import Portal
from .refusals import Refusal
from .space import NAMESPACE

KIND, COMMENT = "task", "taskcomment"
WAITING, RUNNING, AWAITING_CONTROL, DONE, DEFERRED = "2", "3", "4", "5", "6"
STATUS_AFTER = {
    "complete": DONE,
    "start": RUNNING,
    "pause": WAITING,
    "defer": DEFERRED,
    "renew": WAITING,
    "approve": DONE,
    "disapprove": WAITING,
}
_TIMES = ("DEADLINE", "START_DATE_PLAN", "END_DATE_PLAN")
_WRITABLE = [
    "TITLE",
    "DESCRIPTION",
    "RESPONSIBLE_ID",
    "CREATED_BY",
    "PRIORITY",
    "DEADLINE",
    "START_DATE_PLAN",
    "END_DATE_PLAN",
    "PARENT_ID",
    "GROUP_ID",
    "STAGE_ID",
    "ALLOW_CHANGE_DEADLINE",
    "ALLOW_TIME_TRACKING",
    "TASK_CONTROL",
    "TIME_ESTIMATE",
    "MATCH_WORK_TIME",
    "XML_ID",
    "MARK",
    "STATUS",
]
_PEOPLE = {"ACCOMPLICES": ("accomplices", "accomplicesData"), "AUDITORS": ("auditors", "auditorsData")}


def blank(number: int, title: str, creator: str, responsible: str, created: str) -> dict[str, Any]:
    """Build a waiting task with every key."""
    row: dict[str, Any] = {
        "id": str(number),
        "parentId": None,
        "title": title,
        "description": "",
        "priority": "1",
        "status": WAITING,
    }
    row |= {"multitask": "N", "notViewed": "N", "replicate": "N", "stageId": "0", "groupId": "0", "group": []}
    row |= {
        "createdBy": creator,
        "createdDate": created,
        "responsibleId": responsible,
        "changedBy": creator,
        "changedDate": created,
    }
    row |= {"statusChangedBy": None, "statusChangedDate": created, "closedBy": None, "closedDate": None, "activityDate": created}
    row |= dict.fromkeys(
        ("dateStart", "deadline", "startDatePlan", "endDatePlan", "xmlId", "commentsCount", "timeSpentInLogs", "mark")
    )
    row |= {"guid": f"{{{uuid5(NAMESPACE, f'task-{number}')}}}", "timeEstimate": "0", "siteId": "s1", "favorite": "N"}
    row |= dict.fromkeys(("allowChangeDeadline", "allowTimeTracking", "taskControl", "matchWorkTime"), "N")
    row |= {"descriptionInBbcode": "Y", "durationPlan": None, "durationType": "days"}
    return row | {name: [] for name in ("auditors", "accomplices", "auditorsData", "accomplicesData", "ufCrmTask", "tags")}


def person(portal: Portal, user: str) -> dict[str, Any]:
    """Build the short card of a user."""
    row = portal.store.get("user", int(user)) or {}
    name = f"{row.get('NAME', '')} {row.get('LAST_NAME', '')}".strip()
    link = f"/company/personal/user/{user}/"
    return {"id": str(user), "name": name, "link": link, "icon": "/x.png", "workPosition": row.get("WORK_POSITION", "")}


def create(portal: Portal, given: dict[str, Any], actor: Actor) -> dict[str, Any]:
    """Store a new task and return its row."""
    number, user = portal.store.next_id(KIND), str(actor.user)
    row = blank(number, "", str(given.get("CREATED_BY") or user), str(given.get("RESPONSIBLE_ID") or user), portal.iso())
    _apply(portal, row, given, user)
    save(portal, row, portal.now)
    portal.events.task("ADD", number, actor)
    return row


def change(portal: Portal, row: dict[str, Any], given: dict[str, Any], actor: Actor) -> dict[str, Any]:
    """Change a task, move its times and return its row."""
    _apply(portal, row, given, str(actor.user))
    row |= {"changedBy": str(actor.user), "activityDate": portal.iso()}
    save(portal, row, portal.now)
    portal.events.task("UPDATE", int(row["id"]), actor)
    return row


def remove(portal: Portal, number: int, actor: Actor) -> None:
    """Move a task to the recycle bin."""
    portal.store.mark(KIND, number, 1)
    portal.events.task("DELETE", number, actor)


def save(portal: Portal, row: dict[str, Any], updated: int) -> None:
    """Store a task; changedDate follows."""
    number = int(row["id"])
    row["changedDate"] = portal.iso(updated)
    times = portal.store.times(KIND, number)
    portal.store.put(KIND, row, id=number, created=times[0] if times else updated, updated=updated)


def _apply(portal: Portal, row: dict[str, Any], given: dict[str, Any], user: str) -> None:
    status = row["status"]
    row |= {camel(name): _value(portal, name, given[name]) for name in _WRITABLE if name in given}
    for name, (key, data) in _PEOPLE.items():
        if name in given:
            row[key] = [str(number) for number in given[name] or []]
            row[data] = {number: person(portal, number) for number in row[key]} or []
    if "UF_CRM_TASK" in given:
        row["ufCrmTask"] = [str(code) for code in given["UF_CRM_TASK"] or []]
    if "TAGS" in given:
        row["tags"] = {str(n): {"id": n, "title": str(tag)} for n, tag in enumerate(given["TAGS"] or [], 1)} or []
    if row["status"] != status:
        _close(portal, row, user)


def _close(portal: Portal, row: dict[str, Any], user: str) -> None:
    now, done = portal.iso(), row["status"] == DONE
    row |= {
        "statusChangedBy": user,
        "statusChangedDate": now,
        "closedBy": user if done else None,
        "closedDate": now if done else None,
    }


def _value(portal: Portal, name: str, value: Any) -> Any:
    if value is None or value == "":
        return None if name != "DESCRIPTION" else ""
    if name not in _TIMES:
        return ("Y" if value else "N") if isinstance(value, bool) else str(value)
    seconds = portal.moments.seconds(value)
    if seconds is None:
        raise Refusal(400, "ERROR_CORE", f"{name} is not a date<br>")
    return portal.iso(seconds)
