"""Our drain: an account is loaded, a field of many of its contacts is edited in the app, and what golden then owes is drained.

Steps are processes of their own, so that what is measured begins with nothing at hand: `fill` (load, edit, leave it waiting),
`drain` (with edits of people meanwhile, where asked). What the CRM saw is in its journal, judged by `draining.py`.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

from crm_pipeline.database import connections
from crm_pipeline.settings import load_settings
from crm_pipeline.stages.drain import drain
from crm_pipeline.stages.edits import edit
from crm_pipeline.stages.parts import Parts
from crm_pipeline.stages.reconcile import reconcile
from crm_pipeline.stages.sync import sync
from crm_pipeline.wiring import open_pipeline
from crm_pipeline_tests.bench.ground import STATEMENTS
from crm_pipeline_tests.bench.systems import Task, report

Work = Callable[[threading.Event], None]


def work(task: Task) -> dict[str, Any]:
    """Do the step asked for."""
    parts = open_pipeline(load_settings())
    try:
        return {"fill": _fill, "drain": _drain}[task["step"]](parts, task)
    finally:
        parts.close()


def _fill(parts: Parts, task: Task) -> dict[str, Any]:
    """Load contacts and companies, switch writing on, edit so many contacts as one push would; they wait as bulk."""
    name = task["connection"]
    sync(parts, name, "initial", ["users", "companies", "contacts"])
    reconcile(parts)
    connections.set_direction(parts.engine, name, "two_way")
    picked = _picked(parts, task["changes"], last=False)
    edit(parts, [_operation(one, "Head of purchasing") for one in picked], "bench")
    with parts.engine.begin() as db:
        waiting = db.exec_driver_sql(STATEMENTS["wait_as_bulk"]).rowcount
        db.exec_driver_sql(STATEMENTS["usual_rate"])
    return {"waiting": waiting}


def _operation(golden_id: str, position: str) -> dict[str, Any]:
    return {
        "id": str(uuid4()), "entity": "contacts", "action": "update", "record": golden_id, "fields": {"position": position},
    }  # fmt: skip


def _picked(parts: Parts, count: int, *, last: bool) -> list[str]:
    with parts.engine.begin() as db:
        return [row[0] for row in db.exec_driver_sql(STATEMENTS["pick_golden"], {"count": count, "last": last})]


def _drain(parts: Parts, task: Task) -> dict[str, Any]:
    """Drain, beside a sync of everything where asked, and with a person's edit every so many seconds."""
    name = task["connection"]
    with _meanwhile(_person(parts, task.get("every", 0))), _meanwhile(_reader(parts, name) if task.get("beside_sync") else None):
        began = time.monotonic()
        done = drain(parts, name)[name]
        seconds = time.monotonic() - began
    with parts.engine.begin() as db:
        latencies = [row[0] for row in db.exec_driver_sql(STATEMENTS["interactive_latencies"])]
        operating = db.exec_driver_sql(STATEMENTS["most_operating"]).scalar_one()
    return {**done.as_json(), "latencies": latencies, "operating": operating, "seconds": seconds}


def _person(parts: Parts, every: float) -> Work | None:
    """Return who edits a contact that waits for nothing else, every so many seconds; 0: nobody."""
    own = _picked(parts, 1_000, last=True) if every else []

    def edits(ended: threading.Event) -> None:
        for number, one in enumerate(own):
            if ended.wait(every):
                return
            edit(parts, [_operation(one, f"Director {number}")], "person")

    return edits if own else None


def _reader(parts: Parts, connection: str) -> Work:
    """Return who reads the connection from the beginning, but for people and companies."""
    return lambda _: void(sync(parts, connection, "initial", ["deals", "tasks", "communications"]))


def void(_: object) -> None:
    """Take a result nobody asked for."""


@contextmanager
def _meanwhile(work: Work | None) -> Iterator[None]:
    """Have somebody at work until the block ends; who does not look whether it has is not waited for."""
    ended = threading.Event()
    threading.Thread(target=work or void, args=(ended,), daemon=True).start()
    try:
        yield
    finally:
        ended.set()


if __name__ == "__main__":
    report(work)
