"""Operations as people and apps send them: what may be asked of which entity, and reading one strictly.

What belongs here: everything that can be said about an operation without asking the database: actions, fields, types. A
mistake is a UsageError whose sentence names the field, what is wrong and what to do. Whether a record, a stage or a
connection exists belongs to `stages/edit_reading.py`; what an edit of one column means for its group to `whole_groups.py`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from types import MappingProxyType
from typing import Any

from crm_pipeline.errors import UsageError
from crm_pipeline.model import operation_values as values
from crm_pipeline.model.writing import COMPLETE, CREATE, LINK, REOPEN, UNLINK, UPDATE

LINKED: Mapping[str, Mapping[str, str]] = MappingProxyType({
    "deals": {"contacts": "contacts", "products": "products", "companies": "companies"},
    "contacts": {"companies": "companies"},
})  # fmt: skip
"""Entity → field of link and unlink, and of create, → entity it leads to. A deal has one company: linking it sets company_id."""

ACTIONS: Mapping[str, tuple[str, ...]] = MappingProxyType({
    "contacts": (CREATE, UPDATE, LINK, UNLINK),
    "companies": (CREATE, UPDATE),
    "products": (CREATE, UPDATE),
    "deals": (CREATE, UPDATE, LINK, UNLINK),
    "tasks": (CREATE, UPDATE, COMPLETE, REOPEN),
    "communications": (CREATE, UPDATE),
})  # fmt: skip
TARGETS = ("contacts", "companies", "deals")
"""Entities a task or a communication can be about."""
KEYS = ("id", "entity", "action", "record", "base_version", "connections", "fields")


@dataclass(frozen=True, slots=True)
class Reference:
    """A golden record, or a record of the same uploads by its temporary id, that a field names."""

    path: str
    """Where in the operation."""
    entity: str
    record: str


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation, read. All values are as JSON holds them: numbers as text, times as ISO 8601 in UTC, ids as text."""

    id: str
    entity: str
    action: str
    record: str
    """Golden id, or a temporary one: `tmp:` and anything."""
    base_version: datetime | None = None
    connections: tuple[str, ...] = ()
    values: Mapping[str, Any] = field(default_factory=dict)
    """Golden column → value; None clears."""
    sets: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """phones, emails, webs → whole list."""
    links: Mapping[str, tuple[Mapping[str, Any], ...]] = field(default_factory=dict)
    """contacts, companies, products → records, each {"id"} and of products quantity and price."""
    result: str | None = None
    """Of complete: what a person wrote."""
    references: tuple[Reference, ...] = ()


# Fields ---------------------------------------------------------------------------------------------------------------

KINDS_OF_TALK = ("call", "sms", "email", "chat", "meeting", "note", "other")
_TARGET: dict[str, values.Read] = {"target_entity": partial(values.choice, TARGETS)}
_NAMED: dict[str, values.Read] = {"name": values.text}

COLUMNS: Mapping[str, Mapping[str, values.Read]] = MappingProxyType({
    "companies": {**_NAMED, "tax_id": values.text, "website": values.web},
    "contacts": {
        **_NAMED, **dict.fromkeys(("first_name", "last_name", "middle_name", "position"), values.text), "birthday": values.day,
    },
    "products": {**_NAMED, "sku": values.text, "price": values.money, "currency": values.currency, "is_active": values.flag},
    "deals": {"title": values.text, "amount": values.money, "currency": values.currency, "loss_reason": values.text},
    "tasks": {
        **dict.fromkeys(("title", "body", "kind"), values.text), "due_at": values.moment, "is_completed": values.flag, **_TARGET,
    },
    "communications": {
        "kind": partial(values.choice, KINDS_OF_TALK), "direction": partial(values.choice, ("in", "out")), "body": values.text,
        "happened_at": values.moment, "duration_seconds": values.seconds, "recording_url": values.web, **_TARGET,
    },
})  # fmt: skip
"""Entity → golden column with a plain value → how it is read."""

REFERRING: Mapping[str, Mapping[str, str]] = MappingProxyType({
    "companies": {"owner_id": "users"},
    "contacts": {"owner_id": "users", "company_id": "companies"},
    "products": {},
    "deals": {"owner_id": "users", "company_id": "companies", "pipeline_id": "pipelines", "stage_id": "stages"},
    "tasks": {"owner_id": "users", "target_id": ""},
    "communications": {"author_id": "users", "target_id": ""},
})  # fmt: skip
"""Entity → golden column that names a record → entity; empty: the one `target_entity` names."""

WITH_POINTS, WITH_TAGS = ("contacts", "companies"), ("contacts", "companies", "deals")
POINTS = ("phones", "emails", "webs")
NEVER_NULL = {"tags", "is_completed", "kind", *POINTS, "contacts", "companies", "products"}

DERIVED: Mapping[str, str] = MappingProxyType({
    "stage_category": "It follows from stage_id.",
    "closed_at": "It follows from stage_id.",
    "completed_at": "Use the actions complete and reopen.",
    "body_text": "It follows from body.",
    "is_own": "Only the CRM decides which companies are its own.",
    **dict.fromkeys(
        ("id", "provenance", "source_count", "custom_fields", "created_at", "updated_at", "deleted_at", "reconciled_at"),
        "The pipeline keeps it itself.",
    ),
})  # fmt: skip
"""Columns that are not edited → why."""


def known_fields(entity: str, action: str) -> tuple[str, ...]:
    """Return the names an operation's `fields` may have."""
    if action in (LINK, UNLINK):
        return tuple(LINKED[entity])
    if action in (COMPLETE, REOPEN):
        return ("result",)
    lists = (POINTS if entity in WITH_POINTS else ()) + (("tags",) if entity in WITH_TAGS else ())
    links = tuple(LINKED.get(entity, ())) if action == CREATE else ()
    return (*COLUMNS[entity], *REFERRING[entity], *lists, *links)


# A whole operation ----------------------------------------------------------------------------------------------------


def operation_id(given: Any) -> str:
    """Return the id of an operation as sent. Raises UsageError when there is none to tell it apart by."""
    if not isinstance(given, Mapping):
        raise UsageError(f"{values.shown(given)} is no operation.", what_to_do=f"Write an object with {', '.join(KEYS)}.")
    value = given.get("id")
    if not isinstance(value, str) or not value or len(value) > values.LONGEST_ID:
        raise values.wrong(
            "id", f"{values.shown(value)} is no operation id", f"Write a text of your own, 1 to {values.LONGEST_ID} characters."
        )
    return values.clean_id("id", value)


def read_operation(given: Mapping[str, Any], region: str) -> Operation:
    """Read one operation. `region`: of phones without a country code. Raises UsageError with what is wrong, and where."""
    for name in given:
        if name not in KEYS:
            raise values.wrong(values.shown(name), "an operation has no such part", f"It has: {', '.join(KEYS)}.")
    entity = values.choice(tuple(ACTIONS), "entity", given.get("entity"))
    action = values.choice(ACTIONS[entity], "action", given.get("action"))
    fields = given.get("fields") or {}
    if not isinstance(fields, Mapping):
        raise values.wrong("fields", f"{values.shown(fields)} is no object", 'Write {"field": value, …}.')
    reading = _Reading(entity, action, region)
    for name, value in fields.items():
        reading.take(name, value)
    return Operation(
        operation_id(given), entity, action, _record(given, action), _version(given.get("base_version")),
        _connections(given.get("connections"), action), **reading.taken(),
    )  # fmt: skip


def _record(given: Mapping[str, Any], action: str) -> str:
    record = values.record_id("record", given.get("record"))
    if action == CREATE and not record.startswith(values.TEMPORARY):
        raise values.wrong("record", "a new record gets its golden id from us", 'Name it with a temporary id, such as "tmp:1".')
    return record


def _version(given: Any) -> datetime | None:
    return None if given is None else datetime.fromisoformat(values.moment("base_version", given))


def _connections(given: Any, action: str) -> tuple[str, ...]:
    if given is None:
        return ()
    if not isinstance(given, list) or not all(isinstance(name, str) for name in given):
        raise values.wrong("connections", f"{values.shown(given)} is no list of names", 'Write ["sales-msk"].')
    if action != CREATE:
        raise values.wrong(
            "connections", "only a create names connections", "Leave it out: every two-way connection that has it gets it.",
        )  # fmt: skip
    return tuple(dict.fromkeys(given))


class _Reading:
    """The fields of one operation, as they are read."""

    def __init__(self, entity: str, action: str, region: str):
        self._entity, self._action = entity, action
        self._columns, self._referring = COLUMNS[entity], REFERRING[entity]
        self._listed: dict[str, values.Read] = {
            "phones": partial(values.phone, region), "emails": values.email, "webs": values.web, "tags": values.word,
        }  # fmt: skip
        self._known = known_fields(entity, action)
        self._values: dict[str, Any] = {}
        self._sets: dict[str, tuple[str, ...]] = {}
        self._links: dict[str, tuple[Mapping[str, Any], ...]] = {}
        self._references: list[Reference] = []
        self._result: str | None = None

    def take(self, name: str, value: Any) -> None:
        """Read one field."""
        path = f"fields.{name}" if isinstance(name, str) and name.isprintable() else "fields"
        if name not in self._known:
            known = f"{self._action} of {self._entity} takes: {', '.join(self._known)}."
            what = "it cannot be edited" if name in DERIVED else "there is no such field"
            raise values.wrong(path, what, DERIVED.get(name, known))
        if value is None and (name in NEVER_NULL and (name, self._entity) != ("kind", "tasks")):
            raise values.wrong(path, "it is never null", "Leave it out, or write [] for no entries.")
        self._read(name, path, value)

    def _read(self, name: str, path: str, value: Any) -> None:
        if name == "result":
            self._result = None if value is None else values.text(path, value)
        elif name in self._columns:
            self._values[name] = None if value is None else self._columns[name](path, value)
        elif name in self._referring:
            self._values[name] = None if value is None else self._refer(path, self._referring[name], value)
        elif name in self._listed:
            self._list(name, path, value)
        else:
            target = LINKED[self._entity][name]
            self._links[name] = tuple(self._link(target, f"{path}[{n}]", one) for n, one in enumerate(values.items(path, value)))

    def _refer(self, path: str, entity: str, value: Any) -> str:
        record = values.record_id(path, value)
        self._references.append(Reference(path, entity, record))
        return record

    def _list(self, name: str, path: str, value: Any) -> None:
        read = self._listed[name]
        words = tuple(dict.fromkeys(read(f"{path}[{n}]", one) for n, one in enumerate(values.items(path, value))))
        if name == "tags":
            self._values["tags"] = list(words)
        else:
            self._sets[name] = words

    def _link(self, entity: str, path: str, value: Any) -> Mapping[str, Any]:
        if entity != "products":
            return {"id": self._refer(path, entity, value)}
        line = value if isinstance(value, Mapping) else {"product": value}
        for name in line:
            if name not in ("product", "quantity", "price"):
                raise values.wrong(f"{path}.{name}", "there is no such part", "A product has: product, quantity, price.")
        numbers = {n: values.money(f"{path}.{n}", line[n]) for n in ("quantity", "price") if line.get(n) is not None}
        return {"id": self._refer(f"{path}.product", entity, line.get("product")), "quantity": "1", **numbers}

    def taken(self) -> dict[str, Any]:
        """Return what was read. Raises UsageError when it asks for nothing, or half a target."""
        is_empty = not (self._values or self._sets or any(self._links.values()))
        if is_empty and self._action not in (COMPLETE, REOPEN):
            raise values.wrong("fields", "there is nothing in it", f"{self._action} takes: {', '.join(self._known)}.")
        if (self._values.get("target_id") is None) != (self._values.get("target_entity") is None):
            raise values.wrong("fields.target_id", "target_entity and target_id go together", "Write both, or neither.")
        if self._entity == "deals" and self._action != UNLINK:
            self._take_company(self._links.pop("companies", ()))
        return {"values": self._values, "sets": self._sets, "links": self._links, "result": self._result,
                "references": tuple(self._aimed(one) for one in self._references)}  # fmt: skip

    def _take_company(self, companies: tuple[Mapping[str, Any], ...]) -> None:
        if len(companies) > 1:
            raise values.wrong("fields.companies", "a deal has one company", "Name one.")
        for one in companies:
            self._values["company_id"] = one["id"]

    def _aimed(self, one: Reference) -> Reference:
        """Return the reference with its entity, of a target the one `target_entity` names."""
        return one if one.entity else Reference(one.path, str(self._values.get("target_entity")), one.record)
