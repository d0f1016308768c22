"""Bitrix24, through an incoming webhook or an OAuth application. Exports `CONNECTOR`; see the README beside this file."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from crm_pipeline.connectors import Installation, Link, Notice, Registration, Removal, Secrets, Stream
from crm_pipeline.connectors.bitrix24 import auth, check, expressing, finding, installing, payloads, webhooks, writing
from crm_pipeline.connectors.bitrix24.client import Client
from crm_pipeline.connectors.bitrix24.faces import faces_of
from crm_pipeline.connectors.bitrix24.mapping import normalize
from crm_pipeline.connectors.bitrix24.reference import walk_reference
from crm_pipeline.connectors.bitrix24.single import walk_records
from crm_pipeline.connectors.bitrix24.spelling import Desk
from crm_pipeline.connectors.bitrix24.walks import parts_of, walk_comments, walk_parts
from crm_pipeline.connectors.bitrix24.writable import SETTLE_SECONDS, WRITABLE
from crm_pipeline.http import Meter, Session
from crm_pipeline.model.cleaning import text
from crm_pipeline.model.entities import HISTORY
from crm_pipeline.model.records import Account, MappingContext, Page, Payload, RawRecord, SourceRecord, WalkRequest
from crm_pipeline.model.writing import Outcome, Write


class Bitrix24:
    """The connector. Stateless."""

    crm = "bitrix24"
    title = "Bitrix24"
    vendor_hosts = payloads.VENDOR_HOSTS
    streams = (
        Stream("users", "users", ("users",), complete=True, windowed=False, auxiliary=True),
        Stream("pipelines", "pipelines", ("pipelines",), complete=True, windowed=False),
        Stream("stages", "stages", ("stages",), complete=True, windowed=False),
        Stream("custom_fields", "custom_fields", ("custom_fields",), complete=True, windowed=False, auxiliary=True),
        Stream("companies", "companies", ("companies",)),
        Stream("contacts", "contacts", ("contacts",)),
        Stream("products", "products", ("products",), auxiliary=True),
        Stream("deals", "deals", ("deals",)),
        Stream("stage_history", "deals", (HISTORY,), auxiliary=True),
        Stream("tasks", "tasks", ("tasks",)),
        Stream("activities", "communications", ("communications",)),
        Stream("comments", "communications", ("communications",), auxiliary=True),
    )

    def meter(self, base_url: str, secrets: Secrets) -> Meter:
        """Return the meter: the vendor counts per portal and source address, whoever asks (facts: bitrix24 7)."""
        return Meter(f"bitrix24:{auth.host_of(base_url, secrets)}", payloads.REQUEST_INTERVAL, payloads.REQUEST_BURST)

    def check(self, link: Link) -> Account:
        """Ask the portal who and what this is."""
        return check.check(link)

    def walk(self, link: Link, stream: Stream, request: WalkRequest) -> Iterator[Page]:
        """Yield the pages of a stream. A stream whose scope is not granted has no pages (the account check warns)."""
        scopes = link.facts.get("scopes")
        needed = payloads.STREAM_SCOPES.get(stream.name)
        if scopes and needed and not set(needed) & set(scopes):
            return
        client = Client(link)
        if stream.complete:
            yield from walk_reference(link, client, stream.name, request)
            return
        faces = faces_of(client, link.facts)
        if request.mode == "record":
            yield from walk_records(link, client, faces, stream, request)
            return
        walk = walk_comments if stream.name == "comments" and request.mode in ("incremental", "window") else walk_parts
        yield from walk(link, client, faces, parts_of(stream, faces, request), request)

    def normalize(self, raw: RawRecord, context: MappingContext) -> list[SourceRecord]:
        """Map one live payload."""
        return normalize(raw, context)

    writable = WRITABLE
    settle_seconds = SETTLE_SECONDS
    removal_has_address = False

    def express(self, entity: str, values: Mapping[str, Any], context: MappingContext) -> dict[str, Any]:
        """Return what the portal would hold after `values` were written."""
        return expressing.express(entity, values, context)

    def prepare(self, link: Link) -> Payload:
        """Have nothing to provide: the vendor has fields for a marker (facts: bitrix24 6)."""
        return {}

    def find(self, link: Link, creates: Sequence[Write], context: MappingContext) -> dict[str, str]:
        """Return key → external id of those creates that are in the portal already."""
        return finding.find(_desk(link, context), creates)

    def write(self, link: Link, writes: Sequence[Write], context: MappingContext, lane: str) -> Iterator[Outcome]:
        """Do it in batches of fifty commands, and yield an outcome per write."""
        yield from writing.write(_desk(link, context, lane), writes)

    def authorization_url(self, settings: Mapping[str, str], state: str) -> str:
        """Return the address a person gives consent at."""
        return auth.authorization_url(settings, state)

    def exchange_code(self, http: Session, base_url: str, secrets: Secrets, code: str, now: datetime) -> Secrets:
        """Exchange an authorization code for the first pair of tokens."""
        return auth.exchange_code(http, secrets, code, now)

    def read_delivery(self, body: bytes, stable_id: str | None, secrets: Secrets) -> Notice:
        """Read one webhook."""
        return webhooks.read(body, secrets)

    def read_installation(self, query: Mapping[str, str], body: bytes) -> Installation:
        """Read what a portal posts when the application was installed."""
        return installing.read_installation(query, body)

    def redeem(self, http: Session, secrets: Secrets, now: datetime) -> Secrets:
        """Renew the tokens an installation brought."""
        return auth.refresher(http, now.timestamp)(secrets)

    def read_removal(self, query: Mapping[str, str], body: bytes) -> Removal:
        """Read what a portal posts when the application was removed."""
        return installing.read_removal(body)

    def is_genuine(self, told: Removal, secrets: Secrets) -> bool:
        """Return whether a removal carries the connection's application token."""
        return installing.is_genuine(told, secrets)

    def register(self, link: Link, address: str) -> Registration:
        """Have changes delivered to an address."""
        return webhooks.register(link, address)

    def unregister(self, link: Link, address: str) -> None:
        """Have nothing delivered there any more."""
        webhooks.unregister(link, address)


def _desk(link: Link, context: MappingContext, lane: str = "bulk") -> Desk:
    client = Client(link, lane=lane)
    return Desk(client, faces_of(client, link.facts), context, text(link.facts.get("user_id")))


CONNECTOR = Bitrix24()

__all__ = ["CONNECTOR", "Bitrix24"]
