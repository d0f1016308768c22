"""What steps and sensors are handed: the opened pipeline, and a run's lease. Nothing is opened before a step or tick asks.

Secrets are no part of any run's configuration: they are rows of the database, and the key comes from the environment.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

import dagster as dg

from crm_pipeline.database.leases import run_lease
from crm_pipeline.errors import CrmPipelineError
from crm_pipeline.orchestration.failures import STOPS_THE_RUN, failing_in_words
from crm_pipeline.settings import load_settings
from crm_pipeline.wiring import Pipeline, open_pipeline


@dg.resource(description="The pipeline on CRM_DATABASE_URL (or the embedded server), open for one run or tick.")
def pipeline(_context: dg.InitResourceContext) -> Iterator[Pipeline]:
    """Open the pipeline and close it afterwards."""
    with failing_in_words():
        parts = open_pipeline(load_settings())
    try:
        yield parts
    finally:
        parts.close()


@dataclass
class Lease:
    """One run: alive as long as its process is, and it remembers which connections stopped it."""

    run_id: str
    _stopped: dict[str, tuple[str, CrmPipelineError]] = field(default_factory=dict)

    def note(self, connection: str, entity: str, error: CrmPipelineError) -> None:
        """Remember an error after which this connection is not to be asked for anything else in this run."""
        if isinstance(error, STOPS_THE_RUN):
            self._stopped.setdefault(connection, (entity, error))

    def clear(self, connection: str) -> None:
        """Forget what stopped a connection: it answers again."""
        self._stopped.pop(connection, None)

    def stopped_by(self, connection: str, entity: str) -> tuple[str, CrmPipelineError | None]:
        """Return which other entity met which error; no error when the way is clear, or this entity is to try again."""
        after, error = self._stopped.get(connection, (entity, None))
        return (after, error) if after != entity else (entity, None)


@dg.resource(required_resource_keys={"pipeline"}, description="Sign of life of the run's process, which the reaper looks for.")
def lease(context: dg.InitResourceContext) -> Iterator[Lease]:
    """Hold the run's lease from its first step to its last."""
    run_id = context.run.run_id if context.run else "no-run"
    with run_lease(context.resources.pipeline.engine, run_id):
        yield Lease(run_id)


RESOURCES = {"pipeline": pipeline, "lease": lease}
NEEDED = set(RESOURCES)
