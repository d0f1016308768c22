"""What a portal tells by itself: having it told, and the form body of an event into hints which records to re-read (facts:
bitrix24 8.1, 8.2).

Deliveries are unordered, may be lost and hold only ids, so a hint is never more than a reason to look. The application token
is the only proof of where a delivery comes from.
"""

import hmac
import re
from collections.abc import Sequence
from typing import Any, NamedTuple

from crm_pipeline.connectors import Link, Notice, Registration, Secrets, is_former
from crm_pipeline.connectors.bitrix24.brackets import as_list, as_map
from crm_pipeline.connectors.bitrix24.brackets import parse as parse_form
from crm_pipeline.connectors.bitrix24.client import Client
from crm_pipeline.connectors.bitrix24.installing import REMOVED, farewell
from crm_pipeline.connectors.bitrix24.landing import COMMENT
from crm_pipeline.connectors.bitrix24.replies import Command, Reply
from crm_pipeline.errors import AccessDenied, AnswerLost, RequestRefused
from crm_pipeline.model import hints as model


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


EVENTS = (
    *(f"ONCRM{kind}{verb}" for kind in ("CONTACT", "COMPANY", "DEAL", "ACTIVITY") for verb in ("ADD", "UPDATE", "DELETE")),
    *(f"ONTASK{verb}" for verb in ("ADD", "UPDATE", "DELETE")),
    *(f"ONCRMTIMELINECOMMENT{verb}" for verb in ("ADD", "UPDATE", "DELETE")),
    *(f"CATALOG.PRODUCT.ON.{verb}" for verb in ("ADD", "UPDATE", "DELETE")),
    _MOVED,
    REMOVED,
)
"""What we want to hear of (facts: bitrix24 8.1)."""
ESSENTIAL = frozenset(
    name for name in EVENTS if name.startswith(("ONCRMCONTACT", "ONCRMCOMPANY", "ONCRMDEALUPDATE", "ONCRMDEALADD"))
)
"""Without these it is of little use; the others depend on scopes and versions."""
NO_APPLICATION = (
    "An incoming webhook cannot have the portal tell of changes, they are found at the next sync only: connect as an application."
)


def read(body: bytes, secrets: Secrets) -> Notice:
    """Read one delivery of a portal; its application token, which it must carry, is checked against the first one that came.

    Raises AccessDenied when it is not this connection's. A portal never delivers twice, and its times are whole seconds, so the
    same words again are a new happening (facts: bitrix24 8.1).
    """
    form = _form(body)
    auth = as_map(form.get("auth"))
    if not auth.get("application_token"):
        raise AccessDenied("The delivery carries no application token.")
    for name in ("application_token", "member_id"):
        _require_same(name, secrets.get(name), auth.get(name))
    event, data, stamp = str(form.get("event") or ""), form.get("data"), str(form.get("ts") or "")
    found = tuple(model.Hint(one.entity, one.external_id, one.action, stamp) for one in hints(event, data))
    return Notice(found, repeats=False, learned=_learned(secrets, auth), farewell=farewell(event, data))


def _form(body: bytes) -> dict[str, Any]:
    try:
        return parse_form(body.decode("utf-8", "replace"))
    except ValueError:  # more fields than any event has
        return {}


def _learned(secrets: Secrets, auth: dict[str, Any]) -> dict[str, str]:
    """Return the application token where none is known: consent does not tell it, the first delivery does."""
    sent = auth.get("application_token")
    is_new = not secrets.get("application_token") and isinstance(sent, str) and 0 < len(sent) <= 200
    return {"application_token": sent} if is_new and isinstance(sent, str) else {}


def _require_same(name: str, known: object, sent: object) -> None:
    """A member id may be left out of a delivery, an application token may not."""
    optional = name == "member_id" and not sent
    if known and not optional and not hmac.compare_digest(str(known).encode(), str(sent or "").encode("utf-8", "replace")):
        raise AccessDenied(f"The delivery does not carry this connection's {name.replace('_', ' ')}.")


def register(link: Link, address: str) -> Registration:
    """Have the portal tell an address of changes, and former ones no more (facts: bitrix24 8.2)."""
    client = Client(link, lane="interactive")
    if client.by_webhook:
        return Registration("refused", NO_APPLICATION)
    try:
        bound = [as_map(row) for row in as_list(client.call("event.get").result)]
    except (AccessDenied, RequestRefused) as error:
        return Registration("refused", f"The portal does not tell of changes, they are found at the next sync only: {error}")
    former = [(_name(row), str(row["handler"])) for row in bound if is_former(row.get("handler"), address)]
    _write(client, [("event.unbind", {"event": event, "handler": handler}) for event, handler in former])
    there = {_name(row) for row in bound if row.get("handler") == address}
    wanted = [event for event in EVENTS if event not in there]
    replies = _write(client, [("event.bind", {"event": event, "handler": address}) for event in wanted])
    failed = [event for event, reply in zip(wanted, replies, strict=True) if not _is_bound(reply)]
    return _registration(failed)


def unregister(link: Link, address: str) -> None:
    """Have the portal tell that address nothing any more."""
    client = Client(link, lane="interactive")
    if client.by_webhook:
        return
    bound = [as_map(row) for row in as_list(client.call("event.get").result)]
    mine = [row for row in bound if row.get("handler") == address]
    _write(client, [("event.unbind", {"event": _name(row), "handler": address}) for row in mine])


def _registration(failed: Sequence[str]) -> Registration:
    if not failed:
        return Registration("registered")
    said = f"The portal does not tell of {', '.join(failed)}: found at the next sync only."
    return Registration("refused" if ESSENTIAL & set(failed) else "registered", said)


def _name(row: dict[str, Any]) -> str:
    return str(row.get("event") or "").upper()


def _write(client: Client, commands: Sequence[Command]) -> list[Reply | None]:
    """Run commands and return a reply each, None where it is unknown what became of it."""
    if not commands:
        return []
    try:
        replies = client.write({f"h{number}": command for number, command in enumerate(commands)})
    except AnswerLost:
        replies = {}
    return [replies.get(f"h{number}") for number in range(len(commands))]


def _is_bound(reply: Reply | None) -> bool:
    """A handler that is bound already is as wanted; the word for it is a description only (facts: bitrix24 8.2)."""
    if reply is None:
        return False
    return reply.ruled is None or "already bind" in str(as_map(reply.body).get("error_description")).lower()


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
