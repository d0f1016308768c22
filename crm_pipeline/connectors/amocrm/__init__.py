"""amoCRM (and Kommo, its international face): the connector. What each file knows is in README.md beside it."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from crm_pipeline.connectors import (
    Account,
    Link,
    MappingContext,
    Meter,
    Notice,
    Outcome,
    Page,
    RawRecord,
    Registration,
    Removal,
    Secrets,
    SourceRecord,
    Stream,
    WalkRequest,
    Writable,
    Write,
)
from crm_pipeline.connectors.amocrm import (
    auth,
    checking,
    client,
    disconnecting,
    expressing,
    finding,
    mapping,
    marker,
    routes,
    walks,
    webhooks,
    writing,
)
from crm_pipeline.connectors.amocrm.streams import STREAMS
from crm_pipeline.http import Session
from crm_pipeline.model.records import Payload


class AmoCrm:
    """The connector of amoCRM accounts. Stateless."""

    crm = "amocrm"
    title = "amoCRM"
    streams: tuple[Stream, ...] = STREAMS
    vendor_hosts: tuple[str, ...] = (".amocrm.ru", ".amocrm.com", ".kommo.com")
    writable: Mapping[str, Writable] = routes.WRITABLE
    settle_seconds = 180.0
    removal_has_address = True
    """Gateways give up after a minute or less and the servers behind them soon after; lists then lag for a while."""

    def meter(self, base_url: str, secrets: Secrets) -> Meter:
        """Return the integration's meter: 7 requests a second (facts: amocrm 6)."""
        return client.meter(secrets)

    def check(self, link: Link) -> Account:
        """Ask the account who and what it is."""
        return checking.check(link)

    def walk(self, link: Link, stream: Stream, request: WalkRequest) -> Iterator[Page]:
        """Yield the pages of a stream."""
        return walks.walk_stream(link, stream, request)

    def normalize(self, raw: RawRecord, context: MappingContext) -> list[SourceRecord]:
        """Map one live payload."""
        return mapping.normalize(raw, context)

    def authorization_url(self, settings: Mapping[str, str], state: str) -> str:
        """Return the address a person gives consent at."""
        return auth.authorization_url(settings, state)

    def express(self, entity: str, values: Mapping[str, Any], context: MappingContext) -> dict[str, Any]:
        """Return what the account would hold after these values were written."""
        return expressing.express(entity, values, context)

    def prepare(self, link: Link) -> Payload:
        """Provide the marker field and return what writing has to know of the account."""
        return marker.prepare(link)

    def find(self, link: Link, creates: Sequence[Write], context: MappingContext) -> dict[str, str]:
        """Find creates that were applied although nobody heard so."""
        return finding.find(link, creates, context)

    def write(self, link: Link, writes: Sequence[Write], context: MappingContext, lane: str) -> Iterator[Outcome]:
        """Write in bulk, an outcome each."""
        return writing.write(link, writes, context, lane)

    def exchange_code(self, http: Session, base_url: str, secrets: Secrets, code: str, now: datetime) -> Secrets:
        """Exchange an authorization code for the first pair of tokens."""
        return auth.exchange_code(http, base_url, secrets, code, now)

    def read_delivery(self, body: bytes, stable_id: str | None, secrets: Secrets) -> Notice:
        """Read one webhook."""
        return webhooks.read(body, stable_id)

    def read_removal(self, query: Mapping[str, str], body: bytes) -> Removal:
        """Read a disconnect hook."""
        return disconnecting.read(query)

    def is_genuine(self, told: Removal, secrets: Secrets) -> bool:
        """Return whether a disconnect hook is signed with the integration's secret."""
        return disconnecting.is_genuine(told, secrets)

    def register(self, link: Link, address: str) -> Registration:
        """Have changes delivered to an address."""
        return webhooks.register(link, address)

    def unregister(self, link: Link, address: str) -> None:
        """Have nothing delivered there any more."""
        webhooks.unregister(link, address)


CONNECTOR = AmoCrm()
