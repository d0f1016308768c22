"""A running stand-in and a link to it, for the tests of this room. No assertions here."""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from crm_pipeline.connectors import Link, Secrets, Stream
from crm_pipeline.connectors.bitrix24 import CONNECTOR
from crm_pipeline.http import HostPolicy, LocalBudget, Meter, Patience, Redactor, Session
from crm_pipeline.http.transport import READ_SECONDS, Transport
from crm_pipeline.model.records import Account, MappingContext, Page, RawRecord, SourceRecord, WalkRequest
from crm_pipeline.sandbox.bitrix24 import BitrixSandbox
from crm_pipeline.sandbox.serving import Options

STREAMS: dict[str, Stream] = {stream.name: stream for stream in CONNECTOR.streams}
QUICK = Patience(attempts=4, first=0.01, first_pause=0.01, longest=0.05, limit=5.0)
EVERYTHING = WalkRequest("initial")


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
class Portal:
    """One stand-in and what a test wants of it."""

    sandbox: BitrixSandbox
    vault: Safe
    link: Link
    account: Account | None = None
    kept: dict[str, Any] = field(default_factory=dict)

    def pages(self, stream: str, request: WalkRequest = EVERYTHING, link: Link | None = None) -> list[Page]:
        return list(CONNECTOR.walk(link or self.link, STREAMS[stream], request))

    def records(self, stream: str, request: WalkRequest = EVERYTHING, link: Link | None = None) -> list[RawRecord]:
        return [record for page in self.pages(stream, request, link) for record in page.records]

    def ids(self, stream: str, request: WalkRequest = EVERYTHING, link: Link | None = None) -> list[str]:
        return [record.external_id for record in self.records(stream, request, link)]

    def held(self, kind: str) -> set[str]:
        """Return the ids of the live rows the stand-in holds."""
        return {str(number) for number, _ in self.sandbox.store.select(kind)}

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.sandbox.clock.now(), UTC)

    def edit(self, **edit: Any) -> int | None:
        return self.sandbox.apply_edit(edit)

    def fault(self, fault: str, *, call: str | None = None, path: str | None = None, **more: Any) -> None:
        match = {key: value for key, value in (("call", call), ("path", path)) if value}
        self.sandbox.faults.add({"fault": fault, "match": match, **more})

    def requests(self) -> int:
        return self.link.http.requests_made

    def checked(self) -> "Portal":
        """Check the account and go on with its facts, as wiring does."""
        self.account = CONNECTOR.check(self.link)
        self.link = open_link(self.sandbox, self.vault, self.account.facts)
        return self

    def link_with(self, **facts: Any) -> Link:
        """Return a link that knows other facts than the account check found."""
        return open_link(self.sandbox, self.vault, {**self.link.facts, **facts})

    def context(self) -> MappingContext:
        """Return what normalizing needs, with the custom fields' definitions read."""
        assert self.account
        plain = MappingContext(1, self.account.timezone, self.account.currency, facts=self.account.facts)
        rows = [normal for raw in self.records("custom_fields") for normal in CONNECTOR.normalize(raw, plain)]
        fields = {f"{row.values['entity']}:{row.values['field_key']}": row.values for row in rows}
        return MappingContext(1, self.account.timezone, self.account.currency, fields=fields, facts=self.account.facts)

    def writing_context(self) -> MappingContext:
        """Return the same with the stages' categories, as draining has it."""
        plain = self.context()
        rows = [normal for raw in self.records("stages") for normal in CONNECTOR.normalize(raw, plain)]
        return replace(plain, stages={row.external_id: row.values["category"] for row in rows})

    def normal(self, stream: str, context: MappingContext, link: Link | None = None) -> dict[str, SourceRecord]:
        rows = [normal for raw in self.records(stream, link=link) for normal in CONNECTOR.normalize(raw, context)]
        return {row.external_id: row for row in rows}


def open_link(
    sandbox: BitrixSandbox,
    vault: Safe,
    facts: Mapping[str, Any] | None = None,
    *,
    base_url: str = "",
    attempts: int = QUICK.attempts,
    read_seconds: float = READ_SECONDS,
) -> Link:
    """Return a link as wiring would make it, with little patience and no rate of its own."""
    hosts = HostPolicy(CONNECTOR.vendor_hosts, ("127.0.0.1", "localhost"))
    meter = Meter(CONNECTOR.meter(sandbox.url, vault.read()).key, 0.0001, 1_000)
    transport = Transport(hosts, Redactor(), read_seconds=read_seconds) if read_seconds != READ_SECONDS else None
    http = Session(hosts, meter, LocalBudget(), name="portal", patience=replace(QUICK, attempts=attempts), transport=transport)
    return Link(1, "portal", base_url or sandbox.url, http, vault, facts or {})


def webhook(sandbox: BitrixSandbox) -> Safe:
    """Return the secrets of an incoming webhook."""
    return Safe({"webhook_url": sandbox.credentials()["webhook_url"]})


def application(sandbox: BitrixSandbox) -> Safe:
    """Return the secrets of an installed OAuth application, code exchanged."""
    found = sandbox.credentials()
    secrets = {key: found[key] for key in ("client_id", "client_secret", "oauth_url")}
    link = open_link(sandbox, Safe(secrets))
    return Safe(CONNECTOR.exchange_code(link.http, sandbox.url, secrets, found["code"], datetime.now(UTC)))


@contextmanager
def portal(credential: Callable[[BitrixSandbox], Safe] = webhook, *, contacts: int = 120, **switches: Any) -> Iterator[Portal]:
    """Run a stand-in and open a link to it."""
    sandbox = BitrixSandbox(Options(contacts=contacts, switches=switches))
    with sandbox.running():
        vault = credential(sandbox)
        yield Portal(sandbox, vault, open_link(sandbox, vault))
