"""What creating, changing and removing a contact, company or deal entails: stages, links, times, events, recycle bin.

Both APIs and a person's edits come through here, so that they look the same from outside (facts: bitrix24 4.7, 5, 8.1).
"""

from __future__ import annotations

from . import links, stagehistory
from .calls import Actor
from .dictionaries import PROCESS, category_of
from .faces import Row
from .multifields import flags
from .portal import Portal
from .records import Record

DAY = 86_400


def create(portal: Portal, kind: str, values: Row, linked: list[int] | None, actor: Actor, *, at: int | None = None) -> Record:
    """Add a record; `values` are stored classic values, `at` a creation time set by an import."""
    record = portal.records.new(kind, portal.now)
    record.created = record.created if at is None else at
    record.row |= defaults(portal, record, actor) | values
    if kind == "deal":
        _place(portal, record.row)
        stagehistory.append(portal, record, stagehistory.CREATED)
    _finish(portal, record, linked, actor)
    portal.events.crm(kind, "ADD", record.id, actor)
    return record


def change(portal: Portal, record: Record, values: Row, linked: list[int] | None, actor: Actor) -> Record:
    """Change a record: only the given values, the time moves even when they are equal."""
    stage = record.row.get("STAGE_ID")
    record.row |= values
    if record.kind == "deal" and record.row["STAGE_ID"] != stage:
        _move(portal, record, stage, actor)
    record.row |= {"MODIFY_BY_ID": str(actor.user), "LAST_ACTIVITY_BY": str(actor.user)}
    record.updated = portal.now
    _finish(portal, record, linked, actor)
    portal.events.crm(record.kind, "UPDATE", record.id, actor)
    return record


def remove(portal: Portal, kind: str, id: int, actor: Actor) -> None:
    """Move a record to the recycle bin; what is tied to it goes with it, what is linked to it is let go (facts: bitrix24 5)."""
    record = portal.records.load(kind, id)
    portal.records.trash(kind, id)
    links.owned(portal, kind, id, "trash")
    if record is not None:
        links.let_go(portal, record)
    portal.events.crm(kind, "DELETE", id, actor)


def restore(portal: Portal, kind: str, id: int, actor: Actor) -> int | None:
    """Take a record out of the recycle bin and return its id, a new one by the switch (facts: bitrix24 5, very weak)."""
    record = portal.records.trashed(kind, id)
    if record is None:
        return None
    if not portal.switches.restore_gives_new_id:
        portal.records.revive(kind, id)
        links.owned(portal, kind, id, "live")
        links.take_back(portal, record)
        portal.events.crm(kind, "ADD", id, actor)
        return id
    portal.records.purge(kind, id)
    links.owned(portal, kind, id, "live")
    return _reborn(portal, record, actor)


def merge(portal: Portal, kind: str, winner: int, loser: int, actor: Actor) -> None:
    """Merge duplicates: the loser's links and phones go to the winner, seen as UPDATE and DELETE (facts: bitrix24 5)."""
    kept, gone = portal.records.load(kind, winner), portal.records.load(kind, loser)
    if kept is None or gone is None:
        raise ValueError(f"nothing to merge: {kind} {winner}, {loser}")
    links.rewire(portal, kind, loser, winner)
    values = links.merged(kept.row, gone.row)
    change(portal, kept, values, list(dict.fromkeys([*kept.links, *gone.links])), actor)
    remove(portal, kind, loser, actor)


def defaults(portal: Portal, record: Record, actor: Actor) -> Row:
    """Return the values a new record has unless told otherwise (facts: bitrix24 4.7)."""
    user, now = str(actor.user), portal.iso(record.created)
    row: Row = dict.fromkeys(("ASSIGNED_BY_ID", "CREATED_BY_ID", "MODIFY_BY_ID", "LAST_ACTIVITY_BY"), user)
    row |= {"OPENED": "Y", "LAST_ACTIVITY_TIME": now}
    return row | _OWN_DEFAULTS[record.kind](portal, record, user)


def _contact_defaults(portal: Portal, record: Record, user: str) -> Row:
    return {"EXPORT": "Y", "TYPE_ID": "CLIENT", "HAS_IMOL": "N"}


def _company_defaults(portal: Portal, record: Record, user: str) -> Row:
    own = {"COMPANY_TYPE": "CUSTOMER", "REVENUE": "0", "CURRENCY_ID": portal.dictionaries.currency}
    return own | {"IS_MY_COMPANY": "N", "HAS_IMOL": "N"}


def _deal_defaults(portal: Portal, record: Record, user: str) -> Row:
    today, due = (portal.moments.day(portal.iso(record.created + days * DAY)) for days in (0, 7))
    row: Row = {"TITLE": f"Deal #{record.id}", "TYPE_ID": "SALE", "CATEGORY_ID": "0", "OPPORTUNITY": "0.00", "TAX_VALUE": "0.00"}
    row |= {"CURRENCY_ID": portal.dictionaries.currency, "IS_MANUAL_OPPORTUNITY": "N", "BEGINDATE": today, "CLOSEDATE": due}
    row |= dict.fromkeys(("IS_RECURRING", "IS_RETURN_CUSTOMER", "IS_REPEATED_APPROACH"), "N")
    return row | {"MOVED_BY_ID": user, "MOVED_TIME": portal.iso(record.created)}


_OWN_DEFAULTS = {"contact": _contact_defaults, "company": _company_defaults, "deal": _deal_defaults}


def _place(portal: Portal, row: Row) -> None:
    """Put a new deal on the first stage of its pipeline when no fitting stage was named."""
    stages = portal.dictionaries.stages(int(row["CATEGORY_ID"] or 0))
    if row.get("STAGE_ID") not in [stage["STATUS_ID"] for stage in stages]:
        row["STAGE_ID"] = stages[0]["STATUS_ID"]
    follow_stage(portal, row)


def follow_stage(portal: Portal, row: Row) -> None:
    """Set what depends on the stage: meaning, closed, new."""
    semantics = portal.dictionaries.semantics(row["STAGE_ID"]) or PROCESS
    first = portal.dictionaries.stages(int(row["CATEGORY_ID"]))[0]["STATUS_ID"] == row["STAGE_ID"]
    row |= {"STAGE_SEMANTIC_ID": semantics, "CLOSED": "N" if semantics == PROCESS else "Y", "IS_NEW": "Y" if first else "N"}


def _move(portal: Portal, record: Record, before: str | None, actor: Actor) -> None:
    row = record.row
    row["CATEGORY_ID"] = str(category_of(row["STAGE_ID"]))
    row |= {"MOVED_BY_ID": str(actor.user), "MOVED_TIME": portal.iso(portal.now)}
    follow_stage(portal, row)
    moved = category_of(before or "") != category_of(row["STAGE_ID"])
    done = stagehistory.FINAL if row["CLOSED"] == "Y" else stagehistory.INTERIM
    stagehistory.append(portal, record, stagehistory.PIPELINE if moved else done)
    if moved:
        place = {"CATEGORY_ID": row["CATEGORY_ID"], "STAGE_ID": row["STAGE_ID"]}
        portal.events.emit("ONCRMDEALMOVETOCATEGORY", {"FIELDS": {"ID": str(record.id), **place}}, actor)


def _finish(portal: Portal, record: Record, linked: list[int] | None, actor: Actor) -> None:
    links.settle(portal, record, linked)
    record.row |= flags(record.kind, record.row)
    portal.records.save(record)


def _reborn(portal: Portal, record: Record, actor: Actor) -> int:
    old = record.id
    record.id, record.updated = portal.store.next_id(record.kind), portal.now
    portal.records.save(record)
    links.rewire(portal, record.kind, old, record.id)
    links.take_back(portal, record)
    portal.events.crm(record.kind, "ADD", record.id, actor)
    return record.id
