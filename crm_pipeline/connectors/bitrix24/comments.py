"""Timeline comments: there is no list of all of them, only one per owner (facts: bitrix24 4.14)."""

from collections.abc import Sequence
from typing import Any

from crm_pipeline.connectors.bitrix24.client import Client
from crm_pipeline.connectors.bitrix24.details import lists
from crm_pipeline.connectors.bitrix24.landing import comment_record
from crm_pipeline.connectors.bitrix24.payloads import NAME_OF_ENTITY, Extra, Params
from crm_pipeline.model.records import RawRecord

Owner = tuple[str, Any]
"""Entity and id of a record that may have comments."""

_OF_ENTITY = {
    entity: Extra(
        "comments",
        "crm.timeline.comment.list",
        owner="filter.ENTITY_ID",
        base={"order": {"ID": "ASC"}, "filter": {"ENTITY_TYPE": word}},
    )
    for entity, word in NAME_OF_ENTITY.items()
}


def comments_of(client: Client, owners: Sequence[Owner]) -> list[RawRecord]:
    """Return all comments of these owners."""
    found = lists(client, [(_OF_ENTITY[entity], key) for entity, key in owners])
    return [
        comment_record(_owned(row, owner), client.offset)
        for owner, rows in zip(owners, found, strict=True)
        for row in rows or ()
        if row.get("ID")
    ]


def _owned(row: Params, owner: Owner) -> Params:
    """Return the row with its owner, which some answers leave out."""
    return {"ENTITY_ID": str(owner[1]), "ENTITY_TYPE": NAME_OF_ENTITY[owner[0]], **row}
