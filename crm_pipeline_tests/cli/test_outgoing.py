"""`outgoing`: a person at a terminal sees what CRMs should receive, understands it, retries it and takes it back."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from crm_pipeline_tests.cli.refusal import assert_refused
from crm_pipeline_tests.database.outgoing_queue import Queue, update
from crm_pipeline_tests.operator import Operator

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def queue(module_engine: Engine) -> Iterator[Queue]:
    """Yield a queue: change 1 failed for good, 2 waits behind it, 3 was applied, 4 waits."""
    made = Queue(module_engine)
    made.enqueue(update(1, name="Анна"), update(1, name="Инна"), update(2, name="Пётр"), update(3, position="head"))
    dead, applied, waits = made.claim()
    made.settle(applied)
    made.park(dead, code="unavailable", detail="It answered 502.")
    made.settle(made.claim(1)[0], "dead", code="unavailable", detail="It answered 502 again.")
    made.park(waits, counts=False)
    yield made


@pytest.fixture
def operator(queue: Queue, module_database_url: str, encryption_key: str) -> Operator:
    """Return somebody at a terminal."""
    return Operator(module_database_url, encryption_key)


def test_changes_are_listed_explained_retried_and_taken_back(operator: Operator, queue: Queue) -> None:
    found = operator.ask("outgoing", "list")
    assert [row["state"] for row in found["changes"]] == ["pending", "pending", "dead", "applied"]
    assert found["counts"] == {"tiny101": {"pending": 2, "applied": 1, "dead": 1}, "tiny102": {}}
    assert "head" in operator.do("outgoing", "list", "--connection", "tiny101", "--state", "pending")
    story = operator.do("outgoing", "explain", "1")
    for words in (
        "update contacts 1 in tiny101, dead",
        "name: Анна (it held old)",
        "attempt 1: to be tried again",
        "502 again",
        "retry 1",
    ):
        assert words in story
    assert operator.ask("outgoing", "retry", "1", "--by", "anna")["retried"] == [1]
    assert "In front of it: change 1" in operator.do("outgoing", "explain", "2")
    told = operator.do("outgoing", "cancel", "1", "2", "--reason", "asked by the client")
    assert "2 changes are taken back." in told
    assert "anna: retry" in operator.do("outgoing", "explain", "1")
    assert [queue.state(one) for one in (1, 2)] == ["cancelled", "cancelled"]
    assert operator.ask("outgoing", "retry", "--state", "dead")["retried"] == []


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("outgoing list --connection nowhere", "Known: tiny101, tiny102."),
        ("outgoing list --state lost", "in_flight"),
        ("outgoing list --entity invoices", "contacts"),
        ("outgoing explain 99", "no outgoing change 99"),
        ("outgoing retry", "retry --state dead"),
        ("outgoing retry 99", "outgoing list"),
        ("outgoing retry 3", "Change 3 was applied"),
        ("outgoing retry --state applied", "rejected"),
        ("outgoing retry 1 --connection tiny101", "--state"),
        ("outgoing cancel 3 --reason no", "Change 3 was applied"),
        ("outgoing cancel 99 --reason no", "no outgoing change 99"),
    ],
)
def test_words_that_are_off_end_with_2(operator: Operator, words: str, told: str) -> None:
    assert_refused(operator.run(*words.split()), 2, told)
