"""amoCRM (and Kommo, its international face): the connector. What each file knows is in README.md beside it."""

from collections.abc import Iterator, Mapping
from datetime import datetime

from crm_pipeline.connectors import (
    Account,
    Link,
    MappingContext,
    Meter,
    Page,
    RawRecord,
    Secrets,
    SourceRecord,
    Stream,
    WalkRequest,
)
from crm_pipeline.connectors.amocrm import auth, checking, client, mapping, walks
from crm_pipeline.connectors.amocrm.streams import STREAMS
from crm_pipeline.http import Session


class AmoCrm:
    """The connector of amoCRM accounts. Stateless."""

    crm = "amocrm"
    title = "amoCRM"
    streams: tuple[Stream, ...] = STREAMS
    vendor_hosts: tuple[str, ...] = (".amocrm.ru", ".amocrm.com", ".kommo.com")

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

    def exchange_code(self, http: Session, base_url: str, secrets: Secrets, code: str, now: datetime) -> Secrets:
        """Exchange an authorization code for the first pair of tokens."""
        return auth.exchange_code(http, base_url, secrets, code, now)


CONNECTOR = AmoCrm()
