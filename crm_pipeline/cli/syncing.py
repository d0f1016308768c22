"""`sync`, `verify`, `reconcile`, `replay-quarantine`, `status`: data is moved and looked at here."""

import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from crm_pipeline.cli.opened import pipeline
from crm_pipeline.cli.output import Json, moment, print_json, print_table, progress_bar
from crm_pipeline.database import conflicts, connections, decisions, status
from crm_pipeline.errors import CrmPipelineError, UsageError
from crm_pipeline.stages.parts import Asked, ConnectionResult, EntityResult, Progress, ReconcileResult
from crm_pipeline.stages.reconcile import reconcile as reconcile_stage
from crm_pipeline.stages.replay import replay
from crm_pipeline.stages.suggest import suggest
from crm_pipeline.stages.sync import sync as sync_stage
from crm_pipeline.wiring import Pipeline

MODES = ("initial", "incremental", "window", "verify")
AT_ONCE = 4
STATUS = ("connection", "status", "entity", "last_mode", "last_success_at", "lag_seconds", "read", "in_quarantine", "last_error")
"""What a terminal has room for; `--json` prints everything."""
MARCH = "--connection sales-msk --mode window --since 2026-03-01 --until 2026-04-01 --entity deals"
Connections = Annotated[list[str] | None, typer.Option("--connection", help="Only this one; may be repeated.")]
Entities = Annotated[list[str] | None, typer.Option("--entity", help="Only this one; may be repeated.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command(epilog=f"Example: crm-pipeline sync {MARCH}")(sync)
    app.command(epilog="Example: crm-pipeline verify --connection sales-msk")(verify)
    app.command(epilog="Example: crm-pipeline reconcile --full")(reconcile)
    app.command("replay-quarantine", epilog="Example: crm-pipeline replay-quarantine --connection sales-msk")(replay_quarantine)
    app.command("status", epilog="Example: crm-pipeline status --json")(show_status)


def sync(
    connection: Connections = None,
    mode: Annotated[str, typer.Option(help="initial, incremental, window or verify.")] = "incremental",
    entity: Entities = None,
    since: Annotated[str | None, typer.Option(help="window: changed since, inclusive.")] = None,
    until: Annotated[str | None, typer.Option(help="window: changed before; now when left out.")] = None,
    as_json: Json = False,
) -> None:
    """Read from the CRMs into Postgres, then reconcile. Without --connection: all active ones."""
    if mode == "window" and until is None:
        until = datetime.now(UTC).isoformat()
    asked = Asked(mode, moment(since, "--since"), moment(until, "--until"))
    _check(asked)
    _run(connection, asked, entity, as_json)


def verify(connection: Connections = None, entity: Entities = None, as_json: Json = False) -> None:
    """Walk everything, repair what differs, and find what was deleted. Stops before harm on an implausible walk."""
    _run(connection, Asked("verify"), entity, as_json)


def _check(asked: Asked) -> None:
    if asked.mode not in MODES:
        raise UsageError(f"--mode {asked.mode} is unknown.", what_to_do=f"Use one of: {', '.join(MODES)}.")
    if (asked.mode == "window") != (asked.since is not None):
        raise UsageError(
            "--since goes with --mode window, and a window needs it.", what_to_do="Add --mode window --since 2026-03-01."
        )


def _run(names: Sequence[str] | None, asked: Asked, entities: Sequence[str] | None, as_json: bool) -> None:
    with pipeline() as parts:
        stopped = [] if names else _stopped(parts)
        results = [*_sync_all(parts, _chosen(parts, names), asked, entities), *stopped]
        golden = reconcile_stage(parts)
    _report(results, as_json, sum(one.inserted + one.updated + one.deleted for one in golden.values()))


def _chosen(parts: Pipeline, names: Sequence[str] | None) -> list[str]:
    if names:
        return [connections.get(parts.engine, name).name for name in names]
    rows = [row for row in connections.list_connections(parts.engine) if row.status != "paused"]
    if not rows:
        raise UsageError("There is no active connection.", what_to_do="Add one: crm-pipeline connect --help")
    return [row.name for row in rows if row.status == "active"]


def _stopped(parts: Pipeline) -> list[ConnectionResult]:
    """Return the connections that wait for a person: they are not asked again, but not passed over in silence either."""
    waiting = [row for row in connections.list_connections(parts.engine) if row.status not in ("active", "paused")]
    return [ConnectionResult(row.name, row.crm, status=row.status, error=row.status_reason) for row in waiting]


def _sync_all(parts: Pipeline, names: Sequence[str], asked: Asked, entities: Sequence[str] | None) -> list[ConnectionResult]:
    with progress_bar() as bars, ThreadPoolExecutor(AT_ONCE) as pool:
        runs = [pool.submit(_one, parts, name, asked, entities, _teller(bars)) for name in names]
        return [run.result() for run in runs]


def _one(parts: Pipeline, name: str, asked: Asked, entities: Sequence[str] | None, tell: Progress) -> ConnectionResult:
    try:
        return sync_stage(parts, name, asked.mode, entities, asked.since, asked.until, progress=tell)
    except UsageError:
        raise
    except CrmPipelineError as error:
        return ConnectionResult(name, connections.get(parts.engine, name).crm, status="failed", error=str(error))


def _teller(bars: Any) -> Progress:
    tasks: dict[tuple[str, str], Any] = {}
    began = time.monotonic()

    def tell(connection: str, entity: str, result: EntityResult) -> None:
        key = (connection, entity)
        if key not in tasks:
            tasks[key] = bars.add_task(f"{connection} {entity}", total=None, note="")
        rate = result.read / max(result.seconds or time.monotonic() - began, 0.001)
        bars.update(tasks[key], completed=result.read, note=f"{result.requests} requests, {rate:,.0f} rows/s")

    return tell


def _report(results: Sequence[ConnectionResult], as_json: bool, golden: int) -> None:
    failed = [one for one in results if one.status != "ok"]
    if as_json:
        print_json({"connections": [one.as_json() for one in results]})
    else:
        columns = (
            "connection",
            "entity",
            "read",
            "inserted",
            "updated",
            "unchanged",
            "deleted",
            "quarantined",
            "requests",
            "seconds",
            "cursor",
        )
        print_table("Sync", columns, [_row(one, name, done) for one in results for name, done in one.entities.items()])
        print(f"{golden} golden records written.")
        for one in results:
            notes = [f"  note: {one.name}, {name}: {said}" for name, done in one.entities.items() for said in done.warnings]
            print("\n".join(notes), end="\n" if notes else "")
    if failed:
        raise CrmPipelineError(" ".join(f"{one.name}: {_why(one)}" for one in failed))


def _row(one: ConnectionResult, entity: str, done: EntityResult) -> list[Any]:
    return [one.name, entity, *done.counts().values(), round(done.seconds, 1), done.error or done.cursor]


def _why(one: ConnectionResult) -> str:
    errors = {done.error for done in one.entities.values() if done.error}
    return one.error or " ".join(sorted(errors)) or one.status


def reconcile(
    full: Annotated[bool, typer.Option("--full", help="Rebuild every golden record from source.*.")] = False,
    as_json: Json = False,
) -> None:
    """Bring what changed in source.* into the golden tables crm.*."""
    with pipeline() as parts:
        done = reconcile_stage(parts, full=full)
        suggested = suggest(parts)
    if as_json:
        return print_json({"entities": done, "suggested": suggested})
    columns = [column.name for column in fields(ReconcileResult)]
    rows = [[name, *(_counted(getattr(one, column)) for column in columns)] for name, one in done.items()]
    print_table("Reconciled", ("entity", *columns), rows)
    if suggested:
        print(f"{suggested} pairs of contacts may be one person: crm-pipeline match list --reason resemblance")


def _counted(value: Any) -> int:
    """Return a count, of conflicts by field their sum."""
    return sum(value.values()) if isinstance(value, Mapping) else int(value)


def replay_quarantine(connection: Connections = None, as_json: Json = False) -> None:
    """Normalize again what could not be read, without asking the CRM."""
    with pipeline() as parts:
        names = connection or [row.name for row in connections.list_connections(parts.engine)]
        done = [replay(parts, name) for name in names]
        reconcile_stage(parts)
    if as_json:
        return print_json({"connections": [one.as_json() for one in done]})
    tried = [[one.name, entity, result.read, result.quarantined] for one in done for entity, result in one.entities.items()]
    print_table("Replayed", ("connection", "entity", "tried", "still quarantined"), tried)


def show_status(as_json: Json = False) -> None:
    """Show how fresh every entity of every connection is, what failed, and what to do."""
    with pipeline() as parts:
        rows, waiting = status.status_rows(parts.engine), status.waiting(parts.engine)
        reviews, disputed = decisions.open_reviews(parts.engine), conflicts.count_open(parts.engine)
    if as_json:
        questions = {"open_reviews": reviews, "open_conflicts": disputed}
        return print_json({"entities": rows, "waiting_to_reconcile": waiting, **questions})
    print_table("Status", STATUS, [[row[column] for column in STATUS] for row in rows])
    if waiting:
        print(f"waiting to be reconciled: {_by_entity(waiting)}")
    if reviews or disputed:
        asked = [f"reviews: {_by_entity(reviews)} (crm-pipeline match list)"] if reviews else []
        asked += [f"conflicts: {_by_entity(disputed)} (crm-pipeline conflicts list)"] if disputed else []
        print(f"waiting for a person: {'; '.join(asked)}")


def _by_entity(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{entity} {count}" for entity, count in counts.items())
