"""Deals, tasks and talks of a world as amoCRM rows."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Any

from ..world import Deal, Talk, Task
from .custom_values import local_midnight
from .entity_writes import tail
from .furniture import MAIN, REPEAT, REPEAT_STAGES, STAGES
from .ids import TARGETS, id_of
from .linkbook import reference
from .notes import note_row
from .people_rows import DAY, Maker, Values
from .records import Row
from .tasks import blank

if TYPE_CHECKING:
    from .account import Account

REASON_BASE = 8_800
TASK_TYPES = {"call": 1, "meeting": 2, "email": 2_801, "todo": 1}
CLOSED = ("won", "lost")


class Reasons:
    """Give every loss reason an id, the first time it is met."""

    def __init__(self) -> None:
        self.ids: dict[str, int] = {}

    def id(self, name: str | None) -> int | None:
        if name is None:
            return None
        return self.ids.setdefault(name, REASON_BASE + len(self.ids) + 1)


def lead(maker: Maker, deal: Deal, reasons: Reasons) -> Row:
    """Make a lead; deals without a number of their own also fill the second pipeline."""
    id = id_of("leads", deal.key)
    repeat = deal.reference is None and deal.key % 10 == 0
    base = maker.base("leads", id, deal, "deal")
    row: Row = {"id": id, "name": deal.title, "price": int(deal.amount or 0)}
    row |= {"responsible_user_id": base["responsible_user_id"], "group_id": 0}
    row |= {"status_id": (REPEAT_STAGES if repeat else STAGES)[deal.stage], "pipeline_id": REPEAT if repeat else MAIN}
    row |= {"loss_reason_id": reasons.id(deal.loss_reason) if deal.stage == "lost" else None, "source_id": None}
    row |= base | {"closed_at": (deal.closed or deal.updated) if deal.stage in CLOSED else None}
    row |= {"custom_fields_values": _values(maker.values["leads"], deal) or None} | tail(maker.account, "leads", id)
    row["_embedded"]["tags"] = maker.tagged("leads", deal.tags)
    if deal.company is not None:
        row["_embedded"]["companies"] = [reference("companies", id_of("companies", deal.company))]
    return row


def _values(values: Values, deal: Deal) -> list[Row]:
    chance = zlib.crc32(f"deal{deal.key}".encode())
    made = [values.text(301, deal.reference)] if deal.reference else []
    if chance % 2 == 0:
        made.append(values.choice(302, chance // 2 % 5))
    if chance % 3 == 0:
        made.append(values.text(303, str(chance // 3 % 30)))
    if chance % 5 == 0:
        made.append(values.text(304, local_midnight(deal.created + 40 * DAY)))
    if chance % 7 == 0:
        made += [values.text(305, True), values.choice(306, *sorted({chance // 7 % 4, chance // 28 % 4}))]
    if chance % 13 == 0 and deal.amount is not None:
        made.append(values.text(307, f"{deal.amount:f}"))
    return made


def closing_event(account: Account, number: int, row: Row) -> Row:
    """Make the event of a lead's last move."""
    first = REPEAT_STAGES["engaging"] if row["pipeline_id"] == REPEAT else STAGES["engaging"]
    after = [{"lead_status": {"id": row["status_id"], "pipeline_id": row["pipeline_id"]}}]
    before = [{"lead_status": {"id": first, "pipeline_id": row["pipeline_id"]}}]
    by, at = row["responsible_user_id"], row["closed_at"]
    return account.events.row(number, "lead_status_changed", "lead", row["id"], by, at, after, before)


def task(account: Account, one: Task) -> Row:
    """Make a task."""
    by = id_of("users", one.agent)
    row = blank(account, id_of("tasks", one.key), by, one.created)
    kind = TARGETS[one.target_kind]
    return row | {
        "updated_at": one.updated,
        "entity_id": id_of(kind, one.target),
        "entity_type": kind,
        "is_completed": one.done,
        "task_type_id": TASK_TYPES[one.kind],
        "text": one.text,
        "result": {"text": one.result} if one.result else [],
        "complete_till": one.due,
    }


def talk(account: Account, one: Talk) -> tuple[str, Row]:
    """Make a note: calls and messages have types of their own, meetings and e-mails are told as text."""
    kind, by = TARGETS[one.target_kind], id_of("users", one.agent)
    type, params = _params(one, by)
    return kind, note_row(account, kind, id_of("notes", one.key), id_of(kind, one.target), type, params, by, one.at)


def _params(one: Talk, by: int) -> tuple[str, dict[str, Any]]:
    way = one.direction or "in"
    if one.kind == "call":
        params: dict[str, Any] = {"uniq": f"call-{one.key}", "duration": one.seconds or 0, "source": "pbx"}
        params |= {"link": f"https://pbx.example.com/r/{one.key}.mp3" if one.seconds else None, "phone": one.phone or ""}
        return f"call_{way}", params | {"call_responsible": by, "call_result": one.text, "call_status": 4 if one.seconds else 6}
    if one.kind == "sms":
        return f"sms_{way}", {"text": one.text, "phone": one.phone or ""}
    return "common", {"text": one.text}
