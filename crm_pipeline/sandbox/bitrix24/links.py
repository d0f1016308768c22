"""Links between deals, contacts and companies, and the methods that edit them (facts: bitrix24 4.4, 4.7).

A contact lists its companies and a deal its contacts, main one first; a company mirrors its contacts. Also here: what is tied
to a record (activities, comments, product rows) and follows it into the recycle bin.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING, Any

import orjson

from crm_pipeline.sandbox.store import LIVE, TRASHED

from .calls import Call, register
from .faces import Row
from .fields import MULTI
from .records import SIGNPOST, SIGNPOSTS_EACH, Record, item_kind
from .refusals import classic

if TYPE_CHECKING:
    from .portal import Portal

MAIN = {"contact": "COMPANY_ID", "deal": "CONTACT_ID"}
OTHER = {"contact": "company", "deal": "contact", "company": "contact"}
OWNED = ("activity", "comment", "productrow")
_STATES = {"trash": TRASHED, "live": LIVE}


def settle(portal: Portal, record: Record, linked: Iterable[int] | None) -> None:
    """Make a record's links and its main link agree and mirror them on the other side; the other side's time stays."""
    before = list(record.links)
    record.links = _with_main(record) if linked is None else list(dict.fromkeys(linked))
    if name := MAIN.get(record.kind):
        record.row[name] = str(record.links[0]) if record.links else None
    if record.kind != "deal":
        _mirror(portal, record, set(before), set(record.links))


def _with_main(record: Record) -> list[int]:
    name = MAIN.get(record.kind)
    main = int(record.row[name] or 0) if name else 0
    if name is None or main == (record.links[0] if record.links else 0):
        return record.links
    return [main, *(n for n in record.links if n != main)] if main else record.links[1:]


def _mirror(portal: Portal, record: Record, before: set[int], after: set[int]) -> None:
    for number in sorted(before ^ after):
        other = portal.records.load(OTHER[record.kind], number)
        if other is not None:
            other.links = [n for n in other.links if n != record.id] + ([record.id] if number in after else [])
            if other.kind == "contact":
                other.row["COMPANY_ID"] = str(other.links[0]) if other.links else None
            portal.records.save(other)


def let_go(portal: Portal, record: Record) -> None:
    """Remove a record that went to the recycle bin from everything that points at it."""
    if record.kind == "contact":
        _mirror(portal, record, set(record.links), set())
    rewire(portal, record.kind, record.id, None)


def take_back(portal: Portal, record: Record) -> None:
    """Mirror the links a restored record still has."""
    if record.kind == "contact":
        _mirror(portal, record, set(), set(record.links))


def deals_of(portal: Portal, kind: str, id: int) -> list[Record]:
    """List the live deals of a contact or company."""
    found = portal.store.select(SIGNPOST, "parent = ?", (f"{kind}:{id}",))
    numbers = sorted({number // SIGNPOSTS_EACH for number, _ in found})
    deals = [record for number in numbers if (record := portal.records.load("deal", number))]
    return [deal for deal in deals if id in deal.links or kind == "company"]


def rewire(portal: Portal, kind: str, old: int, new: int | None) -> None:
    """Point everything linked to `old` at `new`, or at nothing; times stay (facts: bitrix24 5)."""
    if kind == "contact":
        _relink(portal, deals_of(portal, kind, old), old, new)
    if kind == "company":
        _relink(portal, _staff(portal, old), old, new)
        for deal in [one for one in deals_of(portal, kind, old) if one.row["COMPANY_ID"] == str(old)]:
            deal.row["COMPANY_ID"] = str(new) if new else None
            portal.records.save(deal)
    if new is not None:
        _reparent(portal, kind, old, new)


def _staff(portal: Portal, company: int) -> list[Record]:
    """List the contacts of a company, also of one in the recycle bin."""
    face = portal.store.get(item_kind("company"), company) or {}
    people = [record for number in face.get("contactIds", []) if (record := portal.records.load("contact", number))]
    return [person for person in people if company in person.links]


def _relink(portal: Portal, records: list[Record], old: int, new: int | None) -> None:
    for record in records:
        replaced = [new if n == old else n for n in record.links]
        settle(portal, record, [n for n in replaced if n is not None])
        portal.records.save(record)


def owned(portal: Portal, kind: str, id: int, state: str) -> None:
    """Send what is tied to a record to the trash with it, or bring it back."""
    for table in OWNED:
        for number, _ in portal.store.select(table, "parent = ?", (f"{kind}:{id}",), deleted=None):
            portal.store.mark(table, number, _STATES[state])


def _reparent(portal: Portal, kind: str, old: int, new: int) -> None:
    for table in OWNED:
        for number, text in portal.store.select(table, "parent = ?", (f"{kind}:{old}",), deleted=None):
            row, times = orjson.loads(text), portal.store.times(table, number)
            key = next(name for name in ("OWNER_ID", "ENTITY_ID", "ownerId") if name in row)
            row[key] = new if table == "productrow" else str(new)
            if times is not None:
                portal.store.put(table, row, id=number, created=times[0], updated=times[1], parent=f"{kind}:{new}")


def merged(kept: Row, gone: Row) -> Row:
    """Return what a merge changes in the kept row: empty values filled, multi-field values it did not have appended."""
    values: Row = {key: value for key, value in gone.items() if key not in MULTI and kept.get(key) in (None, "", [])}
    for name in MULTI:
        known = {value["VALUE"] for value in kept.get(name, ())}
        values[name] = [*kept.get(name, ()), *(v for v in gone.get(name, ()) if v["VALUE"] not in known)]
    return values


def _owner(portal: Portal, call: Call, kind: str) -> Record:
    if call.whole("id") <= 0:
        raise classic("The parameter ownerEntityID is invalid or not defined.")
    record = portal.records.load(kind, call.whole("id"))
    if record is None:
        raise classic("Not found.")
    return record


def _get_items(portal: Portal, call: Call, kind: str) -> list[dict[str, Any]]:
    key = f"{OTHER[kind].upper()}_ID"
    shown = [{key: number, "SORT": (place + 1) * 10} for place, number in enumerate(_owner(portal, call, kind).links)]
    more = {"ROLE_ID": 0} if kind == "deal" else {}
    return [item | more | {"IS_PRIMARY": "N" if place else "Y"} for place, item in enumerate(shown)]


def _save(portal: Portal, record: Record, linked: list[int]) -> bool:
    changed = linked != record.links
    if changed and portal.switches.quiet_changes_move_time:
        record.updated = portal.now
    settle(portal, record, linked)
    portal.records.save(record)
    return changed


def _set_items(portal: Portal, call: Call, kind: str) -> bool:
    record, key = _owner(portal, call, kind), f"{OTHER[kind].upper()}_ID"
    items = call.get("items")
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise classic("The parameter 'items' must be array.")
    ranked = sorted(items, key=lambda item: (str(item.get("IS_PRIMARY", "N")) != "Y", int(item.get("SORT") or 0)))
    _save(portal, record, [int(item[key]) for item in ranked if item.get(key)])
    return True


def _delete_items(portal: Portal, call: Call, kind: str) -> bool:
    _save(portal, _owner(portal, call, kind), [])
    return True


def _add(portal: Portal, call: Call, kind: str) -> bool:
    record, entry = _owner(portal, call, kind), call.classic_fields()
    number = int(entry.get(f"{OTHER[kind].upper()}_ID") or 0)
    if portal.records.load(OTHER[kind], number) is None:
        raise classic("Not found.")
    rest = [n for n in record.links if n != number]
    return _save(portal, record, [number, *rest] if str(entry.get("IS_PRIMARY")) == "Y" else [*rest, number])


def _delete(portal: Portal, call: Call, kind: str) -> bool:
    record, entry = _owner(portal, call, kind), call.classic_fields()
    number = int(entry.get(f"{OTHER[kind].upper()}_ID") or 0)
    return number in record.links and _save(portal, record, [n for n in record.links if n != number])


for _kind, _other in OTHER.items():
    register(f"crm.{_kind}.{_other}.items.get", partial(_get_items, kind=_kind))
    register(f"crm.{_kind}.{_other}.items.set", partial(_set_items, kind=_kind))
    register(f"crm.{_kind}.{_other}.items.delete", partial(_delete_items, kind=_kind))
    register(f"crm.{_kind}.{_other}.add", partial(_add, kind=_kind))
    register(f"crm.{_kind}.{_other}.delete", partial(_delete, kind=_kind))
