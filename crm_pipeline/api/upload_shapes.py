"""What is sent and answered about edits made in the app: operations, their results, their receipts."""

import json
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, AwareDatetime, ConfigDict, Field

from crm_pipeline.api.schemas import Shape

MOST = 500
OPERATION: dict[str, Any] = {
    "type": "object",
    "required": ["id", "entity", "action", "record"],
    "properties": {
        "id": {"type": "string", "description": "The client's own, new for every operation; sent again it is answered again."},
        "entity": {"enum": ["contacts", "companies", "deals", "tasks", "communications", "products"]},
        "action": {"enum": ["create", "update", "complete", "reopen", "link", "unlink"]},
        "record": {"type": "string", "description": "Golden id, or of a new record a temporary one: `tmp:` and anything."},
        "base_version": {"type": "string", "description": "Version the edit was made over."},
        "connections": {"type": "array", "items": {"type": "string"}, "description": "Of a create: where it is made."},
        "fields": {"type": "object", "additionalProperties": True},
    },
}
"""Only told: an operation that is wrong is refused by itself, with a sentence, and hinders no other."""
EXAMPLE: dict[str, Any] = {"operations": [
    {"id": "0f8c-1", "entity": "contacts", "action": "update", "record": "6b1f0a52-3c5e-4a8e-9a53-0d4f4c1f7f10",
     "fields": {"position": "CTO", "phones": ["+79001112233"]}},
    {"id": "0f8c-2", "entity": "deals", "action": "create", "record": "tmp:1", "connections": ["sales-msk"],
     "fields": {"title": "Кофемашина", "amount": "185000"}}]}  # fmt: skip


def _is_text(operations: list[Any]) -> list[Any]:
    """Return them. Raises ValueError for half a surrogate pair, which is no text and can be neither kept nor answered."""
    json.dumps(operations, ensure_ascii=False).encode()
    return operations


class Upload(Shape):
    """Edits in the order they were made."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [EXAMPLE]})

    operations: Annotated[
        list[Any], AfterValidator(_is_text), Field(max_length=MOST, json_schema_extra={"items": {"anyOf": [OPERATION, {}]}})
    ]


class Result(Shape):
    """What became of one operation at the door."""

    id: str | None = Field(examples=["0f8c-1"])
    status: Literal["accepted", "merged", "conflict", "rejected"]
    record: str | None = Field(description="Golden id, also of a new record.")
    changes: list[int] = Field(description="Outgoing changes that carry it.", examples=[[4711]])
    reason: str | None = None
    current: dict[str, Any] | None = Field(default=None, description="What stands, where it was not simply accepted.")


class Results(Shape):
    """One result per operation, in their order."""

    results: list[Result]


class ChangeShown(Shape):
    """How far one connection is with it."""

    id: int
    connection: str = Field(examples=["sales-msk"])
    state: str = Field(examples=["pending"])
    attempts: int
    next_attempt_at: AwareDatetime | None = None
    reason: str | None = None
    applied_at: AwareDatetime | None = None


class ReceiptShown(Shape):
    """How far an operation has come."""

    id: str = Field(examples=["0f8c-1"])
    status: Literal["queued", "sent", "applied", "merged", "conflict", "rejected", "dead"]
    record: str | None
    changes: list[ChangeShown]
    reason: str | None
    received_at: AwareDatetime


class Moved(Shape):
    """Changes that were moved."""

    changes: list[int] = Field(examples=[[4711]])


class Why(Shape):
    """Why something is taken back."""

    reason: Annotated[str, Field(min_length=1, max_length=1000, pattern=r"^[^\x00]*$", examples=["Sent by mistake."])]
