"""What became of a write, told by the replies to its commands: applied, refused, unknown or later.

What belongs here: judging replies. What a code means is in `refusals`; sending is in `writing`.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from crm_pipeline.connectors.bitrix24.brackets import as_map
from crm_pipeline.connectors.bitrix24.client import Client
from crm_pipeline.connectors.bitrix24.orders import Order
from crm_pipeline.connectors.bitrix24.reading import key
from crm_pipeline.connectors.bitrix24.refusals import code_of, description_of
from crm_pipeline.connectors.bitrix24.replies import Command, Reply
from crm_pipeline.connectors.bitrix24.single import GONE
from crm_pipeline.errors import AccessDenied, RecordGone
from crm_pipeline.model.cleaning import moment
from crm_pipeline.model.writing import APPLIED, CREATE, LATER, REFUSED, UNKNOWN, Outcome

LOST = "The answer was lost: it may have been applied."
_WORST_FIRST = (UNKNOWN, REFUSED, LATER, APPLIED)
_STATUS = {"refuse": REFUSED, "pause": LATER, "park": LATER, "refresh": LATER, "retry": UNKNOWN}
"""What a refused command means for what it would have changed. An internal error may come after the change was made."""
_RATE = ("pause", "park")
_VAGUE = frozenset({"", "0", "error_core", "1048582", "200040300010"})
"""Codes with which parts of the vendor say several things, also that a record is gone: there its words decide."""
_INSIDE = ("item", "task", "element", "product")
_CHANGED = ("updatedTime", "changedDate", "timestampX")

Said = tuple[Command, Reply | None]
"""A command and what was answered to it; None: nothing."""


def outcome(order: Order, replies: Mapping[int, Reply], client: Client) -> Outcome:
    """Return the outcome of an order's commands by their places: the worst of them counts; no commands, nothing to do."""
    write = order.write
    said: list[Said] = [(command, replies.get(place)) for place, command in enumerate(order.commands)]
    found = [_one(order, command, reply, client) for command, reply in said]
    worst = min(found, key=lambda one: _WORST_FIRST.index(one.status), default=Outcome(write.key, APPLIED, write.external_id))
    if worst.status != APPLIED or write.operation != CREATE:
        return worst
    number = created(said[0][1])
    if number is None:
        return Outcome(write.key, UNKNOWN, code="lost", detail="The portal does not tell the new record's id.")
    return Outcome(write.key, APPLIED, f"{order.prefix}{number}", worst.updated_at)


def lost(order: Order, why: str = LOST) -> Outcome:
    """Return the outcome of a write whose answer was lost."""
    return Outcome(order.write.key, UNKNOWN, order.write.external_id, code="lost", detail=why)


def later(order: Order, why: str, code: str = "rate") -> Outcome:
    """Return the outcome of a write that was not sent."""
    return Outcome(order.write.key, LATER, order.write.external_id, code=code, detail=why)


def refused(key_of_write: str, external_id: str | None, code: str, detail: str) -> Outcome:
    """Return the outcome of a write that is refused for good."""
    return Outcome(key_of_write, REFUSED, external_id, code=code or "refused", detail=detail)


def _one(order: Order, command: Command, reply: Reply | None, client: Client) -> Outcome:
    write = order.write
    if reply is None:
        return lost(order)
    if reply.ruled is None:
        return Outcome(write.key, APPLIED, write.external_id, _changed_at(reply))
    status = _STATUS.get(reply.ruled.action) or (REFUSED if issubclass(reply.ruled.error, AccessDenied) else LATER)
    code = "rate" if reply.ruled.action in _RATE else "lost" if status == UNKNOWN else _code(order, reply)
    detail = str(client.operating.parked(command[0])) if reply.ruled.action == "park" else words(command, reply)
    return Outcome(write.key, status, write.external_id, code=code, detail=detail)


def words(command: Command, reply: Reply) -> str:
    """Return the vendor's words, with which call they were said to."""
    said = description_of(reply.body) or (reply.ruled.sentence if reply.ruled else "")
    code = str(as_map(reply.body).get("error") or "")
    return f"{command[0]}: {' '.join(part for part in (said, f'({code})' if code else '') if part)}"


def _code(order: Order, reply: Reply) -> str:
    """Return `gone` for a record that is not there (any more), else the vendor's code."""
    said_gone = code_of(reply.body) in _VAGUE and bool(GONE.search(description_of(reply.body)))
    if order.write.operation != CREATE and reply.ruled and (reply.ruled.error is RecordGone or said_gone):
        return "gone"
    return str(as_map(reply.body).get("error") or "refused")


def created(reply: Reply | None) -> str | None:
    """Return the id in the answer to an add: bare, or inside `item`, `task`, `element`."""
    result: Any = reply.result if reply else None
    if not isinstance(result, dict):
        return None if isinstance(result, bool) else key(result)
    inner = next((as_map(result[name]) for name in _INSIDE if name in result), result)
    return key(inner.get("id", inner.get("ID")))


def _changed_at(reply: Reply) -> datetime | None:
    """Return when the record changed: as its row tells, else the portal's clock when it began with the command."""
    result = as_map(reply.result)
    inner = next((as_map(result[name]) for name in _INSIDE if name in result), {})
    told = next((read for name in _CHANGED if (read := moment(inner.get(name)))), None)
    return told or reply.at


def follow_up(told: Outcome, said: Sequence[Said], why: str = LOST) -> Outcome:
    """Return the outcome of something done with what could not be done after it; what was done stands."""
    failed = [words(command, reply) if reply else f"{command[0]}: {why}" for command, reply in said if _failed(reply)]
    if not failed:
        return told
    return Outcome(told.key, told.status, told.external_id, told.updated_at, "partly", f"Done, but {'; '.join(failed)}")


def _failed(reply: Reply | None) -> bool:
    return reply is None or reply.ruled is not None
