"""Reads the rules of reconciling from a YAML or TOML file, or says every mistake in it with its line.

What belongs here: text → plain values, and where each of them stands. What the values mean and what can be wrong with them
belongs to `model/rules_reading.py`. Both formats have the same shape (docs/rules.md).
"""

import re
import tomllib
from collections.abc import Callable, Collection, Iterator
from itertools import count
from pathlib import Path as FilePath
from typing import Any

import yaml

from crm_pipeline.errors import UsageError
from crm_pipeline.model.handwritten import Path, Reading
from crm_pipeline.model.rules import APP, Rules
from crm_pipeline.model.rules_reading import read_rules

Lines = dict[Path, int]
Mistakes = list[tuple[int, str]]
Parsed = tuple[Any, Lines, Mistakes]


def load_rules(file: FilePath | None, connections: Collection[str] | None = None) -> Rules:
    """Return the rules of a file, or the defaults when there is none (None).

    `connections`: names of the connections that exist; without, names in the file are not checked. Raises UsageError with a
    sentence per mistake.
    """
    if file is None:
        return Rules.default()
    try:
        text = file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise UsageError(f"{file} is not UTF-8 text.", what_to_do="Save it as UTF-8.") from None
    except OSError as error:
        what_to_do = "Correct CRM_RULES_FILE or the option, or leave it out to use the default rules."
        raise UsageError(f"The rules file {file} cannot be read: {error.strerror}.", what_to_do=what_to_do) from None
    return parse_rules(text, file.name, connections)


def parse_rules(text: str, name: str, connections: Collection[str] | None = None) -> Rules:
    """Return the rules a text describes; `name` tells the format by its ending. Raises UsageError as `load_rules` does."""
    parse = FORMATS.get(FilePath(name).suffix.lower())
    if parse is None:
        raise UsageError(f"{name} is neither YAML nor TOML.", what_to_do=f"Let its name end in {', '.join(FORMATS)}.")
    data, lines, mistakes = parse(text)
    reading = Reading(lambda path: _nearest(lines, path), None if connections is None else (*connections, APP), mistakes)
    rules = Rules.default() if mistakes and data is None else read_rules(data, reading)
    if sentences := reading.sentences():
        raise UsageError(
            f"{name} has {len(sentences)} mistake{'s' * (len(sentences) > 1)}:\n" + "\n".join(sentences),
            what_to_do="\nNothing was changed. docs/rules.md shows every setting with an example.",
        )
    return rules


def _nearest(lines: Lines, path: Path) -> int:
    """Return the line of a place, or of the nearest place around it that is known."""
    while path and path not in lines:
        path = path[:-1]
    return lines.get(path, 1)


# YAML -----------------------------------------------------------------------------------------------------------------


def _parse_yaml(text: str) -> Parsed:
    """Return values, lines and mistakes; a key given twice is a mistake, since YAML would keep the last without a word."""
    lines: Lines = {}
    mistakes: Mistakes = []
    try:
        node = yaml.compose(text, yaml.SafeLoader)
        if node is not None:
            _walk_yaml(node, (), lines, mistakes)
        data = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or str(error).splitlines()[0]
        return None, lines, [(mark.line + 1 if mark else 1, f"this is not YAML: {problem}.")]
    except (ValueError, RecursionError) as error:  # a date such as 2026-13-40, or a list that holds itself
        problem = "something in it holds itself" if isinstance(error, RecursionError) else str(error)
        return None, lines, [(1, f"this YAML cannot be read: {problem}.")]
    return data, lines, mistakes


def _walk_yaml(node: yaml.Node, path: Path, lines: Lines, mistakes: Mistakes) -> None:
    lines.setdefault(path, node.start_mark.line + 1)
    if isinstance(node, yaml.SequenceNode):
        for at, item in enumerate(node.value):
            _walk_yaml(item, (*path, at), lines, mistakes)
    elif isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            below = (*path, str(key.value))
            if below in lines:
                mistakes.append((key.start_mark.line + 1, f"{key.value} is written twice; line {lines[below]} has it already."))
            lines[below] = key.start_mark.line + 1
            _walk_yaml(value, below, lines, mistakes)


# TOML -----------------------------------------------------------------------------------------------------------------

_HEADER = re.compile(r"\s*\[(?P<many>\[)?(?P<keys>[^\[\n]+?)\]\]?\s*(?:#.*)?")
_OPENS: dict[type, str] = {dict: "{", list: "["}
_TOML_LINE = re.compile(r"\(at line (\d+), column \d+\)|\(at end of document\)")


def _parse_toml(text: str) -> Parsed:
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        place = _TOML_LINE.search(str(error))
        line = int(place[1]) if place and place[1] else text.count("\n") + 1
        return None, {}, [(line, f"this is not TOML: {_TOML_LINE.sub('', str(error)).strip()}.")]
    except RecursionError:
        return None, {}, [(1, "this TOML cannot be read: it is nested too deeply.")]
    return data, _toml_lines(text), []


def _toml_lines(text: str) -> Lines:
    """Return where keys and list items stand; tomllib does not tell, so each statement is read by itself."""
    lines: Lines = {}
    table: Path = ()
    for first, statement in _statements(text):
        if header := _HEADER.fullmatch(statement):
            table = _only_path(tomllib.loads(f"{header['keys']} = 0"))
            if header["many"]:
                table = (*table, next(at for at in count() if (*table, at) not in lines))
            _note(lines, table, first)
        else:
            _place(lines, table, tomllib.loads(statement), statement, first)
    return lines


def _statements(text: str) -> Iterator[tuple[int, str]]:
    """Yield first line number and text of every header and every `key = value`, which may go over several lines."""
    pending, first = "", 0
    for number, line in enumerate(text.splitlines(), 1):
        if not pending and not line.partition("#")[0].strip():
            continue
        first, pending = (first, f"{pending}\n{line}") if pending else (number, line)
        if _HEADER.fullmatch(pending) or _is_whole(pending):
            yield first, pending
            pending = ""


def _is_whole(statement: str) -> bool:
    try:
        tomllib.loads(statement)
    except tomllib.TOMLDecodeError:
        return False
    return True


def _only_path(data: Any) -> Path:
    """Return the one path of a nested mapping: {"a": {"b": 0}} → a, b."""
    path: Path = ()
    while isinstance(data, dict):
        ((key, data),) = data.items()
        path = (*path, key)
    return path


def _place(lines: Lines, path: Path, value: Any, statement: str, first: int, at: int = 0) -> int:
    """Note the lines of everything below a value, and return how far into its statement that led."""
    pairs: list[tuple[str | int, Any]] = []
    if isinstance(value, dict):
        pairs = list(value.items())
    elif isinstance(value, list):
        pairs = list(enumerate(value))
    for key, inner in pairs:
        written = key if isinstance(key, str) else _OPENS.get(type(inner), str(inner))
        found = statement.find(written, at)
        at = found if found >= 0 else at
        _note(lines, (*path, key), first + statement.count("\n", 0, at))
        at = _place(lines, (*path, key), inner, statement, first, at + len(written) * (found >= 0))
    return at


def _note(lines: Lines, path: Path, line: int) -> None:
    """Note a line of a place and of what is around it, where that is not known yet."""
    for end in range(1, len(path) + 1):
        lines.setdefault(path[:end], line)


FORMATS: dict[str, Callable[[str], Parsed]] = {".yaml": _parse_yaml, ".yml": _parse_yaml, ".toml": _parse_toml}
