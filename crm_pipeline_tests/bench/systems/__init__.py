"""One system per file, each run as a process of its own: `python -m crm_pipeline_tests.bench.systems.NAME '{json}'`.

Every file has `work(task) -> dict` and ends in `report(work)`. What is measured is the work alone: imports are not counted,
which favours the systems with many of them. Nothing here knows how results are compared.
"""

import json
import resource
import sys
import time
from collections.abc import Callable
from typing import Any

Task = dict[str, Any]


def report(work: Callable[[Task], dict[str, Any]]) -> None:
    """Do the task given on the command line and print as the last line what came of it: its facts, `seconds`, `cpu`."""
    task = json.loads(sys.argv[1])
    began, used = time.monotonic(), _cpu()
    done = work(task)
    facts = {"seconds": time.monotonic() - began, "cpu": _cpu() - used, **done}
    print(json.dumps(facts, default=str), flush=True)


def _cpu() -> float:
    """Return the processor seconds of this process and of those it has started and awaited."""
    kinds = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return sum(usage.ru_utime + usage.ru_stime for usage in map(resource.getrusage, kinds))
