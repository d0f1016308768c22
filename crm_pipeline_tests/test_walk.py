"""The walk: whatever the data, the page size, the number of workers and the moment of a kill, nothing is skipped."""

import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm_pipeline.walk import Landing, Range, Step, walk

KEYS = st.lists(st.integers(0, 400), max_size=120, unique=True)


class Shelf:
    """Sorted keys read a page at a time: what a CRM's list ordered by its key is."""

    def __init__(self, keys: Sequence[int], page: int):
        self.keys = sorted(keys)
        self.page = page
        self.open = 0
        self.most_open = 0
        self._lock = threading.Lock()

    def fetch(self, asked: Range) -> Step:
        with self._lock:
            self.open += 1
            self.most_open = max(self.most_open, self.open)
        found = [key for key in self.keys if asked.low <= key <= asked.high]
        rows = found[: self.page]
        with self._lock:
            self.open -= 1
        more = len(found) > self.page
        return Step(rows, (Range(rows[-1] + 1, asked.high, asked.hint),) if more else ())


def halve(waiting: Range) -> tuple[Range, ...]:
    if waiting.high - waiting.low < 4:
        return (waiting,)
    middle = (waiting.low + waiting.high) // 2
    return Range(waiting.low, middle, waiting.hint), Range(middle + 1, waiting.high, waiting.hint)


def rows_of(landings: Iterator[Landing]) -> list[int]:
    return [row for landing in landings for row in landing.rows]


@given(KEYS, st.integers(1, 7), st.integers(1, 4), st.booleans())
@settings(deadline=None, max_examples=80)
def test_every_key_is_read_exactly_once(keys: list[int], page: int, in_flight: int, splits: bool) -> None:
    shelf = Shelf(keys, page)
    read = rows_of(walk(shelf.fetch, [Range(0, 400)], in_flight=in_flight, split=halve if splits else None))
    assert Counter(read) == Counter(keys)
    assert shelf.most_open <= in_flight


@given(KEYS, st.integers(1, 5), st.integers(1, 4), st.lists(st.integers(1, 6), max_size=6))
@settings(deadline=None, max_examples=80)
def test_a_walk_killed_after_any_landing_goes_on_from_what_remains(
    keys: list[int], page: int, in_flight: int, kills: list[int]
) -> None:
    shelf = Shelf(keys, page)
    remaining: tuple[Range, ...] = (Range(0, 400),)
    landed: list[int] = []
    for steps in [*kills, None]:
        walking = walk(shelf.fetch, remaining, in_flight=in_flight, split=halve)
        for landing in islice(walking, steps):
            landed.extend(landing.rows)
            remaining = landing.remaining
        walking.close()  # type: ignore[attr-defined]
    assert remaining == ()
    assert Counter(landed) == Counter(keys)


@given(KEYS, st.integers(1, 4))
@settings(deadline=None, max_examples=40)
def test_what_remains_covers_exactly_what_was_not_landed(keys: list[int], in_flight: int) -> None:
    landed: set[int] = set()
    for landing in walk(Shelf(keys, 3).fetch, [Range(0, 400)], in_flight=in_flight, split=halve):
        landed.update(landing.rows)
        missing = {key for key in keys if any(left.low <= key <= left.high for left in landing.remaining)}
        assert missing == set(keys) - landed


def test_answers_wait_for_the_consumer() -> None:
    """However slow the consumer, no more than `in_flight` answers are held for it."""
    asked: list[Range] = []

    def fetch(wanted: Range) -> Step:
        asked.append(wanted)
        return Step([wanted.low])

    landed = 0
    for landing in walk(fetch, [Range(n, n) for n in range(50)], in_flight=3):
        landed += len(landing.rows)
        assert len(asked) <= landed + 3
    assert landed == 50


def test_several_chains_run_at_once() -> None:
    together = threading.Barrier(3, timeout=10)

    def fetch(wanted: Range) -> Step:
        together.wait()
        return Step([wanted.low])

    assert set(rows_of(walk(fetch, [Range(0, 2)], in_flight=3, split=to_points))) == {0, 1, 2}


def to_points(waiting: Range) -> tuple[Range, ...]:
    return tuple(Range(key, key) for key in range(waiting.low, waiting.high + 1))


def test_an_error_is_raised_and_nothing_unread_is_lost() -> None:
    shelf = Shelf(list(range(20)), 2)
    remaining: tuple[Range, ...] = (Range(0, 400),)
    landed: list[int] = []

    def breaks_at_ten(asked: Range) -> Step:
        if asked.low >= 10:
            raise ConnectionResetError("gone")
        return shelf.fetch(asked)

    with pytest.raises(ConnectionResetError):
        for landing in walk(breaks_at_ten, remaining, in_flight=1):
            landed += landing.rows
            remaining = landing.remaining
    landed += rows_of(walk(shelf.fetch, remaining, in_flight=1))
    assert landed == list(range(20))
