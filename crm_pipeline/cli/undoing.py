"""`undo`: changes that were written to the CRMs are taken back."""

from dataclasses import asdict
from typing import Annotated, Any

import orjson
import typer

from crm_pipeline.cli.opened import pipeline
from crm_pipeline.cli.output import Json, moment, print_json, print_table
from crm_pipeline.database.audit import account
from crm_pipeline.database.undoing import Which
from crm_pipeline.errors import UsageError
from crm_pipeline.stages.undo import SHOWN, Undone
from crm_pipeline.stages.undo import undo as undo_stage

COUNTED = ("connection", "entity", "operation", "inverses", "changes", "holds", "partly", "changed", "gone")
LEFT = ("connection", "entity", "reason", "changes", "sentence")
LISTED = ("change", "connection", "entity", "external_id", "operation", "back to", "now", "left")
NOT_DEFAULT = "By default any."
EXAMPLE = "Example: crm-pipeline undo --since 2026-03-01T10:00:00+03:00 --connection portal --dry-run"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("undo", epilog=EXAMPLE)(undo)


def undo(
    since: Annotated[str, typer.Option("--since", help="Changes applied at or after this time (ISO 8601).", show_default=False)],
    until: Annotated[str | None, typer.Option("--until", help="… and before this one. By default until now.")] = None,
    connection: Annotated[str | None, typer.Option("--connection", help=f"Only of this connection. {NOT_DEFAULT}")] = None,
    origin: Annotated[
        str | None, typer.Option("--origin", help="Only these: reconcile, op:ID, op:batch-7-* (* stands for anything).")
    ] = None,
    entity: Annotated[str | None, typer.Option("--entity", help=f"Only of this entity. {NOT_DEFAULT}")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would be queued, and what would be left.")] = False,
    reason: Annotated[str | None, typer.Option("--reason", help="Why, kept in the audit log.")] = None,
    by: Annotated[str | None, typer.Option("--by", help="Who decides; by default who is logged in here.")] = None,
    limit: Annotated[int, typer.Option(min=0, help="Changes shown one by one, at most; all are counted.")] = SHOWN,
    as_json: Json = False,
) -> None:
    """Take back what was written to CRMs: queue the inverse of the changes applied in a period.

    It is made only where the CRM still holds what we wrote, field by field; what somebody changed there since is left alone.

    Once made it counts as an edit in that CRM: the golden record follows, and so do the other two-way connections.

    Records that were created are not deleted. Asking again queues nothing twice.
    """
    began = moment(since, "--since")
    if began is None:
        raise UsageError("--since is missing.")
    which = Which(began, moment(until, "--until"), connection, origin, entity)
    with pipeline() as parts:
        done = undo_stage(parts, which, dry_run=dry_run, who=by or account(), reason=reason, limit=limit)
    if as_json:
        print_json({"dry_run": dry_run, **asdict(done)})
    else:
        _print(done, dry_run)


def _print(done: Undone, dry_run: bool) -> None:
    if done.counts:
        print_table("Would be undone" if dry_run else "Undone", COUNTED, _cells(done.counts, COUNTED))
    if done.left:
        print_table("Left as they are", LEFT, _cells(done.left, LEFT))
    if done.rows and dry_run:
        rows = [{**row, "back to": _back(row), "left": ", ".join(row["left"])} for row in done.rows]
        print_table("Changes", LISTED, _cells(rows, LISTED))
    for name in done.waiting:
        print(f"{name} is not written to as it stands now: what is queued for it waits. See: crm-pipeline connections")
    print(_summary(done, dry_run))


def _cells(rows: list[dict[str, Any]], columns: tuple[str, ...]) -> list[list[Any]]:
    return [[row[column] for column in columns] for row in rows]


def _back(row: dict[str, Any]) -> str:
    return ", ".join(f"{name}: {_text(value['from'])} → {_text(value['to'])}" for name, value in row["fields"].items())


def _text(value: Any) -> str:
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def _summary(done: Undone, dry_run: bool) -> str:
    if not done.queued:
        return "There is nothing to undo."
    skipped = sum(one["changed"] + one["gone"] for one in done.counts)
    known = f" Of them {skipped} would be left alone, by what is known now: changed there since, or gone." if skipped else ""
    if dry_run:
        return f"{done.queued} changes would be queued.{known} Nothing is queued yet: leave out --dry-run to do it."
    return f"{done.queued} changes are queued.{known} They are sent by: crm-pipeline drain"
