"""Owe: what two-way connections should hold and do not, offered to the outgoing queue, within the batch that was just written.

Level-triggered: owed is the difference between golden and what a connection holds, in the connection's own terms; doing it again
offers the same. What belongs here: which groups of which records differ, and what a change says beside its fields. Finding
counterparts belongs to `database/translating.py`, what becomes of an offer to `database/outgoing.py`.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from crm_pipeline.connectors import Connector
from crm_pipeline.database import outgoing, owing
from crm_pipeline.database.outgoing import NewChange
from crm_pipeline.database.owing import Differing, GoldenRecord, Requested, Said, Target
from crm_pipeline.database.refusals import Connection
from crm_pipeline.database.translating import Asked, Translated, held
from crm_pipeline.model.delivery import BULK, INTERACTIVE
from crm_pipeline.model.entities import COLUMNS
from crm_pipeline.model.golden import golden_name, is_reference
from crm_pipeline.model.owing import NEVER_OWED, difference, group_of, groups_by_name, written_columns
from crm_pipeline.model.rules import APP, Rules
from crm_pipeline.model.survivorship import Group
from crm_pipeline.model.writing import COMPLETE, CREATE, POINT_SETS, REOPEN, UPDATE
from crm_pipeline.stages.receiving import COMPLETION, Owed, Receiver

ALSO_TOUCHED_BY = {"company": ("companies",)}
"""Group → fields of operations beside its own columns that speak of it."""
SETS = ("tags", *POINT_SETS)
"""Groups whose value can be made of several sides'."""


_Requests = Mapping[str, list[Requested]]
"""Golden id → operations, the latest first."""


def owe_batch(
    db: Connection, entity: str, rules: Rules, connectors: Mapping[str, Connector], only: Sequence[str] | None = None
) -> Owed:
    """Offer what the records of the batch are owed. Without a two-way connection this is one small query.

    `only`: as if these connections were the two-way ones.
    """
    owed = Owed()
    if entity in NEVER_OWED:
        return owed
    receivers = [
        Receiver(db, entity, one, connectors[one.crm]) for one in owing.targets(db, only) if _takes(connectors, one, entity)
    ]
    if not receivers:
        return owed
    ids = [one.target.id for one in receivers]
    found = [*_updates(db, entity, receivers, owed), *_creates(db, entity, rules, receivers, owed)]
    considered = owing.waiting(db, entity, ids)
    if found or considered:
        owed.queued = outgoing.offer(db, entity, considered, found).queued
    return owed


def _takes(connectors: Mapping[str, Connector], target: Target, entity: str) -> bool:
    return target.crm in connectors and entity in connectors[target.crm].writable


# Updates --------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Circumstances:
    """What is known of the golden records something differs from."""

    golden: Mapping[str, GoldenRecord]
    sides: Mapping[str, list[Said]]
    open: set[tuple[str, str]]
    requested: _Requests


def _updates(db: Connection, entity: str, receivers: Sequence[Receiver], owed: Owed) -> Iterator[NewChange]:
    found = owing.differing(db, entity, [one.target.id for one in receivers])
    ids = sorted({one.golden_id for one in found})
    if not ids:
        return
    around = _Circumstances(
        owing.golden(db, entity, ids), owing.sides(db, entity, ids), owing.open_groups(db, entity, ids),
        owing.operations(db, entity, ids),
    )  # fmt: skip
    for receiver in receivers:
        yield from _updates_of(db, receiver, [one for one in found if one.connection_id == receiver.target.id], around, owed)


def _updates_of(
    db: Connection, receiver: Receiver, found: Sequence[Differing], around: _Circumstances, owed: Owed
) -> Iterator[NewChange]:
    holds = held(db, receiver.target.id, receiver.entity, [one.external_id for one in found])
    names = [name for group in receiver.groups for name in group.fields]
    asked = [
        Asked(one.golden_id, one.external_id, {name: around.golden[one.golden_id].values.get(name) for name in names})
        for one in found
    ]
    done: set[str] = set()
    for one, translated in zip(found, receiver.translated(asked), strict=True):
        owed.missing.update((receiver.target.name, name) for name in translated.missing)
        if one.golden_id in done:
            continue  # of several records of one connection the next has its turn when this one holds what it should
        changes = list(_Comparison(receiver, one, translated, holds[one.external_id], around).changes())
        done |= {one.golden_id} if changes else set()
        yield from changes


@dataclass(frozen=True)
class _Comparison:
    """One record of one connection beside its golden record."""

    receiver: Receiver
    record: Differing
    translated: Translated
    held: Mapping[str, Any]
    around: _Circumstances

    def changes(self) -> Iterator[NewChange]:
        """Yield what would make it hold what it should."""
        differing = {group_of(self.entity, name) for name in difference(self._expressed, self.held)}
        differing -= {COMPLETION, *self._unknown}
        groups = [group for group in self.receiver.groups if group.name in differing and not self._is_open(group)]
        if groups and UPDATE in self.receiver.writable.operations:
            yield self._change(UPDATE, groups, {})
        yield from self._completion()

    @cached_property
    def _unknown(self) -> set[str]:
        """Return groups in which it refers to what we do not know (not read, not readable, a user long gone): left alone."""
        mine = self._mine
        return {
            group_of(self.entity, column)
            for column in COLUMNS[self.entity]
            if is_reference(column) and self.held.get(column) is not None and mine.get(golden_name(column)) is None
        }

    @cached_property
    def _mine(self) -> Mapping[str, Any]:
        """Return what it says, in golden terms."""
        return next((side.values for side in self._sides if side[:2] == (self.record.connection_id, self.record.external_id)), {})

    @property
    def entity(self) -> str:
        """Return the entity."""
        return self.receiver.entity

    @cached_property
    def _expressed(self) -> dict[str, Any]:
        return self.receiver.expressed(self.translated.values)

    @cached_property
    def _golden(self) -> GoldenRecord:
        return self.around.golden[self.record.golden_id]

    @cached_property
    def _sides(self) -> list[Said]:
        return self.around.sides.get(self.record.golden_id, [])

    def _is_open(self, group: Group) -> bool:
        return (self.record.golden_id, group.name) in self.around.open

    def _completion(self) -> Iterator[NewChange]:
        group = groups_by_name(self.entity).get(COMPLETION)
        if group is None or self._is_open(group):
            return
        wanted, now = (bool(values.get("is_completed")) for values in (self._golden.values, self.held))
        operation = COMPLETE if wanted else REOPEN
        if wanted != now and operation in self.receiver.writable.operations:
            asked = self._asked(group)
            result = asked.fields.get("result") if asked and asked.action == COMPLETE else None
            yield self._change(operation, [group], {"result": result} if result and wanted else {})

    def _change(self, operation: str, groups: Sequence[Group], beside: Mapping[str, Any]) -> NewChange:
        names = [name for group in groups for name in group.fields]
        asked = next((asked for group in groups if self._is_the_apps(group) and (asked := self._asked(group))), None)
        return NewChange(
            self.receiver.target.id, self.entity, self.record.golden_id, operation,
            {name: self._golden.values.get(name) for name in names} | dict(beside),
            {name: self._holds(name) for name in names},
            {group.name: said for group in groups if (said := self._said(group))},
            self.record.external_id, INTERACTIVE if asked else BULK, f"op:{asked.id}" if asked else "reconcile",
        )  # fmt: skip

    def _holds(self, name: str) -> Any:
        """Return what the connection holds of a field, in golden terms."""
        if name in POINT_SETS:
            return list(self.held.get(name) or ())
        return self._mine.get(name)

    def _said(self, group: Group) -> dict[str, list[Any]]:
        """Return what sides say of a group that say something else than golden, but for this one."""
        if group.point_kind:
            return {}
        golden = [self._golden.values.get(name) for name in group.fields]
        said = {
            side.label: [side.values.get(name) for name in group.fields]
            for side in self._sides
            if side[:2] != (self.record.connection_id, self.record.external_id)
        }
        return {
            label: values for label, values in said.items() if values != golden and any(one not in (None, []) for one in values)
        }

    # Whose it is -----------------------------------------------------------------------------------------------------

    def _is_the_apps(self, group: Group) -> bool:
        """Return whether what golden says of a group was edited in the app."""
        if group.name in SETS:
            return self._asked(group) is not None
        return any(self._golden.provenance.get(name, {}).get("connection") == APP for name in group.fields)

    def _asked(self, group: Group) -> Requested | None:
        """Return the latest operation on a group."""
        requested = self.around.requested.get(self.record.golden_id, ())
        return next((one for one in requested if _touches(one, group)), None)


def _touches(requested: Requested, group: Group) -> bool:
    if group.name == COMPLETION and requested.action in (COMPLETE, REOPEN):
        return True
    return any(name in requested.fields for name in (*group.fields, *ALSO_TOUCHED_BY.get(group.name, ())))


# Creates --------------------------------------------------------------------------------------------------------------


def _creates(db: Connection, entity: str, rules: Rules, receivers: Sequence[Receiver], owed: Owed) -> Iterator[NewChange]:
    able = {one.target.id: one for one in receivers if CREATE in one.writable.operations}
    by_rule = [id_ for id_, one in able.items() if entity in rules.create_missing.get(one.target.name, ())]
    pairs = owing.creatable(db, entity, list(able), by_rule) if able else []
    if not pairs:
        return
    golden = owing.golden(db, entity, {golden_id for _, golden_id in pairs})
    requested = owing.operations(db, entity, golden)
    for connection_id, receiver in able.items():
        yield from _creates_of(receiver, [one for id_, one in pairs if id_ == connection_id], golden, requested, owed)


def _creates_of(
    receiver: Receiver,
    ids: Sequence[str],
    golden: Mapping[str, GoldenRecord],
    requested: Mapping[str, list[Requested]],
    owed: Owed,
) -> Iterator[NewChange]:
    asked = [Asked(golden_id, None, _whole(receiver, golden[golden_id])) for golden_id in ids]
    for one, translated in zip(asked, receiver.translated(asked), strict=True):
        owed.missing.update((receiver.target.name, name) for name in translated.missing)
        lacking = _lacking(receiver, translated)
        owed.lacking.update((receiver.target.name, column) for column in lacking)
        if lacking:
            continue
        made = next((op for op in requested.get(one.golden_id, ()) if op.action == CREATE), None)
        lane, origin = (INTERACTIVE, f"op:{made.id}") if made else (BULK, "reconcile")
        yield NewChange(receiver.target.id, receiver.entity, one.golden_id, CREATE, one.fields, lane=lane, origin=origin)


def _whole(receiver: Receiver, record: GoldenRecord) -> dict[str, Any]:
    """Return the fields a new record is made with: of what the connection takes everything that says something."""
    groups = [group for group in receiver.groups if any(_is_filled(record.values.get(name)) for name in group.fields)]
    fields = {name: record.values.get(name) for group in groups for name in group.fields}
    links = {name: record.values[name] for name in receiver.writable.links if _is_filled(record.values.get(name))}
    return fields | links


def _is_filled(value: Any) -> bool:
    return value is not None and value != []


def _lacking(receiver: Receiver, translated: Translated) -> list[str]:
    """Return the columns a new record needs and does not have; what is about to be created there will be had."""
    awaited = set(translated.missing) if translated.waits else set()
    awaited |= {"target_entity"} if "target_id" in awaited else set()
    return [
        column for column in receiver.writable.required
        if not _is_filled(translated.values.get(column)) and golden_name(column) not in awaited
    ]  # fmt: skip


def written_entities(connector: Connector) -> list[str]:
    """Return the entities a connection of this CRM can be owed."""
    return [entity for entity in COLUMNS if entity in connector.writable and entity not in NEVER_OWED and written_columns(entity)]
