"""`outgoing`: changes that CRMs should receive are listed, explained, retried and taken back here."""

from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, Any

import orjson
import typer

from crm_pipeline.cli.opened import pipeline
from crm_pipeline.cli.output import Json, print_json, print_table
from crm_pipeline.database import connections, outgoing_desk
from crm_pipeline.database.audit import account
from crm_pipeline.database.outgoing_desk import Story, Which
from crm_pipeline.errors import UsageError
from crm_pipeline.model.delivery import RETRIABLE, STATES
from crm_pipeline.model.entities import GOLDEN
from crm_pipeline.model.owing import NEVER_WRITTEN
from crm_pipeline.wiring import Pipeline

WIDEST = 60
"""Characters of values in the list; `explain` and --json tell all."""
LISTED = ("id", "connection", "entity", "name", "operation", "state", "values", "attempts", "next_attempt_at", "error_detail")
Ids = Annotated[list[int] | None, typer.Argument(help="Changes, as `outgoing list` shows them.", show_default=False)]
By = Annotated[str | None, typer.Option("--by", help="Who decides; by default who is logged in here.", show_default=False)]
Of = Annotated[str | None, typer.Option("--connection", help="Only this connection.")]
Entity = Annotated[str | None, typer.Option(help="Only this entity.")]

NEXT: dict[str, str] = {
    "pending": "Nothing to do: it is sent by itself. To take it back: crm-pipeline outgoing cancel {id} --reason WHY",
    "in_flight": "Nothing to do: it is being sent. If its process died, it is tried again after {lease_until:%H:%M:%S}.",
    "applied": "Nothing to do: the CRM confirmed it. To go back: crm-pipeline undo",
    "merged": "Nothing to do: nothing had to be sent.",
    "conflict": "Decide: crm-pipeline conflicts list",
    "rejected": "Correct what the CRM refuses, then: crm-pipeline outgoing retry {id}",
    "dead": "See to the cause, then: crm-pipeline outgoing retry {id} - or: crm-pipeline outgoing cancel {id} --reason WHY",
    "cancelled": "Nothing to do. What is still owed is queued anew when the record changes again.",
}
"""State → what to do next."""


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(no_args_is_help=True)
    group.callback(epilog="Example: crm-pipeline outgoing list --state dead")(_outgoing)
    group.command("list", epilog="Example: crm-pipeline outgoing list --connection portal --state pending")(listed)
    group.command("retry", epilog="Example: crm-pipeline outgoing retry 17 18")(retried)
    group.command("cancel", epilog="Example: crm-pipeline outgoing cancel 17 --reason 'the client asked'")(cancelled)
    group.command("explain", epilog="Example: crm-pipeline outgoing explain 17")(explained)
    app.add_typer(group, name="outgoing")


def _outgoing() -> None:
    """Changes that CRMs should receive, and what became of each."""


def listed(
    connection: Of = None,
    state: Annotated[str | None, typer.Option(help=f"{', '.join(STATES)}.")] = None,
    entity: Entity = None,
    limit: Annotated[int, typer.Option(min=1, help="How many at most.")] = 50,
    as_json: Json = False,
) -> None:
    """List changes: what still waits first, then what ended last."""
    _check("--state", state, STATES)
    with pipeline() as parts:
        rows = outgoing_desk.listed(parts.engine, _which(parts, None, connection, state, entity), limit)
        standing = outgoing_desk.summary(parts.engine)
    if as_json:
        counts = {one.connection: one.counts for one in standing}
        return print_json({"changes": rows, "counts": counts})
    print_table("Outgoing changes", LISTED, [_cells(row) for row in rows])
    for one in standing:
        print(f"{one.connection}: {', '.join(f'{state} {count}' for state, count in sorted(one.counts.items())) or 'nothing'}")
    print("What ended is counted over the last day. The story of one: crm-pipeline outgoing explain ID")


def retried(
    ids: Ids = None,
    connection: Of = None,
    state: Annotated[str | None, typer.Option(help=f"All in this state: {', '.join(sorted(RETRIABLE))}.")] = None,
    entity: Entity = None,
    by: By = None,
    as_json: Json = False,
) -> None:
    """Try changes again: those named, or all of a state."""
    _check("--state", state, tuple(sorted(RETRIABLE)))
    if bool(ids) == bool(state):
        raise UsageError("Name the changes, or choose all of a state.", what_to_do="Write: retry 17 18, or: retry --state dead")
    if ids and (connection or entity):
        raise UsageError("--connection and --entity go with --state.", what_to_do="Write: retry --connection NAME --state dead")
    with pipeline() as parts:
        which = _which(parts, ids, connection, state, entity)
        with parts.engine.begin() as db:
            done = outgoing_desk.retry(db, which, by or account())
    if as_json:
        return print_json({"retried": done})
    print(f"{len(done)} {'change is' if len(done) == 1 else 'changes are'} tried again.")


def cancelled(
    ids: Annotated[list[int], typer.Argument(help="Changes, as `outgoing list` shows them.", show_default=False)],
    reason: Annotated[str, typer.Option("--reason", help="Why; kept with the change and in the audit log.", show_default=False)],
    by: By = None,
    as_json: Json = False,
) -> None:
    """Take changes back before they are sent; the same ones are not queued again by themselves."""
    if not reason.strip():
        raise UsageError("--reason is empty.", what_to_do="Say why, for whoever looks at it later.")
    with pipeline() as parts, parts.engine.begin() as db:
        done = outgoing_desk.cancel(db, ids, by or account(), reason.strip())
    if as_json:
        return print_json({"cancelled": done})
    print(f"{len(done)} {'change is' if len(done) == 1 else 'changes are'} taken back.")


def explained(
    change: Annotated[int, typer.Argument(help="Change, as `outgoing list` shows it.", show_default=False)],
    as_json: Json = False,
) -> None:
    """Tell the story of one change: what it is, who wanted it, what was tried, what stands in front of it, what to do."""
    with pipeline() as parts:
        story = outgoing_desk.explain(parts.engine, change)
    if as_json:
        parts_of_it = ("change", "attempts", "operations", "decisions", "in_front")
        return print_json({part: getattr(story, part) for part in parts_of_it} | {"what_to_do": _what_to_do(story)})
    row = story.change
    record = f"{row['entity']} {row['external_id'] or '(new)'} {row['name'] or ''}".strip()
    print(f"Change {row['id']}: {row['operation']} {record} in {row['connection']}, {row['state']}")
    for field in row["fields"]:
        was = f" (it held {_text(row['base'][field])})" if field in row["base"] else ""
        print(f"  {field}: {_text(row['fields'][field])}{was}")
    for at, line in sorted(_events(story), key=lambda event: event[0]):
        print(f"{at:%Y-%m-%d %H:%M:%S}  {line}")
    for line in _obstacles(story):
        print(line)
    print(_what_to_do(story))


def _events(story: Story) -> Iterator[tuple[datetime, str]]:
    row = story.change
    for one in story.operations:
        yield one["received_at"], f"{one['actor']} asked: {one['action']} (operation {one['id']}, {one['status']})"
    yield row["created_at"], f"queued, {row['lane']}, for {row['origin']}"
    for one in story.attempts:
        outcome = "to be tried again" if one["outcome"] == "pending" else one["outcome"]
        yield one["at"], f"attempt {one['attempt']}: {outcome}{_because(one['code'], one['detail'])}"
    for one in story.decisions:
        yield one["at"], f"{one['actor']}: {one['action'].partition('.')[2]}{_because(None, one['detail'].get('reason'))}"
    if row["sent_at"] is not None:
        yield row["sent_at"], "sent, outcome not known yet"
    if row["settled_at"] is not None:
        yield row["settled_at"], f"{row['state']}{_because(row['error_code'], row['error_detail'])}{_of(row)}"


def _of(row: dict[str, Any]) -> str:
    return "".join(f"; {field} written: {_text(value)}" for field, value in (row["written"] or {}).items())


def _because(code: str | None, detail: str | None) -> str:
    return "".join([f" [{code}]" if code else "", f": {detail}" if detail else ""])


def _obstacles(story: Story) -> Iterator[str]:
    row = story.change
    for one in story.in_front:
        yield f"In front of it: change {one['id']} ({one['operation']}, {one['state']}) of the same record."
    if row["state"] == "pending":
        yield f"Next attempt not before {row['next_attempt_at']:%Y-%m-%d %H:%M:%S}."
        if row["direction"] != "two_way" or row["status"] != "active":
            yield f"Connection {row['connection']} is {row['status']} and {row['direction']}: nothing is sent to it now."


def _what_to_do(story: Story) -> str:
    return NEXT[story.change["state"]].format_map(story.change)


def _cells(row: dict[str, Any]) -> list[Any]:
    said = {field: value for field, value in row["fields"].items() if value is not None and field not in NEVER_WRITTEN}
    values = ", ".join(f"{field}: {_text(value)}" for field, value in said.items())
    shown = {**row, "values": values if len(values) <= WIDEST else f"{values[: WIDEST - 1]}…"}
    return [shown[column] for column in LISTED]


def _text(value: Any) -> str:
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def _which(parts: Pipeline, ids: list[int] | None, connection: str | None, state: str | None, entity: str | None) -> Which:
    _check("--entity", entity, tuple(GOLDEN))
    if connection is not None:
        connections.get(parts.engine, connection)  # says which there are
    return Which(ids or None, connection, state, entity)


def _check(option: str, word: str | None, known: tuple[str, ...]) -> None:
    if word is not None and word not in known:
        raise UsageError(f"{option} {word} is unknown.", what_to_do=f"Use one of: {', '.join(known)}.")
