"""The demo's stand-ins: sandbox processes started, waited for, worked in, and stopped. Only processes started here are ended."""

import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import requests

from crm_pipeline.errors import CrmPipelineError

STOP_SECONDS = 10
OAUTH = ("client_id", "client_secret", "redirect_uri", "oauth_url")


@dataclass(frozen=True, slots=True)
class Plan:
    """One account of the demo: which CRM, which part of the data, how it is connected."""

    name: str
    crm: str
    account: str
    share: tuple[float, float]
    way: str
    """oauth, token or webhook."""


PLANS = (
    Plan("sales-msk", "amocrm", "msk", (0.0, 0.45), "oauth"),
    Plan("sales-spb", "amocrm", "spb", (0.35, 0.7), "token"),
    Plan("portal", "bitrix24", "portal", (0.65, 1.0), "oauth"),
)
"""Overlapping shares: one company, several accounts, some customers in two of them."""


@dataclass(frozen=True, slots=True)
class Stand:
    """A running stand-in."""

    plan: Plan
    process: subprocess.Popen[str]
    url: str
    counts: dict[str, int]
    credentials: dict[str, Any]

    def grant(self) -> tuple[dict[str, Any], str | None]:
        """Return what a person would copy from the CRM's settings page, and an authorization code where the way is OAuth."""
        given = self.credentials
        if self.plan.way == "token":
            return {"access_token": given["long_lived_token"]}, None
        if self.plan.way == "webhook":
            return {"webhook_url": given["webhook_url"]}, None
        fresh = requests.get(f"{self.url}/_sandbox/credentials", timeout=30).json()
        return {key: fresh[key] for key in OAUTH if key in fresh}, fresh["code"]

    def work(self, edits: int, seed: int) -> None:
        """Let people edit records in this CRM."""
        requests.post(f"{self.url}/_sandbox/work", json={"edits": edits, "seed": seed}, timeout=30).raise_for_status()

    def journal(self) -> dict[str, Any]:
        """Return the summary of what was asked of it, limit violations included."""
        summary: dict[str, Any] = requests.get(f"{self.url}/_sandbox/journal/summary", timeout=30).json()
        return summary


@contextmanager
def standing(plans: Sequence[Plan], *, data: Path | None, contacts: int, latency_ms: int, seed: int = 1) -> Iterator[list[Stand]]:
    """Start a stand-in for each plan, all at once, and stop them in the end. Raises CrmPipelineError when one does not start."""
    started: list[tuple[Plan, subprocess.Popen[str]]] = []
    try:
        for plan in plans:
            started.append((plan, _start(plan, data, contacts, latency_ms, seed)))
        yield [_ready(plan, process) for plan, process in started]
    finally:
        for _, process in started:
            stop(process)


def _start(plan: Plan, data: Path | None, contacts: int, latency_ms: int, seed: int) -> subprocess.Popen[str]:
    filling = ["--data", str(data)] if data else ["--contacts", str(contacts), "--seed", str(seed)]
    low, high = plan.share
    words = [
        "sandbox",
        "--crm",
        plan.crm,
        "--account",
        plan.account,
        "--share",
        f"{low}:{high}",
        "--limits",
        "real",
        "--latency-ms",
        str(latency_ms),
    ]
    return subprocess.Popen(
        [sys.executable, "-m", "crm_pipeline", *words, *filling], stdout=subprocess.PIPE, text=True, start_new_session=True
    )


def _ready(plan: Plan, process: subprocess.Popen[str]) -> Stand:
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        raise CrmPipelineError(f"The stand-in of {plan.crm} did not start.", what_to_do="Its words are above.")
    said = orjson.loads(line)
    return Stand(plan, process, said["url"], said["counts"], said["credentials"])


def stop(process: subprocess.Popen[Any], seconds: float = STOP_SECONDS) -> None:
    """End a process, by force when it has not ended after so many seconds."""
    process.terminate()
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
