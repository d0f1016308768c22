"""`push`: operations from a file are carried out, as the app uploads them."""

import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Annotated, Any, TextIO

import orjson
import typer

from crm_pipeline.cli.opened import pipeline
from crm_pipeline.cli.operation_file import read_operations
from crm_pipeline.cli.output import Json, print_table, progress_bar
from crm_pipeline.database.audit import account
from crm_pipeline.errors import UsageError
from crm_pipeline.stages.edits import CHUNK, OperationResult, edit
from crm_pipeline.wiring import Pipeline

SHOWN = ("id", "status", "record", "changes", "reason")
MOST_SHOWN = 50
"""Accepted operations a table shows; the others are all shown."""
BAD = ("rejected", "conflict")
File = Annotated[str, typer.Argument(help="File with operations as JSON, or one operation a line; - reads standard input.")]
By = Annotated[str | None, typer.Option("--by", help="Who asks for it; by default who is logged in here.", show_default=False)]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(epilog="Example: crm-pipeline push edits.json --json")(push)


def push(file: File, by: By = None, as_json: Json = False) -> None:
    """Carry out operations: create, update, complete, reopen, link, unlink. Sent again under the same ids nothing is done twice.

    Exit code 1 when some were rejected or wait for a person, each with its sentence; the others are done.
    """
    with _opened(file) as opened, pipeline() as parts:
        results = _carry_out(parts, read_operations(opened), by or account())
        counts = _print_json(results) if as_json else _print_table(results)
    if any(counts[status] for status in BAD):
        raise typer.Exit(1)


@contextmanager
def _opened(path: str) -> Iterator[TextIO]:
    if path == "-":
        yield sys.stdin
        return
    try:
        file = Path(path).open(encoding="utf-8", errors="replace")  # noqa: SIM115 - closed below
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}.", what_to_do="Give a file with operations, or -.") from None
    with file:
        yield file


def _carry_out(parts: Pipeline, operations: Iterator[Any], actor: str) -> Iterator[OperationResult]:
    """Yield results as chunks of the file are done."""
    with progress_bar() as progress:
        task = progress.add_task("operations", total=None, note="")
        while chunk := list(islice(operations, CHUNK)):
            yield from edit(parts, chunk, actor)
            progress.advance(task, len(chunk))


def _print_json(results: Iterable[OperationResult]) -> Counter[str]:
    """Print the answer as it comes."""
    counts: Counter[str] = Counter()
    sys.stdout.write('{"results": [')
    for number, one in enumerate(results):
        sys.stdout.write(("" if number == 0 else ",") + "\n  " + orjson.dumps(one.as_json()).decode())
        counts[one.status] += 1
    sys.stdout.write("\n]}\n")
    return counts


def _print_table(results: Iterable[OperationResult]) -> Counter[str]:
    """Print what was not simply accepted, and the first of the others."""
    counts: Counter[str] = Counter()
    rows = []
    for one in results:
        counts[one.status] += 1
        if one.status != "accepted" or counts["accepted"] <= MOST_SHOWN:
            rows.append([one.id, one.status, one.record, ", ".join(map(str, one.changes)), one.reason])
    print_table("Operations", SHOWN, rows)
    told = ", ".join(f"{count} {status}" for status, count in counts.items())
    print(f"{told}." if told else "There are no operations in it.")
    return counts
