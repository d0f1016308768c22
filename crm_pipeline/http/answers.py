"""What came back, and what a connector makes of it. No wire and no waiting here."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any, Literal

import orjson

from crm_pipeline.errors import CrmPipelineError

Action = Literal["ok", "retry", "pause", "refresh", "raise"]


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer as it came: `json` is None when the body is empty or not JSON; `text` is its first 2 kB, redacted."""

    status: int
    headers: Mapping[str, str]
    json: Any
    text: str
    url: str
    seconds: float

    @property
    def served_at(self) -> float | None:
        """Return the server's own clock (unix seconds) from the `Date` header, None without one."""
        try:
            return parsedate_to_datetime(self.headers.get("Date", "")).timestamp()
        except (ValueError, TypeError):
            return None

    @property
    def retry_after(self) -> float | None:
        """Return the seconds of a numeric `Retry-After` header."""
        written = self.headers.get("Retry-After", "").strip()
        return float(written) if written.isdigit() else None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What an answer means. `action`: ok, retry (short), pause (meter, `seconds`; 0: doubling), refresh (token), raise (`error`).

    `retry` is for answers after which nobody knows whether the request was applied: what is not safe raises AnswerLost then.
    `error` of retry and pause is what is raised when patience ends (default CrmUnavailable, RateLimited).
    """

    action: Action
    seconds: float = 0.0
    error: Exception | None = None


Classify = Callable[[Answer], Verdict]


class TokenRefused(CrmPipelineError):
    """The CRM does not accept the access token: renew it and send again."""

    def __init__(self, answer: Answer):
        super().__init__()
        self.answer = answer


_LOST_CHARACTERS = dict.fromkeys([0, *range(0xD800, 0xE000)])
"""NUL and lone surrogates: legal in JSON escapes, impossible in Postgres."""


def read_json(body: bytes) -> Any:
    """Return the JSON of a body without characters no database can hold; None when it is empty or not JSON."""
    if not body:
        return None
    try:
        found = orjson.loads(body)
    except ValueError:
        return _repaired(body) if b"\\ud" in body.lower() else None
    return _storable(found) if b"\\u0000" in body else found


def _repaired(body: bytes) -> Any:
    try:
        return _storable(json.loads(body))
    except (ValueError, RecursionError):
        return None


def _storable(value: Any) -> Any:
    if isinstance(value, str):
        return value.translate(_LOST_CHARACTERS)
    if isinstance(value, list):
        return [_storable(item) for item in value]
    return {_storable(key): _storable(item) for key, item in value.items()} if isinstance(value, dict) else value
