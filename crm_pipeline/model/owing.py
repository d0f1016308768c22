"""Owing: what of a record a connection does not hold as it should, and the words golden columns have there.

What belongs here: the names on both sides, and the comparison. Finding counterparts of references belongs to
`database/translating.py`, what is queued to `stages/owe.py`.
"""

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from types import MappingProxyType
from typing import Any

from crm_pipeline.model.delivery import same
from crm_pipeline.model.entities import CHILDREN, COLUMNS
from crm_pipeline.model.golden import golden_name
from crm_pipeline.model.records import SourceRecord
from crm_pipeline.model.survivorship import GROUPS, Group
from crm_pipeline.model.writing import POINT_SETS

NEVER_OWED = ("users", "pipelines", "stages")
"""Entities no connection is ever owed: people, pipelines and their stages are set up by hand."""
NEVER_WRITTEN = frozenset({"stage_category", "closed_at", "completed_at", "body_text", "is_own"})
"""Golden columns no CRM is told: each works them out itself, or they say something about it."""

_READ = {
    **dict.fromkeys(("amount", "price"), lambda value: Decimal(str(value))),
    **dict.fromkeys(("due_at", "happened_at"), datetime.fromisoformat),
    "birthday": date.fromisoformat,
}  # fmt: skip
"""Golden column → how its value is read from JSON."""


def value_of(column: str, value: Any) -> Any:
    """Return a JSON value of a golden column as source tables hold it."""
    read = _READ.get(column)
    return value if read is None or value is None else read(value)


@cache
def written_columns(entity: str) -> Mapping[str, str]:
    """Return golden column → source column, of those that can be written somewhere."""
    columns = {golden_name(column): column for column in COLUMNS[entity]}
    return MappingProxyType({golden: source for golden, source in columns.items() if golden not in NEVER_WRITTEN})


@cache
def _groups(entity: str) -> Mapping[str, str]:
    by_golden = {column: group.name for group in GROUPS[entity] for column in group.fields}
    return MappingProxyType(by_golden | {source: by_golden[golden] for golden, source in _both(entity) if golden in by_golden})


def _both(entity: str) -> list[tuple[str, str]]:
    return [(golden_name(column), column) for column in COLUMNS[entity]]


def group_of(entity: str, name: str) -> str:
    """Return the group a golden or source column or a list belongs to; what belongs to none (links) is its own."""
    return _groups(entity).get(name, name)


@cache
def groups_by_name(entity: str) -> Mapping[str, Group]:
    """Return group name → group."""
    return MappingProxyType({group.name: group for group in GROUPS[entity]})


def held_by(source: SourceRecord) -> dict[str, Any]:
    """Return what a source record holds: its columns, and `phones`, `emails`, `webs` as lists of values."""
    held = {column: source.values.get(column) for column in COLUMNS[source.entity]}
    if any(child.table == "contact_points" for child in CHILDREN.get(source.entity, ())):
        points = sorted(source.children.get("contact_points", ()), key=lambda point: point.get("position") or 0)
        held |= {name: [one["value"] for one in points if one["kind"] == kind] for name, kind in POINT_SETS.items()}
    return held


def difference(expressed: Mapping[str, Any], held: Mapping[str, Any]) -> dict[str, Any]:
    """Return the columns and lists in which `expressed` says something else than is held, with the values they should have."""
    return {name: value for name, value in expressed.items() if not same(value, held.get(name))}
