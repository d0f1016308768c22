"""dlt: the rest_api source into Postgres with merge, as its documentation has it, or tuned.

`tuned`: flat tables (nested values stay json), the csv loader, lists read in parallel, two normalizing processes.
"""

import os
import time
from typing import Any

import dlt
import psycopg2
from dlt.sources.rest_api import rest_api_source
from psycopg2 import sql

from crm_pipeline_tests.bench.ground import STATEMENTS
from crm_pipeline_tests.bench.lists import AMOCRM
from crm_pipeline_tests.bench.systems import Task, report

DATASET = "bench"
TUNED = {
    "NORMALIZE__WORKERS": "2",
    "LOAD__WORKERS": "4",
    "DATA_WRITER__BUFFER_MAX_ITEMS": "20000",
    "DATA_WRITER__FILE_MAX_ITEMS": "20000",
    "DATA_WRITER__DISABLE_COMPRESSION": "true",
}


def work(task: Task) -> dict[str, Any]:
    """Load every list."""
    os.environ.update({"RUNTIME__DLTHUB_TELEMETRY": "false", **(TUNED if task["tuned"] else {})})
    source = rest_api_source(_amocrm(task))
    if task["tuned"]:
        source.max_table_nesting = 0
    pipeline = dlt.pipeline(
        "bench", destination=dlt.destinations.postgres(task["database"]), dataset_name=DATASET, pipelines_dir=task["folder"]
    )
    began = time.monotonic()
    pipeline.run(source, loader_file_format="csv" if task["tuned"] else "insert_values")
    seconds = time.monotonic() - began
    read = _loaded(task["database"], list(source.resources))
    return {"seconds": seconds, "rows": sum(read.values()), "read": read}


def _loaded(url: str, tables: list[str]) -> dict[str, int]:
    """Count what is in the tables: its own counts count some rows twice when it normalizes in parallel."""
    with psycopg2.connect(url) as db, db.cursor() as cursor:
        counts = {}
        for table in tables:
            cursor.execute(sql.SQL(STATEMENTS["count"]).format(table=sql.Identifier(DATASET, table)))
            counts[table] = int(cursor.fetchone()[0])
    db.close()
    return counts


def _amocrm(task: Task) -> Any:
    lists = {name: found for name, found in AMOCRM.items() if name != "catalogs"}
    lists |= {f"elements_{number}": (f"catalogs/{number}/elements", {}) for number in task["catalogs"]}
    return {
        "client": {
            "base_url": f"{task['url']}/api/v4/",
            "auth": {"type": "bearer", "token": task["token"]},
            "paginator": {"type": "json_link", "next_url_path": "_links.next.href"},
        },
        "resource_defaults": {"primary_key": "id", "write_disposition": "merge", "parallelized": task["tuned"]},
        "resources": [_resource(name, path, params) for name, (path, params) in lists.items()],
    }


def _resource(name: str, path: str, params: dict[str, Any]) -> dict[str, Any]:
    key = path.rsplit("/", 1)[-1]
    return {"name": name, "endpoint": {"path": path, "params": {"limit": 250, **params}, "data_selector": f"_embedded.{key}"}}


if __name__ == "__main__":
    report(work)
