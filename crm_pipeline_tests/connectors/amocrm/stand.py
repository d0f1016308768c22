"""A running amoCRM stand-in, a checked link to it, and the hands of a person working in it. No assertions here."""

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from crm_pipeline.connectors import Link, Secrets
from crm_pipeline.connectors.amocrm import CONNECTOR, AmoCrm
from crm_pipeline.http import HostPolicy, LocalBudget, Meter, Patience, Session
from crm_pipeline.sandbox.amocrm.server import AmoSandbox
from crm_pipeline.sandbox.serving import Options

QUICK = Patience(attempts=5, first=0.01, first_pause=0.01, longest=0.05, limit=5.0)
KINDS = {"lead_notes": "leads_notes", "contact_notes": "contacts_notes", "company_notes": "companies_notes"}
"""Stream → the stand-in's kind, where they differ."""
PATHS = {"lead_notes": "leads/notes", "contact_notes": "contacts/notes", "company_notes": "companies/notes"}
CHANGES: dict[str, dict[str, Any]] = {
    "leads": {"name": "Изменено"},
    "contacts": {"name": "Изменено"},
    "companies": {"name": "Изменено"},
    "tasks": {"text": "Изменено"},
    "lead_notes": {"note_type": "common", "params": {"text": "Изменено"}},
}


class Safe:
    """A vault in memory, with the promise of the real one: one renewal at a time, newer secrets win."""

    def __init__(self, secrets: Secrets):
        self.secrets = dict(secrets)
        self.renewals = 0
        self._lock = threading.Lock()

    def read(self) -> Secrets:
        return dict(self.secrets)

    def renew(self, stale: str, refresh: Callable[[Secrets], Secrets]) -> Secrets:
        with self._lock:
            if self.secrets.get("access_token") == stale:
                self.secrets = refresh(dict(self.secrets))
                self.renewals += 1
            return dict(self.secrets)


@dataclass
class AmoStand:
    """See `contract.Stand`."""

    sandbox: AmoSandbox
    vault: Safe
    link: Link
    connector: AmoCrm = CONNECTOR

    def held(self, stream: str) -> set[str]:
        return {str(number) for number, _ in self.sandbox.store.select(KINDS.get(stream, stream))}

    def edit(self, stream: str, external_id: str) -> None:
        self.do(*self.edits_of(stream, [external_id], []))

    def delete(self, stream: str, external_id: str) -> None:
        self.do(*self.edits_of(stream, [], [external_id]))

    def do(self, *edits: dict[str, Any]) -> list[int | None]:
        return self.sandbox.edit(list(edits))

    def edits_of(self, stream: str, edited: Iterable[str], deleted: Iterable[str]) -> list[dict[str, Any]]:
        kind = KINDS.get(stream, stream)
        changes = [{"kind": kind, "id": int(one), "set": self._change(stream, int(one))} for one in edited]
        return [*changes, *({"kind": kind, "id": int(one), "delete": True} for one in deleted)]

    def _change(self, stream: str, number: int) -> dict[str, Any]:
        row = self.sandbox.store.get(KINDS[stream], number) if stream in KINDS else None
        return {**CHANGES[stream], **({"entity_id": row["entity_id"]} if row else {})}

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.sandbox.clock.now(), UTC)

    def advance(self, seconds: float) -> None:
        self.sandbox.clock.advance(seconds)

    def freeze(self) -> None:
        self.sandbox.clock.freeze()

    def fault(self, stream: str, **rule: Any) -> None:
        self.sandbox.faults.add({"match": {"call": f"GET /api/v4/{PATHS.get(stream, stream)}"}, **rule})

    def fired(self) -> int:
        return sum(rule["fired"] for rule in self.sandbox.faults.rules())

    def token_fault(self, **rule: Any) -> None:
        self.sandbox.faults.add({"match": {"call": "POST /oauth2/access_token"}, **rule})

    def secrets(self) -> list[str]:
        return [str(self.vault.secrets[key]) for key in ("client_secret", "access_token", "refresh_token")]

    def expire_token(self) -> None:
        self.sandbox.clock.advance(25 * 3_600)


def open_link(sandbox: AmoSandbox, vault: Safe, **more: Any) -> Link:
    """Return a link as wiring would make it, with little patience and no rate of its own."""
    hosts = HostPolicy(CONNECTOR.vendor_hosts, ("127.0.0.1",))
    http = Session(hosts, Meter(CONNECTOR.meter(sandbox.url, vault.read()).key, 0.0), LocalBudget(), name="acme", patience=QUICK)
    return Link(1, "acme", sandbox.url, http, vault, **more)


def application(sandbox: AmoSandbox) -> Safe:
    """Return the secrets of an authorised integration, code exchanged."""
    found = sandbox.credentials()
    secrets = {key: found[key] for key in ("client_id", "client_secret", "redirect_uri")}
    http = open_link(sandbox, Safe(secrets)).http
    return Safe(CONNECTOR.exchange_code(http, sandbox.url, secrets, found["code"], datetime.now(UTC)))


@contextmanager
def amo_stand(contacts: int = 300, **switches: Any) -> Iterator[AmoStand]:
    """Run a stand-in and open a checked link to it."""
    with AmoSandbox(Options(contacts=contacts, switches=switches)).running() as sandbox:
        vault = application(sandbox)
        link = open_link(sandbox, vault)
        account = CONNECTOR.check(link)
        yield AmoStand(sandbox, vault, replace(link, facts={**account.facts, "stable_id": account.stable_id}))
