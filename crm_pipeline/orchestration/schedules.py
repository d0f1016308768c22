"""What happens at night, in UTC: housekeeping, the complete checks, and a full walk of every connection."""

from collections.abc import Iterator

import dagster as dg

from crm_pipeline.database.connections import list_connections
from crm_pipeline.wiring import Pipeline

VERIFY_AT, QUALITY_AT, MAINTENANCE_AT = "0 1 * * *", "0 5 * * *", "30 3 * * *"


@dg.schedule(
    job_name="verify",
    cron_schedule=VERIFY_AT,
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Every active connection is walked completely: what was missed is repaired, what is gone is found.",
)
def nightly_verify(context: dg.ScheduleEvaluationContext, pipeline: dg.ResourceParam[Pipeline]) -> Iterator[dg.RunRequest]:
    """Request a verification of every active connection."""
    day = context.scheduled_execution_time.date()
    for known in list_connections(pipeline.engine):
        if known.status == "active":
            yield dg.RunRequest(
                f"{known.name}:{day}", partition_key=known.name, tags={"crm/crm": known.crm, "dagster/priority": "-5"}
            )


def nightly(job: str, cron: str, description: str) -> dg.ScheduleDefinition:
    """Return a schedule that runs a job as it is."""
    return dg.ScheduleDefinition(
        name=f"nightly_{job}",
        job_name=job,
        cron_schedule=cron,
        description=description,
        default_status=dg.DefaultScheduleStatus.RUNNING,
    )


SCHEDULES = [
    nightly_verify,
    nightly("quality", QUALITY_AT, "All asset checks, Great Expectations among them."),
    nightly("maintenance", MAINTENANCE_AT, "Old events and captured output are deleted."),
]
