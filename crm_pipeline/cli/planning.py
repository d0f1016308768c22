"""`plan`: what other rules would change, before anything is applied."""

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
from crm_pipeline.stages.plan import plan as plan_stage

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


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("plan", epilog="Example: crm-pipeline plan --rules new-rules.yaml --entity contacts")(show_plan)


def show_plan(
    rules: Annotated[Path, typer.Option("--rules", help="Rules file, YAML or TOML, as CRM_RULES_FILE would name it.")],
    entity: Annotated[str | None, typer.Option("--entity", help="Only what would change in this entity.")] = None,
    as_json: Json = False,
) -> None:
    """Show what would change if a rules file held, by field, with counts and examples. Nothing is written.

    Exit code 2 when something would change, 0 when nothing would, 1 when it cannot be told.
    """
    try:
        found = _planned(rules, entity)
    except UsageError as error:
        raise CrmPipelineError(error.args[0], what_to_do=error.what_to_do) from None  # 2 means: something would change
    if as_json:
        print_json({"would_change": found.would_change, **asdict(found)})
    else:
        _print(found, rules)
    if found.would_change:
        raise typer.Exit(WOULD_CHANGE)


def _planned(rules: Path, entity: str | None) -> Plan:
    if entity is not None and entity not in GOLDEN:
        raise UsageError(f"--entity {entity} is unknown.", what_to_do=f"Use one of: {', '.join(GOLDEN)}.")
    with pipeline() as parts:
        names = [row.name for row in connections.list_connections(parts.engine)]
        return plan_stage(parts, load_rules(rules, names), entity)


def _print(found: Plan, rules: Path) -> None:
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
