"""What a materialization says: counts, speed, budget and lag as plain numbers, which the UI plots over runs."""

from collections.abc import Iterable

import dagster as dg

from crm_pipeline.stages.parts import EntityResult, ReconcileResult

COUNTS = ("read", "inserted", "updated", "unchanged", "deleted", "quarantined", "requests")

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


def golden_metadata(result: ReconcileResult) -> Metadata:
    """Return the metadata of a reconciled golden table."""
    return {name: int(getattr(result, name)) for name in ("queued", "inserted", "updated", "unchanged", "deleted")}


def table(rows: Iterable[dict[str, str | int | float | bool]]) -> dg.TableMetadataValue | dg.MarkdownMetadataValue:
    """Return rows of equal keys as a table, or a word when there are none."""
    records = [dg.TableRecord(row) for row in rows]
    if not records:
        return dg.MetadataValue.md("nothing")
    kinds = {bool: "bool", int: "int", float: "float"}
    columns = [dg.TableColumn(name, kinds.get(type(value), "string")) for name, value in records[0].data.items()]
    return dg.MetadataValue.table(records, schema=dg.TableSchema(columns))
