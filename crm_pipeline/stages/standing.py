"""How everything stands, with what each connection has used of the rate its vendor allows. Reads only."""

from collections.abc import Mapping
from typing import Any

from crm_pipeline.connectors import Meter
from crm_pipeline.database import connections, vault
from crm_pipeline.database import standing as rows
from crm_pipeline.database.connections import ConnectionRow
from crm_pipeline.errors import ConsentNeeded
from crm_pipeline.stages.parts import Parts


def standing(parts: Parts) -> dict[str, Any]:
    """Return how everything stands, for those who look after it."""
    told, used = rows.standing(parts.engine), rows.meters(parts.engine)
    known = {row.id: row for row in connections.list_connections(parts.engine)}
    for one in told["connections"]:
        one["budget"] = _budget(parts, known.get(one.pop("id")), used)
    return told


def freshness(parts: Parts) -> dict[str, Any]:
    """Return how fresh everything is, and nothing else."""
    return rows.freshness(parts.engine)


def _budget(parts: Parts, row: ConnectionRow | None, used: Mapping[str, dict[str, Any]]) -> dict[str, Any] | None:
    """Return what was used of a connection's meter, which others of the same integration or portal may share."""
    meter = _meter(parts, row) if row else None
    if row is None or meter is None:
        return None
    rate = row.requests_per_second or 1 / meter.interval
    nothing = {"granted": 0, "refused": 0, "paused_until": None, "behind": 0.0, "operating": None}
    return {"requests_per_second": round(rate, 3), **nothing, **used.get(meter.key, {})}


def _meter(parts: Parts, row: ConnectionRow) -> Meter | None:
    connector = parts.connectors.get(row.crm)
    try:
        secrets = vault.RowVault(parts.engine, parts.settings.encryption_keys, row.id).read()
    except ConsentNeeded:  # it has none at the moment, so it sends nothing
        return None
    return connector.meter(row.base_url, secrets) if connector else None
