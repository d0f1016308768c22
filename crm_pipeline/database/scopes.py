"""Whose records a person sees: the set in SQL, and the note of what it saw last.

What belongs here: sight. Reading the records belongs next door.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Engine

from crm_pipeline.database.queries import queries
from crm_pipeline.database.templates import fill

OPEN = ("users", "pipelines", "stages", "products")
"""What everybody sees whole."""


@dataclass(frozen=True, slots=True)
class Sight:
    """What a caller may see. user: of one that sees only its own; None: everything."""

    user: int | None = None
    crm_users: tuple[UUID, ...] = ()

    @property
    def ids(self) -> list[str]:
        """Return the golden users as texts."""
        return [str(one) for one in self.crm_users]

    def narrows(self, entity: str) -> bool:
        """Return whether not everything of an entity is seen."""
        return self.user is not None and entity not in OPEN


def note(engine: Engine, sight: Sight) -> int | None:
    """Note what a person sees now: what is new to it, and what it sees no more. Writes nothing when that is the same.

    Returns before which transaction everything was considered: what others changed later may not be for this person's eyes any
    more. None for who sees everything.
    """
    if sight.user is None:
        return None
    is_new, settled = _note(engine, sight)
    return int(_note(engine, sight)[1] if is_new else settled)  # what was noted just now is settled the second time


def _note(engine: Engine, sight: Sight) -> tuple[bool, str]:
    values = {"user": sight.user, "crm_users": sight.ids}
    with engine.begin() as db:
        db.exec_driver_sql(queries("scopes")["one_at_a_time"], values)
        row = db.exec_driver_sql(fill(queries("scopes")["note"], visible=seen_by_one(whole=True)), values).one()
    return row[0], row[1]


def seen_by_one(*, whole: bool = False) -> str:
    """Return the set of what a person sees, as SQL to go on from. whole: all of it will be read, not one entity's part."""
    return fill(queries("scopes")["visible"], kept="MATERIALIZED" if whole else "NOT MATERIALIZED")


__all__: Sequence[str] = ("OPEN", "Sight", "note", "seen_by_one")
