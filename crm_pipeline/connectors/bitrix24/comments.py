"""Timeline comments: there is no list of all of them, only one per owner (facts: bitrix24 4.14)."""

from collections.abc import Iterable
from typing import Any

from crm_pipeline.connectors.bitrix24.client import Client
from crm_pipeline.connectors.bitrix24.details import lists
from crm_pipeline.connectors.bitrix24.landing import comment_record
from crm_pipeline.connectors.bitrix24.payloads import NAME_OF_ENTITY, Extra, Params
from crm_pipeline.model.records import RawRecord


def comments_of(client: Client, entity: str, owners: Iterable[Any]) -> list[RawRecord]:
    """Return all comments of these owners."""
    word = NAME_OF_ENTITY[entity]
    asked = Extra(
        "comments", "crm.timeline.comment.list", owner="filter.ENTITY_ID",
        base={"order": {"ID": "ASC"}, "filter": {"ENTITY_TYPE": word}},
    )  # fmt: skip
    found = lists(client, asked, owners)
    return [
        comment_record(_owned(row, word, owner), client.offset) for owner, rows in found.items() for row in rows if "ID" in row
    ]


def _owned(row: Params, word: str, owner: Any) -> Params:
    """Return the row with its owner, which some answers leave out."""
    return {"ENTITY_ID": str(owner), "ENTITY_TYPE": word, **row}
