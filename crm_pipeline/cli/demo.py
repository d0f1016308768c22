"""`demo`: the main job on a machine that has nothing: embedded Postgres, stand-ins of both CRMs, Dagster, the API, and
people at work.
"""

import base64
import os
import secrets
import shutil
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from crm_pipeline.cli.demo_api import Api, let_people_in, serving, tell
from crm_pipeline.cli.stands import PLANS, Stand, standing
from crm_pipeline.cli.watching import Watch, print_summary
from crm_pipeline.database import connections, embedded
from crm_pipeline.database.engine import create_engine
from crm_pipeline.database.migrate import migrate
from crm_pipeline.orchestration.serve import Dagster, start_dagster
from crm_pipeline.settings import Settings, load_settings
from crm_pipeline.stages.connect import connect
from crm_pipeline.wiring import Pipeline, open_pipeline

SHARED = Path("../shared/data")
WORK_SECONDS = 20
EDITS = 5
LATENCY_MS = 60
FIRST_LOAD_SECONDS = 1200
EDITS_SECONDS = 300
CONTACTS = 900
"""Generated contacts where the public data is absent."""
INTERVAL = 30
"""Seconds between the demo's incremental syncs, so that edits are seen to arrive."""

say = partial(Console(highlight=False).print, soft_wrap=True)
"""Lines are left to the terminal to wrap, so that an address or a command can be copied whole."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(epilog="Example: make demo ONCE=1")(demo)


def demo(
    once: Annotated[bool, typer.Option("--once", help="Do the whole job once, print a summary, stop everything.")] = False,
    port: Annotated[int, typer.Option(help="Port of the Dagster UI; 0 takes a free one.")] = 3000,
    api_port: Annotated[int, typer.Option(help="Port of the API; a free one when it is taken.")] = 8000,
    data: Annotated[Path, typer.Option(help="Folder of CSV files; generated people are used where it is absent.")] = SHARED,
    contacts: Annotated[int, typer.Option(help="How many people are generated where the folder is absent.", min=10)] = CONTACTS,
) -> None:
    """Load two amoCRM accounts and a Bitrix24 portal, played by stand-ins, into Postgres through Dagster, and serve the API."""
    signal.signal(signal.SIGTERM, _as_interrupt)
    settings = _demo_settings()
    filling = data if data.is_dir() else None
    say(
        f"The accounts are filled from {filling}."
        if filling
        else f"{data} is absent: the accounts are filled with generated people."
    )
    with (
        _postgres(settings),
        standing(PLANS, data=filling, contacts=contacts, latency_ms=LATENCY_MS) as stands,
        _opened(settings) as parts,
        serving(settings, 0 if once else api_port) as api,
    ):
        _connect_all(parts, stands)
        dagster = start_dagster(settings, port=0 if once else port)
        try:
            _main_job(parts, stands, dagster, api)
            if not once:
                _keep_going(parts, stands, dagster)
        finally:
            dagster.stop()


def _as_interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def _demo_settings() -> Settings:
    """Return settings of an empty home of the demo's own; the user's database is left alone. Without keys it makes its own."""
    own = load_settings()
    home = own.home / "demo"
    key = own.encryption_key or base64.b64encode(os.urandom(32)).decode()
    secret = own.jwt_secret or secrets.token_urlsafe(48)
    embedded.erase(home)
    shutil.rmtree(home, ignore_errors=True)
    return load_settings(database_url=None, home=home, allowed_hosts=("127.0.0.1",), encryption_key=key, jwt_secret=secret)


@contextmanager
def _postgres(settings: Settings) -> Iterator[None]:
    engine = create_engine(settings)
    try:
        migrate(engine)
        engine.dispose()
        say("[bold]Postgres[/bold] is up and migrated.")
        yield
    finally:
        embedded.stop(settings.home)
        say("Everything is stopped.")


@contextmanager
def _opened(settings: Settings) -> Iterator[Pipeline]:
    parts = open_pipeline(settings)
    try:
        yield parts
    finally:
        parts.close()


def _connect_all(parts: Pipeline, stands: list[Stand]) -> None:
    for stand in stands:
        secrets, code = stand.grant()
        row = connect(parts, stand.plan.crm, stand.plan.name, stand.url, secrets, code=code, now=datetime.now(UTC))
        connections.set_interval(parts.engine, row.name, INTERVAL)
        say(
            f"[bold]{row.name}[/bold]: {row.crm} connected by {stand.plan.way}; {sum(stand.counts.values()):,} records behind it."
        )


def _main_job(parts: Pipeline, stands: list[Stand], dagster: Dagster, api: Api) -> None:
    say(f"[bold]Dagster[/bold] is at {dagster.url}; its sensors load the new connections now.")
    watch = Watch(parts)
    watch.until_loaded(FIRST_LOAD_SECONDS)
    let_people_in(parts, api)
    edited_at = datetime.now(UTC)
    for number, stand in enumerate(stands):
        stand.work(EDITS, seed=number)
    say("People have edited records in all three CRMs; waiting for the next syncs to bring the changes.")
    watch.until_synced_after(edited_at, EDITS_SECONDS)
    print_summary(parts, stands)
    tell(api, edited_at, say)


def _keep_going(parts: Pipeline, stands: list[Stand], dagster: Dagster) -> None:
    say(f"Dagster UI   [bold]{dagster.url}[/bold]")
    say(f"psql         [bold]psql {parts.engine.url.render_as_string(hide_password=False).replace('+psycopg2', '')}[/bold]")
    say("try          SELECT * FROM crm.funnel;")
    say(f"People keep editing every {WORK_SECONDS} s. Ctrl-C stops everything.")
    seed = len(stands)
    try:
        while dagster.process.poll() is None:
            time.sleep(WORK_SECONDS)
            for stand in stands:
                stand.work(EDITS, seed=(seed := seed + 1))
    except KeyboardInterrupt:
        say("Stopping.")
