"""Stage history of deals: append-only rows with native numbers, and the method that lists them (facts: bitrix24 4.10)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .calls import Answer, Call, method
from .columns import CREATED as CREATED_COLUMN
from .columns import ID, json_column
from .filters import Dialect
from .json_text import Rows
from .paging import List, names_of, page, picked
from .refusals import TYPE_UNSUPPORTED

if TYPE_CHECKING:
    from .portal import Portal
    from .records import Record

KIND = "stagehistory"
CREATED, INTERIM, FINAL, PIPELINE = 1, 2, 3, 5
_COLUMNS = {
    "ID": ID,
    "CREATED_TIME": CREATED_COLUMN,
    **{name: json_column(name, "integer") for name in ("TYPE_ID", "OWNER_ID", "CATEGORY_ID")},
    **{name: json_column(name) for name in ("STAGE_SEMANTIC_ID", "STAGE_ID")},
}


def entry(number: int, type_id: int, owner: int, when: str, row: dict[str, Any]) -> dict[str, Any]:
    """Build one history row from a deal's classic row."""
    place = {"CATEGORY_ID": int(row["CATEGORY_ID"]), "STAGE_SEMANTIC_ID": row["STAGE_SEMANTIC_ID"], "STAGE_ID": row["STAGE_ID"]}
    return {"ID": number, "TYPE_ID": type_id, "OWNER_ID": owner, "CREATED_TIME": when, **place}


def append(portal: Portal, record: Record, type_id: int) -> None:
    """Write down that a deal reached its present stage now."""
    number, now = portal.store.next_id(KIND), portal.now
    row = entry(number, type_id, record.id, portal.iso(now), record.row)
    portal.store.put(KIND, row, id=number, created=now, updated=now, parent=f"deal:{record.id}")


@method("crm.stagehistory.list")
def list_history(portal: Portal, call: Call) -> Answer:
    """List stage changes of deals; contacts and companies have none."""
    if call.need_whole("entityTypeId") != 2:
        raise TYPE_UNSUPPORTED
    spec = List(KIND, _COLUMNS, Dialect(portal.moments), fast=portal.switches.fast_mode_everywhere)
    found, names = page(portal, call, spec), names_of(call.get("select"))
    rows = picked(found.texts, names) if names and "*" not in names else Rows(found.texts)
    return found.answer(rows, "items")
