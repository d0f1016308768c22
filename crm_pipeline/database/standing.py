"""How everything stands at one look: connections with their entities and queues, budgets, questions for people. Reads only."""

from typing import Any

from sqlalchemy import Engine

from crm_pipeline.database import conflicts, decisions, outgoing_desk, status
from crm_pipeline.database.locks import writers
from crm_pipeline.database.queries import queries

FRESHNESS = ("last_success_at", "lag_seconds")


def standing(engine: Engine) -> dict[str, Any]:
    """Return how everything stands, for those who look after it."""
    queues, running = {one.connection: one for one in outgoing_desk.summary(engine)}, writers(engine)
    rows = [_with_queue(row, queues.get(row["name"]), row.pop("id") in running) for row in _rows(engine, "connections")]
    return {
        "connections": rows, "budget": _rows(engine, "budget"), "conflicts_open": conflicts.count_open(engine),
        "reviews_open": decisions.open_reviews(engine), "waiting_to_reconcile": status.waiting(engine),
    }  # fmt: skip


def freshness(engine: Engine) -> dict[str, Any]:
    """Return how fresh everything is, and nothing else."""
    return {"connections": [_fresh(row) for row in _rows(engine, "connections")]}


def _with_queue(row: dict[str, Any], queue: outgoing_desk.Standing | None, is_running: bool) -> dict[str, Any]:
    oldest = queue.oldest_pending_seconds if queue else None
    return row | {"is_running": is_running, "queue": queue.counts if queue else {}, "oldest_pending_seconds": oldest}


def _fresh(row: dict[str, Any]) -> dict[str, Any]:
    entities = {entity: {name: one[name] for name in FRESHNESS} for entity, one in row["entities"].items()}
    return {"name": row["name"], "crm": row["crm"], "status": row["status"], "entities": entities}


def _rows(engine: Engine, name: str) -> list[dict[str, Any]]:
    with engine.connect() as db:
        return [dict(row._mapping) for row in db.exec_driver_sql(queries("standing")[name])]
