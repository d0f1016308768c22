"""The demo's API: `crm-pipeline serve` as a process of its own, somebody of each role to log in as, and a look at what it tells.

Only the process started here is ended. What belongs here: the API as somebody outside meets it, over HTTP.
"""

import secrets
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import requests
from tenacity import RetryError, Retrying, retry_if_result, stop_after_delay, wait_fixed

from crm_pipeline.cli.stands import stop
from crm_pipeline.errors import CrmPipelineError
from crm_pipeline.orchestration.serve import free_port, handed_on
from crm_pipeline.settings import Settings
from crm_pipeline.stages.accounts import add_user
from crm_pipeline.wiring import Pipeline

READY_SECONDS = 60
STOP_SECONDS = 15
"""Longer than `serve` gives the requests it is answering."""
LATEST_DEALS = 100


@dataclass(frozen=True, slots=True)
class Api:
    """A running API. password: of everybody who may log in to it."""

    url: str
    process: subprocess.Popen[bytes] = field(repr=False)
    password: str = field(repr=False)

    def ask(self, username: str, path: str, **params: object) -> Any:
        """Log in as somebody and return what a path answers. Raises CrmPipelineError when either is refused."""
        entry = {"username": username, "password": self.password, "device_name": "demo"}
        token = _answer(requests.post(f"{self.url}/api/auth/login", json=entry, timeout=30))["access_token"]
        headers = {"Authorization": f"Bearer {token}"}
        return _answer(requests.get(f"{self.url}{path}", params=params, headers=headers, timeout=60))  # type: ignore[arg-type]


def _answer(response: requests.Response) -> Any:
    if not response.ok:
        raise CrmPipelineError(f"The API answered {response.status_code}: {response.text[:300]}")
    return response.json()


@contextmanager
def serving(settings: Settings, port: int) -> Iterator[Api]:
    """Serve the API over these settings' database, and stop it in the end; a port that is taken, or 0, is replaced by a free one.

    Raises CrmPipelineError when it does not come up.
    """
    url = f"http://127.0.0.1:{_port(port)}"
    log = settings.home / "api.log"
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "crm_pipeline", "serve", "--port", url.rpartition(":")[2]],
            env=handed_on(settings.model_copy(update={"public_url": url})),
            stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True,
        )  # fmt: skip
    try:
        _require_ready(url, process, log)
        yield Api(url, process, secrets.token_urlsafe(12))
    finally:
        stop(process, STOP_SECONDS)


def _port(wanted: int) -> int:
    """Return a port nobody listens on, the wanted one if possible."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", wanted))
            return int(probe.getsockname()[1])
        except OSError:
            return free_port()


def _require_ready(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    patient = Retrying(
        retry=retry_if_result(lambda is_ready: not is_ready), wait=wait_fixed(0.1), stop=stop_after_delay(READY_SECONDS)
    )
    try:
        patient(_is_ready, url, process)
        failed = process.poll() is not None
    except RetryError:
        failed = True
    if failed:
        last = " / ".join(log.read_text(errors="replace").strip().splitlines()[-5:])
        raise CrmPipelineError(f"The API did not come up: {last}")


def _is_ready(url: str, process: subprocess.Popen[bytes]) -> bool:
    """Return whether waiting is over: it answers, or has ended."""
    if process.poll() is not None:
        return True
    try:
        return requests.get(f"{url}/api/health", timeout=5).ok
    except (requests.ConnectionError, requests.Timeout):  # it does not listen yet, or is busy
        return False


def let_people_in(parts: Pipeline, api: Api) -> None:
    """Add an admin, an operator, and an agent who is the one responsible for the latest deals and sees only its own."""
    for name in ("admin", "operator"):
        add_user(parts, name, api.password, name, "all", ())
    deals = api.ask("admin", "/api/deals", sort="-updated_at", limit=LATEST_DEALS)["items"]
    owner = next((deal["owner_id"] for deal in deals if deal["owner_id"]), None)
    add_user(parts, "agent", api.password, "agent", "own" if owner else "all", [owner] if owner else ())


def tell(api: Api, since: datetime, say: Callable[[str], None]) -> None:
    """Log in and ask what changed, as an app would, and say what came and how to do the same."""
    said = api.ask("agent", "/api/sync/incremental", since=since.isoformat())
    more = " and more" if said["has_more"] else ""
    say(f"\nAPI          [bold]{api.url}/api/docs[/bold]  log in as admin, operator or agent, password {api.password}")
    say(f"             It told the agent {len(said['changes']):,}{more} changes to its own records and what belongs to them.")
