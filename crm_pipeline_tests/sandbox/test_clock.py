"""The sandbox clock: it stops, jumps and runs on, and tells those who wait."""

import time

from hypothesis import given
from hypothesis import strategies as st

from crm_pipeline.sandbox.clock import Clock


def test_runs_with_real_time() -> None:
    before, now, after = time.time(), Clock().now(), time.time()
    assert before <= now <= after


@given(st.floats(0, 4e9), st.lists(st.floats(0, 1e7), max_size=5))
def test_frozen_time_moves_by_what_it_is_advanced_and_nothing_else(at: float, steps: list[float]) -> None:
    clock = Clock()
    clock.freeze(at)
    for step in steps:
        clock.advance(step)
    assert clock.now() == clock.now()
    assert abs(clock.now() - (at + sum(steps))) < 1e-3


def test_unfreezing_goes_on_from_where_it_stood() -> None:
    clock = Clock()
    clock.freeze(1_000_000.5)
    clock.unfreeze()
    assert 1_000_000.5 <= clock.now() < 1_000_060
    assert not clock.frozen


def test_freeze_without_a_moment_stops_at_the_present_one() -> None:
    clock = Clock()
    clock.advance(3_600)
    clock.freeze()
    assert 3_590 < clock.now() - time.time() <= 3_600


def test_seconds_are_whole() -> None:
    clock = Clock()
    clock.freeze(12.9)
    assert clock.seconds() == 12


def test_listeners_hear_every_move() -> None:
    clock, heard = Clock(), []
    clock.on_change(lambda: heard.append(clock.now()))
    clock.freeze(10)
    clock.advance(5)
    clock.unfreeze()
    assert heard[:2] == [10, 15] and len(heard) == 3
