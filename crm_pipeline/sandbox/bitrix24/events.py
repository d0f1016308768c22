"""Events: who hears of a change, online by POST or offline by the queue; event.bind, get, unbind (facts: bitrix24 8)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import aiohttp

from . import brackets, oauth
from .calls import Actor, Call, method
from .offline import OfflineQueue
from .portal import Portal
from .refusals import ADMIN_NEEDED, WRONG_LICENSE, Refusal, core

_KNOWN = re.compile(
    r"ONCRM(LEAD|DEAL|CONTACT|COMPANY|QUOTE|ACTIVITY|REQUISITE|PRODUCT|TIMELINECOMMENT|DYNAMICITEM)(ADD|UPDATE|DELETE)"
    r"|ONCRMDEALMOVETOCATEGORY|ONTASK(COMMENT)?(ADD|UPDATE|DELETE)|ONUSERADD|ONAPP(INSTALL|UNINSTALL|UPDATE|TEST)|ONOFFLINEEVENT"
    r"|CATALOG\.(PRODUCT|PRICE)\.ON\.(ADD|UPDATE|DELETE)"
)
_TIMEOUT = aiohttp.ClientTimeout(total=5)


@dataclass
class Binding:
    """One subscription; an outgoing webhook has no app and gets no tokens."""

    id: int
    event: str
    handler: str = ""
    auth_type: int = 0
    connector: str = ""
    offline: bool = False
    app: bool = True
    min_timeout: int = 0
    told: float = 0.0


@dataclass
class Events:
    """The subscriptions of one portal and its offline queue."""

    portal: Portal
    bindings: list[Binding] = field(default_factory=list)
    queue: OfflineQueue = field(default_factory=OfflineQueue)
    failed: int = 0

    def crm(self, kind: str, verb: str, id: int, actor: Actor) -> None:
        """Tell of a change of a CRM row; the payload holds only the id."""
        self.emit(f"ONCRM{kind.upper()}{verb}", {"FIELDS": {"ID": str(id)}}, actor)

    def task(self, verb: str, id: int, actor: Actor) -> None:
        """Tell of a change of a task; the missing side is the literal text `undefined`."""
        before = {"ID": "undefined" if verb == "ADD" else str(id)}
        after = {"ID": "undefined" if verb == "DELETE" else str(id)}
        seen = {"IS_ACCESSIBLE_BEFORE": "N" if verb == "ADD" else "Y", "IS_ACCESSIBLE_AFTER": "N" if verb == "DELETE" else "Y"}
        self.emit(f"ONTASK{verb}", {"FIELDS_BEFORE": before, "FIELDS_AFTER": after, **seen}, actor)

    def emit(self, event: str, data: dict[str, Any], actor: Actor) -> None:
        """Tell everybody bound to an event, except the connector that caused it."""
        queued = False
        for binding in [one for one in self.bindings if one.event == event]:
            if not binding.offline:
                self._post(binding, data)
            elif not binding.connector or binding.connector != actor.connector:
                self.queue.push(event, data, actor.user, binding.connector, self.portal.now)
                queued = True
        if queued:
            self._announce()

    def bind(self, event: str, **options: Any) -> Binding:
        """Add a subscription."""
        number = 201 + max((one.id - 200 for one in self.bindings), default=0)
        self.bindings.append(Binding(number, event.upper(), **options))
        return self.bindings[-1]

    def send(self, event: str, handler: str, data: dict[str, Any], tokens: bool = True) -> None:
        """Post an event to an address without a subscription, as installation does."""
        self._post(Binding(0, event, handler, app=tokens), data)

    def _announce(self) -> None:
        for binding in [one for one in self.bindings if one.event == "ONOFFLINEEVENT" and not one.offline]:
            if self.portal.clock.now() - binding.told >= binding.min_timeout:
                binding.told = self.portal.clock.now()
                self._post(binding, {})

    def _post(self, binding: Binding, data: dict[str, Any]) -> None:
        body = {"event": binding.event, "event_handler_id": binding.id, "data": data, "ts": self.portal.now}
        self.portal.spawn(self._deliver(binding.handler, brackets.encode(body | {"auth": self._auth(binding)})))

    def _auth(self, binding: Binding) -> dict[str, Any]:
        shown: dict[str, Any] = {**oauth.endpoints(self.portal), "application_token": self.portal.access.application_token}
        if not binding.app:
            return {key: value for key, value in shown.items() if key != "status"}
        access, refresh = self.portal.access.issue(binding.auth_type or 1)
        pair = {"access_token": access, "refresh_token": refresh, "expires_in": self.portal.switches.access_seconds}
        return shown | pair | {"scope": ",".join(self.portal.access.scopes)}

    async def _deliver(self, handler: str, body: str) -> None:
        """Post once: a failed delivery is lost (facts: bitrix24 8.1)."""
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        try:
            async with (
                aiohttp.ClientSession(timeout=_TIMEOUT) as session,
                session.post(handler, data=body, headers=headers),
            ):
                return
        except (aiohttp.ClientError, TimeoutError):
            self.failed += 1


@method("event.bind", scope="", app_only=True)
def bind(portal: Portal, call: Call) -> bool:
    """Subscribe to an event, online with a handler or offline (administrators only)."""
    event = str(call.get("event") or "").upper()
    if not event:
        raise Refusal(400, "ERROR_ARGUMENT", "Argument 'EVENT' is null or empty")
    if not _KNOWN.fullmatch(event):
        raise Refusal(400, "ERROR_EVENT_NOT_FOUND", "Event not found")
    wanted = _wanted(portal, call)
    if any(_same(one, event, wanted) for one in portal.events.bindings):
        raise core("Unable to set event handler: Handler already binded")
    portal.events.bind(event, **wanted)
    return True


@method("event.get", scope="", app_only=True)
def bound(portal: Portal, call: Call) -> list[dict[str, Any]]:
    """List the app's subscriptions."""
    return [_shown(one) for one in portal.events.bindings if one.app]


@method("event.unbind", scope="", app_only=True)
def unbind(portal: Portal, call: Call) -> dict[str, int]:
    """End subscriptions and return how many."""
    event, offline = str(call.get("event") or "").upper(), _offline(call)
    handler = str(call.get("handler") or "")
    gone = [
        one
        for one in portal.events.bindings
        if one.app
        and one.event == event
        and one.offline == offline
        and handler in ("", one.handler)
        and call.connector in ("", one.connector)
    ]
    portal.events.bindings = [one for one in portal.events.bindings if one not in gone]
    return {"count": len(gone)}


@method("event.test", scope="", app_only=True)
def test_event(portal: Portal, call: Call) -> bool:
    """Trigger ONAPPTEST."""
    portal.events.emit("ONAPPTEST", {"QUERY": call.get("any") or {}}, call.actor)
    return True


@method("events", scope="", app_only=False)
def known_events(portal: Portal, call: Call) -> list[str]:
    """Name the events of contacts, companies, deals and tasks."""
    names = [f"ONCRM{kind}{verb}" for kind in ("CONTACT", "COMPANY", "DEAL", "ACTIVITY") for verb in ("ADD", "UPDATE", "DELETE")]
    return [*names, *(f"ONTASK{verb}" for verb in ("ADD", "UPDATE", "DELETE")), "ONOFFLINEEVENT"]


def _wanted(portal: Portal, call: Call) -> dict[str, Any]:
    options = call.get("options") if isinstance(call.get("options"), dict) else {}
    common = {"auth_type": call.whole("auth_type"), "min_timeout": int((options or {}).get("minTimeout") or 0)}
    if not _offline(call):
        return common | {"handler": _checked(str(call.get("handler") or ""))}
    if not call.credential.admin:
        raise ADMIN_NEEDED
    if call.connector and not portal.switches.rest_auth_connector:
        raise WRONG_LICENSE
    return common | {"offline": True, "connector": call.connector}


def _checked(handler: str) -> str:
    if not handler:
        raise Refusal(400, "ERROR_ARGUMENT", "Argument 'HANDLER' is null or empty")
    url = urlsplit(handler)
    if url.scheme not in ("http", "https"):
        raise Refusal(400, "ERROR_UNSUPPORTED_PROTOCOL", "Unsupported event handler protocol")
    if "." not in (url.hostname or ""):
        raise Refusal(400, "ERROR_WRONG_HANDLER_URL", "Wrong handler URL")
    return handler


def _offline(call: Call) -> bool:
    return str(call.get("event_type") or "online").lower() == "offline"


def _same(one: Binding, event: str, wanted: dict[str, Any]) -> bool:
    place = (event, wanted.get("handler", ""), wanted.get("connector", ""), wanted.get("offline", False), True)
    return (one.event, one.handler, one.connector, one.offline, one.app) == place


def _shown(one: Binding) -> dict[str, Any]:
    if one.offline:
        return {"event": one.event, "connector_id": one.connector, "offline": 1}
    return {"event": one.event, "handler": one.handler, "auth_type": str(one.auth_type), "offline": 0}
