"""batch: up to fifty commands in one request, with references to earlier results (facts: bitrix24 3.3)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from . import brackets
from .calls import Call, method
from .faces import Row
from .json_text import Rows
from .portal import Portal
from .refusals import BATCH_LENGTH, BATCH_NESTED, Refusal

LIMIT = 50
_REFERENCE = re.compile(r"\$result((?:\[[^\]]*\])+)")
_NOT_INSIDE = ("batch", "upload", "download")
_SUFFIX = re.compile(r"\.(json|xml)/?$|/$")


@dataclass
class _Outcome:
    """What the commands have answered so far, by name."""

    result: Row = field(default_factory=dict)
    result_error: Row = field(default_factory=dict)
    result_total: Row = field(default_factory=dict)
    result_next: Row = field(default_factory=dict)
    result_time: Row = field(default_factory=dict)


@method("batch", scope="")
def batch(portal: Portal, call: Call) -> Row:
    """Run commands one after another, without a transaction; errors sit inside an answer that is always good."""
    commands = _commands(call.get("cmd"))
    if len(commands) > LIMIT and portal.switches.batch_overflow == "refuse":
        raise BATCH_LENGTH
    outcome, halt = _Outcome(), str(call.get("halt", 0)).lower() in ("1", "true")
    for place, (name, command) in enumerate(commands.items()):
        try:
            _run(portal, call, outcome, name, command, place)
        except Refusal as refusal:
            outcome.result_error[name] = refusal.body()
            if halt:
                break
    return {key: php(value) for key, value in vars(outcome).items()}


def php(values: Row) -> Any:
    """Write a map as PHP does: `[]` when empty, a list when its keys are 0..n-1."""
    return list(values.values()) if list(values) == [str(place) for place in range(len(values))] else values


def substitute(value: Any, results: Mapping[str, Any], deepest: bool) -> Any:
    """Replace `$result[…]` in decoded values; an unresolvable one is an empty text, or the deepest node found."""
    if isinstance(value, dict):
        return {key: substitute(item, results, deepest) for key, item in value.items()}
    if isinstance(value, list):
        return [substitute(item, results, deepest) for item in value]
    if not isinstance(value, str) or "$result" not in value:
        return value
    whole = _REFERENCE.fullmatch(value)
    if whole:
        return _resolve(whole[1], results, deepest)
    return _REFERENCE.sub(lambda found: str(_resolve(found[1], results, deepest)), value)


def _commands(cmd: Any) -> dict[str, str]:
    pairs = cmd.items() if isinstance(cmd, dict) else enumerate(cmd) if isinstance(cmd, list) else ()
    return {str(name): str(command) for name, command in pairs}


def _run(portal: Portal, call: Call, outcome: _Outcome, name: str, command: str, place: int) -> None:
    if place >= LIMIT:
        raise BATCH_LENGTH
    path, _, query = command.partition("?")
    inner = _SUFFIX.sub("", path.strip("/")).lower()
    if inner in _NOT_INSIDE:
        raise BATCH_NESTED
    _strike(portal, inner)
    deepest = portal.switches.unresolved_reference == "deepest"
    params = substitute(brackets.parse(query), outcome.result, deepest)
    done = portal.dispatcher.run(inner, params, call.credential, inside=True)
    outcome.result[name], outcome.result_time[name] = done.answer.result, done.time
    if done.answer.total is not None:
        outcome.result_total[name] = done.answer.total
    if done.answer.next is not None:
        outcome.result_next[name] = done.answer.next


def _strike(portal: Portal, inner: str) -> None:
    rule = portal.faults.take_inside(inner)
    if rule is not None:
        told = rule.arguments
        error = str(told.get("error", "INTERNAL_SERVER_ERROR"))
        raise Refusal(int(told.get("status", 500)), error, str(told.get("error_description", "Internal server error")))


def _resolve(path: str, results: Mapping[str, Any], deepest: bool) -> Any:
    node: Any = results
    for segment in re.findall(r"\[([^\]]*)\]", path):
        step = _step(node, segment)
        if step is None:
            return node if deepest and node is not results else ""
        node = step[0]
    return [*node] if isinstance(node, Rows) else "" if node is None else node


def _step(node: Any, segment: str) -> tuple[Any] | None:
    if isinstance(node, Mapping):
        return (node[segment],) if segment in node else None
    if isinstance(node, list | Rows) and segment.isdigit() and int(segment) < len(node):
        return (node[int(segment)],)
    return None
