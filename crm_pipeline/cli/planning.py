"""`plan`: what CRMs would be written, and what other rules would change, before anything is done."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer

from crm_pipeline.cli.opened import pipeline
from crm_pipeline.cli.output import Json, print_json, print_table
from crm_pipeline.database import connections
from crm_pipeline.errors import CrmPipelineError, UsageError
from crm_pipeline.model.entities import GOLDEN
from crm_pipeline.rules_file import load_rules
from crm_pipeline.stages.plan import Plan
from crm_pipeline.stages.plan_writes import SHOWN, Writes, plan_writes

WOULD_CHANGE = 2
WIDEST = 60
"""Characters of an example's value on a terminal."""
TABLES = (
    ("Golden values", "values", ("entity", "field", "records")),
    ("Phones, e-mails, links between records", "rows", ("entity", "field", "change", "records")),
    ("Golden records", "golden", ("entity", "new", "parted", "gone", "merged")),
    ("Source records linked, by rule", "links", ("entity", "rule", "change", "records")),
    ("Questions to people", "reviews", ("entity", "reason", "change", "records")),
    ("Conflicts", "conflicts", ("entity", "field", "state", "change", "records")),
)
"""Title, part of the plan, columns."""
WRITES = (
    ("Writes to CRMs", "counts", ("connection", "entity", "operation", "field", "new", "joined", "waiting", "withdrawn")),
    ("Differs, but is not written", "failing", ("connection", "entity", "operation", "field", "code", "records", "reason")),
    ("Without a counterpart", "missing", ("connection", "entity", "field", "missing", "records", "what_to_do")),
    ("Values", "rows", ("connection", "entity", "record", "operation", "field", "held", "wanted", "status", "because")),
)
"""Title, part of the writes, columns."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("plan", epilog="Example: crm-pipeline plan --connection portal --entity contacts")(show_plan)


def show_plan(
    rules: Annotated[Path | None, typer.Option("--rules", help="Rules file: show what it would change, too.")] = None,
    connection: Annotated[
        list[str] | None,
        typer.Option("--connection", help="Only this one (several times: these), as if it were two-way, with all it has."),
    ] = None,
    entity: Annotated[str | None, typer.Option("--entity", help="Only what would change in this entity.")] = None,
    limit: Annotated[int, typer.Option(min=0, help="Values shown one by one, at most; all are counted.")] = SHOWN,
    as_json: Json = False,
) -> None:
    """Show every write to the CRMs that reconciling would queue, with reasons, what waits already, and what cannot be written.

    With --rules also what would change if that file held, by field, with counts and examples. Nothing is written, neither to the
    CRMs nor to tables. Look before you switch a connection to two_way: --connection NAME.

    Exit code 2 when there is anything to write or change, 0 when there is nothing, 1 when it cannot be told.
    """
    try:
        found, writes = _planned(rules, connection or [], entity, limit)
    except UsageError as error:
        raise CrmPipelineError(error.args[0], what_to_do=error.what_to_do) from None  # 2 means: something would change
    would_change = writes.would_write or (found is not None and found.would_change)
    if as_json:
        told = asdict(found) if found else {}
        print_json({"would_change": would_change, **told, "writes": {"would_write": writes.would_write, **asdict(writes)}})
    else:
        if found is not None:
            _print(found, rules)
        _print_writes(writes, connection or [])
    if would_change:
        raise typer.Exit(WOULD_CHANGE)


def _planned(rules: Path | None, only: list[str], entity: str | None, limit: int) -> tuple[Plan | None, Writes]:
    if entity is not None and entity not in GOLDEN:
        raise UsageError(f"--entity {entity} is unknown.", what_to_do=f"Use one of: {', '.join(GOLDEN)}.")
    with pipeline() as parts:
        names = [row.name for row in connections.list_connections(parts.engine)]
        loaded = load_rules(rules, names) if rules else None
        return plan_writes(parts, rules=loaded, only=only, entity=entity, limit=limit)


def _print_writes(writes: Writes, only: list[str]) -> None:
    for title, part, columns in WRITES:
        entries = [_words(entry, writes.names) for entry in getattr(writes, part)]
        if entries:
            print_table(title, columns, [[entry[column] for column in columns] for entry in entries])
    print(_summary(writes, only))


def _words(entry: dict[str, Any], names: dict[str, str]) -> dict[str, Any]:
    """Return an entry as a person reads it: references by name, where a value comes from in words."""
    if "wanted" not in entry:
        return entry
    record = f"{entry['external_id'] or '(new)'} {entry['name'] or ''}".strip()
    source = f"{entry['from']} by rule {entry['rule']}" if entry["from"] else ""
    because = entry["origin"] if entry["origin"] != "reconcile" else source or "all sides together"
    held, wanted = (
        _short(names.get(value, value) if isinstance(value, str) else value) for value in (entry["held"], entry["wanted"])
    )
    return {**entry, "record": record, "held": held, "wanted": wanted, "because": because}


def _summary(writes: Writes, only: list[str]) -> str:
    if not writes.connections:
        return (
            "No connection is two-way: nothing would be written. To look before switching on: crm-pipeline plan --connection NAME"
        )
    if not writes.would_write:
        return f"Nothing would be written to {', '.join(writes.connections)}."
    counted = ", ".join(f"{count} {status}" for status, count in sorted(writes.changes.items()))
    then = (
        f"To switch on: crm-pipeline connections set {only[0]} direction=two_way"
        if only
        else "They are sent by: crm-pipeline drain"
    )
    return f"Changes to {', '.join(writes.connections)}: {counted}. {then}"


def _print(found: Plan, rules: Path | None) -> None:
    for title, part, columns in TABLES:
        entries = getattr(found, part)
        if entries:
            print_table(title, columns, [[entry[column] for column in columns] for entry in entries])
        for entry in entries:
            for example in entry.get("examples", ()):
                print(f"  {entry['entity']} {entry.get('field') or entry.get('rule') or entry['reason']}: {_example(example)}")
    if found.would_change:
        print(f"To apply: set CRM_RULES_FILE to {rules}, then crm-pipeline reconcile --full")
    else:
        print("Nothing would change.")


def _example(example: dict[str, Any]) -> str:
    """Return an example on a line: old → new, else its parts."""
    if "new" in example:
        old, new = _differing(example["old"], example["new"])
        whose = example.get("golden_id") or (example["new"] or example["old"]).get("value", "")
        return f"{whose}  {_short(old)} → {_short(new)}"
    return ", ".join(f"{name} {_short(value)}" for name, value in example.items())


def _differing(old: Any, new: Any) -> tuple[Any, Any]:
    """Return of two mappings only what differs."""
    if not (isinstance(old, dict) and isinstance(new, dict)):
        return old, new
    keys = sorted(key for key in {*old, *new} if old.get(key) != new.get(key))
    return {key: old.get(key) for key in keys}, {key: new.get(key) for key in keys}


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else orjson.dumps(value).decode()
    return text if len(text) <= WIDEST else f"{text[: WIDEST - 1]}…"
