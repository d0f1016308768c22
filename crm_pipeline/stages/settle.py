"""Settle: write down what became of changes: the queue, what we know of the records, the bases, in one transaction.

What belongs here: keeping count of a claim until every change of it is settled or parked. What is decided belongs to
`consider.py`.
"""

import logging
import random
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from crm_pipeline.database import bases, echo, outgoing, undoing
from crm_pipeline.database.echo import Written
from crm_pipeline.database.outgoing import Change, Parked, Settlement
from crm_pipeline.database.refusals import Connection, Engine
from crm_pipeline.database.translating import linked_id
from crm_pipeline.errors import ConnectionStopped, CrmUnavailable
from crm_pipeline.model.delivery import APPLIED, MAX_ATTEMPTS, REJECTED, wait_after
from crm_pipeline.model.undoing import ORIGIN as UNDO
from crm_pipeline.model.writing import APPLIED as WAS_APPLIED
from crm_pipeline.model.writing import CREATE, LINK, REFUSED, UNKNOWN, UNLINK, Outcome
from crm_pipeline.stages.consider import Case, End, Verdict, Wait, agreements, linked, notes, overwrites, said_at, written

LOG = logging.getLogger("crm_pipeline.outgoing")
SOON = 1.0
"""Seconds after which a change whose answer was lost is looked at again: usually it was applied."""


@dataclass(slots=True)
class Tally:
    """What became of changes, of one drain. Thread safe."""

    counts: dict[str, int] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)
    tell: Callable[[Mapping[str, int]], None] = lambda _: None
    """Is told the counts so far."""

    def count(self, state: str, number: int = 1) -> None:
        """Count changes that ended in a state, or were `retried`."""
        with self.lock:
            self.counts[state] = self.counts.get(state, 0) + number

    def told(self) -> None:
        """Tell the counts so far, of one moment."""
        with self.lock:
            now = dict(self.counts)
        self.tell(now)


@dataclass(frozen=True, slots=True)
class Closing:
    """How a change ends, and what is known of it."""

    settlement: Settlement
    case: Case | None
    updated_at: datetime | None = None
    """When the record now changed last, by the CRM's clock, where it told."""

    @property
    def written(self) -> Written | None:
        """Return what we know of the record now; None where nothing was written."""
        case, settlement = self.case, self.settlement
        if case is None or settlement.state != APPLIED or settlement.written is None or settlement.external_id is None:
            return None
        values = {} if case.change.operation in (LINK, UNLINK) else settlement.written
        return Written(
            settlement.external_id, case.golden.golden_id, values, self.updated_at, said_at(case),
            is_own=case.change.requires is None, is_new=case.change.operation == CREATE,
        )  # fmt: skip


class Ledger:
    """Keeps one claim of one entity of one connection until nothing of it is open. Belongs to one thread."""

    def __init__(self, engine: Engine, connection_id: int, connection: str, entity: str, tally: Tally, run_id: str | None):
        self._engine, self._connection_id, self._connection, self._entity = engine, connection_id, connection, entity
        self._tally, self._run_id = tally, run_id
        self._open: dict[int, Change] = {}
        self._sent: set[int] = set()

    def take(self, changes: Iterable[Change]) -> None:
        """Begin with these."""
        self._open = {change.id: change for change in changes}
        self._sent = set()

    def act_on(self, verdicts: Iterable[tuple[Change, Verdict]], cases: Sequence[Case] = ()) -> list[Case]:
        """Settle and park what is decided; return what is left to be done. `cases`: what is known of those that end."""
        known = {case.change.id: case for case in cases}
        decided = list(verdicts)
        self._close([_ended(change, end, known.get(change.id)) for change, end in decided if isinstance(end, End)])
        self._park([_parked(change, wait) for change, wait in decided if isinstance(wait, Wait)])
        return [case for _, case in decided if isinstance(case, Case)]

    def mark_sent(self, cases: Sequence[Case]) -> list[Case]:
        """Note that these are about to be sent; return those that are still ours."""
        if not cases:
            return []
        with self._engine.begin() as db:
            ours = outgoing.mark_sent(db, [case.change for case in cases])
        for case in cases:
            if case.change.id not in ours:
                self._open.pop(case.change.id, None)
        self._sent |= {case.change.id for case in cases if case.change.id in ours}
        return [case for case in cases if case.change.id in ours]

    def require_ours(self) -> None:
        """Give a sign of life right before a request, and raise CrmUnavailable when others have taken something of it over.

        A process may have stood still since it marked changes sent, and have been given up.
        """
        sent = [change for change in list(self._open.values()) if change.id in self._sent]
        with self._engine.begin() as db:
            ours = outgoing.mark_sent(db, sent)
        if [change.id for change in sent if change.id not in ours and change.id in self._open]:
            raise CrmUnavailable("This process stood still for so long that another has taken over what it was about to send.")

    def write_down(self, cases: Sequence[Case], outcomes: Sequence[Outcome]) -> None:
        """Settle or park what was sent, by its outcomes."""
        by_key = {str(case.change.id): case for case in cases}
        pairs = [(by_key[outcome.key], outcome) for outcome in outcomes if outcome.key in by_key]
        self._close([_closing(case, outcome) for case, outcome in pairs if outcome.status in ENDS])
        self._park([_later(case.change, outcome) for case, outcome in pairs if outcome.status not in ENDS])

    def give_back(self, changes: Iterable[Change], errors: Sequence[ConnectionStopped]) -> None:
        """Park changes nothing was done about, because the connection stopped."""
        self.take(changes)
        self.park_rest(errors[0].status if errors else "stopped", str(errors[0]) if errors else "The connection stopped.")

    def park_rest(
        self, code: str, detail: str, *, until: datetime | None = None, counts: bool = False, is_bug: bool = False
    ) -> None:
        """Park whatever is still open; what was sent without an outcome is uncertain only when our own code failed."""
        if is_bug:
            LOG.error("outgoing_bug connection=%s entity=%s %s", self._connection, self._entity, detail)
        seconds = max(1.0, (until - datetime.now(UTC)).total_seconds()) if until else None
        self._park([
            Parked(one.id, one.fence, _rest(one) if seconds is None else seconds, code=code, detail=detail, counts=counts,
                   uncertain=one.sent_at is not None or (is_bug and one.id in self._sent))
            for one in self._open.values()
        ])  # fmt: skip

    def _close(self, closings: Sequence[Closing]) -> None:
        """Settle changes, and keep of what was applied what we know now."""
        if not closings:
            return
        with self._engine.begin() as db:
            done = outgoing.settle(db, [one.settlement for one in closings])
            self._keep(db, [one for one in closings if one.settlement.id in done])
        for closing in closings:
            one = closing.settlement
            self._said(one.id, one.state if one.id in done else "fenced", one.code, one.detail)
        self._tally.told()

    def _keep(self, db: Connection, closings: Sequence[Closing]) -> None:
        known = [written for closing in closings if (written := closing.written)]
        undoing.forget_links(db, self._entity, [link for closing in closings for link in _parted(closing)])
        echo.keep_written(db, self._connection_id, self._entity, known)
        agreed = [
            one
            for closing in closings
            if closing.case and (written := closing.written) and written.is_own
            for one in agreements(closing.case, written.external_id, self._connection)
        ]
        bases.agree(db, self._entity, agreed)

    def _park(self, parked: Sequence[Parked]) -> None:
        if not parked:
            return
        with self._engine.begin() as db:
            done = outgoing.park(db, parked)
        for one in parked:
            change = self._open.get(one.id)
            died = one.counts and change is not None and change.attempts >= MAX_ATTEMPTS
            self._said(one.id, ("dead" if died else "retried") if one.id in done else "fenced", one.code, one.detail)

    def _said(self, change_id: int, outcome: str, code: str | None, detail: str | None) -> None:
        """Count an attempt and write it to the log, one line each."""
        change = self._open.pop(change_id, None)
        if change is None:
            return
        self._tally.count(outcome)
        said = {
            "connection": self._connection, "entity": self._entity, "run": self._run_id or "-", "change": change_id,
            "operation": change.operation, "attempt": change.attempts, "outcome": outcome, "code": code or "-",
        }  # fmt: skip
        words = " ".join(f"{key}={value}" for key, value in said.items())
        level = logging.INFO if outcome in QUIET else logging.WARNING
        LOG.log(level, "outgoing_attempt %s %s", words, detail or "", extra={"event": "outgoing_attempt", **said})


ENDS = (WAS_APPLIED, REFUSED)
QUIET = ("applied", "merged", "retried")


def _ended(change: Change, end: End, case: Case | None) -> Closing:
    settlement = Settlement(
        change.id, change.fence, end.state, end.external_id, end.written, None, end.code or None, end.detail or None
    )
    return Closing(settlement, case)


def _parted(closing: Closing) -> Iterator[tuple[str, str, str]]:
    """Yield the links an undo has parted: golden id, field, golden id of the other."""
    case = closing.case
    if case and case.change.operation == UNLINK and case.change.origin.startswith(UNDO) and closing.settlement.state == APPLIED:
        for name, links in (closing.settlement.written or {}).items():
            yield from ((case.golden.golden_id, name, linked_id(link) or "") for link in links)


def _parked(change: Change, wait: Wait) -> Parked:
    return Parked(
        change.id, change.fence, wait.seconds, code=wait.code, detail=wait.detail, counts=False, uncertain=wait.uncertain
    )


def _later(change: Change, outcome: Outcome) -> Parked:
    lost = outcome.status == UNKNOWN
    detail = outcome.detail or ("The answer was lost; it may have been applied." if lost else "Not now.")
    seconds = SOON if lost else _rest(change)
    return Parked(change.id, change.fence, seconds, code=outcome.code or "later", detail=detail, uncertain=lost)


def _rest(change: Change) -> float:
    return wait_after(change.attempts, random.random()).total_seconds()


def _closing(case: Case, outcome: Outcome) -> Closing:
    change = case.change
    is_link = change.operation in (LINK, UNLINK)
    done, remarks = linked(case) if is_link else written(case, outcome.left_out), _remarks(case, outcome)
    if outcome.status == REFUSED or (outcome.left_out and not done):
        words = remarks or "The CRM refused it without a word."
        return Closing(Settlement(change.id, change.fence, REJECTED, code=outcome.code or "refused", detail=words), case)
    over = {column: value for column, value in overwrites(case).items() if column in done}
    code = (outcome.code or "left_out") if remarks else None
    external_id = outcome.external_id or case.external_id
    # A link moves no record's time: noted as a later one, the record read right afterwards would be old news.
    updated_at = None if is_link else outcome.updated_at
    return Closing(Settlement(change.id, change.fence, APPLIED, external_id, done, over, code, remarks), case, updated_at)


def _remarks(case: Case, outcome: Outcome) -> str | None:
    """Return what of an applied change was not written, and what the CRM remarked."""
    left_out = f"Left out, the CRM has no such field (any more): {', '.join(outcome.left_out)}." if outcome.left_out else None
    return " ".join(filter(None, [notes(case), left_out, outcome.detail])) or None
