"""Dagster as a child of ours: `dagster dev` in a session of its own, on our database; launching runs and waiting for them.

For the demo, the CLI and tests. A deployment starts webserver, daemon and code server by itself, with the same environment.
"""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.error import URLError

from tenacity import RetryError, Retrying, retry_if_exception_type, retry_if_result, stop_after_delay, wait_fixed

from crm_pipeline.database.dagster_storage import dagster_environment
from crm_pipeline.errors import CrmPipelineError, UsageError
from crm_pipeline.settings import Settings

INSTANCE_FILE = Path(__file__).parent / "dagster.yaml"
MODULE = "crm_pipeline.definitions"
READY_SECONDS = 90
STOP_SECONDS = 20
NOTHING: Mapping[str, str] = {}
FINISHED = ("SUCCESS", "FAILURE", "CANCELED")

_LOADED = """query { workspaceOrError { __typename ... on Workspace {
    locationEntries { locationOrLoadError { __typename } } } } }"""
_LAUNCH = """mutation ($params: ExecutionParams!) { launchRun(executionParams: $params) { __typename
    ... on LaunchRunSuccess { run { runId } }
    ... on PythonError { message }
    ... on RunConfigValidationInvalid { errors { message } } } }"""
_STATUS = "query ($id: ID!) { runOrError(runId: $id) { __typename ... on Run { status } } }"


class NotReady(CrmPipelineError):
    """Dagster does not answer yet."""


@dataclass
class Dagster:
    """A running Dagster."""

    url: str
    process: subprocess.Popen[bytes] = field(repr=False)
    log: Path

    def launch(self, job: str, partition: str | None = None, config: Mapping[str, Any] | None = None) -> str:
        """Put a run into the queue and return its id. partition: a connection's name. Raises UsageError."""
        tags = [{"key": "dagster/partition", "value": partition}] if partition else []
        selector = {"repositoryLocationName": MODULE, "repositoryName": "__repository__", "jobName": job}
        params = {"selector": selector, "runConfigData": dict(config or {}), "executionMetadata": {"tags": tags}}
        answer = self.ask(_LAUNCH, params=params)["launchRun"]
        if answer["__typename"] != "LaunchRunSuccess":
            raise UsageError(
                f"The job {job} was not launched: {answer.get('message') or answer.get('errors') or answer['__typename']}."
            )
        return str(answer["run"]["runId"])

    def status(self, run_id: str) -> str:
        """Return the status of a run: QUEUED, STARTED, SUCCESS, FAILURE, …"""
        return str(self.ask(_STATUS, id=run_id)["runOrError"].get("status", "UNKNOWN"))

    def wait(self, run_id: str, seconds: float) -> str:
        """Return the status of a run once it has ended, or the one it has after so many seconds."""
        ended = Retrying(
            retry=retry_if_result(lambda status: status not in FINISHED), wait=wait_fixed(0.3), stop=stop_after_delay(seconds),
            retry_error_callback=lambda state: state.outcome.result() if state.outcome else "UNKNOWN",
        )  # fmt: skip
        return str(ended(self.status, run_id))

    def ask(self, query: str, **variables: object) -> dict[str, Any]:
        """Return the data of a GraphQL answer. Raises NotReady when there is none."""
        body = json.dumps({"query": query, "variables": variables}).encode()
        request = urllib.request.Request(f"{self.url}/graphql", body, {"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return dict(json.load(answer)["data"] or {})
        except (URLError, ConnectionError, TimeoutError, KeyError) as error:
            raise NotReady(f"Dagster at {self.url} does not answer ({type(error).__name__}).") from None

    def stop(self) -> None:
        """Stop Dagster with all its processes; runs under way are cut off and go on from their cursors next time."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):  # then it is ended with the others
            self.process.wait(STOP_SECONDS)
        self._end_all()

    def _end_all(self) -> None:
        """End what is left of Dagster's session: `dagster dev` may end before the servers and runs it started."""
        with suppress(ProcessLookupError):  # nothing is left
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


def start_dagster(settings: Settings, port: int = 0, variables: Mapping[str, str] = NOTHING) -> Dagster:
    """Start Dagster on 127.0.0.1 and return it once its UI and our definitions are loaded.

    port 0: a free one; variables: what else its environment should have.

    Raises NotReady with the end of its log when it does not come up.
    """
    home = dagster_home(settings)
    port = port or free_port()
    log = home / "dagster.log"
    command = [sys.executable, "-m", "dagster", "dev", "-m", MODULE, "-h", "127.0.0.1", "-p", str(port)]
    with log.open("ab") as output:
        process = subprocess.Popen(
            command,
            env={**environment(settings), **variables},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    started = Dagster(f"http://127.0.0.1:{port}", process, log)
    try:
        _when_ready(started)
    except BaseException:
        started.stop()
        raise
    return started


def dagster_home(settings: Settings) -> Path:
    """Return DAGSTER_HOME below CRM_HOME, made and with the project's `dagster.yaml` in it."""
    home = settings.home.expanduser().resolve() / "dagster"
    home.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(INSTANCE_FILE, home / "dagster.yaml")
    return home


def environment(settings: Settings) -> dict[str, str]:
    """Return the environment of Dagster's processes: ours, handed on, with these settings and where its storage is."""
    return {**handed_on(settings), "DAGSTER_HOME": str(dagster_home(settings)), **dagster_environment(settings)}


def handed_on(settings: Settings) -> dict[str, str]:
    """Return our environment with these settings. What nobody set stays unset, and what was unset is so, whatever is around."""
    own = {f"CRM_{name.upper()}": _spelled(getattr(settings, name)) for name in settings.model_fields_set}
    return {**os.environ, **own, "CRM_HOME": str(settings.home.expanduser().resolve())}


def _spelled(value: object) -> str:
    if value is None:
        return ""  # read as unset, and stronger than a line of `.env`
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _when_ready(started: Dagster) -> None:
    patient = Retrying(
        retry=retry_if_exception_type(NotReady), wait=wait_fixed(0.2), stop=stop_after_delay(READY_SECONDS)
    )  # fmt: skip
    try:
        patient(_require_ready, started)
    except RetryError:
        last = " / ".join(started.log.read_text(errors="replace").strip().splitlines()[-5:])
        raise NotReady(f"Dagster did not come up: {last}") from None


def _require_ready(started: Dagster) -> None:
    if started.process.poll() is not None:
        raise RetryError(None)  # type: ignore[arg-type]  # it has ended: waiting is of no use
    entries = started.ask(_LOADED)["workspaceOrError"].get("locationEntries", [])
    if [(entry["locationOrLoadError"] or {}).get("__typename") for entry in entries] != ["RepositoryLocation"]:
        raise NotReady


def free_port() -> int:
    """Return a port of 127.0.0.1 that nobody listens on at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
