"""Reading a period again: `backfill/<crm>`, connection × day, and the job `backfill_window` for any period.

The UI's backfill dialog picks connections and days; each connection becomes one run over its days. Neither touches the
cursors of the live syncs. A period is about when records were changed, in UTC, its end not included.
"""

import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

import dagster as dg
from pydantic import Field

from crm_pipeline.connectors import Connector
from crm_pipeline.errors import UsageError
from crm_pipeline.orchestration.catalogue import windowed_entities
from crm_pipeline.orchestration.failures import failing_in_words
from crm_pipeline.orchestration.metadata import total_metadata
from crm_pipeline.orchestration.partitions import FIRST_DAY, connection_days, days_between
from crm_pipeline.orchestration.resources import NEEDED
from crm_pipeline.orchestration.steps import Context, crm_of, landed, reconcile_entity, report, sync_entity
from crm_pipeline.stages.parts import EntityResult

PATIENCE = dg.RetryPolicy(max_retries=20, delay=15)
"""A backfill waits for the sync that has the connection; what it has read meanwhile costs nothing to read again."""


class EntitiesConfig(dg.Config):
    """What a backfill reads."""

    entities: list[str] = Field(
        default_factory=list, description="entities to read again, e.g. [deals]; none: all that know time"
    )


class PeriodConfig(EntitiesConfig):
    """What the job `backfill_window` reads."""

    connections: list[str] = Field(description="names of connections, of any CRM")
    since: str = Field(description="first moment: 2024-03-01 or 2024-03-01T12:00:00+03:00")
    until: str = Field(description="end, not included: 2024-04-01")


@dataclass(frozen=True)
class Period:
    """`since` ≤ t < `until`, aware."""

    since: datetime
    until: datetime

    @property
    def whole_days(self) -> list[str]:
        """Return the keys of the days that lie in it entirely and that have a partition."""
        first = self.since.date() if self.since.timetz() == _MIDNIGHT else self.since.date() + timedelta(days=1)
        first, last = max(first, date.fromisoformat(FIRST_DAY)), self.until.date() - timedelta(days=1)
        return days_between(first.isoformat(), last.isoformat()) if first <= last else []


_MIDNIGHT = time(0, tzinfo=UTC)


def backfill(connector: Connector) -> dg.AssetsDefinition:
    """Return `backfill/<crm>`."""

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dg.BetaWarning)  # backfill_policy is beta; what we rely on of it is tested
        return _backfill(connector)


def _backfill(connector: Connector) -> dg.AssetsDefinition:
    @dg.asset(
        key=["backfill", connector.crm],
        partitions_def=connection_days(connector.crm),
        backfill_policy=dg.BackfillPolicy.single_run(),
        group_name="backfill",
        kinds={"postgres", connector.crm},
        description=f"Periods of {connector.title} read again, by day of change; cursors stay. Older: job backfill_window.",
        required_resource_keys=NEEDED,
        retry_policy=PATIENCE,
    )
    def body(context: dg.AssetExecutionContext, config: EntitiesConfig) -> dg.MaterializeResult:
        wanted = periods(key.keys_by_dimension for key in context.partition_keys)
        done = [
            result
            for connection, spans in wanted.items()
            for result in reread(context, connector, connection, spans, config.entities)
        ]
        return dg.MaterializeResult(metadata=total_metadata(done))

    return body


def periods(keys: Iterable[Mapping[str, str]]) -> dict[str, list[Period]]:
    """Return connection → periods, days that touch put together. keys: `connection` and `day` each."""
    days: dict[str, list[date]] = {}
    for key in keys:
        days.setdefault(key["connection"], []).append(date.fromisoformat(key["day"]))
    return {connection: list(_runs(sorted(theirs))) for connection, theirs in sorted(days.items())}


def reread(
    context: Context, connector: Connector, connection: str, spans: Sequence[Period], entities: Sequence[str]
) -> Iterator[EntityResult]:
    """Read periods of one connection again, entity by entity, and log what changed. Raises dg.Failure."""
    with failing_in_words(connection=connection):
        chosen = chosen_entities(connector, entities)
    for entity in chosen:
        for span in spans:
            result = sync_entity(context, connection, entity, "window", since=span.since, until=span.until)
            report(context, connection, landed(context, connector.crm, connection, entity, "window", result))
            yield result
        reconcile_entity(context, entity)


def read_period(context: Context, connectors: Mapping[str, Connector], connection: str, config: PeriodConfig) -> None:
    """Read the period of a job again and mark its whole days on `backfill/<crm>`. Raises dg.Failure."""
    crm = crm_of(context, connection)
    with failing_in_words(connection=connection):
        span = period(config.since, config.until)
    metadata = total_metadata(reread(context, connectors[crm], connection, [span], config.entities))
    for day in span.whole_days:
        key = dg.MultiPartitionKey({"connection": connection, "day": day})
        context.log_event(dg.AssetMaterialization(["backfill", crm], partition=key, metadata=metadata))


def chosen_entities(connector: Connector, asked: Sequence[str]) -> list[str]:
    """Return the entities asked for that the CRM can read by period, all when none is named. Raises UsageError."""
    able = windowed_entities(connector)
    unable = [entity for entity in asked if entity not in able]
    if unable:
        raise UsageError(
            f"{connector.title} cannot read {', '.join(unable)} by period.", what_to_do=f"Choose of: {', '.join(able)}."
        )
    return [entity for entity in able if not asked or entity in asked]


def period(since: str, until: str) -> Period:
    """Return the period two texts name; a text without zone is UTC. Raises UsageError."""
    try:
        first, last = (_moment(text) for text in (since, until))
    except ValueError:
        raise UsageError(
            "The period cannot be read.", what_to_do="Write since and until as 2024-03-01 or 2024-03-01T12:00:00+03:00."
        ) from None
    if first >= last:
        raise UsageError("The period is empty.", what_to_do="`until` is not included: it must be later than `since`.")
    return Period(first, last)


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _runs(days: list[date]) -> Iterator[Period]:
    """Yield one period for every unbroken row of days."""
    first = 0
    for position in range(1, len(days) + 1):
        if position == len(days) or days[position] - days[position - 1] > timedelta(days=1):
            yield Period(_start(days[first]), _start(days[position - 1] + timedelta(days=1)))
            first = position


def _start(day: date) -> datetime:
    return datetime.combine(day, _MIDNIGHT)
