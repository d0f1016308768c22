"""The meters, on a clock that stands still until it is moved."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_pipeline.sandbox.clock import Clock
from crm_pipeline.sandbox.limits import LeakyBucket, OperatingTime, SlidingWindow, TokenBucket


@pytest.fixture
def clock() -> Clock:
    clock = Clock()
    clock.freeze(1_790_000_000)
    return clock


def test_token_bucket_allows_its_burst_then_its_rate(clock: Clock) -> None:
    bucket = TokenBucket(clock, 7)
    assert [bucket.take() for _ in range(8)] == [True] * 7 + [False]
    clock.advance(1 / 7)
    assert bucket.take() and not bucket.take()
    clock.advance(3_600)
    assert sum(bucket.take() for _ in range(20)) == 7


def test_token_bucket_keys_do_not_share(clock: Clock) -> None:
    bucket = TokenBucket(clock, 1)
    assert bucket.take("a") and bucket.take("b") and not bucket.take("a")


@given(st.lists(st.floats(0, 2), min_size=1, max_size=200))
def test_token_bucket_never_passes_more_than_rate_and_burst(gaps: list[float]) -> None:
    clock = Clock()
    clock.freeze(0)
    bucket, passed = TokenBucket(clock, 7), 0
    for gap in gaps:
        clock.advance(gap)
        passed += bucket.take()
        assert passed <= 7 + 7 * clock.now() + 1e-6


def test_leaky_bucket_holds_fifty_and_leaks_two_a_second(clock: Clock) -> None:
    bucket = LeakyBucket(clock)
    assert [bucket.take() for _ in range(52)] == [True] * 50 + [False, False]
    clock.advance(0.5)
    assert bucket.take() and not bucket.take()
    clock.advance(25)
    assert bucket.level() == 0
    clock.advance(1_000)
    assert bucket.level() == 0


def test_operating_time_blocks_until_the_oldest_minute_leaves(clock: Clock) -> None:
    meter = OperatingTime(clock, limit=10)
    meter.charge("hook:crm.deal.list", 6)
    reset = meter.reset_at("hook:crm.deal.list")
    clock.advance(120)
    meter.charge("hook:crm.deal.list", 5)
    assert meter.operating("hook:crm.deal.list") == 11
    assert meter.blocked("hook:crm.deal.list") and not meter.blocked("hook:crm.contact.list")
    assert reset == meter.reset_at("hook:crm.deal.list") == 1_790_000_600
    clock.freeze(reset - 1)
    assert meter.blocked("hook:crm.deal.list")
    clock.freeze(reset)
    assert meter.operating("hook:crm.deal.list") == 5 and not meter.blocked("hook:crm.deal.list")
    assert meter.reset_at("hook:crm.deal.list") == 1_790_000_720


def test_sliding_window_forgets(clock: Clock) -> None:
    window = SlidingWindow(clock, 60)
    assert [window.add("a") for _ in range(3)] == [1, 2, 3]
    clock.advance(59)
    assert window.count("a") == 3
    clock.advance(1)
    assert window.count("a") == 0 == window.count("b")
