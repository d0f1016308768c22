"""Writing: up to fifty commands a request, several requests in flight, an outcome for every write; nothing is sent twice.

What belongs here: packing, sending, the order of things. Which commands a write is belongs to `orders`, what a reply means to
`outcomes`. A record met twice waits for its turn; everything else goes together.
"""

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from crm_pipeline.connectors.bitrix24.callees import read_callees
from crm_pipeline.connectors.bitrix24.linking import read_rows
from crm_pipeline.connectors.bitrix24.orders import Order, order
from crm_pipeline.connectors.bitrix24.outcomes import LOST, follow_up, later, lost, outcome, refused
from crm_pipeline.connectors.bitrix24.payloads import PAGE
from crm_pipeline.connectors.bitrix24.replies import Command, Reply
from crm_pipeline.connectors.bitrix24.spelling import Desk
from crm_pipeline.errors import AnswerLost, ConnectionStopped, RateLimited, RequestRefused, TryLater
from crm_pipeline.model.writing import APPLIED, Outcome, Write

Portion = list[Order | Outcome]
"""What one request carries; an outcome that needs none keeps its place among the others."""


def write(desk: Desk, writes: Sequence[Write]) -> Iterator[Outcome]:
    """Do it, and yield outcomes in the order of the writes, as far as no record is met twice."""
    for some in rounds(writes):
        read_rows(desk, some)
        desk.callees = read_callees(desk.client.batch, some)
        yield from _sent(desk, portions([_ordered(desk, one) for one in some]))


def rounds(writes: Sequence[Write]) -> list[list[Write]]:
    """Split writes so that a record is met once in each, in the order given."""
    found: list[list[Write]] = []
    met: dict[tuple[str, str], int] = {}
    for one in writes:
        record = (one.entity, one.external_id or f"new {one.marker or one.key}")
        place = met[record] = met.get(record, -1) + 1
        found += [[]] if place == len(found) else []
        found[place].append(one)
    return found


def _ordered(desk: Desk, one: Write) -> Order | Outcome:
    try:
        return order(desk, one)
    except RequestRefused as refusal:
        return refused(one.key, one.external_id, refusal.code, str(refusal))


def portions(orders: Sequence[Order | Outcome]) -> list[Portion]:
    """Pack orders into requests of at most fifty commands; what only travels alone has one to itself."""
    found: list[Portion] = [[]]
    free = PAGE
    for one in orders:
        size = 0 if isinstance(one, Outcome) else PAGE if _is_alone(one.commands) else len(one.commands)
        if size > free and found[-1]:
            found.append([])
            free = PAGE
        found[-1].append(one)
        free -= size
    return found


def _is_alone(commands: Sequence[Command]) -> bool:
    return len(commands) > PAGE or any(map(_beyond_a_query, commands))


def _beyond_a_query(command: Command) -> bool:
    """An empty list does not travel in a query, and a batch takes `$result[` for a reference, whoever wrote it (facts: 3.3)."""
    return _holds(command[1])


def _holds(value: Any) -> bool:
    if isinstance(value, Mapping):
        return any(map(_holds, value.values()))
    if isinstance(value, (list, tuple)):
        return not value or any(map(_holds, value))
    return isinstance(value, str) and "$result" in value


def _sent(desk: Desk, waiting: Sequence[Portion]) -> Iterator[Outcome]:
    """Send portions, as many at once as the link takes. What is in flight when one is turned away is still told about."""
    rest, under_way = deque(waiting), deque[Future[list[Outcome]]]()
    stopped: TryLater | ConnectionStopped | None = None
    with ThreadPoolExecutor(desk.client.in_flight, thread_name_prefix="writes") as workers:
        while under_way or (rest and not stopped):
            while rest and not stopped and len(under_way) < desk.client.in_flight:
                under_way.append(workers.submit(_portion, desk, rest.popleft()))
            found: list[Outcome] = []
            try:
                found = under_way.popleft().result()
            except (TryLater, ConnectionStopped) as error:
                stopped = stopped or error
            yield from found
    if stopped:
        raise stopped


def _portion(desk: Desk, portion: Portion) -> list[Outcome]:
    orders = {one.write.key: one for one in portion if isinstance(one, Order)}
    told = {one.key: one for one in portion if isinstance(one, Outcome)} | _resting(desk, list(orders.values()))
    ready = [one for name, one in orders.items() if name not in told]
    told |= _asked(desk, ready)
    told |= _followed(desk, [(one, told[one.write.key]) for one in ready])
    return [told[one.key if isinstance(one, Outcome) else one.write.key] for one in portion]


def _resting(desk: Desk, orders: Sequence[Order]) -> dict[str, Outcome]:
    """Return the outcome of orders that need a method which is parked: later, with until when (facts: bitrix24 7)."""
    parked: dict[str, str] = {}
    for method in dict.fromkeys(method for one in orders for method, _ in one.commands):
        try:
            desk.client.operating.rest(method)
        except RateLimited as error:
            parked[method] = str(error)
    why = {one.write.key: next((parked[method] for method, _ in one.commands if method in parked), "") for one in orders}
    return {one.write.key: later(one, why[one.write.key]) for one in orders if why[one.write.key]}


def _asked(desk: Desk, orders: Sequence[Order]) -> dict[str, Outcome]:
    commands = [command for one in orders for command in one.commands]
    try:
        replies = _replies(desk, commands)
    except AnswerLost as error:
        return {one.write.key: lost(one, str(error)) if one.commands else outcome(one, {}, desk.client) for one in orders}
    except RequestRefused as error:
        return {one.write.key: refused(one.write.key, one.write.external_id, error.code, str(error)) for one in orders}
    told: dict[str, Outcome] = {}
    at = 0
    for one in orders:
        own = {place: replies[at + place] for place in range(len(one.commands)) if at + place in replies}
        told[one.write.key] = outcome(one, own, desk.client)
        at += len(one.commands)
    if any(reply.ruled and reply.ruled.action == "pause" for reply in replies.values()):
        desk.client.rest_all()
    return told


def _replies(desk: Desk, commands: Sequence[Command]) -> dict[int, Reply]:
    """Send commands, fifty a request, and return the replies by place; after one that is lost the rest is not sent."""
    replies: dict[int, Reply] = {}
    step = 1 if any(map(_beyond_a_query, commands)) else PAGE
    for start in range(0, len(commands), step):
        some = commands[start : start + step]
        try:
            replies |= _once(desk, some, start)
        except (AnswerLost, TryLater, ConnectionStopped):
            if not replies:
                raise
            return replies
    return replies


def _once(desk: Desk, some: Sequence[Command], start: int) -> dict[int, Reply]:
    desk.client.operating.rest("batch")
    if len(some) == 1 and _beyond_a_query(some[0]):
        return {start: desk.client.write_alone(some[0])}
    found = desk.client.write({f"w{start + place}": command for place, command in enumerate(some)})
    return {int(name[1:]): reply for name, reply in found.items()}


def _followed(desk: Desk, done: Sequence[tuple[Order, Outcome]]) -> dict[str, Outcome]:
    """Do what follows what was done, such as the rows of a new deal; that it was done stands, whatever becomes of the rest."""
    told: dict[str, Outcome] = {}
    waiting = [
        (found, own)
        for one, found in done
        if found.status == APPLIED and found.external_id and (own := one.then(found.external_id.removeprefix(one.prefix)))
    ]
    commands = [command for _, own in waiting for command in own]
    replies: dict[int, Reply] = {}
    why = LOST
    try:
        replies = _replies(desk, commands)
    except (TryLater, ConnectionStopped, RequestRefused) as error:
        why = str(error)
    at = 0
    for found, own in waiting:
        told[found.key] = follow_up(found, [(command, replies.get(at + place)) for place, command in enumerate(own)], why)
        at += len(own)
    return told
