"""`conflicts`: fields that two sides changed differently are looked at, settled and overturned here."""

from typing import Annotated, Any

import orjson
import typer

from crm_pipeline.cli.opened import pipeline
from crm_pipeline.cli.output import Json, print_json, print_table
from crm_pipeline.database import conflicts
from crm_pipeline.database.audit import account
from crm_pipeline.errors import UsageError
from crm_pipeline.model.entities import GOLDEN
from crm_pipeline.stages.conflicts import overturn, take

STATES = ("open", "decided", "overturned", "all")
LISTED = ("id", "entity", "name", "field", "side", "value", "changed_at", "stands", "rule", "state")
Id = Annotated[int, typer.Argument(help="Conflict, as `conflicts list` shows it.", show_default=False)]
Side = Annotated[str, typer.Argument(help="Side whose value shall stand: a connection, with the record's id where it has two.")]
By = Annotated[str | None, typer.Option("--by", help="Who decides; by default who is logged in here.", show_default=False)]
Why = Annotated[str | None, typer.Option("--reason", help="Why, kept in the audit log.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(no_args_is_help=True)
    group.callback(epilog="Example: crm-pipeline conflicts list")(_conflicts)
    group.command("list", epilog="Example: crm-pipeline conflicts list --state open --entity contacts")(listed)
    group.command("take", epilog="Example: crm-pipeline conflicts take 17 sales-msk")(taken)
    group.command("overturn", epilog="Example: crm-pipeline conflicts overturn 17 portal --reason 'asked the client'")(overturned)
    app.add_typer(group, name="conflicts")


def _conflicts() -> None:
    """Fields that two sides changed differently since they last agreed."""


def listed(
    state: Annotated[str, typer.Option(help=f"{', '.join(STATES)}.")] = "all",
    entity: Annotated[str | None, typer.Option(help="Only this entity.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="How many at most.")] = 50,
    as_json: Json = False,
) -> None:
    """List the conflicts that stand, open ones first, with what each side says."""
    for option, word, known in (("--state", state, STATES), ("--entity", entity, GOLDEN)):
        if word is not None and word not in known:
            raise UsageError(f"{option} {word} is unknown.", what_to_do=f"Use one of: {', '.join(known)}.")
    with pipeline() as parts:
        rows, waiting = conflicts.standing(parts.engine, entity, state, limit), conflicts.count_open(parts.engine)
    if as_json:
        return print_json({"conflicts": rows, "open": waiting})
    print_table("Conflicts", LISTED, [line for row in rows for line in _lines(row)])
    print(f"{sum(waiting.values())} open. Settle one: crm-pipeline conflicts take ID SIDE.")
    print("To decide against a rule: crm-pipeline conflicts overturn ID SIDE.")


def _lines(row: dict[str, Any]) -> list[list[Any]]:
    """Return a line per side."""
    return [
        [
            row["id"], row["entity"], row["name"], row["field"], side, _value(told["value"]), told["changed_at"],
            "stands" if side == row["chosen"] else "", row["rule"], row["state"],
        ]
        for side, told in sorted(row["values"].items())
    ]  # fmt: skip


def _value(value: dict[str, Any]) -> str:
    """Return the value of one column by itself, of several by name."""
    said = {column: _text(one) for column, one in value.items() if one is not None}
    return next(iter(said.values()), "") if len(value) == 1 else ", ".join(f"{column}: {one}" for column, one in said.items())


def _text(value: Any) -> str:
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def taken(conflict: Id, side: Side, by: By = None, reason: Why = None) -> None:
    """Settle an open conflict: the value of this side stands."""
    with pipeline() as parts:
        done = take(parts, conflict, side, by or account(), reason)
    print(f"{done.entity} {done.golden_id}, {done.field}: {side} stands.")


def overturned(conflict: Id, side: Side, by: By = None, reason: Why = None) -> None:
    """Choose another side than the rule did; it stands until a side changes the field again."""
    with pipeline() as parts:
        done = overturn(parts, conflict, side, by or account(), reason)
    print(f"{done.entity} {done.golden_id}, {done.field}: {side} stands instead of {done.chosen}.")
