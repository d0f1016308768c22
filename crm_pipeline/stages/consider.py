"""Consider: what claimed changes come to once translated and compared with what the CRM holds. Sends nothing.

What belongs here: from a change and the record as read a moment ago to a verdict: send this, settle so, or wait. The tables it
goes by are in `model/delivery.py`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from crm_pipeline.connectors import Connector
from crm_pipeline.database import delivery
from crm_pipeline.database.bases import Agreed
from crm_pipeline.database.delivery import GoldenNow
from crm_pipeline.database.outgoing import Change
from crm_pipeline.database.refusals import Connection
from crm_pipeline.database.translating import Asked, Translated, linked_id, translate
from crm_pipeline.model.delivery import APPLIED, MERGED, REJECTED, Judgement, View, judge, same
from crm_pipeline.model.golden import golden_name
from crm_pipeline.model.owing import group_of, held_by, value_of
from crm_pipeline.model.records import MappingContext, RawRecord, SourceRecord
from crm_pipeline.model.survivorship import GROUPS
from crm_pipeline.model.writing import CREATE, LINK, UNLINK, LinkTo, Write

ASKED_BESIDE = ("result",)
"""Fields of a change that are no column anywhere and go to the CRM as they are."""
WAITS_FOR_ANOTHER = 3.0
"""Seconds a change rests that refers to a record about to be created."""


@dataclass(frozen=True, slots=True)
class End:
    """A change is settled without anything being sent."""

    state: str
    code: str
    detail: str
    external_id: str | None = None
    written: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Wait:
    """A change is parked: `uncertain` keeps that an earlier attempt may have been applied."""

    seconds: float
    code: str
    detail: str
    uncertain: bool = False


@dataclass(frozen=True, slots=True)
class Case:
    """A change with everything it takes to decide about it. All values in the connection's own terms."""

    change: Change
    external_id: str | None
    golden: GoldenNow
    asked: Mapping[str, Any] = field(default_factory=dict)
    """What the change was queued for, as the CRM would hold it."""
    wanted: Mapping[str, Any] = field(default_factory=dict)
    """The same fields as golden has them by now."""
    links: tuple[LinkTo, ...] = ()
    missing: Mapping[str, str] = field(default_factory=dict)
    """Field → why it cannot be written there."""
    record: RawRecord | None = None
    held: Mapping[str, Any] = field(default_factory=dict)
    linked: frozenset[tuple[str, str]] = frozenset()
    """(entity, external id) of what the record is linked with."""

    @property
    def reads(self) -> bool:
        """Return whether the record is to be read before writing."""
        return self.change.operation != CREATE

    @property
    def write(self) -> Write:
        """Return the change as the connector takes it, everything asked for."""
        change = self.change
        beside = {name: change.fields[name] for name in ASKED_BESIDE if name in change.fields}
        return Write(
            str(change.id), change.operation, change.entity, self.external_id, {**self.wanted, **beside}, self.links, self.record,
            self.golden.golden_id, change.sent_at,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Bench:
    """What considering changes of one entity of one connection takes."""

    connection_id: int
    entity: str
    connector: Connector
    context: MappingContext
    settle_seconds: float


Verdict = Case | End | Wait


def look_up(db: Connection, bench: Bench, changes: Sequence[Change]) -> list[tuple[Change, Verdict]]:
    """Translate changes, and settle or park those that cannot be sent as they are."""
    now = delivery.golden_now(db, bench.entity, {change.golden_id for change in changes})
    own = delivery.records_of(db, bench.connection_id, bench.entity, {one.golden_id for one in now.values()})
    sorted_out = [(change, _sort(change, now.get(change.golden_id), own)) for change in changes]
    cases = [verdict for _, verdict in sorted_out if isinstance(verdict, Case)]
    known = dict(zip((case.change.id for case in cases), _translated(db, bench, cases), strict=True))
    return [(change, known.get(change.id, verdict)) for change, verdict in sorted_out]


def _sort(change: Change, golden: GoldenNow | None, own: Mapping[str, str]) -> Case | End:
    if golden is None or golden.is_deleted:
        return End(REJECTED, "golden_gone", "The golden record was deleted or parted since; there is nothing to send.")
    external_id = change.external_id or own.get(golden.golden_id)
    if change.operation == CREATE and external_id and change.sent_at is None:
        return End(MERGED, "exists", f"The connection has it already: {external_id}.", external_id)
    if change.operation != CREATE and not external_id:
        return End(REJECTED, "gone", "The connection has no such record (any more).")
    return Case(change, external_id, golden)


def _translated(db: Connection, bench: Bench, cases: Sequence[Case]) -> list[Case | End | Wait]:
    """Put changes into the connection's terms; those of an undo are in them already."""
    plain = [case for case in cases if case.change.requires is None]
    asked = translate(db, bench.connection_id, bench.entity, [_ask(case, case.change.fields) for case in plain])
    wanted = translate(db, bench.connection_id, bench.entity, [_ask(case, _by_now(case)) for case in plain])
    known = {parts[0].change.id: _with(bench, *parts) for parts in zip(plain, asked, wanted, strict=True)}
    return [known.get(case.change.id) or _as_undone(bench, case) for case in cases]


def _as_undone(bench: Bench, case: Case) -> Case:
    fields = _typed(case.change.fields)
    return _expressed(bench, case, fields, fields)


def _typed(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return values of source columns as source tables hold them, not as JSON does."""
    return {name: value_of(golden_name(name), value) for name, value in fields.items()}


def _ask(case: Case, fields: Mapping[str, Any]) -> Asked:
    return Asked(case.golden.golden_id, case.external_id, fields)


def _by_now(case: Case) -> dict[str, Any]:
    """Return the fields of a change as golden has them by now; those that are no golden columns stay."""
    if case.change.operation in (LINK, UNLINK):
        return dict(case.change.fields)
    return {name: case.golden.fields.get(name, value) for name, value in case.change.fields.items()}


def _with(bench: Bench, case: Case, asked: Translated, wanted: Translated) -> Verdict:
    if wanted.waits:
        return Wait(
            WAITS_FOR_ANOTHER,
            "waits",
            "It refers to a record that is about to be created there.",
            case.change.sent_at is not None,
        )
    if wanted.missing and not wanted.values and not wanted.links:
        return End(REJECTED, "no_counterpart", " ".join(wanted.missing.values()))
    case = replace(case, links=tuple(wanted.links), missing=wanted.missing)
    return _expressed(bench, case, asked.values, wanted.values)


def _expressed(bench: Bench, case: Case, asked: Mapping[str, Any], wanted: Mapping[str, Any]) -> Case:
    express = bench.connector.express
    return replace(case, asked=express(bench.entity, asked, bench.context), wanted=express(bench.entity, wanted, bench.context))


def compare(bench: Bench, case: Case, source: SourceRecord | None, record: RawRecord | None) -> Verdict:
    """Decide about a change whose record was read a moment ago; None: it is gone, or may not be read."""
    if source is None or record is None:
        return End(REJECTED, "gone", "The record does not exist in the CRM any more, or may not be read.")
    case = replace(case, record=record, held=held_by(source), linked=_linked(source))
    return _links_left(bench, case) if case.change.operation in (LINK, UNLINK) else _fields_left(bench, case)


def _fields_left(bench: Bench, case: Case) -> Verdict:
    judgement = judge(_views(case), was_sent=case.change.sent_at is not None)
    if judgement.send:
        return _not_too_soon(bench, replace(case, wanted=judgement.send), judgement)
    there = {column: value for column, value in case.wanted.items() if same(case.held.get(column), value)}
    written = there if judgement.state == APPLIED else None
    return End(judgement.state, judgement.code or "", judgement.detail or "", case.external_id, written)


def _views(case: Case) -> dict[str, View]:
    required = None if case.change.requires is None else _typed(case.change.requires)
    return {
        column: View(
            case.asked.get(column), value, case.held.get(column), group_of(case.change.entity, column) in case.golden.open_groups,
            ... if required is None else required.get(column), group_of(case.change.entity, column),
        )
        for column, value in case.wanted.items()
    }  # fmt: skip


def _links_left(bench: Bench, case: Case) -> Verdict:
    """Leave of the links asked for those that are missing (link) or there (unlink)."""
    is_there = case.change.operation == UNLINK
    left = tuple(link for link in case.links if ((link.entity, link.external_id) in case.linked) == is_there)
    if left:
        return _not_too_soon(bench, replace(case, links=left), None)
    state = MERGED if case.change.sent_at is None else APPLIED
    return End(state, "held_already", "The CRM holds it already.", case.external_id, linked(case))


def _not_too_soon(bench: Bench, case: Case, judgement: Judgement | None) -> Verdict:
    """Send nothing again that may still be under way there."""
    seconds = seconds_left(bench, case.change)
    if seconds > 0:
        return Wait(seconds, "lost", "An earlier attempt may still be under way in the CRM.", uncertain=True)
    left = "" if judgement is None else judgement.detail or ""
    return replace(case, missing={**case.missing, **({"": left} if left else {})})


def seconds_left(bench: Bench, change: Change) -> float:
    """Return the seconds until an attempt whose answer was lost cannot be applied any more."""
    if change.sent_at is None:
        return 0.0
    return (change.sent_at + timedelta(seconds=bench.settle_seconds) - datetime.now(UTC)).total_seconds()


_LINKED = {
    "deal_contacts": ("contacts", "contact_external_id"), "deal_products": ("products", "product_external_id"),
    "contact_companies": ("companies", "company_external_id"),
}  # fmt: skip


def _linked(source: SourceRecord) -> frozenset[tuple[str, str]]:
    found = {
        (entity, str(row[column]))
        for table, (entity, column) in _LINKED.items() for row in source.children.get(table, ()) if row.get(column)
    }  # fmt: skip
    company = source.values.get("company_external_id")
    return frozenset(found | ({("companies", str(company))} if company else set()))


def notes(case: Case) -> str | None:
    """Return what of a change was not written, as sentences; None: nothing."""
    return " ".join(filter(None, case.missing.values())) or None


def overwrites(case: Case) -> dict[str, Any]:
    """Return what the CRM held of what is being written."""
    return {column: case.held.get(column) for column in case.wanted} if case.reads else {}


def written(case: Case, left_out: Iterable[str]) -> dict[str, Any]:
    """Return what was written once the CRM has confirmed it."""
    return {column: value for column, value in case.wanted.items() if column not in set(left_out)}


def linked(case: Case) -> dict[str, Any]:
    """Return the links that were made or undone: of those asked for, in the words of the change, the ones that were sent."""
    sent = {link.golden_id for link in case.links}
    kept = {name: [link for link in links if linked_id(link) in sent] for name, links in case.change.fields.items()}
    return {name: links for name, links in kept.items() if links}


def said_at(case: Case) -> datetime | None:
    """Return when the values of a change were first said where they come from; of several fields the latest."""
    times = [case.golden.since[name] for name in case.change.fields if name in case.golden.since]
    return max(times, default=None)


def agreements(case: Case, external_id: str, connection: str) -> list[Agreed]:
    """Return what golden and this connection agree on once a change is applied."""
    names = {group_of(case.change.entity, name) for name in case.change.fields}
    return [
        Agreed(
            case.golden.golden_id, group.name, [plain(case.golden.fields.get(name)) for name in group.fields],
            case.change.said.get(group.name, {}), f"{connection}:{external_id}", case.change.created_at,
        )
        for group in GROUPS[case.change.entity]
        if group.name in names and group.point_kind is None and group.name not in case.golden.open_groups
    ]  # fmt: skip


def plain(value: Any) -> Any:
    """Return a value as bases keep it: numbers as texts, without trailing zeros."""
    return f"{value.normalize():f}" if isinstance(value, Decimal) else value
