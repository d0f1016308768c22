"""How commands print: tables and progress bars on a terminal, JSON with --json, plain lines elsewhere."""

import getpass
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any

import orjson
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from crm_pipeline.errors import UsageError

Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return str(value)
    raise TypeError(f"cannot print {type(value).__name__}")


def print_json(value: Any) -> None:
    """Print one JSON document on standard output."""
    sys.stdout.write(orjson.dumps(value, default=_plain, option=orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS).decode() + "\n")


def print_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Print rows as a table; numbers to the right."""
    console = Console(width=None if sys.stdout.isatty() else 140)
    rows = [list(row) for row in rows]
    table = Table(title=title, title_justify="left", header_style="bold")
    for index, column in enumerate(columns):
        numeric = bool(rows) and all(isinstance(row[index], int | float | Decimal) or row[index] is None for row in rows)
        table.add_column(column, justify="right" if numeric else "left", overflow="fold")
    for row in rows:
        table.add_row(*(_cell(value) for value in row))
    console.print(table)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}".replace(",", " ")
    if isinstance(value, float):
        return f"{value:,.1f}".replace(",", " ")
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M:%S")
    return str(value)


@contextmanager
def progress_bar() -> Iterator[Progress]:
    """Show progress bars on a terminal's standard error; elsewhere nothing."""
    console = Console(stderr=True)
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[note]}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as progress:
        yield progress


def secret_from(value: str | None, what: str) -> str | None:
    """Return a secret given as an option; `-` reads one line from standard input, so that it is in no process list.

    On a terminal it is asked for without an echo.
    """
    if value != "-":
        return value
    line = (getpass.getpass(f"{what[2:]}: ", sys.stderr) if sys.stdin.isatty() else sys.stdin.readline()).strip()
    if not line:
        raise UsageError(f"{what} was to be read from standard input, which is empty.")
    return line


def moment(text: str | None, option: str) -> datetime | None:
    """Parse an ISO 8601 time; one without an offset is UTC. Raises UsageError with an example."""
    if text is None:
        return None
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(
            f"{option} {text!r} is not a time.", what_to_do="Write 2026-03-01 or 2026-03-01T10:00:00+03:00."
        ) from None

    return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)
