"""Where every stream's next walk begins, and how far an unfinished one has come. Written in the page's own transaction."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from crm_pipeline.database.queries import queries
from crm_pipeline.database.rows import json_text


@dataclass(frozen=True, slots=True)
class Cursor:
    """A row of `sync.cursors`."""

    watermark: datetime | None = None
    walk_mode: str | None = None
    walk_started_at: datetime | None = None
    """By the CRM's clock."""
    walk_began_at: datetime | None = None
    """By Postgres' clock."""
    walk_state: Any = None


@dataclass(frozen=True, slots=True)
class Place:
    """Which cursor: one stream of one connection."""

    connection_id: int
    entity: str
    stream: str

    def _run(self, db: Connection, name: str, **values: object) -> Any:
        keys = {"connection_id": self.connection_id, "entity": self.entity, "stream": self.stream}
        return db.exec_driver_sql(queries("cursors")[name], {**keys, **values})

    def read(self, db: Connection) -> Cursor:
        """Return where the stream stands; an empty cursor when it was never walked."""
        row = self._run(db, "read").one_or_none()
        return Cursor(*row) if row else Cursor()

    def begin(self, db: Connection, mode: str) -> None:
        """Begin a walk afresh."""
        self._run(db, "begin", mode=mode)

    def advance(self, db: Connection, state: str, started_at: datetime | None) -> None:
        """Note how far the walk has come: its state as JSON."""
        self._run(db, "advance", state=state, started_at=started_at)

    def finish(self, db: Connection, started_at: datetime | None) -> None:
        """End the walk; its start becomes the watermark."""
        self._run(db, "finish", started_at=started_at)

    def drop(self, db: Connection) -> None:
        """Forget the cursor."""
        self._run(db, "drop")

    def note(self, db: Connection, state: Any) -> None:
        """Keep a note here instead of a walk."""
        self._run(db, "note", state=json_text(state))


def oldest_watermark(db: Connection, connection_id: int, entity: str, streams: Sequence[str]) -> datetime | None:
    """Return from when on changes of an entity are not known yet; None while one of its streams has never been read whole."""
    values = {"connection_id": connection_id, "entity": entity, "streams": list(streams)}
    found: datetime | None = db.exec_driver_sql(queries("cursors")["oldest_watermark"], values).scalar()
    return found
