"""Whose records a person sees: the set in SQL, and the note of what it saw last.

What belongs here: sight. Reading the records belongs next door.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Engine

from crm_pipeline.database.queries import queries

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


def note(engine: Engine, sight: Sight) -> None:
    """Note what a person sees now: what is new to it, and what it sees no more. Writes nothing when that is the same."""
    if sight.user is None:
        return
    values = {"user": sight.user, "crm_users": sight.ids}
    with engine.begin() as db:
        db.exec_driver_sql(queries("scopes")["one_at_a_time"], values)
        for name in ("note_visible", "note_withdrawn"):
            db.exec_driver_sql(queries("scopes")[name].replace("{visible}", queries("scopes")["visible"]), values)


__all__: Sequence[str] = ("OPEN", "Sight", "note")
