"""Edit: operations of people and apps become the app's own source records, and are answered one by one.

The app is a side like any other: reconciling decides what its edits are worth, and what two-way connections are owed by it.
What belongs here: the order of things, and the answers. Letting in is `edit_reading.py`, rows are `edit_desk.py`.
"""

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from crm_pipeline.database import operations as stored
from crm_pipeline.database import outgoing
from crm_pipeline.database.refusals import Connection
from crm_pipeline.model.entities import GOLDEN
from crm_pipeline.model.golden import golden_name
from crm_pipeline.model.whole_groups import edited_groups
from crm_pipeline.model.writing import CREATE
from crm_pipeline.stages.edit_answers import OperationResult, answer
from crm_pipeline.stages.edit_desk import Desk
from crm_pipeline.stages.edit_links import link_changes
from crm_pipeline.stages.edit_reading import ACCEPTED, Bounds, Case, Door, read_all, recall, word_of
from crm_pipeline.stages.parts import Parts
from crm_pipeline.stages.reconcile import reconcile

LOG = logging.getLogger("crm_pipeline.operations")
CHUNK = 1_000
"""Operations of one transaction."""


def edit(parts: Parts, operations: Sequence[Any], actor: str, bounds: Bounds = Bounds()) -> list[OperationResult]:
    """Carry out operations in their order and return one result each; what was sent before is answered again, not done again.

    One that cannot be taken is refused with a sentence and hinders no other. `actor`: whose temporary ids they use.
    `bounds`: what the uploader may name.
    """
    return [result for chunk in _chunks(operations) for result in _edit(parts, chunk, actor, bounds)]


def _chunks(operations: Iterable[Any]) -> Iterator[list[Any]]:
    rest = iter(operations)
    while chunk := list(islice(rest, CHUNK)):
        yield chunk


def _edit(parts: Parts, given: Sequence[Any], actor: str, bounds: Bounds) -> list[OperationResult]:
    cases = read_all(given, parts.settings.default_region, bounds.owner)
    with parts.engine.begin() as db:
        stored.one_door(db)
        recall(db, cases, actor)
        desk = _take(db, parts, cases, actor, bounds)
    touched = {entity for entity, _ in desk.rows} | desk.referred.keys()
    _reconciled(parts, desk, [entity for entity in GOLDEN if entity in touched])
    with parts.engine.begin() as db:
        results = answer(db, cases, desk)
    for case in cases:
        _log(case)
    return results


def _reconciled(parts: Parts, desk: Desk, entities: Sequence[str]) -> None:
    """Reconcile what was edited; what another process is at is waited for, else the answer would tell of before."""
    is_waiting = bool(entities)
    while is_waiting:
        reconcile(parts, entities)
        with parts.engine.begin() as db:
            is_waiting = bool(desk.rows) and stored.are_waiting(db, desk.app, desk.rows)


def _take(db: Connection, parts: Parts, cases: Sequence[Case], actor: str, bounds: Bounds) -> Desk:
    """Let operations in and carry them out."""
    door = Door.open(db, cases, actor, parts.connectors, bounds.sees)
    for case in cases:
        door.admit(case)
    admitted = [case for case in cases if case.is_let_in]
    desk = Desk(door.sides.app, datetime.now(UTC))
    desk.lay_out(db, admitted)
    kept = _overtaken(db, desk, admitted)
    for case in admitted:
        desk.carry_out(case, kept.get(id(case), set()))
    stored.keep(db, actor, [_kept(case) for case in cases if case.is_new])
    desk.write(db)
    outgoing.enqueue(db, link_changes(db, door, admitted))
    return desk


def _kept(case: Case) -> dict[str, Any]:
    """Return an operation as it is kept."""
    given = case.given if isinstance(case.given, Mapping) else {}
    record = case.operation.record if case.operation and case.operation.action == CREATE else None
    words = {name: value if isinstance(value := given.get(name), str) else "" for name in ("entity", "action")}
    return {"id": case.id, **words, "golden_id": case.golden_id, "record": record, "request": given,
            "status": case.status, "reason": case.reason}  # fmt: skip


def _overtaken(db: Connection, desk: Desk, cases: Sequence[Case]) -> dict[int, set[str]]:
    """Return, by case, the groups somebody changed since the version an edit was made over: the rule decides about those."""
    numbered = dict(enumerate(cases))
    versions: dict[str, list[tuple[int, str, datetime]]] = {}
    for number, case in numbered.items():
        assert case.operation and case.golden_id
        version, row = case.operation.base_version, desk.rows[case.operation.entity, case.golden_id]
        stands = row.standing.get("reconciled_at")
        if version and stands and datetime.fromisoformat(stands) > version:
            versions.setdefault(case.operation.entity, []).append((number, case.golden_id, version))
    found: dict[int, set[str]] = {}
    for entity, asked in versions.items():
        for number, column in stored.changed_since(db, desk.app, entity, asked):
            found.setdefault(id(numbered[number]), set()).update(edited_groups(entity, [golden_name(column)]))
    return found


def _log(case: Case) -> None:
    """Say what became of an operation, for whoever watches."""
    entity, action = (word_of(case.given, name) for name in ("entity", "action"))
    said = {"operation_id": case.id, "entity": entity, "action": action, "status": case.status, "is_new": case.is_new}
    level = logging.INFO if case.status == ACCEPTED else logging.WARNING
    words = " ".join(f"{name}={value}" for name, value in said.items())
    LOG.log(level, "operation %s %s", words, case.reason or "", extra={"event": "operation", **said})


__all__ = ["Bounds", "OperationResult", "edit"]
