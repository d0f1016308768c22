"""The definitions an account's records are read by: its custom fields and the categories of its stages."""

import hashlib
from typing import Any

import orjson
from sqlalchemy import Connection

from crm_pipeline.database.queries import queries
from crm_pipeline.model.records import MappingContext


def mapping_context(db: Connection, connection_id: int, account: dict[str, Any], region: str) -> MappingContext:
    """Return what normalizing needs to know of a connection. account: `sync.connections.account`."""
    keys = {"connection_id": connection_id}
    fields = {f"{row.entity}:{row.field_key}": _field(row) for row in db.exec_driver_sql(queries("landing")["fields"], keys)}
    stages = {row.external_id: row.category for row in db.exec_driver_sql(queries("landing")["stages"], keys)}
    zone = {"timezone": account["timezone"]} if account.get("timezone") else {}
    facts = account.get("facts") or {}
    return MappingContext(
        connection_id, currency=account.get("currency"), region=region, fields=fields, stages=stages, facts=facts, **zone
    )


def fingerprint(context: MappingContext, entity: str) -> str:
    """Return a text that changes whenever records of this entity would be read differently under the same mapping."""
    fields = {key: value for key, value in context.fields.items() if key.startswith(f"{entity}:")}
    stages = context.stages if entity == "deals" else {}
    relevant = [fields, stages, context.timezone, context.currency if entity in ("deals", "products") else None, context.region]
    return hashlib.sha256(orjson.dumps(relevant, option=orjson.OPT_SORT_KEYS)).hexdigest()


def _field(row: Any) -> dict[str, Any]:
    return {"name": row.name, "kind": row.kind, "is_multiple": row.is_multiple, "options": row.options}
