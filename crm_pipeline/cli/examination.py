"""What `doctor` looks at: each check returns findings with a state (right, note, wrong) and what to do."""

from collections.abc import Callable, Iterator

from crm_pipeline.connectors import discover
from crm_pipeline.database import conflicts, connections, decisions, status
from crm_pipeline.database.engine import create_engine
from crm_pipeline.database.migrate import require_current
from crm_pipeline.errors import ConnectionStopped, CrmPipelineError, TryLater
from crm_pipeline.settings import load_settings
from crm_pipeline.stages.check import check
from crm_pipeline.wiring import Pipeline, open_pipeline

Finding = dict[str, str]
LATE = 3
"""Missed intervals after which a connection counts as late."""


def _finding(check: str, state: str, finding: str, what_to_do: str = "") -> Finding:
    return {"check": check, "state": state, "finding": finding, "what_to_do": what_to_do}


def _failed(check: str, error: CrmPipelineError) -> Finding:
    return _finding(check, "wrong", error.args[0], error.what_to_do)


def examine() -> list[Finding]:
    """Return all findings; a check that cannot be made ends the list with why."""
    found: list[Finding] = []
    try:
        found += _installation()
        opened = open_pipeline(load_settings())
    except CrmPipelineError as error:
        return [*found, _failed("installation", error)]
    try:
        for check in CHECKS:
            found += check(opened)
    finally:
        opened.close()
    return found


def _installation() -> Iterator[Finding]:
    settings = load_settings()
    yield _finding("encryption key", "right", f"{len(settings.encryption_keys)} key(s)")
    engine = create_engine(settings)
    where = "CRM_DATABASE_URL" if settings.database_url else f"embedded Postgres under {settings.home}"
    yield _finding("database", "right", where)
    version = require_current(engine)
    engine.dispose()
    yield _finding("schema", "right", f"version {version}")


def _connectors(parts: Pipeline) -> Iterator[Finding]:
    yield _finding("connectors", "right", ", ".join(discover()))


def _accounts(parts: Pipeline) -> Iterator[Finding]:
    rows = connections.list_connections(parts.engine)
    if not rows:
        yield _finding("connections", "note", "none yet", "crm-pipeline connect --help")
    for row in rows:
        if row.status != "active":
            yield _finding(row.name, "note" if row.status == "paused" else "wrong", row.status, row.status_reason or "")
        else:
            yield from _account(parts, row.name)


def _account(parts: Pipeline, name: str) -> Iterator[Finding]:
    try:
        account = check(parts, name)
    except (ConnectionStopped, TryLater) as error:
        yield _failed(name, error)
        return
    yield _finding(name, "right", f"{account.name} answers at {account.base_url}")
    for warning in account.warnings:
        yield _finding(name, "note", warning)


def _freshness(parts: Pipeline) -> Iterator[Finding]:
    for row in status.status_rows(parts.engine):
        if row.get("last_error"):
            yield _finding(f"{row['connection']} {row['entity']}", "wrong", row["last_error"], row.get("what_to_do") or "")
    for entity, count in status.waiting(parts.engine).items():
        yield _finding("reconcile", "note", f"{count} {entity} wait", "crm-pipeline reconcile")


def _questions(parts: Pipeline) -> Iterator[Finding]:
    """Say what waits for a person, in a line each."""
    waiting = (
        ("match", decisions.open_reviews, "pairs may be one", "crm-pipeline match list"),
        ("conflicts", conflicts.count_open, "conflicts are open", "crm-pipeline conflicts list --state open"),
    )
    for about, count, what, command in waiting:
        if counts := count(parts.engine):
            said = ", ".join(f"{entity} {number}" for entity, number in counts.items())
            yield _finding(about, "note", f"{sum(counts.values())} {what}: {said}", command)


CHECKS: tuple[Callable[[Pipeline], Iterator[Finding]], ...] = (_connectors, _accounts, _freshness, _questions)
