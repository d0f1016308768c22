"""Many clients of the API at once, who do not wait for one another: requests begin when they are due, whatever is under way.

Waiting is counted from the moment a request was due, also where this process was late to send it.
"""

import asyncio
import random
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import aiohttp
import orjson

from crm_pipeline_tests.bench.systems import Task, report

SECONDS = 30
"""A request unanswered for so long has failed."""
SENT_BY_THE_FIRST = "receipt"
"""The first device sent the edits, so it may ask for their receipts."""


@dataclass(slots=True)
class Device:
    """An app that is logged in. owner: golden id of the CRM user it is, whose contacts these are; cursor: how far it has read."""

    token: str
    cursor: str
    owner: str
    contacts: list[str]


@dataclass(slots=True)
class Seen:
    """What came of the requests: kind → seconds from due to read; kind → what failed."""

    waits: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    failures: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    changes: int = 0
    late: float = 0.0


def work(task: Task) -> dict[str, Any]:
    """Send so many requests a second for so many seconds, at random moments, of the mix asked for."""
    seen = asyncio.run(_burst(task))
    return {"waits": seen.waits, "failures": seen.failures, "changes": seen.changes, "late": seen.late}


async def _burst(task: Task) -> Seen:
    dice, seen = random.Random(1), Seen()
    devices = [Device(**one) for one in task["devices"]]
    kinds, weights = zip(*task["mix"].items(), strict=True)
    connector, timeout = aiohttp.TCPConnector(limit=0), aiohttp.ClientTimeout(total=SECONDS)
    async with aiohttp.ClientSession(task["url"], connector=connector, timeout=timeout) as http, asyncio.TaskGroup() as group:
        due = began = time.perf_counter()
        while due - began < task["seconds"]:
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            kind = dice.choices(kinds, weights)[0]
            device = devices[0] if kind == SENT_BY_THE_FIRST else dice.choice(devices)
            seen.late = max(seen.late, time.perf_counter() - due)
            group.create_task(_one(http, kind, PATHS[kind](task, device, dice), device, due, seen))
            due += dice.expovariate(task["rate"])
    return seen


async def _one(http: aiohttp.ClientSession, kind: str, path: str, device: Device, due: float, seen: Seen) -> None:
    headers = {"Authorization": f"Bearer {device.token}", "Accept-Encoding": "gzip"}
    try:
        async with http.get(path, headers=headers) as answer:
            body = await answer.read()
    except (aiohttp.ClientError, TimeoutError) as error:
        seen.failures[f"{kind}: {type(error).__name__}"] += 1
        return
    seen.waits[kind].append(time.perf_counter() - due)
    if answer.status != 200:
        seen.failures[f"{kind}: {answer.status}"] += 1
    elif kind == "changes":
        page = orjson.loads(body)
        device.cursor = page["next_cursor"]
        seen.changes += len(page["changes"])


PATHS: dict[str, Callable[[Task, Device, random.Random], str]] = {
    "one record": lambda _, device, dice: f"/api/contacts/{dice.choice(device.contacts)}",
    "newest contacts": lambda _, device, dice: "/api/contacts?sort=-updated_at&limit=50",
    "own deals": lambda _, device, dice: f"/api/deals?owner_id={device.owner}&limit=50",
    "own tasks": lambda _, device, dice: f"/api/tasks?owner_id={device.owner}&limit=50",
    "changes": lambda _, device, dice: f"/api/sync/incremental?since={quote(device.cursor)}",
    "status": lambda _, device, dice: "/api/sync/status",
    "receipt": lambda task, device, dice: f"/api/sync/outgoing/{dice.choice(task['receipts'])}",
}
"""Kind → where it asks."""


if __name__ == "__main__":
    report(work)
