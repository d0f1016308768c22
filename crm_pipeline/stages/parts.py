"""What a stage is handed, and what it hands back. No verbs here."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Any, Protocol

from crm_pipeline.connectors import Connector, Link, Secrets
from crm_pipeline.database.refusals import Engine
from crm_pipeline.errors import CrmPipelineError
from crm_pipeline.http import Session
from crm_pipeline.model.rules import Rules
from crm_pipeline.settings import Settings


class Parts(Protocol):
    """The pipeline as stages need it; `wiring.Pipeline` is one."""

    @property
    def settings(self) -> Settings: ...

    @property
    def engine(self) -> Engine: ...

    @property
    def inbox_engine(self) -> Engine: ...

    @property
    def rules(self) -> Rules: ...

    @property
    def connectors(self) -> Mapping[str, Connector]: ...

    def link(self, connection_name: str) -> Link:
        """Open the way to one connection's account."""

    def session(self, connector: Connector, base_url: str, secrets: Secrets) -> Session:
        """Open a session to an account that has no row yet."""


@dataclass(slots=True)
class EntityResult:
    """What was done for one entity of one connection."""

    read: int = 0
    inserted: int = 0
    updated: int = 0
    unchanged: int = 0
    deleted: int = 0
    quarantined: int = 0
    requests: int = 0
    seconds: float = 0.0
    cursor: str | None = None
    """Watermark in ISO form: changes up to here are known."""
    error: str | None = None
    warnings: list[str] = field(default_factory=list)
    """What was left out because the account does not offer or allow it."""

    def counts(self) -> dict[str, int]:
        """Return the numbers that are kept in the status."""
        return {name: value for name, value in asdict(self).items() if isinstance(value, int)}


@dataclass(slots=True)
class ConnectionResult:
    """What one sync of one connection did. `status`: ok, failed, or the status the connection now has."""

    name: str
    crm: str
    status: str = "ok"
    seconds: float = 0.0
    entities: dict[str, EntityResult] = field(default_factory=dict)
    error: str | None = None
    raised: dict[str, CrmPipelineError] = field(default_factory=dict, repr=False)
    """Entity → the error it met, for who decides by its kind."""

    def as_json(self) -> dict[str, Any]:
        """Return it as `sync --json` prints it."""
        return {name: value for name, value in asdict(replace(self, raised={})).items() if name != "raised"}


@dataclass(frozen=True, slots=True)
class ReconcileResult:
    """What reconciling did for one entity. `queued`: source records taken from the queue; the rest counts golden records."""

    queued: int = 0
    inserted: int = 0
    updated: int = 0
    unchanged: int = 0
    deleted: int = 0
    matched: int = 0
    """Source records that joined a golden record of another."""
    parted: int = 0
    """Source records that left one for one of their own."""
    merged: int = 0
    """Golden records that became part of others."""
    reviews: int = 0
    """Questions put to people."""
    offered: int = 0
    """Changes queued for two-way connections, because they hold something else."""
    conflicts: Mapping[str, int] = field(default_factory=dict)
    """Field → conflicts that came up."""

    def __add__(self, other: "ReconcileResult") -> "ReconcileResult":
        sums = {name: getattr(self, name) + getattr(other, name) for name in self.__slots__ if name != "conflicts"}
        return ReconcileResult(**sums, conflicts=Counter(self.conflicts) + Counter(other.conflicts))


@dataclass(frozen=True, slots=True)
class DrainResult:
    """What one drain of one connection did. Each counts changes, but for `requests` and the seconds."""

    claimed: int = 0
    applied: int = 0
    merged: int = 0
    conflicts: int = 0
    rejected: int = 0
    dead: int = 0
    retried: int = 0
    """Parked for another attempt."""
    left: int = 0
    """Pending afterwards."""
    oldest_seconds: float | None = None
    """Age of the oldest of those; None: nothing is pending."""
    requests: int = 0
    seconds: float = 0.0
    error: str | None = None
    """What stopped it before the queue was empty."""
    raised: CrmPipelineError | None = field(default=None, repr=False, compare=False)
    """The same as the error it met, for who decides by its kind."""

    def __add__(self, later: "DrainResult") -> "DrainResult":
        """Return both together; how it stands now is the later one's to say."""
        counted = ("claimed", "applied", "merged", "conflicts", "rejected", "dead", "retried", "requests", "seconds")
        return replace(later, **{name: getattr(self, name) + getattr(later, name) for name in counted})

    @property
    def rate(self) -> float:
        """Return changes applied per second."""
        return self.applied / max(self.seconds, 0.001)

    def as_json(self) -> dict[str, Any]:
        """Return it as `drain --json` prints it."""
        return {name: value for name, value in asdict(replace(self, raised=None)).items() if name != "raised"}


@dataclass(frozen=True, slots=True)
class Asked:
    """What a sync is to read."""

    mode: str
    since: datetime | None = None
    until: datetime | None = None
    ids: tuple[str, ...] = ()


DrainProgress = Callable[[str, Mapping[str, int]], None]
"""Is told connection and how many changes ended in which state (or were `retried`) so far, after every request or so."""


def no_drain_progress(_connection: str, _counts: Mapping[str, int]) -> None:
    """Tell nobody."""


Progress = Callable[[str, str, EntityResult], None]
"""Is told connection, entity and the counts so far, after every page."""


def no_progress(_connection: str, _entity: str, _result: EntityResult) -> None:
    """Tell nobody."""
