"""Which address is answered by what, and who may ask."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from . import (
    calls,
    catalogs,
    complex_leads,
    custom_fields,
    entities,
    entity_writes,
    event_lists,
    events,
    hooks,
    links,
    notes,
    people,
    pipelines,
    tags,
    tasks,
    unsorted,
)
from .account import Account
from .answers import Answer
from .call import Call

Handler = Callable[[Account, Call], Answer]
KINDS = {"kind": "leads|contacts|companies", "field_kind": "leads|contacts|companies|customers", "pin": "pin|unpin"}
_NUMBER = r"\d+"
_TEXT = {"uid": r"[A-Za-z0-9]+", "event": r"[a-z0-9]{26}"}


@dataclass(frozen=True)
class Route:
    """One address with its handler per method; `admin` methods need an administrator."""

    pattern: re.Pattern[str]
    handlers: dict[str, Handler]
    admin: frozenset[str]


def _route(path: str, admin: str = "", /, **handlers: Handler) -> Route:
    pattern = re.sub(r"\{(\w+)\}", lambda found: f"(?P<{found[1]}>{KINDS.get(found[1]) or _TEXT.get(found[1]) or _NUMBER})", path)
    return Route(re.compile(f"^/api/v4/{pattern}/?$"), handlers, frozenset(admin.split()))


_FIELDS = {"GET": custom_fields.list_fields, "POST": custom_fields.write_fields, "PATCH": custom_fields.write_fields}
_FIELD = {"GET": custom_fields.get_field, "PATCH": custom_fields.write_fields, "DELETE": custom_fields.delete_field}
_NOTES = {"GET": notes.list_notes, "POST": notes.create_notes, "PATCH": notes.update_notes}
_PIPELINES = {"GET": pipelines.list_pipelines, "POST": pipelines.create_pipelines}
_PIPELINE = {"GET": pipelines.get_pipeline, "PATCH": pipelines.update_pipeline, "DELETE": pipelines.delete_pipeline}
_STATUSES = {"GET": pipelines.list_statuses, "POST": pipelines.create_statuses}
_STATUS = {"GET": pipelines.get_status, "PATCH": pipelines.update_status, "DELETE": pipelines.delete_status}
_HOOKS = {"GET": hooks.list_hooks, "POST": hooks.subscribe, "DELETE": hooks.unsubscribe}
_CATALOGS = {"GET": catalogs.list_catalogs, "POST": catalogs.write_catalogs, "PATCH": catalogs.write_catalogs}
_CATALOG = {"GET": catalogs.get_catalog, "PATCH": catalogs.write_catalogs}
_ELEMENTS = {"GET": catalogs.list_elements, "POST": catalogs.write_elements, "PATCH": catalogs.write_elements}
_ELEMENT = {"GET": catalogs.get_element, "PATCH": catalogs.write_elements}
_ENTITIES = {"GET": entities.list_entities, "POST": entity_writes.create_entities, "PATCH": entity_writes.update_entities}
_ENTITY = {"GET": entities.get_entity, "PATCH": entity_writes.update_entities}
_TASKS = {"GET": tasks.list_tasks, "POST": tasks.create_tasks, "PATCH": tasks.update_tasks}
_WRITES = "POST PATCH DELETE"

ROUTES: list[Route] = [
    _route("account", GET=people.get_account),
    _route("users", "GET", GET=people.list_users),
    _route("users/{id}", "GET", GET=people.get_user),
    _route("roles", "GET", GET=people.list_roles),
    _route("leads/loss_reasons", GET=people.list_loss_reasons),
    _route("leads/loss_reasons/{id}", GET=people.get_loss_reason),
    _route("leads/pipelines", _WRITES, **_PIPELINES),
    _route("leads/pipelines/{pipeline}", _WRITES, **_PIPELINE),
    _route("leads/pipelines/{pipeline}/statuses", _WRITES, **_STATUSES),
    _route("leads/pipelines/{pipeline}/statuses/{id}", _WRITES, **_STATUS),
    _route("leads/unsorted", GET=unsorted.list_unsorted),
    _route("leads/unsorted/summary", GET=unsorted.summary),
    _route("leads/complex", POST=complex_leads.create_complex),
    _route("calls", POST=calls.create_calls),
    _route("events", GET=event_lists.list_events),
    _route("events/types", GET=events.get_types),
    _route("events/{event}", GET=events.get_event),
    _route("tasks", "", **_TASKS),
    _route("tasks/{id}", GET=tasks.get_task, PATCH=tasks.update_tasks),
    _route("webhooks", "GET POST DELETE", **_HOOKS),
    _route("catalogs", "", **_CATALOGS),
    _route("catalogs/{catalog}", "", **_CATALOG),
    _route("catalogs/{catalog}/elements", "", **_ELEMENTS),
    _route("catalogs/{catalog}/elements/{id}", "", **_ELEMENT),
    _route("catalogs/{catalog}/custom_fields", _WRITES, **_FIELDS),
    _route("catalogs/{catalog}/custom_fields/{id}", _WRITES, **_FIELD),
    _route("{field_kind}/custom_fields", _WRITES, **_FIELDS),
    _route("{field_kind}/custom_fields/{id}", _WRITES, **_FIELD),
    _route("{field_kind}/custom_fields/groups", GET=custom_fields.list_groups),
    _route("{field_kind}/tags", GET=tags.list_tags, POST=tags.create_tags),
    _route("{kind}/links", GET=links.get_links),
    _route("{kind}/link", POST=links.link),
    _route("{kind}/unlink", POST=links.unlink),
    _route("{kind}/{id}/links", GET=links.get_links),
    _route("{kind}/{id}/link", POST=links.link),
    _route("{kind}/{id}/unlink", POST=links.unlink),
    _route("{kind}/{id}/subscriptions", GET=unsorted.list_unsorted),
    _route("{kind}/notes", "", **_NOTES),
    _route("{kind}/notes/{id}", GET=notes.get_note),
    _route("{kind}/notes/{id}/{pin}", POST=notes.pin_note),
    _route("{kind}/{entity}/notes", "", **_NOTES),
    _route("{kind}/{entity}/notes/{id}", GET=notes.get_note, PATCH=notes.update_notes),
    _route("customers", GET=unsorted.no_customers, POST=unsorted.no_customers, PATCH=unsorted.no_customers),
    _route("{kind}", "", **_ENTITIES),
    _route("{kind}/{id}", "", **_ENTITY),
]


def find(path: str) -> tuple[Route, dict[str, str]] | None:
    """Answer the route of a path and its parameters."""
    for route in ROUTES:
        found = route.pattern.match(path)
        if found:
            params = found.groupdict()
            if "event" in params:
                params["id"] = params.pop("event")
            if "field_kind" in params:
                params["kind"] = params.pop("field_kind")
            return route, params
    return None
