"""Receipts: what became of operations and of the changes that carry them.

What belongs here: reading them, those that moved between two transactions, and forgetting the old ones. Which status they come
to is decided by `model/receipts.py`.
"""

from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Connection, Engine

from crm_pipeline.database.queries import queries
from crm_pipeline.database.templates import fill
from crm_pipeline.model.receipts import STATUS_OF, UNWELL, overall

KEPT_DAYS = 30
"""For so long an operation that is sent again is answered again."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of one operation. version: transaction that last moved it, a decimal text."""

    id: str
    actor: str
    status: str
    reason: str | None
    record: str | None
    received_at: datetime
    version: str
    changes: list[dict[str, Any]]

    def as_json(self) -> dict[str, Any]:
        """Return it as the API answers it, alone and in the delta."""
        status = overall(self.status, [(one["state"], one["code"]) for one in self.changes])
        why = (one["reason"] for one in self.changes if STATUS_OF[one["state"]] == status and status in UNWELL)
        shown = ("id", "connection", "state", "attempts", "next_attempt_at", "reason", "applied_at")
        return {
            "id": self.id, "status": status,
            "record": self.record, "changes": [{name: one[name] for name in shown} for one in self.changes],
            "reason": self.reason or next(why, None), "received_at": self.received_at,
        }  # fmt: skip


@cache
def _statement(name: str) -> str:
    found = queries("receipts")
    return fill(found["receipt"].rstrip("; \n") + "\n" + found[name], version=found["version"].rstrip("; \n"))


def by_id(engine: Engine, operation_id: str) -> Receipt | None:
    """Return the receipt of an operation, or None when there is none of that id."""
    with engine.connect() as db:
        row = db.exec_driver_sql(_statement("by_id"), {"id": operation_id}).one_or_none()
        return _receipt(row) if row else None


def changed(db: Connection, actor: str, after: str, after_id: str, before: str, limit: int) -> list[Receipt]:
    """Return receipts of an actor with (after, after_id) < (version, id) and version < before, in that order.

    `after` and `before` are transaction ids as decimal texts; `before` is the xmin of the reader's snapshot.
    """
    values = {"actor": actor, "after": after, "after_id": after_id, "before": before, "limit": limit}
    return [_receipt(row) for row in db.exec_driver_sql(_statement("changed"), values)]


def purge(engine: Engine, days: int = KEPT_DAYS) -> int:
    """Forget operations received so long ago, but for those still on their way; return how many."""
    with engine.begin() as db:
        return db.exec_driver_sql(queries("receipts")["purge"], {"days": days}).rowcount


def _receipt(row: Any) -> Receipt:
    return Receipt(**{**row._mapping, "version": str(row.version)})
