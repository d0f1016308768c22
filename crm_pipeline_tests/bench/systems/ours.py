"""Our own pipeline: the stages that `crm-pipeline sync` runs, as it runs them.

How fast it may ask is a setting of the connection (`crm-pipeline connections set NAME rate=… burst=…`), made by `ground.py`.
"""

import time
from typing import Any

import crm_pipeline.cli  # noqa: F401 - so that memory is that of the command
from crm_pipeline.settings import load_settings
from crm_pipeline.stages.reconcile import reconcile
from crm_pipeline.stages.sync import sync
from crm_pipeline.wiring import Pipeline, open_pipeline
from crm_pipeline_tests.bench.systems import Task, report


def work(task: Task) -> dict[str, Any]:
    """Sync one connection in the mode asked, then reconcile; `seconds` is the sync alone."""
    parts = open_pipeline(load_settings())
    try:
        return _synced(parts, task)
    finally:
        parts.close()


def _synced(parts: Pipeline, task: Task) -> dict[str, Any]:
    began = time.monotonic()
    done = sync(parts, task["connection"], task["mode"])
    synced = time.monotonic()
    golden = reconcile(parts)
    if done.status != "ok":
        raise RuntimeError(done.error)
    return done.as_json() | {
        "rows": sum(entity.inserted for entity in done.entities.values()),
        "read": sum(entity.read for entity in done.entities.values()),
        "golden": sum(one.inserted + one.updated for one in golden.values()),
        "seconds": synced - began,
        "reconcile_seconds": time.monotonic() - synced,
    }


if __name__ == "__main__":
    report(work)
