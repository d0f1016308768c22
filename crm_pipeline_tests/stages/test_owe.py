"""What two-way connections are owed: offered once, taken over, and then nothing is owed any more and nobody's edit is lost.

Everything of the drain but HTTP: changes are claimed, translated, settled and kept as the drain does it, and the CRM "confirms"
whatever it is sent.
"""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from crm_pipeline.database import bases, outgoing
from crm_pipeline.database.landing import Landing, speller
from crm_pipeline.model.records import MappingContext, SourceRecord
from crm_pipeline.model.writing import Outcome
from crm_pipeline.stages.consider import Bench, look_up
from crm_pipeline.stages.direct import direct
from crm_pipeline.stages.reconcile import reconcile
from crm_pipeline.stages.settle import Ledger as Book
from crm_pipeline.stages.settle import Tally
from crm_pipeline_tests.connectors.tinycrm import CONNECTOR
from crm_pipeline_tests.stages.ledger import START, Ledger, empty
from crm_pipeline_tests.two_sides import LEFT, TwoSides, fill

TABLES = (
    "crm.contacts", "crm.deals", "crm.stages", "crm.pipelines", "crm.companies", "crm.tasks", "crm.users", "crm.contact_points",
    "crm.crosswalk", "crm.golden_redirects", "crm.deal_contacts", "crm.deal_stage_history", "sync.conflicts", "sync.bases",
    "sync.match_reviews", "sync.match_decisions", "sync.reconcile_queue", "sync.golden_queue", "sync.suggestion_queue",
    "sync.resemblance_blocks", "sync.match_keys", "sync.outgoing_changes", "sync.outgoing_attempts", "sync.operations",
    "sync.operation_changes", "sync.missing_references", "source.contacts", "source.contact_points", "source.deals",
    "source.deal_contacts", "source.contact_companies", "source.stages", "source.pipelines", "source.companies", "source.tasks",
    "source.users", "source.field_changes", "raw.records",
)  # fmt: skip
ONE, TWO, QUIET = "amo-1", "portal-1", "amo-2"
"""Two connections that are written to, and one that is only read."""


class Accounts(Ledger):
    """Accounts of which some are written to; whatever is sent is confirmed."""

    def open_two_way(self, *names: str) -> "Accounts":
        """Open the accounts; these are written to."""
        self.open_accounts()
        self.connectors = {"amocrm": CONNECTOR, "bitrix24": CONNECTOR}
        with self.engine.begin() as db:
            db.exec_driver_sql("UPDATE sync.connections SET direction = 'two_way' WHERE name = ANY(%s)", (list(names),))
            found = db.exec_driver_sql("SELECT id FROM sync.connections WHERE name = 'app'")
            self.ids["app"] = found.scalar_one()
        return self

    def edit(self, ref: tuple[str, str], **values: Any) -> None:
        """Have a person change some values of a contact, over what the CRM holds of it now."""
        self.clock += timedelta(minutes=1)
        now = {**self.held(ref), **values}
        said = [("email", "anna@firm.ru"), *(("phone", phone) for phone in now["phones"])]
        points = tuple(
            {"kind": kind, "value": value, "original": value, "is_primary": at < 2, "position": at}
            for at, (kind, value) in enumerate(said)
        )
        columns = {"name": "Анна Ким", "position": now["position"], "tags": list(now["tags"])}
        record = SourceRecord("contacts", ref[1], columns, START, self.clock, children={"contact_points": points})
        with self.engine.begin() as db:
            Landing(self.ids[ref[0]]).save_changed(db, "contacts", [speller(self.ids[ref[0]], "contacts").spell(record)])
            Landing(self.ids[ref[0]]).owe_reconciling(db, "contacts", [ref[1]])

    def held(self, ref: tuple[str, str]) -> dict[str, Any]:
        """Return what the CRM holds of a contact."""
        found = self.rows(
            "SELECT position, tags, ARRAY(SELECT value FROM source.contact_points p WHERE p.connection_id = s.connection_id"
            " AND p.external_id = s.external_id AND kind = 'phone' ORDER BY position)"
            " FROM source.contacts s WHERE connection_id = %s AND external_id = %s", self.ids[ref[0]], ref[1],
        )  # fmt: skip
        return dict(zip(("position", "tags", "phones"), found[0] if found else (None, [], []), strict=True))

    def golden(self) -> dict[str, Any]:
        """Return the one golden contact."""
        (row,) = self.rows(
            "SELECT position, tags, ARRAY(SELECT value FROM crm.contact_points p WHERE p.golden_id = g.id AND kind = 'phone'"
            " ORDER BY value), id::text FROM crm.contacts g"
        )
        return dict(zip(("position", "tags", "phones", "id"), row, strict=True))

    def app_says(self, position: str) -> None:
        """Have the app edit the position."""
        self.clock += timedelta(minutes=1)
        golden_id = self.golden()["id"]
        with self.engine.begin() as db:
            bases.stand(db, "contacts", golden_id, ["position"])
            db.exec_driver_sql(
                "INSERT INTO source.field_changes (connection_id, entity, external_id, field, new_value, changed_at)"
                " VALUES (%s, 'contacts', %s, 'position', to_jsonb(%s::text), %s)",
                (self.ids["app"], golden_id, position, self.clock),
            )
            db.exec_driver_sql(
                "INSERT INTO source.contacts"
                " (connection_id, external_id, golden_id, position, remote_updated_at, originator_id, origin_id)"
                " VALUES (%s, %s, %s, %s, %s, 'crm_pipeline', %s)"
                " ON CONFLICT (connection_id, external_id) DO UPDATE SET position = EXCLUDED.position",
                (self.ids["app"], golden_id, golden_id, position, self.clock, golden_id),
            )
            db.exec_driver_sql(
                "INSERT INTO crm.crosswalk (golden_id, entity, connection_id, external_id, rule)"
                " VALUES (%s, 'contacts', %s, %s, 'marker') ON CONFLICT DO NOTHING", (golden_id, self.ids["app"], golden_id),
            )  # fmt: skip
            Landing(self.ids["app"]).owe_reconciling(db, "contacts", [golden_id])

    def pending(self, entity: str | None = None) -> list[tuple[str, str, dict[str, Any]]]:
        """Return what waits to be sent: connection, operation, fields."""
        return self.rows(
            "SELECT c.name, o.operation, o.fields FROM sync.outgoing_changes o JOIN sync.connections c ON c.id = o.connection_id"
            " WHERE o.state = 'pending' AND COALESCE(%s, o.entity) = o.entity ORDER BY o.id", entity,
        )  # fmt: skip

    def claim(self, name: str) -> list[outgoing.Change]:
        """Claim what waits for a connection."""
        with self.engine.begin() as db:
            return outgoing.claim(db, self.ids[name], "test", 100)

    def send(self, name: str, changes: list[outgoing.Change], *, between: Any = None) -> None:
        """Send claimed changes; `between` happens once they are on their way."""
        for entity in dict.fromkeys(change.entity for change in changes):
            bench = Bench(self.ids[name], entity, CONNECTOR, MappingContext(self.ids[name]), 0.0)
            book = Book(self.engine, self.ids[name], name, entity, Tally(), None)
            of_entity = [change for change in changes if change.entity == entity]
            book.take(of_entity)
            with self.engine.begin() as db:
                verdicts = look_up(db, bench, of_entity)
            cases = book.mark_sent(book.act_on(verdicts))
            if between:
                between()
            self.clock += timedelta(minutes=1)
            book.write_down(cases, [
                Outcome(str(case.change.id), "applied", case.external_id or f"9{case.change.id}", self.clock) for case in cases
            ])  # fmt: skip

    def calm(self) -> int:
        """Reconcile and drain until nothing waits; return the rounds that took."""
        for round_ in range(1, 8):
            reconcile(self)
            waiting = {name: self.claim(name) for name in self.ids}
            if not any(waiting.values()):
                return round_
            for name, changes in waiting.items():
                self.send(name, changes)
        raise AssertionError(f"writing does not stop: {self.pending()}")


def fresh(engine: Engine, *two_way: str) -> Accounts:
    """Return accounts with nothing in them."""
    with engine.begin() as db:
        empty(db, TABLES)
        db.exec_driver_sql("DELETE FROM sync.connections WHERE crm <> 'app'")
    return Accounts(engine).open_two_way(*two_way)


@pytest.fixture
def accounts(module_engine: Engine) -> Iterator[Accounts]:
    """Yield accounts that all know one contact."""
    made = fresh(module_engine, ONE, TWO)
    for name in (ONE, TWO, QUIET):
        made.edit((name, "1"), position="clerk", phones=["+79160000001"])
    reconcile(made)
    assert made.pending() == []
    yield made


def test_a_change_is_owed_to_the_others_once(accounts: Accounts) -> None:
    accounts.edit((ONE, "1"), position="head")
    reconcile(accounts)
    assert accounts.pending() == [(TWO, "update", {"position": "head"})]
    reconcile(accounts, full=True)
    assert accounts.pending() == [(TWO, "update", {"position": "head"})], "owing twice offers nothing new"
    accounts.calm()
    assert accounts.held((TWO, "1"))["position"] == "head"
    assert accounts.held((QUIET, "1"))["position"] == "clerk", "what is only read is left alone"
    assert accounts.golden()["position"] == "head"
    reconcile(accounts, full=True)
    assert accounts.pending() == []


def test_a_link_to_what_we_do_not_know_is_left_alone(accounts: Accounts) -> None:
    """A company that was not read or lies in quarantine, a user long gone: golden has nothing there, which clears nothing."""
    accounts.edit((TWO, "1"), company_external_id="4711", owner_external_id="12")
    accounts.edit((ONE, "1"), position="head")
    reconcile(accounts)
    assert accounts.golden().get("company_id") is None
    assert accounts.pending() == [(TWO, "update", {"position": "head"})]


def test_what_is_not_owed_any_more_is_withdrawn(accounts: Accounts) -> None:
    accounts.edit((ONE, "1"), position="head")
    reconcile(accounts)
    accounts.edit((ONE, "1"), position="clerk")
    reconcile(accounts)
    assert accounts.pending() == []


def test_a_change_taken_back_after_it_was_written_elsewhere_is_a_change(accounts: Accounts) -> None:
    accounts.edit((ONE, "1"), position="head")
    accounts.calm()
    accounts.edit((ONE, "1"), position="clerk")
    accounts.calm()
    assert accounts.golden()["position"] == accounts.held((TWO, "1"))["position"] == "clerk"


def test_a_change_taken_back_while_it_was_on_its_way_is_a_change(accounts: Accounts) -> None:
    accounts.edit((ONE, "1"), position="head")
    reconcile(accounts)
    accounts.send(TWO, accounts.claim(TWO), between=lambda: accounts.edit((ONE, "1"), position="clerk"))
    accounts.calm()
    assert accounts.golden()["position"] == accounts.held((TWO, "1"))["position"] == "clerk"


def test_a_side_that_is_only_read_is_heard_again_when_it_changes(accounts: Accounts) -> None:
    accounts.edit((ONE, "1"), position="head")
    accounts.calm()
    accounts.edit((QUIET, "1"), position="chief")
    accounts.calm()
    assert accounts.held((ONE, "1"))["position"] == accounts.held((TWO, "1"))["position"] == "chief"
    accounts.edit((ONE, "1"), position="head")
    accounts.calm()
    accounts.edit((QUIET, "1"), position="clerk")
    accounts.calm()
    assert accounts.golden()["position"] == "clerk"


def test_what_the_app_says_reaches_every_connection_and_is_no_conflict(accounts: Accounts) -> None:
    accounts.edit((QUIET, "1"), position="chief")
    accounts.calm()
    accounts.app_says("director")
    accounts.calm()
    assert [accounts.held((name, "1"))["position"] for name in (ONE, TWO, QUIET)] == ["director", "director", "chief"]
    assert accounts.rows("SELECT * FROM sync.conflicts") == []
    accounts.edit((TWO, "1"), position="retired")
    accounts.calm()
    assert accounts.golden()["position"] == accounts.held((ONE, "1"))["position"] == "retired"


def test_a_phone_taken_off_in_one_crm_is_gone_until_somebody_enters_it_again(accounts: Accounts) -> None:
    accounts.edit((ONE, "1"), phones=[])
    accounts.calm()
    assert accounts.golden()["phones"] == accounts.held((TWO, "1"))["phones"] == []
    assert accounts.held((QUIET, "1"))["phones"] == ["+79160000001"]
    accounts.edit((TWO, "1"), phones=["+79160000001"])
    accounts.calm()
    assert accounts.golden()["phones"] == accounts.held((ONE, "1"))["phones"] == ["+79160000001"]


def test_a_phone_taken_off_stays_away_when_the_app_joins_meanwhile(accounts: Accounts) -> None:
    accounts.edit((ONE, "1"), phones=[])
    accounts.app_says("head")
    accounts.calm()
    assert accounts.golden()["phones"] == accounts.held((TWO, "1"))["phones"] == []


def test_a_deleted_record_takes_no_phone_with_it(accounts: Accounts) -> None:
    accounts.edit((ONE, "1"), phones=["+79160000001", "+79160000002"])
    accounts.calm()
    with accounts.engine.begin() as db:
        landing = Landing(accounts.ids[ONE])
        landing.owe_reconciling(db, "contacts", landing.bury(db, "contacts", [("1", accounts.clock)]))
    accounts.calm()
    assert accounts.golden()["phones"] == ["+79160000001", "+79160000002"]


def test_a_tag_taken_off_does_not_come_back_from_a_side_that_is_only_read(accounts: Accounts) -> None:
    for name in (ONE, TWO, QUIET):
        accounts.edit((name, "1"), tags=["old", "vip"])
    accounts.calm()
    accounts.edit((ONE, "1"), tags=["vip"])
    accounts.calm()
    assert accounts.golden()["tags"] == accounts.held((TWO, "1"))["tags"] == ["vip"]
    reconcile(accounts, full=True)
    assert accounts.golden()["tags"] == ["vip"]
    accounts.edit((QUIET, "1"), tags=["old", "vip", "new"])
    accounts.calm()
    assert sorted(accounts.golden()["tags"]) == sorted(accounts.held((TWO, "1"))["tags"]) == ["new", "vip"]


EDITS = st.one_of(
    st.tuples(st.sampled_from([ONE, TWO, QUIET]), st.just("position"), st.sampled_from(["clerk", "head", "chief"])),
    st.tuples(st.sampled_from([ONE, TWO, QUIET]), st.just("phones"), st.sampled_from([[], ["+79160000001"], ["+79160000002"]])),
    st.tuples(st.just("app"), st.just("position"), st.sampled_from(["clerk", "head", "chief"])),
    st.just("reconcile"), st.just("drain"),
)  # fmt: skip


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(st.lists(EDITS, min_size=2, max_size=9))
def test_sides_agree_in_the_end_and_nobodys_last_edit_is_lost(module_engine: Engine, script: list[Any]) -> None:
    accounts = fresh(module_engine, ONE, TWO)
    for name in (ONE, TWO, QUIET):
        accounts.edit((name, "1"), position="clerk", phones=["+79160000001"])
    reconcile(accounts)
    expected: dict[str, Any] = {"position": "clerk", "+79160000001": True}
    for step in script:
        play(accounts, step, expected)
    accounts.calm()
    golden = accounts.golden()
    assert golden["position"] == expected.pop("position")
    assert golden["phones"] == sorted(phone for phone, is_there in expected.items() if is_there)
    for name in (ONE, TWO):
        held = accounts.held((name, "1"))
        assert (held["position"], sorted(held["phones"])) == (golden["position"], golden["phones"])
    reconcile(accounts, full=True)
    assert accounts.pending() == []


def play(accounts: Accounts, step: Any, expected: dict[str, Any]) -> None:
    """Do one step, and note what everybody should come to say."""
    if step == "reconcile":
        reconcile(accounts)
    elif step == "drain":
        for name in (ONE, TWO):
            accounts.send(name, accounts.claim(name))
    elif step[0] == "app":
        accounts.app_says(step[2])
        expected["position"] = step[2]
        reconcile(accounts)
    else:
        name, field, value = step
        before = accounts.held((name, "1"))
        accounts.edit((name, "1"), **{field: value})
        if field == "position" and before["position"] != value:
            expected["position"] = value
        elif field == "phones":
            expected |= {
                phone: phone in value for phone in {*before["phones"], *value} if (phone in value) != (phone in before["phones"])
            }


def test_who_switches_writing_on_is_told_what_comes(sides: TwoSides) -> None:
    fill(sides.left, "left.example", phones=1)
    sides.load()
    told = direct(sides.parts, LEFT, "two_way")
    assert told is not None and told.startswith("7 records will be compared at the next reconcile")
    assert sides.rows("SELECT count(*) AS waiting FROM sync.golden_queue") == [{"waiting": 7}]
    assert sides.rows("SELECT subject, detail FROM sync.audit_log WHERE action = 'connection.set_direction'") == [
        {"subject": LEFT, "detail": {"direction": "two_way"}}
    ]
    sides.load()
    assert sides.rows("SELECT * FROM sync.outgoing_changes") == []
