"""Survive: choose, field by field, which source's value is the golden one, and write golden records that changed."""

from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson

from crm_pipeline.database import golden
from crm_pipeline.database.golden import Dispute, Verdicts
from crm_pipeline.database.refusals import Connection
from crm_pipeline.model.rules import APP, Rules
from crm_pipeline.model.survivorship import GROUPS, Group, Side, Value
from crm_pipeline.model.three_way import AGREED, NOBODY, NONE, OPEN, PERSON, Decision, decide, provenance
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

    def __iadd__(self, other: "Survived") -> "Survived":
        for name in ("rebuilt", "inserted", "updated", "deleted", "conflicts"):
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
                done += rebuild_batch(connection, entity, rules, taken)


def rebuild_batch(db: Connection, entity: str, rules: Rules, taken: int) -> Survived:
    """Decide what is in dispute in the batch taken, and write it."""
    golden.take_verdicts(db, settle(entity, rules, golden.disputes(db, entity)))
    written, conflicts = golden.write_batch(db, entity, rules)
    return Survived(taken, written.inserted, written.updated, written.deleted, Counter(conflicts))


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

    def told(self) -> dict[str, Any]:
        """Return what each side says, as conflicts keep it."""
        several = len({side.connection for side in self.sides}) < len(self.sides)
        return {
            side.label if several else side.connection: {
                "value": dict(zip(self.group.fields, side.value, strict=True)),
                "changed_at": side.changed_at.isoformat() if side.changed_at else None,
            }
            for side in self.sides
            if side.said
        }


def _contest(group: Group, dispute: Dispute, rows: list[list[Any]], number: int) -> _Contest:
    sides = [_side(row) for row in rows]
    stood = dispute.standing.get(number)
    base: Value | None = tuple(dispute.bases[group.name]) if group.name in dispute.bases else None
    if base is None and stood and stood[0] == AGREED and not dispute.has_joined:
        base = tuple(stood[1:])
    return _Contest(group, sides, base, dispute.conflicts.get(group.name))


def _side(row: list[Any]) -> Side:
    _, connection, external_id, changed_at, has_changed, *values = row
    said = has_changed or any(value is not None and value != [] for value in values)
    return Side(
        connection,
        external_id,
        tuple(values),
        datetime.fromisoformat(changed_at) if changed_at else None,
        said,
        connection == APP,
    )


def _decide(rules: Rules, entity: str, contest: _Contest) -> Decision:
    pinned = None
    if contest.stood and contest.stood[2] not in (None, "pipeline") and _same_values(contest.stood[0], contest.told()):
        pinned = contest.stood[1]
    sides = contest.sides
    if pinned is not None:
        pinned = next((side.label for side in sides if pinned in (side.connection, side.label)), None)
    return decide(rules.rule(entity, contest.group.name), sides, contest.base, pinned)


def _same_values(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return {side: told["value"] for side, told in one.items()} == {side: told["value"] for side, told in other.items()}


def _keep(verdicts: Verdicts, dispute: Dispute, contest: _Contest, decision: Decision) -> None:
    """Keep the base while sides differ, and an account of what was a conflict."""
    group = contest.group
    if contest.base is not None and decision.rule != AGREED:
        verdicts.bases.append((dispute.golden_id, group.name, orjson.dumps(contest.base)))
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
    base = dict(zip(contest.group.fields, contest.base, strict=True)) if contest.base is not None else None
    return (dispute.golden_id, contest.group.name, base, values, rule, chosen, state, who)
