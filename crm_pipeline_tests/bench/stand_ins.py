"""Sandbox processes: started, waited for, asked for their journal, stopped. Only processes started here are ended."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

import requests

START_SECONDS = 900
STOP_SECONDS = 20


def now() -> datetime:
    """Return the time."""
    return datetime.now(UTC)


class StandIn:
    """One sandbox process. It is filled in the background; who asks for anything waits until it is ready."""

    def __init__(self, crm: str, contacts: int, *, limits: str = "off", latency_ms: int = 0):
        self.crm = crm
        self.contacts = contacts
        words = ["--crm", crm, "--contacts", str(contacts), "--seed", "1", "--limits", limits, "--latency-ms", str(latency_ms)]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "crm_pipeline", "sandbox", *words], stdout=subprocess.PIPE, text=True, start_new_session=True
        )

    @cached_property
    def said(self) -> dict[str, Any]:
        """Return what it said when it was ready."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"The stand-in of {self.crm} did not start.")
        found: dict[str, Any] = json.loads(line)
        return found

    @property
    def url(self) -> str:
        """Return its address."""
        return str(self.said["url"])

    @property
    def counts(self) -> dict[str, int]:
        """Return what it was filled with, by its own kinds."""
        return dict(self.said["counts"])

    @property
    def secrets(self) -> dict[str, Any]:
        """Return what a connection needs: a long-lived token, or an incoming webhook."""
        given = self.said["credentials"]
        return {"access_token": given["long_lived_token"]} if self.crm == "amocrm" else {"webhook_url": given["webhook_url"]}

    def forget(self) -> None:
        """Empty the journal."""
        requests.delete(f"{self.url}/_sandbox/journal", timeout=60).raise_for_status()

    def summary(self) -> dict[str, Any]:
        """Return the journal's summary."""
        found: dict[str, Any] = requests.get(f"{self.url}/_sandbox/journal/summary", timeout=60).json()
        return found

    def limit(self, limits: str, latency_ms: int) -> None:
        """Go on with other limits and another latency."""
        requests.post(
            f"{self.url}/_sandbox/limits", json={"limits": limits, "latency_ms": latency_ms}, timeout=60
        ).raise_for_status()

    def entries(self, since: int = 0) -> list[dict[str, Any]]:
        """Return the journal's entries."""
        found: list[dict[str, Any]] = requests.get(f"{self.url}/_sandbox/journal?since={since}", timeout=300).json()["entries"]
        return found

    def rest(self) -> None:
        """Let an hour pass on its clock, so that every meter is as at the beginning."""
        requests.post(f"{self.url}/_sandbox/clock", json={"advance": 3600}, timeout=60).raise_for_status()

    def work(self, edits: int, seed: int) -> None:
        """Let people edit so many records."""
        requests.post(f"{self.url}/_sandbox/work", json={"edits": edits, "seed": seed}, timeout=300).raise_for_status()

    def stop(self) -> None:
        """End the process, if it still runs."""
        self._process.terminate()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


@contextmanager
def standing(*stands: StandIn) -> Iterator[None]:
    """Stop these in the end."""
    try:
        yield
    finally:
        for stand in stands:
            stand.stop()
