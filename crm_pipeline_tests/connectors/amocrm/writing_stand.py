"""A running amoCRM stand-in that is written to: prepared, with its definitions read, and a view of what it holds."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from crm_pipeline.connectors.amocrm import CONNECTOR
from crm_pipeline.model.records import MappingContext, RawRecord, WalkRequest
from crm_pipeline.model.writing import CREATE
from crm_pipeline_tests.connectors.amocrm.stand import AmoStand, amo_stand
from crm_pipeline_tests.connectors.contract import records, walk

KIND = {"deals": "leads", "products": "elements_1209"}
LISTS = {
    "deals": ("leads",),
    "products": ("catalog_elements",),
    "communications": ("lead_notes", "contact_notes", "company_notes"),
}
PATHS = {"deals": "leads", "products": "catalogs/{id}/elements", "communications": "contacts/notes"}


@dataclass
class AmoWritingStand(AmoStand):
    """See `writing_contract.WritingStand`."""

    context: MappingContext = field(default_factory=lambda: MappingContext(1))

    def current(self, entity: str, ids: Sequence[str]) -> dict[str, RawRecord]:
        found: dict[str, RawRecord] = {}
        for stream in LISTS.get(entity, (entity,)):
            for record in records(walk(self, stream, WalkRequest("record", ids=tuple(ids)))):
                if record.payload is not None:
                    found[record.external_id] = record
        return found

    def ids(self, entity: str) -> set[str]:
        kinds = (KIND.get(entity, entity),)
        if entity == "communications":
            kinds = ("leads_notes", "contacts_notes", "companies_notes")
        return {str(number) for kind in kinds for number, _ in self.sandbox.store.select(kind)}

    def write_fault(self, entity: str, operation: str, **rule: Any) -> None:
        method = "POST" if operation == CREATE else "PATCH"
        call = f"{method} /api/v4/{PATHS.get(entity, entity)}"
        self.sandbox.faults.add({"match": {"call": call}, **rule})

    def requests(self) -> int:
        return len(self.sandbox.journal)


@contextmanager
def amo_writing_stand(contacts: int = 60, **switches: Any) -> Iterator[AmoWritingStand]:
    """Run a stand-in and prepare it for writing."""
    with amo_stand(contacts, **switches) as stand:
        link = replace(stand.link, facts={**stand.link.facts, **CONNECTOR.prepare(stand.link)})
        yield AmoWritingStand(stand.sandbox, stand.vault, link, context=context_of(AmoStand(stand.sandbox, stand.vault, link)))


def context_of(stand: AmoStand) -> MappingContext:
    """Return the mapping context as the tables would have it."""
    plain = MappingContext(1, "Europe/Moscow", "RUB", facts=stand.link.facts)
    found = [source for name in ("custom_fields", "stages") for source in _sources(stand, name, plain)]
    keys = ("name", "kind", "is_multiple", "options")
    fields = {one.external_id: {key: one.values[key] for key in keys} for one in found if one.entity == "custom_fields"}
    stages = {one.external_id: str(one.values["category"]) for one in found if one.entity == "stages"}
    return replace(plain, fields=fields, stages=stages)


def _sources(stand: AmoStand, name: str, context: MappingContext) -> Iterator[Any]:
    for record in records(walk(stand, name, WalkRequest("initial"))):
        yield from CONNECTOR.normalize(record, context)
