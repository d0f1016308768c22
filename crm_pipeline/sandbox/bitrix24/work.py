"""Plausible random edits, as a day's work in the CRM makes them: the same ones for the same seed and content.

Here: choosing. Edits are done by edits.py.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import orjson

from .portal import Portal

Edit = dict[str, Any]
_FIRST = ("Анна", "Иван", "Мария", "Олег", "Jane", "Paul")
_LAST = ("Иванова", "Петров", "Смирнова", "Кузнецов", "Miller", "Stone")
_STAGES = ("PREPARATION", "EXECUTING", "FINAL_INVOICE", "WON", "LOSE")


class Worker:
    """Chooses edits; rows it has deleted are not chosen again."""

    def __init__(self, portal: Portal, seed: int):
        self.portal, self.chance = portal, random.Random(seed)
        self.gone: set[tuple[str, int]] = set()

    def edits(self, n: int) -> list[Edit]:
        """Choose n edits."""
        chosen: list[Edit] = []
        while len(chosen) < n:
            choose = self.chance.choices(list(_CHOICES), list(_CHOICES.values()))[0]
            edit = choose(self) or self.new_contact()
            chosen.append(edit)
        return chosen

    def pick(self, kind: str) -> int | None:
        """Choose a live row."""
        top = self.portal.store.select(kind, order="id DESC", limit=1)
        for _ in range(20 if top else 0):
            at = self.chance.randint(1, top[0][0])
            found = self.portal.store.select(kind, "id >= ?", (at,), limit=1)
            if found and (kind, found[0][0]) not in self.gone:
                return found[0][0]
        return None

    def new_contact(self) -> Edit:
        name, last, number = self.chance.choice(_FIRST), self.chance.choice(_LAST), self.chance.randint(1000000, 9999999)
        phone = [{"VALUE": f"+7495{number}", "VALUE_TYPE": "WORK"}]
        email = [{"VALUE": f"new{number}@example.test", "VALUE_TYPE": "WORK"}]
        return {"kind": "contact", "create": {"NAME": name, "LAST_NAME": last, "PHONE": phone, "EMAIL": email}}

    def rename(self) -> Edit | None:
        return self._set("contact", {"POST": f"Role {self.chance.randint(1, 999)}", "LAST_NAME": self.chance.choice(_LAST)})

    def add_phone(self) -> Edit | None:
        entry = {"VALUE": f"+7916{self.chance.randint(1000000, 9999999)}", "VALUE_TYPE": "MOBILE"}
        return self._set("contact", {"PHONE": [entry]})

    def drop_phone(self) -> Edit | None:
        number = self.pick("contact")
        values = (self.portal.store.get("contact", number) or {}).get("PHONE", []) if number else []
        return {"kind": "contact", "id": number, "set": {"PHONE": [{"ID": values[0]["ID"], "DELETE": "Y"}]}} if values else None

    def change_company(self) -> Edit | None:
        return self._set("company", {"REVENUE": self.chance.randint(1, 9999) * 1000})

    def new_deal(self) -> Edit:
        values: Edit = {"TITLE": f"Order {self.chance.randint(1, 10**6)}", "OPPORTUNITY": self.chance.randint(1, 9999)}
        contact = self.pick("contact")
        return {"kind": "deal", "create": values | ({"CONTACT_IDS": [contact]} if contact else {})}

    def move_deal(self) -> Edit | None:
        number = self.pick("deal")
        if number is None:
            return None
        row = orjson.loads(self.portal.store.text("deal", number) or "{}")
        stage = self.chance.choice(_STAGES)
        return {
            "kind": "deal",
            "id": number,
            "set": {"STAGE_ID": f"C{row['CATEGORY_ID']}:{stage}" if row["CATEGORY_ID"] != "0" else stage},
        }

    def change_deal(self) -> Edit | None:
        return self._set("deal", {"OPPORTUNITY": self.chance.randint(1, 99999), "IS_MANUAL_OPPORTUNITY": "Y"})

    def comment(self) -> Edit | None:
        number = self.pick("deal")
        values = {"ENTITY_TYPE": "deal", "ENTITY_ID": number, "COMMENT": f"[B]Noted[/B] {self.chance.randint(1, 10**6)}"}
        return {"kind": "comment", "create": values} if number else None

    def finish_task(self) -> Edit | None:
        return self._set("task", {"STATUS": "5"})

    def delete(self) -> Edit | None:
        kind = self.chance.choice(("contact", "deal"))
        number = self.pick(kind)
        if number is None:
            return None
        self.gone.add((kind, number))
        return {"kind": kind, "id": number, "delete": True}

    def merge(self) -> Edit | None:
        winner, loser = self.pick("contact"), self.pick("contact")
        if winner is None or loser is None or winner == loser:
            return None
        self.gone.add(("contact", loser))
        return {"kind": "contact", "merge": [winner, loser]}

    def _set(self, kind: str, values: Edit) -> Edit | None:
        number = self.pick(kind)
        return {"kind": kind, "id": number, "set": values} if number else None


_CHOICES: dict[Callable[[Worker], Edit | None], int] = {
    Worker.new_contact: 10,
    Worker.rename: 15,
    Worker.add_phone: 10,
    Worker.drop_phone: 4,
    Worker.change_company: 8,
    Worker.new_deal: 10,
    Worker.move_deal: 18,
    Worker.change_deal: 10,
    Worker.comment: 6,
    Worker.finish_task: 5,
    Worker.delete: 3,
    Worker.merge: 1,
}
