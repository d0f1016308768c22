"""Receipts: the one word that says how far an operation has come, from how it was answered and its changes.

An operation has come as far as the slowest of its changes; once all have ended, the worst end is told:

    answered            some pending   some in flight   all ended
    rejected, conflict  the same       the same         the same
    merged              queued         sent             the worst end; merged where all went well
    accepted            queued         sent             the worst end; applied where there is no change: nobody had to be told

What belongs here: these tables, pure.
"""

from collections.abc import Iterable, Mapping
from types import MappingProxyType

QUEUED, SENT, APPLIED, MERGED = "queued", "sent", "applied", "merged"
CONFLICT, REJECTED, DEAD = "conflict", "rejected", "dead"
STATUSES = (QUEUED, SENT, DEAD, REJECTED, CONFLICT, APPLIED, MERGED)
"""What a receipt says; the first of these that any change is at is told."""
UNWELL = (DEAD, REJECTED, CONFLICT)
"""Of which a person wants to know why."""

STATUS_OF: Mapping[str, str] = MappingProxyType({
    "pending": QUEUED,
    "in_flight": SENT,
    "applied": APPLIED,
    "merged": MERGED,
    "conflict": CONFLICT,
    "rejected": REJECTED,
    "dead": DEAD,
    "cancelled": REJECTED,
})  # fmt: skip
"""State of a change → what is told of it."""
WITHDRAWN = "withdrawn"
"""Code of a cancelled change that was not needed any more: the CRM holds it, or a later change carries it."""


def overall(answered: str, changes: Iterable[tuple[str, str | None]]) -> str:
    """Return the status of an operation: how it was answered at the door, (state, code) of each change that carries it."""
    if answered in (REJECTED, CONFLICT):
        return answered
    found = {MERGED if code == WITHDRAWN and state == "cancelled" else STATUS_OF[state] for state, code in changes}
    first = next((status for status in STATUSES if status in found), APPLIED)
    return MERGED if answered == MERGED and first == APPLIED else first
