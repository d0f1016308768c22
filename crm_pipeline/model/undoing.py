"""What undoing applied changes comes to: the inverse of each, or why there is none.

The changes of one record are looked at from the newest back. Of a field that several of them wrote one after the other there is
one inverse: it requires what the newest wrote and goes back to what the oldest overwrote, and it belongs to the newest. What
belongs here: this, pure. Which changes are meant, and queueing, belongs to `stages/undo.py`.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from crm_pipeline.model.delivery import same
from crm_pipeline.model.writing import COMPLETE, CREATE, LINK, REOPEN, UNLINK, UPDATE

ORIGIN = "undo:"
"""How the origin of a change begins that takes back another, whose number follows."""
OPPOSITE: Mapping[str, str] = MappingProxyType({UPDATE: UPDATE, COMPLETE: REOPEN, REOPEN: COMPLETE, LINK: UNLINK, UNLINK: LINK})
"""Operation → the one that takes it back; create has none."""

CREATED, UNKNOWN, UNDONE, BETWEEN, NOTHING, REMOVED = "created", "unknown", "undone", "between", "nothing", "removed"
REASONS: Mapping[str, str] = MappingProxyType({
    CREATED: "They made records, which the CRMs' APIs cannot take back: delete them in the CRM itself.",
    UNKNOWN: "An attempt whose answer was lost had made them: what the CRM held before is not known.",
    UNDONE: "They are undone, or queued to be, already.",
    BETWEEN: "Something else was written there in between that is not undone with them; it is left as it is.",
    NOTHING: "Later ones had gone back to the value before already: there is nothing to undo.",
    REMOVED: "Their connection was removed: nothing is written to it any more.",
})  # fmt: skip
"""Why a change is not undone → the sentence about all such."""


@dataclass(frozen=True, slots=True)
class Applied:
    """A change that was applied to a record. Values are in the connection's own terms."""

    id: int
    operation: str
    fields: Mapping[str, Any]
    """As it was queued, in golden terms."""
    written: Mapping[str, Any]
    """Of a link those that were made or undone, in golden terms; empty: all of `fields`."""
    overwrote: Mapping[str, Any] | None
    """None: not known."""
    is_undone: bool = False
    """Its inverse was queued before."""
    undone_fields: frozenset[str] = frozenset()
    """Fields of it that the inverse of a later change goes back with."""
    is_removed: bool = False
    """Its connection was removed."""


@dataclass(frozen=True, slots=True)
class Inverse:
    """What takes changes back. Belongs to the newest of them."""

    of: int
    """Id of the newest change it takes back."""
    operation: str
    fields: Mapping[str, Any]
    requires: Mapping[str, Any] | None
    """What the CRM must still hold; None of links, whose fields are in golden terms."""
    undoes: tuple[int, ...]
    """Ids of all changes it takes back, the newest first."""


@dataclass(frozen=True, slots=True)
class Left:
    """A change, or some fields of it, that is not undone."""

    id: int
    reason: str
    """A key of REASONS."""
    fields: tuple[str, ...] = ()


def inverses(changes: Sequence[Applied]) -> list[Inverse | Left]:
    """Return what takes back the changes of one record, given the newest first, in that order."""
    threads: dict[str, _Thread] = {}
    left = [one for change in changes for one in _take(change, threads)]
    made = _gathered(changes, threads)
    undone = {number for one in made for number in one.undoes}
    idle = {number for thread in threads.values() for number in thread.undoes} - undone - {one.id for one in left}
    return sorted([*left, *made, *(Left(number, NOTHING) for number in idle)], key=_place, reverse=True)


@dataclass(slots=True)
class _Thread:
    """One field through the changes that wrote it one after the other."""

    owner: Applied
    requires: Any
    goes_to: Any
    undoes: list[int] = field(default_factory=list)
    is_torn: bool = False
    """Something else was written in between: what is older stays as it is."""


def _take(change: Applied, threads: dict[str, _Thread]) -> Iterator[Left]:
    reason = _obstacle(change)
    if reason:
        yield Left(change.id, reason)
    elif change.operation not in (LINK, UNLINK):
        yield from _weave(change, change.overwrote or {}, threads)


def _obstacle(change: Applied) -> str | None:
    """Return why nothing of a change can be undone."""
    return next((reason for reason, holds in _obstacles(change) if holds), None)


def _obstacles(change: Applied) -> Iterator[tuple[str, bool]]:
    yield REMOVED, change.is_removed
    yield UNDONE, change.is_undone
    yield CREATED, change.operation == CREATE
    yield UNKNOWN, change.overwrote is None
    if change.operation not in (LINK, UNLINK):
        yield UNDONE, bool(change.written) and change.undone_fields >= change.written.keys()
        yield NOTHING, not change.written


def _weave(change: Applied, overwrote: Mapping[str, Any], threads: dict[str, _Thread]) -> Iterator[Left]:
    torn = []
    for name, value in change.written.items():
        if name not in overwrote or name in change.undone_fields:
            continue
        thread = threads.setdefault(name, _Thread(change, value, value))
        thread.is_torn = thread.is_torn or not same(thread.goes_to, value)
        if thread.is_torn:
            torn.append(name)
        else:
            thread.goes_to = overwrote[name]
            thread.undoes.append(change.id)
    if torn:
        yield Left(change.id, BETWEEN, tuple(torn))


def _gathered(changes: Sequence[Applied], threads: Mapping[str, _Thread]) -> list[Inverse]:
    """Return the inverses: of fields those of one owner together, of links their opposite."""
    made = []
    for change in changes:
        if _obstacle(change):
            continue
        if change.operation in (LINK, UNLINK):
            links = change.written or change.fields
            made.append(Inverse(change.id, OPPOSITE[change.operation], links, None, (change.id,)))
            continue
        own = {name: thread for name, thread in threads.items() if thread.owner is change and not _is_idle(thread)}
        if own:
            made.append(_inverse(change, own))
    return made


def _is_idle(thread: _Thread) -> bool:
    return same(thread.requires, thread.goes_to)


def _inverse(change: Applied, own: Mapping[str, _Thread]) -> Inverse:
    undoes = sorted({number for thread in own.values() for number in thread.undoes}, reverse=True)
    fields = {name: thread.goes_to for name, thread in own.items()}
    requires = {name: thread.requires for name, thread in own.items()}
    return Inverse(change.id, OPPOSITE[change.operation], fields, requires, tuple(undoes))


def _place(one: Inverse | Left) -> int:
    return one.of if isinstance(one, Inverse) else one.id
