"""Undo: queue the inverse of changes that were applied in a period, each to be made only where the CRM still holds what we wrote.

What belongs here: queueing and counting. What the inverse of a change is belongs to `model/undoing.py`; whether the CRM still
holds what we wrote is judged again by draining, right before it is written.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Set
from dataclasses import asdict, dataclass, field
from typing import Any

from crm_pipeline.database import audit, connections, outgoing, undoing
from crm_pipeline.database.outgoing import NewChange
from crm_pipeline.database.refusals import Connection
from crm_pipeline.database.translating import linked_id
from crm_pipeline.database.undoing import Page, Record, Which
from crm_pipeline.errors import UsageError
from crm_pipeline.model.delivery import BULK, View, judge
from crm_pipeline.model.entities import GOLDEN
from crm_pipeline.model.golden import golden_name
from crm_pipeline.model.owing import group_of, value_of
from crm_pipeline.model.undoing import ORIGIN, REASONS, Inverse, Left, inverses
from crm_pipeline.model.writing import UNLINK
from crm_pipeline.stages.parts import Parts

HOLDS, PARTLY, CHANGED, GONE = "holds", "partly", "changed", "gone"
"""What a record does to what was written to it, as far as we know: holds it still, holds some of it, was changed there since (or
waits for a person), is not there any more."""
SHOWN = 200
Found = dict[str, Any]


@dataclass(slots=True)
class Undone:
    """What undoing comes to."""

    changes: int = 0
    """Applied changes that fit."""
    queued: int = 0
    """Inverses queued; on a dry run those that would be."""
    counts: list[Found] = field(default_factory=list)
    """{connection, entity, operation, inverses, changes, holds, partly, changed, gone}: by what we know of the records now."""
    left: list[Found] = field(default_factory=list)
    """{connection, entity, reason, changes, sentence}: what is not undone."""
    rows: list[Found] = field(default_factory=list)
    """{change, undoes, connection, entity, external_id, golden_id, operation, fields: {field: {from, to}}, now, left}; not all.
    left: the fields that would stay as they are."""
    waiting: list[str] = field(default_factory=list)
    """Connections that are not written to as they stand now: what is queued for them waits."""


@dataclass(frozen=True, slots=True)
class _Step:
    """An inverse, its record, and what the record does to it now."""

    record: Record
    inverse: Inverse
    now: str
    left: tuple[str, ...] = ()
    """Of its fields those that would stay as they are."""


@dataclass(frozen=True, slots=True)
class _Known:
    """What is known of records of one entity of one connection."""

    held: Mapping[str, Mapping[str, Any]]
    linked: Set[tuple[str, str, str]]
    open: Set[tuple[str, str]]


def undo(
    parts: Parts, which: Which, *, dry_run: bool = False, who: str | None = None, reason: str | None = None, limit: int = SHOWN
) -> Undone:
    """Queue the inverse of what was applied, newest first; asking again queues nothing twice. `limit`: rows told one by one.

    Raises UsageError for a connection or entity that is not there, and for a period that has no time in it.
    """
    _check(parts, which)
    done, tally = Undone(), _Tally()
    with parts.engine.begin() as db:
        for page in undoing.pages(db, which):
            steps = tally.note(done, page, _judged(db, page))
            done.rows += [_told(step) for step in steps[: max(limit - len(done.rows), 0)]]
            if not dry_run:
                outgoing.enqueue(db, [_change(step) for step in steps])
        tally.sum_up(done)
        if not dry_run:
            audit.note(db, "undo", f"{done.queued} changes", _account(which, done, reason), actor=who)
    done.waiting = _waiting(parts, {one["connection"] for one in done.counts})
    return done


def _check(parts: Parts, which: Which) -> None:
    if which.entity is not None and which.entity not in GOLDEN:
        raise UsageError(f"--entity {which.entity} is unknown.", what_to_do=f"Use one of: {', '.join(GOLDEN)}.")
    if which.until is not None and which.until <= which.since:
        raise UsageError("--until is not after --since: there is no time in between.", what_to_do="Exchange them.")
    if which.connection is not None:
        connections.get(parts.engine, which.connection)  # says which there are


def _waiting(parts: Parts, names: set[str]) -> list[str]:
    rows = connections.list_connections(parts.engine)
    return [row.name for row in rows if row.name in names and (row.direction != "two_way" or row.status != "active")]


def _judged(db: Connection, page: Page) -> Iterator[_Step | tuple[Record, Left]]:
    """Yield what each change comes to, and what its record does to it as far as we know."""
    known = _known(db, page)
    for record, changes in page:
        about = known[record.connection_id, record.entity]
        for one in inverses(changes):
            yield (record, one) if isinstance(one, Left) else _step(record, one, about)


def _known(db: Connection, page: Page) -> dict[tuple[int, str], _Known]:
    asked: dict[tuple[int, str], list[Record]] = {}
    for record, _ in page:
        asked.setdefault((record.connection_id, record.entity), []).append(record)
    known = {}
    for (connection_id, entity), records in asked.items():
        ids = [one.external_id for one in records]
        known[connection_id, entity] = _Known(
            undoing.held_now(db, connection_id, entity, ids), undoing.linked_now(db, connection_id, entity, ids),
            undoing.open_groups(db, entity, {one.golden_id for one in records}),
        )  # fmt: skip
    return known


def _step(record: Record, inverse: Inverse, known: _Known) -> _Step:
    held = known.held.get(record.external_id)
    if held is None:
        return _Step(record, inverse, GONE, tuple(sorted(inverse.fields)))
    if inverse.requires is None:
        return _linked_step(record, inverse, known.linked)
    sent = judge(_views(record, inverse, held, known.open), was_sent=False).send
    left = tuple(sorted(inverse.fields.keys() - sent))
    return _Step(record, inverse, HOLDS if not left else PARTLY if sent else CHANGED, left)


def _views(record: Record, inverse: Inverse, held: Mapping[str, Any], is_open: Set[tuple[str, str]]) -> dict[str, View]:
    """Return the fields of an inverse as draining judges them."""
    required = inverse.requires or {}
    groups = {name: group_of(record.entity, name) for name in inverse.fields}
    return {
        name: View(
            _typed(name, value), _typed(name, value), held.get(name), (record.golden_id, groups[name]) in is_open,
            _typed(name, required.get(name)), groups[name],
        )
        for name, value in inverse.fields.items()
    }  # fmt: skip


def _linked_step(record: Record, inverse: Inverse, linked: Set[tuple[str, str, str]]) -> _Step:
    """Return what is left to part, or to link again."""
    parts = inverse.operation == UNLINK
    fitting = {
        name: [((record.external_id, name, linked_id(link) or "") in linked) == parts for link in links]
        for name, links in inverse.fields.items()
    }
    left = tuple(sorted(name for name, fits in fitting.items() if not all(fits)))
    is_any = any(fit for fits in fitting.values() for fit in fits)
    return _Step(record, inverse, HOLDS if not left else PARTLY if is_any else CHANGED, left)


def _typed(name: str, value: Any) -> Any:
    return value_of(golden_name(name), value)


class _Tally:
    """Counts what changes come to."""

    def __init__(self) -> None:
        self._steps: Counter[tuple[str, str, str, str]] = Counter()
        self._changes: Counter[tuple[str, str, str]] = Counter()
        self._left: Counter[tuple[str, str, str]] = Counter()

    def note(self, done: Undone, page: Page, judged: Iterator[_Step | tuple[Record, Left]]) -> list[_Step]:
        """Count a page and return the steps of it."""
        steps: list[_Step] = []
        undone: set[tuple[str, str, str, int]] = set()
        for one in judged:
            if isinstance(one, _Step):
                key = (one.record.connection, one.record.entity, one.inverse.operation)
                self._steps[(*key, one.now)] += 1
                undone |= {(*key, number) for number in one.inverse.undoes}
                steps.append(one)
            else:
                record, left = one
                self._left[record.connection, record.entity, left.reason] += 1
        self._changes.update(key[:3] for key in undone)
        done.changes += sum(len(changes) for _, changes in page)
        done.queued += len(steps)
        return steps

    def sum_up(self, done: Undone) -> None:
        """Write the counts down, in order."""
        for key, changes in sorted(self._changes.items()):
            now = {word: self._steps[(*key, word)] for word in (HOLDS, PARTLY, CHANGED, GONE)}
            head = dict(zip(("connection", "entity", "operation"), key, strict=True))
            done.counts.append({**head, "inverses": sum(now.values()), "changes": changes, **now})
        for (connection, entity, reason), count in sorted(self._left.items()):
            sentence = REASONS[reason]
            done.left.append(
                {"connection": connection, "entity": entity, "reason": reason, "changes": count, "sentence": sentence}
            )


def _change(step: _Step) -> NewChange:
    record, inverse = step.record, step.inverse
    key = f"{ORIGIN}{inverse.of}"
    return NewChange(
        record.connection_id, record.entity, record.golden_id, inverse.operation, inverse.fields, external_id=record.external_id,
        lane=BULK, origin=key, key=key, requires=inverse.requires,
    )  # fmt: skip


def _told(step: _Step) -> Found:
    record, inverse = step.record, step.inverse
    fields = {name: _move(inverse, name, value) for name, value in inverse.fields.items()}
    return {
        "change": inverse.of, "undoes": list(inverse.undoes), "connection": record.connection, "entity": record.entity,
        "external_id": record.external_id, "golden_id": record.golden_id, "operation": inverse.operation, "fields": fields,
        "now": step.now, "left": list(step.left),
    }  # fmt: skip


def _move(inverse: Inverse, name: str, value: Any) -> dict[str, Any]:
    if inverse.requires is not None:
        return {"from": inverse.requires.get(name), "to": value}
    return {"from": value, "to": None} if inverse.operation == UNLINK else {"from": None, "to": value}


def _account(which: Which, done: Undone, reason: str | None) -> dict[str, Any]:
    asked = {name: value.isoformat() if hasattr(value, "isoformat") else value for name, value in asdict(which).items() if value}
    left = {one["reason"]: 0 for one in done.left}
    for one in done.left:
        left[one["reason"]] += one["changes"]
    return {"filter": asked, "changes": done.changes, "queued": done.queued, "left": left, "reason": reason}
