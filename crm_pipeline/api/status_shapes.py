"""What is answered about how everything stands."""

from pydantic import AwareDatetime, Field

from crm_pipeline.api.schemas import Shape


class EntityStanding(Shape):
    """How one entity of one connection stands; an agent is told of its freshness only."""

    last_success_at: AwareDatetime | None
    lag_seconds: float | None = Field(examples=[42.5])
    last_mode: str | None = Field(default=None, examples=["incremental"])
    last_started_at: AwareDatetime | None = None
    seconds: float | None = Field(default=None, description="How long the last sync took.", examples=[3.2])
    requests: int | None = Field(default=None, description="Requests the last sync sent.", examples=[4])
    read: int | None = None
    inserted: int | None = None
    updated: int | None = None
    unchanged: int | None = None
    deleted: int | None = None
    quarantined: int | None = None
    queue_depth: int | None = Field(default=None, description="Changes to write that have not ended.")
    conflicts_open: int | None = Field(default=None, description="Conflicts that wait for a person.")
    last_error: str | None = Field(default=None, examples=["amoCRM answered 502 four times."])
    what_to_do: str | None = None


class ConnectionBudget(Shape):
    """What was used of the rate a vendor allows: connections of the same integration (amoCRM) or portal (Bitrix24) share it."""

    requests_per_second: float = Field(description="What is allowed.", examples=[7.0])
    granted: int = Field(description="Requests let through so far.", examples=[18233])
    refused: int = Field(description="Requests the CRM refused as too many.", examples=[0])
    paused_until: AwareDatetime | None = None
    behind: float = Field(description="Seconds the next request would have to wait, about.", examples=[0.0])
    operating: dict[str, float] | None = Field(
        default=None,
        description="Bitrix24: method → seconds used of the 480 in ten minutes.",
        examples=[{"crm.item.list": 12.4}],
    )


class ConnectionStanding(Shape):
    """How one connection stands."""

    name: str = Field(examples=["sales-msk"])
    crm: str = Field(examples=["amocrm"])
    status: str = Field(examples=["active"])
    entities: dict[str, EntityStanding]
    status_reason: str | None = None
    what_to_do: str | None = None
    failures: int | None = Field(default=None, description="Failed syncs in a row.")
    direction: str | None = Field(default=None, examples=["two_way"])
    next_due_at: AwareDatetime | None = None
    interval: int | None = Field(default=None, description="Seconds between syncs.", examples=[300])
    is_running: bool | None = Field(default=None, description="Whether it is being read right now.")
    queue: dict[str, int] | None = Field(
        default=None, description="State → changes to write; of those that ended, the last day's.", examples=[{"pending": 3}]
    )
    queue_depth: int | None = Field(default=None, description="Changes to write that have not ended.", examples=[3])
    oldest_pending_seconds: float | None = None
    hints_waiting: int | None = Field(default=None, description="Hints of webhooks that wait to be looked into.")
    conflicts_open: int | None = Field(default=None, description="Conflicts that wait for a person, of records linked with it.")
    budget: ConnectionBudget | None = None


class BudgetUsed(Shape):
    """What was used of the rate a vendor allows."""

    crm: str = Field(examples=["amocrm"])
    granted: int = Field(description="Requests let through so far.")
    refused: int = Field(description="Requests the CRM refused as too many.")
    paused_until: AwareDatetime | None = None


class Status(Shape):
    """How everything stands; an agent is told how fresh it is, and nothing else."""

    connections: list[ConnectionStanding]
    budget: list[BudgetUsed] | None = None
    conflicts_open: dict[str, int] | None = Field(default=None, examples=[{"contacts": 2}])
    reviews_open: dict[str, int] | None = None
    waiting_to_reconcile: dict[str, int] | None = None
