"""Drain: send connections what they should receive, until nothing more is due.

Each connection has its own workers: several share its rate budget so that requests are in flight while others are being written
down, and one takes interactive changes only, so that nobody waits behind a bulk. Claims are leased; a heartbeat keeps them.
"""

import os
import socket
import threading
import time
import uuid
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial

from crm_pipeline.connectors import Connector, Link
from crm_pipeline.database import connections, outgoing, outgoing_desk
from crm_pipeline.database.connections import ConnectionRow
from crm_pipeline.database.definitions import mapping_context
from crm_pipeline.database.outgoing import Change
from crm_pipeline.errors import ConnectionStopped, CrmPipelineError, UsageError
from crm_pipeline.http import Session
from crm_pipeline.model.delivery import BULK, INTERACTIVE, LEASE
from crm_pipeline.stages.consider import Bench
from crm_pipeline.stages.deliver import Errand, deliver
from crm_pipeline.stages.parts import DrainProgress, DrainResult, Parts, no_drain_progress
from crm_pipeline.stages.settle import Ledger, Tally

WORKERS = 4
CLAIM = 450
"""Changes a worker takes at once: so many as fill nine bulk calls, and three (amoCRM) or one (Bitrix24) to read them."""
FEW = 50
"""Interactive changes taken at once."""
LOOK_AGAIN = 0.3
"""Seconds between two looks for interactive changes while a bulk is being drained."""
CONNECTIONS_AT_ONCE = 4
WRITES = "writes"
"""Lane of a drain: ahead of who only reads."""
LOOK_FIRST = (
    "See what would be written: crm-pipeline plan --connection {0}. Then: crm-pipeline connections set {0} direction=two_way"
)


@dataclass
class _Line:
    """One connection being drained."""

    parts: Parts
    row: ConnectionRow
    link: Link
    run_id: str | None
    tally: Tally
    holder: str = field(default_factory=lambda: f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}")
    stopped: threading.Event = field(default_factory=threading.Event)
    finished: threading.Event = field(default_factory=threading.Event)
    errors: list[ConnectionStopped] = field(default_factory=list)

    sessions: list[Session] = field(default_factory=list)

    def way(self, lane: str) -> Link:
        """Return a way to the account on which everything is as urgent as this lane."""
        session = self.link.http.apart()
        session.lane = lane
        self.sessions.append(session)
        return replace(self.link, http=session)

    @property
    def connector(self) -> Connector:
        """Return who speaks to this CRM."""
        return self.parts.connectors[self.row.crm]


def drain(
    parts: Parts, connection: str | None = None, *, run_id: str | None = None, progress: DrainProgress = no_drain_progress
) -> dict[str, DrainResult]:  # fmt: skip
    """Send what is due to a connection, or to all that are two-way and active; return by name what became of it.

    A connection that fails does not stop the others. Changes of connections that rest wait. Raises UsageError for a connection
    that is unknown or read only.
    """
    rows = [_two_way(parts, connection)] if connection else _all_due(parts)
    with parts.engine.begin() as db:
        outgoing.rescue(db)
    if not rows:
        return {}
    with ThreadPoolExecutor(min(CONNECTIONS_AT_ONCE, len(rows)), thread_name_prefix="drain") as pool:
        results = pool.map(lambda row: _drain_one(parts, row, run_id, progress), rows)
        return {row.name: result for row, result in zip(rows, results, strict=True)}


def _two_way(parts: Parts, name: str) -> ConnectionRow:
    row = connections.get(parts.engine, name)
    if row.direction != "two_way":
        raise UsageError(
            f"{name} is read only: nothing is ever written to it.",
            what_to_do=LOOK_FIRST.format(name),
        )
    if row.status != "active":
        raise UsageError(
            f"The connection {name} is {row.status}.", what_to_do=row.status_reason or f"crm-pipeline connections resume {name}"
        )
    return row


def _all_due(parts: Parts) -> list[ConnectionRow]:
    rows = connections.list_connections(parts.engine)
    able = [row for row in rows if row.direction == "two_way" and row.status == "active"]
    return [row for row in able if outgoing_desk.left(parts.engine, row.id)[0]]


def _drain_one(parts: Parts, row: ConnectionRow, run_id: str | None, progress: DrainProgress) -> DrainResult:
    began = time.monotonic()
    try:
        line = _Line(parts, row, parts.link(row.name), run_id, Tally(tell=partial(progress, row.name)))
    except CrmPipelineError as error:
        return DrainResult(error=str(error), raised=error)
    with _heartbeat(line):
        _work(line)
    for stop in line.errors[:1]:
        with parts.engine.begin() as db:
            connections.set_status(db, row.id, stop.status, str(stop))
    return _result(line, time.monotonic() - began)


def _work(line: _Line) -> None:
    """Let the workers run until nothing is due, or the connection stops."""
    with ThreadPoolExecutor(WORKERS + 1, thread_name_prefix=f"drain-{line.row.name}") as pool:
        ahead = pool.submit(_interactive, line)
        workers = [pool.submit(_bulk, line) for _ in range(WORKERS)]
        wait(workers)
        line.finished.set()
        for worker in [*workers, ahead]:
            worker.result()


def _bulk(line: _Line) -> None:
    """Take bulk changes, and when there are none interactive ones, too: many of them are a bulk."""
    way = line.way(WRITES)
    while not line.stopped.is_set() and (changes := _claim(line, CLAIM, BULK) or _claim(line, CLAIM)):
        _deliver(line, changes, way)


def _interactive(line: _Line) -> None:
    """Take interactive changes as they come, as long as others are being drained."""
    way = line.way(INTERACTIVE)
    while not line.stopped.is_set() and not line.finished.is_set():
        changes = _claim(line, FEW, INTERACTIVE)
        if changes:
            _deliver(line, changes, way)
        else:
            line.finished.wait(LOOK_AGAIN)


def _claim(line: _Line, size: int, lane: str | None = None) -> list[Change]:
    with line.parts.engine.begin() as db:
        return outgoing.claim(db, line.row.id, line.holder, size, lane)


def _deliver(line: _Line, changes: Sequence[Change], way: Link) -> None:
    by_entity: dict[str, list[Change]] = {}
    for change in changes:
        by_entity.setdefault(change.entity, []).append(change)
    for entity, some in by_entity.items():
        errand = _errand(line, entity, way)
        if line.stopped.is_set():
            errand.ledger.give_back(some, line.errors)
            continue
        try:
            deliver(errand, some)
        except ConnectionStopped as error:
            line.errors.append(error)
            line.stopped.set()


def _errand(line: _Line, entity: str, way: Link) -> Errand:
    row = line.row
    with line.parts.engine.begin() as db:
        context = mapping_context(db, row.id, row.account, line.parts.settings.default_region)
    settle_seconds = line.connector.settle_seconds if row.settle_seconds is None else row.settle_seconds
    bench = Bench(row.id, entity, line.connector, context, settle_seconds)
    ledger = Ledger(line.parts.engine, row.id, row.name, entity, line.tally, line.run_id)
    return Errand(line.parts, way, bench, ledger)


@contextmanager
def _heartbeat(line: _Line) -> Iterator[None]:
    """Keep the claims of this line while its block lasts."""
    ended = threading.Event()

    def beat() -> None:
        while not ended.wait(LEASE.total_seconds() / 3):
            outgoing.keep(line.parts.engine, line.holder)

    keeper = threading.Thread(target=beat, name=f"lease-{line.row.name}", daemon=True)
    keeper.start()
    try:
        yield
    finally:
        ended.set()
        keeper.join()


def _result(line: _Line, seconds: float) -> DrainResult:
    counts = line.tally.counts
    left, oldest = outgoing_desk.left(line.parts.engine, line.row.id)
    return DrainResult(
        claimed=sum(counts.values()), applied=counts.get("applied", 0), merged=counts.get("merged", 0),
        conflicts=counts.get("conflict", 0), rejected=counts.get("rejected", 0), dead=counts.get("dead", 0),
        retried=counts.get("retried", 0), left=left, oldest_seconds=oldest,
        requests=sum(one.requests_made for one in line.sessions), seconds=round(seconds, 3),
        error=str(line.errors[0]) if line.errors else None,
        raised=line.errors[0] if line.errors else None,
    )  # fmt: skip
