"""Where a lead stands: pipeline, status, closing time, loss reason (facts: amocrm 4.1, 4.8)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .records import Row
from .validation import Errors

if TYPE_CHECKING:
    from .account import Account

WON, LOST = 142, 143
INBOX = 1


def staged(account: Account, row: Row, item: Row, errors: Errors) -> Row:
    """Answer pipeline_id, status_id, closed_at and loss_reason_id of a lead after a write."""
    pipeline = _whole(item, "pipeline_id") or row.get("pipeline_id") or account.pipelines.main()["id"]
    if account.pipelines.get(pipeline) is None:
        return {}  # refused by the check of the field itself
    moved = pipeline != row.get("pipeline_id")
    status = _whole(item, "status_id") or (account.pipelines.first_status(pipeline) if moved else row["status_id"])
    found = account.pipelines.status(pipeline, status)
    if found is None or found["type"] == INBOX:
        if "status_id" in item:
            errors.add("NotSupportedChoice", "status_id")
        return {}
    return {"pipeline_id": pipeline, "status_id": status} | _closing(account, row, item, status)


def _whole(item: Row, name: str) -> int | None:
    value = item.get(name)
    return value if isinstance(value, int) else None


def _closing(account: Account, row: Row, item: Row, status: int) -> Row:
    if status not in (WON, LOST):
        return {"closed_at": None, "loss_reason_id": None}
    was_closed = row.get("status_id") in (WON, LOST)
    closed = item.get("closed_at") or (row.get("closed_at") if was_closed else None) or account.now()
    reason = item.get("loss_reason_id", row.get("loss_reason_id")) if status == LOST else None
    return {"closed_at": closed, "loss_reason_id": reason}
