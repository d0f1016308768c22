"""What to do with records that arrive: decided by what is already known of them, before anything is written.

unknown, alive                       fresh
unknown, deleted                     unheard: only the tombstone is kept
known, older than what we have       old news: ignored
known and buried, deleted            unchanged
known and alive, deleted             deleted
known and buried, alive              changed (restored)
known and alive, other content       changed
known and alive, same content        unchanged
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from crm_pipeline.model.records import RawRecord


@dataclass(frozen=True, slots=True)
class Known:
    """What is landed of a record."""

    content_hash: bytes
    remote_updated_at: datetime | None
    is_deleted: bool


@dataclass(slots=True)
class Arrivals:
    """Records of one kind by what is to be done with them, with the content hash of those to be written."""

    fresh: list[tuple[RawRecord, bytes]] = field(default_factory=list)
    changed: list[tuple[RawRecord, bytes]] = field(default_factory=list)
    deleted: list[RawRecord] = field(default_factory=list)
    unheard: list[RawRecord] = field(default_factory=list)
    unchanged: int = 0


def newest(records: Iterable[RawRecord]) -> dict[str, dict[str, RawRecord]]:
    """Return kind → external id → the newest of its records; of equally new ones the last."""
    found: dict[str, dict[str, RawRecord]] = {}
    for record in records:
        same_kind = found.setdefault(record.kind, {})
        rival = same_kind.get(record.external_id)
        if rival is None or not _is_older(record.remote_updated_at, rival.remote_updated_at):
            same_kind[record.external_id] = record
    return found


def sort_arrivals(
    records: Iterable[RawRecord], known: Mapping[str, Known], content_hash: Callable[[RawRecord], bytes]
) -> Arrivals:
    """Decide about records of one kind, no id twice. known: external id → what is landed."""
    arrivals = Arrivals()
    for record in records:
        _sort(record, known.get(record.external_id), content_hash, arrivals)
    return arrivals


def _sort(record: RawRecord, known: Known | None, content_hash: Callable[[RawRecord], bytes], arrivals: Arrivals) -> None:
    dead = record.deleted or record.payload is None
    if known is None and dead:
        arrivals.unheard.append(record)
    elif known is None:
        arrivals.fresh.append((record, content_hash(record)))
    elif _is_older(record.remote_updated_at, known.remote_updated_at) or (dead and known.is_deleted):
        arrivals.unchanged += 1
    elif dead:
        arrivals.deleted.append(record)
    else:
        _compare(record, known, content_hash(record), arrivals)


def _compare(record: RawRecord, known: Known, new_hash: bytes, arrivals: Arrivals) -> None:
    if new_hash == known.content_hash and not known.is_deleted:
        arrivals.unchanged += 1
    else:
        arrivals.changed.append((record, new_hash))


def _is_older(one: datetime | None, other: datetime | None) -> bool:
    return one is not None and other is not None and one < other


LARGEST_SHARE_MISSING = 0.3
FEW = 20


def is_implausible(live: int, seen: int, seen_at_all: int) -> bool:
    """Return whether a finished walk is rather a bad read than so many deletions.

    live: records we hold; seen: those of them the walk saw; seen_at_all: everything it saw, new records included.
    """
    missing = live - seen
    return missing > 0 and (seen_at_all == 0 or (missing > FEW and missing > LARGEST_SHARE_MISSING * live))
