"""How the work is cut: one dynamic partition per connection, and connection × day for re-reading a period.

A partition key is a connection's name. Keys are never taken back: a removed connection keeps its partition and is not
synced any more, because deleting a dynamic partition leaves its history behind and breaks what still points at it.
"""

import dagster as dg

FIRST_DAY = "2024-01-01"
"""First day of `backfill/<crm>`. The job `backfill_window` takes any period; more days only make the UI's lists longer."""

CONNECTIONS = dg.DynamicPartitionsDefinition(name="crm_connections")
"""All connections of all CRMs: what the jobs are partitioned by."""

DAYS = dg.DailyPartitionsDefinition(start_date=FIRST_DAY, end_offset=1)
"""Days in UTC, today included."""


def connections_of(crm: str) -> dg.DynamicPartitionsDefinition:
    """Return the connections of one CRM: what its assets are partitioned by."""
    return dg.DynamicPartitionsDefinition(name=f"crm_connections_{crm}")


def connection_days(crm: str) -> dg.MultiPartitionsDefinition:
    """Return connection × day of one CRM: what `backfill/<crm>` is partitioned by."""
    return dg.MultiPartitionsDefinition({"connection": connections_of(crm), "day": DAYS})


def missing_partitions(instance: dg.DagsterInstance, crm_of: dict[str, str], crms: list[str]) -> dict[str, list[str]]:
    """Return partition definition → names it lacks, for connections given as name → crm. CRMs not known here are left out."""
    wanted = {"crm_connections": sorted(crm_of)} | {
        f"crm_connections_{crm}": sorted(name for name, theirs in crm_of.items() if theirs == crm) for crm in crms
    }
    known = {definition: set(instance.get_dynamic_partitions(definition)) for definition in wanted}
    lacking = {definition: [name for name in names if name not in known[definition]] for definition, names in wanted.items()}
    return {definition: names for definition, names in lacking.items() if names}


def days_between(first: str, last: str) -> list[str]:
    """Return the day keys from `first` to `last`, both included."""
    return list(DAYS.get_partition_keys_in_range(dg.PartitionKeyRange(first, last)))
