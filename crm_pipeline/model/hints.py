"""What a webhook is worth: a hint that something happened to a record, and how the same hint is recognised again.

What belongs here: the words the CRMs' webhooks are read into. Reading them belongs to the connectors, looking into them to
the stages.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from crm_pipeline.model.entities import ENTITIES

_ID = re.compile(r"[A-Za-z0-9:_-]{1,40}")
_ACTION = re.compile(r"[a-z_]{1,40}")
LONGEST_STAMP = 100


@dataclass(frozen=True, slots=True)
class Hint:
    """Something happened to a record; `action` is the CRM's word for it. Two hints are equal whatever their `stamp`."""

    entity: str
    external_id: str
    action: str
    stamp: str = field(default="", compare=False)
    """Tells this happening from others of the record, as far as the CRM says; the same in every repetition of a delivery."""


@dataclass(frozen=True, slots=True)
class Notice:
    """What one delivery says."""

    hints: tuple[Hint, ...]
    repeats: bool
    """The CRM delivers again what was not answered well; where it never does, the same words are a new happening."""
    learned: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Secrets it carries that were not known before, and later ones are checked against."""
    farewell: str | None = None
    """The application was taken away, in words for a person."""


def row_of(hint: Hint) -> dict[str, Any] | None:
    """Return a hint as it is kept, None when it names nothing that could be a record of ours."""
    key = hint.external_id
    if hint.entity not in ENTITIES or not _ID.fullmatch(key):
        return None
    action = hint.action if _ACTION.fullmatch(hint.action) else "other"
    stamp = hint.stamp if hint.stamp.isprintable() else ""
    dedup_key = f"{hint.entity}:{key}:{action}:{stamp[:LONGEST_STAMP]}"
    return {"entity": hint.entity, "external_id": key, "action": action, "dedup_key": dedup_key, "state": "new"}


def rows_of(notice: Notice, body_digest: str) -> list[dict[str, Any]]:
    """Return what is kept of a delivery, each hint once; of one about nothing we keep, that it came."""
    rows = [row for hint in notice.hints if (row := row_of(hint))]
    ignored = {"entity": None, "external_id": None, "action": "other", "dedup_key": f"ignored:{body_digest}", "state": "ignored"}
    return list({row["dedup_key"]: row for row in rows or [ignored]}.values())
