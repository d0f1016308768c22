"""Shapes that every resource shares, and those of logging in. A resource's own shapes lie beside it (`<resource>_shapes.py`).

What belongs here: pydantic models with examples. No rule.
"""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints


class Shape(BaseModel):
    """A body or an answer: nothing unknown is taken."""

    model_config = ConfigDict(extra="forbid")


class FieldError(BaseModel):
    """What is wrong with one field."""

    field: str = Field(examples=["body.operations[0].fields"])
    message: str = Field(examples=["Field required"])
    kind: str = Field(examples=["missing"])


class ProblemBody(BaseModel):
    """What is wrong, in the one shape of all errors (RFC 9457)."""

    model_config = ConfigDict(extra="allow")

    type: str = Field(examples=["/problems/not-found"])
    title: str = Field(examples=["There is no such thing"])
    status: int = Field(examples=[404])
    detail: str = Field(examples=["There is no such thing"])
    request_id: str = Field(examples=["6f1c2a9d0b4e7f35"])
    what_to_do: str | None = Field(default=None, examples=["Log in again."])
    errors: list[FieldError] | None = None


Text = Annotated[str, StringConstraints(pattern=r"^[^\x00]*$")]


class Login(Shape):
    """Who wants in."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"username": "olga", "password": "…", "device_name": "Pixel 8"}]}
    )

    username: Annotated[Text, Field(min_length=1, max_length=100)]
    password: Annotated[str, Field(min_length=1, max_length=1024)]
    device_name: Annotated[Text, Field(min_length=1, max_length=100)] = "unnamed"


class Refresh(Shape):
    """A refresh token, good once."""

    refresh_token: Annotated[str, Field(min_length=1, max_length=500, examples=["bm90IGEgcmVhbCB0b2tlbg"])]


class Tokens(Shape):
    """What to call with for a quarter of an hour, and what to exchange afterwards."""

    access_token: str = Field(examples=["eyJhbGciOiJIUzI1NiIs…"])
    refresh_token: str = Field(examples=["bm90IGEgcmVhbCB0b2tlbg"])
    token_type: Literal["bearer"] = "bearer"
    expires_in: int = Field(description="Seconds the access token is good for.", examples=[900])


class Device(Shape):
    """A device that is logged in."""

    id: UUID
    name: str = Field(examples=["Pixel 8"])
    username: str = Field(examples=["olga"])
    current: bool = Field(description="Whether it is the one this request comes from.")
    created_at: datetime
    last_seen_at: datetime
    expires_at: datetime = Field(description="Until when it stays logged in unless it comes again.")


class Devices(Shape):
    """Devices, the latest seen first."""

    items: list[Device]


class Health(Shape):
    """Whether the server lives, and can answer from a database of this version."""

    live: Literal[True] = True
    ready: bool
    reason: str | None = Field(default=None, examples=["The database does not answer."])


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the `responses=` of a route for the problems it answers with, beyond those every route has."""
    return {status: {"description": DESCRIPTIONS[status], "content": _problem(status)} for status in statuses}


def _problem(status: int) -> dict[str, Any]:
    slug, what = EXAMPLES[status]
    example = {"type": f"/problems/{slug}", "title": what, "status": status, "detail": what, "request_id": "6f1c2a9d0b4e7f35"}
    return {"application/problem+json": {"schema": {"$ref": "#/components/schemas/ProblemBody"}, "example": example}}


DESCRIPTIONS = {
    400: "The request cannot be understood.",
    401: "A valid access token is needed.",
    403: "The user's role may not do that.",
    404: "There is no such thing, or it is not for this user.",
    405: "This address does not take that method.",
    409: "It does not fit what is there.",
    410: "The cursor is too old: fetch everything anew.",
    413: "The body is too large.",
    415: "The body is of a kind this address does not take.",
    422: "Something in the request is not valid; `errors` says where.",
    429: "Too many requests; `Retry-After` says in how many seconds to try again.",
    500: "Something went wrong on our side.",
    503: "Not now; `Retry-After` says in how many seconds to try again.",
}
EXAMPLES = {
    400: ("bad-request", "The request cannot be understood"), 401: ("unauthenticated", "A valid access token is needed"),
    403: ("forbidden", "This user may not do that"), 404: ("not-found", "There is no such thing"),
    405: ("method-not-allowed", "This address does not take that method"),
    409: ("conflict", "It does not fit what is there"), 410: ("cursor-expired", "The cursor is too old: fetch everything anew"),
    413: ("too-large", "The body is too large"),
    415: ("unsupported-media-type", "The body is of a kind this address does not take"),
    422: ("invalid", "Something in the request is not valid"), 429: ("rate-limited", "Too many requests"),
    500: ("internal", "Something went wrong on our side"), 503: ("unavailable", "The database does not answer"),
}  # fmt: skip
EVERYWHERE = problems(400, 401, 403, 413, 422, 429, 503)
