"""What is answered to operations, once reconciling has decided what they are worth.

What belongs here: comparing what was asked with what stands now, and the sentences that say so.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from crm_pipeline.database import operations as stored
from crm_pipeline.database.operations import Current
from crm_pipeline.database.refusals import Connection
from crm_pipeline.model.delivery import same
from crm_pipeline.model.whole_groups import edited_groups
from crm_pipeline.model.writing import COMPLETE, POINT_SETS, REOPEN
from crm_pipeline.stages.edit_desk import Desk, Row
from crm_pipeline.stages.edit_reading import ACCEPTED, CONFLICT, MERGED, REJECTED, Case, word_of

NOBODY = "No two-way connection has it: nobody is to be written to."


@dataclass(frozen=True, slots=True)
class OperationResult:
    """What became of one operation."""

    id: str | None
    status: str
    """accepted; merged: taken, but another value stands; conflict: a person has to decide; rejected: not taken."""
    record: str | None
    """Golden id, also of a new record."""
    changes: list[int]
    """Outgoing changes that carry it (sync.outgoing_changes.id)."""
    reason: str | None = None
    current: dict[str, Any] | None = None
    """Golden values of the fields edited, where it was not simply accepted."""

    def as_json(self) -> dict[str, Any]:
        """Return it as `push --json` and the API answer it."""
        return asdict(self)


def answer(db: Connection, cases: Sequence[Case], desk: Desk) -> list[OperationResult]:
    """Say what became of operations that were reconciled, and keep it."""
    stored.carry(db, [case.id for case in cases if case.id and case.is_let_in])
    changes = stored.changes(db, [case.id for case in cases if case.id])
    now = _Now.look(db, cases)
    two_way = {id_ for id_, _, direction in stored.sides(db).crms.values() if direction == "two_way"}
    answers = []
    for case in cases:
        if case.is_let_in:
            now.judge(case, desk)
            if case.status == ACCEPTED and not _is_written(case, desk, two_way) and not changes.get(case.id or ""):
                case.reason = NOBODY
            answers.append((case.id or "", case.status, case.reason))
        elif case.same_as:
            case.status, case.reason, case.golden_id = case.same_as.status, case.same_as.reason, case.same_as.golden_id
    stored.answer(db, answers)
    return [_result(case, changes.get(case.id or "", []), now) for case in cases]


def _is_written(case: Case, desk: Desk, two_way: set[int]) -> bool:
    """Return whether somebody is to be told of it."""
    assert case.operation and case.golden_id
    row = desk.rows[case.operation.entity, case.golden_id]
    return bool(row.connections & two_way) or bool(case.operation.connections)


def _result(case: Case, changes: list[int], now: "_Now") -> OperationResult:
    if case.status == REJECTED:
        record = case.golden_id or word_of(case.given, "record")
        return OperationResult(word_of(case.given, "id"), REJECTED, record, [], case.reason, now.record(case))
    current = None if case.status == ACCEPTED else now.fields(case)
    return OperationResult(case.id, case.status, now.id_of(case), changes, case.reason, current)


@dataclass(frozen=True, slots=True)
class _Now:
    """What holds true once an upload was reconciled."""

    moved: Mapping[tuple[str, str], str]
    current: Mapping[tuple[str, str], Current]
    points: Mapping[tuple[str, str], list[dict[str, Any]]]

    @classmethod
    def look(cls, db: Connection, cases: Iterable[Case]) -> "_Now":
        """Look at everything an upload was about."""
        wanted: dict[str, set[str]] = {}
        for case in cases:
            if case.operation and case.golden_id:
                wanted.setdefault(case.operation.entity, set()).add(case.golden_id)
        moved: dict[tuple[str, str], str] = {}
        current: dict[tuple[str, str], Current] = {}
        points: dict[tuple[str, str], list[dict[str, Any]]] = {}
        for entity, ids in wanted.items():
            now = {id_: found[0] for id_, found in stored.find(db, entity, ids).items()}
            moved |= {(entity, id_): new for id_, new in now.items()}
            current |= {(entity, id_): one for id_, one in stored.current(db, entity, now.values()).items()}
            points |= {(entity, id_): many for id_, many in stored.points(db, entity, now.values()).items()}
        return cls(moved, current, points)

    def id_of(self, case: Case) -> str | None:
        """Return the golden id of a case by now."""
        entity = case.operation.entity if case.operation else ""
        return self.moved.get((entity, case.golden_id or ""), case.golden_id)

    def record(self, case: Case) -> dict[str, Any] | None:
        """Return the golden record a refused operation was about, where it was found."""
        return self.fields(case) if case.operation and case.golden_id else None

    def judge(self, case: Case, desk: Desk) -> None:
        """Say whether the edit stands, waits for a person, or gave way."""
        operation, current = case.operation, self._of(case)
        assert operation and case.golden_id
        row = desk.rows[operation.entity, case.golden_id]
        if current is None:
            return
        columns = _edited(case)
        lost = [column for column in columns if not _equal(column, row.standing.get(column), current.values.get(column))]
        lost += [name for name in operation.sets if not self._holds(case, row, name)]
        groups = edited_groups(operation.entity, columns)
        if waiting := [group for group in groups if group in current.open_fields]:
            case.status = CONFLICT
            case.reason = f"A person has to decide about {', '.join(waiting)}: crm-pipeline conflicts list --state open"
        elif lost:
            case.status, case.reason = MERGED, f"Another value stands: {'; '.join(_told(name, current) for name in lost)}."

    def _of(self, case: Case) -> Current | None:
        return self.current.get((case.operation.entity if case.operation else "", self.id_of(case) or ""))

    def _values(self, case: Case, name: str) -> list[str]:
        assert case.operation
        points = self.points.get((case.operation.entity, self.id_of(case) or ""), [])
        return [one["value"] for one in points if one["kind"] == POINT_SETS[name]]

    def _holds(self, case: Case, row: Row, name: str) -> bool:
        said = [one["value"] for one in row.points if one["kind"] == POINT_SETS[name]]
        return set(said) == set(self._values(case, name))

    def fields(self, case: Case) -> dict[str, Any] | None:
        """Return the golden values of what was edited."""
        current = self._of(case)
        if current is None or case.operation is None:
            return None
        values = {column: current.values.get(column) for column in _edited(case)}
        return values | {name: self._values(case, name) for name in case.operation.sets}


def _edited(case: Case) -> list[str]:
    assert case.operation
    completed = ["is_completed"] if case.operation.action in (COMPLETE, REOPEN) else []
    return [*case.operation.values, *completed]


def _equal(column: str, said: Any, stands: Any) -> bool:
    if column.endswith("_at") and said and stands:
        return datetime.fromisoformat(said) == datetime.fromisoformat(stands)
    return same(said, stands)


def _told(name: str, current: Current) -> str:
    told = current.provenance.get(name) or {}
    return f"{name} of {told.get('connection') or 'other sides'}, by the rule {told.get('rule') or 'union'}"
