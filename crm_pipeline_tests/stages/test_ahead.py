"""Reading ahead keeps order, stays bounded, hands errors over where they belong, and ends its iterator in its own thread."""

import threading
from collections.abc import Generator

import pytest

from crm_pipeline.stages.ahead import Ahead

SOON = 20


class Counting:
    """Counts up to `last`, then raises or ends; knows how far it was read, and in which thread it was closed."""

    def __init__(self, last: int, error: Exception | None = None):
        self.last = last
        self.error = error
        self.made = 0
        self.moved = threading.Condition()
        self.closed_in: str | None = None

    def items(self) -> Generator[int, None, None]:
        """Yield the numbers."""
        try:
            for number in range(1, self.last + 1):
                with self.moved:
                    self.made = number
                    self.moved.notify_all()
                yield number
            if self.error:
                raise self.error
        finally:
            self.closed_in = threading.current_thread().name

    def wait_for(self, made: int) -> None:
        """Wait until so many were made."""
        with self.moved:
            assert self.moved.wait_for(lambda: self.made >= made, SOON)


def test_items_come_in_order() -> None:
    assert list(Ahead(Counting(100).items)) == list(range(1, 101))


def test_it_never_runs_more_than_two_items_ahead() -> None:
    counting = Counting(100)
    ahead = Ahead(counting.items)
    for taken, number in enumerate(ahead, start=1):
        assert number == taken
        counting.wait_for(min(taken + 1, 100))
        assert counting.made <= taken + 2
    ahead.close()


def test_an_error_comes_after_the_items_before_it() -> None:
    seen = []
    with pytest.raises(KeyError, match="here"):
        for number in Ahead(Counting(3, KeyError("here")).items):
            seen.append(number)
    assert seen == [1, 2, 3]


def test_closing_ends_the_iterator_in_its_own_thread() -> None:
    counting = Counting(100)
    ahead = Ahead(counting.items)
    assert next(iter(ahead)) == 1
    ahead.close()
    assert counting.closed_in == "ahead"
    assert counting.made <= 3
    ahead.close()


def test_what_waits_is_joined_up_to_a_bound() -> None:
    counting = Counting(10)
    ahead = Ahead(counting.items, lambda waiting, following: waiting + following if waiting + following <= 15 else None)
    counting.wait_for(6)
    assert not ahead.is_read
    assert next(iter(ahead)) == 15  # 1 + 2 + 3 + 4 + 5 wait together, 6 would be too much
    assert sum(ahead) == 40
    assert ahead.is_read
    again = Ahead(Counting(10).items, lambda waiting, following: waiting + following if waiting + following <= 15 else None)
    assert sum(again) == 55
