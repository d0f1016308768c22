"""Turns within a process: edits at once, writers before readers, each in order, and nobody waits for one who died."""

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import closing, suppress

import pytest
from sqlalchemy import Engine

from crm_pipeline.database.budget import PostgresBudget
from crm_pipeline.database.turns import AHEAD, LONG, Turns

PATIENCE = 30.0
"""Seconds after which waiting for a turn is a failure."""


class Line:
    """A meter's line: the first holds its turn until told, others come one after the other."""

    def __init__(self, pool: ThreadPoolExecutor):
        self.turns, self.served, self._pool = Turns(), list[str](), pool
        self._may_go = threading.Event()

    def come(self, name: str, lane: str, then: Callable[[], None] = lambda: None) -> Future[None]:
        """Have somebody come, and return once they stand in line, have their turn, or had it."""
        before = len(self.turns._line)
        done = self._pool.submit(self._wait_for_turn, name, lane, then)
        while len(self.turns._line) == before and name not in self.served:
            wait([done], 0.001)
        return done

    def hold(self) -> None:
        """Have the first come, who keeps its turn until `let_go`."""
        self.come("first", "bulk", lambda: _require(self._may_go.wait(PATIENCE)))

    def let_go(self) -> None:
        """Let the first go."""
        self._may_go.set()

    def _wait_for_turn(self, name: str, lane: str, then: Callable[[], None]) -> None:
        with self.turns.turn(lane, 0.0):
            self.served.append(name)
            then()


def _require(is_told: bool) -> None:
    if not is_told:
        raise TimeoutError("nobody was let go")


@pytest.fixture
def line() -> Iterator[Line]:
    """Yield an empty line."""
    with ThreadPoolExecutor(16) as pool:
        yield Line(pool)


def test_writers_go_before_readers_and_each_in_the_order_they_came(line: Line) -> None:
    line.hold()
    comers = [line.come(f"{lane} {number}", lane) for number in range(3) for lane in ("bulk", "writes")]
    line.let_go()
    for comer in comers:
        comer.result(PATIENCE)
    assert line.served == ["first", "writes 0", "writes 1", "writes 2", "bulk 0", "bulk 1", "bulk 2"]


def test_an_edit_waits_for_nobody(line: Line) -> None:
    line.hold()
    line.come("drain", "writes")
    line.come("edit", "interactive").result(PATIENCE)
    assert line.served == ["first", "edit"]
    line.let_go()


@pytest.mark.parametrize("lane", sorted(AHEAD))
def test_whoever_fails_at_the_counter_holds_up_nobody(line: Line, lane: str) -> None:
    def fail() -> None:
        raise ConnectionError("the database went away")

    line.hold()
    broken, after = line.come("broken", lane, fail), line.come("after", lane)
    line.let_go()
    after.result(PATIENCE)
    with pytest.raises(ConnectionError):
        broken.result(PATIENCE)
    assert line.served == ["first", "broken", "after"] and not line.turns._line


def test_a_pause_is_no_line_and_a_line_is_no_longer_than_a_lane_may_reserve() -> None:
    turns = Turns()
    with turns.turn("writes", 1.0):
        turns.reserved(LONG + 1)
    with turns.turn("bulk", 1.0):
        pass  # who asks during a pause learns of it at once
    turns.reserved(AHEAD["writes"] * 0.5)
    with turns.turn("writes", 0.5):
        assert turns._last_at > 0, "so many slots may be reserved ahead of time"


def test_a_reader_goes_on_beside_a_drain_in_another_process(database: Engine) -> None:
    """Both keep asking; the writer is to have the larger share, and the reader not nothing."""
    counts: Counter[str] = Counter()
    enough = threading.Event()
    with closing(PostgresBudget(database)) as writer, closing(PostgresBudget(database)) as reader:

        def ask(budget: PostgresBudget, lane: str) -> None:
            while not enough.is_set():
                budget.reserve("account", 0.02, 1, lane)
                counts[lane] += 1
                if min(counts["bulk"], counts["writes"]) >= 10:
                    enough.set()

        with ThreadPoolExecutor(4) as pool:
            asking = [pool.submit(ask, writer, "writes"), pool.submit(ask, writer, "writes"), pool.submit(ask, reader, "bulk")]
            with suppress(TimeoutError):
                for one in asking:
                    one.result(PATIENCE)
            enough.set()
    assert counts["bulk"] >= 10 and counts["writes"] >= counts["bulk"], counts
