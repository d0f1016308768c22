"""`serve`: the API, until a signal."""

import gc
import logging
import signal
import socket
import sys
from typing import Annotated

import typer

from crm_pipeline.errors import CrmPipelineError
from crm_pipeline.http import Patience
from crm_pipeline.settings import load_settings
from crm_pipeline.wiring import open_pipeline

PATIENCE = 10
"""Seconds requests in flight get when it stops; a long poll is broken off then."""
WAIT_FOR_CONNECTION = 5
"""Seconds a request waits for a connection to Postgres; then it is told to come again (503)."""
WHILE_SOMEBODY_WAITS = Patience(attempts=2, first=0.3, longest=1, limit=2)
"""With a CRM that is being connected or tested: whoever waits for the answer tries again themselves."""
SECRET_SETTINGS = ("jwt_secrets", "encryption_keys")


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(epilog="Example: crm-pipeline serve --port 8000")(serve)


def serve(
    port: Annotated[int, typer.Option(help="Port; 0 takes a free one.", min=0, max=65535)] = 8000,
    host: Annotated[str, typer.Option(help="Address to listen on; 0.0.0.0 for all.")] = "127.0.0.1",
) -> None:
    """Serve the API until Ctrl-C or SIGTERM; one JSON line per request on standard output."""
    import uvicorn

    from crm_pipeline.api.app import create_app

    settings = load_settings()
    for name in SECRET_SETTINGS:
        getattr(settings, name)  # says how to make one, before anything is started
    parts = open_pipeline(settings, WAIT_FOR_CONNECTION, WHILE_SOMEBODY_WAITS)
    try:
        with listening(host, port) as taken:
            app = create_app(parts)
            gc.freeze()  # what lives as long as the server needs no look by every full collection
            server = uvicorn.Server(
                uvicorn.Config(
                    app, log_config=None, access_log=False, server_header=False, lifespan="off",
                    timeout_graceful_shutdown=PATIENCE,
                )
            )  # fmt: skip
            _log()
            _greet(host, taken.getsockname()[1])
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, _be_told)
            server.run(sockets=[taken])
    finally:
        parts.close()


def listening(host: str, port: int) -> socket.socket:
    """Return a socket that listens. Raises CrmPipelineError when the address cannot be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=512)
    except OSError as error:
        raise CrmPipelineError(
            f"{host}:{port} cannot be listened on: {error.strerror}.", what_to_do="Choose another --port; 0 takes a free one."
        ) from None


def _be_told(_number: int, _frame: object) -> None:
    """Take the signal uvicorn hands on after it has stopped in good order: nothing is left to be done."""


def _greet(host: str, port: int) -> None:
    url = f"http://{f'[{host}]' if ':' in host else host}:{port}"
    print(f"The API is at {url}/api, its documentation at {url}/api/docs  (Ctrl-C stops it)", file=sys.stderr, flush=True)


def _log() -> None:
    """Let one JSON line per request go to standard output, and what went wrong to standard error."""
    lines, troubles = logging.StreamHandler(sys.stdout), logging.StreamHandler(sys.stderr)
    troubles.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    access = logging.getLogger("crm_pipeline.access")
    access.addHandler(lines)
    access.setLevel(logging.INFO)
    access.propagate = False
    for name in ("crm_pipeline", "uvicorn.error"):
        logging.getLogger(name).addHandler(troubles)
