"""THE CRMS. The interface every child folder implements, and `discover()`, which finds them.

Words: a *stream* is one list of a CRM that belongs to an entity (leads and lead events both belong to `deals`). A *walk*
reads a stream page by page and never skips: it may repeat a record, it may not miss one. A child folder has the files
`__init__` (exports `CONNECTOR`), `client`, `auth`, `payloads`, `mapping`, `webhooks`, `walks` and a README; they never
import one another. Adding a CRM is adding a folder (or an entry point `crm_pipeline.connectors` in another package).
"""

import importlib
import pkgutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from importlib.metadata import entry_points
from typing import Any, Protocol, runtime_checkable

from crm_pipeline.errors import UsageError
from crm_pipeline.http import Meter, Session
from crm_pipeline.model.hints import Notice
from crm_pipeline.model.records import Account, MappingContext, Page, Payload, RawRecord, SourceRecord, WalkRequest
from crm_pipeline.model.writing import Outcome, Writable, Write

Secrets = dict[str, Any]
"""What is encrypted of a connection. OAuth: client_id, client_secret, redirect_uri, access_token, refresh_token, expires_at
(unix seconds). Long-lived token: access_token. Webhook: webhook_url. Plus what a CRM adds (application_token, oauth_url)."""


class Vault(Protocol):
    """Keeps one connection's secrets; wiring hands over one that is a locked row in Postgres."""

    def read(self) -> Secrets:
        """Return the current secrets."""

    def renew(self, stale: str, refresh: Callable[[Secrets], Secrets]) -> Secrets:
        """Return secrets newer than the access token `stale`.

        Takes the row lock, re-reads; when another process has renewed meanwhile, returns that. Otherwise calls
        `refresh(current)` once and COMMITS its answer before returning it. Errors of `refresh` leave the row as it was.
        """


@dataclass(frozen=True, slots=True)
class Stream:
    """One list of a CRM."""

    name: str
    entity: str
    kinds: tuple[str, ...]
    """Raw kinds its pages may hold."""
    complete: bool = False
    """Every walk of it reads everything: what a finished walk has not seen is gone."""
    windowed: bool = True
    """Knows when a record changed, so that `window` mode makes sense."""
    auxiliary: bool = False
    """Only adds to the entity, and not every account offers or allows it: refused, it is left out with a warning."""
    small_pages: bool = False
    """Its pages are small beside what a transaction costs: those that wait are landed together."""


@dataclass(frozen=True)
class Link:
    """An open connection to one account: what a connector needs to talk to it."""

    connection_id: int
    name: str
    base_url: str
    http: Session
    vault: Vault
    facts: Mapping[str, Any] = field(default_factory=dict)
    """`Account.facts` of the last check plus timezone, currency, stable_id."""
    in_flight: int = 6
    """At most so many requests of a walk at once: seven a second that take 0.7 seconds each (facts: amocrm 3.1), and one more."""


class Connector(Protocol):
    """One CRM. Stateless: everything about an account comes in with a `Link`."""

    crm: str
    """Folder name: amocrm, bitrix24."""
    title: str
    """As its vendor spells it."""
    streams: tuple[Stream, ...]
    """In load order."""
    vendor_hosts: tuple[str, ...]
    """Host suffixes that are the vendor's own, such as `.amocrm.ru`."""

    def meter(self, base_url: str, secrets: Secrets) -> Meter:
        """Return the meter all requests of this connection are counted on."""

    def check(self, link: Link) -> Account:
        """Ask the CRM who and what this is. Raises ConnectionStopped kinds with what to do."""

    def walk(self, link: Link, stream: Stream, request: WalkRequest) -> Iterator[Page]:
        """Yield the pages of a stream; bounded memory; several requests in flight. Raises TryLater, ConnectionStopped."""

    def normalize(self, raw: RawRecord, context: MappingContext) -> list[SourceRecord]:
        """Map one live payload. Pure. Raises Unreadable with the field and the reason."""

    def authorization_url(self, settings: Mapping[str, str], state: str) -> str:
        """Return the address a person gives consent at. `settings`: client_id, base_url."""

    # Writing; a CRM that is only read has an empty `writable`. ----------------------------------------------------------

    writable: Mapping[str, Writable]
    """Entity → what can be written of it."""
    settle_seconds: float
    """After so long a request whose answer was lost is not applied any more."""

    def express(self, entity: str, values: Mapping[str, Any], context: MappingContext) -> dict[str, Any]:
        """Return what this CRM would hold after `values` (source columns and lists) were written: rounded, cut, composed as it
        does; columns it cannot hold are left out. Pure; expressing twice changes nothing."""

    def prepare(self, link: Link) -> Payload:
        """Make ready for writing, once a connection becomes two-way: provide the field our marker is kept in where the CRM
        needs one. Returns facts to keep. Doing it again does no harm. A token that may not is no error: writing does without."""

    def find(self, link: Link, creates: Sequence[Write], context: MappingContext) -> dict[str, str]:
        """Return key → external id of those creates that are in the CRM already: by our marker, else by what they would hold
        among the records made since `sent_at`. Raises TryLater, ConnectionStopped."""

    def write(self, link: Link, writes: Sequence[Write], context: MappingContext, lane: str) -> Iterator[Outcome]:
        """Do it in the CRM's bulk calls, and yield an outcome per write as answers come; the order of `writes` is kept.

        One that fails fails alone: a refused batch is split. Nothing that may have been applied is sent again. Writes not
        yielded when TryLater or ConnectionStopped is raised were not sent.
        """

    def exchange_code(self, http: Session, base_url: str, secrets: Secrets, code: str, now: datetime) -> Secrets:
        """Exchange an authorization code for the first pair of tokens. Raises ConsentNeeded when it is no good."""


@dataclass(frozen=True, slots=True)
class Registration:
    """Whether a CRM delivers to an address. `state`: registered, refused; `detail`: what a person should know about it."""

    state: str
    detail: str | None = None


@dataclass(frozen=True, slots=True)
class Removal:
    """What a CRM sends when somebody took the application away: of which account, why, and what proves it."""

    stable_id: str
    reason: str
    proof: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Installation:
    """What a CRM sends when somebody installed the application. `page`: a person is looking at the answer."""

    stable_id: str
    base_url: str
    secrets: Secrets = field(repr=False)
    page: bool = False


@runtime_checkable
class Removable(Protocol):
    """A CRM that says when its application was taken away; a connector may be one besides.

    removal_has_address: it says so to an address a person writes into the application's settings; else where webhooks go.
    """

    removal_has_address: bool

    def read_removal(self, query: Mapping[str, str], body: bytes) -> Removal:
        """Read what was sent. Raises AccessDenied when it is nothing of the kind."""

    def is_genuine(self, told: Removal, secrets: Secrets) -> bool:
        """Return whether it comes from who knows a connection's secrets."""


@runtime_checkable
class Installable(Protocol):
    """A CRM whose application brings its tokens along when it is installed; a connector may be one besides."""

    def read_installation(self, query: Mapping[str, str], body: bytes) -> Installation:
        """Read what was sent. Raises AccessDenied when it is nothing of the kind."""

    def redeem(self, http: Session, secrets: Secrets, now: datetime) -> Secrets:
        """Exchange what it brought for a pair of our own: only the application itself can, so it proves whose it is.

        Raises ConsentNeeded when it is no good.
        """


@runtime_checkable
class Hooked(Protocol):
    """A CRM that tells of changes by itself; a connector may be one besides."""

    def read_delivery(self, body: bytes, stable_id: str | None, secrets: Secrets) -> Notice:
        """Read one delivery; what cannot be read is left out. Raises AccessDenied when it is another account's."""

    def register(self, link: Link, address: str) -> Registration:
        """Have the CRM deliver to an address, and no more to former ones of this connection. Doing it again does no harm.

        What an account does not allow is told as refused. Raises TryLater, ConnectionStopped.
        """

    def unregister(self, link: Link, address: str) -> None:
        """Have the CRM deliver there no more. Raises RequestRefused, TryLater, ConnectionStopped."""


def is_former(handler: object, address: str) -> bool:
    """Return whether a handler the CRM knows is another address of the same connection: all but its secret end is the same."""
    door, _, _ = address.rpartition("/")
    return isinstance(handler, str) and handler != address and handler.rpartition("/")[0] == door


_FOUND: dict[str, Connector] = {}


def discover() -> dict[str, Connector]:
    """Return every connector: the child folders of this package, then installed entry points, by name."""
    if not _FOUND:
        children = (importlib.import_module(f"{__name__}.{m.name}") for m in pkgutil.iter_modules(__path__) if m.ispkg)
        others = (point.load() for point in entry_points(group="crm_pipeline.connectors"))
        for module in [*children, *others]:
            _FOUND[module.CONNECTOR.crm] = module.CONNECTOR
    return dict(sorted(_FOUND.items()))


def connector(crm: str) -> Connector:
    """Return one connector. Raises UsageError naming those there are."""
    found = discover()
    if crm not in found:
        raise UsageError(f"There is no connector for {crm!r}.", what_to_do=f"Known: {', '.join(found)}.")
    return found[crm]


__all__ = [
    "Account",
    "Connector",
    "Hooked",
    "Installable",
    "Installation",
    "Link",
    "MappingContext",
    "Meter",
    "Notice",
    "Outcome",
    "Page",
    "Payload",
    "RawRecord",
    "Registration",
    "Removable",
    "Removal",
    "Secrets",
    "SourceRecord",
    "Stream",
    "Vault",
    "WalkRequest",
    "Writable",
    "Write",
    "connector",
    "discover",
    "is_former",
]  # fmt: skip
