"""Survive: choose, field by field, which source's value is the golden one, and write golden records that changed."""

from collections import Counter
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson

from crm_pipeline.connectors import Connector
from crm_pipeline.database import golden
from crm_pipeline.database.golden import Dispute, Verdicts
from crm_pipeline.database.refusals import Connection
from crm_pipeline.model.rules import APP, Rules
from crm_pipeline.model.survivorship import GROUPS, Group, Side, Value
from crm_pipeline.model.three_way import AGREED, NOBODY, NONE, NOTHING, OPEN, PERSON, Decision, decide, provenance
from crm_pipeline.stages.owe import owe_batch
from crm_pipeline.stages.parts import Parts

FEW, MANY = 5_000, 100_000
"""Golden records a transaction rebuilds, when few or many wait."""
TAGS = ("tags",)
"""The group whose value can be made of several sides'."""


@dataclass(slots=True)
class Survived:
    """What rebuilding golden records of one entity did."""

    rebuilt: int = 0
    inserted: int = 0
    updated: int = 0
    deleted: int = 0
    conflicts: Counter[str] = field(default_factory=Counter)
    """Group of fields → conflicts that came up."""
    offered: int = 0
    """Changes queued for two-way connections, because they hold something else."""

    def __iadd__(self, other: "Survived") -> "Survived":
        for name in ("rebuilt", "inserted", "updated", "deleted", "conflicts", "offered"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        return self


def survive(parts: Parts, entity: str, rules: Rules) -> Survived:
    """Rebuild the golden records of an entity that wait, in batches of one transaction each; two at a time when many wait."""
    with parts.engine.begin() as db:
        waiting = golden.count_waiting(db, entity)
    if not waiting:
        return Survived()
    if waiting < golden.MANY:
        return _rebuild_all(parts, entity, rules, many=False)
    done = Survived()
    with ThreadPoolExecutor(max_workers=2, thread_name_prefix="survive") as workers:
        for survived in workers.map(lambda _: _rebuild_all(parts, entity, rules, many=True), range(2)):
            done += survived
    return done


def _rebuild_all(parts: Parts, entity: str, rules: Rules, *, many: bool) -> Survived:
    done = Survived()
    with parts.engine.connect() as connection:
        while True:
            with connection.begin():
                taken = golden.take_batch(connection, entity, rules, MANY if many else FEW, many=many)
                if not taken:
                    return done
                done += rebuild_batch(connection, entity, rules, taken, parts.connectors)


def rebuild_batch(db: Connection, entity: str, rules: Rules, taken: int, connectors: Mapping[str, Connector]) -> Survived:
    """Decide what is in dispute in the batch taken, write it, and offer what connections are owed because of it."""
    golden.take_verdicts(db, settle(entity, rules, golden.disputes(db, entity)))
    written, conflicts = golden.write_batch(db, entity, rules)
    owed = owe_batch(db, entity, rules, connectors)
    return Survived(taken, written.inserted, written.updated, written.deleted, Counter(conflicts), owed.queued)


def settle(entity: str, rules: Rules, disputes: Iterable[Dispute]) -> Verdicts:
    """Decide disputes by the rules; every decision keeps its losers and, where it was a conflict, an account of it."""
    verdicts = Verdicts()
    for dispute in disputes:
        _settle(entity, rules, dispute, verdicts)
    return verdicts


def _settle(entity: str, rules: Rules, dispute: Dispute, verdicts: Verdicts) -> None:
    account: dict[str, Any] = {}
    wins: dict[tuple[int, str], int] = {}
    kept: dict[str, Any] = {}
    for number, rows in dispute.sides.items():
        contest = _contest(GROUPS[entity][number], dispute, rows, number)
        decision = _decide(rules, entity, contest)
        account |= provenance(contest.group, contest.sides, decision)
        if decision.winner == NOBODY or contest.group.fields == TAGS:
            kept |= zip(contest.group.fields, decision.value, strict=True)
        else:
            winner = rows[decision.winner]
            wins[winner[0], winner[2]] = wins.get((winner[0], winner[2]), 0) | 1 << number
        _keep(verdicts, dispute, contest, decision)
    verdicts.verdicts.append((dispute.golden_id, dispute.mask, account, kept))
    verdicts.winners += [(dispute.golden_id, *side, mask) for side, mask in wins.items()]


@dataclass(frozen=True, slots=True)
class _Contest:
    """One group of one golden record in dispute."""

    group: Group
    sides: list[Side]
    base: Value | None
    stood: list[Any] | None
    """[values, chosen side, who decided, rule, state] of the conflict that stands."""
    exceptions: dict[str, list[Any]]
    """Side → what it said when the base was made, of those that said something else."""

    def told(self) -> dict[str, Any]:
        """Return what each side says, as conflicts keep it."""
        several, decisive = len({side.connection for side in self.sides}) < len(self.sides), self.group.decisive
        return {
            side.label if several else side.connection: {
                "value": {name: value for name, value in zip(self.group.fields, side.value, strict=True) if name in decisive},
                "changed_at": side.changed_at.isoformat() if side.changed_at else None,
            }
            for side in self.sides
            if side.said
        }

    def compared(self) -> tuple[list[Side], Value | None]:
        """Return sides and base as they are compared: without what a CRM works out from the rest."""
        derived = [at for at, name in enumerate(self.group.fields) if name in self.group.derived]
        if not derived:
            return self.sides, self.base
        sides = [side._replace(value=_without(side.value, derived), stood=_without(side.stood, derived)) for side in self.sides]
        return sides, _without(self.base, derived)

    def still(self) -> dict[str, list[Any]]:
        """Return the exceptions from the base that hold on; one that says something else once has changed for good."""
        changed = {side.label for side in self.compared()[0] if side.stood is not None and side.value != side.stood}
        return {label: values for label, values in self.exceptions.items() if label not in changed}


def _without(value: Any, derived: list[int]) -> Any:
    return value and tuple(None if at in derived else one for at, one in enumerate(value))


def _contest(group: Group, dispute: Dispute, rows: list[list[Any]], number: int) -> _Contest:
    stood = dispute.standing.get(number)
    agreed, exceptions = dispute.bases.get(group.name, (None, {}))
    base: Value | None = tuple(agreed) if agreed is not None else None
    if base is None and stood and stood[0] == AGREED and not dispute.has_joined:
        base = tuple(stood[1:])
    sides = [_side(row, exceptions) for row in rows]
    return _Contest(group, sides, base, dispute.conflicts.get(group.name), exceptions)


def _side(row: list[Any], exceptions: dict[str, list[Any]]) -> Side:
    _, connection, external_id, changed_at, has_changed, *values = row
    said = has_changed or any(value is not None and value != [] for value in values)
    stood = exceptions.get(f"{connection}:{external_id}")
    return Side(
        connection,
        external_id,
        tuple(values),
        datetime.fromisoformat(changed_at) if changed_at else None,
        said,
        connection == APP,
        None if stood is None else tuple(stood),
    )


def _decide(rules: Rules, entity: str, contest: _Contest) -> Decision:
    pinned = None
    if contest.stood and contest.stood[2] not in (None, "pipeline") and _same_values(contest.stood[0], contest.told()):
        pinned = contest.stood[1]
    if pinned is not None:
        pinned = next((side.label for side in contest.sides if pinned in (side.connection, side.label)), None)
    return _told_in_full(contest, decide(rules.rule(entity, contest.group.name), *contest.compared(), pinned))


def _told_in_full(contest: _Contest, decision: Decision) -> Decision:
    """Return a decision with the derived values that belong to it."""
    if not contest.group.derived or decision.rule == NOTHING:
        return decision
    value = contest.sides[decision.winner].value if decision.winner >= 0 else contest.base
    return decision._replace(value=value or decision.value)


def _same_values(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return {side: told["value"] for side, told in one.items()} == {side: told["value"] for side, told in other.items()}


def _keep(verdicts: Verdicts, dispute: Dispute, contest: _Contest, decision: Decision) -> None:
    """Keep the base while sides differ, and an account of what was a conflict."""
    group = contest.group
    if contest.base is not None and decision.rule != AGREED:
        verdicts.bases.append((dispute.golden_id, group.name, orjson.dumps(contest.base), contest.still()))
    if decision.rule == PERSON and contest.stood:
        values, chosen, who, rule, state = contest.stood
        verdicts.conflicts.append(_row(dispute, contest, values, rule, chosen, state, who))
    elif decision.conflict != NONE:
        told = contest.told()
        chosen = _label(told, contest.sides[decision.winner]) if decision.winner != NOBODY else None
        who = None if decision.conflict == OPEN else "pipeline"
        verdicts.conflicts.append(_row(dispute, contest, told, decision.rule, chosen, decision.conflict, who))


def _label(told: dict[str, Any], side: Side) -> str:
    """Return by what a conflict calls a side."""
    return side.connection if side.connection in told else side.label


def _row(
    dispute: Dispute, contest: _Contest, values: dict[str, Any], rule: str, chosen: str | None, state: str, who: str | None
) -> tuple[Any, ...]:
    known = zip(contest.group.fields, contest.base, strict=True) if contest.base is not None else ()
    base = {name: value for name, value in known if name in contest.group.decisive} or None
    return (dispute.golden_id, contest.group.name, base, values, rule, chosen, state, who)
