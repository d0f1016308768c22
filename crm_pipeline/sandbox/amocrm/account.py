"""The state of one amoCRM account that all endpoints share, and the account's constants."""

from __future__ import annotations

import zlib
from typing import Any

from ..clock import Clock
from ..store import Store
from .answers import self_link
from .changes import Changes
from .definitions import Definitions
from .events import EventLog
from .hooks import Hooks
from .linkbook import LinkBook
from .records import Records, Row
from .switches import AmoSwitches

WON, LOST = 142, 143
UNSORTED_TYPE = 1
TASK_TYPES = [
    {"id": 1, "name": "Связаться", "color": None, "icon_id": None, "code": "FOLLOW_UP"},
    {"id": 2, "name": "Встреча", "color": None, "icon_id": None, "code": "MEETING"},
    {"id": 2_801, "name": "Письмо", "color": "#ccc8f9", "icon_id": 7, "code": None},
]
GROUPS = [{"id": 0, "name": "Отдел продаж", "uuid": None}]


def account_id_of(subdomain: str) -> int:
    """Answer the same id for the same subdomain, in the range real accounts have."""
    return 30_000_000 + zlib.crc32(subdomain.encode()) % 2_000_000


class Users:
    """Who works in the account."""

    def __init__(self, records: Records) -> None:
        self._records = records
        self._cache: dict[int, Row] | None = None

    def all(self) -> dict[int, Row]:
        if self._cache is None:
            self._cache = {row["id"]: row for row in self._records.rows("users")}
        return self._cache

    def forget(self) -> None:
        self._cache = None

    def is_active(self, id: int) -> bool:
        user = self.all().get(id)
        return user is not None and bool(user["rights"]["is_active"])

    def is_admin(self, id: int) -> bool:
        user = self.all().get(id)
        return user is not None and bool(user["rights"]["is_admin"])

    def first_admin(self) -> int:
        return min(id for id, user in self.all().items() if user["rights"]["is_admin"])


class Pipelines:
    """The sales pipelines with their statuses, as rows of kind "pipelines"."""

    def __init__(self, records: Records) -> None:
        self._records = records
        self._cache: dict[int, Row] | None = None

    def all(self) -> list[Row]:
        """List them in their order."""
        if self._cache is None:
            self._cache = {row["id"]: row for row in self._records.rows("pipelines")}
        return sorted(self._cache.values(), key=lambda row: (row["sort"], row["id"]))

    def get(self, id: int) -> Row | None:
        self.all()
        return (self._cache or {}).get(id)

    def save(self, row: Row, deleted: int = 0) -> None:
        self._records.save("pipelines", row, deleted)
        self._cache = None

    def forget(self) -> None:
        self._cache = None

    def main(self) -> Row:
        return next((row for row in self.all() if row["is_main"]), self.all()[0])

    def statuses(self, id: int) -> list[Row]:
        row = self.get(id)
        return [] if row is None else row["_embedded"]["statuses"]

    def status(self, pipeline_id: int, id: int) -> Row | None:
        return next((status for status in self.statuses(pipeline_id) if status["id"] == id), None)

    def first_status(self, id: int) -> int:
        """Answer the first stage a lead may be put in (not the inbox)."""
        return min((s for s in self.statuses(id) if s["type"] != UNSORTED_TYPE), key=lambda s: s["sort"])["id"]


class Account:
    """Everything one account holds."""

    def __init__(self, store: Store, clock: Clock, switches: AmoSwitches, subdomain: str) -> None:
        self.id, self.subdomain = account_id_of(subdomain), subdomain
        self.clock, self.switches = clock, switches
        self.records = Records(store, clock, switches)
        self.users, self.pipelines = Users(self.records), Pipelines(self.records)
        self.definitions = Definitions(self.records)
        self.links = LinkBook(self.records)
        self.events = EventLog(self.records, clock, self.id)
        self.hooks = Hooks(self)
        self.changes = Changes(self)
        self.pinned: set[tuple[str, int]] = set()

    def now(self) -> int:
        """Answer whole unix seconds."""
        return self.clock.seconds()

    def row_head(self, path: str) -> dict[str, Any]:
        """Build what every row ends with."""
        return {"account_id": self.id, "_links": self_link(path)}

    def forget(self) -> None:
        """Drop what was cached of small kinds, after seeding."""
        for part in (self.users, self.pipelines, self.definitions):
            part.forget()
