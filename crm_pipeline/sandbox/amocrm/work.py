"""Random plausible edits, as a working day of people makes them; the same for the same seed and content."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import orjson

from .records import Row
from .stages import INBOX

if TYPE_CHECKING:
    from .account import Account

Edit = dict[str, Any]
DAY = 86_400
Maker = Callable[["Account", random.Random], Edit | None]
_FIRST = ("Анна", "Пётр", "Мария", "Олег", "Ирина", "Сергей")
_LAST = ("Ким", "Белоус", "Шевчук", "Гладких", "Черных", "Дюма")
_POSITIONS = ("Директор", "Инженер", "Закупщик", "Бухгалтер")
_TEXTS = ("Перезвонить", "Отправить договор", "Уточнить сроки", "Согласовать скидку")


def plausible(account: Account, n: int, seed: int) -> list[Edit]:
    """Answer n edits for `edits.apply`."""
    chance = random.Random(seed)
    makers, weights = [maker for maker, _ in _MAKERS], [weight for _, weight in _MAKERS]
    found: list[Edit] = []
    while len(found) < n:
        edit = chance.choices(makers, weights)[0](account, chance) or _new_contact(account, chance)
        found.append(edit | {"by": _somebody(account, chance)})
    return found


def _some(account: Account, kind: str, chance: random.Random) -> Row | None:
    """Answer a live row at a random place of the id range."""
    ends = [account.records.select(kind, order=order, limit=1) for order in ("id", "id DESC")]
    if not ends[0]:
        return None
    at = chance.randint(ends[0][0][0], ends[1][0][0])
    return orjson.loads(account.records.select(kind, "id >= ?", (at,), limit=1)[0][1])


def _somebody(account: Account, chance: random.Random) -> int:
    return chance.choice(sorted(id for id in account.users.all() if account.users.is_active(id)))


def _move_lead(account: Account, chance: random.Random) -> Edit | None:
    lead = _some(account, "leads", chance)
    if lead is None:
        return None
    stages = [status["id"] for status in account.pipelines.statuses(lead["pipeline_id"]) if status["type"] != INBOX]
    return {"kind": "leads", "id": lead["id"], "set": {"status_id": chance.choice(stages)}}


def _price_lead(account: Account, chance: random.Random) -> Edit | None:
    lead = _some(account, "leads", chance)
    return lead and {"kind": "leads", "id": lead["id"], "set": {"price": chance.randrange(1_000, 900_000, 100)}}


def _phone(account: Account, chance: random.Random) -> Edit | None:
    contact = _some(account, "contacts", chance)
    if contact is None:
        return None
    value = {"value": f"+7 9{chance.randrange(10**8, 10**9)}", "enum_code": "MOB"}
    return {
        "kind": "contacts",
        "id": contact["id"],
        "set": {"custom_fields_values": [{"field_code": "PHONE", "values": [value]}]},
    }


def _position(account: Account, chance: random.Random) -> Edit | None:
    contact = _some(account, "contacts", chance)
    values = [{"field_code": "POSITION", "values": [{"value": chance.choice(_POSITIONS)}]}]
    return contact and {"kind": "contacts", "id": contact["id"], "set": {"custom_fields_values": values}}


def _owner(account: Account, chance: random.Random) -> Edit | None:
    company = _some(account, "companies", chance)
    return company and {"kind": "companies", "id": company["id"], "set": {"responsible_user_id": _somebody(account, chance)}}


def _tag(account: Account, chance: random.Random) -> Edit | None:
    contact = _some(account, "contacts", chance)
    return contact and {
        "kind": "contacts",
        "id": contact["id"],
        "set": {"tags_to_add": [{"name": f"акция-{chance.randrange(9)}"}]},
    }


def _finish_task(account: Account, chance: random.Random) -> Edit | None:
    task = _some(account, "tasks", chance)
    return task and {"kind": "tasks", "id": task["id"], "set": {"is_completed": True, "result": {"text": "Договорились"}}}


def _new_task(account: Account, chance: random.Random) -> Edit | None:
    lead = _some(account, "leads", chance)
    # Whole days, so that the same seed means the same edits all day long.
    due = (account.now() // DAY + chance.randrange(2, 20)) * DAY
    made = {"text": chance.choice(_TEXTS), "complete_till": due, "task_type_id": chance.choice((1, 2))}
    return lead and {"kind": "tasks", "create": made | {"entity_id": lead["id"], "entity_type": "leads"}}


def _new_note(account: Account, chance: random.Random) -> Edit | None:
    contact = _some(account, "contacts", chance)
    made = {"note_type": "common", "params": {"text": chance.choice(_TEXTS)}}
    return contact and {"kind": "contacts_notes", "create": made | {"entity_id": contact["id"]}}


def _new_contact(account: Account, chance: random.Random) -> Edit:
    first, last = chance.choice(_FIRST), chance.choice(_LAST)
    mail = {"field_code": "EMAIL", "values": [{"value": f"new{chance.randrange(10**9)}@mail.example.com", "enum_code": "WORK"}]}
    return {"kind": "contacts", "create": {"first_name": first, "last_name": last, "custom_fields_values": [mail]}}


def _new_lead(account: Account, chance: random.Random) -> Edit | None:
    contact = _some(account, "contacts", chance)
    made: Row = {"name": f"Сделка {chance.randrange(10**6)}", "price": chance.randrange(1_000, 500_000, 500)}
    links = {"contacts": [{"id": contact["id"], "is_main": True}]} if contact else {}
    return {"kind": "leads", "create": made | ({"_embedded": links} if links else {})}


_MAKERS: list[tuple[Maker, int]] = [
    (_move_lead, 20),
    (_price_lead, 12),
    (_phone, 12),
    (_position, 8),
    (_owner, 5),
    (_tag, 8),
    (_finish_task, 8),
    (_new_task, 6),
    (_new_note, 10),
    (_new_contact, 6),
    (_new_lead, 6),
]
