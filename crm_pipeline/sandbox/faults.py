"""Fault rules: which request is hit by which fault, and how often. What a fault does to a connection is in serving.py."""

from __future__ import annotations

import random
import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

BEFORE = ("status", "reset_before", "hang", "early_204", "redirect", "expired_token", "mutate")
AFTER = ("reset_after", "lost_token_answer", "hang_after", "truncate")
INSIDE = ("in_batch",)
NAMES = BEFORE + AFTER + INSIDE
_OWN_KEYS = {"match", "fault", "after", "times", "probability"}
_MATCH_KEYS = {"method", "path", "call"}
_TOKEN_PATH = r"oauth2?/(access_token|token)"


class BadRule(ValueError):
    """A fault rule cannot be read."""


@dataclass
class Rule:
    """One rule and how often it matched (`seen`) and fired."""

    fault: str
    number: int = 0
    method: str | None = None
    path: re.Pattern[str] | None = None
    call: str | None = None
    after: int = 1
    times: int = 1
    probability: float = 1.0
    arguments: dict[str, Any] = field(default_factory=dict)
    seen: int = 0
    fired: int = 0

    def matches(self, method: str, path: str, call: str) -> bool:
        """Tell whether a request is meant; `call` is compared as a glob without case ('crm.deal.*')."""
        if self.method is not None and self.method != method.upper():
            return False
        if self.path is not None and not self.path.search(path):
            return False
        return self.call is None or fnmatchcase(call.lower(), self.call)

    def as_dict(self) -> dict[str, Any]:
        path = self.path.pattern if self.path else None
        match = {"method": self.method, "path": path, "call": self.call}
        own = {"number": self.number, "fault": self.fault, "match": match, "after": self.after, "times": self.times}
        return own | {"probability": self.probability, "seen": self.seen, "fired": self.fired} | self.arguments


class Faults:
    """Keep the rules of one sandbox and pick the one whose turn it is. Thread safe; chance is seeded."""

    def __init__(self, seed: int = 1) -> None:
        self._lock = threading.Lock()
        self._rules: list[Rule] = []
        self._numbers = 0
        self._chance = random.Random(seed)

    def add(self, rule: Mapping[str, Any]) -> int:
        """Add one rule and answer its number. Raises BadRule."""
        made = parse_rule(rule)
        with self._lock:
            self._numbers += 1
            made.number = self._numbers
            self._rules.append(made)
        return made.number

    def clear(self) -> None:
        """Remove all rules."""
        with self._lock:
            self._rules.clear()

    def rules(self) -> list[dict[str, Any]]:
        """Answer every rule with its counters."""
        with self._lock:
            return [rule.as_dict() for rule in self._rules]

    def take(self, method: str, path: str, call: str) -> Rule | None:
        """Answer the rule that hits this request, or None."""
        return self._take(method, path, call, inside=False)

    def take_inside(self, call: str) -> Rule | None:
        """Answer the `in_batch` rule that hits this command of a batch, or None; the CRM turns it into the command's error."""
        return self._take("POST", "", call, inside=True)

    def _take(self, method: str, path: str, call: str, *, inside: bool) -> Rule | None:
        if not self._rules:
            return None
        with self._lock:
            hit = [rule for rule in self._rules if (rule.fault in INSIDE) == inside and rule.matches(method, path, call)]
            for rule in hit:
                rule.seen += 1
            chosen = next((rule for rule in hit if self._due(rule)), None)
            if chosen is not None:
                chosen.fired += 1
        return chosen

    def _due(self, rule: Rule) -> bool:
        due = rule.seen >= rule.after and (rule.times == 0 or rule.fired < rule.times)
        return due and (rule.probability >= 1.0 or self._chance.random() < rule.probability)


def parse_rule(rule: Mapping[str, Any]) -> Rule:
    """Read one rule from JSON. Raises BadRule."""
    fault, match = rule.get("fault"), dict(rule.get("match") or {})
    if fault not in NAMES:
        raise BadRule(f"unknown fault {fault!r}; known: {', '.join(NAMES)}")
    if unknown := set(match) - _MATCH_KEYS:
        raise BadRule(f"unknown match keys: {', '.join(sorted(unknown))}")
    if fault == "lost_token_answer":
        match.setdefault("path", _TOKEN_PATH)
    return Rule(
        fault=fault,
        method=match["method"].upper() if match.get("method") else None,
        path=_pattern(match.get("path")),
        call=match["call"].lower() if match.get("call") else None,
        after=int(rule.get("after", 1)),
        times=int(rule.get("times", 1)),
        probability=float(rule.get("probability", 1.0)),
        arguments={key: value for key, value in rule.items() if key not in _OWN_KEYS},
    )


def _pattern(text: str | None) -> re.Pattern[str] | None:
    if not text:
        return None
    try:
        return re.compile(text)
    except re.error as error:
        raise BadRule(f"bad path pattern {text!r}: {error}") from error
