"""Lists that belong to a row and are asked for per row: product rows, links, prices, comments; fifty owners a request.

A list longer than a page is read to its end; a list that changes meanwhile is read again. What belongs here: asking and
putting together. Which row has which lists is in `payloads`.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from crm_pipeline.connectors.bitrix24.client import Client
from crm_pipeline.connectors.bitrix24.payloads import CLASSIC_ROWS, ITEM_ROWS, PAGE, Extra, Listing, Params
from crm_pipeline.connectors.bitrix24.refusals import code_of, failure
from crm_pipeline.connectors.bitrix24.replies import Reply
from crm_pipeline.errors import AccessDenied, CrmPipelineError, CrmUnavailable

REREADS = 3
_INSTEAD = {ITEM_ROWS.call: CLASSIC_ROWS}
"""Call → another way to ask for the same."""


class NotOffered(AccessDenied):
    """The portal does not offer this method, or the connection may not use it."""

    def __init__(self, call: str, reason: CrmPipelineError):
        super().__init__(f"{call} is left out. {reason}")
        self.call = call


Question = tuple[Extra, Any]
"""A list and the id of its owner."""


def attach(client: Client, listing: Listing, rows: Sequence[Params]) -> None:
    """Read every extra of these rows and put it into them; an owner that is gone meanwhile keeps none.

    What the portal does not offer is asked for another way if there is one, else left out: the rows are worth more.
    """
    found: Sequence[list[Params] | None] | None = None
    asked: list[tuple[Extra, Params]] = []
    while found is None:
        extras = [way for extra in listing.extras if (way := client.instead.get(extra.call, extra))]
        asked = [(extra, row) for extra in extras for row in rows]
        try:
            found = lists(client, [(extra, row[listing.row_id]) for extra, row in asked])
        except NotOffered as error:
            _do_without(client, listing, error)
    for (extra, row), rows_of_it in zip(asked, found, strict=True):
        if rows_of_it is not None:
            row[extra.key] = rows_of_it


def _do_without(client: Client, listing: Listing, refused: NotOffered) -> None:
    """Remember for the rest of the walk what is asked for instead, or that nothing is."""
    instead = _INSTEAD.get(refused.call)
    for extra in listing.extras:
        way = client.instead.get(extra.call, extra)
        if way and way.call == refused.call:
            client.instead[extra.call] = instead
    if instead is None:
        client.left_out[refused.call] = str(refused)


def lists(client: Client, questions: Sequence[Question]) -> list[list[Params] | None]:
    """Return the whole list each question asks for, in their order; None where the portal refuses it (gone, no right).

    The first request goes alone, so that a method that is not offered is refused once; the others go several at a time.
    """
    portions = [questions[start : start + PAGE] for start in range(0, len(questions), PAGE)]
    found = [_portion(client, some) for some in portions[:1]]
    if len(portions) > 1:
        with ThreadPoolExecutor(client.in_flight, thread_name_prefix="lists") as workers:
            asked = [workers.submit(_portion, client, some) for some in portions[1:]]
            try:
                found += [answer.result() for answer in asked]
            finally:
                workers.shutdown(wait=False, cancel_futures=True)
    return [rows for portion in found for rows in portion]


def _portion(client: Client, questions: Sequence[Question]) -> list[list[Params] | None]:
    replies = client.batch({f"r{n}": (extra.call, extra.parameters(owner)) for n, (extra, owner) in enumerate(questions)})
    return [
        None if _is_refused(extra, reply) else _complete(client, extra, owner, reply)
        for (extra, owner), reply in zip(questions, replies.values(), strict=True)
    ]


def _is_refused(extra: Extra, reply: Reply) -> bool:
    """Tell a refusal of one owner from one of the method: the latter is raised."""
    if reply.ruled is None:
        return False
    if code_of(reply.body) == "error_method_not_found" or issubclass(reply.ruled.error, AccessDenied):
        raise NotOffered(extra.call, failure(reply.ruled, extra.call, reply.status, reply.body))
    if reply.ruled.action != "refuse":
        reply.or_raise(extra.call)
    return True


def rows_of(extra: Extra, result: Any) -> list[Params]:
    """Return the rows of one answer."""
    return Listing(extra.key, extra.call, path=extra.path).rows(result)


def _complete(client: Client, extra: Extra, owner: Any, first: Reply) -> list[Params]:
    rows = rows_of(extra, first.result)
    if first.next is None:
        return rows
    for _ in range(REREADS):
        whole, total = _paged(client, extra, owner)
        if total is None or len({str(row.get("ID", row.get("id"))) for row in whole}) == total:
            return whole
    raise CrmUnavailable(f"{extra.call}: a list kept changing while it was read.")


def _paged(client: Client, extra: Extra, owner: Any) -> tuple[list[Params], int | None]:
    """Read a list page by page, outside of a batch, where some methods repeat page one (facts: bitrix24 9)."""
    rows: list[Params] = []
    start = 0
    while True:
        reply = client.call(extra.call, {**extra.parameters(owner), "start": start})
        rows += rows_of(extra, reply.result)
        if reply.next is None or reply.next <= start:
            return rows, reply.total
        start = reply.next
