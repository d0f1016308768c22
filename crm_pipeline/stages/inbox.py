"""Inbox: look into what webhooks hinted at, by reading the records they name again.

A hint is done when its record was read, whatever came of that; a deletion hinted at is confirmed by the reading or was none.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from crm_pipeline.database import connections, inbox
from crm_pipeline.database.inbox import Taken
from crm_pipeline.errors import ConnectionStopped, CrmPipelineError, TryLater
from crm_pipeline.model.entities import ENTITIES
from crm_pipeline.stages.parts import ConnectionResult, Parts, Progress, no_progress
from crm_pipeline.stages.sync import sync

AT_ONCE = 500
"""Hints looked into together: more only make a sync longer that others wait for."""


WAITS = (TryLater, ConnectionStopped)
"""Errors after which hints wait on. After others they are done: a record that cannot be read would stop all that come later, and
the next sync meets it anyway."""


@dataclass(frozen=True, slots=True)
class Followed:
    """What looking into the hints of one connection did."""

    hints: int = 0
    done: int = 0
    results: dict[str, ConnectionResult] = field(default_factory=dict)
    """Entity → its sync."""
    raised: CrmPipelineError | None = field(default=None, repr=False)
    """What stopped it; the hints left wait on."""


def follow(
    parts: Parts, name: str, *, run_id: str | None = None, limit: int = AT_ONCE, progress: Progress = no_progress
) -> Followed:
    """Read again what hints wait for, entity by entity in load order.

    Raises ConnectionBusy when another process is the writer, and UsageError when the connection rests: the hints wait on then.
    """
    row = connections.get(parts.engine, name)
    taken = inbox.take(parts.engine, row.id, limit)
    by_entity: dict[str, list[Taken]] = defaultdict(list)
    for one in taken:
        by_entity[one.entity].append(one)
    open_hints = list(taken)
    results: dict[str, ConnectionResult] = {}
    done = 0
    raised: CrmPipelineError | None = None
    try:
        for entity in (entity for entity in ENTITIES if entity in by_entity):
            results[entity] = sync(parts, name, "record", [entity], ids=_ids(by_entity[entity]), run_id=run_id, progress=progress)
            met = results[entity].raised.get(entity)
            if isinstance(met, WAITS):
                raised = met
                break
            done += inbox.finish(parts.engine, by_entity[entity])
            open_hints = [one for one in open_hints if one.entity != entity]
    finally:
        inbox.give_back(parts.engine, open_hints)
    return Followed(len(taken), done, results, raised)


def _ids(taken: Sequence[Taken]) -> list[str]:
    return list(dict.fromkeys(one.external_id for one in taken))
