"""Our own matching: stages `match`, `survive` and `suggest` on records that have just been landed, then on a few changed ones."""

import time
from collections.abc import Callable
from typing import Any

import psycopg2

import crm_pipeline.cli  # noqa: F401 - so that memory is that of the command
from crm_pipeline.model.entities import GOLDEN
from crm_pipeline.settings import load_settings
from crm_pipeline.stages.match import match
from crm_pipeline.stages.parts import ReconcileResult
from crm_pipeline.stages.reconcile import reconcile
from crm_pipeline.stages.suggest import suggest
from crm_pipeline.stages.survive import survive
from crm_pipeline.wiring import Pipeline, open_pipeline
from crm_pipeline_tests.bench.ground import STATEMENTS
from crm_pipeline_tests.bench.systems import Task, report

BEFORE = GOLDEN[: GOLDEN.index("contacts")]
"""What contacts refer to; matched and rebuilt first."""


def work(task: Task) -> dict[str, Any]:
    """Match and rebuild everything, then suggest, then reconcile changed records twice; `seconds` is of contacts alone."""
    parts = open_pipeline(load_settings())
    try:
        first = _first(parts)
        first |= _suggested(parts) if task["suggest"] else {}
        _tell(task["database"], "find_ours", "find_suggested")
        return first | _changed(parts, task)
    finally:
        parts.close()


def _timed(act: Callable[[], Any]) -> tuple[Any, float]:
    began = time.monotonic()
    return act(), time.monotonic() - began


def _first(parts: Pipeline) -> dict[str, Any]:
    """Do what `reconcile` does, in its order, so that each part has its time."""
    _, before = _timed(lambda: [match(parts, entity, parts.rules) for entity in BEFORE])
    matched, matching = _timed(lambda: match(parts, "contacts", parts.rules))
    _, more = _timed(lambda: [survive(parts, entity, parts.rules) for entity in BEFORE])
    survived, surviving = _timed(lambda: survive(parts, "contacts", parts.rules))
    return {
        "rows": matched.queued,
        "joined": matched.joined,
        "reviews": matched.reviews,
        "golden": survived.inserted,
        "conflicts": sum(survived.conflicts.values()),
        "match_seconds": matching,
        "survive_seconds": surviving,
        "companies_seconds": before + more,
        "seconds": matching + surviving,
    }


def _suggested(parts: Pipeline) -> dict[str, Any]:
    asked, seconds = _timed(lambda: suggest(parts))
    return {"suggestions": asked, "suggest_seconds": seconds}


def _changed(parts: Pipeline, task: Task) -> dict[str, Any]:
    """Change positions, reconcile; queue the same records once more, which must write nothing."""
    with psycopg2.connect(task["database"]) as db, db.cursor() as cursor:
        cursor.execute(STATEMENTS["pick_changed"], {"count": task["changed"]})
        cursor.execute(STATEMENTS["change_picked"])
        cursor.execute(STATEMENTS["queue_picked"])
        db.commit()
        done, seconds = _timed(lambda: reconcile(parts))
        cursor.execute(STATEMENTS["queue_picked"])
        db.commit()
        again, more = _timed(lambda: reconcile(parts))
    db.close()
    return {
        "changed": _written(done), "changed_seconds": seconds,
        "again": _written(again), "again_seconds": more,
        "again_queued": again["contacts"].queued,
    }  # fmt: skip


def _written(done: dict[str, ReconcileResult]) -> int:
    return sum(one.inserted + one.updated + one.deleted for one in done.values())


def _tell(url: str, *statements: str) -> None:
    with psycopg2.connect(url) as db, db.cursor() as cursor:
        for statement in statements:
            cursor.execute(STATEMENTS[statement])
    db.close()


if __name__ == "__main__":
    report(work)
