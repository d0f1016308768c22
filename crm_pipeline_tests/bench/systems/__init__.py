"""One system per file, each run as a process of its own: `python -m crm_pipeline_tests.bench.systems.NAME '{json}'`.

Every file has `work(task) -> dict` and ends in `report(work)`. What is measured is the work alone: imports are not counted,
which favours the systems with many of them. Nothing here knows how results are compared.
"""

import json
import sys
import time
from collections.abc import Callable
from typing import Any

Task = dict[str, Any]


def report(work: Callable[[Task], dict[str, Any]]) -> None:
    """Do the task given on the command line and print what came of it as the last line: the work's own facts and `seconds`."""
    task = json.loads(sys.argv[1])
    began = time.monotonic()
    done = work(task)
    print(json.dumps({"seconds": time.monotonic() - began, **done}, default=str), flush=True)
