"""Reading ahead of landing: bounded, exact where pages overlap, and counted and reported for the stream it belongs to."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from threading import Condition
from typing import Any

import pytest

from crm_pipeline.connectors import Link, Stream
from crm_pipeline.errors import ConnectionBusy
from crm_pipeline.model.records import Page, RawRecord, WalkRequest
from crm_pipeline.stages.parts import EntityResult
from crm_pipeline.stages.sync import sync
from crm_pipeline.wiring import Pipeline
from crm_pipeline_tests.connectors.tinycrm import TinyCrm
from crm_pipeline_tests.connectors.tinycrm.server import TinyServer
from crm_pipeline_tests.stages.test_landing import fill

Rows = Callable[..., list[dict[str, Any]]]
BORN = datetime(2026, 3, 1, tzinfo=UTC)
SOON = 20
AHEAD = 4
"""Pages read before their turn to be landed: two wait, and who reads and who drafts hold one each."""


def contact(number: int, name: str, minute: int = 0, *, deleted: bool = False) -> RawRecord:
    """Return a contact as it was at that minute."""
    at = BORN + timedelta(minutes=minute)
    body = {"id": str(number), "name": name, "created_at": BORN.isoformat(), "updated_at": at.isoformat()}
    return RawRecord("contacts", str(number), None if deleted else body, BORN, at, deleted=deleted)


@dataclass(frozen=True)
class Scripted(TinyCrm):
    """A tiny CRM whose contacts come in these pages; tells how many were asked for."""

    pages: tuple[tuple[RawRecord, ...], ...] = ()
    asked: list[int] = field(default_factory=list)
    moved: Condition = field(default_factory=Condition)

    def walk(self, link: Link, stream: Stream, request: WalkRequest) -> Iterator[Page]:
        """Yield the pages that are left."""
        first = (request.resume or {"page": 0})["page"]
        for number, records in enumerate(self.pages[first:], start=first + 1):
            with self.moved:
                self.asked.append(number)
                self.moved.notify_all()
            yield Page(records, {"page": number} if number < len(self.pages) else None, BORN)


def scripted(connected: Pipeline, *pages: Sequence[RawRecord], small: bool = False) -> tuple[Pipeline, Scripted]:
    """Return a pipeline whose tiny CRM follows a script."""
    crm = Scripted(streams=(Stream("contacts", "contacts", ("contacts",), small_pages=small),), pages=tuple(map(tuple, pages)))
    return replace(connected, connectors={"tinycrm": crm}), crm


@pytest.mark.parametrize("small", [False, True], ids=["page by page", "landed together"])
def test_one_record_in_neighbouring_pages_is_compared_with_what_was_landed_last(
    connected: Pipeline, rows: Rows, small: bool
) -> None:
    parts, _ = scripted(
        connected, [contact(1, "A"), contact(2, "B")], [contact(2, "B"), contact(3, "C")], [contact(3, "C2", 5), contact(2, "B")],
        [contact(3, "C2", 5)], [contact(2, "B", 6, deleted=True), contact(3, "C", 1)], small=small,
    )  # fmt: skip
    result = sync(parts, "tiny", "initial", entities=["contacts"]).entities["contacts"]
    assert (result.error, result.read) == (None, 9)
    assert rows("SELECT external_id, name FROM source.contacts WHERE deleted_at IS NULL ORDER BY 1") == [
        {"external_id": "1", "name": "A"}, {"external_id": "3", "name": "C2"},
    ]  # fmt: skip
    if not small:
        assert (result.inserted, result.updated, result.unchanged, result.deleted) == (3, 1, 4, 1)
        log = rows("SELECT external_id, field, old_value, new_value FROM source.field_changes WHERE field = 'name'")
        assert log == [{"external_id": "3", "field": "name", "old_value": "C", "new_value": "C2"}]


def test_the_walk_runs_ahead_of_landing_but_only_a_few_pages(connected: Pipeline) -> None:
    pages = [[contact(100 * page + i, f"C{i}") for i in range(3)] for page in range(40)]
    parts, crm = scripted(connected, *pages)
    landed: list[int] = []

    def watch(_connection: str, _entity: str, result: EntityResult) -> None:
        landed.append(result.read // 3)
        with crm.moved:
            due = min(landed[-1] + AHEAD, 40)
            assert crm.moved.wait_for(lambda: len(crm.asked) >= due, SOON), "while a page is landed, the next are read"
            assert len(crm.asked) <= landed[-1] + AHEAD

    result = sync(parts, "tiny", "initial", entities=["contacts"], progress=watch).entities["contacts"]
    assert (result.error, result.inserted) == (None, 120)
    assert landed == list(range(1, 41))


def test_small_pages_that_wait_are_landed_together_with_the_last_one_s_cursor(connected: Pipeline, rows: Rows) -> None:
    pages = [[contact(300 * page + i, "C") for i in range(300)] for page in range(10)]
    parts, crm = scripted(connected, *pages, small=True)
    landed: list[int] = []

    def hold(_connection: str, _entity: str, result: EntityResult) -> None:
        landed.append(result.read)
        if len(landed) == 3:
            rows("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND classid = 4411981")
        with crm.moved:
            crm.moved.wait_for(lambda: len(crm.asked) == 10, 0.5)

    with pytest.raises(ConnectionBusy):
        sync(parts, "tiny", "initial", entities=["contacts"], progress=hold)
    assert any(after - before > 300 for before, after in zip([0, *landed], landed, strict=False))
    state = rows("SELECT walk_state FROM sync.cursors WHERE stream = 'contacts'")[0]["walk_state"]
    assert rows("SELECT count(*) AS n FROM source.contacts") == [{"n": 300 * state["page"]}]
    assert sync(parts, "tiny", "initial", entities=["contacts"]).entities["contacts"].inserted == 3000 - 300 * state["page"]
    assert rows("SELECT count(*) AS n FROM source.contacts") == [{"n": 3000}]


def test_requests_are_counted_for_the_entity_they_were_made_for(connected: Pipeline, tiny: TinyServer) -> None:
    fill(tiny, contacts=350)
    sync(connected, "tiny", "initial", entities=["users"])  # the account is asked about first
    tiny.requests.clear()
    found = sync(connected, "tiny", "initial").entities
    asked = {**tiny.requests}
    asked["deals"] += asked.pop("stage_changes")
    assert {entity: result.requests for entity, result in found.items()} == {entity: asked[entity] for entity in found}


def test_an_entity_begun_ahead_fails_alone(connected: Pipeline, tiny: TinyServer, rows: Rows) -> None:
    fill(tiny, contacts=250)
    tiny.fail["products"] = 500
    found = sync(connected, "tiny", "initial").entities
    assert {entity for entity, result in found.items() if result.error} == {"products"}
    assert (found["contacts"].inserted, found["deals"].inserted) == (250, 1)
    assert rows("SELECT walk_mode FROM sync.cursors WHERE stream = 'products'") == [{"walk_mode": "initial"}]
    tiny.fail.clear()
    assert sync(connected, "tiny", "initial").entities["products"].inserted == 1
