"""The whole under a state machine: people on all sides, the app, syncs and drains in any order, faults, processes killed.

hypothesis chooses the steps; RUNS says how many machines are run (CI: 3). `make chaos` runs many more, from seeds.
"""

import os
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from crm_pipeline_tests.whole import steps, verdict
from crm_pipeline_tests.whole.chaos import table
from crm_pipeline_tests.whole.runs import Outcome, Place, open_place, opened, run, shortened

RUNS = int(os.environ.get("RUNS", "3"))
NAMES = [name for name, (_, weight) in steps.STEPS.items() for _ in range(weight)]


@pytest.fixture
def place(server_url: str, template: str) -> Iterator[Place]:
    """Yield a place for runs."""
    with open_place(server_url, template) as found:
        yield found


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_whatever_happens_it_ends_well(place: Place) -> None:
    class Whole(RuleBasedStateMachine):
        """Everything that may happen."""

        def __init__(self) -> None:
            super().__init__()
            self.stack = ExitStack()

        @initialize(seed=st.integers(0, 999_999))
        def open(self, seed: int) -> None:
            """Open a world."""
            self.world = self.stack.enter_context(opened(place, str(seed)))

        @rule(name=st.sampled_from(NAMES), number=st.integers(0, 999_999))
        def take(self, name: str, number: int) -> None:
            """Do one step."""
            steps.take(self.world, name, number)

        def teardown(self) -> None:
            """Bring everything to rest and judge it."""
            with self.stack:
                violations = verdict.conclude(self.world)
                assert not violations, "\n".join([*violations, "", *self.world.story])

    # Shrinking would run a machine a hundred times; `chaos --shorten` does it by hand.
    phases, checks = (Phase.explicit, Phase.generate), list(HealthCheck)
    run_state_machine_as_test(
        Whole,
        settings=settings(
            max_examples=RUNS, stateful_step_count=25, deadline=None, derandomize=True, database=None, phases=phases,
            suppress_health_check=checks,
        ),
    )  # fmt: skip


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_seed_gives_the_same_steps_again_and_a_calm_run_keeps_every_promise(place: Place) -> None:
    assert steps.plan("7", 20) == steps.plan("7", 20)
    assert steps.plan("7", 20) != steps.plan("8", 20)
    outcome = run(place, "7", [("people_edit", 1), ("app_edit", 2), ("sync_all", 3), ("reconcile", 4), ("drain", 5)])
    assert outcome.violations == []
    assert outcome.counts["edits"] == 2
    assert outcome.counts["writes"] > 0


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_judges_notice_what_was_changed_behind_our_back(place: Place) -> None:
    """A record changed without a trace is lost coming in, and the sides disagree: said of that record, and of no other."""
    with opened(place, "behind") as world:
        store = world.sides["north"].sandbox.store
        key = int(world.sides["north"].keys("contacts")[0])
        created, updated = store.times("contacts", key) or (0, 0)
        row = world.sides["north"].row("contacts", str(key)) | {"name": "Somebody Else"}
        store.put("contacts", row, id=key, created=created, updated=updated - 3_600)  # earlier than what walks read again
        violations = verdict.conclude(world)
    assert any(f"lost coming in: north contacts {key} name" in one for one in violations), violations
    assert any("sides disagree" in one and f"north:{key}" in one for one in violations)
    assert all(f"{key}" in one for one in violations)


def test_a_plan_is_shortened_to_what_matters() -> None:
    plan = [("drain", number) for number in range(20)]
    assert shortened(plan, lambda some: {("drain", 3), ("drain", 17)} <= set(some)) == [("drain", 3), ("drain", 17)]


def test_the_table_adds_up_and_says_how_to_see_a_run_again() -> None:
    outcomes = [Outcome("1", {"steps": 20, "kills": 2}, [], [], 5.0), Outcome("2", {"steps": 30}, ["a promise"], [], 6.0)]
    lines = table(outcomes).splitlines()
    assert "| 2 | 50 | 0 | 0 | 2 | 0 | 1 | 11 |" in lines
    assert lines[-1] == "make chaos SEED=2 RUNS=1"
