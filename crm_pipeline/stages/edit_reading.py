"""The door: operations are read, looked up and let in or refused, one after the other.

What belongs here: whether what an operation names exists, is alive and fits together; each refusal is a sentence. What the
operation itself must look like belongs to `model/operations.py`, what letting it in does to `edit_desk.py`.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import uuid4

import orjson

from crm_pipeline.connectors import Connector
from crm_pipeline.database import operations as stored
from crm_pipeline.database.operations import Known, Sides
from crm_pipeline.database.refusals import Connection
from crm_pipeline.database.rows import json_text
from crm_pipeline.errors import UsageError
from crm_pipeline.model.operation_values import TEMPORARY
from crm_pipeline.model.operations import REFERRING, Operation, Reference, operation_id, read_operation
from crm_pipeline.model.whole_groups import Stage
from crm_pipeline.model.writing import CREATE

ACCEPTED, MERGED, CONFLICT, REJECTED = "accepted", "merged", "conflict", "rejected"


@dataclass(frozen=True, slots=True)
class Bounds:
    """What an uploader may name, and whose the records are it makes."""

    sees: Callable[[Connection, str, Collection[str]], set[str]] | None = None
    """Entity and golden ids → those the uploader sees; what it does not see is refused as what is not there. None: everything."""
    owner: str | None = None
    """Golden user who owns new records that name no owner."""


@dataclass(slots=True)
class Case:
    """One operation of an upload, and what became of it so far."""

    given: Any
    id: str | None = None
    operation: Operation | None = None
    """Once it is let in: with golden ids in place of temporary and merged ones."""
    golden_id: str | None = None
    stage: Stage | None = None
    status: str = REJECTED
    reason: str | None = None
    is_new: bool = True
    """False: it came before, or has no id to be kept under."""
    same_as: "Case | None" = None
    """An operation of this upload that this one repeats."""

    def refuse(self, error: UsageError) -> None:
        """Refuse it, with a sentence; a record it would have made has no id."""
        self.status, self.reason = REJECTED, str(error)
        if self.operation and self.operation.action == CREATE:
            self.golden_id = None

    @property
    def is_let_in(self) -> bool:
        """Return whether it is to be carried out now."""
        return self.is_new and self.operation is not None and self.status == ACCEPTED


def read_all(given: Sequence[Any], region: str, owner: str | None = None) -> list[Case]:
    """Read operations by themselves. owner: golden user new records belong to that name none."""
    return [_read(one, region, owner) for one in given]


def _read(given: Any, region: str, owner: str | None) -> Case:
    case = Case(given)
    try:
        case.id = operation_id(given)
        case.operation = _owned(read_operation(given, region), owner)
    except UsageError as error:
        case.refuse(error)
        case.is_new = case.id is not None
    return case


def _owned(operation: Operation, owner: str | None) -> Operation:
    """Return a create with its owner, where it names none and can have one."""
    is_named = operation.action != CREATE or "owner_id" in operation.values or "owner_id" not in REFERRING[operation.entity]
    if owner is None or is_named:
        return operation
    reference = Reference("fields.owner_id", "users", owner)
    values = {**operation.values, "owner_id": owner}
    return replace(operation, values=values, references=(*operation.references, reference))


def recall(db: Connection, cases: Iterable[Case], actor: str) -> None:
    """Answer operations that came before as they were answered then; refuse another one under the same id."""
    seen: dict[str, Case] = {}
    before = stored.known(db, [case.id for case in cases if case.id])
    for case in cases:
        if case.id in before:
            _recall(case, before[case.id], actor)
        elif case.id in seen:
            case.is_new, case.same_as = False, seen[case.id]
            if _plain(case.given) != _plain(case.same_as.given):
                _refuse_id(case)
        elif case.id:
            seen[case.id] = case


def _recall(case: Case, known: Known, actor: str) -> None:
    case.is_new = False
    if known.actor != actor or known.request != _plain(case.given):
        return _refuse_id(case)
    case.status, case.reason, case.golden_id = known.status, known.reason, known.golden_id


def _refuse_id(case: Case) -> None:
    case.same_as = None
    case.refuse(UsageError("id: another operation came under this id before.", what_to_do="Give every operation its own id."))


def _plain(given: Any) -> Any:
    """Return a request as it comes back from the database."""
    return orjson.loads(json_text(given))


@dataclass(slots=True)
class Door:
    """What is known of the records and connections an upload names."""

    sides: Sides
    connectors: Mapping[str, Connector]
    temporary: dict[str, tuple[str, str, str]]
    """Temporary id → golden id, operation that made it, entity."""
    found: dict[tuple[str, str], tuple[str, bool]]
    """(entity, id) → golden id by now, whether it is deleted."""
    stages: dict[str, tuple[str | None, str | None]]
    """Stage → pipeline, category."""
    made: set[str] = field(default_factory=set)
    """Golden ids this upload makes."""

    @classmethod
    def open(
        cls, db: Connection, cases: Iterable[Case], actor: str, connectors: Mapping[str, Connector], sees: Any = None
    ) -> "Door":
        """Look up everything operations name."""
        operations = [case.operation for case in cases if case.operation and case.is_new]
        named = {
            (ref.entity, ref.record)
            for one in operations
            for ref in (Reference("record", one.entity, one.record), *one.references)
        }
        temporary = stored.temporary(db, actor, {record for _, record in named if record.startswith(TEMPORARY)})
        wanted: dict[str, set[str]] = {}
        for entity, record in named:
            known = temporary.get(record)
            wanted.setdefault(entity, set()).add(known[0] if known else record)
        found: dict[tuple[str, str], tuple[str, bool]] = {}
        for entity, records in wanted.items():
            ids = [record for record in records if not record.startswith(TEMPORARY)]
            there = stored.find(db, entity, ids)
            seen = sees(db, entity, {one[0] for one in there.values()}) if sees else None
            own = {golden_id for golden_id, _, made in temporary.values() if made == entity}
            found |= {(entity, id_): one for id_, one in there.items() if seen is None or one[0] in seen or id_ in own}
        stages = stored.stages(db, [golden_id for (entity, _), (golden_id, _) in found.items() if entity == "stages"])
        return cls(stored.sides(db), connectors, temporary, found, stages)

    def admit(self, case: Case) -> None:
        """Let one operation in, or refuse it. In the order of the upload: what one makes the next may name."""
        if case.operation is None or not case.is_new:
            return
        try:
            case.operation = self._resolved(case.operation)
            case.golden_id = self._record(case.operation)
            case.stage = self._stage(case.operation)
            self._require_writable(case.operation)
        except UsageError as error:
            return case.refuse(error)
        case.status = ACCEPTED
        if case.operation.action == CREATE:
            self.temporary[case.operation.record] = (case.golden_id, case.operation.id, case.operation.entity)
            self.made.add(case.golden_id)

    def _record(self, operation: Operation) -> str:
        if operation.action != CREATE:
            return self._golden(Reference("record", operation.entity, operation.record))
        before = self.temporary.get(operation.record)
        if before:
            raise UsageError(
                f"record: {operation.record} stands for {before[0]} already, which operation {before[1]} made.",
                what_to_do="Use that id, or another temporary id for a new record.",
            )
        return str(uuid4())

    def _golden(self, ref: Reference) -> str:
        """Return the golden id a reference leads to."""
        known = self.temporary.get(ref.record)
        if ref.record.startswith(TEMPORARY) and (not known or known[2] != ref.entity):
            raise UsageError(
                f"{ref.path}: no accepted create of {ref.entity} has the temporary id {ref.record}.",
                what_to_do="Send its create first, from the same account.",
            )
        golden_id = known[0] if known else ref.record
        if golden_id in self.made:
            return golden_id
        found = self.found.get((ref.entity, golden_id))
        if found is None:
            raise UsageError(
                f"{ref.path}: there is no record {golden_id} in {ref.entity}.", what_to_do=f"Use an id of crm.{ref.entity}."
            )
        if found[1]:
            raise UsageError(
                f"{ref.path}: {golden_id} of {ref.entity} is deleted.", what_to_do="Name another; read it again to be sure."
            )
        return found[0]

    def _resolved(self, operation: Operation) -> Operation:
        """Return the operation with the golden ids its references lead to."""
        golden = {ref.record: self._golden(ref) for ref in operation.references}
        values = {name: golden.get(value, value) if isinstance(value, str) and name.endswith("_id") else value
                  for name, value in operation.values.items()}  # fmt: skip
        links = {name: tuple({**one, "id": golden[one["id"]]} for one in many) for name, many in operation.links.items()}
        return replace(operation, values=values, links=links)

    def _stage(self, operation: Operation) -> Stage | None:
        """Return the stage a deal is moved to; pipeline and stage have to fit."""
        values = operation.values
        if operation.entity != "deals" or not ("stage_id" in values or "pipeline_id" in values):
            return None
        stage_id = values.get("stage_id")
        if stage_id is None:
            if operation.action == CREATE and "stage_id" not in values and values["pipeline_id"]:
                return None
            raise UsageError("fields.stage_id: a deal is moved by its stage.", what_to_do="Name a stage of crm.stages.")
        pipeline_id, category = self.stages.get(stage_id, (None, None))
        if values.get("pipeline_id") not in (None, pipeline_id):
            raise UsageError(
                f"fields.stage_id: the stage {stage_id} is of pipeline {pipeline_id}, not of {values['pipeline_id']}.",
                what_to_do="Name a stage of that pipeline, or leave pipeline_id out.",
            )
        return Stage(pipeline_id, category)

    def _require_writable(self, operation: Operation) -> None:
        for name in operation.connections:
            connection = self.sides.crms.get(name)
            if connection is None:
                known = ", ".join(sorted(self.sides.crms)) or "none yet"
                raise UsageError(f"connections: there is no connection {name!r}.", what_to_do=f"Known: {known}.")
            _, crm, direction = connection
            if direction != "two_way":
                raise UsageError(
                    f"connections: {name} is read only.", what_to_do=f"crm-pipeline connections set {name} direction=two_way"
                )
            self._require_takes(name, crm, operation)

    def _require_takes(self, name: str, crm: str, operation: Operation) -> None:
        """Require that a CRM can make such a record out of what is given."""
        connector = self.connectors.get(crm)
        writable = connector.writable.get(operation.entity) if connector else None
        if writable is None or CREATE not in writable.operations:
            raise UsageError(f"connections: {name} takes no new {operation.entity}.", what_to_do="Leave it out.")
        given = {column for column, value in operation.values.items() if value not in (None, [])} | set(operation.sets)
        given |= {"name"} if given & {"first_name", "last_name", "middle_name"} else set()
        missing = [column for column in (one.replace("_external_id", "_id") for one in writable.required) if column not in given]
        if missing:
            raise UsageError(
                f"fields.{missing[0]}: {name} takes no new {operation.entity} without it.",
                what_to_do=f"Add: {', '.join(missing)}.",
            )

    def takers(self, operation: Operation, linked: str) -> list[int]:
        """Return the two-way connections whose CRM can link (unlink) such records."""
        return [
            connection_id
            for connection_id, crm, direction in self.sides.crms.values()
            if direction == "two_way" and self._links(crm, operation, linked)
        ]

    def _links(self, crm: str, operation: Operation, linked: str) -> bool:
        connector = self.connectors.get(crm)
        writable = connector.writable.get(operation.entity) if connector else None
        return writable is not None and operation.action in writable.operations and linked in writable.links


def word_of(given: Any, name: str) -> str | None:
    """Return a text of an operation as it was sent, whatever it was."""
    value = given.get(name) if isinstance(given, Mapping) else None
    return value if isinstance(value, str) else None
