"""Every command explains itself, and misuse ends with 2."""

from collections.abc import Iterator
from typing import Any

import pytest
import typer
from typer.core import TyperOption
from typer.testing import CliRunner

from crm_pipeline.cli import app
from crm_pipeline_tests.operator import Operator

FIXED = (
    "demo", "migrate", "sandbox", "connect amocrm", "connect bitrix24", "connections", "connections pause", "connections resume",
    "connections remove", "connections test", "connections set", "sync", "reconcile", "verify", "status", "doctor",
    "replay-quarantine", "keys rotate", "up", "match list", "match merge", "match split", "conflicts list", "conflicts take",
    "conflicts overturn", "plan", "undo", "push", "outgoing list", "outgoing retry", "outgoing cancel", "outgoing explain",
)  # fmt: skip
PRINTS_DATA = (
    "migrate", "connect amocrm", "connect bitrix24", "connections", "connections test", "sync", "reconcile", "verify", "status",
    "doctor", "replay-quarantine", "keys rotate", "match list", "match merge", "match split", "conflicts list", "plan", "undo",
    "outgoing list", "outgoing retry", "outgoing cancel", "outgoing explain",
)  # fmt: skip


def commands(command: Any, words: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    """Yield every command with the words that call it, groups included."""
    yield " ".join(words), command
    for name, part in getattr(command, "commands", {}).items():
        yield from commands(part, (*words, name))


COMMANDS = dict(commands(typer.main.get_command(app)))


@pytest.mark.parametrize("words", COMMANDS, ids=lambda words: words or "itself")
def test_every_command_has_help_with_an_example(words: str) -> None:
    said = CliRunner().invoke(app, [*words.split(), "--help"], env={"COLUMNS": "200"})
    assert said.exit_code == 0
    example = next(line for line in said.output.splitlines() if "Example: " in line)
    assert "crm-pipeline" in example or "make demo" in example
    command = COMMANDS[words]
    assert command.help and len(command.help) > 20, "a sentence says what it is for"
    options = [option for option in command.params if isinstance(option, TyperOption)]
    assert [option.name for option in options if not option.help] == []


@pytest.mark.parametrize("words", FIXED)
def test_the_agreed_commands_are_there(words: str) -> None:
    assert words in COMMANDS


@pytest.mark.parametrize("words", PRINTS_DATA)
def test_what_prints_data_prints_json(words: str) -> None:
    assert any("--json" in option.opts for option in COMMANDS[words].params)


def test_the_agreed_options_of_the_sandbox_are_there() -> None:
    known = {spelling for option in COMMANDS["sandbox"].params for spelling in option.opts}
    assert {"--crm", "--port", "--data", "--contacts", "--seed", "--limits", "--latency-ms"} <= known


@pytest.mark.parametrize(
    "words", [["nonsense"], ["sync", "--nonsense"], ["sync", "--entity"], ["connections", "pause"], ["sandbox", "--port", "x"]]
)
def test_misuse_is_told_with_exit_code_2(words: list[str]) -> None:
    done = Operator("postgresql://nobody@127.0.0.1:1/none", "").run(*words)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert "Error" in done.stderr
