"""amoCRM keeps the contract: with the filter switched on and off, and on the harsher readings of disputed facts."""

from contextlib import AbstractContextManager
from typing import Any, ClassVar

from crm_pipeline_tests.connectors.amocrm.stand import AmoStand, amo_stand
from crm_pipeline_tests.connectors.contract import ConnectorContract


class TestFiltered(ConnectorContract):
    """The account has the filter."""

    LISTS: ClassVar[tuple[str, ...]] = ("companies", "contacts", "leads", "tasks", "lead_notes")
    SWITCHES: ClassVar[dict[str, Any]] = {}

    def open_stand(self, **switches: Any) -> AbstractContextManager[AmoStand]:
        return amo_stand(**{**self.SWITCHES, **switches})

    def single(self) -> tuple[str, ...]:
        return ("companies", "contacts", "leads", "tasks")


class TestUnfiltered(TestFiltered):
    """The account ignores filters without saying so (facts: amocrm 0.2)."""

    SWITCHES: ClassVar[dict[str, Any]] = {"api_filter": False, "deleted_entity": "404"}


class TestHarsh(TestFiltered):
    """Other readings of what is disputed (facts: amocrm 11)."""

    SWITCHES: ClassVar[dict[str, Any]] = {
        "events_order": "shuffled", "tie_order": "random", "unauthorized_body": "oauth", "empty_custom_fields": "list",
        "missing_entity": "404", "deleted_entity": "body", "server_time": False, "minor_units": True,
    }  # fmt: skip
