"""The outgoing queue at the desk: people retry, take back and understand changes, and see how each connection stands."""

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import Engine

from crm_pipeline.database import outgoing_desk
from crm_pipeline.database.agenda import due_drains
from crm_pipeline.database.outgoing_desk import NearMisses, Which
from crm_pipeline.errors import UsageError
from crm_pipeline_tests.database.outgoing_queue import ONE, Queue, golden, update


@pytest.fixture
def queue(database: Engine) -> Queue:
    """Return an empty queue."""
    return Queue(database)


def retry(queue: Queue, *ids: int, **which: Any) -> list[int]:
    with queue.engine.begin() as db:
        return outgoing_desk.retry(db, Which(ids or None, **which), "anna")


def cancel(queue: Queue, *ids: int) -> list[int]:
    with queue.engine.begin() as db:
        return outgoing_desk.cancel(db, ids, "anna", "the client asked")


def ended(queue: Queue, *states: str) -> list[int]:
    """Queue a change for each state and bring it there."""
    ids = queue.enqueue(*(update(number, name="a") for number in range(len(states))))
    for change, state in zip(queue.claim(), states, strict=True):
        queue.settle(change, state)
    return ids


def test_what_failed_is_retried_from_the_start(queue: Queue) -> None:
    ids = ended(queue, "dead", "rejected", "conflict", "merged", "applied")
    assert retry(queue, state="dead", connection="tiny101") == ids[:1]
    assert retry(queue, state="dead", connection="tiny102") == []
    assert retry(queue, *ids[1:3]) == ids[1:3]
    assert [(change.id, change.attempts) for change in queue.claim()] == [(one, 1) for one in ids[:3]]
    audit = queue.rows(
        "SELECT actor, action, subject, detail FROM sync.audit_log WHERE action LIKE 'outgoing.%%' ORDER BY id", none=0
    )
    assert [row["subject"] for row in audit] == [f"change {one}" for one in ids[:3]]
    assert audit[0] == {"actor": "anna", "action": "outgoing.retry", "subject": f"change {ids[0]}", "detail": {"was": "dead"}}


def test_whether_it_was_sent_stays_known(queue: Queue) -> None:
    queue.enqueue(update(name="a"))
    for _ in range(8):
        (held,) = queue.claim()
        queue.sent(held)
        queue.park(held, uncertain=True)
    retry(queue, held.id)
    assert queue.claim()[0].sent_at is not None


@pytest.mark.parametrize("state", ["merged", "applied"])
def test_what_is_over_is_not_moved(queue: Queue, state: str) -> None:
    (one,) = ended(queue, state)
    for move in (retry, cancel):
        with pytest.raises(UsageError, match=f"Change {one} .*outgoing explain {one}"):
            move(queue, one)
    assert queue.state(one) == state


def test_what_is_on_its_way_is_not_taken_back_and_nothing_is_done_by_halves(queue: Queue) -> None:
    ids = queue.enqueue(update(1, name="a"), update(2, name="b"))
    queue.claim(1)
    with pytest.raises(UsageError, match="being sent right now"):
        cancel(queue, ids[1], ids[0])
    with pytest.raises(UsageError, match="no outgoing change 999"):
        cancel(queue, ids[1], 999)
    assert queue.state(ids[1]) == "pending"


def test_what_a_person_took_back_is_not_offered_again(queue: Queue) -> None:
    queue.offer(update(name="a"))
    (row,) = outgoing_desk.listed(queue.engine)
    assert cancel(queue, row["id"]) == [row["id"]]
    assert queue.offer(update(name="a")).suppressed == 1
    assert queue.offer(update(name="b")).queued == 1
    assert queue.row(row["id"])["error_detail"] == "the client asked"


def test_a_create_that_was_replaced_is_not_retried(queue: Queue) -> None:
    create = replace(update(name="a"), operation="create", external_id=None)
    (first,) = queue.enqueue(create)
    queue.settle(queue.claim()[0], "dead")
    queue.enqueue(create)
    with pytest.raises(UsageError, match="later create"):
        retry(queue, first)
    assert retry(queue, state="dead") == []


def test_the_list_shows_what_waits_first_and_can_be_narrowed(queue: Queue) -> None:
    ids = ended(queue, "dead", "merged")
    (waits,) = queue.enqueue(update(9, name="z"))
    assert [row["id"] for row in outgoing_desk.listed(queue.engine)] == [waits, ids[1], ids[0]]
    assert [row["id"] for row in outgoing_desk.listed(queue.engine, Which(state="dead", connection="tiny101"))] == [ids[0]]
    assert outgoing_desk.listed(queue.engine, Which(entity="deals")) == []
    assert len(outgoing_desk.listed(queue.engine, limit=2)) == 2


def test_a_story_tells_what_stands_in_front(queue: Queue) -> None:
    first, second = queue.enqueue(update(1, name="a"), update(1, name="b"))
    (held,) = queue.claim()
    queue.park(held, seconds=60, code="unavailable", detail="It answered 502.")
    story = outgoing_desk.explain(queue.engine, second)
    assert [(one["id"], one["state"]) for one in story.in_front] == [(first, "pending")]
    story = outgoing_desk.explain(queue.engine, first)
    assert [one["detail"] for one in story.attempts] == ["It answered 502."] and story.in_front == []
    with pytest.raises(UsageError, match="no outgoing change 999"):
        outgoing_desk.explain(queue.engine, 999)


def test_the_summary_counts_by_connection(queue: Queue) -> None:
    ended(queue, "applied", "dead")
    queue.enqueue(update(9, name="z"))
    queue.write("UPDATE sync.outgoing_changes SET created_at = now() - interval '90 seconds' WHERE state = 'pending'")
    one, two = outgoing_desk.summary(queue.engine)
    assert one.counts == {"applied": 1, "dead": 1, "pending": 1} and two.counts == {}
    assert 89 < (one.oldest_pending_seconds or 0) < 120 and two.oldest_pending_seconds is None
    count, seconds = outgoing_desk.left(queue.engine, ONE)
    assert count == 1 and 89 < (seconds or 0) < 120
    assert one.applied_per_minute == pytest.approx(1 / 60) and one.next_due is not None
    queue.write("UPDATE sync.outgoing_changes SET settled_at = now() - interval '2 days' WHERE state = 'dead'")
    assert outgoing_desk.summary(queue.engine)[0].counts == {"applied": 1, "pending": 1}


def test_a_connection_waits_until_its_first_change_is_due(queue: Queue) -> None:
    def due() -> list[int]:
        found = due_drains(queue.engine, ["tiny101", "tiny102"], [], 10)
        assert {one.name for one in found} <= {"tiny101"} and all(one.crm == "tinycrm" for one in found)
        return [one.change_id for one in found]

    assert due() == [] and outgoing_desk.left(queue.engine, ONE)[0] == 0
    first, _ = queue.enqueue(update(1, name="a"), update(1, name="b"))
    assert due() == [first]
    (held,) = queue.claim()
    assert due() == [], "somebody is at it"
    queue.write("UPDATE sync.outgoing_changes SET lease_until = now() - interval '1 second' WHERE state = 'in_flight'")
    assert due() == [first], "whoever was at it must be dead"
    queue.park(held, seconds=600)
    assert due() == [] and outgoing_desk.left(queue.engine, ONE)[0] == 2
    queue.write("UPDATE sync.outgoing_changes SET next_attempt_at = now() WHERE next_attempt_at > now()")
    assert due() == [first]
    queue.write("UPDATE sync.connections SET direction = 'read_only' WHERE id = 101")
    assert due() == []


@pytest.mark.parametrize(
    ("field", "value", "own", "minutes", "missed"),
    [
        ("name", '"robot"', False, 1, 1),
        ("name", '"a"', False, 1, 0),
        ("name", '"robot"', True, 1, 0),
        ("name", '"robot"', False, 5, 0),
        ("position", '"robot"', False, 1, 0),
        ("amount", "10.50", False, 1, 0),
        ("amount", "11", False, 1, 1),
        ("tags", '["b", "a"]', False, 1, 0),
        ("tags", '["a"]', False, 1, 1),
    ],
)
def test_a_robot_that_changes_what_we_wrote_is_a_near_miss(
    queue: Queue, field: str, value: str, own: bool, minutes: int, missed: int
) -> None:
    queue.enqueue(update(1, name="a", amount="10.5", tags=["a", "b"]), update(2, name="a"))
    for held in queue.claim():
        queue.settle(held)
    queue.write(
        "INSERT INTO source.field_changes"
        " (connection_id, entity, external_id, field, new_value, is_own_write, changed_at, seen_at)"
        " VALUES (101, 'contacts', '1', %(field)s, %(value)s, %(own)s, now() + make_interval(mins => %(minutes)s),"
        " now() + interval '9 minutes')",
        field=field, value=value, own=own, minutes=minutes,
    )  # fmt: skip
    (found,) = outgoing_desk.near_misses(queue.engine, 24)
    assert found == NearMisses("tiny101", 2, missed) and found.share == missed / 2
    assert outgoing_desk.near_misses(queue.engine, 0) == []


def test_nothing_of_a_removed_record_hides_a_change(queue: Queue) -> None:
    queue.enqueue(update(5, name="a"))
    (row,) = outgoing_desk.listed(queue.engine)
    assert (row["name"], row["golden_id"], row["connection"]) == (None, golden(5), "tiny101") and ONE == 101
