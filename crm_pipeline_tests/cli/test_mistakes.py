"""What a person gets wrong is answered with one sentence that says what to do, an exit code, and no traceback."""

import base64
import os

import pytest

from crm_pipeline_tests.cli.conftest import Office
from crm_pipeline_tests.cli.refusal import assert_refused
from crm_pipeline_tests.operator import Operator

OTHER_KEY = base64.b64encode(os.urandom(32)).decode()
NOBODY = "http://127.0.0.1:9"

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("sync --connection nobody", "Known: amo, portal."),
        ("sync --connection amo --entity invoices", "contacts"),
        ("sync --connection amo --mode sideways", "incremental"),
        ("sync --connection amo --mode window", "--since"),
        ("sync --connection amo --since 2026-03-01", "--mode window"),
        ("sync --connection amo --mode window --since yesterday", "2026-03-01"),
        ("sync --connection amo --mode window --since 2026-03-01 --until 2026-02-01", "later --until"),
        ("verify --connection nobody", "Known: amo, portal."),
        ("replay-quarantine --connection nobody", "Known: amo, portal."),
        ("connections pause nobody", "Known: amo, portal."),
        ("connections set amo interval=soon", "interval=SECONDS"),
        ("connections set amo colour=red", "interval=SECONDS"),
        ("connections set amo interval=0", "5 seconds or more"),
        ("connections set amo direction=sideways", "read_only"),
        ("connections set amo rate=-1", "rate=5"),
        ("connect amocrm --name new --base-url http://127.0.0.1:9", "--token"),
        ("connect bitrix24 --name new", "--webhook-url"),
        ("connect amocrm --name new --base-url http://127.0.0.1:9 --token -", "standard input"),
        ("sandbox --crm amocrm --data nowhere", "nowhere"),
        ("sandbox --crm amocrm --share 2", "0:0.6"),
        ("sandbox --crm amocrm --switch nonsense", "name=value"),
        ("sandbox --crm excel", "amocrm"),
        ("sandbox --crm amocrm --limits sometimes", "real"),
        ("sandbox --crm amocrm --switch nonsense=1", "nonsense"),
    ],
)
def test_words_that_are_off_end_with_2(office: Office, words: str, told: str) -> None:
    assert_refused(office.operator.run(*words.split()), 2, told)


@pytest.mark.parametrize(
    ("address", "code", "told"),
    [
        ("https://evil.example", 1, "CRM_ALLOWED_HOSTS"),
        ("http://acme.amocrm.ru", 1, "https"),
        ("https://amocrm.ru.evil.example", 1, "CRM_ALLOWED_HOSTS"),
        ("nonsense", 1, "address"),
        (NOBODY, 1, "does not answer"),
    ],
)
def test_an_address_that_is_not_the_crms(office: Office, address: str, code: int, told: str) -> None:
    done = office.operator.run("connect", "amocrm", "--name", "new", "--base-url", address, "--token", "-", given="t" * 40)
    assert_refused(done, code, told)


def test_a_wrong_token_is_told_and_leaves_nothing(office: Office) -> None:
    words = ("connect", "amocrm", "--name", "new", "--base-url", office.amocrm.url, "--token", "-")
    assert_refused(office.operator.run(*words, given="wrong-token-canary"), 1, "token")
    assert office.rows("SELECT name FROM sync.connections WHERE crm <> 'app' ORDER BY 1") == [("amo",), ("portal",)]


def test_a_wrong_code_is_told_and_leaves_nothing(office: Office) -> None:
    given = office.amocrm.credentials()
    words = ["connect", "amocrm", "--name", "new", "--base-url", office.amocrm.url, "--client-id", given["client_id"]]
    words += ["--redirect-uri", given["redirect_uri"], "--client-secret", "-", "--code", "-"]
    assert_refused(office.operator.run(*words, given=f"{given['client_secret']}\nwrong-code\n"), 1, "code")
    assert office.rows("SELECT name FROM sync.connections WHERE crm <> 'app' ORDER BY 1") == [("amo",), ("portal",)]


def test_a_wrong_webhook_is_told_and_leaves_nothing(office: Office) -> None:
    words = ("connect", "bitrix24", "--name", "new", "--webhook-url", "-")
    assert_refused(office.operator.run(*words, given=f"{office.bitrix24.url}/rest/1/wrongwrongwrong1/"), 1, "webhook")
    assert office.rows("SELECT name FROM sync.connections WHERE crm <> 'app' ORDER BY 1") == [("amo",), ("portal",)]


def test_a_name_is_taken_once_and_an_account_connected_once(office: Office) -> None:
    webhook, token = office.bitrix24.credentials()["webhook_url"], office.amocrm.credentials()["long_lived_token"]
    taken = office.operator.run("connect", "bitrix24", "--name", "amo", "--webhook-url", "-", given=webhook)
    assert_refused(taken, 2, "choose another")
    amo = ("connect", "amocrm", "--base-url", office.amocrm.url, "--token", "-", "--name")
    assert_refused(office.operator.run(*amo, "again", given=token), 2, "already connected as amo")
    assert_refused(office.operator.run(*amo, "Sales MSK", given=token), 2, "small letters")
    assert office.rows("SELECT name FROM sync.connections WHERE crm <> 'app' ORDER BY 1") == [("amo",), ("portal",)]


@pytest.mark.parametrize(
    ("setting", "value", "told"),
    [
        ("CRM_DATABASE_URL", "postgresql://nobody:pass-canary@127.0.0.1:9/crm", "CRM_DATABASE_URL"),
        ("CRM_DATABASE_URL", "mysql://nobody:pass-canary@127.0.0.1:9/crm", "CRM_DATABASE_URL"),
        ("CRM_ENCRYPTION_KEY", "", "python3 -c"),
        ("CRM_ENCRYPTION_KEY", "c2hvcnQ=", "python3 -c"),
        ("CRM_ENCRYPTION_KEY", OTHER_KEY, "CRM_ENCRYPTION_KEY"),
    ],
    ids=["down", "unreadable", "no-key", "weak-key", "wrong-key"],
)
def test_a_setting_that_is_wrong(office: Office, setting: str, value: str, told: str) -> None:
    done = office.operator.run("sync", "--connection", "amo", "--entity", "users", **{setting: value})
    assert_refused(done, 1, told)
    assert "pass-canary" not in done.stderr + done.stdout


def test_a_database_that_is_not_migrated_says_migrate(empty_database_url: str, encryption_key: str) -> None:
    newcomer = Operator(empty_database_url, encryption_key)
    assert_refused(newcomer.run("status"), 1, "crm-pipeline migrate")
    assert newcomer.ask("migrate")["applied"]
    assert newcomer.ask("migrate")["applied"] == []
    assert newcomer.ask("connections") == {"connections": []}
    assert_refused(newcomer.run("sync"), 2, "crm-pipeline connect")


def test_a_portal_that_is_down_fails_alone(office: Office) -> None:
    office.write("UPDATE sync.connections SET base_url = %(gone)s WHERE name = 'portal'", gone=NOBODY)
    try:
        done = office.operator.run("connections", "test", "portal")
    finally:
        office.write("UPDATE sync.connections SET base_url = %(back)s WHERE name = 'portal'", back=office.bitrix24.url)
    assert_refused(done, 1, "does not answer")
