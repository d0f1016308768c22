"""Our own pipeline, unpaced: what `crm-pipeline sync` does, with a budget that takes every slot and waits for none.

The stages, the connectors and the database are those of the command. Only the rate budget differs: it makes the same
round trip to Postgres for every request, with an interval of zero, because a stand-in without limits would otherwise be
read at the vendor's 7 requests a second. `budget: "paced"` leaves even that as it is.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from typing import Any

import crm_pipeline.cli  # noqa: F401 - so that memory is that of the command
from crm_pipeline.database.budget import PostgresBudget
from crm_pipeline.settings import load_settings
from crm_pipeline.stages.reconcile import reconcile
from crm_pipeline.stages.sync import sync
from crm_pipeline.wiring import Pipeline, open_pipeline
from crm_pipeline_tests.bench.systems import Task, report

PRACTICALLY_ENDLESS = 1_000_000_000


class UnpacedBudget(PostgresBudget):
    """Asks Postgres for every slot as always, of a meter that is never used up."""

    def reserve(self, meter: str, interval: float, burst: int, lane: str = "bulk") -> float:
        """Take a slot and wait for nothing."""
        return super().reserve(meter, 0.0, PRACTICALLY_ENDLESS, lane)


@contextmanager
def opened(paced: bool) -> Iterator[Pipeline]:
    """Open the pipeline on the environment's settings."""
    parts = open_pipeline(load_settings())
    used = parts if paced else replace(parts, budget=UnpacedBudget(parts.engine))
    try:
        yield used
    finally:
        used.close()
        parts.close()


def work(task: Task) -> dict[str, Any]:
    """Sync one connection in the mode asked, then reconcile; `seconds` is the sync alone."""
    with opened(task.get("budget") == "paced") as parts:
        began = time.monotonic()
        done = sync(parts, task["connection"], task["mode"])
        synced = time.monotonic()
        golden = reconcile(parts) if task.get("reconcile", True) else {}
    return {
        "seconds": synced - began,
        "reconcile_seconds": time.monotonic() - synced,
        "rows": sum(entity.read for entity in done.entities.values()),
        "golden": sum(one.inserted + one.updated for one in golden.values()),
        **done.as_json(),
    } | {"seconds": synced - began, "entities": {name: asdict(entity) for name, entity in done.entities.items()}}


if __name__ == "__main__":
    report(work)
