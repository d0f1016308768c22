"""`connect` and `connections`: accounts are authorised, listed, tested, paused and removed here."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from crm_pipeline.cli.opened import pipeline
from crm_pipeline.cli.output import Json, print_json, print_table, secret_from
from crm_pipeline.database import connections as rows
from crm_pipeline.database.connections import ConnectionRow
from crm_pipeline.errors import UsageError
from crm_pipeline.stages.check import check as check_account
from crm_pipeline.stages.connect import connect
from crm_pipeline.stages.direct import direct
from crm_pipeline.wiring import Pipeline

COLUMNS = ("name", "crm", "base_url", "status", "direction", "interval_seconds", "next_due_at", "status_reason")
Name = Annotated[str, typer.Option("--name", help="Name of the connection: small letters, digits, - and _.")]
HIDDEN = "`-` reads it from standard input."


def register(app: typer.Typer) -> None:
    """Add the commands."""
    new = typer.Typer(
        no_args_is_help=True,
        help="Authorise an account of a CRM.",
        epilog="Example: crm-pipeline connect bitrix24 --name portal --webhook-url -",
    )
    new.command(
        "amocrm", epilog="Example: crm-pipeline connect amocrm --name sales-msk --base-url https://acme.amocrm.ru --token -"
    )(amocrm)
    new.command("bitrix24", epilog="Example: crm-pipeline connect bitrix24 --name portal --webhook-url -")(bitrix24)
    app.add_typer(new, name="connect")
    kept = typer.Typer(invoke_without_command=True, help="List connections, or change one.")
    kept.callback(epilog="Example: crm-pipeline connections --json")(listed)
    kept.command("pause", epilog="Example: crm-pipeline connections pause sales-msk")(pause)
    kept.command("resume", epilog="Example: crm-pipeline connections resume sales-msk")(resume)
    kept.command("remove", epilog="Example: crm-pipeline connections remove sales-msk")(remove)
    kept.command("test", epilog="Example: crm-pipeline connections test sales-msk")(test)
    kept.command("set", epilog="Example: crm-pipeline connections set sales-msk interval=60")(set_)
    app.add_typer(kept, name="connections")


def amocrm(
    name: Name,
    base_url: Annotated[str, typer.Option(help="Address of the account, such as https://acme.amocrm.ru.")],
    client_id: Annotated[str | None, typer.Option(help="Integration id.")] = None,
    client_secret: Annotated[
        str | None, typer.Option(envvar="CRM_CLIENT_SECRET", show_envvar=True, help=f"Secret key. {HIDDEN}")
    ] = None,
    redirect_uri: Annotated[str | None, typer.Option(help="Redirect address, letter for letter as in the integration.")] = None,
    code: Annotated[str | None, typer.Option(envvar="CRM_CODE", help=f"Authorization code (20 minutes). {HIDDEN}")] = None,
    token: Annotated[
        str | None, typer.Option(envvar="CRM_TOKEN", help=f"Long-lived token, instead of the four above. {HIDDEN}")
    ] = None,
    as_json: Json = False,
) -> None:
    """Connect an amoCRM account, by authorization code or by long-lived token."""
    client_secret, code, token = (
        secret_from(client_secret, "--client-secret"),
        secret_from(code, "--code"),
        secret_from(token, "--token"),
    )
    if token:
        return _connect("amocrm", name, base_url, {"access_token": token}, None, as_json)
    secrets = _all_of(client_id=client_id, client_secret=client_secret, redirect_uri=redirect_uri, code=code, instead="--token")
    return _connect("amocrm", name, base_url, secrets, secrets.pop("code"), as_json)


def bitrix24(
    name: Name,
    webhook_url: Annotated[
        str | None, typer.Option(envvar="CRM_WEBHOOK_URL", help=f"Address of an incoming webhook. {HIDDEN}")
    ] = None,
    portal: Annotated[str | None, typer.Option(help="Address of the portal, for OAuth.")] = None,
    oauth_url: Annotated[str | None, typer.Option(help="Auth server, when it is not Bitrix24's own.")] = None,
    client_id: Annotated[str | None, typer.Option(help="Application id.")] = None,
    client_secret: Annotated[str | None, typer.Option(envvar="CRM_CLIENT_SECRET", help=f"Application key. {HIDDEN}")] = None,
    code: Annotated[str | None, typer.Option(envvar="CRM_CODE", help=f"Authorization code (30 seconds). {HIDDEN}")] = None,
    as_json: Json = False,
) -> None:
    """Connect a Bitrix24 portal, by incoming webhook or by OAuth."""
    webhook_url = secret_from(webhook_url, "--webhook-url")
    client_secret, code = secret_from(client_secret, "--client-secret"), secret_from(code, "--code")
    if webhook_url:
        return _connect("bitrix24", name, webhook_url.split("/rest/")[0], {"webhook_url": webhook_url}, None, as_json)
    secrets = _all_of(portal=portal, client_id=client_id, client_secret=client_secret, code=code, instead="--webhook-url")
    if oauth_url:
        secrets["oauth_url"] = oauth_url
    return _connect("bitrix24", name, secrets.pop("portal"), secrets, secrets.pop("code"), as_json)


def _all_of(instead: str, **values: str | None) -> dict[str, str]:
    missing = [f"--{key.replace('_', '-')}" for key, value in values.items() if not value]
    if missing:
        raise UsageError(f"Missing: {', '.join(missing)}.", what_to_do=f"Give all of them, or {instead}.")
    return {key: value for key, value in values.items() if value}


def _connect(crm: str, name: str, base_url: str, secrets: dict[str, str], code: str | None, as_json: bool) -> None:
    with pipeline() as parts:
        row = connect(parts, crm, name, base_url, dict(secrets), code=code, now=datetime.now(UTC))
    if as_json:
        return print_json(_shown(row))
    print(f"Connected {row.name}: {row.account.get('name')} ({row.base_url}).")
    for warning in row.account.get("warnings", ()):
        print(f"  note: {warning}")
    print(f"Next: crm-pipeline sync --connection {row.name} --mode initial")


def listed(context: typer.Context, as_json: Json = False) -> None:
    """List the connections, or change one with a subcommand."""
    if context.invoked_subcommand:
        return
    with pipeline() as parts:
        found = [_shown(row) for row in rows.list_connections(parts.engine)]
    if as_json:
        return print_json({"connections": found})
    print_table("Connections", COLUMNS, [[row[column] for column in COLUMNS] for row in found])


def _shown(row: ConnectionRow) -> dict[str, Any]:
    return {column: getattr(row, column) for column in COLUMNS} | {
        "account": row.account.get("name"),
        "warnings": row.account.get("warnings", []),
    }


def pause(name: str) -> None:
    """Let a connection rest until `resume`."""
    _changed(name, rows.pause, "is paused")


def resume(name: str) -> None:
    """Let a connection be synced again, at once."""
    _changed(name, rows.resume, "is active and due now")


def remove(name: str) -> None:
    """Disconnect: its secrets are deleted, its data stays, the name stays taken."""
    _changed(name, rows.remove, "is removed; its data stays")


def _changed(name: str, change: Any, outcome: str) -> None:
    with pipeline() as parts:
        change(parts.engine, name)
    print(f"{name} {outcome}.")


def test(name: str, as_json: Json = False) -> None:
    """Ask the CRM whether the connection works, and with which rights."""
    with pipeline() as parts:
        account = check_account(parts, name)
    if as_json:
        return print_json(
            {
                "name": name,
                "account": account.name,
                "base_url": account.base_url,
                "facts": account.facts,
                "warnings": account.warnings,
            }
        )
    print(f"{name} works: {account.name} at {account.base_url}, time zone {account.timezone}, currency {account.currency}.")
    for warning in account.warnings:
        print(f"  note: {warning}")


def _of_row(change: Callable[..., Any]) -> Callable[..., str | None]:
    """Return what sets a column; there is nothing to say about it."""

    def change_row(parts: Pipeline, name: str, value: Any) -> None:
        change(parts.engine, name, value)

    return change_row


SETTABLE: dict[str, tuple[Callable[[str], Any], Callable[..., str | None]]] = {
    "interval": (int, _of_row(rows.set_interval)),
    "direction": (str, direct),
    "rate": (float, _of_row(rows.set_rate)),
    "burst": (int, _of_row(rows.set_burst)),
    "settle_seconds": (float, _of_row(rows.set_settle_seconds)),
}
"""What can be set: how its text is read, and what sets it and returns what happens next, if anything."""
HOW_TO_SET = (
    "interval=SECONDS, direction=read_only|two_way, rate=REQUESTS_PER_SECOND, burst=REQUESTS_AT_ONCE, settle_seconds=SECONDS"
)


def set_(name: str, pairs: Annotated[list[str], typer.Argument(help=HOW_TO_SET)]) -> None:
    """Set how a connection works."""
    chosen = [_setting(pair) for pair in pairs]
    with pipeline() as parts:
        next_steps = [sentence for change, value in chosen if (sentence := change(parts, name, value))]
    print(" ".join([f"{name}: {', '.join(pairs)}.", *next_steps]))


def _setting(pair: str) -> tuple[Callable[..., str | None], Any]:
    key, _, text = pair.partition("=")
    try:
        read, change = SETTABLE[key]
        return change, read(text)
    except (KeyError, ValueError):
        raise UsageError(f"{pair} cannot be set.", what_to_do=f"Known: {HOW_TO_SET}.") from None
