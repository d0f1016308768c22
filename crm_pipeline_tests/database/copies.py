"""A client's copy of the records, brought up to date page by page straight from `stages/changes.py`. No assertions here."""

import hashlib
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import Engine

from crm_pipeline.database.delta import View
from crm_pipeline.database.scopes import Sight
from crm_pipeline.stages.changes import Reader, Start

SECRETS = ("a secret of these tests, long enough for them",)


def reader(engine: Engine, *, user: int | None = None, crm_users: tuple[UUID, ...] = (), crm: str | None = None) -> Reader:
    """Return who sees everything, or only what is its own."""
    return Reader(engine, SECRETS, View(Sight(user, crm_users) if user else Sight(), "olga", crm))


@dataclass
class Copy:
    """What a client holds: id -> (entity, version), and the cursor it goes on from."""

    reader: Reader
    held: dict[str, tuple[str, str]] = field(default_factory=dict)
    cursor: str | None = None
    merged: dict[str, str] = field(default_factory=dict)
    """Id that is gone -> id that stands for it."""
    receipts: list[dict[str, Any]] = field(default_factory=list)

    def take(self, limit: int = 1000) -> bool:
        """Take a page; return whether there is more."""
        return self._page(limit)[0]

    def follow(self, limit: int = 1000) -> None:
        """Take pages until there is nothing more."""
        while self.take(limit):
            pass

    def differences(self) -> list[str]:
        """Return the entities whose checksum is not that of the copy."""
        while True:
            has_more, sums = self._page(1000, checksums=True)
            if not has_more:
                assert sums is not None
                return [entity for entity, told in sums.items() if self._sum(entity, told["unsettled"]) != told]

    def _page(self, limit: int, checksums: bool = False) -> tuple[bool, dict[str, Any] | None]:
        start = Start() if self.cursor is None else self.reader.start(self.cursor)
        answer = self.reader.page(start, limit, checksums=checksums)
        for change in map(orjson.loads, answer.changes):
            self._apply(change)
        self.cursor = answer.next_cursor
        return answer.has_more, answer.checksums

    def _apply(self, change: dict[str, Any]) -> None:
        if change["entity"] == "operations":
            self.receipts.append(change["record"])
        elif change["op"] == "upsert":
            self.held[change["id"]] = (change["entity"], change["version"])
        else:
            self.held.pop(change["id"], None)
            self.merged |= {change["id"]: change["merged_into"]} if "merged_into" in change else {}

    def _sum(self, entity: str, unsettled: list[str]) -> dict[str, Any]:
        texts = [f"{id_} {version}" for id_, (of, version) in self.held.items() if of == entity and id_ not in unsettled]
        total = sum(int(hashlib.md5(text.encode()).hexdigest()[:15], 16) for text in texts) % 2**60
        return {"count": len(texts), "hash": str(total), "unsettled": unsettled}
