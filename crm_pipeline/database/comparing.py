"""Pairs of records that share a key, held against what their names say: outside the database, while it does something else.

What belongs here: handing out the pairs whose names are not plainly the same, and taking back what speaks against them. What
names say is asked of the model by the stage.
"""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from sqlalchemy import Connection

from crm_pipeline.database.copy import copy_rows
from crm_pipeline.database.queries import queries
from crm_pipeline.model.matching import RANKS

COMPARED = ("contacts", "companies")
"""Entities whose names may speak against a link."""
TRUSTED = RANKS["external_id"]
"""Links by keys as trusted as this or more are not held against names: a system or person says it."""

Against = Callable[..., str | None]
"""Tells what speaks against two records being one, of the columns of both."""


def compare(db: Connection, entity: str, against: Against, meanwhile: Callable[[], None]) -> None:
    """Ask of each pair that is not plainly the same whether its names contradict, and keep what speaks against it.

    Comparing takes this process as long as the database takes for `meanwhile`, which is done at the same time.
    """
    if entity not in COMPARED:
        meanwhile()
        return
    driver: Any = db.connection.driver_connection
    with driver.cursor() as pairs, ThreadPoolExecutor(1, thread_name_prefix="compare") as worker:
        pairs.execute(queries("matching")[f"compare_{entity}"], {"trusted": TRUSTED})
        found = worker.submit(_contradicting, pairs, against)  # its rows are here: only this thread touches the cursor now
        meanwhile()
        copy_rows(db, "match_contradictions", ("a", "b", "reason"), found.result())


def _contradicting(pairs: Iterable[Sequence[Any]], against: Against) -> list[tuple[int, int, str]]:
    return [(a, b, reason) for a, b, *names in pairs if (reason := against(*names))]
