"""A person's edits: create, set, delete, restore, purge, merge by kind (sandbox README, /_sandbox/edit).

Field names are the vendor's: UPPER_CASE for CRM rows and tasks, camelCase for products. Edits take the same way as calls do.
"""

from __future__ import annotations

from typing import Any

from crm_pipeline.sandbox.store import LIVE, PURGED

from . import changes
from .calls import REGISTER, Actor, Answer, Call, Credential
from .fields import ENTITY_TYPES
from .portal import Portal
from .space import ADMIN, IBLOCK
from .users import KIND as USER
from .users import user_row

_METHODS = {
    **{kind: (f"crm.{kind}", "id") for kind in ENTITY_TYPES},
    "activity": ("crm.activity", "id"),
    "comment": ("crm.timeline.comment", "id"),
    "task": ("tasks.task", "taskId"),
    "product": ("catalog.product", "id"),
}
_PERSON = Credential("person", "person", ADMIN, frozenset())


class BadEdit(ValueError):
    """An edit makes no sense: unknown kind, unknown row, nothing to do."""


def apply_edit(portal: Portal, edit: dict[str, Any]) -> int | None:
    """Do one edit and return the id concerned. Raises BadEdit or Refusal."""
    kind, actor = str(edit.get("kind")), Actor(int(edit.get("user", ADMIN)))
    with portal.lock:
        if "merge" in edit:
            winner, loser = edit["merge"]
            changes.merge(portal, kind, int(winner), int(loser), actor)
            return int(winner)
        if "create" in edit:
            return _create(portal, kind, edit["create"])
        return _touch(portal, kind, int(edit["id"]), edit, actor)


def _create(portal: Portal, kind: str, values: dict[str, Any]) -> int | None:
    if kind == "webhook":
        for event in values["events"]:
            portal.events.bind(event, handler=values["handler"], app=False)
        return None
    if kind == USER:
        return _save_user(portal, portal.store.next_id(USER), values)
    if kind == "product":
        values = {"iblockId": IBLOCK, **values}
    result = _run(portal, kind, "add", {"fields": values})
    return _id_of(result)


def _touch(portal: Portal, kind: str, number: int, edit: dict[str, Any], actor: Actor) -> int | None:
    if "set" in edit and kind == "app":
        portal.access.redirect_uri = str(edit["set"]["redirect_uri"])
    elif "set" in edit:
        _set(portal, kind, number, edit["set"])
    elif edit.get("delete"):
        _delete(portal, kind, number)
    elif edit.get("purge"):
        _purge(portal, kind, number)
    elif edit.get("restore"):
        return _restore(portal, kind, number, actor)
    else:
        raise BadEdit(f"nothing to do in {sorted(edit)}")
    return number


def _set(portal: Portal, kind: str, number: int, values: dict[str, Any]) -> None:
    if kind == USER:
        _save_user(portal, number, values)
    elif kind == "productrows":
        _call(portal, "crm.deal.productrows.set", {"id": number, "rows": values["rows"]})
    elif kind == "deal" and "CATEGORY_ID" in values:
        _move(portal, number, values)
    else:
        _run(portal, kind, "update", {_id_name(kind): number, "fields": values})


def _move(portal: Portal, number: int, values: dict[str, Any]) -> None:
    """Move a deal to another pipeline, which the classic update cannot."""
    place = {"categoryId": values["CATEGORY_ID"]} | ({"stageId": values["STAGE_ID"]} if "STAGE_ID" in values else {})
    _call(portal, "crm.item.update", {"entityTypeId": ENTITY_TYPES["deal"], "id": number, "fields": place})
    rest = {key: value for key, value in values.items() if key not in ("CATEGORY_ID", "STAGE_ID")}
    if rest:
        _run(portal, "deal", "update", {"id": number, "fields": rest})


def _delete(portal: Portal, kind: str, number: int) -> None:
    if kind == USER:
        _save_user(portal, number, {"ACTIVE": False})
    else:
        _run(portal, kind, "delete", {_id_name(kind): number})


def _purge(portal: Portal, kind: str, number: int) -> None:
    if kind not in ENTITY_TYPES:
        portal.store.mark(kind, number, PURGED)
        return
    if portal.records.load(kind, number) is not None:
        _delete(portal, kind, number)
    portal.records.purge(kind, number)


def _restore(portal: Portal, kind: str, number: int, actor: Actor) -> int:
    if kind in ENTITY_TYPES:
        restored = changes.restore(portal, kind, number, actor)
    else:
        restored = number if portal.store.mark(kind, number, LIVE) else None
    if restored is None:
        raise BadEdit(f"no {kind} {number} in the recycle bin")
    return restored


def _save_user(portal: Portal, number: int, values: dict[str, Any]) -> int:
    known, now = portal.store.get(USER, number), portal.now
    row = (known or user_row(number, "", "", "", "", portal.iso())) | values
    portal.store.put(USER, row, id=number, created=now, updated=now)
    if known is None:
        portal.events.emit("ONUSERADD", {"ID": str(number)}, Actor())
    return number


def _run(portal: Portal, kind: str, verb: str, params: dict[str, Any]) -> Any:
    if kind not in _METHODS:
        raise BadEdit(f"no kind {kind!r}; known: {', '.join([*_METHODS, USER, 'productrows', 'webhook'])}")
    return _call(portal, f"{_METHODS[kind][0]}.{verb}", params)


def _call(portal: Portal, name: str, params: dict[str, Any]) -> Any:
    found = REGISTER[name]
    result = found.run(portal, Call(name, params, _PERSON, found.strict))
    return result.result if isinstance(result, Answer) else result


def _id_name(kind: str) -> str:
    return _METHODS[kind][1] if kind in _METHODS else "id"


def _id_of(result: Any) -> int:
    while isinstance(result, dict):
        result = result.get("id") or next(iter(result.values()))
    return int(result)
