"""amoCRM keeps the contract of writing: with the filter on and off, and on other readings of what is disputed."""

from contextlib import AbstractContextManager
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, ClassVar

from crm_pipeline_tests.connectors.amocrm.writing_stand import AmoWritingStand, amo_writing_stand
from crm_pipeline_tests.connectors.writing_contract import Values, WritingContract, WritingStand

ME, OTHER = "900000", "900001"


class TestWriting(WritingContract):
    """The likelier readings."""

    SWITCHES: ClassVar[dict[str, Any]] = {}
    CREATES: ClassVar[dict[str, Values]] = {
        "companies": {
            "name": " ООО «Ромашка» ", "tax_id": "7707083893", "website": "romashka.example", "owner_external_id": ME,
            "tags": ["опт", "vip"], "phones": ["8 (495) 111-22-33"], "emails": ["Info@Romashka.example"],
        },
        "contacts": {
            "name": "Ким Анна Сергеевна", "first_name": "Анна", "last_name": "Ким", "middle_name": "Сергеевна",
            "owner_external_id": ME, "position": "Директор", "birthday": date(1980, 1, 11), "tags": ["опт"],
            "phones": ["+79001112233", "8-800-555-35-35"], "emails": ["anna@ex.org"], "company_external_id": "",
        },
        "products": {"name": "Зерно 1 кг", "sku": "C-1000", "price": Decimal("1490.50"), "currency": "RUB"},
        "deals": {
            "title": "Кофемашина", "amount": Decimal("185000.49"), "currency": "RUB", "pipeline_external_id": "4401",
            "stage_external_id": "4401:440102", "stage_category": "open", "owner_external_id": ME, "tags": ["срочно"],
            "company_external_id": "",
        },
        "tasks": {
            "title": "Перезвонить", "body": "нет места", "kind": "meeting", "due_at": datetime(2027, 1, 5, 8, 0, 0, 5, UTC),
            "owner_external_id": ME, "target_entity": "contacts", "target_external_id": "",
        },
        "communications": {
            "kind": "note", "body": "<b>Договорились</b>", "happened_at": datetime(2026, 1, 5, 8, tzinfo=UTC),
            "target_entity": "contacts", "target_external_id": "", "author_external_id": ME,
        },
    }  # fmt: skip
    CHANGES: ClassVar[dict[str, Values]] = {
        "companies": {
            "name": "ООО «Лютик»", "tax_id": "7728168971", "website": "https://lutik.example/x", "owner_external_id": OTHER,
            "tags": ["vip", "новый"], "phones": ["+74951112244"], "emails": ["info@romashka.example", "b@lutik.example"],
        },
        "contacts": {
            "name": "Имя", "first_name": "Мария", "last_name": "Цой", "owner_external_id": OTHER, "position": "Инженер",
            "birthday": date(1979, 6, 30), "tags": [], "phones": ["+78005553535", "+74951112233"], "emails": ["m@ex.org"],
        },
        "products": {"name": "Зерно 2 кг", "sku": "C-2000", "price": Decimal(2900)},
        "deals": {
            "title": "Две кофемашины", "amount": Decimal(370000), "stage_external_id": "4402:143", "owner_external_id": OTHER,
            "tags": ["срочно", "опт"],
        },
        "tasks": {
            "title": "Приехать", "kind": "call", "due_at": datetime(2027, 2, 5, 8, tzinfo=UTC), "owner_external_id": OTHER,
        },
    }  # fmt: skip
    CLEARED: ClassVar[dict[str, tuple[str, ...]]] = {
        "companies": ("tax_id", "website", "tags", "phones", "emails"),
        "contacts": ("position", "birthday", "tags", "phones", "emails", "company_external_id"),
        "products": ("sku", "price"),
        "deals": ("tags", "company_external_id"),
    }
    REFUSED: ClassVar[dict[str, Values]] = {
        "companies": {"owner_external_id": "5"},
        "contacts": {"owner_external_id": "5"},
        "deals": {"stage_external_id": "4401:5"},
        "tasks": {"owner_external_id": "5"},
        "communications": {"target_external_id": "5"},
    }
    MARKED: ClassVar[tuple[str, ...]] = ("companies", "contacts", "deals")

    def open_stand(self, **switches: Any) -> AbstractContextManager[AmoWritingStand]:
        return amo_writing_stand(**{**self.SWITCHES, **switches})

    def sample(self, entity: str, stand: WritingStand) -> dict[str, Any]:
        company, contact = min(stand.ids("companies")), min(stand.ids("contacts"))
        references = {"company_external_id": company, "target_external_id": contact}
        return {column: references.get(column, value) for column, value in self.CREATES[entity].items()}

    def moves_with(self, entity: str, column: str) -> set[str]:
        together = {
            "stage_external_id": {"pipeline_external_id", "stage_category", "closed_at", "loss_reason"},
            "website": {"webs"}, "first_name": {"name"}, "last_name": {"name"},
        }  # fmt: skip
        return {column} | together.get(column, set())


class TestUnfiltered(TestWriting):
    """The account ignores filters without saying so."""

    SWITCHES: ClassVar[dict[str, Any]] = {"api_filter": False, "missing_entity": "404"}


class TestHarsh(TestWriting):
    """Other readings of what is disputed (facts: amocrm 11)."""

    SWITCHES: ClassVar[dict[str, Any]] = {
        "batch_error": "partial", "empty_custom_fields": "list", "tie_order": "random", "link_bumps": True, "note_bumps": True,
        "task_bumps": True, "unauthorized_body": "oauth", "single_patch": "embedded", "minor_units": True,
    }  # fmt: skip
