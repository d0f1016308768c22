"""The meter's law: whatever the requests, no window of time holds more of them than burst plus what has leaked."""

from hypothesis import given
from hypothesis import strategies as st

from crm_pipeline.http import LocalBudget, Meter
from crm_pipeline.http.budget import Gate


class Now:
    def __init__(self) -> None:
        self.seconds = 1_000.0

    def __call__(self) -> float:
        return self.seconds


@given(st.lists(st.floats(0, 3), min_size=1, max_size=60), st.integers(1, 10), st.floats(0.05, 1))
def test_no_window_holds_more_than_burst_and_leak(gaps: list[float], burst: int, interval: float) -> None:
    now = Now()
    budget = LocalBudget(now)
    sent = []
    for gap in gaps:
        now.seconds += gap
        wait = budget.reserve("m", interval, burst)
        assert wait >= 0
        sent.append(now.seconds + wait)
    assert sent == sorted(sent)
    for first, earlier in enumerate(sent):
        for last in range(first, len(sent)):
            assert last - first + 1 <= burst + (sent[last] - earlier) / interval + 1e-6


def test_a_burst_goes_at_once_then_the_interval_rules() -> None:
    budget = LocalBudget(Now())
    assert [round(budget.reserve("m", 0.5, 3), 6) for _ in range(5)] == [0, 0, 0, 0.5, 1.0]


def test_a_pause_holds_everybody_of_the_meter_and_nobody_else() -> None:
    budget = LocalBudget(Now())
    budget.pause("m", 30)
    assert budget.reserve("m", 0.5, 5) == 30
    assert budget.reserve("other", 0.5, 5) == 0


def test_operating_rests_the_method_near_its_limit_until_it_resets() -> None:
    now = Now()
    budget = LocalBudget(now)
    budget.operating("m", "crm.deal.list", 100, now() + 600)
    assert budget.operating_pause("m", "crm.deal.list") == 0
    budget.operating("m", "crm.deal.list", 470, now() + 600)
    assert budget.operating_pause("m", "crm.deal.list") == 600
    assert budget.operating_pause("m", "crm.contact.list") == 0
    now.seconds += 601
    assert budget.operating_pause("m", "crm.deal.list") == 0


@given(st.lists(st.floats(0, 0.4), min_size=1, max_size=60), st.integers(1, 12))
def test_the_gate_keeps_any_second_to_the_limit_however_late_requests_leave(gaps: list[float], per_second: int) -> None:
    now = Now()
    gate = Gate(Meter("m", 1 / per_second), now)
    left = []
    for gap in gaps:
        now.seconds += gap
        left.append(now.seconds + gate.wait_for())
    assert all(later - earlier > 1 for earlier, later in zip(left, left[per_second:], strict=False))


@given(st.lists(st.tuples(st.floats(0, 0.4), st.floats(0, 0.3)), min_size=1, max_size=40), st.integers(2, 8))
def test_who_is_held_up_on_the_way_out_holds_back_who_comes_a_second_later(late: list[tuple[float, float]], most: int) -> None:
    now = Now()
    gate = Gate(Meter("m", 1 / most), now)
    written = []
    for gap, held_up in late:
        now.seconds += gap
        now.seconds += gate.wait_for()
        while (early := gate.leave()) > 0:
            now.seconds += early
        now.seconds += held_up
        gate.is_written()
        written.append(now.seconds)
    assert all(later - earlier > 1 for earlier, later in zip(written, written[most:], strict=False))
