"""The documents tell the truth: what they name exists, and what exists and matters is named."""

import ast
import re
import shlex
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer

from crm_pipeline.cli import app
from crm_pipeline.settings import Settings

ROOT = Path(__file__).resolve().parents[1]
DOCUMENTS = sorted(
    path.relative_to(ROOT).as_posix()
    for pattern in ("*.md", "docs/*.md", "crm_pipeline/**/README.md")
    for path in ROOT.glob(pattern)
    if not {".venv", ".crm"} & set(path.parts)
)
READMES = ("README.md", "README.ru.md")
FENCED = re.compile(r"^```\w*\n(.*?)^```", re.S | re.M)
INLINE = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
CALL = re.compile(r"crm-pipeline[ \t]+([^\n#|&;)]*)")
LINK = re.compile(r"\]\(([^)\s]+)\)")
TABLE = re.compile(r"\b((?:raw|source|crm|sync)\.[a-z_]+)\b")
HERE = re.compile(r"\b((?:crm_pipeline(?:_tests)?|sql|docs|\.ci)/[\w./]*)")
OPTION = re.compile(r"(?<![\w-])(--[a-z][a-z0-9-]+)")
TEST = re.compile(r"`(crm_pipeline_tests/[\w/]+\.py)::([\w:]+)`")


def text_of(document: str) -> str:
    """Return a document's text."""
    return (ROOT / document).read_text(encoding="utf-8")


def blocks_in(text: str) -> list[str]:
    """Return the fenced blocks of a document, with continued lines joined."""
    return [block.replace("\\\n", " ") for block in FENCED.findall(text)]


def code_in(text: str) -> Iterator[str]:
    """Yield the code of a document: fenced blocks, and inline code."""
    yield from blocks_in(text)
    yield from INLINE.findall(FENCED.sub("", text))


@cache
def tree() -> Any:
    """Return the command everything hangs on."""
    return typer.main.get_command(app)


def options_of(command: Any) -> set[str]:
    """Return the spellings of a command's options."""
    return {spelling for parameter in command.params for spelling in parameter.opts} | {"--help"}


def all_commands(command: Any, words: str = "") -> Iterator[tuple[str, Any]]:
    """Yield every command with what calls it."""
    yield words, command
    for name, part in getattr(command, "commands", {}).items():
        yield from all_commands(part, f"{words} {name}".strip())


def complaint(call: str) -> str | None:
    """Return what is wrong with a call of ours as it is written in a document, if anything."""
    words, command = shlex.split(call.replace("…", "")), tree()
    if words[:1] == ["COMMAND"]:
        words = ["sync", *words[1:]]  # any command
    while words and words[0] in getattr(command, "commands", {}):
        command, words = command.commands[words[0]], words[1:]
    if getattr(command, "commands", None) and words and not words[0].startswith(("-", "[")):
        return f"there is no command {words[0]!r} in {call!r}"
    unknown = [word for word in words if word.startswith("--") and word.partition("=")[0] not in options_of(command)]
    return f"{unknown} unknown in {call!r}" if unknown else None


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_call_of_ours_can_be_typed(document: str) -> None:
    calls = [call for code in code_in(text_of(document)) for call in CALL.findall(code)]
    assert [wrong for call in calls if (wrong := complaint(call))] == []


@pytest.mark.parametrize("call", ["nonsense", "sync --nonsense", "connections stop x", "connect excel --name x"])
def test_a_call_that_cannot_be_typed_is_noticed(call: str) -> None:
    assert complaint(call)


@pytest.mark.parametrize("document", READMES)
def test_every_option_exists(document: str) -> None:
    known = set().union(*(options_of(command) for _, command in all_commands(tree())))
    named = {option for code in code_in(text_of(document)) for option in OPTION.findall(code)}
    assert named, "there are some"
    assert named - known == set()


def test_the_two_readmes_show_the_same_calls() -> None:
    english, russian = (
        {tuple(word for word in shlex.split(call) if re.fullmatch(r"-{0,2}[a-z0-9-]+", word)) for call in calls}
        for calls in (CALL.findall("\n".join(blocks_in(text_of(name)))) for name in READMES)
    )
    assert english == russian


@pytest.mark.parametrize("document", [name for name in DOCUMENTS if "/" not in name or name.startswith("docs/")])
def test_every_table_and_view_exists(document: str) -> None:
    text = (ROOT / "sql" / "schema.sql").read_text(encoding="utf-8")
    known = set(re.findall(r"^CREATE (?:OR REPLACE )?(?:TABLE|VIEW) ([\w.]+)", text, re.M))
    assert len(known) > 30
    named = {table for code in code_in(text_of(document)) for table in TABLE.findall(code) if not table.endswith(".py")}
    assert named - known == set()


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_link_leads_somewhere(document: str) -> None:
    links = [link for link in LINK.findall(text_of(document)) if "://" not in link and not link.startswith(("#", "mailto:"))]
    folder = (ROOT / document).parent
    assert [link for link in links if not (folder / link.partition("#")[0]).exists()] == []


@pytest.mark.parametrize("document", [name for name in DOCUMENTS if "/" not in name or name.startswith("docs/")])
def test_every_path_exists(document: str) -> None:
    paths = [path.rstrip("./") for code in code_in(text_of(document)) if "<" not in code for path in HERE.findall(code)]
    assert [path for path in paths if not (ROOT / path).exists()] == []


def test_every_setting_is_in_the_readme_and_every_one_there_exists() -> None:
    settings = {field.validation_alias or f"CRM_{name.upper()}" for name, field in Settings.model_fields.items()}
    table = text_of("README.md").partition("## Settings")[2]
    documented = {name for row in re.findall(r"^\| (`[^|]+) \|", table, re.M) for name in INLINE.findall(row)}
    assert documented == settings
    for name in READMES:
        by_commands = {parameter.envvar for _, command in all_commands(tree()) for parameter in command.params}
        assert set(re.findall(r"\bCRM_[A-Z_]+\b", text_of(name))) <= settings | by_commands


def test_the_changelog_names_every_command() -> None:
    named = {name for code in INLINE.findall(text_of("CHANGELOG.md")) for name in (code, code.removeprefix("crm-pipeline "))}
    top = {words.split()[0] for words, _ in all_commands(tree()) if words}
    assert {name for name in top if not any(one == name or one.startswith(f"{name} ") for one in named)} == set()


def test_the_targets_of_make_exist() -> None:
    targets = set(re.findall(r"^([a-z]+):", text_of("Makefile"), re.M))
    named = {target for name in DOCUMENTS for code in code_in(text_of(name)) for target in re.findall(r"\bmake ([a-z]+)", code)}
    assert {"demo", "test", "bench"} <= named <= targets


def promises() -> list[str]:
    """Return the README's promises as it words them."""
    text = text_of("README.md").partition("## Promises")[2].partition("\n## ")[0]
    return re.findall(r"^- (.+)$", text, re.M)


def sections() -> dict[str, list[tuple[str, str]]]:
    """Return promise → the tests that docs/promises.md names for it, as (file, name)."""
    parts = re.split(r"^## (.+)$", text_of("docs/promises.md"), flags=re.M)[1:]
    return {title: TEST.findall(body) for title, body in zip(parts[::2], parts[1::2], strict=True)}


def test_every_promise_has_tests_and_every_section_a_promise() -> None:
    assert len(promises()) > 5
    assert set(sections()) == set(promises())
    assert all(sections().values())


def defined_in(path: Path) -> set[str]:
    """Return the tests a file defines, those of classes as Class::test."""
    found = ast.parse(path.read_text(encoding="utf-8")).body
    inside = [(f"{one.name}::", each) for one in found if isinstance(one, ast.ClassDef) for each in one.body]
    functions = [(prefix, one) for prefix, one in [*(("", one) for one in found), *inside] if isinstance(one, ast.FunctionDef)]
    return {f"{prefix}{one.name}" for prefix, one in functions}


@pytest.mark.parametrize("promise", sections(), ids=lambda promise: promise.partition(":")[0])
def test_the_tests_of_a_promise_exist(promise: str) -> None:
    named = sections()[promise]
    missing = [(path, test) for path, test in named if not (ROOT / path).exists() or test not in defined_in(ROOT / path)]
    assert missing == []
    assert len(named) == len(set(named))
