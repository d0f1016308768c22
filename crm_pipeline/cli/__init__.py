"""The operator's commands: what a person types. Each file here is a group of commands; no rule, no SQL, no HTTP.

Exit codes: 0 ok, 1 failed, 2 usage. An error is one sentence on standard error that says what to do.
"""

import sys

import click
import typer

from crm_pipeline.cli import connections, demo, maintenance, sandboxes, syncing
from crm_pipeline.errors import CrmPipelineError, UsageError

app = typer.Typer(
    name="crm-pipeline",
    help="CRM data in and out: amoCRM and Bitrix24 into Postgres through Dagster.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    rich_markup_mode="rich",
)
for part in (demo, maintenance, sandboxes, connections, syncing):
    part.register(app)


def main() -> None:
    """Run a command; turn our errors into a sentence and an exit code."""
    try:
        code = app(standalone_mode=False)
    except click.exceptions.Abort:
        code = 130
    except click.ClickException as error:
        error.show()
        code = 2
    except KeyboardInterrupt:
        code = 130
    except UsageError as error:
        code = _say(error, 2)
    except CrmPipelineError as error:
        code = _say(error, 1)
    sys.exit(code if isinstance(code, int) else 0)


def _say(error: CrmPipelineError, code: int) -> int:
    print(f"crm-pipeline: {error}", file=sys.stderr)
    return code
