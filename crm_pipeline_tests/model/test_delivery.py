"""How a change lives: moves that end where they must, waits that grow, and what is done about what the CRM holds now."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_pipeline.model.delivery import (
    APPLIED,
    CONFLICT,
    FIRST_WAIT,
    LONGEST_WAIT,
    MERGED,
    MOVES,
    PENDING,
    RETRIABLE,
    STATES,
    UNSETTLED,
    Judgement,
    View,
    judge,
    may_move,
    same,
    wait_after,
)

VALUES = st.sampled_from([None, "", "a", "b", ("x", "y"), ("y", "x"), ()])
VIEWS = st.builds(View, VALUES, VALUES, VALUES, st.booleans(), st.sampled_from([..., "a", "b"]), st.sampled_from(["", "g"]))
FIELDS = st.dictionaries(st.sampled_from("pqrs"), VIEWS, min_size=1, max_size=4)


def test_every_state_can_end_and_what_is_done_stays_done() -> None:
    assert set().union(*MOVES.values()) <= set(STATES)
    reached, grown = {PENDING}, set()
    while reached != grown:
        grown, reached = reached, reached | {other for one in reached for other in MOVES[one]}
    assert reached == set(STATES), "every state is reached from pending"
    assert not MOVES["applied"] | MOVES["merged"] | MOVES["cancelled"]
    assert {"conflict", "rejected", "dead"} == RETRIABLE and not RETRIABLE & UNSETTLED
    assert may_move("in_flight", "pending") and not may_move("in_flight", "cancelled")


@given(attempts=st.integers(0, 10_000), jitter=st.floats(0, 1))
def test_waits_grow_and_are_bounded(attempts: int, jitter: float) -> None:
    wait = wait_after(attempts, jitter)
    assert FIRST_WAIT <= wait <= 2 * LONGEST_WAIT
    assert wait_after(attempts, 0) <= wait and wait_after(attempts, jitter) <= wait_after(attempts + 1, jitter)
    assert wait_after(3, 0) == timedelta(seconds=20)


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        (None, "", True),
        ("a", "a", True),
        ("a", "b", False),
        (["x", "y"], ("y", "x"), True),
        (["x"], ["x", "x"], False),
        ([], None, True),
        (["x"], None, False),
    ],
)
def test_what_is_the_same(one: Any, other: Any, alike: bool) -> None:
    assert same(one, other) == same(other, one) == alike


@pytest.mark.parametrize(
    ("views", "was_sent", "state", "send"),
    [
        ({"p": View("a", "a", "old")}, False, APPLIED, {"p": "a"}),
        ({"p": View("a", "a", "a"), "q": View("b", "b", "old")}, False, APPLIED, {"q": "b"}),
        ({"p": View("a", "a", "a")}, False, MERGED, {}),
        ({"p": View("a", "a", "a")}, True, APPLIED, {}),
        ({"p": View("a", "b", "b")}, False, MERGED, {}),
        ({"p": View("a", "a", "old", is_open=True)}, False, CONFLICT, {}),
        ({"p": View("a", "a", "x", is_open=True), "q": View("b", "b", "old")}, False, APPLIED, {"q": "b"}),
        ({"p": View("a", "a", "new", required="ours")}, False, MERGED, {}),
        ({"p": View("a", "a", "ours", required="ours")}, False, APPLIED, {"p": "a"}),
        ({"p": View("a", "a", "a", required="ours")}, True, APPLIED, {}),
        ({"p": View("a", "a", "a", required="ours")}, False, MERGED, {}),
        ({"p": View("a", "a", "new", required="ours"), "q": View("b", "b", "us", required="us")}, False, APPLIED, {"q": "b"}),
        ({"p": View("a", "a", "new", required="ours"), "q": View("b", "b", "b", required="us")}, True, APPLIED, {}),
        ({"p": View("a", "a", "new", False, "o", "g"), "q": View("b", "b", "us", False, "us", "g")}, False, MERGED, {}),
        ({"p": View("a", "a", "new", False, "o"), "q": View("b", "b", "x", True, "x")}, False, CONFLICT, {}),
    ],
)
def test_what_is_done_about_what_the_crm_holds(views: dict[str, View], was_sent: bool, state: str, send: dict[str, Any]) -> None:
    found = judge(views, was_sent=was_sent)
    assert (found.state, found.send) == (state, send)


@given(views=FIELDS, was_sent=st.booleans())
def test_nothing_is_sent_that_is_there_already_or_a_person_decides_about(views: dict[str, View], was_sent: bool) -> None:
    found: Judgement = judge(views, was_sent=was_sent)
    for field, value in found.send.items():
        assert not views[field].is_open and value == views[field].wanted and not same(value, views[field].held)
    assert found.state == APPLIED if found.send else found.state in (APPLIED, MERGED, CONFLICT)
    assert found.send or found.detail, "what sends nothing says why"


@given(views=FIELDS)
def test_once_written_nothing_is_left_to_send(views: dict[str, View]) -> None:
    sent = judge(views, was_sent=False).send
    after = {name: replace(v, held=sent.get(name, v.held)) for name, v in views.items()}
    if sent:
        assert judge(after, was_sent=True).send == {}


@given(views=FIELDS)
def test_undoing_never_overwrites_what_somebody_changed(views: dict[str, View]) -> None:
    found = judge(views, was_sent=False)
    for name in found.send:
        group = [view for other, view in views.items() if (view.group or other) == (views[name].group or name)]
        assert all(view.required is ... or same(view.held, view.required) or same(view.held, view.wanted) for view in group)
    for name, view in views.items():
        is_alone = view.group == "" and view.required is not ... and not view.is_open
        if is_alone and same(view.held, view.required) and not same(view.held, view.wanted):
            assert name in found.send, "what others were changed in does not block it"
