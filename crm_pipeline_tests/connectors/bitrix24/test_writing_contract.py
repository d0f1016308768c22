"""The connector keeps every promise of `WritingContract`, through both faces."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from typing import Any, ClassVar

from crm_pipeline.connectors import Connector, Link
from crm_pipeline.connectors.bitrix24 import CONNECTOR
from crm_pipeline.connectors.bitrix24.landing import COMMENT
from crm_pipeline.model.records import MappingContext, RawRecord, WalkRequest
from crm_pipeline.model.writing import CREATE
from crm_pipeline_tests.connectors.bitrix24.portal import STREAMS, Portal, open_link, portal
from crm_pipeline_tests.connectors.writing_contract import Values, WritingContract, WritingStand

KINDS = {
    "companies": "company", "contacts": "contact", "deals": "deal", "tasks": "task", "products": "product",
    "communications": "activity",
}  # fmt: skip
NOON = datetime(2026, 10, 5, 12, 30, tzinfo=UTC)


class BitrixWriting:
    """A portal that may be written to."""

    connector: Connector = CONNECTOR

    def __init__(self, found: Portal, link: Link, before_create: Mapping[str, int]):
        self.portal, self.link, self.before_create = found, link, before_create
        self.context: MappingContext = found.writing_context()

    def current(self, entity: str, ids: Sequence[str]) -> dict[str, RawRecord]:
        streams = ("activities", "comments") if entity == "communications" else (entity,)
        pages = [
            page for name in streams for page in CONNECTOR.walk(self.link, STREAMS[name], WalkRequest("record", ids=tuple(ids)))
        ]
        return {record.external_id: record for page in pages for record in page.records}

    def ids(self, entity: str) -> set[str]:
        notes = {f"{COMMENT}{key}" for key in self.portal.held("comment")} if entity == "communications" else set()
        return self.portal.held(KINDS[entity]) | notes

    def write_fault(self, entity: str, operation: str, **rule: Any) -> None:
        """Strike the request that writes: draining reads the record before, in as many requests as it takes."""
        reads = self.reads(entity) if operation != CREATE else self.before_create.get(entity, 0)
        self.portal.fault(rule.pop("fault"), call="batch", **{**rule, "after": reads + 1, "seconds": 3})

    def reads(self, entity: str) -> int:
        """Return how many requests reading one record takes."""
        before = self.requests()
        self.current(entity, sorted(self.ids(entity))[:1])
        return self.requests() - before

    def requests(self) -> int:
        return self.link.http.requests_made

    def secrets(self) -> list[str]:
        return [str(self.portal.vault.secrets["webhook_url"]).rstrip("/").rpartition("/")[2]]


class TestThroughItems(WritingContract):
    """On a portal with `crm.item.*` and `catalog.*`."""

    FACTS: ClassVar[dict[str, Any]] = {}
    BEFORE_CREATE: ClassVar[dict[str, int]] = {"communications": 2}
    """Entity → how many requests come before its create: of a call on a deal, whose contact it was with, and the number."""
    CREATES: ClassVar[dict[str, Values]] = {
        "companies": {
            "name": 'ООО "Ромашка" & Co', "website": "https://romashka.example", "tax_id": "7701234567", "owner_external_id": "2",
            "phones": ["+74951112233"], "emails": ["info@romashka.example"],
            "webs": ["https://romashka.example", "https://other.example"],
        },
        "contacts": {
            "first_name": "Анна", "last_name": "Петрова", "middle_name": "Ивановна", "name": "Анна Петрова",
            "position": "CTO + CEO", "birthday": date(1990, 5, 4), "owner_external_id": "2", "company_external_id": "3",
            "phones": ["+79001112233", "+79001112244"], "emails": ["anna@example.test"], "webs": ["https://anna.example"],
        },
        "products": {"name": "Widget + 100%", "sku": "W-1", "price": "99.90", "currency": "EUR", "is_active": True},
        "deals": {
            "title": "Order [17]", "amount": "1250.555", "currency": "EUR", "pipeline_external_id": "0",
            "stage_external_id": "PREPARATION", "owner_external_id": "2", "company_external_id": "3",
        },
        "tasks": {
            "title": "Call Ann", "body": "at\nnoon", "due_at": NOON, "is_completed": False, "owner_external_id": "2",
            "target_entity": "contacts", "target_external_id": "5",
        },
        "communications": {
            "kind": "call", "direction": "out", "body": "talked & agreed", "happened_at": NOON, "duration_seconds": 125,
            "author_external_id": "2", "target_entity": "deals", "target_external_id": "4",
        },
    }  # fmt: skip
    CHANGES: ClassVar[dict[str, Values]] = {
        "companies": {
            "name": "Другая", "website": "https://third.example", "tax_id": "7709876543", "owner_external_id": "3",
            "phones": ["+74951112244"], "emails": [], "webs": ["https://other.example", "https://fourth.example"],
        },
        "contacts": {
            "first_name": "Ольга", "last_name": "Ким", "middle_name": "П", "name": "Ольга Петровна Ким", "position": "CEO",
            "birthday": date(1991, 1, 31), "owner_external_id": "3", "company_external_id": "7", "phones": ["+79001112255"],
            "emails": ["anna@example.test", "b@example.test"], "webs": [],
        },
        "products": {"name": "Gadget", "sku": "G-2", "price": "100.00", "currency": "USD", "is_active": False},
        "deals": {
            "title": "Order 18", "amount": "9.99", "currency": "USD", "pipeline_external_id": "1", "stage_external_id": "C1:WON",
            "owner_external_id": "3", "company_external_id": "7",
        },
        "tasks": {
            "title": "Call Bob", "body": "later", "due_at": datetime(2026, 11, 1, 9, tzinfo=UTC), "is_completed": True,
            "owner_external_id": "3", "target_entity": "deals", "target_external_id": "6",
        },
    }  # fmt: skip
    CLEARED: ClassVar[dict[str, tuple[str, ...]]] = {
        "companies": ("tax_id", "phones", "emails", "webs"),
        "contacts": ("first_name", "position", "birthday", "company_external_id", "phones", "emails", "webs", "last_name"),
        "deals": ("company_external_id",),
        "tasks": ("body", "due_at"),
    }
    REFUSED: ClassVar[dict[str, Values]] = {"deals": {"owner_external_id": "nobody"}, "tasks": {"title": None}}
    MARKED: ClassVar[tuple[str, ...]] = ("companies", "contacts", "deals")

    @contextmanager
    def open_stand(self, **switches: Any) -> Iterator[WritingStand]:
        with portal(contacts=60, **switches) as found:
            found.checked()
            link = open_link(found.sandbox, found.vault, {**found.link.facts, **self.FACTS}, read_seconds=1.0)
            yield BitrixWriting(found, link, self.BEFORE_CREATE)

    def moves_with(self, entity: str, column: str) -> set[str]:
        return {column, *MOVES.get(column, ())}

    def told_apart(self, entity: str, n: int) -> dict[str, Any]:
        return {"body": f"talk {n}"} if entity == "communications" else {}


MOVES: dict[str, tuple[str, ...]] = {
    "name": ("first_name", "last_name"), "first_name": ("name",), "last_name": ("name",), "website": ("webs",),
    "webs": ("website",), "pipeline_external_id": ("stage_external_id", "stage_category"),
    "stage_external_id": ("pipeline_external_id", "stage_category", "closed_at"), "is_completed": ("completed_at",),
}  # fmt: skip
"""Column → what the portal keeps in step with it."""


class TestThroughTheClassicLists(TestThroughItems):
    """On a portal without them: a deal cannot be moved to another pipeline there."""

    FACTS: ClassVar[dict[str, Any]] = {"item_api": False, "catalog_api": False}
    CHANGES: ClassVar[dict[str, Values]] = TestThroughItems.CHANGES | {
        "deals": {**TestThroughItems.CHANGES["deals"], "pipeline_external_id": "0", "stage_external_id": "LOSE"}
    }


class TestNotes(TestThroughItems):
    """Notes are comments in the timeline, and carry no marker."""

    BEFORE_CREATE: ClassVar[dict[str, int]] = {}
    CREATES: ClassVar[dict[str, Values]] = {
        "communications": {
            "kind": "note",
            "body": "Hello [b]there[/b] + more",
            "target_entity": "contacts",
            "target_external_id": "5",
        }
    }
    CHANGES: ClassVar[dict[str, Values]] = {}
    CLEARED: ClassVar[dict[str, tuple[str, ...]]] = {}
    REFUSED: ClassVar[dict[str, Values]] = {"communications": {"target_external_id": "999999"}}
    MARKED: ClassVar[tuple[str, ...]] = ()
