"""What the budget promises: all processes together keep a meter's rate, edits go first, and asking costs next to nothing."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine

from crm_pipeline.database.budget import LONGEST_BREATH, OPERATING_LIMIT, SLOW_FROM, PostgresBudget, meters, rest
from crm_pipeline.wiring import Pipeline
from crm_pipeline_tests.connectors.tinycrm.processes import done, environment, start


@pytest.fixture
def budget(database: Engine) -> Iterator[PostgresBudget]:
    """Yield a budget on a fresh database."""
    made = PostgresBudget(database)
    yield made
    made.close()


def test_a_burst_then_one_per_interval(budget: PostgresBudget) -> None:
    waits = [budget.reserve("m", 10.0, 4, "interactive") for _ in range(6)]
    assert waits[:4] == [0, 0, 0, 0]
    assert waits[4] == pytest.approx(10, abs=1)
    assert waits[5] == pytest.approx(20, abs=1)


def test_several_processes_keep_the_rate_together(pipeline: Pipeline, tmp_path: Path) -> None:
    env = environment(pipeline, tmp_path)
    sent = sorted(moment for process in [start("budget", "shared", env) for _ in range(3)] for moment in done(process))
    assert len(sent) == 75
    assert sent[-1] - sent[0] >= 74 * 0.02 - 0.02
    fullest = max(sum(1 for other in sent if moment <= other < moment + 0.2) for moment in sent)
    assert fullest <= 0.2 / 0.02 + 4  # a process late by its own sleep may push a request into the next slots


def test_an_edit_goes_ahead_of_bulk(budget: PostgresBudget) -> None:
    while budget.reserve("m", 10.0, 8) == 0:
        pass
    assert budget.reserve("m", 10.0, 8, "interactive") == 0


def test_a_pause_holds_for_everybody_and_ends_without_a_burst(budget: PostgresBudget, database: Engine) -> None:
    budget.reserve("m", 5.0, 4)
    budget.pause("m", 100)
    other = PostgresBudget(database)
    waits = [other.reserve("m", 5.0, 4, "interactive") for _ in range(3)]
    assert waits[0] == pytest.approx(100, abs=2)
    assert waits[1] - waits[0] == pytest.approx(5, abs=0.5)
    assert waits[2] - waits[1] == pytest.approx(5, abs=0.5)
    assert meters(database)[0]["refused"] == 1
    other.close()


def test_asking_is_cheap(budget: PostgresBudget) -> None:
    budget.reserve("m", 0.0001, 100)
    costs = []
    for _ in range(200):
        began = time.perf_counter()
        budget.reserve("m", 0.0001, 100)
        costs.append(time.perf_counter() - began)
    assert min(costs) < 0.001


def test_a_method_rests_as_its_operating_time_runs_out(budget: PostgresBudget) -> None:
    later = time.time() + 300
    assert budget.operating_pause("m", "crm.item.list") == 0
    budget.operating("m", "crm.item.list", 300, later)
    assert budget.operating_pause("m", "crm.item.list") == 0
    budget.operating("m", "crm.item.list", 450, later)
    assert 0 < budget.operating_pause("m", "crm.item.list") <= LONGEST_BREATH
    budget.operating("m", "crm.item.list", OPERATING_LIMIT, later)
    assert budget.operating_pause("m", "crm.item.list") == pytest.approx(300, abs=5)
    assert budget.operating_pause("m", "crm.item.get") == 0
    budget.operating("m", "crm.item.list", OPERATING_LIMIT, time.time() - 1)
    assert budget.operating_pause("m", "crm.item.list") == 0


@given(one=st.floats(0, 600), other=st.floats(0, 600))
def test_the_more_is_used_the_longer_the_rest(one: float, other: float) -> None:
    less, more = sorted((one, other))
    assert rest(less, 600, 0) <= rest(more, 600, 0)
    assert rest(less, 600, 0) == 0 or less > SLOW_FROM
