"""`migrate`, `doctor`, `keys rotate`, `up`: the installation itself."""

import time
from typing import Annotated

import typer

from crm_pipeline.cli.opened import pipeline
from crm_pipeline.cli.output import Json, print_json, print_table
from crm_pipeline.database.engine import create_engine
from crm_pipeline.database.migrate import migrate as run_migrations
from crm_pipeline.database.vault import rotate_keys
from crm_pipeline.errors import CrmPipelineError
from crm_pipeline.settings import load_settings


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command(epilog="Example: crm-pipeline migrate")(migrate)
    app.command(epilog="Example: crm-pipeline doctor")(doctor)
    app.command(epilog="Example: crm-pipeline up --port 3000")(up)
    keys = typer.Typer(no_args_is_help=True)
    keys.callback(epilog="Example: CRM_ENCRYPTION_KEY=NEW,OLD crm-pipeline keys rotate")(_keys)
    keys.command("rotate", epilog="Example: CRM_ENCRYPTION_KEY=NEW,OLD crm-pipeline keys rotate")(rotate)
    app.add_typer(keys, name="keys")


def _keys() -> None:
    """The keys that encrypt credentials."""


def migrate(as_json: Json = False) -> None:
    """Bring the database to this version's schema. Safe to repeat, and to run twice at once."""
    engine = create_engine(load_settings())
    done = run_migrations(engine)
    engine.dispose()
    if as_json:
        return print_json({"applied": list(done.applied), "version": done.version})
    print(
        f"Applied {', '.join(done.applied)}." if done.applied else "Nothing to do.", f"The database is at version {done.version}."
    )


def rotate(as_json: Json = False) -> None:
    """Encrypt every stored credential with the newest key; then older keys may be taken out of CRM_ENCRYPTION_KEY."""
    with pipeline() as parts:
        changed = rotate_keys(parts.engine, parts.settings.encryption_keys)
    print_json({"changed": changed}) if as_json else print(f"{changed} connections are now encrypted with the newest key.")


def doctor(as_json: Json = False) -> None:
    """Check settings, database, connections and freshness, and say what to do about each finding."""
    from crm_pipeline.cli.examination import examine

    findings = examine()
    if as_json:
        print_json({"findings": findings})
    else:
        print_table(
            "Doctor",
            ("check", "state", "finding", "what to do"),
            [[f["check"], f["state"], f["finding"], f["what_to_do"]] for f in findings],
        )
    if any(f["state"] == "wrong" for f in findings):
        raise CrmPipelineError("Something needs a person.", what_to_do="See the rows that say wrong.")


def up(port: Annotated[int, typer.Option(help="Port of the Dagster UI on 127.0.0.1.")] = 3000) -> None:
    """Start the Dagster UI with its schedules and sensors, until Ctrl-C."""
    from crm_pipeline.orchestration.serve import start_dagster

    with pipeline() as parts:
        handle = start_dagster(parts.settings, port=port)
        print(f"Dagster is at {handle.url}  (Ctrl-C stops it)")
        try:
            while handle.process.poll() is None:
                time.sleep(1)
        except KeyboardInterrupt:
            print("Stopping.")
        finally:
            handle.stop()
