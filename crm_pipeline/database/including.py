"""Records that are read with others: the contacts of a deal, the communications of a contact, as far as the caller sees them.

What belongs here: what can be read with what, and the statements. What a record looks like belongs to `reading.py`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from crm_pipeline.database.queries import queries
from crm_pipeline.database.reading import record, seen
from crm_pipeline.database.scopes import Sight
from crm_pipeline.database.templates import fill

MOST = 50
"""Records of one kind read with one record."""
TARGETS = ("contacts", "companies", "deals")


@dataclass(frozen=True, slots=True)
class Inclusion:
    """What is read with a record. many: a query of including.sql that finds several; to: column that leads to one."""

    entities: tuple[str, ...]
    many: str = ""
    to: str = ""
    is_target: bool = False


def _one(entity: str, column: str) -> Inclusion:
    return Inclusion((entity,), to=column)


OWNER = _one("users", "owner_id")
TARGET = Inclusion(TARGETS, to="target_id", is_target=True)
ABOUT = {
    "tasks": Inclusion(("tasks",), "tasks_about"),
    "communications": Inclusion(("communications",), "communications_about"),
}
INCLUSIONS: dict[str, dict[str, Inclusion]] = {
    "contacts": {
        "companies": Inclusion(("companies",), "companies_of_contact"), "company": _one("companies", "company_id"),
        "deals": Inclusion(("deals",), "deals_of_contact"), "owner": OWNER, **ABOUT,
    },
    "companies": {
        "contacts": Inclusion(("contacts",), "contacts_of_company"), "deals": Inclusion(("deals",), "deals_of_company"),
        "owner": OWNER, **ABOUT,
    },
    "deals": {
        "contacts": Inclusion(("contacts",), "contacts_of_deal"), "company": _one("companies", "company_id"),
        "products": Inclusion(("products",), "products_of_deal"), "owner": OWNER, "stage": _one("stages", "stage_id"),
        "pipeline": _one("pipelines", "pipeline_id"), **ABOUT,
    },
    "tasks": {"target": TARGET, "owner": OWNER},
    "communications": {"target": TARGET, "author": _one("users", "author_id")},
    "products": {"deals": Inclusion(("deals",), "deals_of_product")},
}  # fmt: skip
"""Entity → name → what is read with it."""


def read(db: Connection, sight: Sight, entity: str, name: str, ids: Sequence[str]) -> dict[str, str]:
    """Return by record the JSON text of what is read with it: a list, or one record or null."""
    wanted = INCLUSIONS[entity][name]
    found: dict[str, str] = {}
    values = {"ids": list(ids), "most": MOST, "entity": entity, "crm_users": sight.ids}
    for included in wanted.entities:
        rows = db.exec_driver_sql(_statement(sight, entity, wanted, included), values)
        found |= {golden_id: text for golden_id, text in rows if text is not None}
    return {one: found.get(one, "null") for one in ids}


def _statement(sight: Sight, entity: str, wanted: Inclusion, included: str) -> str:
    if wanted.many == "products_of_deal":
        return fill(queries("including")[wanted.many], record=record(included))
    if wanted.many:
        text = fill(queries("including")["many"], rows=queries("including")[wanted.many])
    else:
        target = queries("including")["is_target"] if wanted.is_target else ""
        text = fill(queries("including")["single"], parent=entity, column=wanted.to, target=target)
    return fill(seen(text, sight, included, whole=True), record=record(included), entity=included)
