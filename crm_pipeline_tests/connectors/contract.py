"""What every connector promises, tested against a running stand-in over real HTTP. A CRM's own tests inherit `ConnectorContract`.

A child class says which stand-in runs (`open_stand`) and which of its lists are walked (`LISTS`); everything else is here.
"""

import json
import logging
import traceback
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import islice
from typing import Any, ClassVar, Protocol

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crm_pipeline.connectors import Connector, Link, Stream
from crm_pipeline.errors import ConnectionStopped, CrmPipelineError, HostNotAllowed, Unreadable
from crm_pipeline.model.entities import CHILDREN, COLUMNS
from crm_pipeline.model.records import MappingContext, Page, RawRecord, WalkRequest


class Stand(Protocol):
    """A running stand-in, a checked link to it, and the hands of a person working in it."""

    connector: Connector
    link: Link

    def held(self, stream: str) -> set[str]:
        """Return the external ids of what a list holds now."""

    def edit(self, stream: str, external_id: str) -> None:
        """Change a record as a person would."""

    def delete(self, stream: str, external_id: str) -> None:
        """Delete a record as a person would."""

    def now(self) -> datetime:
        """Return the CRM's clock."""

    def advance(self, seconds: float) -> None:
        """Move the CRM's clock."""

    def freeze(self) -> None:
        """Stop the CRM's clock."""

    def fault(self, stream: str, **rule: Any) -> None:
        """Add a fault to requests of a list; see the sandbox's README for rules."""

    def fired(self) -> int:
        """Return how often faults have struck."""

    def edits_of(self, stream: str, edited: Iterable[str], deleted: Iterable[str]) -> list[dict[str, Any]]:
        """Return the same as edits a `mutate` fault carries out while a walk is under way."""

    def secrets(self) -> list[str]:
        """Return every secret of the connection."""

    def expire_token(self) -> None:
        """Let the access token be refused until it is renewed; nothing where there is none."""


class ConnectorContract:
    """Inherit, set LISTS, implement open_stand."""

    LISTS: ClassVar[tuple[str, ...]]
    """Streams of records that can be edited and deleted."""

    def open_stand(self, **switches: Any) -> AbstractContextManager[Stand]:
        """Run a fresh stand-in with some hundred records."""
        raise NotImplementedError

    @pytest.fixture
    def stand(self) -> Iterator[Stand]:
        with self.open_stand() as stand:
            yield stand

    def test_each_list_is_read_whole(self, stand: Stand) -> None:
        for name in self.LISTS:
            pages = walk(stand, name, WalkRequest("initial"))
            assert live_ids(pages) == stand.held(name), name
            assert stand.held(name), f"the stand-in holds nothing of {name}: this proves nothing"
            assert_well_ended(pages)

    def test_a_walk_killed_after_any_page_goes_on(self, stand: Stand) -> None:
        for name in self.LISTS:
            whole = live_ids(walk(stand, name, WalkRequest("initial")))
            for kill in range(1, 5):
                seen, resume = set[str](), None
                while True:
                    pages = walk(stand, name, WalkRequest("initial", resume=resume), most=kill)
                    seen |= live_ids(pages)
                    resume = json.loads(json.dumps(pages[-1].resume))
                    if resume is None:
                        break
                assert seen == whole, (name, kill)

    def test_incremental_reads_what_changed_and_little_else(self, stand: Stand) -> None:
        for name in self.LISTS:
            since = watermark(walk(stand, name, WalkRequest("initial")))
            stand.advance(3_600)
            edited = some(stand.held(name), 3)
            for external_id in edited:
                stand.edit(name, external_id)
            pages = walk(stand, name, WalkRequest("incremental", since=since))
            assert edited <= live_ids(pages), name
            assert len(live_ids(pages)) <= len(edited) + 25, name
            stand.advance(3_600)
            later = walk(stand, name, WalkRequest("incremental", since=watermark(pages)))
            assert_well_ended(later)

    def test_edits_of_the_same_second_are_not_missed(self, stand: Stand) -> None:
        for name in self.LISTS:
            stand.advance(3_600)
            stand.freeze()
            one, other = sorted(stand.held(name))[:2]
            stand.edit(name, one)
            since = watermark(walk(stand, name, WalkRequest("initial")))
            stand.edit(name, other)
            assert other in live_ids(walk(stand, name, WalkRequest("incremental", since=since))), name

    def test_a_window_holds_what_changed_in_it(self, stand: Stand) -> None:
        for name in self.windowed():
            stand.advance(7_200)
            begun = stand.now().replace(microsecond=0)
            edited = some(stand.held(name), 2)
            for external_id in edited:
                stand.edit(name, external_id)
            ended = stand.now().replace(microsecond=0) + timedelta(seconds=1)
            stand.advance(60)
            stand.edit(name, sorted(stand.held(name) - edited)[0])
            pages = walk(stand, name, WalkRequest("window", since=begun, until=ended))
            assert live_ids(pages) == edited, name

    def test_records_are_read_by_id_and_missing_ones_are_tombstones(self, stand: Stand) -> None:
        for name in self.single():
            live, gone = sorted(stand.held(name))[:2]
            stand.delete(name, gone)
            pages = walk(stand, name, WalkRequest("record", ids=(live, gone)))
            records = {record.external_id: record for page in pages for record in page.records}
            assert records[live].payload and not records[live].deleted, name
            assert records[gone].deleted, name

    def test_work_during_a_walk_loses_nothing(self, stand: Stand) -> None:
        """Rows move between pages and vanish while they are read: with the next incremental walk everything is known."""
        for name in self.LISTS:
            before = sorted(stand.held(name))
            edited, deleted = before[:2] + before[-2:], before[2:4]
            events = feeds(stand, name)
            marks = {feed: watermark(walk(stand, feed, WalkRequest("initial"))) for feed in events}
            stand.fault(name, fault="mutate", after=2, times=1, edits=stand.edits_of(name, edited, deleted))
            first = walk(stand, name, WalkRequest("initial"))
            then = walk(stand, name, WalkRequest("incremental", since=watermark(first)))
            assert live_ids(first) | live_ids(then) >= stand.held(name), name
            if events:
                told = [walk(stand, feed, WalkRequest("incremental", since=mark)) for feed, mark in marks.items()]
                buried = {record.external_id for pages in told for page in pages for record in page.records if record.deleted}
                assert set(deleted) <= buried, name

    @pytest.mark.parametrize(
        "rule",
        [
            {"fault": "status", "status": 502, "html": True, "times": 2},
            {"fault": "status", "status": 503, "times": 1},
            {"fault": "reset_before", "times": 2},
            {"fault": "reset_after", "times": 1},
            {"fault": "truncate", "bytes": 60, "times": 1},
        ],
        ids=lambda rule: f"{rule['fault']}-{rule.get('status', '')}",
    )
    @pytest.mark.parametrize("after", [1, 2])
    def test_a_short_failure_is_survived(self, stand: Stand, rule: dict[str, Any], after: int) -> None:
        for name in self.LISTS:
            struck = stand.fired()
            stand.fault(name, after=after, **rule)
            assert live_ids(walk(stand, name, WalkRequest("initial"))) == stand.held(name), name
            assert stand.fired() > struck, "the fault did not strike: this proves nothing"

    def test_an_expired_token_is_renewed(self, stand: Stand) -> None:
        stand.expire_token()
        name = self.LISTS[0]
        assert live_ids(walk(stand, name, WalkRequest("initial"))) == stand.held(name)

    def test_only_allowed_hosts_are_contacted(self, stand: Stand) -> None:
        for address in ("https://evil.test", "http://169.254.169.254", "https://127.0.0.1.evil.test"):
            with pytest.raises(HostNotAllowed):
                walk(stand, self.LISTS[0], WalkRequest("initial"), link=replace(stand.link, base_url=address))

    def test_a_redirect_to_a_stranger_is_not_followed(self, stand: Stand) -> None:
        stand.fault(self.LISTS[0], fault="redirect", location="https://evil.test/steal", times=0)
        with pytest.raises(HostNotAllowed):
            walk(stand, self.LISTS[0], WalkRequest("initial"))

    @pytest.mark.parametrize(
        "rule",
        [
            {"fault": "status", "status": 400},
            {"fault": "status", "status": 401},
            {"fault": "status", "status": 402},
            {"fault": "status", "status": 403, "html": True},
            {"fault": "status", "status": 500, "html": True},
            {"fault": "reset_before"},
            {"fault": "redirect", "location": "https://evil.test/"},
        ],
        ids=lambda rule: f"{rule['fault']}-{rule.get('status', '')}",
    )
    def test_no_failure_tells_a_secret(self, stand: Stand, rule: dict[str, Any], caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.DEBUG)
        stand.fault(self.LISTS[0], times=0, **rule)
        with pytest.raises(CrmPipelineError) as raised:
            walk(stand, self.LISTS[0], WalkRequest("initial"))
        told = "\n".join(written(raised.value)) + caplog.text + repr(stand.link.http)
        assert not [secret[:4] for secret in stand.secrets() if secret in told]

    def test_a_block_stops_the_connection(self, stand: Stand) -> None:
        stand.fault(self.LISTS[0], fault="status", status=403, html=True, times=0)
        made = stand.link.http.requests_made
        with pytest.raises(ConnectionStopped) as raised:
            walk(stand, self.LISTS[0], WalkRequest("initial"))
        assert raised.value.what_to_do
        assert stand.link.http.requests_made - made <= 4, "a block is not knocked at"

    def test_everything_that_is_read_can_be_normalized(self, stand: Stand) -> None:
        context = MappingContext(1, "Europe/Moscow", "RUB", facts=stand.link.facts)
        for stream in stand.connector.streams:
            for record in records(walk(stand, stream.name, WalkRequest("initial"))):
                if record.deleted:
                    continue
                for source in stand.connector.normalize(record, context):
                    assert_fits_the_tables(source.entity, source.values, source.children)

    def test_normalizing_never_fails_but_with_a_reason(self, stand: Stand) -> None:
        """Whatever a CRM puts where: a record is mapped or set aside as Unreadable."""
        samples = [found[0] for stream in stand.connector.streams if (found := live_records(stand, stream.name))]
        context = MappingContext(1, facts=stand.link.facts)

        @given(st.sampled_from(samples), st.data())
        @settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
        def spoiled(sample: RawRecord, data: st.DataObject) -> None:
            payload = spoil(sample.payload, data)
            try:
                for source in stand.connector.normalize(replace(sample, payload=payload), context):
                    assert source.external_id
            except Unreadable as error:
                assert str(error)

        spoiled()

    def windowed(self) -> tuple[str, ...]:
        """Return the lists a window can be read of."""
        return self.LISTS

    def single(self) -> tuple[str, ...]:
        """Return the lists whose records can be read by id, and then be known to be gone."""
        return self.LISTS


# What the tests share ---------------------------------------------------------------------------------------------------


def stream_of(stand: Stand, name: str) -> Stream:
    return next(stream for stream in stand.connector.streams if stream.name == name)


def feeds(stand: Stand, name: str) -> list[str]:
    """Return the other streams that tell of records of the same kind."""
    kind = stream_of(stand, name).kinds[0]
    return [stream.name for stream in stand.connector.streams if stream.name != name and kind in stream.kinds]


def walk(stand: Stand, name: str, request: WalkRequest, *, most: int | None = None, link: Link | None = None) -> list[Page]:
    """Return the pages of a walk, abandoned after `most` of them as a killed process would."""
    pages = stand.connector.walk(link or stand.link, stream_of(stand, name), request)
    taken = list(islice(pages, most))
    pages.close()  # type: ignore[attr-defined]
    return taken


def records(pages: Iterable[Page]) -> list[RawRecord]:
    return [record for page in pages for record in page.records]


def live_ids(pages: Iterable[Page]) -> set[str]:
    return {record.external_id for record in records(pages) if not record.deleted}


def live_records(stand: Stand, name: str) -> list[RawRecord]:
    return [record for record in records(walk(stand, name, WalkRequest("initial"))) if not record.deleted]


def watermark(pages: list[Page]) -> datetime:
    found = pages[-1].started_at
    assert found is not None
    return found


def assert_well_ended(pages: list[Page]) -> None:
    """One clock for the whole walk, a state after each page but the last."""
    assert len({page.started_at for page in pages}) == 1
    assert pages[-1].resume is None
    assert all(page.resume is not None for page in pages[:-1])


def some(ids: set[str], count: int) -> set[str]:
    ordered = sorted(ids)
    return set(ordered[:: max(1, len(ordered) // count)][:count])


def written(error: BaseException | None) -> Iterator[str]:
    """Yield everything an exception and what it came from would show."""
    while error is not None:
        yield "".join(traceback.format_exception(error)) + repr(error) + str(vars(error))
        error = error.__cause__ or error.__context__


def assert_fits_the_tables(entity: str, values: Any, children: Any) -> None:
    assert set(values) <= {*COLUMNS[entity], "originator_id", "origin_id"}
    tables = {child.table: child for child in CHILDREN.get(entity, ())}
    for table, rows in children.items():
        for row in rows:
            assert set(row) == set(tables[table].columns), table
        keys = [tuple(row[name] for name in tables[table].key) for row in rows]
        assert len(keys) == len(set(keys)), table


ODD: st.SearchStrategy[Any] = st.sampled_from(
    [None, "", "0", 0, False, True, [], {}, -1, 1.5, "x", [None], [{}], {"a": []}, "2026-13-45", 10**20, "\x00"]
)


def spoil(payload: Any, data: st.DataObject) -> Any:
    """Return a payload with one value somewhere in it replaced by something odd."""
    if isinstance(payload, dict) and payload:
        key = data.draw(st.sampled_from(sorted(payload)))
        deeper = isinstance(payload[key], (dict, list)) and data.draw(st.booleans())
        return {**payload, key: spoil(payload[key], data) if deeper else data.draw(ODD)}
    if isinstance(payload, list) and payload:
        index = data.draw(st.integers(0, len(payload) - 1))
        return [*payload[:index], spoil(payload[index], data), *payload[index + 1 :]]
    return data.draw(ODD)
