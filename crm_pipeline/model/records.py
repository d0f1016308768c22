"""What travels between a connector and the tables: raw records, pages of them, and source records."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

Payload = dict[str, Any]


@dataclass(frozen=True, slots=True)
class RawRecord:
    """A payload as the CRM sent it. `kind` is an entity name or `stage_changes`."""

    kind: str
    external_id: str
    payload: Payload | None
    """None only for a tombstone (`deleted`)."""
    remote_created_at: datetime | None = None
    remote_updated_at: datetime | None = None
    deleted: bool = False


@dataclass(frozen=True, slots=True)
class Page:
    """One answer of a walk, landed in one transaction together with `resume`."""

    records: tuple[RawRecord, ...]
    resume: Payload | None
    """JSON state from which the walk goes on after this page is landed (None: nothing remains)."""
    started_at: datetime | None = None
    """The CRM's own clock when this walk began: the next watermark. The same on every page of one walk."""
    requests: int = 0
    """HTTP requests spent since the page before."""
    warnings: tuple[str, ...] = ()
    """What this walk leaves out because the account does not offer or allow it, so far."""


@dataclass(frozen=True, slots=True)
class WalkRequest:
    """What to read of one stream."""

    mode: str
    """initial, incremental, window, record or verify."""
    since: datetime | None = None
    """incremental: the watermark (the connector subtracts its own overlap); window: start, inclusive."""
    until: datetime | None = None
    """window: end, exclusive."""
    ids: tuple[str, ...] = ()
    """record: external ids to re-read; one that is gone comes back as a tombstone."""
    resume: Payload | None = None
    """State of an interrupted walk of the same mode, as its last landed page left it."""


@dataclass(frozen=True, slots=True)
class SourceRecord:
    """One normalized record: values for `entities.COLUMNS[entity]` plus custom fields and children."""

    entity: str
    external_id: str
    values: Mapping[str, Any]
    """Column → value. Empty text is None; money is Decimal; times are aware datetimes; tags a list of str."""
    remote_created_at: datetime | None = None
    remote_updated_at: datetime | None = None
    custom_fields: Mapping[str, Any] = field(default_factory=dict)
    """Field key → {"name", "type", "value", "enum"?}: value typed (label for enums, ISO text for dates, list if multiple)."""
    children: Mapping[str, tuple[Mapping[str, Any], ...]] = field(default_factory=dict)
    """Child table → rows, each with `Child.columns`. A table that is absent is left alone; an empty tuple clears it."""


@dataclass(frozen=True, slots=True)
class Account:
    """What the account check found; `facts` is kept (not secret) in `sync.connections.account`."""

    stable_id: str
    """amoCRM account id, Bitrix24 member_id (webhook: the portal's host)."""
    name: str
    base_url: str
    """May differ from what was asked: the portal or subdomain has moved."""
    timezone: str
    currency: str | None
    facts: Payload = field(default_factory=dict)
    """E.g. filter_enabled, is_admin, scopes, user_id."""
    warnings: tuple[str, ...] = ()
    """Sentences for a person: what will be missing and what to do."""


@dataclass(frozen=True, slots=True)
class MappingContext:
    """What normalizing needs to know of the connection beside the payload."""

    connection_id: int
    timezone: str = "Europe/Moscow"
    currency: str | None = None
    region: str = "RU"
    """Default region for phones."""
    fields: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """`"<entity>:<field_key>"` → {"name", "kind", "is_multiple", "options": {enum id: label}} from `source.custom_fields`."""
    stages: Mapping[str, str] = field(default_factory=dict)
    """Stage external id → category, from `source.stages`."""
    facts: Mapping[str, Any] = field(default_factory=dict)
    """`Account.facts`."""
