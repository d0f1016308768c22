"""How an outgoing change lives: its states and allowed moves, when it is tried again, and what is done about it once it is known
what the CRM holds now.

    what the CRM holds of a field                       then
    --------------------------------------------------- ---------------------------------------------------------------
    (an undo) not what we wrote any more                left as it is, its whole group with it: somebody changed it since
    its group has an open conflict                      left alone until a person decides
    what should be there                                nothing to send
    something else                                      sent

    sent    left alone  to be made                      the change becomes
    ------- ----------- ------------------------------- ---------------------------------------------------------------
    some    any         -                               applied, once the CRM confirms it
    none    some        -                               conflict
    none    none        all as first asked              applied when an earlier attempt may have done it, else merged
    none    none        golden value moved on meanwhile merged: the rule gave way to what somebody changed there
    none    none        some changed since (an undo)    merged, or applied when an earlier attempt may have done the rest

What belongs here: these tables, pure. Who claims changes and sends them belongs to `stages/drain.py`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from types import MappingProxyType
from typing import Any

PENDING, IN_FLIGHT, APPLIED, MERGED = "pending", "in_flight", "applied", "merged"
CONFLICT, REJECTED, DEAD, CANCELLED = "conflict", "rejected", "dead", "cancelled"

MOVES: Mapping[str, frozenset[str]] = MappingProxyType({
    PENDING: frozenset({IN_FLIGHT, CANCELLED}),
    IN_FLIGHT: frozenset({PENDING, APPLIED, MERGED, CONFLICT, REJECTED, DEAD}),
    CONFLICT: frozenset({PENDING, CANCELLED}),
    REJECTED: frozenset({PENDING, CANCELLED}),
    DEAD: frozenset({PENDING, CANCELLED}),
    APPLIED: frozenset(),
    MERGED: frozenset(),
    CANCELLED: frozenset(),
})  # fmt: skip
"""State → states it may move to. pending again: parked for another attempt, rescued from a dead process, or retried by hand."""
STATES = tuple(MOVES)
UNSETTLED = frozenset({PENDING, IN_FLIGHT})
RETRIABLE = frozenset(state for state in MOVES if state not in UNSETTLED and PENDING in MOVES[state])

INTERACTIVE, BULK = "interactive", "bulk"

MAX_ATTEMPTS = 8
FIRST_WAIT, LONGEST_WAIT = timedelta(seconds=5), timedelta(minutes=30)
LEASE = timedelta(seconds=60)
"""How long a claim holds without a sign of life."""
FLIPS_PER_HOUR = 6
"""So many applied writes of one field of one record within an hour are a fight with something in the CRM."""


def may_move(one: str, other: str) -> bool:
    """Return whether a change in state `one` may become `other`."""
    return other in MOVES[one]


def wait_after(attempts: int, jitter: float) -> timedelta:
    """Return how long a change rests after so many failed attempts: doubling, jitter (0 to 1) adding up to as much again."""
    doubled: timedelta = FIRST_WAIT * 2 ** min(max(attempts, 1) - 1, 20)
    return min(doubled, LONGEST_WAIT) * (1 + jitter)


@dataclass(frozen=True, slots=True)
class View:
    """One field of one change, all in the CRM's own terms."""

    asked: Any
    """What the change was queued for."""
    wanted: Any
    """What should be there by now: the golden value as this CRM would hold it."""
    held: Any
    """What the CRM holds now."""
    is_open: bool = False
    """Its group has an open conflict."""
    required: Any = ...
    """What the CRM must still hold (undo); `...`: nothing is required."""
    group: str = ""
    """Fields of one group go back together or not at all; empty: it stands alone."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """What is to be done about a change."""

    send: Mapping[str, Any] = field(default_factory=dict)
    """Field → value to send. Empty: nothing is sent and the change ends in `state`."""
    state: str = APPLIED
    code: str | None = None
    detail: str | None = None
    """Why it ends so, or what was left alone."""


def judge(views: Mapping[str, View], *, was_sent: bool) -> Judgement:
    """Decide about an update by the tables above. `was_sent`: an earlier attempt may have been applied."""
    moved = changed_since(views)
    left = sorted(name for name, view in views.items() if view.is_open and name not in moved)
    rest = {name: view for name, view in views.items() if name not in moved and not view.is_open}
    send = {name: view.wanted for name, view in rest.items() if not same(view.held, view.wanted)}
    if send or left or moved:
        return _contested(send, left, moved, APPLIED if was_sent and rest else MERGED)
    if all(same(view.asked, view.wanted) for view in views.values()):
        return Judgement(state=APPLIED if was_sent else MERGED, code="held_already", detail="The CRM holds it already.")
    return Judgement(state=MERGED, code="yielded", detail="Somebody changed it there meanwhile, and by the rules that stands.")


def changed_since(views: Mapping[str, View]) -> list[str]:
    """Return the fields an undo leaves, sorted: something of their group is neither what we wrote nor what it goes back to."""
    groups = {view.group or name for name, view in views.items() if view.required is not ... and _is_moved(view)}
    return sorted(name for name, view in views.items() if (view.group or name) in groups and not same(view.held, view.wanted))


def _is_moved(view: View) -> bool:
    return not same(view.held, view.required) and not same(view.held, view.wanted)


def _contested(send: Mapping[str, Any], left: list[str], moved: list[str], otherwise: str) -> Judgement:
    """Decide about a change of which something is left alone. `otherwise`: how it ends when nothing is sent or asked."""
    said = [f"Left to a person: open conflict about {', '.join(left)}. See: crm-pipeline conflicts list"] if left else []
    said += [f"Changed there since: {', '.join(moved)}; left as it is."] if moved else []
    state = APPLIED if send else CONFLICT if left else otherwise
    code = "open_conflict" if left else "changed_since" if moved else None
    return Judgement(send, state, code, " ".join(said) or None)


def same(one: Any, other: Any) -> bool:
    """Return whether two values of a field are the same: lists in any order, and empty is empty however it is written."""
    if isinstance(one, list | tuple) or isinstance(other, list | tuple):
        return sorted(map(str, one or ())) == sorted(map(str, other or ()))
    return (None if one == "" else one) == (None if other == "" else other)
