"""Conflicts: a person chooses the side whose value stands; the golden record is rebuilt at once.

The choice holds as long as every side says what it said when the person chose.
"""

from crm_pipeline.database import audit, conflicts
from crm_pipeline.database.conflicts import Conflict
from crm_pipeline.database.refusals import Connection
from crm_pipeline.errors import UsageError
from crm_pipeline.stages.parts import Parts
from crm_pipeline.stages.reconcile import reconcile

OPEN, DECIDED, OVERTURNED = "open", "decided", "overturned"
MAX_ID = 2**63 - 1


def take(parts: Parts, conflict_id: int, side: str, who: str, reason: str | None = None) -> Conflict:
    """Settle an open conflict for one side. Raises UsageError when it is not open, or the side is not in it."""
    return _settle(parts, conflict_id, side, DECIDED, who, reason)


def overturn(parts: Parts, conflict_id: int, side: str, who: str, reason: str | None = None) -> Conflict:
    """Choose another side than the rule, or the person before, did. Raises UsageError as `take` does."""
    return _settle(parts, conflict_id, side, OVERTURNED, who, reason)


def _settle(parts: Parts, conflict_id: int, side: str, state: str, who: str, reason: str | None) -> Conflict:
    with parts.engine.begin() as db:
        conflict = _standing(db, conflict_id)
        _require(conflict, side, state)
        conflicts.settle(db, conflict, state, side, who)
        detail = {"entity": conflict.entity, "golden_id": conflict.golden_id, "field": conflict.field,
                  "before": conflict.chosen, "chosen": side, "reason": reason}  # fmt: skip
        audit.note(db, "conflict.take" if state == DECIDED else "conflict.overturn", str(conflict_id), detail, actor=who)
    reconcile(parts)
    return conflict


def _standing(db: Connection, conflict_id: int) -> Conflict:
    conflict = conflicts.by_id(db, conflict_id) if 0 < conflict_id <= MAX_ID else None
    if conflict is None:
        raise UsageError(f"There is no conflict {conflict_id}.", what_to_do="See: crm-pipeline conflicts list")
    if conflict.superseded_at:
        raise UsageError(
            f"Conflict {conflict_id} does not stand any more: its values changed, or the sides agreed.",
            what_to_do="See: crm-pipeline conflicts list",
        )
    return conflict


def _require(conflict: Conflict, side: str, state: str) -> None:
    if side not in conflict.values:
        raise UsageError(
            f"{side!r} is no side of conflict {conflict.id}.", what_to_do=f"Its sides: {', '.join(sorted(conflict.values))}."
        )
    if state == DECIDED and conflict.state != OPEN:
        raise UsageError(
            f"Conflict {conflict.id} is decided already: {conflict.chosen} by {_decider(conflict)}.",
            what_to_do=f"To choose another side: crm-pipeline conflicts overturn {conflict.id} SIDE",
        )
    if state == OVERTURNED and conflict.state == OPEN:
        raise UsageError(
            f"Conflict {conflict.id} is open: there is nothing to overturn.",
            what_to_do=f"Settle it: crm-pipeline conflicts take {conflict.id} {side}",
        )
    if state == OVERTURNED and side == conflict.chosen:
        raise UsageError(
            f"{side} stands already in conflict {conflict.id}.", what_to_do=f"Its sides: {', '.join(sorted(conflict.values))}."
        )


def _decider(conflict: Conflict) -> str:
    return f"the rule {conflict.rule}" if conflict.decided_by == "pipeline" else str(conflict.decided_by)
