"""A process of its own that works with the tiny CRM, for tests that need several, or one to kill.

    python -m crm_pipeline_tests.connectors.tinycrm.program check|sync|budget NAME

Settings come from the environment, as everywhere; what was done is printed as one line of JSON.
"""

import json
import sys
import threading
import time
from typing import Any

from crm_pipeline.settings import load_settings
from crm_pipeline.stages.reconcile import reconcile
from crm_pipeline.stages.sync import sync
from crm_pipeline.wiring import Pipeline, open_pipeline


def check(parts: Pipeline, name: str) -> Any:
    """Ask who the account is, with whatever token there is."""
    link = parts.link(name)
    return parts.connectors["tinycrm"].check(link).stable_id


def sync_(parts: Pipeline, name: str) -> Any:
    """Sync and reconcile."""
    result = sync(parts, name, "incremental")
    reconcile(parts)
    return result.status


def budget(parts: Pipeline, name: str) -> Any:
    """Use a meter 25 times as a session does, and tell when each request would have been sent."""
    sent, turn = [], threading.Event()
    for _ in range(25):
        turn.wait(parts.budget.reserve(name, 0.02, 1))
        sent.append(time.time())
    return sent


ACTIONS = {"check": check, "sync": sync_, "budget": budget}


def main() -> None:
    """Do one thing and say what came of it."""
    parts = open_pipeline(load_settings())
    done = ACTIONS[sys.argv[1]](parts, sys.argv[2])
    parts.close()
    print(json.dumps(done))


if __name__ == "__main__":
    main()
