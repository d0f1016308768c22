"""The log of events: what is written into it and its three endpoints (facts: amocrm 4.12)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..clock import Clock
from .answers import EMPTY, Answer, hal, href, self_link
from .records import PLURAL, Records, Row

if TYPE_CHECKING:
    from .account import Account

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_SCRAMBLE, _ROOM = 0x9E3779B97F4A7C15, 1 << 64
TYPES = {
    "lead_added": 1,
    "lead_deleted": 7,
    "lead_restored": 8,
    "contact_added": 2,
    "contact_deleted": 9,
    "contact_restored": 10,
    "company_added": 3,
    "company_deleted": 11,
    "company_restored": 12,
    "lead_status_changed": 14,
    "entity_responsible_changed": 25,
    "common_note_added": 27,
    "common_note_deleted": 28,
    "incoming_call": 30,
    "outgoing_call": 31,
    "incoming_sms": 32,
    "outgoing_sms": 33,
    "attachment_note_added": 34,
    "geo_note_added": 35,
    "service_note_added": 36,
    "message_to_cashier_note_added": 37,
    "task_added": 40,
    "task_deleted": 41,
    "task_completed": 42,
    "task_text_changed": 43,
    "task_type_changed": 44,
    "task_deadline_changed": 45,
    "task_result_added": 46,
    "entity_merged": 60,
    "entity_tag_added": 63,
    "entity_tag_deleted": 64,
    "sale_field_changed": 69,
    "name_field_changed": 70,
    "entity_linked": 72,
    "entity_unlinked": 73,
    "custom_field_value_changed": 75,
}


def ulid(number: int, at: int) -> str:
    """Make the 26-character id of an event from its number and second; the number can be read back."""
    # The low 64 bits are a multiplication by an odd constant: looks random, never collides, keeps no order inside a second.
    low = (number * _SCRAMBLE) % _ROOM
    value = ((at * 1000 + number % 1000) << 80) | ((number & 0xFFFF) << 64) | low
    return "".join(_ALPHABET[(value >> shift) & 31] for shift in range(125, -1, -5))


def number_of(id: str) -> int | None:
    """Read the number back from an event's id; None for anything else."""
    if len(id) != 26 or any(letter not in _ALPHABET for letter in id):
        return None
    value = 0
    for letter in id:
        value = value << 5 | _ALPHABET.index(letter)
    return (value % _ROOM) * pow(_SCRAMBLE, -1, _ROOM) % _ROOM


class EventLog:
    """Write events, one row each; id is the number, the vendor's id is inside."""

    def __init__(self, records: Records, clock: Clock, account_id: int) -> None:
        self._records, self._clock, self._account_id = records, clock, account_id

    def add(
        self, type: str, entity: str, entity_id: int, by: int, after: list[Row] | None = None, before: list[Row] | None = None
    ) -> None:
        """Write one event; `entity` is singular, as events have it."""
        number = self._records.next_id("events")
        row = self.row(number, type, entity, entity_id, by, self._clock.seconds(), after or [], before or [])
        self._records.write("events", number, row, parent=f"{entity}:{entity_id}")

    def row(
        self, number: int, type: str, entity: str, entity_id: int, by: int, at: int, after: list[Row], before: list[Row]
    ) -> Row:
        """Build an event as it is answered."""
        id = ulid(number, at)
        plural = PLURAL.get(entity, entity)
        head = {"id": id, "type": type, "entity_id": entity_id, "entity_type": entity, "created_by": by, "created_at": at}
        head |= {
            "value_after": after,
            "value_before": before,
            "account_id": self._account_id,
            "_links": self_link(f"events/{id}"),
        }
        return head | {"_embedded": {"entity": {"id": entity_id, "_links": self_link(f"{plural}/{entity_id}")}}}


def get_types(account: Account, call: Any) -> Answer:
    """Answer every event type with its number."""
    lang = call.query.get("language_code", "ru")
    listed = [{"key": key, "type": number, "lang": key.replace("_", " ")} for key, number in TYPES.items()]
    embedded = {"events_types": listed}
    return hal(
        {"_total_items": len(listed), "_links": {"self": href(f"events/types?language_code={lang}")}, "_embedded": embedded}
    )


def get_event(account: Account, call: Any) -> Answer:
    """Answer one event by its 26-character id."""
    number = number_of(call.params["id"])
    row = None if number is None else account.records.get("events", number)
    return EMPTY if row is None or row["id"] != call.params["id"] else hal(row)
