"""The whole decision table of reconciling: what becomes the golden value of one group of fields, and is it a conflict.

The first line that holds decides. *Sides* here are those that count (not ignored) and say something. A side has *changed*
when it says neither the base nor what it said when the base was made (`Side.stood`): what is agreed by some, because it was
written into one CRM or edited in the app, is a base the others may go on differing from.

    sides                                       winner                        rule        conflict
    ------------------------------------------- ----------------------------- ----------- ------------------------------
    nobody says anything                        nothing                       nothing     none
    one                                         that one                      only        none
    all say the same                            who said it first             agreed      none
    a person chose a side that still says it    that side                     person      none
    the rule is union                           everybody's words, without    union       none
                                                what was taken off the base
    base known, nobody changed, some say it     who said the base first       kept        none
    base known, all that changed say the same,  who changed it first          changed     none
    or one says all that the others changed
    the rule is review                          the base, held or not; else   review      open
                                                who said it first
    base known, two or more different changes   the rule, among the changed   the rule    decided
    base known, nobody changed, nobody says it  the rule, among all           the rule    none
    base not known                              the rule, among all           the rule    none: nobody changed anything
                                                                                          since they met; `provenance`
                                                                                          shows what the others say

What belongs here: this table and the account it gives of itself. How a rule ranks sides belongs to `survivorship.py`.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from crm_pipeline.model.survivorship import CHOOSE, REVIEW, UNION, Group, GroupRule, Side, Value, by_place, first_said, merged

NOTHING, ONLY, AGREED, PERSON, CHANGED, KEPT = "nothing", "only", "agreed", "person", "changed", "kept"
"""Deciding rules that are in no rules file, beside those of `survivorship.RULES`."""
NONE, DECIDED, OPEN = "none", "decided", "open"
"""States of a conflict."""
NOBODY = -1


class Decision(NamedTuple):
    """What was decided of one group of one golden record, and by what."""

    winner: int
    """Index into the sides; of a union the first in source order; NOBODY when every side is ignored, or none holds it still."""
    rule: str
    conflict: str
    """none, decided or open."""
    losers: tuple[int, ...]
    """Sides that were up for the decision and say something else than the golden value."""
    since: datetime | None
    """When the value came to be said, where known."""
    value: Value
    """The golden value."""


def decide(rule: GroupRule, sides: Sequence[Side], base: Value | None, pinned: str | None = None) -> Decision:
    """Decide one group of one golden record by the table above. The order of `sides` does not matter.

    `base` is what all sides last agreed on (None: they never did), `pinned` the record a person chose, as `external id` or
    `connection:external id`; the caller drops a pin when a value it was decided over has changed. What the golden value is
    at the moment plays no part: the outcome must not depend on who was read first. Raises ValueError without sides.
    """
    ignored = rule.ignore
    among = [i for i, side in enumerate(sides) if side.said and side.connection not in ignored]
    if len(among) < 2:
        return _of(sides, among[0], ONLY, NONE, ()) if among else _nothing(rule, sides)
    if _say_the_same(sides, among):
        return _of(sides, first_said(rule, sides, among), AGREED, NONE, ())
    if pinned is not None and (chosen := [i for i in among if pinned in (sides[i].key, sides[i].label)]):
        return _of(sides, by_place(rule, sides, chosen)[0], PERSON, NONE, among)
    if rule.rule == UNION:
        return _union(rule, sides, among, base)
    return _contested(rule, sides, among, base)


def _contested(rule: GroupRule, sides: Sequence[Side], among: list[int], base: Value | None) -> Decision:
    """Decide among sides that differ."""
    changed = [] if base is None else [i for i in among if sides[i].value not in (base, sides[i].stood)]
    holders = [i for i in among if sides[i].value == base]
    if fullest := [i for i in changed if all(_holds_changes(sides[i], sides[j], base) for j in changed)]:
        return _of(sides, first_said(rule, sides, fullest), CHANGED, NONE, tuple(changed))
    if holders and not changed:
        return _of(sides, first_said(rule, sides, holders), KEPT, NONE, ())
    if rule.rule == REVIEW:
        return _left_standing(rule, sides, among, base)
    contenders = changed or among
    return _of(sides, CHOOSE[rule.rule](rule, sides, contenders), rule.rule, DECIDED if changed else NONE, contenders)


def _holds_changes(one: Side, other: Side, base: Value | None) -> bool:
    """Return whether one side says every part that the other changed: a currency filled in does not contradict a new amount."""
    before = other.value if base is None else base if other.stood is None else other.stood
    return all(mine == new or new == old for mine, new, old in zip(one.value, other.value, before, strict=True))


def _left_standing(rule: GroupRule, sides: Sequence[Side], among: list[int], base: Value | None) -> Decision:
    """Leave the old value standing until a person decides: the base, also when nobody holds it any more."""
    holders = among if base is None else [i for i in among if sides[i].value == base]
    if holders:
        return _of(sides, first_said(rule, sides, holders), REVIEW, OPEN, among)
    return Decision(NOBODY, REVIEW, OPEN, tuple(among), None, base or ())


def _union(rule: GroupRule, sides: Sequence[Side], among: list[int], base: Value | None) -> Decision:
    since = max((changed_at for i in among if (changed_at := sides[i].changed_at) is not None), default=None)
    return Decision(by_place(rule, sides, among)[0], UNION, NONE, (), since, merged(rule, sides, among, base))


def _nothing(rule: GroupRule, sides: Sequence[Side]) -> Decision:
    """Return that nobody who counts says anything."""
    if not sides:
        raise ValueError("a golden record has at least one side")
    counting = [i for i, side in enumerate(sides) if side.connection not in rule.ignore]
    winner = by_place(rule, sides, counting)[0] if counting else NOBODY
    return Decision(winner, NOTHING, NONE, (), None, (None,) * len(sides[0].value))


def _say_the_same(sides: Sequence[Side], among: Sequence[int]) -> bool:
    value = sides[among[0]].value
    return not [i for i in among if sides[i].value != value]


def _of(sides: Sequence[Side], winner: int, rule: str, conflict: str, contenders: Sequence[int]) -> Decision:
    _, _, value, since, _, _, _ = sides[winner]
    return Decision(winner, rule, conflict, tuple([i for i in contenders if sides[i].value != value]), since, value)


def provenance(group: Group, sides: Sequence[Side], decision: Decision) -> dict[str, dict[str, Any]]:
    """Return per field where its golden value comes from and what the others say, ready for JSON.

    Shape: `{field: {"connection", "rule", "since" (ISO 8601 or null), "others": {connection: value}}}`, others only where
    they differ. Where a connection has several records, `others` names `connection:external id` and the winner also its
    `record`. A part nobody fills is left out.
    """
    winner, rule, _, _, since, value = decision
    several = len({side.connection for side in sides}) < len(sides)
    source: dict[str, Any] = {
        "connection": sides[winner].connection if winner >= 0 else None,
        "rule": rule,
        "since": since.isoformat() if since else None,
    }
    if several and winner >= 0:
        source["record"] = sides[winner].key
    said = [(side.label if several else side.connection, side.value) for side in sides if side.said]
    account = {}
    for at, field in enumerate(group.fields):
        golden = value[at]
        others = {name: values[at] for name, values in said if values[at] != golden}
        if golden is not None or others or len(value) == 1:
            account[field] = {**source, "others": others}
    return account


__all__ = ["Decision", "Group", "GroupRule", "Side", "Value", "decide", "provenance"]
