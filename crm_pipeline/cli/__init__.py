"""The operator's commands: what a person types. Each file here is a group of commands; no rule, no SQL, no HTTP.

Exit codes: 0 ok, 1 failed, 2 usage (of `plan`: something would change).
An error is one sentence on standard error that says what to do.
"""

import logging
import os
import sys
import tempfile
import traceback

import typer

from crm_pipeline.cli import (
    conflicts,
    connections,
    demo,
    draining,
    maintenance,
    matching,
    outgoing,
    planning,
    pushing,
    sandboxes,
    serving,
    syncing,
    undoing,
    users,
)
from crm_pipeline.errors import CrmPipelineError, UsageError

INTERRUPTED = 130

app = typer.Typer(
    name="crm-pipeline",
    help="CRM data in and out: amoCRM and Bitrix24 into Postgres through Dagster.",
    epilog="Example: crm-pipeline sync --connection sales-msk --mode initial",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    rich_markup_mode="rich",
)
PARTS = (
    demo, maintenance, sandboxes, connections, syncing, matching, conflicts, outgoing, planning, pushing, draining, undoing,
    users, serving,
)  # fmt: skip
for part in PARTS:
    part.register(app)


def main() -> None:
    """Run a command; turn what goes wrong into a sentence and an exit code."""
    logging.getLogger("crm_pipeline").addHandler(logging.NullHandler())  # else Python prints warnings between our sentences
    try:
        app()
        code = 0
    except KeyboardInterrupt:
        code = INTERRUPTED
    except UsageError as error:
        code = _say(str(error), 2)
    except CrmPipelineError as error:
        code = _say(str(error), 1)
    except Exception as error:  # noqa: BLE001 - the last door: a person gets a sentence, the traceback goes into a file
        code = _say(
            f"this should not have happened ({type(error).__name__}). The details are in {_keep_traceback()}; please report it.",
            1,
        )
    sys.exit(code)


def _say(sentence: str, code: int) -> int:
    print(f"crm-pipeline: {sentence}", file=sys.stderr)
    return code


def _keep_traceback() -> str:
    """Write the traceback of what is being handled to a file only its owner can read, and return its path."""
    handle, path = tempfile.mkstemp(prefix="crm-pipeline-", suffix=".log", text=True)
    with os.fdopen(handle, "w") as file:
        file.write(traceback.format_exc())
    return path
