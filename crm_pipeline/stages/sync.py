"""Sync: bring one connection up to date, entity by entity, and write down how it went."""

import gc
import sys
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial

from crm_pipeline.connectors import Link
from crm_pipeline.database import connections, status
from crm_pipeline.database.connections import ConnectionRow
from crm_pipeline.database.locks import Writer, writer
from crm_pipeline.errors import ConnectionBusy, ConnectionStopped, CrmPipelineError, RateLimited, UsageError
from crm_pipeline.model.entities import ENTITIES, REFERENCE
from crm_pipeline.stages.check import check, is_stale
from crm_pipeline.stages.extract import Extraction
from crm_pipeline.stages.normalize import is_outdated, normalize
from crm_pipeline.stages.parts import Asked, ConnectionResult, EntityResult, Parts, Progress, no_progress

RARELY = (100_000, 50, 50)
"""When Python looks for cycles: records never form one, and looking for them cost a twelfth of a load."""
SWITCH_SECONDS = 0.0005
"""How long a thread may keep Python to itself: the one that writes needs it for moments only, between two waits for Postgres."""
MODES = ("initial", "incremental", "window", "record", "verify")
PARTIAL = ("record",)
"""Modes that read what somebody named: they say nothing about how fresh a connection is, nor when it is due."""
RESTING = {"paused": "Resume it first: crm-pipeline connections resume {}", "removed": "Connect the account again."}


@dataclass(frozen=True)
class _Run:
    """One sync of one connection."""

    parts: Parts
    writer: Writer
    link: Link
    asked: Asked
    run_id: str | None
    progress: Progress
    result: ConnectionResult


def sync(
    parts: Parts, connection: str, mode: str, entities: Sequence[str] | None = None, since: datetime | None = None,
    until: datetime | None = None, ids: Sequence[str] = (), run_id: str | None = None, progress: Progress = no_progress,
) -> ConnectionResult:  # fmt: skip
    """Read the entities of a connection (by name) (all by default) in load order and return what was done.

    A failing entity does not stop the others, unless the connection itself needs a person. Raises UsageError, and
    ConnectionBusy when another process is the writer.
    """
    asked = _asked(mode, since, until, ids)
    wanted = _wanted(entities)
    row = connections.get(parts.engine, connection)
    if row.status in RESTING:
        raise UsageError(f"The connection {row.name} is {row.status}.", what_to_do=RESTING[row.status].format(row.name))
    began = time.monotonic()
    gc.set_threshold(*RARELY)
    sys.setswitchinterval(SWITCH_SECONDS)
    with writer(parts.engine, row.id) as writing:
        run = _Run(parts, writing, parts.link(row.name), asked, run_id, progress, ConnectionResult(row.name, row.crm))
        _settle(run, row, _sync(run, row, wanted))
    run.result.seconds = round(time.monotonic() - began, 3)
    return run.result


def _asked(mode: str, since: datetime | None, until: datetime | None, ids: Sequence[str]) -> Asked:
    if mode not in MODES:
        raise UsageError(f"There is no mode {mode!r}.", what_to_do=f"Use one of: {', '.join(MODES)}.")
    if mode == "window" and (since is None or until is None or since >= until):
        raise UsageError("A window needs --since and a later --until.")
    if mode == "record" and not ids:
        raise UsageError("Which records? Name their ids.")
    return Asked(mode, since, until, tuple(ids))


def _wanted(entities: Sequence[str] | None) -> list[str]:
    unknown = sorted(set(entities or ()) - set(ENTITIES))
    if unknown:
        raise UsageError(f"There is no entity {unknown[0]!r}.", what_to_do=f"Use one of: {', '.join(ENTITIES)}.")
    return [entity for entity in ENTITIES if not entities or entity in entities]


def _sync(run: _Run, connection: ConnectionRow, wanted: Sequence[str]) -> list[CrmPipelineError]:
    """Do the entities in order; return the errors there were, the one that stopped everything last."""
    errors: list[CrmPipelineError] = []
    with closing(_Line(run, connection, wanted)) as line:
        for entity in wanted:
            error = _one(line, entity)
            errors += [error] if error else []
            if isinstance(error, (ConnectionStopped, ConnectionBusy)):
                break
    return errors


def _one(line: "_Line", entity: str) -> CrmPipelineError | None:
    """Do one entity and write down how it went; return the error it met."""
    result, started_at, error = line.result_of(entity), datetime.now(UTC), None
    try:
        line.refresh()
        _entity(line, entity)
    except CrmPipelineError as caught:
        error = caught
        result.error = str(caught)
        line.run.result.raised[entity] = caught
    if not isinstance(error, ConnectionBusy):
        _write_down(line.run, line.connection, entity, result, started_at, error)
    return error


class _Line:
    """The entities of a run in order. The next one is begun as soon as one leaves room, while its last pages are landed."""

    def __init__(self, run: _Run, connection: ConnectionRow, wanted: Sequence[str]):
        self.run = run
        self.connection = connection
        self._wanted = list(wanted)
        self._begun: dict[str, Extraction] = {}
        self._results: dict[str, EntityResult] = {}

    def result_of(self, entity: str) -> EntityResult:
        """Return where the counts of an entity are kept."""
        return self.run.result.entities.setdefault(entity, self._result_ahead(entity))

    def _result_ahead(self, entity: str) -> EntityResult:
        """Return where they are kept of one that may never have its turn."""
        return self._results.setdefault(entity, EntityResult())

    def refresh(self) -> None:
        """Ask about the account again if what we know is old; what was begun with the old knowledge begins anew."""
        known = self.connection
        self.run, self.connection = _refreshed(self.run, known)
        if self.connection is not known:
            self.close()

    def take(self, entity: str) -> Extraction:
        """Return the extraction of an entity, begun or not."""
        return self._begun.pop(entity, None) or self._extraction(entity)

    def close(self) -> None:
        """End what was begun and has not been taken."""
        while self._begun:
            self._begun.popitem()[1].close()

    def _extraction(self, entity: str) -> Extraction:
        run = self.run
        return Extraction(
            run.parts, run.link, entity, run.asked, writer=run.writer, account=self.connection.account, crm=self.connection.crm,
            result=self._result_ahead(entity), progress=run.progress, then=partial(self._begin_after, entity),
        )  # fmt: skip

    def _begin_after(self, entity: str) -> None:
        following = self._wanted[self._wanted.index(entity) + 1 :][:1]
        for upcoming in following:
            # Records are read by the definitions that the reference entities bring: those must be landed first.
            if upcoming in REFERENCE or entity not in REFERENCE:
                if upcoming not in self._begun:
                    self._begun[upcoming] = self._extraction(upcoming)
                self._begun[upcoming].begin()


def _refreshed(run: _Run, connection: ConnectionRow) -> tuple[_Run, ConnectionRow]:
    """Ask about the account again when what we know is old: its address, time zone and rights decide how records are read."""
    if not is_stale(connection, datetime.now(UTC)):
        return run, connection
    check(run.parts, connection.name)
    return replace(run, link=run.parts.link(connection.name)), connections.get(run.parts.engine, connection.name)


def _entity(line: _Line, entity: str) -> None:
    run, connection = line.run, line.connection
    if entity not in REFERENCE:
        with run.writer.transaction() as db:
            outdated = is_outdated(run.parts, connection, entity, db)
        if outdated:
            normalize(run.parts, connection.name, entity, writing=run.writer)
    line.take(entity).run()


def _write_down(
    run: _Run, connection: ConnectionRow, entity: str, result: EntityResult, started_at: datetime, error: CrmPipelineError | None
) -> None:
    outcome = status.Outcome(
        connection.id, entity, run.asked.mode, started_at, result.seconds, result.counts(),
        run_id=run.run_id,
        error=str(error) if error else None, what_to_do=(error.what_to_do or None) if error else None,
    )  # fmt: skip
    keep = status.note_run if run.asked.mode in PARTIAL else status.save
    with run.parts.engine.begin() as db:
        keep(db, outcome)


def _settle(run: _Run, connection: ConnectionRow, errors: Sequence[CrmPipelineError]) -> None:
    """Write down how the whole sync went, and when the next is due."""
    partial, result = run.asked.mode in PARTIAL, run.result
    if not errors:
        if not partial:
            with run.parts.engine.begin() as db:
                connections.succeeded(db, connection.id)
        return
    last = errors[-1]
    if isinstance(last, ConnectionBusy):
        raise last
    result.error = str(last)
    result.status = last.status if isinstance(last, ConnectionStopped) else "failed"
    waits = [error.until for error in errors if isinstance(error, RateLimited) and error.until]
    with run.parts.engine.begin() as db:
        if isinstance(last, ConnectionStopped):
            connections.set_status(db, connection.id, last.status, str(last))
        if not partial:
            connections.failed(db, connection.id, max(waits, default=None))
