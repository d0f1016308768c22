"""fast-bitrix24 reading the same Bitrix24 lists: `get_all` of each, then what is asked for per owner, then COPY as jsonb.

`paced`: with its own defaults for the vendor's limits; else at any speed. Without `database` rows are only counted.
"""

import asyncio
from io import StringIO
from typing import Any

import orjson
import psycopg2
from fast_bitrix24 import BitrixAsync

from crm_pipeline_tests.bench.ground import STATEMENTS
from crm_pipeline_tests.bench.lists import BITRIX24, OWNERS
from crm_pipeline_tests.bench.systems import Task, report

Rows = dict[str, list[Any]]


def work(task: Task) -> dict[str, Any]:
    """Read everything, and copy it."""
    rates: dict[str, Any] = {} if task["paced"] else {"requests_per_second": 100_000.0, "request_pool_size": 100_000}
    client = BitrixAsync(task["webhook"], verbose=False, **rates)
    rows = asyncio.run(_read(client))
    if task.get("database"):
        _copy(rows, task["database"])
    return {"rows": sum(len(found) for found in rows.values()), "read": {name: len(found) for name, found in rows.items()}}


async def _read(client: BitrixAsync) -> Rows:
    rows: Rows = {}
    for call, params in BITRIX24.items():
        rows[call] = _listed(await client.get_all(call, params))
    deals = [int(row["ID"]) for row in rows["crm.deal.list"]]
    found = await client.get_by_ID("crm.deal.productrows.get", deals)
    rows["crm.deal.productrows.get"] = [row for owned in found.values() for row in owned or ()]
    rows["crm.timeline.comment.list"] = []
    for call, owner in OWNERS.items():
        asked = [{"filter": {"ENTITY_ID": row["ID"], "ENTITY_TYPE": owner}} for row in rows[call]]
        answers = await client.call("crm.timeline.comment.list", asked)
        rows["crm.timeline.comment.list"] += [
            row for owned in answers or () for row in (owned if isinstance(owned, list) else [owned])
        ]
    return rows


def _listed(found: Any) -> list[Any]:
    return list(found.values()) if isinstance(found, dict) else list(found)


def _as_list(found: Any) -> list[Any]:
    return found if isinstance(found, list) else [found]


def _copy(rows: Rows, url: str) -> None:
    with psycopg2.connect(url) as db, db.cursor() as cursor:
        cursor.execute(STATEMENTS["make_landed"])
        for call, found in rows.items():
            text = StringIO("".join(f"{call}\t{_escaped(row)}\n" for row in found))
            cursor.copy_expert(STATEMENTS["copy_landed"], text)
    db.close()


def _escaped(row: Any) -> str:
    return orjson.dumps(row).decode().replace("\\", "\\\\")


if __name__ == "__main__":
    report(work)
