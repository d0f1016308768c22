"""What people do and see in a CRM, in words that both CRMs share. Knows the stand-ins' own kinds and fields, and no pipeline.

Fields: contacts name, position, phones, emails; companies name, phones, emails; deals title, amount, stage, company, contacts;
tasks title, done. Stages are STAGES; names are compared as bags of words, since one CRM has one field and the other two.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

import orjson

from crm_pipeline.sandbox.amocrm import AmoSandbox
from crm_pipeline.sandbox.bitrix24 import BitrixSandbox
from crm_pipeline.sandbox.serving import Sandbox

Values = dict[str, Any]
ENTITIES = ("contacts", "companies", "deals", "tasks")
STAGES = ("new", "talk", "contract", "won", "lost")
FIELDS: Mapping[str, tuple[str, ...]] = {
    "contacts": ("name", "position", "phones", "emails"),
    "companies": ("name", "phones", "emails"),
    "deals": ("title", "amount", "stage", "company", "contacts"),
    "tasks": ("title", "done"),
}
MAIN = {"contacts": "name", "companies": "name", "deals": "title", "tasks": "title"}
"""Field that every record has a word of its own in, by which copies of it are counted."""


def words_of(name: Any) -> str:
    """Return a name as it is compared: its words in any order."""
    return " ".join(sorted(str(name or "").split()))


class Side(ABC):
    """One CRM and the people in it."""

    kinds: ClassVar[Mapping[str, str]]
    """Entity → kind of the stand-in."""

    def __init__(self, name: str, sandbox: Sandbox):
        self.name = name
        self.sandbox = sandbox

    @abstractmethod
    def spelled(self, entity: str, values: Values, row: Values | None) -> Values:
        """Return vendor fields for shared ones. `row`: what the record holds; None: a new one."""

    @abstractmethod
    def seen(self, entity: str, row: Values) -> Values:
        """Return shared fields of a vendor row."""

    @abstractmethod
    def is_write(self, entry: Values) -> bool:
        """Return whether a journal entry asked for something to be changed."""

    def create(self, entity: str, values: Values) -> str:
        """Let somebody make a record; return its id."""
        edit = {"kind": self.kinds[entity], "create": self.spelled(entity, values, None)}
        return str(self.sandbox.edit(edit)[0])

    def change(self, entity: str, key: str, values: Values) -> None:
        """Let somebody change a record."""
        row = self.row(entity, key)
        self._edit(entity, id=int(key), set=self.spelled(entity, values, row))

    def delete(self, entity: str, key: str) -> None:
        """Let somebody put a record into the trash."""
        self._edit(entity, id=int(key), delete=True)

    def restore(self, entity: str, key: str) -> str:
        """Let somebody take a record out of the trash; return its id now."""
        return str(self._edit(entity, id=int(key), restore=True))

    def merge(self, entity: str, winner: str, loser: str) -> None:
        """Let somebody merge two records."""
        self._edit(entity, merge=[int(winner), int(loser)])

    def _edit(self, entity: str, **edit: Any) -> int | None:
        return self.sandbox.edit({"kind": self.kinds[entity], **edit})[0]

    def keys(self, entity: str, deleted: int | None = 0) -> list[str]:
        """Return ids of the living records, or of those in a state."""
        return [str(key) for key, _ in self._rows(entity, deleted)]

    def row(self, entity: str, key: str) -> Values:
        """Return a record as the CRM keeps it."""
        return self.sandbox.store.get(self.kinds[entity], int(key)) or {}

    def dump(self, entity: str, deleted: int | None = 0) -> dict[str, Values]:
        """Return id → shared fields of the living records."""
        return {str(key): self.seen(entity, orjson.loads(body)) for key, body in self._rows(entity, deleted)}

    def changed_at(self, entity: str, key: str) -> float:
        """Return when a record changed last, in unix seconds by the CRM's clock."""
        times = self.sandbox.store.times(self.kinds[entity], int(key))
        return float(times[1]) if times else 0.0

    def _rows(self, entity: str, deleted: int | None = 0) -> list[tuple[int, str]]:
        kind = self.kinds[entity]
        return self.sandbox.store.select(kind, deleted=deleted) if kind in self.sandbox.store.kinds() else []

    def writes(self, since: int = 0) -> list[Values]:
        """Return the journal's writes after an entry, oldest first."""
        return [entry for entry in self.sandbox.journal.entries(since) if self.is_write(entry)]


# amoCRM ---------------------------------------------------------------------------------------------------------------

AMO_PIPELINE = 4401
AMO_STAGES = {"new": 440101, "talk": 440102, "contract": 440103, "won": 142, "lost": 143}
AMO_POINTS = {"phones": ("PHONE", "MOB"), "emails": ("EMAIL", "WORK")}


class AmoSide(Side):
    """An amoCRM account."""

    kinds: ClassVar[Mapping[str, str]] = {"contacts": "contacts", "companies": "companies", "deals": "leads", "tasks": "tasks"}
    sandbox: AmoSandbox

    def spelled(self, entity: str, values: Values, row: Values | None) -> Values:
        made: Values = {}
        for name, value in values.items():
            if (entity, name) == ("contacts", "name"):
                made["first_name"], _, made["last_name"] = str(value).partition(" ")
            _merge_in(made, _AMO_SPELLED[name](value) if name in _AMO_SPELLED else {_AMO_NAMES[entity, name]: value})
        if entity == "tasks" and row is None:
            made = {"complete_till": int(self.sandbox.clock.now()) + 86_400, "task_type_id": 1, **made}
        return made

    def seen(self, entity: str, row: Values) -> Values:
        fields = {one.get("field_code"): one["values"] for one in row.get("custom_fields_values") or [] if one.get("field_code")}
        if entity == "tasks":
            return {"title": row["text"], "done": bool(row["is_completed"])}
        if entity == "deals":
            return self._deal(row)
        points = {name: sorted(str(one["value"]) for one in fields.get(code, [])) for name, (code, _) in AMO_POINTS.items()}
        name = row.get("name") or f"{row.get('first_name') or ''} {row.get('last_name') or ''}"
        position = {"position": (fields.get("POSITION") or [{}])[0].get("value")} if entity == "contacts" else {}
        return {"name": words_of(name), **position, **points}

    def _deal(self, row: Values) -> Values:
        companies = row["_embedded"].get("companies") or []
        pairs = [orjson.loads(body) for _, body in self.sandbox.store.select("lead_contacts", "parent = ?", (str(row["id"]),))] \
            if "lead_contacts" in self.sandbox.store.kinds() else []  # fmt: skip
        stage = next((name for name, status in AMO_STAGES.items() if status == row["status_id"]), str(row["status_id"]))
        return {
            "title": row["name"], "amount": float(row["price"] or 0), "stage": stage,
            "company": str(companies[0]["id"]) if companies else None, "contacts": sorted(str(pair["contact"]) for pair in pairs),
        }  # fmt: skip

    def is_write(self, entry: Values) -> bool:
        return entry["method"] in ("POST", "PATCH", "PUT", "DELETE") and entry["path"].startswith("/api/")


_AMO_NAMES = {
    ("contacts", "name"): "name", ("companies", "name"): "name", ("deals", "title"): "name", ("tasks", "title"): "text",
    ("deals", "amount"): "price",
}  # fmt: skip


def _amo_points(name: str) -> Any:
    code, label = AMO_POINTS[name]
    values = lambda given: [{"value": one, "enum_code": label} for one in given] or None  # noqa: E731
    return lambda given: {"custom_fields_values": [{"field_code": code, "values": values(given)}]}


_AMO_SPELLED = {
    "phones": _amo_points("phones"), "emails": _amo_points("emails"),
    "position": lambda value: {"custom_fields_values": [{"field_code": "POSITION", "values": [{"value": value}]}]},
    "stage": lambda value: {"pipeline_id": AMO_PIPELINE, "status_id": AMO_STAGES[value]},
    "done": lambda value: {"is_completed": True, "result": {"text": "Done"}} if value else {"is_completed": False},
    "company": lambda value: {"_embedded": {"companies": [{"id": int(value)}]}},
    "contacts": lambda value: {"_embedded": {"contacts": [{"id": int(one)} for one in value]}},
    "about": lambda value: {"entity_type": "leads", "entity_id": int(value)},
}  # fmt: skip


def _merge_in(made: Values, more: Values) -> None:
    for key, value in more.items():
        if key == "custom_fields_values":
            made.setdefault(key, []).extend(value)
        elif key == "_embedded":
            made.setdefault(key, {}).update(value)
        else:
            made[key] = value


# Bitrix24 -------------------------------------------------------------------------------------------------------------

BITRIX_STAGES = {"new": "NEW", "talk": "PREPARATION", "contract": "EXECUTING", "won": "WON", "lost": "LOSE"}
BITRIX_POINTS = {"phones": ("PHONE", "MOBILE"), "emails": ("EMAIL", "WORK")}
READS = (".list", ".get", ".fields", ".current", ".status", "profile", "scope", "oauth", "app.info", "server.time", "method.get")


class BitrixSide(Side):
    """A Bitrix24 portal."""

    kinds: ClassVar[Mapping[str, str]] = {"contacts": "contact", "companies": "company", "deals": "deal", "tasks": "task"}
    sandbox: BitrixSandbox

    def spelled(self, entity: str, values: Values, row: Values | None) -> Values:
        made: Values = {"RESPONSIBLE_ID": 1} if entity == "tasks" and row is None else {}
        for name, value in values.items():
            if name in BITRIX_POINTS:
                made |= _bitrix_points(name, value, row)
            elif name == "name" and entity == "contacts":
                first, _, last = str(value).partition(" ")
                made |= {"NAME": first, "LAST_NAME": last}
            else:
                made |= _BITRIX_SPELLED[name](value)
        return made

    def seen(self, entity: str, row: Values) -> Values:
        if entity == "tasks":
            return {"title": row["title"], "done": str(row["status"]) == "5"}
        if entity == "deals":
            stage = next((name for name, status in BITRIX_STAGES.items() if status == row["STAGE_ID"]), row["STAGE_ID"])
            return {
                "title": row["TITLE"], "amount": float(row["OPPORTUNITY"] or 0), "stage": stage,
                "company": _linked(row.get("COMPANY_ID")), "contacts": self._contacts_of(row),
            }  # fmt: skip
        points = {name: sorted(one["VALUE"] for one in row.get(code) or []) for name, (code, _) in BITRIX_POINTS.items()}
        if entity == "companies":
            return {"name": words_of(row["TITLE"]), **points}
        name = f"{row.get('NAME') or ''} {row.get('SECOND_NAME') or ''} {row.get('LAST_NAME') or ''}"
        return {"name": words_of(name), "position": row.get("POST") or None, **points}

    def _contacts_of(self, row: Values) -> list[str]:
        record = self.sandbox.portal.records.load("deal", int(row["ID"]))
        return sorted(map(str, record.links)) if record else []

    def is_write(self, entry: Values) -> bool:
        call = str(entry["call"]).lower()
        if call == "batch":
            return any(not _reads(name) for name in _commands(entry["params"]))
        return "/" not in call and not _reads(call)


def _reads(call: str) -> bool:
    return any(word in call for word in READS)


def _commands(params: Any) -> list[str]:
    """Return the names of the calls of a batch."""
    found = (params or {}).get("cmd") or {}
    return [str(one).partition("?")[0].lower() for one in (found.values() if isinstance(found, dict) else found)]


def _bitrix_points(name: str, value: list[str], row: Values | None) -> Values:
    code, label = BITRIX_POINTS[name]
    held = {one["VALUE"]: one["ID"] for one in (row or {}).get(code) or []}
    gone = [{"ID": held[one], "DELETE": "Y"} for one in held if one not in value]
    return {code: [{"VALUE": one, "VALUE_TYPE": label} for one in value if one not in held] + gone}


def _linked(value: Any) -> str | None:
    return None if value in (None, "", "0", 0) else str(value)


_BITRIX_SPELLED: dict[str, Any] = {
    "name": lambda value: {"TITLE": value}, "title": lambda value: {"TITLE": value}, "position": lambda value: {"POST": value},
    "amount": lambda value: {"OPPORTUNITY": value, "IS_MANUAL_OPPORTUNITY": "Y"},
    "stage": lambda value: {"STAGE_ID": BITRIX_STAGES[value]},
    "done": lambda value: {"STATUS": "5" if value else "2"},
    "company": lambda value: {"COMPANY_ID": int(value)},
    "contacts": lambda value: {"CONTACT_IDS": [int(one) for one in value]},
    "about": lambda value: {"UF_CRM_TASK": [f"D_{value}"]},
}  # fmt: skip
