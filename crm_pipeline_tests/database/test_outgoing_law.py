"""Laws of the outgoing queue under any order of moves by several processes, and when one of them is killed."""

import multiprocessing
import os
import signal
from collections.abc import Callable
from multiprocessing.connection import Connection as Pipe
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from crm_pipeline.database import outgoing
from crm_pipeline.database.engine import engine_for
from crm_pipeline.database.outgoing import Change
from crm_pipeline.model.delivery import MOVES, UNSETTLED
from crm_pipeline_tests.database.outgoing_queue import ONE, Queue, golden, update

RECORDS, HOLDERS = 3, 2
NUMBERS = st.integers(0, 5)
MOVE = st.tuples(
    st.sampled_from(["offer", "withdraw", "claim", "apply", "refuse", "park", "sent", "rescue", "enqueue", "claim"]),
    NUMBERS,
    NUMBERS,
)


class Play:
    """Several holders working on one queue; notes what may not happen."""

    def __init__(self, queue: Queue):
        self.queue = queue
        self.hands: list[list[Change]] = [[] for _ in range(HOLDERS)]
        self.states: dict[int, str] = {}

    def move(self, name: str, one: int, other: int) -> None:
        self.watch()
        getattr(self, name)(one, other)
        self.watch()

    def offer(self, one: int, other: int) -> None:
        self.queue.offer(update(one % RECORDS, name=f"n{other}"))

    def withdraw(self, one: int, other: int) -> None:
        self.queue.offer(considered=((ONE, golden(one % RECORDS)),))

    def enqueue(self, one: int, other: int) -> None:
        self.queue.enqueue(update(one % RECORDS, position=f"p{other}"))

    def claim(self, one: int, other: int) -> None:
        self.hands[one % HOLDERS] += self.queue.claim(1 + other, holder=f"h{one % HOLDERS}")

    def apply(self, one: int, other: int) -> None:
        self._end(one, other, lambda change: self.queue.settle(change))

    def refuse(self, one: int, other: int) -> None:
        self._end(one, other, lambda change: self.queue.settle(change, "rejected"))

    def park(self, one: int, other: int) -> None:
        self._end(one, other, lambda change: self.queue.park(change, uncertain=bool(other % 2)))

    def sent(self, one: int, other: int) -> None:
        self.queue.sent(*self.hands[one % HOLDERS][:1])

    def rescue(self, one: int, other: int) -> None:
        """Holders are too late, and go on as if nothing had happened."""
        self.queue.let_leases_end()
        self.queue.rescue()

    def _end(self, one: int, other: int, end: Callable[[Change], set[int]]) -> None:
        hand = self.hands[one % HOLDERS]
        if not hand:
            return
        change = hand.pop(other % len(hand))
        held = self.queue.rows(
            "SELECT FROM sync.outgoing_changes WHERE id = %(id)s AND fence = %(fence)s AND state = 'in_flight'",
            id=change.id, fence=change.fence,
        )  # fmt: skip
        assert bool(end(change)) == bool(held), "who holds it ends it, nobody else"

    def watch(self) -> None:
        """Look at the whole queue: only allowed moves, one change of a record on its way and that the oldest, nothing gone."""
        rows = self.queue.rows("SELECT id, golden_id::text, state FROM sync.outgoing_changes ORDER BY id")
        now = {row["id"]: row["state"] for row in rows}
        assert set(self.states) <= set(now), "nothing disappears"
        for change, state in self.states.items():
            assert now[change] == state or now[change] in MOVES[state], (change, state, now[change])
        for record in {row["golden_id"] for row in rows}:
            states = [row["state"] for row in rows if row["golden_id"] == record and row["state"] in UNSETTLED]
            assert "in_flight" not in states[1:], "the oldest of a record goes first, and alone"
        self.states = now

    def finish(self) -> None:
        """Let everybody die, and a last one do all there is to do."""
        self.queue.let_leases_end()
        self.queue.rescue()
        while claimed := self.queue.claim():
            for change in claimed:
                assert self.queue.settle(change) == {change.id}


@pytest.fixture
def law_queue(database: Engine) -> Queue:
    """Return a queue all examples share."""
    return Queue(database)


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(moves=st.lists(MOVE, min_size=10, max_size=40))
def test_moves_in_any_order_keep_the_laws(moves: list[tuple[str, int, int]], law_queue: Queue) -> None:
    law_queue.write("TRUNCATE sync.outgoing_changes CASCADE")
    play = Play(law_queue)
    for move in moves:
        play.move(*move)
    play.finish()
    assert not law_queue.rows("SELECT FROM sync.outgoing_changes WHERE settled_at IS NULL")


def claim_and_hang(url: str, told: Pipe) -> None:
    """In a process of its own: claim, note it as sent, tell, and wait for the end."""
    engine = engine_for(url)
    with engine.begin() as db:
        held = outgoing.claim(db, ONE, "doomed", 10)
    with engine.begin() as db:
        outgoing.mark_sent(db, held)
    told.send([(one.id, one.fence) for one in held])
    signal.pause()


def test_what_a_killed_process_held_is_done_by_another(database: Engine, database_url: str) -> None:
    queue = Queue(database)
    ids = queue.enqueue(*(update(number, name="a") for number in range(3)))
    ours, theirs = multiprocessing.get_context("spawn").Pipe()
    doomed: Any = multiprocessing.get_context("spawn").Process(target=claim_and_hang, args=(database_url, theirs))
    doomed.start()
    assert ours.poll(120)
    held = ours.recv()
    os.kill(doomed.pid, signal.SIGKILL)
    doomed.join()
    assert [one for one, _ in held] == ids and queue.claim() == [] and queue.rescue() == 0, "its lease is respected"
    queue.let_leases_end()
    assert queue.rescue() == 3
    heirs = queue.claim(holder="heir")
    assert [one.id for one in heirs] == ids and all(one.sent_at is not None for one in heirs)
    assert all(heir.fence > fence for heir, (_, fence) in zip(heirs, held, strict=True))
    for heir in heirs:
        assert queue.settle(heir) == {heir.id}
