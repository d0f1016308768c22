"""Section (f), the queue alone: how fast changes are queued, coalesced and claimed, without a CRM on the other side."""

import time
from collections.abc import Iterable, Iterator
from uuid import UUID

from sqlalchemy import Connection, Engine

from crm_pipeline.database import outgoing
from crm_pipeline.database.engine import engine_for
from crm_pipeline.database.outgoing import NewChange
from crm_pipeline_tests.bench.ground import STATEMENTS, Ground
from crm_pipeline_tests.bench.sizes import Sizes
from crm_pipeline_tests.bench.tables import Section, say

BATCH = 2_500
"""Golden records a rebuild offers at once."""
CLAIM = 500
ONE_KEY = 50
"""While claiming, every so many-th change more stands in line behind the first of one record."""


def queueing(ground: Ground, sizes: Sizes) -> Section:
    """Offer changes, offer the same records other values, claim everything."""
    section = Section(
        "f", f"Writing back: the queue, {sizes.queued:,} pending changes",
        "Claims of 500 in some tens of milliseconds whatever waits.",
        ("Step", "Changes", "Seconds", "Changes/s", "Longest batch, ms"),
    )  # fmt: skip
    engine = engine_for(ground.migrated("queueing"))
    with engine.begin() as db:
        connection_id = int(db.exec_driver_sql(STATEMENTS["open_two_way"]).scalar_one())
    for name, fields in (("offered", {"name": "one"}), ("coalesced", {"name": "two", "position": "head"})):
        _tell(section, name, sizes.queued, list(_offers(engine, connection_id, sizes.queued, fields)))
    with engine.begin() as db:
        outgoing.enqueue(db, [_change(connection_id, 0, {"name": str(n)}) for n in range(sizes.queued // ONE_KEY)])
    _tell(section, "claimed", sizes.queued, list(_claims(engine, connection_id)))
    engine.dispose()
    section.notes = [
        f"Offered and coalesced {BATCH:,} records a transaction, as a rebuild does; claimed {CLAIM} at a time, as a drain does.",
        f"While claiming, {sizes.queued // ONE_KEY:,} more changes of one record stand in line behind its first.",
        "With commits; the first change of each record is coalesced with the second before anybody claims it.",
    ]
    return section


def _offers(engine: Engine, connection_id: int, count: int, fields: dict[str, str]) -> Iterator[float]:
    for first in range(0, count, BATCH):
        numbers = range(first, min(first + BATCH, count))
        began = time.perf_counter()
        with engine.begin() as db:
            _offer(db, connection_id, numbers, fields)
        yield time.perf_counter() - began


def _offer(db: Connection, connection_id: int, numbers: Iterable[int], fields: dict[str, str]) -> None:
    changes = [_change(connection_id, number, fields) for number in numbers]
    outgoing.offer(db, "contacts", ((connection_id, one.golden_id) for one in changes), changes)


def _change(connection_id: int, number: int, fields: dict[str, str]) -> NewChange:
    base = dict.fromkeys(fields, "old")
    golden_id = str(UUID(int=number * 0x9E3779B97F4A7C15F39CC0605CEDC835 % (1 << 128)))  # spread as real ids are
    return NewChange(connection_id, "contacts", golden_id, "update", fields, base, external_id=str(number))


def _claims(engine: Engine, connection_id: int) -> Iterator[float]:
    claimed = True
    while claimed:
        began = time.perf_counter()
        with engine.begin() as db:
            claimed = bool(outgoing.claim(db, connection_id, "bench", CLAIM))
        yield time.perf_counter() - began


def _tell(section: Section, step: str, count: int, batches: list[float]) -> None:
    seconds = sum(batches)
    row = (step, f"{count:,}", f"{seconds:.1f}", f"{count / seconds:,.0f}", f"{max(batches) * 1000:.0f}")
    section.rows.append(row)
    say(f"  {step}: {row[3]} changes/s, longest batch {row[4]} ms")
