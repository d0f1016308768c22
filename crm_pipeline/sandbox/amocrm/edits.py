"""What a person does on the CRM's own screens: edits, trash, restore, purge, merge (facts: amocrm 4.14)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import orjson

from . import entity_writes, notes, tasks
from .custom_fields import remove_field
from .links import connect, disconnect, set_company
from .people import user_row
from .pipelines import remove_status
from .records import ENTITIES, NOTED, Row
from .validation import Errors

if TYPE_CHECKING:
    from .account import Account

Edit = dict[str, Any]
ACTIONS = ("create", "set", "delete", "restore", "purge", "merge", "link", "unlink")


class BadEdit(ValueError):
    """An edit cannot be done; the message says why."""


def apply(account: Account, edit: Edit) -> int | None:
    """Do one edit: {"kind", "id"?, one of ACTIONS, "by"?}; answer the id concerned. Raises BadEdit.

    Kinds: leads, contacts, companies, tasks, leads_notes (contacts_notes, companies_notes), elements_<catalog>, users, pipelines,
    statuses (with "pipeline"), fields_leads (fields_contacts, fields_catalog_1209 …); `link` and `unlink` take {"to_entity_type",
    "to_entity_id", "metadata"?}.
    """
    kind, by = str(edit.get("kind")), edit.get("by", account.users.first_admin())
    action = next((name for name in ACTIONS if name in edit), None)
    if action is None:
        raise BadEdit(f"an edit needs one of {', '.join(ACTIONS)}")
    for fits, actions in _KINDS:
        if fits(kind) and action in actions:
            return actions[action](account, kind, edit, by)
    raise BadEdit(f"cannot {action} {kind}")


# leads, contacts, companies


def _create(account: Account, kind: str, edit: Edit, by: int) -> int:
    errors = Errors()
    act = entity_writes.prepare_create(account, kind, by, edit["create"], errors)
    return _done(errors, act)


def _set(account: Account, kind: str, edit: Edit, by: int) -> int:
    errors = Errors()
    act = entity_writes.prepare_update(account, kind, by, edit["set"] | {"id": edit["id"]}, errors)
    return _done(errors, act)


def _done(errors: Errors, act: Callable[[], Row]) -> int:
    if errors.found:
        raise BadEdit(orjson.dumps(errors.found).decode())
    return int(act()["id"])


def _delete(account: Account, kind: str, edit: Edit, by: int) -> int:
    row = _live(account, kind, edit["id"])
    _hide_links(account, kind, row["id"])
    gone = row | {"is_deleted": True, "updated_at": account.now(), "updated_by": by}
    account.changes.removed(kind, _embedded_last(gone), by)
    return int(row["id"])


def _restore(account: Account, kind: str, edit: Edit, by: int) -> int:
    row = account.records.any(kind, edit["id"])
    if row is None or account.records.state(kind, edit["id"]) != 1:
        raise BadEdit(f"{kind} {edit['id']} is not in the trash")
    back = row | {"is_deleted": False, "updated_at": account.now(), "updated_by": by}
    account.changes.restored(kind, _embedded_last(back), by)
    _show_links(account, kind, row["id"])
    return int(row["id"])


def _purge(account: Account, kind: str, edit: Edit, by: int) -> int:
    if account.records.state(kind, edit["id"]) == 0:
        _delete(account, kind, edit, by)
    row = account.records.any(kind, edit["id"])
    if row is None:
        raise BadEdit(f"no {kind} {edit['id']}")
    account.records.purge(kind, row)
    return int(row["id"])


def _merge(account: Account, kind: str, edit: Edit, by: int) -> int:
    winner_id, loser_id = edit["merge"]
    winner, loser = _live(account, kind, winner_id), _live(account, kind, loser_id)
    _hide_links(account, kind, loser_id)
    _show_links(account, kind, loser_id, as_id=winner_id)
    _move_children(account, kind, loser_id, winner_id)
    winner = _live(account, kind, winner_id)
    union = {
        entry["field_id"]: entry for entry in [*(loser["custom_fields_values"] or []), *(winner["custom_fields_values"] or [])]
    }
    merged = winner | {"custom_fields_values": list(union.values()) or None, "updated_at": account.now(), "updated_by": by}
    account.changes.merged(kind, _embedded_last(merged), loser | {"is_deleted": True}, by)
    return int(winner_id)


def _link(account: Account, kind: str, edit: Edit, by: int) -> int:
    _live(account, kind, edit["id"])
    connect(account, kind, edit["id"], edit["link"], by)
    return int(edit["id"])


def _unlink(account: Account, kind: str, edit: Edit, by: int) -> int:
    _live(account, kind, edit["id"])
    disconnect(account, kind, edit["id"], edit["unlink"], by)
    return int(edit["id"])


def _live(account: Account, kind: str, id: int) -> Row:
    row = account.records.get(kind, id)
    if row is None:
        raise BadEdit(f"no {kind} {id}")
    return row


def _embedded_last(row: Row) -> Row:
    return {name: value for name, value in row.items() if name != "_embedded"} | {"_embedded": row["_embedded"]}


def _hide_links(account: Account, kind: str, id: int) -> None:
    """Take a row out of the rows it is linked with; what was taken out is remembered for a restore."""
    store = account.records.store
    pairs = {"leads": "lead_contacts", "contacts": "contact_leads"}.get(kind)
    joined = [orjson.loads(body) for _, body in store.select(pairs, "parent = ?", (str(id),))] if pairs else []
    for pair in joined:
        account.links.unlink_contact(pair["lead"], pair["contact"], account.now())
    members: list[tuple[str, int]] = []
    if kind == "companies":
        for other in ("leads", "contacts"):
            members += [(other, row_id) for row_id, _ in store.select(other, "parent = ?", (str(id),))]
        for other, row_id in members:
            set_company(account, other, row_id, None)
    store.put(f"{kind}_apart", {"pairs": joined, "members": members}, id=id, created=0, updated=0)


def _show_links(account: Account, kind: str, id: int, as_id: int | None = None) -> None:
    """Put back what _hide_links took out, for the same row or for the one it was merged into."""
    apart = account.records.store.get(f"{kind}_apart", id) or {"pairs": [], "members": []}
    for pair in apart["pairs"]:
        ends = {"lead": pair["lead"], "contact": pair["contact"]} | ({} if as_id is None else {kind.removesuffix("s"): as_id})
        if account.records.get("leads", ends["lead"]) and account.records.get("contacts", ends["contact"]):
            account.links.link_contact(ends["lead"], ends["contact"], pair["is_main"] or None, account.now())
    for other, row_id in apart["members"]:
        set_company(account, other, row_id, id if as_id is None else as_id)


def _move_children(account: Account, kind: str, old: int, new: int) -> None:
    """Hang the notes and tasks of a merged row under the survivor."""
    for note in account.records.rows(f"{kind}_notes", "parent = ?", (str(old),)):
        account.records.save(f"{kind}_notes", note | {"entity_id": new})
    for task in account.records.rows("tasks", "parent = ?", (f"{kind}:{old}",)):
        account.records.save("tasks", task | {"entity_id": new})


# tasks, notes, and the rest


def _create_task(account: Account, kind: str, edit: Edit, by: int) -> int:
    errors = Errors()
    return _done(errors, tasks.prepare_create(account, by, edit["create"], errors))


def _set_task(account: Account, kind: str, edit: Edit, by: int) -> int:
    errors = Errors()
    return _done(errors, tasks.prepare_update(account, by, edit["set"] | {"id": edit["id"]}, errors))


def _delete_task(account: Account, kind: str, edit: Edit, by: int) -> int:
    account.changes.task_removed(_live(account, "tasks", edit["id"]), by)
    return int(edit["id"])


def _create_note(account: Account, kind: str, edit: Edit, by: int) -> int:
    errors = Errors()
    return _done(errors, notes.prepare_create(account, kind.removesuffix("_notes"), None, by, edit["create"], errors))


def _set_note(account: Account, kind: str, edit: Edit, by: int) -> int:
    errors = Errors()
    act = notes.prepare_update(account, kind.removesuffix("_notes"), by, edit["set"] | {"id": edit["id"]}, errors)
    return _done(errors, act)


def _delete_note(account: Account, kind: str, edit: Edit, by: int) -> int:
    account.changes.note_removed(kind.removesuffix("_notes"), _live(account, kind, edit["id"]), by)
    return int(edit["id"])


def _set_plain(account: Account, kind: str, edit: Edit, by: int) -> int:
    row = _live(account, kind, edit["id"]) | edit["set"]
    account.records.save(kind, row | ({"updated_at": account.now(), "updated_by": by} if "updated_at" in row else {}))
    account.forget()
    return int(edit["id"])


def _delete_plain(account: Account, kind: str, edit: Edit, by: int) -> int:
    account.records.purge(kind, _live(account, kind, edit["id"]))
    account.forget()
    return int(edit["id"])


def _create_user(account: Account, kind: str, edit: Edit, by: int) -> int:
    made = edit["create"]
    row = user_row(account, account.records.next_id("users"), made["name"], made["email"], bool(made.get("is_admin", False)))
    account.records.save("users", row)
    account.forget()
    return int(row["id"])


def _delete_status(account: Account, kind: str, edit: Edit, by: int) -> int:
    pipeline = account.pipelines.get(edit["pipeline"])
    if pipeline is None:
        raise BadEdit(f"no pipeline {edit['pipeline']}")
    remove_status(account, pipeline, edit["id"], by)
    return int(edit["id"])


def _delete_field(account: Account, kind: str, edit: Edit, by: int) -> int:
    remove_field(account, kind.removeprefix("fields_"), _live(account, kind, edit["id"]))
    return int(edit["id"])


Action = Callable[["Account", str, Edit, int], int]
_ENTITY: dict[str, Action] = {
    "create": _create,
    "set": _set,
    "delete": _delete,
    "restore": _restore,
    "purge": _purge,
    "merge": _merge,
}
_ENTITY |= {"link": _link, "unlink": _unlink}
_PLAIN: dict[str, Action] = {"set": _set_plain, "delete": _delete_plain, "purge": _delete_plain}
_KINDS: list[tuple[Callable[[str], bool], dict[str, Action]]] = [
    (lambda kind: kind in ENTITIES, _ENTITY),
    (lambda kind: kind == "tasks", {"create": _create_task, "set": _set_task, "delete": _delete_task}),
    (lambda kind: kind.removesuffix("_notes") in NOTED, {"create": _create_note, "set": _set_note, "delete": _delete_note}),
    (lambda kind: kind == "users", _PLAIN | {"create": _create_user}),
    (lambda kind: kind == "statuses", {"delete": _delete_status}),
    (lambda kind: kind.startswith("fields_"), _PLAIN | {"delete": _delete_field}),
    (lambda kind: kind.startswith("elements_") or kind in ("pipelines", "catalogs", "loss_reasons"), _PLAIN),
]
