"""`drain`: what waits in the outgoing queue is sent to the CRMs."""

import threading
import time
from collections.abc import Mapping
from typing import Annotated, Any

import typer

from crm_pipeline.cli.opened import pipeline
from crm_pipeline.cli.output import Json, print_json, print_table, progress_bar
from crm_pipeline.stages.drain import drain as drain_stage
from crm_pipeline.stages.parts import DrainProgress, DrainResult
from crm_pipeline.stages.reconcile import reconcile
from crm_pipeline.wiring import Pipeline

SHOWN = ("applied", "merged", "conflicts", "rejected", "dead", "retried", "left", "requests", "seconds", "error")
BREATH = 0.5
"""Seconds between two rounds of `--wait`, while what is parked is not due yet."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(epilog="Example: crm-pipeline drain --connection sales-msk")(drain)


def drain(
    connection: Annotated[str | None, typer.Option("--connection", help="Only this one.")] = None,
    wait: Annotated[float, typer.Option(min=0, help="Seconds to go on for what is parked, until nothing is left.")] = 0,
    as_json: Json = False,
) -> None:
    """Send two-way connections what they should receive. Exit code 1 when a connection failed."""
    with pipeline() as parts, progress_bar() as bars:
        done = _until(parts, connection, wait, _teller(bars))
    if as_json:
        print_json({"connections": {name: result.as_json() for name, result in done.items()}})
    elif done:
        print_table(
            "Drained", ("connection", *SHOWN), [[name, *(getattr(one, column) for column in SHOWN)] for name, one in done.items()]
        )
    else:
        print("Nothing is due.")
    if any(one.error for one in done.values()):
        raise typer.Exit(1)


def _teller(bars: Any) -> DrainProgress:
    tasks: dict[str, Any] = {}
    adding = threading.Lock()

    def tell(connection: str, counts: Mapping[str, int]) -> None:
        with adding:
            if connection not in tasks:
                tasks[connection] = bars.add_task(connection, total=None, note="")
        note = ", ".join(f"{count:,} {state}" for state, count in counts.items())
        bars.update(tasks[connection], completed=sum(counts.values()), note=note)

    return tell


def _until(parts: Pipeline, connection: str | None, wait: float, tell: DrainProgress) -> dict[str, DrainResult]:
    """Drain, and as long as something is left and time remains, again."""
    done: dict[str, DrainResult] = {}
    ends = time.monotonic() + wait
    while True:
        for name, result in drain_stage(parts, connection, progress=tell).items():
            done[name] = done[name] + result if name in done else result
        reconcile(parts)
        if time.monotonic() >= ends or not any(one.left and not one.error for one in done.values()):
            return done
        time.sleep(BREATH)
