"""Why cursors are built on transactions: writers that overlap are read in 10,000 interleavings, by three kinds of cursors.

Six writers each hold a transaction open over several steps while readers look in between; who moves next is chance with a
seed. A reader that remembers the latest time, or the highest number, loses what was written earlier and committed later.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import psycopg2
import pytest
from psycopg2.extensions import connection as DriverConnection
from sqlalchemy import Engine

from crm_pipeline_tests.database.copies import Copy, reader

BY_TIME = """SELECT id::text, to_json(reconciled_at AT TIME ZONE 'UTC') #>> '{}' || '+00:00', extract(epoch FROM reconciled_at)
    FROM crm.contacts WHERE extract(epoch FROM reconciled_at) > %(last)s"""
STEPS = 10_000
WRITERS = 6
LOOKS = 0.08
"""Share of steps at which the readers look."""
PUT = """INSERT INTO crm.contacts (id, name) VALUES (%(id)s, %(name)s)
    ON CONFLICT (id) DO UPDATE SET name = excluded.name, reconciled_at = now(), changed_xid = pg_current_xact_id()
    RETURNING to_json(reconciled_at) #>> '{}'"""
NUMBER = "INSERT INTO numbered (id) VALUES (%(id)s) ON CONFLICT (id) DO UPDATE SET n = nextval('numbered_n_seq') RETURNING n"
REMOVE = """DELETE FROM crm.contacts WHERE id = %(id)s;
    INSERT INTO crm.tombstones (entity, id) VALUES ('contacts', %(id)s);
    DELETE FROM numbered WHERE id = %(id)s"""


@dataclass
class Writer:
    """One transaction after another, over records no other writer touches. held: what it committed, id -> version, number."""

    db: DriverConnection
    dice: random.Random
    held: dict[str, tuple[str, int]] = field(default_factory=dict)
    pending: dict[str, tuple[str, int] | None] = field(default_factory=dict)

    def step(self) -> None:
        """Write something, or end the transaction."""
        if self.pending and self.dice.random() < 0.4:
            return self._end()
        mine = [one for one in self.held if one not in self.pending]
        chance = self.dice.random()
        if chance < 0.75 or not mine:
            self._put(str(UUID(int=self.dice.getrandbits(128))))
        elif chance < 0.9:
            self._put(self.dice.choice(mine))
        else:
            self._remove(self.dice.choice(mine))

    def _put(self, id_: str) -> None:
        with self.db.cursor() as cursor:
            cursor.execute(PUT, {"id": id_, "name": str(self.dice.random())})
            version = cursor.fetchone()[0]
            cursor.execute(NUMBER, {"id": id_})
            self.pending[id_] = (version, cursor.fetchone()[0])

    def _remove(self, id_: str) -> None:
        with self.db.cursor() as cursor:
            cursor.execute(REMOVE, {"id": id_})
        self.pending[id_] = None

    def _end(self) -> None:
        if self.dice.random() < 0.15:
            self.db.rollback()
        else:
            self.finish()
        self.pending = {}

    def finish(self) -> None:
        """Commit."""
        self.db.commit()
        for id_, now in self.pending.items():
            self.held.pop(id_, None)
            self.held |= {id_: now} if now else {}
        self.pending = {}


@dataclass
class Naive:
    """A reader that goes on from the highest value of a column it has seen."""

    db: DriverConnection
    statement: str
    last: Any
    held: dict[str, Any] = field(default_factory=dict)

    def look(self) -> None:
        """Read what is higher than the last."""
        with self.db.cursor() as cursor:
            cursor.execute(self.statement, {"last": self.last})
            for id_, told, place in cursor.fetchall():
                self.held[id_] = told
                self.last = max(self.last, place)


@pytest.fixture
def connections(database_url: str) -> Iterator[list[DriverConnection]]:
    """Yield a connection for each writer and two for the naive readers, over a database with numbers, too."""
    found = [psycopg2.connect(database_url.replace("+psycopg2", "")) for _ in range(WRITERS + 2)]
    for one in found[:WRITERS]:
        with one.cursor() as cursor:
            cursor.execute("SET timezone = 'UTC'")
        one.commit()
    with found[-1].cursor() as cursor:
        cursor.execute("CREATE TABLE numbered (id uuid PRIMARY KEY, n bigserial UNIQUE)")
    found[-1].commit()
    for one in found[WRITERS:]:
        one.autocommit = True
    yield found
    for one in found:
        one.close()


def test_cursors_of_times_and_numbers_lose_what_ours_do_not(database: Engine, connections: list[DriverConnection]) -> None:
    dice = random.Random(20)
    writers = [Writer(one, dice) for one in connections[:WRITERS]]
    by_time = Naive(connections[-2], BY_TIME, 0)
    by_number = Naive(connections[-1], "SELECT id::text, n, n FROM numbered WHERE n > %(last)s", 0)
    ours = Copy(reader(database))
    for _ in range(STEPS):
        if dice.random() < LOOKS:
            by_time.look(), by_number.look(), ours.take(dice.choice([1, 5, 40]))
            assert dice.random() < 0.9 or ours.differences() == [], "the copy is not what the checksums say"
        else:
            dice.choice(writers).step()
    for writer in writers:
        writer.finish()
    by_time.look(), by_number.look(), ours.follow()
    held = {id_: now for writer in writers for id_, now in writer.held.items()}
    lost_by_time = [id_ for id_, (version, _) in held.items() if by_time.held.get(id_) != version]
    lost_by_number = [id_ for id_, (_, number) in held.items() if by_number.held.get(id_) != number]
    losses = len(lost_by_time), len(lost_by_number)
    assert all(0 < count < len(held) / 2 for count in losses), (losses, len(held))
    assert ours.held == {id_: ("contacts", version) for id_, (version, _) in held.items()}
    assert ours.differences() == []
