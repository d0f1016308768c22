"""Bases: what the sides of a golden record last agreed on, group by group, and who said something else then.

What belongs here: making a base from what was written into a CRM, and from what stands when the app edits it. Keeping bases
while sides differ belongs to `golden.py`, what they decide to `model/three_way.py`. A side is `connection:external id`;
values are lists in the order of the group's fields, spelled as disputes are: golden ids, amounts as texts without trailing
zeros, times in ISO form. Contact points have no bases: their log of changes tells what was taken off.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any

import orjson
from sqlalchemy import Connection

from crm_pipeline.database.copy import copy_rows
from crm_pipeline.database.golden_statements import column_groups, json_value, reference_joins
from crm_pipeline.database.queries import queries
from crm_pipeline.database.templates import fill
from crm_pipeline.model.golden import golden_name, is_reference, shared_columns
from crm_pipeline.model.survivorship import Group

COLUMNS = ("golden_id", "field", "value", "said", "target", "since")


@dataclass(frozen=True, slots=True)
class Agreed:
    """One group of one golden record that a CRM has taken over, or that was settled otherwise."""

    golden_id: str
    group: str
    values: Sequence[Any]
    said: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    """Side → values, of sides that said something else when it was decided."""
    target: str | None = None
    """Side that has taken it over."""
    since: datetime | None = None
    """When it was decided to write it: what was agreed on later stays. None: whatever is known before is older."""


def agree(db: Connection, entity: str, rows: Iterable[Agreed]) -> None:
    """Make these values the bases of their groups.

    The target's source record must have been written already: what it cannot hold of the values is noted as what it says.
    Where the base has the same value already, who said something else then is known better: those entries stay, but for the
    target's. Rows of contact points are left out.
    """
    groups = {group.name for _, group in column_groups(entity)}
    copied = [_row(row) for row in rows if row.group in groups]
    if not copied:
        return
    db.exec_driver_sql(queries("bases")["make_agreed"])
    db.exec_driver_sql(queries("bases")["empty_agreed"])
    copy_rows(db, "agreed_bases", COLUMNS, copied)
    db.exec_driver_sql(_statement("agree_known", entity))
    db.exec_driver_sql(_statement("agree", entity))


def _row(row: Agreed) -> tuple[Any, ...]:
    said = {side: list(values) for side, values in row.said.items()}
    return (row.golden_id, row.group, orjson.dumps(list(row.values)), orjson.dumps(said), row.target, row.since)


def stand(db: Connection, entity: str, golden_id: str, groups: Iterable[str], except_open: bool = True) -> None:
    """Make the golden values of these groups the base, so that what the app says next is the only change since.

    `except_open`: groups with an open conflict keep their base, and the edit takes part in the dispute.
    """
    stand_all(db, entity, [(golden_id, group) for group in groups], except_open)


def stand_all(db: Connection, entity: str, asked: Sequence[tuple[str, str]], except_open: bool = True) -> None:
    """Do what `stand` does for many: (golden id, group). Groups of contact points are left out."""
    known = {group.name for _, group in column_groups(entity)}
    chosen = [(golden_id, group) for golden_id, group in dict.fromkeys(asked) if group in known]
    if chosen:
        ids, groups = map(list, zip(*chosen, strict=True))
        db.exec_driver_sql(_statement("stand", entity), {"ids": ids, "groups": groups, "except_open": except_open})


@cache
def _statement(name: str, entity: str) -> str:
    sources = {golden_name(column): _source(column) for column in shared_columns(entity)}
    groups = [group for _, group in column_groups(entity)]
    return fill(
        queries("bases")[name],
        golden_values=" ".join(_case(group, [f"g.{column}" for column in group.fields]) for group in groups),
        side_values=" ".join(_case(group, [sources[column] for column in group.fields]) for group in groups),
        joins=reference_joins(entity),
        entity=entity,
    )


def _source(column: str) -> str:
    return f"r_{column}.golden_id" if is_reference(column) else f"s.{column}"


def _case(group: Group, values: Sequence[str]) -> str:
    spelled = (json_value(value, column) for value, column in zip(values, group.fields, strict=True))
    return f"WHEN '{group.name}' THEN jsonb_build_array({', '.join(spelled)})"
