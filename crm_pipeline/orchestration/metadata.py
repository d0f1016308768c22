"""What a materialization says: counts, speed, budget and lag as plain numbers, which the UI plots over runs."""

from collections.abc import Iterable
from typing import Any

import dagster as dg

from crm_pipeline.stages.parts import DrainResult, EntityResult, ReconcileResult

COUNTS = ("read", "inserted", "updated", "unchanged", "deleted", "quarantined", "requests")

Row = dict[str, Any]
Metadata = dict[str, int | float | str | dg.MetadataValue]


def sync_metadata(
    result: EntityResult, *, connection: str, mode: str, rows: int, lag: float | None, rate: float | None
) -> Metadata:
    """Return the metadata of a synced entity.

    rows: live rows of this connection; lag: seconds since the sync before this one, which is how old the data had become; rate:
    requests per second the vendor allows.
    """
    seconds = max(result.seconds, 0.001)
    return {
        **{name: int(getattr(result, name)) for name in COUNTS},
        "rows_per_second": round(result.read / seconds, 1),
        "seconds": round(result.seconds, 3),
        **({"rate_budget_share": round(result.requests / (seconds * rate), 4)} if rate else {}),
        **({"lag_seconds": round(lag, 1)} if lag is not None else {}),
        **({"left_out": " ".join(result.warnings)} if result.warnings else {}),
        "dagster/row_count": rows,
        "connection": connection,
        "mode": mode,
    }


def total_metadata(results: Iterable[EntityResult]) -> Metadata:
    """Return the sums of several results."""
    done = list(results)
    return {name: sum(int(getattr(result, name)) for result in done) for name in COUNTS}


GOLDEN_COUNTS = {
    "queued": "queued", "matched": "matched", "inserted": "new", "merged": "merged", "parted": "split", "updated": "updated",
    "unchanged": "unchanged", "deleted": "deleted", "offered": "offered",
}  # fmt: skip
"""Field of ReconcileResult → its name in the metadata."""


def has_done(result: ReconcileResult) -> bool:
    """Return whether reconciling took or wrote anything: also golden records that only refer to what moved."""
    return any(getattr(result, name) for name in (*GOLDEN_COUNTS, "reviews")) or bool(result.conflicts)


def golden_metadata(result: ReconcileResult, standing: Row, newest: Iterable[Row]) -> Metadata:
    """Return the metadata of a reconciled golden table.

    standing: golden (living rows), sources_per_golden, reviews_waiting, conflicts_open; newest: conflicts and reviews that
    wait for a person, ids only.
    """
    fields: list[Row] = [{"field": name, "conflicts": count} for name, count in sorted(result.conflicts.items())]
    return {
        **{told: int(getattr(result, name)) for name, told in GOLDEN_COUNTS.items()},
        "conflicts": sum(result.conflicts.values()),
        "conflicts_by_field": table(fields),
        "conflicts_open": int(standing["conflicts_open"]),
        "reviews": int(result.reviews),
        "reviews_waiting": int(standing["reviews_waiting"]),
        "waiting_for_a_person": table({**row, "since": row["since"].isoformat(timespec="seconds")} for row in newest),
        "sources_per_golden": float(standing["sources_per_golden"]),
        "dagster/row_count": int(standing["golden"]),
    }


DRAIN_COUNTS = ("claimed", "applied", "merged", "conflicts", "rejected", "dead", "retried", "left", "requests")


def outgoing_metadata(result: DrainResult, connection: str, rate: float | None, newest: Iterable[Row]) -> Metadata:
    """Return the metadata of a drain.

    rate: requests per second the vendor allows; newest: the connection's changes that ended last, ids and names of fields only.
    """
    seconds = max(result.seconds, 0.001)
    return {
        **{name: int(getattr(result, name)) for name in DRAIN_COUNTS},
        "oldest_seconds": round(result.oldest_seconds or 0.0, 1),
        "applied_per_second": round(result.rate, 2),
        "seconds": round(result.seconds, 3),
        **({"rate_budget_share": round(result.requests / (seconds * rate), 4)} if rate else {}),
        "last_settled": table({**row, "at": row["at"].isoformat(timespec="seconds")} for row in newest),
        "connection": connection,
    }


def table(rows: Iterable[dict[str, str | int | float | bool]]) -> dg.TableMetadataValue | dg.MarkdownMetadataValue:
    """Return rows of equal keys as a table, or a word when there are none."""
    records = [dg.TableRecord(row) for row in rows]
    if not records:
        return dg.MetadataValue.md("nothing")
    kinds = {bool: "bool", int: "int", float: "float"}
    columns = [dg.TableColumn(name, kinds.get(type(value), "string")) for name, value in records[0].data.items()]
    return dg.MetadataValue.table(records, schema=dg.TableSchema(columns))
