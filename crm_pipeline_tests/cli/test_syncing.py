"""`sync`, `status`, `verify`, `reconcile`, `replay-quarantine`, `doctor`: the documents they print and what they do."""

import re
from typing import Any

import pytest

from crm_pipeline.model.entities import ENTITIES
from crm_pipeline_tests.cli.conftest import Office
from crm_pipeline_tests.cli.refusal import assert_refused
from crm_pipeline_tests.cli.terminal import at_terminal

pytestmark = pytest.mark.slow

COUNTS = ("read", "inserted", "updated", "unchanged", "deleted", "quarantined", "requests")
WRITES = re.compile(r"\.(add|update|delete|set|register|unregister|bind|unbind|complete|import|merge|move|clear)$")
CURSORS = "SELECT connection_id, entity, stream, watermark::text, walk_state::text FROM sync.cursors ORDER BY 1, 2, 3"


@pytest.fixture(scope="module")
def loaded(office: Office) -> Office:
    """Return the office with everything loaded once."""
    done = office.operator.ask("sync", "--mode", "initial")
    assert [(one["name"], one["crm"], one["status"]) for one in done["connections"]] == [
        ("amo", "amocrm", "ok"),
        ("portal", "bitrix24", "ok"),
    ]
    for one in done["connections"]:
        assert list(one["entities"]) == list(ENTITIES)
    return office


def test_sync_prints_the_agreed_document(loaded: Office) -> None:
    document = loaded.operator.ask("sync", "--connection", "amo")
    assert set(document) == {"connections"}
    (one,) = document["connections"]
    assert {"name", "crm", "status", "seconds", "entities"} <= set(one)
    for entity, done in one["entities"].items():
        assert {*COUNTS, "seconds", "cursor"} <= set(done), entity
        assert all(type(done[name]) is int for name in COUNTS), entity
        assert isinstance(done["seconds"], float | int)
        assert done["read"] == done["inserted"] + done["updated"] + done["unchanged"] + done["deleted"] + done["quarantined"]
    assert one["entities"]["contacts"]["cursor"].startswith("20")
    assert one["entities"]["contacts"]["requests"] > 0
    assert sum(done["inserted"] + done["updated"] for done in one["entities"].values()) == 0, "nothing had changed"


def test_entities_can_be_chosen(loaded: Office) -> None:
    (one,) = loaded.operator.ask("sync", "--connection", "portal", "--entity", "deals", "--entity", "users")["connections"]
    assert set(one["entities"]) == {"deals", "users"}


def test_a_window_reads_a_period_again_and_leaves_the_cursors(loaded: Office) -> None:
    ((number, connection_id, at),) = loaded.rows(
        """SELECT n.external_id, n.connection_id, n.remote_updated_at FROM source.contacts n
           JOIN sync.connections c ON c.id = n.connection_id WHERE c.name = 'amo' ORDER BY n.remote_updated_at LIMIT 1"""
    )
    for table in ("source.contact_points", "source.contacts", "raw.records"):
        loaded.write(f"DELETE FROM {table} WHERE connection_id = %(c)s AND external_id = %(id)s", c=connection_id, id=number)
    links = "DELETE FROM source.contact_companies WHERE connection_id = %(c)s AND contact_external_id = %(id)s"
    loaded.write(links, c=connection_id, id=number)
    before = loaded.rows(CURSORS)
    window = ("--mode", "window", "--since", f"{at:%Y-%m-%d}T00:00:00", "--until", f"{at:%Y-%m-%d}T23:59:59+00:00")
    (one,) = loaded.operator.ask("sync", "--connection", "amo", "--entity", "contacts", *window)["connections"]
    assert one["entities"]["contacts"]["inserted"] == 1
    assert loaded.rows(CURSORS) == before
    found = "SELECT count(*) FROM source.contacts WHERE connection_id = %(c)s AND external_id = %(id)s"
    assert loaded.rows(found, c=connection_id, id=number) == [(1,)]


def test_bars_on_a_terminal_and_nowhere_else(loaded: Office) -> None:
    code, shown = at_terminal(loaded.operator, "sync", "--connection", "amo")
    assert code == 0, shown
    assert "amo contacts" in shown and "rows/s" in shown
    piped = loaded.operator.run("sync", "--connection", "amo")
    assert piped.returncode == 0
    assert piped.stderr == ""
    assert "\x1b" not in piped.stdout
    assert "contacts" in piped.stdout


def test_status_is_a_document(loaded: Office) -> None:
    document = loaded.operator.ask("status")
    assert set(document) == {"entities", "waiting_to_reconcile", "open_reviews", "open_conflicts"}
    assert {(row["connection"], row["entity"]) for row in document["entities"]} == {
        (name, entity) for name in ("amo", "portal") for entity in ENTITIES
    }
    for row in document["entities"]:
        assert row["last_success_at"] and row["last_error"] is None
        assert {*COUNTS, "lag_seconds", "what_to_do", "in_quarantine"} <= set(row)
    assert "portal" in loaded.operator.do("status")


def test_verify_repairs_and_prints_the_same_document(loaded: Office) -> None:
    loaded.write("UPDATE source.companies SET name = 'spoilt'")
    loaded.write("UPDATE raw.records SET content_hash = decode('00', 'hex') WHERE entity = 'companies'")
    (one,) = loaded.operator.ask("verify", "--connection", "portal", "--entity", "companies")["connections"]
    assert one["status"] == "ok"
    assert one["entities"]["companies"]["updated"] > 0
    left = """SELECT count(*) FROM source.companies s JOIN sync.connections c ON c.id = s.connection_id
              WHERE c.name = 'portal' AND s.name = 'spoilt'"""
    assert loaded.rows(left) == [(0,)]


def test_reconcile_fills_the_golden_tables_again(loaded: Office) -> None:
    document = loaded.operator.ask("reconcile", "--full")
    assert set(document) == {"entities", "suggested"}
    done = {
        "queued",
        "inserted",
        "updated",
        "unchanged",
        "deleted",
        "matched",
        "parted",
        "merged",
        "reviews",
        "conflicts",
        "offered",
    }
    assert set(document["entities"]["contacts"]) == done


def test_what_is_readable_leaves_quarantine(loaded: Office) -> None:
    loaded.write(
        """INSERT INTO sync.quarantine (connection_id, entity, external_id, reason, payload)
           SELECT connection_id, entity, external_id, 'an older version could not read it', payload
           FROM raw.records r JOIN sync.connections c ON c.id = r.connection_id
           WHERE c.name = 'amo' AND entity = 'contacts' AND deleted_at IS NULL LIMIT 1"""
    )
    made = len(loaded.amocrm.journal.entries())
    document = loaded.operator.ask("replay-quarantine", "--connection", "amo")
    (one,) = document["connections"]
    assert (one["name"], one["entities"]["contacts"]["read"], one["entities"]["contacts"]["quarantined"]) == ("amo", 1, 0)
    assert loaded.rows("SELECT count(*) FROM sync.quarantine") == [(0,)]
    assert len(loaded.amocrm.journal.entries()) == made, "the CRM is not asked"


def test_the_doctor_is_content(loaded: Office) -> None:
    document = loaded.operator.ask("doctor")
    assert {finding["state"] for finding in document["findings"]} <= {"right", "note"}
    assert all(set(finding) == {"check", "state", "finding", "what_to_do"} for finding in document["findings"])
    assert {"encryption key", "database", "schema", "amo", "portal"} <= {finding["check"] for finding in document["findings"]}


def test_a_broken_connection_fails_alone_until_it_is_authorised_again(loaded: Office) -> None:
    loaded.bitrix24.access.revoke()
    loaded.amocrm.edit({"kind": "contacts", "id": _a_contact(loaded), "set": {"name": "Went on"}})
    done = loaded.operator.run("sync")
    assert_refused(done, 1, "portal: ", "crm-pipeline connect")
    reconciled = "SELECT count(*) FROM crm.value_origins WHERE field = 'name' AND 'Went on' IN (value, others ->> 'amo')"
    assert loaded.rows(reconciled) == [(1,)]
    connections = "SELECT status FROM sync.connections WHERE crm <> 'app' ORDER BY name"
    assert loaded.rows(connections) == [("active",), ("needs_consent",)]

    made = len(loaded.bitrix24.journal.entries())
    again = loaded.operator.run("sync", "--json")
    assert_refused(again, 1, "portal: ", "crm-pipeline connect")
    assert '"needs_consent"' in again.stdout and '"amo"' in again.stdout
    assert len(loaded.bitrix24.journal.entries()) == made, "who needs a person is not asked again and again"

    doctor = loaded.operator.run("doctor")
    assert_refused(doctor, 1, "rows that say wrong")
    assert "portal" in doctor.stdout and "crm-pipeline connect" in " ".join(doctor.stdout.split())
    lost = [row for row in loaded.operator.ask("status")["entities"] if row["last_error"]]
    assert {row["connection"] for row in lost} == {"portal"} and all(row["what_to_do"] for row in lost)

    loaded.operator.connect("portal", loaded.bitrix24)
    assert {one["status"] for one in loaded.operator.ask("sync")["connections"]} == {"ok"}
    assert loaded.operator.run("doctor").returncode == 0


def test_nothing_was_written_to_a_crm(loaded: Office) -> None:
    """Whatever the tests before had done: the journals hold reads only."""
    amo = {(entry["method"], entry["call"].split()[-1]) for entry in loaded.amocrm.journal.entries()}
    assert {path for method, path in amo if method != "GET"} == {"/oauth2/access_token"}
    asked = loaded.bitrix24.journal.entries()
    commands = [str(command) for entry in asked for command in _values(entry["params"].get("cmd", {}))]
    calls = {entry["call"] for entry in asked} | {command.partition("?")[0] for command in commands}
    assert "crm.item.list" in calls or "crm.contact.list" in calls
    assert {call for call in calls if WRITES.search(call.lower())} == set()


def _values(commands: Any) -> list[Any]:
    return list(commands.values()) if isinstance(commands, dict) else list(commands)


def _a_contact(office: Office) -> int:
    return office.amocrm.store.select("contacts", limit=1)[0][0]
