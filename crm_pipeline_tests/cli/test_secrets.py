"""Secrets come in through standard input or the environment, are never shown, and stand in no process list."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from tenacity import retry, retry_if_result, stop_after_delay, wait_fixed

from crm_pipeline_tests.cli.conftest import Office
from crm_pipeline_tests.cli.terminal import at_terminal

pytestmark = pytest.mark.slow


def connect_amo(office: Office, *more: str) -> tuple[str, ...]:
    """Return the words that authorise `amo` again."""
    return ("connect", "amocrm", "--name", "amo", "--base-url", office.amocrm.url, *more)


def stored(office: Office, name: str) -> bytes:
    """Return what the database keeps of a connection's secrets."""
    ((sealed,),) = office.rows("SELECT secrets FROM sync.connections WHERE name = %(name)s", name=name)
    return bytes(sealed)


def test_a_token_from_standard_input(office: Office) -> None:
    token, before = office.amocrm.credentials()["long_lived_token"], stored(office, "amo")
    done = office.operator.run(*connect_amo(office, "--token", "-"), given=f"{token}\n")
    assert done.returncode == 0, done.stderr
    assert token not in done.stdout + done.stderr
    assert stored(office, "amo") != before
    assert token.encode() not in stored(office, "amo")


def test_two_secrets_from_standard_input_in_the_order_of_the_options(office: Office) -> None:
    given = office.amocrm.credentials()
    words = connect_amo(
        office,
        *("--client-id", given["client_id"], "--redirect-uri", given["redirect_uri"]),
        *("--client-secret", "-", "--code", "-"),
    )
    done = office.operator.run(*words, given=f"{given['client_secret']}\n{given['code']}\n")
    assert done.returncode == 0, done.stderr
    assert not [secret for secret in (given["client_secret"], given["code"]) if secret in done.stdout + done.stderr]


def test_a_token_from_the_environment(office: Office) -> None:
    token = office.amocrm.credentials()["long_lived_token"]
    done = office.operator.run(*connect_amo(office), CRM_TOKEN=token)
    assert done.returncode == 0, done.stderr
    assert token not in done.stdout + done.stderr


def test_a_webhook_from_the_environment(office: Office) -> None:
    address = office.bitrix24.credentials()["webhook_url"]
    done = office.operator.run("connect", "bitrix24", "--name", "hook", CRM_WEBHOOK_URL=address)
    assert done.returncode == 0, done.stderr
    secret = address.rstrip("/").rsplit("/", 1)[1]
    assert secret not in done.stdout + done.stderr
    shown = office.operator.do("connections", "--json") + office.operator.do("connections", "test", "hook", "--json")
    assert secret not in shown


def test_help_does_not_show_a_secret_of_the_environment(office: Office) -> None:
    done = office.operator.run("connect", "amocrm", "--help", CRM_TOKEN="canary-token", CRM_CLIENT_SECRET="canary-secret")
    assert done.returncode == 0
    assert "canary" not in done.stdout + done.stderr


def test_what_is_typed_on_a_terminal_is_not_echoed(office: Office) -> None:
    token = office.amocrm.credentials()["long_lived_token"]
    code, shown = at_terminal(office.operator, *connect_amo(office, "--token", "-"), asked="token: ", typed=token)
    assert code == 0, shown
    assert token not in shown.replace("\r\n", "")
    assert "Connected amo" in shown


@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="there is no /proc to read process lists from")
def test_no_process_list_shows_a_secret(office: Office) -> None:
    token = office.amocrm.credentials()["long_lived_token"]
    office.amocrm.faults.add({"fault": "hang", "seconds": 5, "match": {"path": "/api/v4/account"}})
    process = subprocess.Popen(
        office.operator.command(*connect_amo(office, "--token", "-")),
        env=office.operator.environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin
    process.stdin.write(f"{token}\n")
    process.stdin.close()
    _until_asked(office)
    shown = [*process_list()]
    assert any(str(process.args[3]) in line for line in shown), "our own process is on the list"  # type: ignore[index]
    assert not [line for line in shown if token in line]
    assert process.wait(120) == 0


@retry(retry=retry_if_result(lambda fired: not fired), wait=wait_fixed(0.1), stop=stop_after_delay(120))
def _until_asked(office: Office) -> bool:
    """Return once the CRM has been asked with the token, and has not answered yet."""
    return any(rule["fired"] for rule in office.amocrm.faults.rules())


def process_list() -> Iterator[str]:
    """Yield the command lines of all processes."""
    for line in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            yield line.read_text(errors="replace").replace("\0", " ")
        except OSError:  # it has ended
            continue
