"""The outgoing queue: what is owed is queued once, given to one process at a time in order, and never lost."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from sqlalchemy import Engine

from crm_pipeline.database import outgoing
from crm_pipeline.database.outgoing import NewChange, Offered
from crm_pipeline.model.delivery import FLIPS_PER_HOUR, MAX_ATTEMPTS
from crm_pipeline_tests.database.outgoing_queue import ONE, TWO, Queue, golden, update


@pytest.fixture
def queue(database: Engine) -> Iterator[Queue]:
    """Yield an empty queue."""
    yield Queue(database)


def test_a_key_is_queued_once(queue: Queue) -> None:
    first = queue.enqueue(replace(update(name="a"), key="k"), update(2, name="b"), replace(update(name="c"), key="k"))
    assert first[0] == first[2] != first[1]
    assert queue.enqueue(replace(update(3, name="d"), key="k")) == [first[0]]
    assert [change.fields for change in queue.claim()] == [{"name": "a"}, {"name": "b"}]


def test_a_record_is_created_once(queue: Queue) -> None:
    create = replace(update(name="a"), operation="create", external_id=None)
    (first,) = queue.enqueue(create)
    assert queue.enqueue(create) == [first]
    assert queue.offer(create) == Offered(coalesced=1)
    (held,) = queue.claim()
    queue.settle(held, external_id="17")
    assert queue.offer(create, replace(create, golden_id=golden(2))) == Offered(queued=1, suppressed=1)
    assert queue.row(first)["external_id"] == "17"


def test_of_a_record_only_the_oldest_is_claimed(queue: Queue) -> None:
    ids = queue.enqueue(
        update(1, name="a"), update(1, name="b"), update(2, name="c"), replace(update(3, name="d"), lane="interactive")
    )
    first = queue.claim()
    assert [change.id for change in first] == [ids[3], ids[0], ids[2]]
    assert queue.claim(holder="other") == []
    queue.settle(first[1])
    assert [change.id for change in queue.claim()] == [ids[1]]


def test_an_older_change_waits_for_a_younger_one_on_its_way(queue: Queue) -> None:
    old, young = queue.enqueue(update(1, name="a"), update(1, name="b"))
    (held,) = queue.claim()
    queue.settle(held, "dead")
    (held,) = queue.claim()
    assert held.id == young
    queue.write("UPDATE sync.outgoing_changes SET state = 'pending', settled_at = NULL WHERE id = %(id)s", id=old)
    assert queue.claim() == []
    queue.settle(held)
    assert [change.id for change in queue.claim()] == [old]


def test_one_that_rests_holds_up_its_record_alone(queue: Queue) -> None:
    ids = queue.enqueue(update(1, name="a"), update(1, name="b"), update(2, name="c"))
    held = queue.claim(1)
    queue.park(held[0], seconds=600)
    assert [change.id for change in queue.claim()] == [ids[2]]


def test_a_lane_can_be_asked_for_and_size_is_kept(queue: Queue) -> None:
    queue.enqueue(*(update(number, name="a") for number in range(1, 6)), replace(update(9, name="b"), lane="interactive"))
    assert [change.golden_id for change in queue.claim(lane="interactive")] == [golden(9)]
    assert len(queue.claim(3)) == 3
    assert queue.claim(connection=TWO) == []


def test_a_connection_that_is_only_read_is_given_nothing(queue: Queue) -> None:
    queue.enqueue(update(name="a"))
    queue.write("UPDATE sync.connections SET direction = 'read_only' WHERE id = 101")
    assert queue.claim() == []


def test_what_is_owed_joins_what_waits(queue: Queue) -> None:
    assert queue.offer(update(1, name="a", position="x"), update(2, name="b")) == Offered(queued=2)
    newer = replace(
        update(1, name="c", first_name="d"), base={"name": "newer", "first_name": "n"}, lane="interactive", said={"name": {}}
    )
    assert queue.offer(newer, considered=((ONE, golden(2)),)) == Offered(coalesced=1, withdrawn=1)
    (change,) = queue.claim()
    assert (change.fields, change.base) == ({"name": "c", "first_name": "d"}, {"name": "old", "first_name": "n"})
    assert (change.lane, change.said) == ("interactive", {"name": {}})
    (gone,) = queue.rows("SELECT error_code, error_detail FROM sync.outgoing_changes WHERE state = 'cancelled'")
    assert gone["error_code"] == "withdrawn" and gone["error_detail"].endswith(".")


def test_the_same_offer_again_changes_nothing(queue: Queue) -> None:
    queue.offer(update(name="a"))
    before = queue.rows("SELECT xmin::text, * FROM sync.outgoing_changes")
    assert queue.offer(update(name="a")) == Offered(coalesced=1)
    assert queue.rows("SELECT xmin::text, * FROM sync.outgoing_changes") == before


def test_a_record_with_a_change_on_its_way_is_left_alone(queue: Queue) -> None:
    queue.enqueue(update(1, name="a"), replace(update(1), operation="link", fields={"companies": ["1"]}), update(1, name="b"))
    held = queue.claim()
    assert queue.offer(update(1, name="z")) == Offered()
    assert queue.offer(considered=((ONE, golden(1)),)) == Offered()
    queue.settle(held[0])
    assert queue.offer(update(1, name="z")) == Offered(coalesced=1)


def test_links_and_undoing_are_never_touched(queue: Queue) -> None:
    undo = replace(update(1, name="a"), requires={"name": "b"}, origin="undo:7")
    link = replace(update(1), operation="link", fields={"companies": ["1"]}, origin="op:1")
    ids = queue.enqueue(undo, link)
    assert queue.offer(considered=((ONE, golden(1)),)) == Offered()
    assert queue.offer(update(1, name="z")) == Offered(queued=1)
    assert [queue.state(one) for one in ids] == ["pending", "pending"]


def test_completing_and_other_values_wait_side_by_side(queue: Queue) -> None:
    done = NewChange(ONE, "contacts", golden(1), "complete", {"is_completed": True}, external_id="1")
    assert queue.offer(update(1, name="a"), done) == Offered(queued=2)
    again = replace(done, operation="reopen", fields={"is_completed": False})
    assert queue.offer(update(1, name="b"), again) == Offered(coalesced=2)
    assert queue.rows("SELECT operation FROM sync.outgoing_changes ORDER BY id") == [
        {"operation": "update"},
        {"operation": "reopen"},
    ]


def test_what_may_have_been_sent_keeps_its_fields_and_is_not_withdrawn(queue: Queue) -> None:
    queue.offer(update(1, name="a"))
    (held,) = queue.claim()
    queue.sent(held)
    queue.park(held, uncertain=True)
    assert queue.offer(considered=((ONE, golden(1)),)) == Offered()
    assert queue.offer(update(1, position="x")) == Offered(coalesced=1)
    (again,) = queue.claim()
    assert again.fields == {"name": "a", "position": "x"} and again.base == {"name": "old", "position": "old"}
    assert again.sent_at is not None


@pytest.mark.parametrize("state", ["rejected", "dead"])
def test_what_was_refused_is_not_offered_again(queue: Queue, state: str) -> None:
    queue.offer(update(name="a"))
    queue.settle(queue.claim()[0], state)
    assert queue.offer(update(name="a")) == Offered(suppressed=1)
    assert queue.offer(update(name="b")) == Offered(queued=1)


def test_what_was_withdrawn_or_merged_is_offered_again(queue: Queue) -> None:
    queue.offer(update(name="a"))
    queue.offer(considered=((ONE, golden(1)),))
    assert queue.offer(update(name="a")) == Offered(queued=1)
    queue.settle(queue.claim()[0], "merged")
    assert queue.offer(update(name="a")) == Offered(queued=1)


def test_a_field_that_goes_in_circles_is_stopped_with_a_sentence(queue: Queue) -> None:
    for flip in range(FLIPS_PER_HOUR):
        assert queue.offer(update(7, name=f"n{flip}"), update(8, name=f"n{flip}")) == Offered(queued=2)
        for held in queue.claim():
            left_out = held.golden_id == golden(8) and flip == 0
            queue.settle(held, written={"position": "x"} if left_out else held.fields)
    assert queue.offer(update(7, name="again"), update(8, name="again")) == Offered(queued=1, looped=1)
    (dead,) = queue.rows("SELECT * FROM sync.outgoing_changes WHERE state = 'dead'")
    assert dead["error_code"] == "loop" and str(dead["golden_id"]) == golden(7)
    for word in ("name", "contacts 7", "tiny101", str(FLIPS_PER_HOUR), "retry"):
        assert word in dead["error_detail"]
    assert queue.offer(update(7, name="again")) == Offered(suppressed=1)
    queue.write("UPDATE sync.outgoing_changes SET settled_at = settled_at - interval '2 hours' WHERE state = 'applied'")
    assert queue.offer(update(7, name="later")) == Offered(queued=1)


def test_a_person_who_edits_often_is_no_loop(queue: Queue) -> None:
    for flip in range(FLIPS_PER_HOUR + 2):
        assert queue.offer(replace(update(7, name=f"n{flip}"), origin=f"op:{flip}")) == Offered(queued=1)
        queue.settle(queue.claim()[0])


def test_operations_are_known_by_their_changes(queue: Queue) -> None:
    for operation in ("one", "two", "three"):
        queue.write(
            "INSERT INTO sync.operations (id, actor, entity, action, request, status)"
            " VALUES (%(id)s, 'me', 'contacts', 'update', '{}', 'accepted')",
            id=operation,
        )
    queue.offer(replace(update(name="a"), origin="op:one"))
    queue.offer(replace(update(name="b"), origin="op:two"))
    (link,) = queue.enqueue(replace(update(), operation="link", fields={"companies": ["1"]}, origin="op:three"))
    (change,) = queue.rows("SELECT id FROM sync.outgoing_changes WHERE operation = 'update'")
    found = queue.rows("SELECT operation_id, change_id FROM sync.operation_changes ORDER BY change_id, operation_id")
    assert [tuple(row.values()) for row in found] == [("one", change["id"]), ("two", change["id"]), ("three", link)]


def test_a_revenant_may_not_finish(queue: Queue) -> None:
    queue.enqueue(update(name="a"))
    (ghost,) = queue.claim(holder="ghost")
    assert queue.sent(ghost) == {ghost.id}
    queue.let_leases_end()
    assert queue.rescue() == 1
    for move in (queue.settle, queue.park, queue.sent):
        assert move(ghost) == set()
    (held,) = queue.claim(holder="heir")
    for move in (queue.settle, queue.park, queue.sent):
        assert move(ghost) == set()
    assert held.fence > ghost.fence and held.attempts == 2 and held.sent_at is not None
    assert queue.settle(held) == {held.id}
    assert queue.settle(held) == set()
    (first, last) = queue.rows("SELECT * FROM sync.outgoing_attempts ORDER BY id")
    assert (first["outcome"], first["code"], first["attempt"]) == ("pending", "lost", 1) and "ghost" in first["detail"]
    assert (last["outcome"], last["attempt"]) == ("applied", 2)


def test_a_sign_of_life_keeps_a_claim(queue: Queue) -> None:
    queue.enqueue(update(1, name="a"), update(2, name="b"))
    queue.claim(1, holder="living")
    queue.claim(1, holder="dead")
    queue.let_leases_end()
    with queue.engine.begin() as db:
        assert outgoing.extend(db, "living") == 1
    assert queue.rescue() == 1
    assert [change.golden_id for change in queue.claim()] == [golden(2)]


def test_a_sign_of_life_waits_for_nobody(queue: Queue) -> None:
    """It would lock in another order than who marks or ends changes: one of the two died of a deadlock once."""
    queue.enqueue(update(1, name="a"), update(2, name="b"))
    first, second = queue.claim(2, holder="living")
    with queue.engine.begin() as sending, queue.engine.begin() as beating:
        assert outgoing.mark_sent(sending, [second]) == {second.id}
        beating.exec_driver_sql("SET LOCAL lock_timeout = '5s'")
        assert outgoing.extend(beating, "living") == 1
    assert {*queue.settle(first), *queue.settle(second)} == {first.id, second.id}


def test_the_first_applied_attempt_leaves_no_trace_others_do(queue: Queue) -> None:
    ids = queue.enqueue(update(1, name="a"), update(2, name="b"))
    one, two = queue.claim()
    queue.settle(one, overwrote={"name": "old"}, external_id="9")
    queue.settle(two, "rejected", code="NotSupportedChoice", detail="The value is not one of the list.")
    assert queue.rows("SELECT change_id, outcome, code FROM sync.outgoing_attempts") == [
        {"change_id": ids[1], "outcome": "rejected", "code": "NotSupportedChoice"}
    ]
    row = queue.row(ids[0])
    assert (row["external_id"], row["written"], row["overwrote"]) == ("9", {"name": "a"}, {"name": "old"})
    assert row["settled_at"] is not None and row["lease_until"] is row["leased_by"] is row["sent_at"] is None


def test_no_change_ends_in_a_state_that_is_no_end(queue: Queue) -> None:
    queue.enqueue(update(name="a"))
    (held,) = queue.claim()
    for state in ("pending", "in_flight", "cancelled", "lost"):
        with pytest.raises((ValueError, KeyError)):
            queue.settle(held, state)
    assert queue.state(held.id) == "in_flight"


def test_what_fails_too_often_is_dead_and_pauses_do_not_count(queue: Queue) -> None:
    queue.enqueue(update(name="a"))
    for _ in range(MAX_ATTEMPTS + 2):
        (held,) = queue.claim()
        queue.park(held, counts=False)
    for _ in range(MAX_ATTEMPTS):
        (held,) = queue.claim()
        queue.sent(held)
        assert queue.park(held, code="unavailable", detail="It answered 502.", uncertain=True) == {held.id}
    row = queue.row(held.id)
    assert (row["state"], row["error_code"], row["attempts"]) == ("dead", "unavailable", MAX_ATTEMPTS)
    assert "It answered 502." in row["error_detail"] and "unknown" in row["error_detail"] and row["sent_at"] is not None
    assert len(queue.rows("SELECT FROM sync.outgoing_attempts")) == MAX_ATTEMPTS


def test_parking_forgets_that_it_was_sent_unless_that_is_uncertain(queue: Queue) -> None:
    queue.enqueue(update(name="a"))
    for uncertain in (True, False):
        (held,) = queue.claim()
        queue.sent(held)
        queue.park(held, uncertain=uncertain)
        assert (queue.row(held.id)["sent_at"] is not None) == uncertain
