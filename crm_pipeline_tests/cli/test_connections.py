"""`connections`: list, pause, resume, set, test, remove do what they say."""

import pytest

from crm_pipeline_tests.cli.conftest import Office
from crm_pipeline_tests.cli.refusal import assert_refused

pytestmark = pytest.mark.slow

SHOWN = {
    "name", "crm", "base_url", "status", "direction", "interval_seconds", "next_due_at", "status_reason", "account", "warnings",
}  # fmt: skip


def shown(office: Office, name: str) -> dict[str, object]:
    """Return a connection as `connections --json` shows it."""
    found: dict[str, object] = next(row for row in office.operator.ask("connections")["connections"] if row["name"] == name)
    return found


def test_the_list_is_a_document(office: Office) -> None:
    found = office.operator.ask("connections")["connections"]
    assert [(row["name"], row["crm"], row["status"]) for row in found] == [
        ("amo", "amocrm", "active"),
        ("portal", "bitrix24", "active"),
    ]
    assert all(set(row) == SHOWN for row in found)
    assert "amo" in office.operator.do("connections")


def test_paused_means_not_synced_until_resumed(office: Office) -> None:
    office.operator.do("connections", "pause", "portal")
    assert shown(office, "portal")["status"] == "paused"
    made = len(office.bitrix24.journal.entries())
    assert_refused(office.operator.run("sync", "--connection", "portal"), 2, "crm-pipeline connections resume portal")
    all_of_them = office.operator.ask("sync", "--entity", "users")
    assert [one["name"] for one in all_of_them["connections"]] == ["amo"]
    assert len(office.bitrix24.journal.entries()) == made, "a paused connection is not asked anything"
    office.operator.do("connections", "resume", "portal")
    assert shown(office, "portal")["status"] == "active"
    all_of_them = office.operator.ask("sync", "--entity", "users")
    assert [one["name"] for one in all_of_them["connections"]] == ["amo", "portal"]


def test_settings_are_kept(office: Office) -> None:
    office.operator.do("connections", "set", "amo", "interval=61", "direction=two_way", "rate=5", "burst=6")
    assert (shown(office, "amo")["interval_seconds"], shown(office, "amo")["direction"]) == (61, "two_way")
    kept = "SELECT requests_per_second, request_burst FROM sync.connections WHERE name = 'amo'"
    assert office.rows(kept) == [(5.0, 6)]


def test_test_asks_the_crm(office: Office) -> None:
    made = len(office.amocrm.journal.entries())
    said = office.operator.ask("connections", "test", "amo")
    assert set(said) == {"name", "account", "base_url", "facts", "warnings"}
    assert said["base_url"] == office.amocrm.url
    assert len(office.amocrm.journal.entries()) > made
    assert office.operator.do("connections", "test", "amo").startswith("amo works: ")


def test_removed_means_no_secrets_data_stays_and_the_name_stays_taken(office: Office) -> None:
    office.operator.do("sync", "--connection", "portal", "--entity", "users")
    office.operator.do("connections", "remove", "portal")
    assert [row["name"] for row in office.operator.ask("connections")["connections"]] == ["amo"]
    assert office.rows("SELECT status, secrets FROM sync.connections WHERE name = 'portal'") == [("removed", None)]
    users = "SELECT count(*) > 0 FROM source.users u JOIN sync.connections c ON c.id = u.connection_id WHERE c.name = 'portal'"
    assert office.rows(users) == [(True,)]
    for words in (("sync", "--connection", "portal"), ("connections", "resume", "portal"), ("connections", "test", "portal")):
        assert_refused(office.operator.run(*words), 2 if "test" not in words else 1, "onnect")
    token = office.amocrm.credentials()["long_lived_token"]
    other = office.operator.run(
        "connect", "amocrm", "--name", "portal", "--base-url", office.amocrm.url, "--token", "-", given=token
    )
    assert_refused(other, 2, "choose another")
    office.operator.connect("portal", office.bitrix24)
    assert shown(office, "portal")["status"] == "active"
