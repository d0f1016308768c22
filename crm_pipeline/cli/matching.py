"""`match`: a person looks at pairs the rules would not decide about, merges records and parts them, one by one or in bulk."""

from collections.abc import Sequence
from typing import Annotated, Any

import typer

from crm_pipeline.cli.opened import pipeline
from crm_pipeline.cli.output import Json, moment, print_json, print_table
from crm_pipeline.database import connections, decisions
from crm_pipeline.database.audit import account
from crm_pipeline.database.decisions import MATCHABLE, Links
from crm_pipeline.errors import UsageError
from crm_pipeline.model.matching import RANKS
from crm_pipeline.stages.decisions import Asked, Decided, Decider, merge, split, split_links

REASONS = ("contradiction", "several_candidates", "one_connection", "resemblance")
STATES = ("open", "merged", "kept_apart", "obsolete", "all")
RULES = tuple(sorted(RANKS, key=RANKS.__getitem__))
LISTED = ("id", "entity", "record", "name", "other_record", "other_name", "explanation", "score", "state")
"""What a terminal has room for; `--json` prints everything."""
Entity = Annotated[str | None, typer.Option("--entity", help=f"Entity: {', '.join(MATCHABLE)}.")]
Refs = Annotated[list[str] | None, typer.Argument(help="Records as connection:external_id, or golden ids.", show_default=False)]
Reviews = Annotated[list[int] | None, typer.Option("--review", help="Answer this question of `match list`; may be repeated.")]
By = Annotated[str | None, typer.Option("--by", help="Who decides; by default who is logged in here.", show_default=False)]
Why = Annotated[str | None, typer.Option("--reason", help="Why, kept with the decision.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(no_args_is_help=True)
    group.callback(epilog="Example: crm-pipeline match list")(_match)
    group.command("list", epilog="Example: crm-pipeline match list --entity contacts --reason contradiction")(listed)
    group.command("merge", epilog="Example: crm-pipeline match merge sales-msk:1204 portal:77 --entity contacts")(merged)
    group.command("split", epilog="Example: crm-pipeline match split --rule phone --since 2026-11-01 --dry-run")(parted)
    app.add_typer(group, name="match")


def _match() -> None:
    """Which records are one thing: questions the rules leave, and decisions of people."""


def listed(
    entity: Entity = None,
    reason: Annotated[str | None, typer.Option(help=f"Only these: {', '.join(REASONS)}.")] = None,
    state: Annotated[str, typer.Option(help=f"{', '.join(STATES)}.")] = "open",
    limit: Annotated[int, typer.Option(min=1, help="How many at most.")] = 50,
    as_json: Json = False,
) -> None:
    """List pairs of records that may be one thing, for a person to say."""
    _require_known("--entity", entity, MATCHABLE)
    _require_known("--reason", reason, REASONS)
    _require_known("--state", state, STATES)
    with pipeline() as parts:
        rows, waiting = decisions.reviews(parts.engine, entity, reason, state, limit), decisions.open_reviews(parts.engine)
    if as_json:
        return print_json({"reviews": rows, "open": waiting})
    print_table("Is this one?", LISTED, [[row[column] for column in LISTED] for row in rows])
    print(f"{sum(waiting.values())} open. Answer: crm-pipeline match merge --review ID, or match split --review ID.")


def merged(
    refs: Refs = None, entity: Entity = None, review: Reviews = None, by: By = None, reason: Why = None, as_json: Json = False
) -> None:
    """Say that records are one thing. No rule ever parts them again."""
    _require_known("--entity", entity, MATCHABLE)
    with pipeline() as parts:
        done = merge(parts, Asked(refs or (), review or (), entity), Decider(by or account(), reason))
    _report(done, as_json)


def parted(
    refs: Refs = None,
    entity: Entity = None,
    review: Reviews = None,
    together: Annotated[bool, typer.Option("--together", help="What is named leaves together, as one record.")] = False,
    rule: Annotated[str | None, typer.Option(help=f"In bulk: links this rule made: {', '.join(RULES)}.")] = None,
    since: Annotated[str | None, typer.Option(help="In bulk: linked since, inclusive.")] = None,
    until: Annotated[str | None, typer.Option(help="In bulk: linked before.")] = None,
    connection: Annotated[str | None, typer.Option(help="In bulk: links of this connection's records only.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="In bulk: show what would be parted, and change nothing.")] = False,
    by: By = None,
    reason: Why = None,
    as_json: Json = False,
) -> None:
    """Say that records are not one thing: each leaves its golden record, and no rule brings it back.

    In bulk (--rule) every link that rule made in a period is undone. --rule person undoes merges: the rules decide again.
    """
    _require_known("--entity", entity, MATCHABLE)
    _require_known("--rule", rule, RULES)
    bulk = {"--since": since, "--until": until, "--connection": connection, "--dry-run": dry_run}
    _require_bulk(rule, [name for name, value in bulk.items() if value], bool(refs or review or together))
    decider = Decider(by or account(), reason)
    with pipeline() as parts:
        if rule:
            connection_id = connections.get(parts.engine, connection).id if connection else None
            links = Links(rule, moment(since, "--since"), moment(until, "--until"), connection_id, entity)
            done = split_links(parts, links, decider, dry_run=dry_run)
        else:
            done = split(parts, Asked(refs or (), review or (), entity), decider, as_one=together)
    _report(done, as_json)


def _require_bulk(rule: str | None, options: Sequence[str], has_records: bool) -> None:
    if options and not rule:
        raise UsageError(f"{options[0]} is for parting in bulk.", what_to_do=f"Add --rule: {', '.join(RULES)}.")
    if rule and has_records:
        raise UsageError("--rule goes without records, --review and --together.", what_to_do="Leave out the one or the other.")


def _require_known(option: str, word: str | None, known: Sequence[str]) -> None:
    if word is not None and word not in known:
        raise UsageError(f"{option} {word} is unknown.", what_to_do=f"Use one of: {', '.join(known)}.")


def _report(done: Decided, as_json: bool) -> None:
    if as_json:
        return print_json(done)
    if done.examples or not done.now:
        columns = ("entity", "record", "name", "other_record", "other_name")
        if done.examples:
            print_table("Such as", columns, [[pair[column] for column in columns] for pair in done.examples])
        for entity, count in done.counts.items():
            print(f"{entity}: {_counted(count)} {'would be' if done.dry_run else 'are'} parted.")
        if not done.counts:
            print("There is no such link.")
    for golden_id, records in done.now.items():
        print(f"{golden_id}: {', '.join(records)}")


def _counted(count: dict[str, Any]) -> str:
    return f"{count['pairs']} pairs of {count['records']} records in {count['golden_records']} golden records"
