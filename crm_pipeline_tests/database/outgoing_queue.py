"""The outgoing queue in a tester's hand: every move in a transaction of its own. No assertions here."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Engine

from crm_pipeline.database import outgoing
from crm_pipeline.database.outgoing import Change, NewChange, Offered, Parked, Settlement

ONE, TWO = 101, 102
"""The connections."""


def golden(number: int) -> str:
    """Return the id of a golden record."""
    return str(UUID(int=number))


def update(number: int = 1, connection: int = ONE, **fields: Any) -> NewChange:
    """Return a change of a contact's fields."""
    return NewChange(connection, "contacts", golden(number), "update", fields, dict.fromkeys(fields, "old"), {}, str(number))


class Queue:
    """The queue of two two-way connections, every move in a transaction of its own."""

    def __init__(self, engine: Engine):
        self.engine = engine
        with engine.begin() as db:
            for number in (ONE, TWO):
                db.exec_driver_sql(
                    "INSERT INTO sync.connections (id, crm, name, base_url, direction) OVERRIDING SYSTEM VALUE"
                    " VALUES (%(id)s, 'tinycrm', %(name)s, 'http://x', 'two_way')",
                    {"id": number, "name": f"tiny{number}"},
                )

    def enqueue(self, *changes: NewChange) -> list[int]:
        return self._do(lambda db: outgoing.enqueue(db, changes))

    def offer(self, *owed: NewChange, considered: tuple[tuple[int, str], ...] = ()) -> Offered:
        return self._do(lambda db: outgoing.offer(db, "contacts", considered, owed))

    def claim(self, size: int = 100, connection: int = ONE, holder: str = "me", lane: str | None = None) -> list[Change]:
        return self._do(lambda db: outgoing.claim(db, connection, holder, size, lane))

    def settle(self, change: Change, state: str = "applied", **more: Any) -> set[int]:
        ends: dict[str, Any] = {"written": change.fields} if state == "applied" else {"code": "why", "detail": "So it is."}
        return self._do(lambda db: outgoing.settle(db, [Settlement(change.id, change.fence, state, **{**ends, **more})]))

    def park(self, change: Change, **more: Any) -> set[int]:
        return self._do(lambda db: outgoing.park(db, [Parked(change.id, change.fence, **{"seconds": 0, **more})]))

    def sent(self, *changes: Change) -> set[int]:
        return self._do(lambda db: outgoing.mark_sent(db, changes))

    def rescue(self) -> int:
        return self._do(outgoing.rescue)

    def rows(self, question: str, **values: Any) -> list[dict[str, Any]]:
        with self.engine.begin() as db:
            return [dict(row._mapping) for row in db.exec_driver_sql(question, values)]

    def write(self, statement: str, **values: Any) -> None:
        with self.engine.begin() as db:
            db.exec_driver_sql(statement, values)

    def state(self, change_id: int) -> str:
        return self.row(change_id)["state"]

    def row(self, change_id: int) -> dict[str, Any]:
        return self.rows("SELECT * FROM sync.outgoing_changes WHERE id = %(id)s", id=change_id)[0]

    def let_leases_end(self) -> None:
        self.write("UPDATE sync.outgoing_changes SET lease_until = now() - interval '1 second' WHERE state = 'in_flight'")

    def _do(self, move: Callable[[Connection], Any]) -> Any:
        with self.engine.begin() as db:
            return move(db)
