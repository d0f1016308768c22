"""What is told of changes: pages of them, with their checksums. Pages are made of JSON texts; these shapes describe them."""

from typing import Any, Literal

from pydantic import ConfigDict, Field

from crm_pipeline.api.schemas import Shape

CONTACT = "6b1f0a52-3c5e-4a8e-9a53-0d4f4c1f7f10"
VERSION = "2026-01-31T12:00:00.123456+00:00"
CURSOR = "mZ0YV3b1vK8…eyJ2IjoyLCJlcG9jaCI6…"
UPSERT: dict[str, Any] = {
    "entity": "contacts", "op": "upsert", "id": CONTACT, "version": VERSION,
    "record": {"id": CONTACT, "name": "Анна Смирнова", "position": "CTO", "phones": ["+79001112233"], "version": VERSION},
}  # fmt: skip
DELETE: dict[str, Any] = {
    "entity": "contacts", "op": "delete", "id": "a3a8c1de-5b0f-4f2b-8d3a-0c2f6f6f0001", "version": VERSION, "record": None,
    "merged_into": CONTACT,
}  # fmt: skip
RECEIPT: dict[str, Any] = {
    "entity": "operations", "op": "upsert", "id": "0f8c-1", "version": "48211",
    "record": {
        "id": "0f8c-1", "status": "applied", "record": CONTACT, "reason": None, "received_at": VERSION,
        "changes": [{"id": 4711, "connection": "sales-msk", "state": "applied", "attempts": 1, "next_attempt_at": None,
                     "reason": None, "applied_at": VERSION}],
    },
}  # fmt: skip
SUMS: dict[str, Any] = {"contacts": {"count": 1, "hash": "702482170182639417", "unsettled": []}}


class Change(Shape):
    """One change: apply them in their order. Of `operations` the record is the receipt of an upload of this user."""

    entity: Literal[
        "users", "pipelines", "stages", "companies", "contacts", "products", "deals", "tasks", "communications", "operations"
    ]
    op: Literal["upsert", "delete"]
    id: str = Field(description="Golden id; of `operations` the client's own.")
    version: str = Field(description="Another one with every change; what checksums are made of.", examples=[VERSION])
    record: dict[str, Any] | None = Field(description="The record as reads show it, whole; of a delete null.")
    merged_into: str | None = Field(default=None, description="Of a delete: the record that stands for it now, if one does.")


class EntitySum(Shape):
    """Checksum of one entity's records in the client's copy after this page, without those in `unsettled`."""

    count: int
    hash: str = Field(description='Sum of the first 15 hex digits of md5("<id> <version>") of each, modulo 2^60, decimal.')
    unsettled: list[str] = Field(description="Ids that changed since this page's cursor: leave them out of the sum.")


class Changes(Shape):
    """A page of changes."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"changes": [UPSERT, DELETE, RECEIPT], "next_cursor": CURSOR, "has_more": False}]},
    )

    changes: list[Change]
    next_cursor: str = Field(description="Where to go on, kept with the copy in one transaction.")
    has_more: bool = Field(description="Whether to ask on at once.")
    checksums: dict[str, EntitySum] | None = Field(
        default=None, description="By entity, on a last page that was asked for them; null while too much is being written."
    )


SNAPSHOT: dict[str, Any] = {"changes": [UPSERT], "next_cursor": CURSOR, "has_more": False, "checksums": SUMS}
LINES = "One change a line, and in the last line `next_cursor`; a stream that ends without one was broken off."


def answers(example: dict[str, Any], *, with_lines: bool = False) -> dict[int | str, dict[str, Any]]:
    """Return the `responses=` of a route that answers with pages of changes."""
    content: dict[str, Any] = {"application/json": {"example": example}}
    if with_lines:
        content["application/x-ndjson"] = {"schema": {"type": "string", "description": LINES}}
    return {200: {"model": Changes, "description": "Changes in their order.", "content": content}}


INCREMENT: dict[str, Any] = {"changes": [UPSERT, DELETE, RECEIPT], "next_cursor": CURSOR, "has_more": False}
