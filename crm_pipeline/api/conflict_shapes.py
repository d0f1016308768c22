"""What is sent and answered about conflicts and questions of matching."""

from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, Field

from crm_pipeline.api.schemas import Shape

Reason = Annotated[str, Field(max_length=1000, pattern=r"^[^\x00]*$")]


class ConflictShown(Shape):
    """A field that two sides changed differently."""

    id: int
    entity: str = Field(examples=["contacts"])
    golden_id: str
    name: str | None = Field(description="What the record is called.", examples=["Анна Смирнова"])
    field: str = Field(examples=["position"])
    base_value: Any = None
    values: dict[str, Any] = Field(description="Side → what it says, and since when.")
    rule: str = Field(examples=["latest"])
    chosen: str | None = Field(description="Side whose value stands.", examples=["sales-msk"])
    state: str = Field(examples=["open"])
    decided_by: str | None
    decided_at: AwareDatetime | None
    seen_at: AwareDatetime
    superseded_at: AwareDatetime | None = Field(description="Since when it does not stand any more.")


class Conflicts(Shape):
    """Conflicts, the latest first."""

    items: list[ConflictShown]
    next_cursor: str | None


class Choice(Shape):
    """The side whose value is to stand."""

    side: Annotated[str, Field(min_length=1, max_length=300, pattern=r"^[^\x00]*$", examples=["sales-msk"])]
    reason: Reason | None = None


class Reviews(Shape):
    """Questions about records, the latest first."""

    items: list[dict[str, Any]]


class Verdict(Shape):
    """Whether two records are one thing."""

    verdict: Literal["together", "apart"]
    reason: Reason | None = None


class Answered(Shape):
    """What came of a verdict."""

    verdict: Literal["together", "apart"]
    now: dict[str, list[str]] = Field(description="Golden id → the records that belong to it.")
