"""A person's edits: create, set, delete, restore, purge, merge by kind (sandbox README, /_sandbox/edit).

Field names are the vendor's: UPPER_CASE for CRM rows and tasks, camelCase for products. Edits take the same way as calls do.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from crm_pipeline.sandbox.store import LIVE, PURGED

from . import changes, installation
from .calls import REGISTER, Actor, Answer, Call, Credential
from .fields import ENTITY_TYPES
from .portal import Portal
from .space import ADMIN, IBLOCK
from .users import KIND as USER
from .users import user_row

Values = dict[str, Any]
_METHODS = {
    **{kind: (f"crm.{kind}", "id") for kind in ENTITY_TYPES},
    "activity": ("crm.activity", "id"),
    "comment": ("crm.timeline.comment", "id"),
    "task": ("tasks.task", "taskId"),
    "product": ("catalog.product", "id"),
}


class BadEdit(ValueError):
    """An edit makes no sense: unknown kind, unknown row, nothing to do."""


def apply_edit(portal: Portal, edit: Values) -> int | None:
    """Do one edit, as the administrator or as `user`, and return the id concerned. Raises BadEdit or Refusal."""
    with portal.lock:
        return Editor(portal, int(edit.get("user", ADMIN))).apply(str(edit.get("kind")), edit)


@dataclass
class Editor:
    """Somebody who works in the portal."""

    portal: Portal
    user: int

    def apply(self, kind: str, edit: Values) -> int | None:
        """Do what the edit names."""
        if "merge" in edit:
            winner, loser = map(int, edit["merge"])
            changes.merge(self.portal, kind, winner, loser, self.actor)
            return winner
        if "create" in edit:
            return _CREATE.get(kind, Editor.add)(self, kind, edit["create"])
        number = int(edit["id"])
        if "set" in edit:
            _SET.get(kind, Editor.change)(self, kind, number, edit["set"])
            return number
        for verb, act in _VERBS.items():
            if edit.get(verb):
                return act(self, kind, number)
        raise BadEdit(f"nothing to do in {sorted(edit)}")

    @property
    def actor(self) -> Actor:
        return Actor(self.user)

    # creating

    def add(self, kind: str, values: Values) -> int:
        result = self.run(kind, "add", {"fields": {"iblockId": IBLOCK, **values} if kind == "product" else values})
        while isinstance(result, dict):
            result = result.get("id") or next(iter(result.values()))
        return int(result)

    def add_user(self, kind: str, values: Values) -> int:
        number, now = self.portal.store.next_id(USER), self.portal.now
        row = user_row(number, "", "", "", "", self.portal.iso(now)) | values
        self.portal.store.put(USER, row, id=number, created=now, updated=now)
        self.portal.events.emit("ONUSERADD", {"ID": str(number)}, self.actor)
        return number

    def add_outgoing_webhook(self, kind: str, values: Values) -> None:
        for event in values["events"]:
            self.portal.events.bind(event, handler=values["handler"], app=False)

    def install_app(self, kind: str, values: Values) -> None:
        installation.install(self.portal, str(values["handler"]))

    # changing

    def change(self, kind: str, number: int, values: Values) -> None:
        self.run(kind, "update", {_id_name(kind): number, "fields": values})

    def change_user(self, kind: str, number: int, values: Values) -> None:
        now, row = self.portal.now, self.portal.store.get(USER, number)
        if row is None:
            raise BadEdit(f"no user {number}")
        self.portal.store.put(USER, row | values, id=number, created=now, updated=now)

    def change_deal(self, kind: str, number: int, values: Values) -> None:
        """Change a deal; the classic update cannot move it to another pipeline, crm.item.update can."""
        rest = dict(values)
        if "CATEGORY_ID" in rest:
            place = {"categoryId": rest.pop("CATEGORY_ID")} | ({"stageId": rest.pop("STAGE_ID")} if "STAGE_ID" in rest else {})
            self.call("crm.item.update", {"entityTypeId": ENTITY_TYPES[kind], "id": number, "fields": place})
        if rest or rest == values:
            self.change(kind, number, rest)

    def change_rows(self, kind: str, number: int, values: Values) -> None:
        self.call("crm.deal.productrows.set", {"id": number, "rows": values["rows"]})

    def change_app(self, kind: str, number: int, values: Values) -> None:
        self.portal.access.redirect_uri = str(values["redirect_uri"])

    # removing

    def delete(self, kind: str, number: int) -> int:
        if kind == USER:
            self.change_user(kind, number, {"ACTIVE": False})
        elif kind == "app":
            installation.uninstall(self.portal)
        else:
            self.run(kind, "delete", {_id_name(kind): number})
        return number

    def purge(self, kind: str, number: int) -> int:
        if kind not in ENTITY_TYPES:
            self.portal.store.mark(kind, number, PURGED)
            return number
        if self.portal.records.load(kind, number) is not None:
            self.delete(kind, number)
        self.portal.records.purge(kind, number)
        return number

    def restore(self, kind: str, number: int) -> int:
        if kind in ENTITY_TYPES:
            restored = changes.restore(self.portal, kind, number, self.actor)
        else:
            restored = number if self.portal.store.mark(kind, number, LIVE) else None
        if restored is None:
            raise BadEdit(f"no {kind} {number} in the recycle bin")
        return restored

    # the way calls go

    def run(self, kind: str, verb: str, params: Values) -> Any:
        if kind not in _METHODS:
            raise BadEdit(f"no kind {kind!r}; known: {', '.join({**_METHODS, **_SET, **_CREATE})}")
        return self.call(f"{_METHODS[kind][0]}.{verb}", params)

    def call(self, name: str, params: Values) -> Any:
        found = REGISTER[name]
        person = Credential("person", "person", self.user, frozenset())
        result = found.run(self.portal, Call(name, params, person, found.strict))
        return result.result if isinstance(result, Answer) else result


def _id_name(kind: str) -> str:
    return _METHODS[kind][1] if kind in _METHODS else "id"


_CREATE = {USER: Editor.add_user, "webhook": Editor.add_outgoing_webhook, "app": Editor.install_app}
_SET = {
    USER: Editor.change_user,
    "deal": Editor.change_deal,
    "productrows": Editor.change_rows,
    "app": Editor.change_app,
}
_VERBS = {"delete": Editor.delete, "purge": Editor.purge, "restore": Editor.restore}
