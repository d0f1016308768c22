"""A client of the API that reads everything, or what changed, as an app with a copy of its own would: every record is parsed."""

import time
from collections.abc import Iterator
from typing import Any

import orjson
import requests

from crm_pipeline_tests.bench.systems import Task, report

NDJSON = "application/x-ndjson"
PIECE = 1 << 18


def work(task: Task) -> dict[str, Any]:
    """Read by the way asked for, to the end of the round or to `enough` records."""
    found: dict[str, Any] = {"rows": 0, "bytes": 0, "slowest": 0.0, "cursor": None}
    with requests.Session() as http:
        http.headers.update(
            {"Authorization": f"Bearer {task['token']}", "Accept-Encoding": "gzip" if task["gzip"] else "identity"}
        )
        for count, size, seconds, cursor in {"pages": _pages, "lines": _lines}[task["way"]](http, task):
            found["rows"] += count
            found["bytes"] += size
            found["slowest"] = max(found["slowest"], seconds)
            found["cursor"] = cursor or found["cursor"]
            if found["rows"] >= task.get("enough", 1 << 60):
                break
    return found


def _pages(http: requests.Session, task: Task) -> Iterator[tuple[int, int, float, str | None]]:
    """Yield of each page: records, bytes, seconds, cursor."""
    asked, more = {**task["params"], "limit": task["limit"]}, True
    name = "since" if "since" in asked else "cursor"
    while more:
        began = time.perf_counter()
        answer = http.get(task["url"], params=asked, timeout=120)
        answer.raise_for_status()
        page = orjson.loads(answer.content)
        yield len(page["changes"]), len(answer.content), time.perf_counter() - began, page["next_cursor"]
        asked[name], more = page["next_cursor"], page["has_more"]


def _lines(http: requests.Session, task: Task) -> Iterator[tuple[int, int, float, str | None]]:
    """Yield of each piece of the stream: records, bytes, seconds, cursor."""
    params = {**task["params"], "limit": task["limit"]}
    with http.get(task["url"], params=params, headers={"Accept": NDJSON}, stream=True, timeout=120) as answer:
        answer.raise_for_status()
        began, rest = time.perf_counter(), b""
        for piece in answer.iter_content(PIECE):
            *lines, rest = (rest + piece).split(b"\n")
            records = [orjson.loads(line) for line in lines]
            cursor = next((one["next_cursor"] for one in records if "next_cursor" in one), None)
            yield len(records) - (cursor is not None), len(piece), time.perf_counter() - began, cursor
            began = time.perf_counter()


if __name__ == "__main__":
    report(work)
