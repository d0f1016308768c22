"""Undoing: the inverse of what was applied is queued once, and what cannot be undone is told with a reason."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine

from crm_pipeline.database import outgoing
from crm_pipeline.database.outgoing import NewChange, Settlement
from crm_pipeline.database.undoing import Which
from crm_pipeline.errors import UsageError
from crm_pipeline.model.undoing import BETWEEN, CREATED, UNDONE, UNKNOWN
from crm_pipeline.stages.undo import Undone, undo
from crm_pipeline_tests.stages.ledger import Ledger

LONG_AGO = Which(datetime(2026, 1, 1, tzinfo=UTC))
AMO, PORTAL = ("amo-1", "1"), ("portal-1", "1")


class Office(Ledger):
    """Accounts with a queue that changes were applied from."""

    def apply(self, ref: tuple[str, str], written: dict[str, Any], overwrote: Any, operation: str = "update", **more: Any) -> int:
        """Have a change of a contact applied, and its record hold it; return its id."""
        change = NewChange(
            self.ids[ref[0]], more.pop("entity", "contacts"), self.golden_id(ref), operation, more.pop("fields", written),
            external_id=ref[1], **more,
        )  # fmt: skip
        with self.engine.begin() as db:
            (number,) = outgoing.enqueue(db, [change])
            (held,) = outgoing.claim(db, self.ids[ref[0]], "me", 10)
            outgoing.settle(db, [Settlement(held.id, held.fence, "applied", ref[1], written, overwrote)])
        return number

    def golden_id(self, ref: tuple[str, str]) -> str:
        """Return the golden id of a contact, as its source record or its crosswalk has it."""
        ((found,),) = self.rows(
            """SELECT COALESCE((SELECT golden_id FROM crm.crosswalk
                                WHERE entity = 'contacts' AND connection_id = %s AND external_id = %s), md5(%s)::uuid)::text""",
            self.ids[ref[0]], ref[1], f"{ref}",
        )  # fmt: skip
        return found

    def queued(self) -> list[Any]:
        """Return the changes that wait, in the order they are sent."""
        return self.rows(
            """SELECT k.name, c.operation, c.fields, c.requires, c.idempotency_key, c.lane, c.external_id
               FROM sync.outgoing_changes c JOIN sync.connections k ON k.id = c.connection_id
               WHERE c.state = 'pending' ORDER BY c.id"""
        )

    def write(self, statement: str, *values: Any) -> None:
        with self.engine.begin() as db:
            db.exec_driver_sql(statement, values)


@pytest.fixture
def office(database: Engine) -> Office:
    """Return six two-way accounts, a contact in two of them."""
    office = Office(database)
    office.open_accounts()
    office.write("UPDATE sync.connections SET direction = 'two_way' WHERE crm <> 'app'")
    for ref in (AMO, PORTAL):
        office.put(ref, name="Анна Смирнова", position="chief")
    return office


def reasons(done: Undone) -> dict[str, int]:
    return {one["reason"]: one["changes"] for one in done.left}


def test_the_inverse_is_queued_once(office: Office) -> None:
    change = office.apply(AMO, {"position": "chief"}, {"position": "head"})
    done = undo(office, LONG_AGO, who="anna", reason="wrong file")
    assert (done.changes, done.queued) == (1, 1)
    told = {"connection": "amo-1", "entity": "contacts", "operation": "update"}
    assert done.counts == [{**told, "inverses": 1, "changes": 1, "holds": 1, "partly": 0, "changed": 0, "gone": 0}]
    key = f"undo:{change}"
    assert office.queued() == [("amo-1", "update", {"position": "head"}, {"position": "chief"}, key, "bulk", "1")]
    again = undo(office, LONG_AGO)
    assert (again.queued, reasons(again)) == (0, {UNDONE: 1})
    assert len(office.queued()) == 1
    told = office.rows("SELECT actor, action, subject, detail FROM sync.audit_log WHERE action = 'undo' ORDER BY id")
    assert [row[:3] for row in told] == [("anna", "undo", "1 changes"), (told[1][0], "undo", "0 changes")]
    assert told[0][3] == {
        "filter": {"since": "2026-01-01T00:00:00+00:00"}, "changes": 1, "queued": 1, "left": {}, "reason": "wrong file",
    }  # fmt: skip


def test_a_dry_run_queues_nothing_and_tells_what_would_be_left(office: Office) -> None:
    office.apply(AMO, {"position": "chief"}, {"position": "head"})
    office.apply(PORTAL, {"position": "boss"}, {"position": "head"})
    gone = ("amo-1", "7")
    office.apply(gone, {"position": "x"}, {"position": "y"})
    count = "SELECT (SELECT count(*) FROM sync.outgoing_changes), (SELECT count(*) FROM sync.audit_log)"
    before = office.rows(count)
    done = undo(office, LONG_AGO, dry_run=True)
    assert {row["external_id"] + "@" + row["connection"]: row["now"] for row in done.rows} == {
        "1@amo-1": "holds", "1@portal-1": "changed", "7@amo-1": "gone"
    }  # fmt: skip
    assert done.rows[-1]["fields"] == {"position": {"from": "chief", "to": "head"}}, "the newest comes first"
    assert office.rows(count) == before


def test_of_several_writes_one_inverse_goes_back_to_the_oldest_value(office: Office) -> None:
    first = office.apply(AMO, {"position": "head", "name": "Анна"}, {"position": "clerk", "name": "А."})
    second = office.apply(AMO, {"position": "chief"}, {"position": "head"})
    done = undo(office, LONG_AGO)
    assert [row[2:5] for row in office.queued()] == [
        ({"position": "clerk"}, {"position": "chief"}, f"undo:{second}"), ({"name": "А."}, {"name": "Анна"}, f"undo:{first}"),
    ]  # fmt: skip
    assert (done.counts[0]["inverses"], done.counts[0]["changes"]) == (2, 2)
    assert undo(office, LONG_AGO).queued == 0


def test_an_older_write_undone_along_with_a_newer_is_not_undone_again(office: Office) -> None:
    office.apply(AMO, {"position": "head"}, {"position": "clerk"})
    office.apply(AMO, {"position": "chief"}, {"position": "head"})
    assert undo(office, LONG_AGO).queued == 1
    again = undo(office, LONG_AGO)
    assert (again.queued, reasons(again)) == (0, {UNDONE: 2})


def test_the_older_write_is_undone_after_the_newer(office: Office) -> None:
    first = office.apply(AMO, {"position": "head"}, {"position": "clerk"}, origin="op:1")
    second = office.apply(AMO, {"position": "chief"}, {"position": "head"}, origin="op:2")
    undo(office, Which(LONG_AGO.since, origin="op:2"))
    done = undo(office, LONG_AGO)
    assert (done.queued, reasons(done)) == (1, {UNDONE: 1})
    assert [row[2:5] for row in office.queued()] == [
        ({"position": "head"}, {"position": "chief"}, f"undo:{second}"),
        ({"position": "clerk"}, {"position": "head"}, f"undo:{first}"),
    ]  # fmt: skip


def test_what_cannot_be_undone_is_told(office: Office) -> None:
    office.apply(AMO, {"name": "Анна"}, {}, "create")
    office.apply(PORTAL, {"name": "Анна"}, None)
    office.apply(PORTAL, {"position": "a"}, {"position": "b"})
    office.apply(PORTAL, {"position": "c"}, {"position": "x"})
    done = undo(office, LONG_AGO)
    assert reasons(done) == {CREATED: 1, UNKNOWN: 1, BETWEEN: 1}
    assert "delete them in the CRM itself" in next(one["sentence"] for one in done.left if one["reason"] == CREATED)
    assert [row[2] for row in office.queued()] == [{"position": "x"}]


def test_tasks_are_reopened_and_links_parted(office: Office) -> None:
    office.apply(AMO, {"is_completed": True}, {"is_completed": False}, "complete", entity="tasks")
    office.apply(AMO, {}, {}, "link", entity="deals", fields={"contacts": ["g-1"]})
    undo(office, LONG_AGO)
    assert [row[1:4] for row in office.queued()] == [
        ("unlink", {"contacts": ["g-1"]}, None), ("reopen", {"is_completed": False}, {"is_completed": True}),
    ]  # fmt: skip
    assert undo(office, LONG_AGO).queued == 0


def test_amounts_and_times_are_compared_as_what_they_are(office: Office) -> None:
    deal = ("amo-1", "5")
    office.land("deals", deal, title="x", amount="100.50")
    office.apply(deal, {"amount": "100.5"}, {"amount": "90"}, entity="deals")
    task = ("portal-1", "6")
    office.land("tasks", task, title="x", due_at=datetime(2026, 3, 1, 9, tzinfo=UTC), is_completed=False)
    office.apply(task, {"due_at": "2026-03-01T12:00:00+03:00"}, {"due_at": None}, entity="tasks")
    assert [row["now"] for row in undo(office, LONG_AGO, dry_run=True).rows] == ["holds", "holds"]


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({"connection": "amo-1"}, {"amo-1"}),
        ({"entity": "deals"}, set()),
        ({"origin": "op:7"}, {"portal-1"}),
        ({"origin": "op:*"}, {"portal-1"}),
        ({"origin": "op%"}, set()),
        ({"origin": "reconcile"}, {"amo-1"}),
        ({"until": datetime(2026, 2, 1, tzinfo=UTC)}, set()),
        ({"since": datetime(2100, 1, 1, tzinfo=UTC)}, set()),
    ],
)
def test_only_what_fits_is_undone(office: Office, asked: dict[str, Any], found: set[str]) -> None:
    office.apply(AMO, {"position": "chief"}, {"position": "head"})
    office.apply(PORTAL, {"position": "chief"}, {"position": "head"}, origin="op:7")
    undo(office, Which(**{"since": LONG_AGO.since, **asked}))
    assert {row[0] for row in office.queued()} == found


def test_what_waits_for_a_connection_that_is_not_written_to_is_told(office: Office) -> None:
    office.apply(AMO, {"position": "chief"}, {"position": "head"})
    office.write("UPDATE sync.connections SET direction = 'read_only' WHERE name = 'amo-1'")
    assert undo(office, LONG_AGO, dry_run=True).waiting == ["amo-1"]
    office.write("UPDATE sync.connections SET status = 'removed' WHERE name = 'amo-1'")
    done = undo(office, LONG_AGO)
    assert (done.queued, reasons(done), office.queued()) == (0, {"removed": 1}, [])


def test_what_makes_no_sense_is_refused(office: Office) -> None:
    for which, words in (
        (Which(LONG_AGO.since, LONG_AGO.since - timedelta(1)), "no time in between"),
        (Which(LONG_AGO.since, connection="nobody"), "nobody"),
        (Which(LONG_AGO.since, entity="invoices"), "contacts"),
    ):
        with pytest.raises(UsageError, match=words):
            undo(office, which)
