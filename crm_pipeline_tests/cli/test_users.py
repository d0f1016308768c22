"""Users of the API at the terminal, and the API as `serve` runs it: real processes, signals included."""

import json
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest
from sqlalchemy import Engine

from crm_pipeline_tests.operator import Operator

SECRET = "Wm3x9QeT7uZkP0aHs5LdRv2bNc8fYg1jXo4iKq6t"
WORDS = "four random words here"


@pytest.fixture(scope="module")
def operator(module_database_url: str, encryption_key: str) -> Operator:
    """Return an operator with a database nobody has added users to."""
    return Operator(module_database_url, encryption_key)


def test_a_user_added_at_the_terminal_logs_in_to_what_serve_runs(operator: Operator) -> None:
    operator.do("user", "add", "olga", "--role", "admin", "--password-stdin", given=f"{WORDS}\n")
    with serving(operator) as (url, process):
        said = httpx.post(f"{url}/api/auth/login", json={"username": "olga", "password": WORDS}).json()
        headers = {"Authorization": f"Bearer {said['access_token']}", "X-Request-ID": "by-hand"}
        assert httpx.get(f"{url}/api/auth/devices", headers=headers).status_code == 200
        operator.do("user", "disable", "olga")
        assert httpx.get(f"{url}/api/auth/devices", headers=headers).status_code == 401
        process.send_signal(signal.SIGTERM)
        out, errors = process.communicate(timeout=30)
    assert process.returncode == 0, errors
    lines = [json.loads(line) for line in out.splitlines()]
    assert [(line["path"], line["status"]) for line in lines] == [
        ("/api/auth/login", 200), ("/api/auth/devices", 200), ("/api/auth/devices", 401),
    ]  # fmt: skip
    assert lines[1]["user"] == "olga" and lines[1]["request_id"] == "by-hand"
    assert WORDS not in out + errors and said["access_token"] not in out + errors and "Traceback" not in errors


@contextmanager
def serving(operator: Operator) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """Run `serve` on a free port until the end, and yield its address."""
    command, env = operator.command("serve", "--port", "0"), operator.environment(CRM_JWT_SECRET=SECRET)
    process = subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stderr is not None
        said = process.stderr.readline()
        assert "The API is at " in said, said + process.stderr.read()
        yield said.split("The API is at ")[1].split("/api")[0], process
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


@pytest.mark.parametrize(("words", "given", "sentence"), [
    (("add", "ivan", "--role", "king"), WORDS, "Use one of: admin, operator, agent"),
    (("add", "ivan", "--role", "admin", "--scope", "own"), WORDS, "Only an agent"),
    (("add", "ivan", "--role", "agent", "--scope", "own"), WORDS, "Say who with --crm-user"),
    (("add", "ivan", "--role", "agent", "--crm-user", "x@example.org"), WORDS, "No CRM user has"),
    (("add", "iv an", "--role", "agent"), WORDS, "cannot be a username"),
    (("add", "ivan", "--role", "agent"), "short", "at least 10 characters"),
    (("add", "ivan", "--role", "agent"), "", "is empty"),
    (("password", "nobody"), WORDS, "There is no user nobody"),
])  # fmt: skip
def test_what_cannot_be_is_said_in_a_sentence(operator: Operator, words: tuple[str, ...], given: str, sentence: str) -> None:
    done = operator.run("user", *words, "--password-stdin", given=given and f"{given}\n")
    assert done.returncode == 2 and sentence in done.stderr and "Traceback" not in done.stderr, done.stderr


def test_users_are_listed_without_secrets_and_names_are_taken_once(operator: Operator, module_engine: Engine) -> None:
    golden = "7d1f4a8e-3b52-4c86-9a10-5e2f6b7c8d90"
    with module_engine.begin() as db:
        db.exec_driver_sql("INSERT INTO crm.users (id, name, email) VALUES (%s, 'Пётр', 'Petr@example.org')", (golden,))
    operator.do(
        "user", "add", "petr", "--role", "agent", "--scope", "own", "--crm-user", "petr@EXAMPLE.org", "--password-stdin",
        given=WORDS,
    )  # fmt: skip
    taken = operator.run("user", "add", "PETR", "--role", "agent", "--password-stdin", given=WORDS)
    assert taken.returncode == 2 and "already" in taken.stderr
    found = next(user for user in operator.ask("user", "list")["users"] if user["username"] == "petr")
    assert (found["role"], found["scope"], found["crm_users"]) == ("agent", "own", [golden])
    assert not {"password", "password_hash"} & set(found)


@pytest.mark.parametrize("secret", ["", "changeme", "a" * 64])
def test_serve_refuses_a_missing_or_weak_secret_and_says_how_to_make_one(operator: Operator, secret: str) -> None:
    done = operator.run("serve", "--port", "0", CRM_JWT_SECRET=secret)
    assert done.returncode == 1 and "CRM_JWT_SECRET" in done.stderr and "python3 -c" in done.stderr
