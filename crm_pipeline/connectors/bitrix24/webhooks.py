"""What a portal tells by itself: the form body of an event into hints which records to re-read (facts: bitrix24 8.1).

Deliveries are unordered, may be lost and hold only ids, so a hint is never more than a reason to look. The application token
is the only proof of where a delivery comes from.
"""

import hmac
import re
from typing import Any, NamedTuple

from crm_pipeline.connectors.bitrix24.brackets import as_map
from crm_pipeline.connectors.bitrix24.brackets import parse as parse_form
from crm_pipeline.connectors.bitrix24.landing import COMMENT
from crm_pipeline.errors import AccessDenied


class Hint(NamedTuple):
    """A record that may have changed. `action`: add, update or delete."""

    entity: str
    external_id: str
    action: str


_EVENT = re.compile(
    r"ONCRM(?P<crm>CONTACT|COMPANY|DEAL|ACTIVITY|PRODUCT|TIMELINECOMMENT)(?P<a1>ADD|UPDATE|DELETE)"
    r"|ON(?P<task>TASK)(?P<a2>ADD|UPDATE|DELETE)"
    r"|CATALOG\.(?P<catalog>PRODUCT)\.ON\.(?P<a3>ADD|UPDATE|DELETE)"
    r"|ON(?P<user>USER)(?P<a4>ADD)"
)
_ENTITIES = {
    "CONTACT": "contacts", "COMPANY": "companies", "DEAL": "deals", "ACTIVITY": "communications", "PRODUCT": "products",
    "TIMELINECOMMENT": "communications", "TASK": "tasks", "USER": "users",
}  # fmt: skip
_MOVED = "ONCRMDEALMOVETOCATEGORY"
_UNDEFINED = "undefined"
"""Literal text that stands where tasks have no value before or after (facts: bitrix24 8.1)."""


def parse(body: str | bytes, application_token: str) -> list[Hint]:
    """Read one delivery. Raises AccessDenied when the application token is not this connection's.

    An event that is none of ours gives no hints.
    """
    form = parse_form(body.decode("utf-8", "replace") if isinstance(body, bytes) else body)
    sent = str(as_map(form.get("auth")).get("application_token") or "")
    if not application_token or not hmac.compare_digest(sent.encode(), application_token.encode()):
        raise AccessDenied("The delivery does not carry this connection's application token.")
    return hints(str(form.get("event") or ""), form.get("data"))


def hints(event: str, data: Any) -> list[Hint]:
    """Return the hints of one event, also for rows of the offline queue (facts: bitrix24 8.3)."""
    name = event.upper()
    if name == _MOVED:
        return [Hint("deals", key, "update") for key in _ids(data)]
    match = _EVENT.fullmatch(name)
    if not match:
        return []
    what = next(match[group] for group in ("crm", "task", "catalog", "user") if match[group])
    action = next(match[group] for group in ("a1", "a2", "a3", "a4") if match[group]).lower()
    prefix = COMMENT if what == "TIMELINECOMMENT" else ""
    return [Hint(_ENTITIES[what], prefix + key, action) for key in _ids(data)]


def _ids(data: Any) -> list[str]:
    """Return the ids an event names, wherever it puts them."""
    parts = as_map(data)
    places = [as_map(parts.get(name)) for name in ("FIELDS", "FIELDS_AFTER", "FIELDS_BEFORE")] + [parts]
    found = [str(place.get(name)) for place in places for name in ("ID", "id") if place.get(name)]
    return list(dict.fromkeys(key for key in found if key != _UNDEFINED and key.isdigit()))
