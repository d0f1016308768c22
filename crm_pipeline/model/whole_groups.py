"""What an edit of some columns says of their whole groups: a name of its parts, a price of its currency, a stage of the rest.

Groups of fields follow one winner (`survivorship.GROUPS`), so a side that says one column of a group has to say them all:
the others as they stand, or as they follow from the one that was edited.
What belongs here: this following, pure. Which values may be written belongs to `operations.py`.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from types import MappingProxyType
from typing import Any

from crm_pipeline.model import cleaning
from crm_pipeline.model.survivorship import GROUPS, Group

Values = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Stage:
    """A stage as an edit needs it."""

    pipeline_id: str | None
    category: str | None


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What an edit needs to know beside the record."""

    now: datetime
    stage: Stage | None = None
    """The stage it names."""


@cache
def _group_of(entity: str) -> Mapping[str, Group]:
    return MappingProxyType({column: group for group in GROUPS[entity] for column in group.fields})


def edited_groups(entity: str, columns: Iterable[str]) -> list[str]:
    """Return the groups these golden columns belong to; what is none belongs to none."""
    known = _group_of(entity)
    return list(dict.fromkeys(known[column].name for column in columns if column in known))


def complete(entity: str, edited: Values, standing: Values, around: Circumstances) -> dict[str, Any]:
    """Return all columns of the groups edited. `standing`: the golden values; those of a new record are none."""
    groups = {_group_of(entity)[column].name: _group_of(entity)[column] for column in edited}
    before = {column: standing.get(column) for group in groups.values() for column in group.fields}
    values = {**before, **edited}
    for name in groups:
        follow = FOLLOWING.get((entity, name))
        if follow:
            values |= follow(edited, values, before, around)
    return values


def _name(edited: Values, values: Values, before: Values, _around: Circumstances) -> dict[str, Any]:
    """A whole name replaces the parts there are, and parts make the name; who writes both means both."""
    parts = ("first_name", "last_name", "middle_name")
    if not any(part in edited for part in parts):
        if not any(before[part] for part in parts):
            return {}
        read = cleaning.person_name(values["name"])
        return dict(zip(parts, (read.first, read.last, read.middle), strict=True))
    if "name" in edited:
        return {}
    return {"name": cleaning.full_name(values["first_name"], values["last_name"]) or values["middle_name"]}


def _stage(edited: Values, values: Values, before: Values, around: Circumstances) -> dict[str, Any]:
    """A stage says pipeline and category; a deal is closed when it comes to an end, and opened again by an open stage."""
    if around.stage is None:
        return {}
    category, closed_at = around.stage.category, before["closed_at"]
    if category not in ("won", "lost"):
        closed_at = None
    elif before["stage_category"] != category or closed_at is None:
        closed_at = around.now.isoformat()
    loss_reason = values["loss_reason"] if category == "lost" or edited.get("loss_reason") else None
    return {
        "pipeline_id": around.stage.pipeline_id,
        "stage_category": category,
        "closed_at": closed_at,
        "loss_reason": loss_reason,
    }


def _completion(_edited: Values, values: Values, before: Values, around: Circumstances) -> dict[str, Any]:
    """A task is completed when it is said to be, unless it was already."""
    if not values["is_completed"]:
        return {"completed_at": None}
    return {"completed_at": (before["is_completed"] and before["completed_at"]) or around.now.isoformat()}


def _body(_edited: Values, values: Values, _before: Values, _around: Circumstances) -> dict[str, Any]:
    return {"body_text": cleaning.plain_text(values["body"])}


Follow = Callable[[Values, Values, Values, Circumstances], dict[str, Any]]
FOLLOWING: Mapping[tuple[str, str], Follow] = MappingProxyType({
    ("contacts", "name"): _name,
    ("deals", "stage"): _stage,
    ("tasks", "completion"): _completion,
    ("communications", "body"): _body,
})  # fmt: skip
"""Entity, group → what the other columns of the group become. Elsewhere they stay as they are."""
