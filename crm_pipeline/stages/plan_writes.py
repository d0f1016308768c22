"""Plan writes: run the engine in one transaction, say what the CRMs would be written and why, what cannot be, and roll it back.

What belongs here: in which order the engine runs for it, and why a value that differs is not written. What is owed is decided by
`stages/owe.py`, as ever.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import Any

from crm_pipeline.database import connections, owing, planned_writes, planning
from crm_pipeline.database.owing import Differing, Missing, Target
from crm_pipeline.database.planned_writes import CANNOT_HOLD, FIRST, NO_COUNTERPART, OPEN, REQUIRED, WAITS, Failing, Scope
from crm_pipeline.database.refusals import Connection
from crm_pipeline.database.translating import BY_HAND, Asked, Translated, references
from crm_pipeline.errors import UsageError
from crm_pipeline.model.delivery import same
from crm_pipeline.model.golden import golden_name
from crm_pipeline.model.owing import NEVER_OWED, group_of, groups_by_name, written_columns
from crm_pipeline.model.rules import Rules
from crm_pipeline.model.writing import CREATE, UPDATE
from crm_pipeline.stages.owe import owe_batch, written_entities
from crm_pipeline.stages.parts import Parts
from crm_pipeline.stages.plan import Plan, Run, compare
from crm_pipeline.stages.receiving import COMPLETION, Receiver

SHOWN = 200
AT_ONCE = 5_000
"""Golden records looked at together."""
SENTENCES: Mapping[str, str] = {
    CANNOT_HOLD: "{connection} has no place for {field}, or does not know this value.",
    OPEN: "A person has to decide first: crm-pipeline conflicts list --state open.",
    REQUIRED: "A new record needs {field}, and nobody says it.",
}
Found = dict[str, Any]


@dataclass(slots=True)
class Writes:
    """What the CRMs would be written."""

    changes: dict[str, int] = field(default_factory=dict)
    """new: would be queued; joined: would change what waits; waiting: waits as it is; withdrawn: would be taken back."""
    counts: list[Found] = field(default_factory=list)
    """{connection, entity, operation, field, new, joined, waiting, withdrawn}: values."""
    rows: list[Found] = field(default_factory=list)
    """{connection, entity, name, golden_id, external_id, operation, field, held, wanted, status, origin, from, rule, since}."""
    failing: list[Found] = field(default_factory=list)
    """{connection, entity, operation, field, code, records, reason}: what is not written though it differs."""
    failing_rows: list[Found] = field(default_factory=list)
    missing: list[Found] = field(default_factory=list)
    """{connection, entity, field, missing, records, what_to_do}: what has no counterpart."""
    names: dict[str, str] = field(default_factory=dict)
    """Golden id in the rows → what it is called."""
    connections: list[str] = field(default_factory=list)
    """Those looked at."""

    @property
    def would_write(self) -> bool:
        """Return whether there is anything to write."""
        return any(self.changes.get(status) for status in ("new", "joined", "waiting"))


def plan_writes(
    parts: Parts, *, rules: Rules | None = None, only: Sequence[str] = (), entity: str | None = None, limit: int = SHOWN
) -> tuple[Plan | None, Writes]:
    """Return what reconciling would have the two-way connections written; with other rules also what these change.

    Nothing is written; reconciling waits meanwhile. `only`: just these connections, as if they were two-way, with everything they
    have. Raises UsageError for a connection that cannot be written to.
    """
    _check(parts, only)
    with parts.engine.connect() as db, db.begin() as transaction:
        look = _Look(parts, db, rules or parts.rules, list(only) or None)
        planned_writes.prepare(db)
        look.run(parts.rules, everything=False)
        if rules is not None:
            planning.snapshot(db)
            look.run(rules, everything=True)
        found = compare(db, entity) if rules is not None else None
        if only:
            look.at_everything(entity)
        writes = look.told(entity, limit)
        transaction.rollback()
    return found, writes


def _check(parts: Parts, only: Sequence[str]) -> None:
    for name in only:
        row = connections.get(parts.engine, name)
        if row.status == "removed" or row.crm not in parts.connectors or not parts.connectors[row.crm].writable:
            raise UsageError(f"Nothing can be written to {name}: it was removed, or its CRM can only be read.")


class _Look:
    """One plan: the engine's batches, and what is found about each while it lies there."""

    def __init__(self, parts: Parts, db: Connection, rules: Rules, only: list[str] | None):
        self._parts, self._db, self._rules, self._only = parts, db, rules, only
        self._targets = [one for one in owing.targets(db, only) if one.crm in parts.connectors]

    def run(self, rules: Rules, *, everything: bool) -> None:
        """Reconcile by some rules."""
        after = partial(self._find_failing, rules) if self._only is None else self._pass_over
        Run(self._db, self._parts.connectors, after).reconcile(rules, everything=everything)

    def at_everything(self, entity: str | None) -> None:
        """Offer what the connections asked for are owed, record by record as golden stands."""
        entities = {name for one in self._targets for name in written_entities(self._parts.connectors[one.crm])}
        for name in sorted(entities & {entity} if entity else entities):
            self._at_all(name)

    def _at_all(self, entity: str) -> None:
        ids = [one.id for one in self._targets]
        with_others = any(entity in self._rules.create_missing.get(one.name, ()) for one in self._targets)
        show = partial(planned_writes.show_batch, self._db, entity, self._rules, ids, with_others=with_others)
        last = show(FIRST, AT_ONCE)
        while last is not None:
            owe_batch(self._db, entity, self._rules, self._parts.connectors, self._only)
            self._find_failing(self._rules, entity)
            last = show(last, AT_ONCE)

    def _pass_over(self, _entity: str) -> None:
        planned_writes.forget_offer(self._db)

    def _find_failing(self, rules: Rules, entity: str) -> None:
        """Note what of the batch differs and is not written."""
        if entity not in NEVER_OWED:
            failing = [one for receiver in self._receivers(entity) for one in _failing(self._db, receiver, rules)]
            planned_writes.note_failing(self._db, entity, failing)
        planned_writes.forget_offer(self._db)

    def _receivers(self, entity: str) -> list[Receiver]:
        connectors = self._parts.connectors
        takers = [one for one in self._targets if entity in connectors[one.crm].writable]
        return [Receiver(self._db, entity, one, connectors[one.crm]) for one in takers]

    def told(self, entity: str | None, limit: int) -> Writes:
        """Return what came of it."""
        scope = Scope([one.id for one in self._targets], entity, limit)
        planned_writes.gather(self._db, scope)
        rows = planned_writes.rows(self._db, limit)
        return Writes(
            planned_writes.totals(self._db), planned_writes.counts(self._db), rows,
            planned_writes.failing_counts(self._db, scope), planned_writes.failing_rows(self._db, scope),
            [_unmapped(one) for one in owing.missing_counterparts(self._db, None, self._only) if entity in (None, one.entity)],
            planned_writes.names(self._db, _referred(rows)), [one.name for one in self._targets],
        )  # fmt: skip


# Why not --------------------------------------------------------------------------------------------------------------


def _failing(db: Connection, receiver: Receiver, rules: Rules) -> Iterator[Failing]:
    yield from _failing_updates(db, receiver)
    if CREATE in receiver.writable.operations:
        yield from _failing_creates(db, receiver, rules)


def _failing_updates(db: Connection, receiver: Receiver) -> Iterator[Failing]:
    """Yield what records differ in and will not be written."""
    found = owing.differing(db, receiver.entity, [receiver.target.id])
    ids = sorted({one.golden_id for one in found})
    if not ids:
        return
    golden, sides = owing.golden(db, receiver.entity, ids), owing.sides(db, receiver.entity, ids)
    opened = owing.open_groups(db, receiver.entity, ids)
    asked = [Asked(one.golden_id, one.external_id, golden[one.golden_id].values) for one in found]
    for one, translated in zip(found, receiver.translated(asked), strict=True):
        mine = (side.values for side in sides[one.golden_id] if side[:2] == (one.connection_id, one.external_id))
        names = _differing(receiver.entity, golden[one.golden_id].values, next(mine, {}))
        groups = {group for golden_id, group in opened if golden_id == one.golden_id}
        yield from _reasons(receiver, one, names, translated, groups)


def _differing(entity: str, golden: Mapping[str, Any], mine: Mapping[str, Any]) -> list[str]:
    return [name for name in written_columns(entity) if name in golden and not same(golden[name], mine.get(name))]


def _reasons(
    receiver: Receiver, record: Differing, names: Sequence[str], translated: Translated, opened: set[str]
) -> Iterator[Failing]:
    expressed = receiver.expressed(translated.values)
    for name in names:
        found = _reason(receiver, name, translated, expressed, opened)
        if found:
            code, sentence = found
            said = sentence.format(connection=receiver.target.name, field=name)
            yield Failing(record.connection_id, receiver.entity, record.golden_id, record.external_id, UPDATE, name, code, said)


def _reason(
    receiver: Receiver, name: str, translated: Translated, expressed: Mapping[str, Any], opened: set[str]
) -> tuple[str, str] | None:
    """Return why a field that differs is not written, code and sentence; None: it is, or comes to the same there."""
    group = group_of(receiver.entity, name)
    mates = groups_by_name(receiver.entity)[group].fields
    lacks = next((translated.missing[mate] for mate in (name, *mates) if mate in translated.missing), None)
    if group in opened:
        return OPEN, SENTENCES[OPEN]
    if lacks:
        return WAITS if translated.waits else NO_COUNTERPART, lacks.replace("{", "{{").replace("}", "}}")
    is_held = written_columns(receiver.entity)[name] in expressed or group == COMPLETION
    return None if is_held else (CANNOT_HOLD, SENTENCES[CANNOT_HOLD])


def _failing_creates(db: Connection, receiver: Receiver, rules: Rules) -> Iterator[Failing]:
    """Yield what records that were to be created lack."""
    target = receiver.target
    by_rule = [target.id] if receiver.entity in rules.create_missing.get(target.name, ()) else []
    asked = {golden_id for _, golden_id in owing.creatable(db, receiver.entity, [target.id], by_rule)}
    lacking = sorted(asked - planned_writes.created(db, target.id))
    if not lacking:
        return
    golden = owing.golden(db, receiver.entity, lacking)
    asks = [Asked(golden_id, None, golden[golden_id].values) for golden_id in lacking]
    for golden_id, translated in zip(lacking, receiver.translated(asks), strict=True):
        for column in receiver.writable.required:
            if translated.values.get(column) in (None, "", []):
                yield _lack(target, receiver.entity, golden_id, golden_name(column), translated)


def _lack(target: Target, entity: str, golden_id: str, name: str, translated: Translated) -> Failing:
    detail = translated.missing.get(name) or SENTENCES[REQUIRED].format(field=name)
    return Failing(target.id, entity, golden_id, None, CREATE, name, REQUIRED, detail)


# Words for a person ---------------------------------------------------------------------------------------------------


def _unmapped(one: Missing) -> Found:
    """Return what has no counterpart, with what to do about it."""
    section = {"owner_id": "users", "author_id": "users", "stage_id": "stages", "pipeline_id": "pipelines"}.get(one.field)
    by_hand = f"Write in the rules file: {section}: [[OTHER:…, {one.connection}:…]], where OTHER has {one.missing}."
    create = f"It is created there with `create_missing: {{{one.connection}: […]}}` in the rules file."
    return {**asdict(one), "what_to_do": by_hand if section in BY_HAND else create}


def _referred(rows: Sequence[Found]) -> Iterator[tuple[str, str]]:
    """Yield (entity, golden id) of what the values of these rows refer to."""
    targets = {row["id"]: row["wanted"] for row in rows if row["field"] == "target_entity"}
    for row in rows:
        for value in (row["held"], row["wanted"]):
            fields = {row["field"]: value, "target_entity": targets.get(row["id"])}
            if row["field"] and not (row["field"].endswith("_id") and not isinstance(value, str)):
                yield from ((to, golden_id) for _, to, golden_id in references(row["entity"], fields))
