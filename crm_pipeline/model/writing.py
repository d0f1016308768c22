"""What travels between draining and a connector: one write, and what became of it.

Everything here is in the words of `source.*`: external ids, not golden ones. Translating is done before; how a CRM spells it is
the connector's business.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from crm_pipeline.model.records import RawRecord

CREATE, UPDATE, COMPLETE, REOPEN, LINK, UNLINK = "create", "update", "complete", "reopen", "link", "unlink"
OPERATIONS = (CREATE, UPDATE, COMPLETE, REOPEN, LINK, UNLINK)

POINT_SETS = {"phones": "phone", "emails": "email", "webs": "web"}
"""Field that holds a whole list of contact points → their kind in `source.contact_points`."""

ORIGINATOR = "crm_pipeline"
"""Who made a record, in a CRM that keeps it (Bitrix24 ORIGINATOR_ID); the id beside it is the golden id."""


@dataclass(frozen=True, slots=True)
class LinkTo:
    """A link to another record of the same connection."""

    entity: str
    """contacts, companies or products."""
    external_id: str
    is_main: bool = False
    quantity: Any = None
    """Decimal, of products."""
    price: Any = None
    """Decimal, of products; None: the product's own."""
    name: str | None = None
    """Product name, for CRMs that keep it in the row."""
    golden_id: str | None = field(default=None, compare=False)
    """What the other record stands for, to write down what was linked; no CRM is told."""


@dataclass(frozen=True, slots=True)
class Write:
    """One thing to do to one record."""

    key: str
    """What its outcome is told apart by."""
    operation: str
    entity: str
    external_id: str | None
    """None: create."""
    values: Mapping[str, Any] = field(default_factory=dict)
    """Source column → value, as `express` returned it; None clears. `phones`, `emails`, `webs`, `tags` hold whole lists.
    Of complete and reopen also `result`: what a person wrote."""
    links: tuple[LinkTo, ...] = ()
    """link, unlink: these; create: what the new record is linked with."""
    current: RawRecord | None = None
    """The record as read a moment ago; None for create."""
    marker: str = ""
    """Golden id, by which a record we made is found again."""
    sent_at: datetime | None = None
    """When an earlier attempt was sent whose outcome is not known; None: there was none."""
    taken: frozenset[str] = frozenset()
    """Of a create that is looked up: records that other creates of ours are known to have made, however alike they are."""


APPLIED, REFUSED, UNKNOWN, LATER = "applied", "refused", "unknown", "later"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one write."""

    key: str
    status: str
    """applied: the CRM confirmed it; refused: for good, with its own words; unknown: the answer was lost, it may have been
    applied; later: not done now (rate, server error), and certainly not applied."""
    external_id: str | None = None
    """Of an applied create the new record."""
    updated_at: datetime | None = None
    """When the record now changed last, by the CRM's clock, where the answer tells."""
    code: str | None = None
    """One word: the vendor's code, or gone, lost, unavailable, rate."""
    detail: str | None = None
    """The vendor's words, redacted, for a person."""
    left_out: tuple[str, ...] = ()
    """Columns not written because the CRM's field for them does not exist (any more)."""


@dataclass(frozen=True, slots=True)
class Writable:
    """What can be written of one entity of a CRM."""

    operations: frozenset[str]
    columns: frozenset[str]
    """Source columns and lists (`phones`, `emails`, `webs`, `tags`) that create and update take."""
    links: frozenset[str] = frozenset()
    """Entities that link and unlink (and create) take."""
    required: tuple[str, ...] = ()
    """Columns without which a create is refused."""
