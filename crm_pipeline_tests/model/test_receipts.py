"""The one word of a receipt: the table, and the laws it keeps."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_pipeline.model.delivery import STATES, UNSETTLED
from crm_pipeline.model.receipts import STATUS_OF, STATUSES, overall

CODES = st.sampled_from([None, "withdrawn", "cancelled", "open_conflict"])
CHANGES = st.lists(st.tuples(st.sampled_from(STATES), CODES))
ANSWERS = st.sampled_from(["accepted", "merged", "conflict", "rejected"])


@pytest.mark.parametrize(
    ("answered", "states", "expected"),
    [
        ("accepted", [], "applied"),
        ("merged", [], "merged"),
        ("rejected", [], "rejected"),
        ("conflict", ["applied"], "conflict"),
        ("accepted", ["pending", "applied"], "queued"),
        ("accepted", ["in_flight", "dead"], "sent"),
        ("accepted", ["applied", "dead", "rejected"], "dead"),
        ("accepted", ["applied", "rejected"], "rejected"),
        ("accepted", ["applied", "conflict"], "conflict"),
        ("accepted", ["applied", "merged"], "applied"),
        ("accepted", ["merged"], "merged"),
        ("accepted", ["cancelled"], "rejected"),
        ("merged", ["applied"], "merged"),
        ("merged", ["pending"], "queued"),
    ],
)
def test_the_table(answered: str, states: list[str], expected: str) -> None:
    assert overall(answered, [(state, None) for state in states]) == expected


def test_what_was_not_needed_any_more_is_no_refusal() -> None:
    assert overall("accepted", [("cancelled", "withdrawn")]) == "merged"
    assert overall("accepted", [("cancelled", "withdrawn"), ("applied", None)]) == "applied"


def test_every_state_has_a_word() -> None:
    assert set(STATUS_OF) == set(STATES) and set(STATUS_OF.values()) == set(STATUSES)


@given(ANSWERS, CHANGES, st.randoms())
def test_order_does_not_matter_and_it_is_final_exactly_when_all_have_ended(answered: str, changes: list, chance) -> None:
    said = overall(answered, changes)
    mixed = changes[:]
    chance.shuffle(mixed)
    assert overall(answered, mixed) == said and said in STATUSES
    is_moving = answered in ("accepted", "merged") and any(state in UNSETTLED for state, _ in changes)
    assert (said in ("queued", "sent")) == is_moving


@given(CHANGES)
def test_trouble_is_never_hidden(changes: list) -> None:
    if overall("accepted", changes) in ("applied", "merged"):
        bad = {"dead", "rejected", "conflict", "pending", "in_flight"}
        assert not any(state in bad or (state == "cancelled" and code != "withdrawn") for state, code in changes)
