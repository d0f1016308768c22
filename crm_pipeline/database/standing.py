"""How everything stands at one look: connections with their entities and queues, budgets, questions for people. Reads only."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, Engine

from crm_pipeline.database import conflicts, decisions, outgoing_desk, status
from crm_pipeline.database.locks import writers
from crm_pipeline.database.queries import queries
from crm_pipeline.model.connections import WHAT_TO_DO

FRESHNESS = ("last_success_at", "lag_seconds")
Counts = Mapping[tuple[int, str], int]
"""Connection and entity → how many."""


def standing(engine: Engine) -> dict[str, Any]:
    """Return how everything stands, for those who look after it; connections still carry their `id`."""
    queues, running = {one.connection: one for one in outgoing_desk.summary(engine)}, writers(engine)
    with engine.connect() as db:
        waiting, open_ = _counts(db, "queues"), _counts(db, "conflicts")
        found, budget = _rows(db, "connections"), _rows(db, "budget")
    rows = [
        _counted(_with_queue(row, queues.get(row["name"])), waiting, open_) | {"is_running": row["id"] in running}
        for row in found
    ]
    return {
        "connections": rows, "budget": budget, "conflicts_open": conflicts.count_open(engine),
        "reviews_open": decisions.open_reviews(engine), "waiting_to_reconcile": status.waiting(engine),
    }  # fmt: skip


def meters(engine: Engine) -> dict[str, dict[str, Any]]:
    """Return meter → what was used of it: granted, refused, paused_until, behind (seconds), operating (method → seconds)."""
    with engine.connect() as db:
        return {row.pop("meter"): row for row in _rows(db, "meters")}


def freshness(engine: Engine) -> dict[str, Any]:
    """Return how fresh everything is, and nothing else."""
    with engine.connect() as db:
        return {"connections": [_fresh(row) for row in _rows(db, "connections")]}


def _with_queue(row: dict[str, Any], queue: outgoing_desk.Standing | None) -> dict[str, Any]:
    oldest = queue.oldest_pending_seconds if queue else None
    more = {"queue": queue.counts if queue else {}, "oldest_pending_seconds": oldest, "what_to_do": WHAT_TO_DO.get(row["status"])}
    return row | more


def _counted(row: dict[str, Any], waiting: Counts, open_: Counts) -> dict[str, Any]:
    """Return a connection with what waits and is in conflict, as a whole and entity by entity."""
    number, found = row["id"], [(waiting, "queue_depth"), (open_, "conflicts_open")]
    told = {entity for counts, _ in found for connection, entity in counts if connection == number}
    entities = {
        entity: dict.fromkeys(FRESHNESS)
        | row["entities"].get(entity, {})
        | {name: counts.get((number, entity), 0) for counts, name in found}
        for entity in sorted({*row["entities"], *told})
    }
    sums = {name: sum(one[name] for one in entities.values()) for _, name in found}
    return row | sums | {"entities": entities}


def _counts(db: Connection, name: str) -> Counts:
    return {(row[0], row[1]): row[2] for row in db.exec_driver_sql(queries("standing")[name])}


def _fresh(row: dict[str, Any]) -> dict[str, Any]:
    entities = {entity: {name: one[name] for name in FRESHNESS} for entity, one in row["entities"].items()}
    return {"name": row["name"], "crm": row["crm"], "status": row["status"], "entities": entities}


def _rows(db: Connection, name: str) -> list[dict[str, Any]]:
    return [dict(row._mapping) for row in db.exec_driver_sql(queries("standing")[name])]
