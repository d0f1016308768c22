"""Sending writes: bulk requests, several in flight, an outcome per write as answers come.

Nothing that may have been applied is sent again. What amoCRM refuses is taken out by its `request_id` and the rest sent anew: a
400 refuses the whole request (facts: amocrm 5.3), and because that is not proven, creates are looked for before they go again.
How a write is spelt belongs to `spelling.py`, where it goes to `routes.py`, links to `linking.py`.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from crm_pipeline.connectors import Link, Outcome, Write
from crm_pipeline.connectors.amocrm.catalogs import with_catalogs
from crm_pipeline.connectors.amocrm.client import Client
from crm_pipeline.connectors.amocrm.complaints import Complaint, complaints_of, refusal_of
from crm_pipeline.connectors.amocrm.finding import applied_after_all
from crm_pipeline.connectors.amocrm.holders import Holders, ask, forget
from crm_pipeline.connectors.amocrm.linking import LOST, Troubles, send_links
from crm_pipeline.connectors.amocrm.numbers import with_phones
from crm_pipeline.connectors.amocrm.payloads import at, named, rows_of
from crm_pipeline.connectors.amocrm.routes import Route, portions
from crm_pipeline.connectors.amocrm.spelling import Item, Unspellable, spell
from crm_pipeline.connectors.amocrm.streams import note_prefix
from crm_pipeline.errors import AnswerLost, ConnectionStopped, RequestRefused, TryLater
from crm_pipeline.http import Answer
from crm_pipeline.model.records import MappingContext, Payload
from crm_pipeline.model.writing import APPLIED, REFUSED, UNKNOWN

Complaints = Mapping[str, Sequence[Complaint]]
Tell = Callable[[Outcome], None]


def write(link: Link, writes: Sequence[Write], context: MappingContext, lane: str) -> Iterator[Outcome]:
    """Yield an outcome per write. Raises TryLater, ConnectionStopped: those not yielded were not sent."""
    sorted_, homeless = portions(writes, context)
    for one in homeless:
        yield Outcome(one.key, REFUSED, code="unsupported", detail=f"amoCRM takes no {one.operation} of such {one.entity}.")
    sender = Sender(Client(link), link, context, lane)
    yield from _several(sender.deliver, sorted_, link.in_flight)


@dataclass(slots=True)
class Report:
    """What became of a portion. `error`: what stopped it; writes without an outcome were not sent."""

    outcomes: list[Outcome] = field(default_factory=list)
    error: TryLater | ConnectionStopped | None = None


Portion = tuple[Route, list[Write]]


def _several(deliver: Callable[[Portion], Report], waiting: Sequence[Portion], most: int) -> Iterator[Outcome]:
    """Deliver several portions at once; after one was stopped no other is begun, and what is under way is heard out."""
    if len(waiting) <= 1:
        reports = map(deliver, waiting)
        for report in reports:
            yield from report.outcomes
            _raise(report.error)
        return
    left, error = list(reversed(waiting)), None
    with ThreadPoolExecutor(max(1, most), thread_name_prefix="write") as workers:
        running: set[Future[Report]] = set()
        while running or (left and error is None):
            while left and error is None and len(running) < max(1, most):
                running.add(workers.submit(deliver, left.pop()))
            done, running = wait(running, return_when=FIRST_COMPLETED)
            for report in [one.result() for one in done]:
                error = error or report.error
                yield from report.outcomes
    _raise(error)


def _raise(error: TryLater | ConnectionStopped | None) -> None:
    if error is not None:
        raise error


class Sender:
    """Delivers portions of writes to one account. Thread safe."""

    def __init__(self, client: Client, link: Link, context: MappingContext, lane: str):
        self._client = client
        self._link = link
        self._context = context
        self._lane = lane
        self._made: set[str] = set()
        """Ids of the records made so far: they are nobody else's."""

    def deliver(self, portion: Portion) -> Report:
        """Deliver one portion."""
        route, writes = portion
        report = Report()
        try:
            (self._links if route.is_linking else self._records)(route, writes, report.outcomes.append)
        except (TryLater, ConnectionStopped) as error:
            report.error = error
        except RequestRefused as error:  # of a question asked beforehand: nothing of the rest was sent
            told = {outcome.key for outcome in report.outcomes}
            report.outcomes += [self._refusal(one.key, refusal_of(error)) for one in writes if one.key not in told]
        return report

    # Records ----------------------------------------------------------------------------------------------------------

    def _records(self, route: Route, writes: Sequence[Write], tell: Tell) -> None:
        holders = ask(self._client, route.entity, route.owner, lane=self._lane) if route.owner else {}
        writes = with_catalogs(self._client, with_phones(self._client, self._link, route, writes), self._context)
        items = self._spelt(writes, holders, tell)
        idle = [item for item in items if route.method == "PATCH" and not item.body.keys() - {"id"}]
        self._finish(route, [(item, {}) for item in idle], tell)
        self._send(route, [item for item in items if item not in idle], tell)

    def _spelt(self, writes: Sequence[Write], holders: Holders, tell: Tell) -> list[Item]:
        items = []
        for one in writes:
            try:
                items.append(spell(one, holders, self._context))
            except Unspellable as error:
                tell(self._refusal(one.key, Complaint(error.code, "", str(error))))
        return items

    def _send(self, route: Route, items: Sequence[Item], tell: Tell) -> None:
        if not items:
            return
        sent_at = datetime.now(UTC)
        try:
            answer = self._client.write(route.method, route.path, [_sent(item) for item in items], lane=self._lane)
        except AnswerLost as error:
            for item in items:
                tell(self._lost(item.key, str(error)))
            return
        except RequestRefused as error:
            refused = error
        else:
            self._accepted(route, items, answer, tell)
            return
        self._refused(route, items, refused, sent_at, tell)

    def _accepted(self, route: Route, items: Sequence[Item], answer: Answer, tell: Tell) -> None:
        """Tell what an answer says of each item; a partial success names the refused ones beside the rest."""
        rows = [row for row in rows_of(answer.json, route.key) if named(row)]
        if not rows and isinstance(answer.json, dict) and answer.json.get("id"):
            rows = [answer.json]
        complaints = complaints_of(answer.json, [item.key for item in items])
        mended = self._taken_out(route, items, complaints, tell)
        asked = [item for item in items if item.key not in complaints]
        matched = match(rows, asked, by_id=not route.creates)
        for item in asked:
            if item.key not in matched:
                tell(self._lost(item.key, "The answer does not mention it."))
        self._finish(route, [(item, matched[item.key]) for item in asked if item.key in matched], tell)
        self._send(route, mended, tell)

    def _refused(self, route: Route, items: Sequence[Item], refused: RequestRefused, sent_at: datetime, tell: Tell) -> None:
        """Take out what was refused and send the rest; a refusal that names nobody is narrowed down by halves."""
        complaints = complaints_of(refused.detail, [item.key for item in items])
        if not complaints and len(items) == 1:
            tell(self._refusal(items[0].key, refusal_of(refused), items[0].left_out))
            return
        if not complaints:
            half = len(items) // 2
            self._send(route, items[:half], tell)
            self._send(route, items[half:], tell)
            return
        mended = self._taken_out(route, items, complaints, tell)
        good = [item for item in items if item.key not in complaints]
        again = self._not_applied(route, good, sent_at, tell) if route.creates and good else good
        self._send(route, [item for item in items if item in again or item in mended], tell)

    def _taken_out(self, route: Route, items: Sequence[Item], complaints: Complaints, tell: Tell) -> list[Item]:
        """Tell of the items complained about, and return those that are worth sending once more."""
        mended = [item for item in items if item.key in complaints and self._mend(route, item, complaints[item.key])]
        for item in items:
            if item.key in complaints and item not in mended:
                tell(self._refusal(item.key, _gravest(complaints[item.key]), item.left_out))
        return mended

    def _mend(self, route: Route, item: Item, complaints: Sequence[Complaint]) -> bool:
        """Leave out fields the account has no more, once; return whether the item is worth sending again."""
        if not item.was_mended and isinstance(item.body.get("price"), float) and [one.path for one in complaints] == ["price"]:
            item.rounded()
            return True
        vanished = [place for one in complaints if (place := one.vanished_field) is not None]
        if item.was_mended or len(vanished) < len(complaints) or not item.fields:
            return False
        forget(self._client, route.owner)
        item.without(vanished)
        return route.creates or bool(item.body.keys() - {"id"}) or bool(item.links or item.unlinks)

    def _not_applied(self, route: Route, items: Sequence[Item], sent_at: datetime, tell: Tell) -> list[Item]:
        """Return those that were not applied although their request was refused: nobody has proven that none is."""
        asked = [replace(item.write, sent_at=sent_at) for item in items]
        found = applied_after_all(self._client, self._link, route, asked, self._context, known=self._made)
        self._finish(route, [(item, {"id": found[item.key]}) for item in items if item.key in found], tell)
        return [item for item in items if item.key not in found]

    def _finish(self, route: Route, done: Sequence[tuple[Item, Payload]], tell: Tell) -> None:
        """Make the links that go with records that are written, and tell the outcomes."""
        prefix = note_prefix(route.plural, self._link.facts) if route.entity == "communications" else ""
        for item, row in done:
            number = named(row) or named(item.body)
            self._made.add(number)
            for one in (*item.unlinks, *item.links):
                one.entity_id = int(number)
        troubles = self._link_up(route, [item for item, _ in done])
        for item, row in done:
            external_id = item.write.external_id or prefix + named(row)
            tell(self._done(route, item, external_id, at(row.get("updated_at")), troubles.get(item.key)))

    def _done(
        self, route: Route, item: Item, external_id: str, updated_at: datetime | None, trouble: Complaint | None
    ) -> Outcome:
        """Return the outcome of a record that is written; a link that failed undoes no record."""
        if trouble is None:
            return Outcome(item.key, APPLIED, external_id, updated_at, left_out=item.left_out)
        if trouble.code == LOST and not route.creates:
            return self._lost(item.key, trouble.sentence)
        words = self._redacted(f"Written, but not linked: {trouble.sentence}")
        left_out = (*item.left_out, *(("company_external_id",) if "company_external_id" in item.write.values else ()))
        return Outcome(item.key, APPLIED, external_id, updated_at, f"link_{trouble.code}", words, left_out)

    def _link_up(self, route: Route, items: Sequence[Item]) -> Troubles:
        """Undo and make links; what cannot be done now is a trouble of each, for the records are written."""
        troubles: Troubles = {}
        undone, made = [one for item in items for one in item.unlinks], [one for item in items for one in item.links]
        for verb, links in (("unlink", undone), ("link", made)):
            try:
                troubles |= send_links(self._client, route.plural, verb, links, lane=self._lane) if links else {}
            except (TryLater, ConnectionStopped) as error:
                troubles |= {one.key: Complaint(LOST, "", str(error)) for one in links}
        return troubles

    # Links ------------------------------------------------------------------------------------------------------------

    def _links(self, route: Route, writes: Sequence[Write], tell: Tell) -> None:
        """Link or unlink records that are there."""
        items = self._spelt(with_catalogs(self._client, writes, self._context), {}, tell)
        links = [one for item in items for one in item.links]
        troubles = send_links(self._client, route.plural, route.path, links, lane=self._lane)
        for item in items:
            trouble = troubles.get(item.key)
            if trouble is None:
                tell(Outcome(item.key, APPLIED, item.write.external_id))
            else:
                tell(self._lost(item.key, trouble.words) if trouble.code == LOST else self._refusal(item.key, trouble))

    # Outcomes ---------------------------------------------------------------------------------------------------------

    def _lost(self, key: str, words: str) -> Outcome:
        return Outcome(key, UNKNOWN, code=LOST, detail=self._redacted(words))

    def _refusal(self, key: str, complaint: Complaint, left_out: tuple[str, ...] = ()) -> Outcome:
        code = "gone" if complaint.is_gone else complaint.code
        return Outcome(key, REFUSED, code=code, detail=self._redacted(complaint.sentence), left_out=left_out)

    def _redacted(self, words: str) -> str:
        return self._link.http.redactor.redact(words)


def match(rows: Sequence[Payload], items: Sequence[Item], *, by_id: bool) -> Mapping[str, Payload]:
    """Return key → its row of an answer: by request_id, by the record's id, else by order (facts: amocrm 5.2)."""
    by_key = {str(row.get("request_id")): row for row in rows if row.get("request_id") is not None}
    numbered = {named(row): row for row in rows} if by_id else {}
    found = {item.key: row for item in items if (row := by_key.get(item.key) or numbered.get(named(item.body)))}
    if not found and len(rows) == len(items):
        return {item.key: row for item, row in zip(items, rows, strict=True)}
    return found


def _sent(item: Item) -> dict[str, Any]:
    return {**item.body, "request_id": item.key}


def _gravest(complaints: Sequence[Complaint]) -> Complaint:
    return next((one for one in complaints if one.is_gone), complaints[0])
