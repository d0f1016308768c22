"""Links of records an edit makes or takes away: they go straight into the queue, one change per connection.

What records are linked with is no field golden is compared by, so nothing else would owe it to anybody. A record this very
upload makes in a connection is made there with its links.
"""

from collections.abc import Iterable, Iterator, Mapping

from crm_pipeline.database import operations as stored
from crm_pipeline.database.outgoing import NewChange
from crm_pipeline.database.refusals import Connection
from crm_pipeline.model.delivery import INTERACTIVE
from crm_pipeline.model.operations import LINKED
from crm_pipeline.model.writing import CREATE, LINK, UNLINK
from crm_pipeline.stages.edit_reading import Case, Door


def link_changes(db: Connection, door: Door, cases: Iterable[Case]) -> list[NewChange]:
    """Return one change per connection that has both records, or is about to, and can link them."""
    cases = list(cases)
    linking = [case for case in cases if case.operation and case.operation.action in (LINK, UNLINK)]
    if not linking:
        return []
    made, places = _made(door, cases), _places(db, door, cases, linking)
    return [change for case in linking for change in _link_changes(door, case, places) if _key(change) not in made]


def _key(change: NewChange) -> tuple[str, str, int]:
    return change.entity, change.golden_id, change.connection_id


def _made(door: Door, cases: Iterable[Case]) -> set[tuple[str, str, int]]:
    """Return (entity, golden id, connection) of what this upload makes there: queued later than links, it would come too late."""
    creates = [(case.operation, case.golden_id) for case in cases if case.operation and case.operation.action == CREATE]
    return {
        (operation.entity, golden_id or "", door.sides.crms[name][0])
        for operation, golden_id in creates
        for name in operation.connections
    }


Places = Mapping[tuple[str, str], Mapping[int, str | None]]
"""(entity, golden id) → connections that have it → its external id; None: about to be made there."""


def _places(db: Connection, door: Door, cases: Iterable[Case], linking: Iterable[Case]) -> Places:
    wanted: dict[str, set[str]] = {}
    for case in linking:
        assert case.operation and case.golden_id
        wanted.setdefault(case.operation.entity, set()).add(case.golden_id)
        for name, links in case.operation.links.items():
            wanted.setdefault(LINKED[case.operation.entity][name], set()).update(link["id"] for link in links)
    places: dict[tuple[str, str], dict[int, str | None]] = {}
    for case in cases:
        if case.operation and case.golden_id:
            named = [door.sides.crms[name][0] for name in case.operation.connections]
            places.setdefault((case.operation.entity, case.golden_id), {}).update(dict.fromkeys(named))
    for entity, ids in wanted.items():
        for golden_id, connection in stored.coming(db, entity, ids):
            places.setdefault((entity, golden_id), {})[connection] = None
        for (golden_id, connection), external_id in stored.external_ids(db, door.sides.app, entity, ids).items():
            places.setdefault((entity, golden_id), {})[connection] = external_id
    return places


def _link_changes(door: Door, case: Case, places: Places) -> Iterator[NewChange]:
    operation, golden_id = case.operation, case.golden_id
    assert operation and golden_id
    of_record = places.get((operation.entity, golden_id), {})
    for connection in sorted(of_record):
        fields = {
            name: [link for link in links if connection in places.get((LINKED[operation.entity][name], link["id"]), {})]
            for name, links in operation.links.items()
            if connection in door.takers(operation, name)
        }
        fields = {name: links for name, links in fields.items() if links}
        if fields:
            yield NewChange(
                connection, operation.entity, golden_id, operation.action, fields, external_id=of_record[connection],
                lane=INTERACTIVE, origin=f"op:{operation.id}", key=f"op:{operation.id}:{connection}",
            )  # fmt: skip
