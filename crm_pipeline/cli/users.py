"""`user add|list|disable|password`: who may log in to the API."""

import getpass
import sys
from typing import Annotated

import typer

from crm_pipeline.cli.opened import pipeline
from crm_pipeline.cli.output import Json, print_json, print_table
from crm_pipeline.database import users as rows
from crm_pipeline.errors import UsageError
from crm_pipeline.stages import accounts

Name = Annotated[str, typer.Argument(help="What the user types to log in.")]
FromStdin = Annotated[bool, typer.Option("--password-stdin", help="Read the password from standard input, one line.")]
ADD = "Example: crm-pipeline user add olga --role agent --scope own --crm-user olga@example.org"


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(no_args_is_help=True)
    group.callback(epilog=ADD)(_users)
    group.command(epilog=ADD)(add)
    group.command("list", epilog="Example: crm-pipeline user list --json")(show)
    group.command(epilog="Example: crm-pipeline user disable olga")(disable)
    group.command(epilog="Example: crm-pipeline user password olga")(password)
    app.add_typer(group, name="user")


def _users() -> None:
    """People who may log in to the API."""


def add(
    name: Name,
    role: Annotated[str, typer.Option(help="admin, operator or agent.")],
    scope: Annotated[str, typer.Option(help="Of an agent: own (what it is responsible for) or all.")] = "all",
    crm_user: Annotated[list[str] | None, typer.Option(help="CRM user it is: golden id or e-mail; may be repeated.")] = None,
    password_stdin: FromStdin = False,
    as_json: Json = False,
) -> None:
    """Add a user; the password is asked for twice, without an echo."""
    accounts.require_user(name, role, scope)
    with pipeline() as parts:
        linked = accounts.add_user(parts, name, _password(password_stdin), role, scope, crm_user or ())
    if as_json:
        return print_json({"username": name, "role": role, "scope": scope, "crm_users": [str(one) for one in linked]})
    print(f"Added {name}, {role}." + (f" It is {len(linked)} CRM user(s)." if linked else ""))


def show(as_json: Json = False) -> None:
    """List users, their devices and when they were last here."""
    with pipeline() as parts:
        found = rows.all_users(parts.engine)
    if as_json:
        return print_json({"users": found})
    columns = ("username", "role", "scope", "crm_users", "devices", "last_seen_at", "disabled_at")
    print_table("Users", columns, [[_shown(row[column]) for column in columns] for row in found])


def _shown(value: object) -> object:
    return len(value) if isinstance(value, list) else value


def disable(name: Name) -> None:
    """Let a user in no more, on no device, from this moment."""
    with pipeline() as parts:
        done = accounts.disable(parts, name)
    print(f"{name} is let in no more." if done else f"{name} was disabled already.")


def password(name: Name, password_stdin: FromStdin = False) -> None:
    """Give a user another password; all its devices have to log in again."""
    with pipeline() as parts:
        accounts.set_password(parts, name, _password(password_stdin))
    print(f"{name} has another password; its devices have to log in again.")


def _password(from_stdin: bool) -> str:
    """Return a password from standard input, or typed twice. Raises UsageError when there is none or they differ."""
    if from_stdin:
        line = sys.stdin.readline().rstrip("\r\n")
        if not line:
            raise UsageError("The password was to be read from standard input, which is empty.")
        return line
    if not sys.stdin.isatty():
        raise UsageError("There is nobody to ask for a password.", what_to_do="Use --password-stdin.")
    first, second = getpass.getpass("Password: ", sys.stderr), getpass.getpass("Again: ", sys.stderr)
    if first != second:
        raise UsageError("The two passwords differ.", what_to_do="Try again.")
    return first
