"""Draining end to end: golden differs from a two-way connection, and that CRM comes to hold it, once, and nothing comes back."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from crm_pipeline.database import connections, outgoing
from crm_pipeline.database.outgoing import Parked
from crm_pipeline.stages.drain import drain
from crm_pipeline.stages.edits import edit
from crm_pipeline_tests.settled_sides import changes, settle, writes
from crm_pipeline_tests.two_sides import LEFT, RIGHT, TwoSides, fill

PAUSE = 6.0
"""Seconds the CRM asks everybody to wait, while another process takes over what is waiting to be sent."""


def test_an_edit_in_one_crm_reaches_the_other_and_stops(pair: TwoSides) -> None:
    pair.left.put("contacts", 1, position="CTO")
    before = writes(pair)
    done = settle(pair)
    assert pair.right.records["contacts"]["1"]["position"] == "CTO"
    assert (writes(pair) - before, done[RIGHT].applied, done.get(LEFT)) == (1, 1, None)
    assert not pair.rows("SELECT FROM sync.conflicts WHERE superseded_at IS NULL")


def test_the_two_agree_once_everything_is_written(pair: TwoSides) -> None:
    for number in range(1, 5):
        left, right = (server.records["contacts"][str(number)] for server in (pair.left, pair.right))
        assert sorted(p["value"] for p in left["contact_points"]) == sorted(p["value"] for p in right["contact_points"])
        assert left["name"] == right["name"]


def test_a_revert_is_an_edit_and_travels_back(pair: TwoSides) -> None:
    pair.left.put("contacts", 1, position="CTO")
    settle(pair)
    pair.left.put("contacts", 1, position=None)
    settle(pair)
    assert [server.records["contacts"]["1"].get("position") for server in (pair.left, pair.right)] == [None, None]
    pair.right.put("contacts", 1, position="CTO")
    settle(pair)
    assert [server.records["contacts"]["1"].get("position") for server in (pair.left, pair.right)] == ["CTO", "CTO"]


def test_an_edit_made_there_a_minute_ago_is_not_overwritten(pair: TwoSides) -> None:
    """The change waits in the queue while somebody changes the same field in the CRM it is to be written to."""
    pair.left.put("contacts", 1, position="CTO")
    pair.load(LEFT)
    pair.right.put("contacts", 1, position="Chairman")
    before = pair.right.writes.total()
    drain(pair.parts)
    assert pair.right.writes.total() == before
    assert pair.right.records["contacts"]["1"]["position"] == "Chairman"
    (change,) = [one for one in changes(pair) if one["connection"] == RIGHT and "position" in one["fields"]]
    assert (change["state"], change["error_code"]) == ("merged", "yielded")
    settle(pair)
    assert pair.left.records["contacts"]["1"]["position"] == "Chairman"


def test_an_edit_of_another_field_there_stands_beside_ours(pair: TwoSides) -> None:
    pair.left.put("contacts", 1, position="CTO")
    pair.load(LEFT)
    pair.right.put("contacts", 1, birthday="1990-05-04")
    settle(pair)
    for server in (pair.left, pair.right):
        assert (server.records["contacts"]["1"]["position"], server.records["contacts"]["1"]["birthday"]) == ("CTO", "1990-05-04")


def test_the_same_value_put_there_by_hand_costs_no_write(pair: TwoSides) -> None:
    pair.left.put("contacts", 1, position="CTO")
    pair.load(LEFT)
    pair.right.put("contacts", 1, position="CTO")
    before = pair.right.writes.total()
    drain(pair.parts)
    assert pair.right.writes.total() == before
    assert [one["state"] for one in changes(pair) if one["fields"].get("position") == "CTO"] == ["merged"]


def test_what_is_read_back_is_no_edit(pair: TwoSides) -> None:
    pair.left.put("contacts", 1, position="CTO")
    settle(pair)
    logged = pair.rows(
        """SELECT c.name, f.is_own_write FROM source.field_changes f JOIN sync.connections c ON c.id = f.connection_id
           WHERE f.entity = 'contacts' AND f.field = 'position' ORDER BY f.id"""
    )
    assert logged == [{"name": LEFT, "is_own_write": False}, {"name": RIGHT, "is_own_write": True}]
    (golden,) = pair.rows("SELECT provenance FROM crm.contacts WHERE position = 'CTO'")
    assert golden["provenance"]["position"]["connection"] == LEFT


@pytest.mark.parametrize("applied", [False, True], ids=["before it was applied", "after it was applied"])
def test_a_lost_answer_is_looked_into_before_anything_is_sent_again(pair: TwoSides, applied: bool) -> None:
    pair.left.put("contacts", 1, position="CTO")
    pair.load(LEFT)
    before = pair.right.writes["PATCH contacts"]
    fault = "reset_after" if applied else "reset_before"
    pair.right.faults.add({"fault": fault, "match": {"method": "PATCH", "path": "contacts/1"}})
    first = drain(pair.parts)[RIGHT]
    assert (first.retried, first.applied) == (1, 0)
    (waiting,) = pair.rows("SELECT sent_at, error_code FROM sync.outgoing_changes WHERE state = 'pending'")
    assert (waiting["sent_at"] is not None, waiting["error_code"]) == (True, "lost")
    settle(pair, rounds=40)
    assert pair.right.records["contacts"]["1"]["position"] == "CTO"
    assert pair.right.writes["PATCH contacts"] - before == 1


def test_a_record_that_is_gone_is_rejected_and_known_as_deleted(pair: TwoSides) -> None:
    pair.left.put("contacts", 1, position="CTO")
    pair.load(LEFT)
    pair.right.drop("contacts", 1)
    assert drain(pair.parts)[RIGHT].rejected == 1
    (person,) = pair.rows(
        """SELECT deleted_at FROM source.contacts s JOIN sync.connections c ON c.id = s.connection_id
           WHERE c.name = %s AND s.external_id = '1'""",
        RIGHT,
    )
    assert person["deleted_at"] is not None
    settle(pair)


def test_a_refused_value_is_rejected_in_the_vendors_words_and_not_tried_again(pair: TwoSides) -> None:
    pair.right.refused.add("Caesar")
    pair.left.put("contacts", 1, position="Caesar")
    settle(pair)
    rejected = [one for one in changes(pair) if one["state"] == "rejected"]
    assert [one["error_code"] for one in rejected] == ["NotSupportedChoice"]
    assert rejected[0]["error_detail"] == "position: no valid choice."
    settle(pair)
    assert len([one for one in changes(pair) if one["state"] == "rejected"]) == 1


def test_a_field_that_vanished_is_left_out_and_the_rest_written(pair: TwoSides) -> None:
    pair.right.vanished.add("position")
    pair.left.put("contacts", 1, position="CTO", birthday="1990-05-04")
    settle(pair)
    assert pair.right.records["contacts"]["1"]["birthday"] == "1990-05-04"
    (change,) = [one for one in changes(pair) if "birthday" in one["fields"]]
    assert change["state"] == "applied"
    assert "position" in change["error_detail"]


def test_a_phone_taken_off_is_taken_off_everywhere(pair: TwoSides) -> None:
    person = pair.left.records["contacts"]["1"]
    kept = [point for point in person["contact_points"] if point["kind"] != "phone"]
    pair.left.put("contacts", 1, contact_points=kept)
    settle(pair)
    for server in (pair.left, pair.right):
        assert [p for p in server.records["contacts"]["1"]["contact_points"] if p["kind"] == "phone"] == []


def test_a_drain_that_stood_still_sends_nothing_others_have_taken_over(pair: TwoSides) -> None:
    """It has marked a create sent and waits for its turn at the CRM, so long that it is given up and another takes the change."""
    fields = {"name": "Пётр Кофеман", "phones": ["+79995550101"]}
    order = {"id": "op-1", "entity": "contacts", "action": "create", "record": "tmp:1", "connections": [RIGHT], "fields": fields}
    assert edit(pair.parts, [order], "operator")[0].changes
    link = pair.parts.link(RIGHT)
    before = pair.right.writes["POST contacts"]
    pair.parts.budget.reserve(link.http.meter.key, link.http.meter.interval, link.http.meter.burst)
    pair.parts.budget.pause(link.http.meter.key, PAUSE)
    with ThreadPoolExecutor(1) as pool:
        stalled = pool.submit(drain, pair.parts, RIGHT)
        while not pair.rows("SELECT FROM sync.outgoing_changes WHERE sent_at IS NOT NULL"):
            pass
        heir = taken_over(pair, link.connection_id)
        assert stalled.result()[RIGHT].applied == 0
    assert pair.right.writes["POST contacts"] == before
    with pair.parts.engine.begin() as db:
        outgoing.park(db, [Parked(heir.id, heir.fence, 0.0, counts=False)])
    settle(pair)
    assert pair.right.writes["POST contacts"] == before + 1


def taken_over(sides: TwoSides, connection_id: int) -> outgoing.Change:
    """Let leases end, and have another process claim the change at once."""
    with sides.parts.engine.begin() as db:
        db.exec_driver_sql("UPDATE sync.outgoing_changes SET lease_until = now() - interval '1 second' WHERE state = 'in_flight'")
        outgoing.rescue(db)
        (heir,) = outgoing.claim(db, connection_id, "heir", 10)
    return heir


def test_keys_corrected_in_one_crm_part_nobody_and_are_told_to_the_other(pair: TwoSides) -> None:
    """Phone and e-mail are what the two were recognised by; changed in one CRM, both at once, with a new name."""
    points = [{"kind": "phone", "value": "+79990000001"}, {"kind": "email", "value": "new@left.example"}]
    pair.left.put("contacts", 1, contact_points=points, name="Мария Иванова")
    settle(pair)
    other = pair.right.records["contacts"]["1"]
    assert sorted(point["value"] for point in other["contact_points"]) == ["+79990000001", "new@left.example"]
    assert pair.golden_id(f"{LEFT}:1") == pair.golden_id(f"{RIGHT}:1")


def test_a_task_completed_in_one_crm_is_completed_in_the_other_and_reopened_again(pair: TwoSides) -> None:
    fields = {"title": "Позвонить", "due_at": "2026-03-02T10:00:00+03:00"}
    order = {
        "id": "op-t",
        "entity": "tasks",
        "action": "create",
        "record": "tmp:t",
        "connections": [LEFT, RIGHT],
        "fields": fields,
    }
    (made,) = edit(pair.parts, [order], "anna")
    settle(pair)
    assert done(pair) == [False, False]
    number = next(key for key, row in pair.left.records["tasks"].items() if row["title"] == "Позвонить")
    pair.left.clock.advance(60)
    pair.left.put("tasks", number, is_completed=True)
    settle(pair)
    assert done(pair) == [True, True]
    reopen = {"id": "op-r", "entity": "tasks", "action": "reopen", "record": made.record}
    assert len(edit(pair.parts, [reopen], "anna")[0].changes) == 2
    settle(pair)
    assert done(pair) == [False, False]
    finish = {"id": "op-c", "entity": "tasks", "action": "complete", "record": made.record, "fields": {"result": "Дозвонился"}}
    edit(pair.parts, [finish], "anna")
    assert [one["fields"]["result"] for one in changes(pair) if one["state"] == "pending"] == ["Дозвонился"] * 2
    settle(pair)
    assert done(pair) == [True, True]
    told = [(one["connection"], one["operation"]) for one in changes(pair) if one["entity"] == "tasks"][2:]
    assert (told[0], sorted(told[1:3]), sorted(told[3:])) == (
        (RIGHT, "complete"), [(RIGHT, "reopen"), (LEFT, "reopen")], [(RIGHT, "complete"), (LEFT, "complete")],
    )  # fmt: skip


def test_a_task_that_is_read_before_its_lost_answer_is_looked_into_is_no_second_task(pair: TwoSides) -> None:
    """Tasks have no keys they are matched by: what the drain finds out puts the two together."""
    order = {"id": "op-t", "entity": "tasks", "action": "create", "record": "tmp:t", "connections": [LEFT, RIGHT]}
    (made,) = edit(pair.parts, [{**order, "fields": {"title": "Позвонить", "due_at": "2026-03-02T10:00:00+03:00"}}], "anna")
    pair.right.faults.add({"fault": "reset_after", "match": {"method": "POST", "path": "tasks"}})
    assert drain(pair.parts)[RIGHT].applied == 0
    pair.load(RIGHT)
    (number,) = (key for key, row in pair.right.records["tasks"].items() if row["title"] == "Позвонить")
    stray = pair.golden_id(f"{RIGHT}:{number}", "tasks")
    assert stray != made.record
    settle(pair, rounds=40)
    (there,) = (key for key, row in pair.left.records["tasks"].items() if row["title"] == "Позвонить")
    assert pair.golden_id(f"{RIGHT}:{number}", "tasks") == pair.golden_id(f"{LEFT}:{there}", "tasks") == made.record
    alive = pair.rows("SELECT id FROM crm.tasks WHERE title = 'Позвонить' AND deleted_at IS NULL")
    assert [str(row["id"]) for row in alive] == [made.record]
    assert [str(row["new_id"]) for row in pair.rows("SELECT new_id FROM crm.golden_redirects")] == [made.record]
    assert [row["title"] for row in pair.right.records["tasks"].values()].count("Позвонить") == 1


def done(sides: TwoSides) -> list[bool]:
    """Return whether the two CRMs say the task made here is done."""
    rows = [row for server in (sides.left, sides.right) for row in server.records["tasks"].values()]
    return [bool(row["is_completed"]) for row in rows if row["title"] == "Позвонить"]


def test_a_read_only_connection_receives_nothing(sides: TwoSides) -> None:
    fill(sides.left, "left.example", phones=4)
    fill(sides.right, "right.example", phones=4)
    connections.set_direction(sides.parts.engine, RIGHT, "two_way")
    settle(sides)
    sides.right.put("contacts", 1, position="CTO")
    settle(sides)
    assert sides.left.writes.total() == 0
