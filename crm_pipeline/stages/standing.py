"""How everything stands, with what each connection has used of the rate its vendor allows. Reads only."""

from collections.abc import Mapping
from typing import Any

from crm_pipeline.connectors import Secrets
from crm_pipeline.database import connections, vault
from crm_pipeline.database import standing as rows
from crm_pipeline.database.connections import ConnectionRow
from crm_pipeline.errors import ConfigurationError
from crm_pipeline.stages.parts import Parts


def standing(parts: Parts) -> dict[str, Any]:
    """Return how everything stands, for those who look after it."""
    told, used = rows.standing(parts.engine), rows.meters(parts.engine)
    secrets = _secrets(parts)
    budgets = {row.id: _budget(parts, row, secrets.get(row.id), used) for row in connections.list_connections(parts.engine)}
    for one in told["connections"]:
        one["budget"] = budgets.get(one.pop("id"))
    return told


def _secrets(parts: Parts) -> Mapping[int, Secrets]:
    try:
        return vault.read_all(parts.engine, parts.settings.encryption_keys)
    except ConfigurationError:  # of another key: how everything else stands is wanted all the more
        return {}


def freshness(parts: Parts) -> dict[str, Any]:
    """Return how fresh everything is, and nothing else."""
    return rows.freshness(parts.engine)


def _budget(
    parts: Parts, row: ConnectionRow, secrets: Secrets | None, used: Mapping[str, dict[str, Any]]
) -> dict[str, Any] | None:
    """Return what was used of a connection's meter, which others of its integration or portal may share; None without one."""
    connector = parts.connectors.get(row.crm)
    if connector is None or secrets is None:
        return None
    meter = connector.meter(row.base_url, secrets)
    rate = row.requests_per_second or 1 / meter.interval
    nothing = {"granted": 0, "refused": 0, "paused_until": None, "behind": 0.0, "operating": None}
    return {"requests_per_second": round(rate, 3), **nothing, **used.get(meter.key, {})}
