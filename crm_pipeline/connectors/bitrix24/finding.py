"""Creates whose answer was lost, looked up: by the marker they carry, else by what they hold. Fifty look-ups a request.

An unknown filter key may be dropped silently, and then all rows come (facts: bitrix24 4.4): every row is compared with what was
asked, and rows that were not asked for mean that nobody knows, never that there is none. Of several hits the smallest id counts.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from crm_pipeline.connectors.bitrix24.landing import COMMENT
from crm_pipeline.connectors.bitrix24.payloads import NAME_OF_ENTITY, OWN_KEY, PAGE, TYPE_OF_ENTITY, Listing, Params
from crm_pipeline.connectors.bitrix24.refusals import description_of
from crm_pipeline.connectors.bitrix24.replies import Reply
from crm_pipeline.connectors.bitrix24.single import GONE
from crm_pipeline.connectors.bitrix24.spelling import Desk, written
from crm_pipeline.errors import CrmUnavailable, RecordGone, RequestRefused
from crm_pipeline.model.cleaning import moment, text
from crm_pipeline.model.writing import ORIGINATOR, Write

_CLOCKS_APART = timedelta(minutes=10)
"""How much a time filter is let out: what it finds is compared again."""
_SAME_MOMENT = timedelta(seconds=3)
_MOST_PAGES = 40


@dataclass(frozen=True, slots=True)
class Question:
    """How one create is looked for."""

    write: Write
    listing: Listing
    filters: Params
    is_it: Callable[[Params], bool]
    """Whether a row is the record."""
    is_asked: Callable[[Params], bool]
    """Whether a row answers the filter."""
    prefix: str = ""


def find(desk: Desk, creates: Sequence[Write]) -> dict[str, str]:
    """Return key → external id of those that are there. Raises CrmUnavailable when the portal does not answer the question."""
    questions = [question for write in creates for question in _questions(desk, write)]
    found: dict[str, str] = {}
    taken = {one for write in creates for one in write.taken}
    for question, rows in _answers(desk, questions):
        ids = sorted((int(row[question.listing.row_id]) for row in rows if question.is_it(row)), key=int)
        free = [f"{question.prefix}{number}" for number in ids if f"{question.prefix}{number}" not in taken]
        if free and question.write.key not in found:
            found[question.write.key] = free[0]
            taken.add(free[0])
    return found


def _answers(desk: Desk, questions: Sequence[Question]) -> Iterator[tuple[Question, list[Params]]]:
    """Yield each question with all rows there are; what fills a page is read to its end."""
    for start in range(0, len(questions), PAGE):
        asked = dict(enumerate(questions[start : start + PAGE]))
        replies = desk.client.batch({f"f{n}": (one.listing.call, _from(one, 0)) for n, one in asked.items()})
        for n, one in asked.items():
            yield one, _whole(desk, one, one.listing.rows(_result(one, replies[f"f{n}"])))


def _result(question: Question, reply: Reply) -> Any:
    """Return the answer; what belongs to an owner that is gone is not there. Raises CrmUnavailable when nobody knows."""
    try:
        return reply.or_raise(question.listing.call)
    except RecordGone:
        return None
    except RequestRefused as refused:
        if question.prefix == COMMENT and GONE.search(description_of(reply.body)):
            return None
        raise CrmUnavailable(f"A create whose answer was lost cannot be looked up. {refused}") from None


def _from(question: Question, last: int) -> Params:
    return question.listing.parameters(question.filters | ({f">{question.listing.id}": last} if last else {}))


def _whole(desk: Desk, question: Question, first: list[Params]) -> list[Params]:
    rows = page = _checked(question, first)
    for _ in range(_MOST_PAGES):
        if len(page) < PAGE:
            return rows
        last = max(int(row[question.listing.row_id]) for row in page)
        reply = desk.client.call(question.listing.call, _from(question, last))
        page = _checked(question, question.listing.rows(reply.result))
        rows = rows + page
    raise CrmUnavailable(f"{question.listing.call}: too many records look like the one looked for; a person has to look.")


def _checked(question: Question, rows: list[Params]) -> list[Params]:
    if all(question.is_asked(row) for row in rows):
        return rows
    raise CrmUnavailable(f"{question.listing.call}: the portal ignores the filter, so nobody knows whether it is there.")


def _questions(desk: Desk, write: Write) -> list[Question]:
    if write.entity == "communications":
        return [_comment(desk, write)] if write.values.get("kind") == "note" else [_marked(desk, write)]
    if write.entity == "products":
        return _products(desk, write)
    return [_task(desk, write)] if write.entity == "tasks" else [_marked(desk, write)]


def _marked(desk: Desk, write: Write) -> Question:
    """Look a contact, company, deal or activity up by originator and origin (facts: bitrix24 6)."""
    is_item = desk.face == 0 and write.entity in TYPE_OF_ENTITY
    names = ("originatorId", "originId") if is_item else ("ORIGINATOR_ID", "ORIGIN_ID")
    listing = _bare(desk, write.entity, names)
    wanted = dict(zip(names, (ORIGINATOR, write.marker), strict=True))
    filters = {f"={name}": value for name, value in wanted.items()}
    return Question(write, listing, filters, *_same(wanted))


def _bare(desk: Desk, entity: str, names: Sequence[str]) -> Listing:
    if entity == "communications":
        return Listing(entity, "crm.activity.list", {"select": ["ID", *names]})
    if desk.face == 0:
        base = {"entityTypeId": TYPE_OF_ENTITY[entity], "select": ["id", *names]}
        return Listing(entity, "crm.item.list", base, path="items", id="id", row_id="id")
    return Listing(entity, f"crm.{NAME_OF_ENTITY[entity]}.list", {"select": ["ID", *names]})


def _same(wanted: Mapping[str, Any]) -> tuple[Callable[[Params], bool], Callable[[Params], bool]]:
    def is_it(row: Params) -> bool:
        return all(str(row.get(name)) == str(value) for name, value in wanted.items())

    return is_it, is_it


def _products(desk: Desk, write: Write) -> list[Question]:
    """Look a product up by its outside key, in the catalog new products are put in."""
    own = f"{OWN_KEY}{write.marker}"
    if not desk.faces.catalog:
        listing = Listing("products", "crm.product.list", {"select": ["ID", "XML_ID"]})
        return [Question(write, listing, {"XML_ID": own}, *_same({"XML_ID": own}))]
    base = {"select": ["id", "iblockId", "xmlId"]}
    iblock = {"iblockId": desk.faces.iblocks[0]}
    listing = Listing("products", "catalog.product.list", base, iblock, path="products", id="id", row_id="id")
    return [Question(write, listing, {"xmlId": own}, *_same({"xmlId": own}))]


def _task(desk: Desk, write: Write) -> Question:
    """Look a task up among those of its title made since; the outside key is compared here, for it is no documented filter."""
    title = str(write.values.get("title"))
    listing = Listing(
        "tasks", "tasks.task.list", {"select": ["ID", "TITLE", "XML_ID", "CREATED_DATE"]}, path="tasks", row_id="id"
    )
    since = _since(desk, write)
    filters = {"TITLE": title} | ({">=CREATED_DATE": written(since - _CLOCKS_APART, desk.client.offset)} if since else {})

    def is_it(row: Params) -> bool:
        return row.get("xmlId") == f"{OWN_KEY}{write.marker}"

    return Question(write, listing, filters, is_it, lambda row: title.casefold() in str(row.get("title")).casefold())


def _comment(desk: Desk, write: Write) -> Question:
    """Look a comment up among its owner's: it carries no marker, so the same words since the same moment are taken for it."""
    owner = {"ENTITY_ID": write.values["target_external_id"], "ENTITY_TYPE": NAME_OF_ENTITY[write.values["target_entity"]]}
    since, body = _since(desk, write), text(write.values.get("body"))

    def is_it(row: Params) -> bool:
        made = moment(row.get("CREATED"), desk.client.offset)
        return text(row.get("COMMENT")) == body and (since is None or made is None or made >= since - _SAME_MOMENT)

    listing = Listing("communications", "crm.timeline.comment.list")
    return Question(write, listing, owner, is_it, lambda row: _is_of(row, owner), COMMENT)


def _is_of(row: Params, owner: Mapping[str, Any]) -> bool:
    """Some answers leave the owner out."""
    return all(str(row.get(name, value)).lower() == str(value).lower() for name, value in owner.items())


def _since(desk: Desk, write: Write) -> datetime | None:
    """Return when it was sent, by the portal's clock: as long ago there as it is here."""
    if write.sent_at is None:
        return None
    return desk.client.clock() - (datetime.now(UTC) - write.sent_at)
