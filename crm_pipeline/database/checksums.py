"""Checksums by which a client proves that its copy is the server's.

Of an entity: how many records a client that read up to a transaction holds, and the sum of what each hashes to; but for those
listed as unsettled, which changed since, so that it may hold another version of them. What belongs here: these sums.
"""

from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import Connection

from crm_pipeline.database.delta import ENTITIES, View
from crm_pipeline.database.queries import queries
from crm_pipeline.database.templates import fill

MOST_UNSETTLED = 1_000
"""Of one entity; when more is being written, there is no checksum for now."""


@dataclass(frozen=True, slots=True)
class Checksum:
    """Of one entity. total: decimal text."""

    count: int
    total: str
    unsettled: list[str]

    def as_json(self) -> dict[str, Any]:
        """Return it as the API answers it."""
        return {"count": self.count, "hash": self.total, "unsettled": self.unsettled}


def checksums(db: Connection, view: View, before: int) -> dict[str, Checksum] | None:
    """Return the checksums of what a client holds that read everything before a transaction; None when too much is unsettled."""
    values: dict[str, Any] = {"user": view.sight.user, "crm": view.crm, "high": str(before), "limit": MOST_UNSETTLED + 1}
    found = {}
    for entity in ENTITIES:
        unsettled = [row[0] for row in db.exec_driver_sql(_statement("unsettled", entity, view.sight.narrows(entity)), values)]
        if len(unsettled) > MOST_UNSETTLED:
            return None
        values["unsettled"] = unsettled
        count, total = db.exec_driver_sql(_statement("checksum", entity, view.sight.narrows(entity)), values).one()
        found[entity] = Checksum(count, total, unsettled)
    return found


@cache
def _statement(name: str, entity: str, narrow: bool) -> str:
    sql = queries("delta")
    return fill(
        sql[name], join=sql["checksum_join"] if narrow else "", seen=sql["unsettled_seen"] if narrow else "",
        here=sql["here"], entity=entity,
    )  # fmt: skip
