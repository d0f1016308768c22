"""A process that syncs and may be killed at any moment, from a parent that has everything imported already.

    python -m crm_pipeline_tests.mortal

Reads lines of JSON, {"database": url, "life": seconds or null}, and answers each with the word `killed` or `done` once the
child it forked was killed with SIGKILL after so many seconds, or has finished everything before. Settings come from the
environment.
"""

import json
import os
import signal
import sys
import threading
import time

from crm_pipeline.connectors import discover
from crm_pipeline.database.connections import list_connections
from crm_pipeline.errors import ConnectionBusy
from crm_pipeline.settings import load_settings
from crm_pipeline.stages.reconcile import reconcile
from crm_pipeline.stages.sync import sync
from crm_pipeline.wiring import Pipeline, open_pipeline


def main() -> None:
    """Serve until the input ends."""
    discover()
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})
    for line in sys.stdin:
        asked = json.loads(line)
        print(live(asked["database"], asked["life"]), flush=True)


def live(database: str, life: float | None) -> str:
    """Fork, let the child work for so long, kill it."""
    began = time.monotonic()
    child = os.fork()
    if child == 0:
        os._exit(work(database))
    if signal.sigtimedwait({signal.SIGCHLD}, 600 if life is None else life) is None:
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    signal.sigtimedwait({signal.SIGCHLD}, 0)
    if os.WIFSIGNALED(status):
        return "killed"
    return f"done {time.monotonic() - began:.3f}" if os.WEXITSTATUS(status) == 0 else "failed"


def work(database: str) -> int:
    """Sync every connection, then reconcile; return the exit status."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD})
    parts = open_pipeline(load_settings().model_copy(update={"database_url": database}))
    for row in list_connections(parts.engine):
        result = once_free(parts, row.name)
        if result != "ok":
            print(row.name, result, file=sys.stderr, flush=True)
            return 1
    reconcile(parts)
    return 0


def once_free(parts: Pipeline, name: str) -> str:
    """Sync a connection as soon as Postgres has noticed that the last writer is dead."""
    while True:
        try:
            result = sync(parts, name, "incremental")
            return result.status if result.status == "ok" else f"{result.status}: {result.error}"
        except ConnectionBusy:
            threading.Event().wait(0.02)


if __name__ == "__main__":
    main()
