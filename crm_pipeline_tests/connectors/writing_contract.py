"""What every connector that writes promises, tested against a running stand-in over real HTTP. A CRM's tests inherit
`WritingContract`; nothing here knows a CRM.

A child class says which stand-in runs (`open_stand`), what is written (`CREATES`, `CHANGES`, `REFUSED`), all in source columns.
Values are put through `express` first, as draining does; what is read back must be equal to what `express` said.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, ClassVar, Protocol

import pytest

from crm_pipeline.connectors import Connector, Link, MappingContext, Outcome, Write
from crm_pipeline.model.records import RawRecord, SourceRecord
from crm_pipeline.model.writing import APPLIED, CREATE, POINT_SETS, REFUSED, UNKNOWN, UPDATE

Values = Mapping[str, Any]


class WritingStand(Protocol):
    """A running stand-in, a checked and prepared link to it, and a view of what it holds."""

    connector: Connector
    link: Link
    context: MappingContext
    """With the facts of the check and of `prepare`, and the account's field definitions."""

    def current(self, entity: str, ids: Sequence[str]) -> dict[str, RawRecord]:
        """Return records as a walk by id reads them."""

    def ids(self, entity: str) -> set[str]:
        """Return the external ids of all live records of an entity, straight from the stand-in."""

    def write_fault(self, entity: str, operation: str, **rule: Any) -> None:
        """Add a fault to the requests that create or update records of an entity."""

    def requests(self) -> int:
        """Return how many requests the stand-in has had."""

    def secrets(self) -> list[str]:
        """Return every secret of the connection."""


class WritingContract:
    """Inherit, set the samples, implement open_stand."""

    CREATES: ClassVar[dict[str, Values]]
    """Entity → what a record of it is created with; every entity that can be created."""
    CHANGES: ClassVar[dict[str, Values]]
    """Entity → other values, of every column that can be updated; must differ from CREATES."""
    CLEARED: ClassVar[dict[str, tuple[str, ...]]]
    """Entity → columns of CREATES that can be emptied."""
    REFUSED: ClassVar[dict[str, Values]]
    """Entity → values the CRM refuses for good; at least one entity of which several are created or updated in one call."""
    MARKED: ClassVar[tuple[str, ...]]
    """Entities whose creates are found again by our marker."""

    def open_stand(self, **switches: Any) -> AbstractContextManager[WritingStand]:
        """Run a fresh stand-in with some hundred records, prepared for writing."""
        raise NotImplementedError

    @pytest.fixture
    def stand(self) -> Iterator[WritingStand]:
        with self.open_stand() as stand:
            yield stand

    def sample(self, entity: str, stand: WritingStand) -> dict[str, Any]:
        """Return what to create; a child fills in references to records of its stand-in here."""
        return dict(self.CREATES[entity])

    def changed(self, entity: str, stand: WritingStand) -> dict[str, Any]:
        """Return what to change."""
        return dict(self.CHANGES[entity])

    def test_what_is_created_reads_back_as_express_said(self, stand: WritingStand) -> None:
        for entity in self.CREATES:
            (outcome,) = make(stand, entity, [self.sample(entity, stand)])
            assert outcome.status == APPLIED, outcome
            said = stand.connector.express(entity, self.sample(entity, stand), stand.context)
            assert said, f"express leaves nothing of {entity}: this proves nothing"
            assert_holds(read(stand, entity, outcome.external_id), said)

    def test_what_is_updated_reads_back_and_nothing_else_changes(self, stand: WritingStand) -> None:
        for entity in self.CHANGES:
            (made,) = make(stand, entity, [self.sample(entity, stand)])
            for column, value in self.changed(entity, stand).items():
                before = held(read(stand, entity, made.external_id))
                said = stand.connector.express(entity, {column: value}, stand.context)
                (outcome,) = change(stand, entity, {made.external_id or "": said})
                assert (outcome.status, outcome.left_out) == (APPLIED, ()), (entity, column, outcome)
                after = read(stand, entity, made.external_id)
                assert_holds(after, said)
                moved = {name for name, now in held(after).items() if now != before.get(name)}
                assert moved <= self.moves_with(entity, column), (entity, column)

    def moves_with(self, entity: str, column: str) -> set[str]:
        """Return the columns that may move when one is written: itself, and what a child knows the CRM to derive from it."""
        return {column}

    def test_expressing_twice_changes_nothing(self, stand: WritingStand) -> None:
        for entity, sample in {**self.CREATES, **self.CHANGES}.items():
            once = stand.connector.express(entity, sample, stand.context)
            assert stand.connector.express(entity, once, stand.context) == once, entity

    def test_only_what_is_named_writable_is_taken(self, stand: WritingStand) -> None:
        for entity, writable in stand.connector.writable.items():
            said = stand.connector.express(entity, {**self.CREATES.get(entity, {}), "nonsense": 1}, stand.context)
            assert set(said) <= writable.columns, entity

    def test_a_refused_write_fails_alone(self, stand: WritingStand) -> None:
        for entity, wrong in self.REFUSED.items():
            before = stand.ids(entity)
            good = [self.sample(entity, stand) for _ in range(4)]
            bad = {**self.sample(entity, stand), **wrong}
            outcomes = make(stand, entity, [*good[:2], bad, *good[2:]])
            by_key = {outcome.key: outcome for outcome in outcomes}
            assert [by_key[f"{entity}-{n}"].status for n in range(5)] == [APPLIED, APPLIED, REFUSED, APPLIED, APPLIED]
            assert by_key[f"{entity}-2"].code
            assert by_key[f"{entity}-2"].detail
            made = {outcome.external_id for outcome in outcomes if outcome.status == APPLIED}
            assert stand.ids(entity) - before == made, "exactly what was said to be created"

    def test_many_cost_few_requests(self, stand: WritingStand) -> None:
        for entity in self.CREATES:
            make(stand, entity, [self.sample(entity, stand)], first=900)  # learns what it has to know of the account
            before = stand.requests()
            outcomes = make(stand, entity, [self.sample(entity, stand) for _ in range(40)])
            assert {outcome.status for outcome in outcomes} == {APPLIED}
            assert stand.requests() - before <= 4, entity

    @pytest.mark.parametrize("fault", ["reset_after", "truncate"])
    def test_a_lost_answer_is_unknown_and_the_create_is_found(self, stand: WritingStand, fault: str) -> None:
        for entity in self.CREATES:
            before = stand.ids(entity)
            stand.write_fault(entity, CREATE, fault=fault, times=1, bytes=3)
            writes = creates(stand, entity, [self.sample(entity, stand) | self.told_apart(entity, n) for n in range(3)])
            outcomes = run(stand, writes)
            assert {outcome.status for outcome in outcomes} == {UNKNOWN}, (entity, outcomes)
            assert {outcome.code for outcome in outcomes} == {"lost"}
            made = stand.ids(entity) - before
            assert len(made) == 3, "sent once and applied, not sent again"
            asked = [replace(write, sent_at=datetime.now(UTC)) for write in writes]
            found = stand.connector.find(stand.link, asked, stand.context)
            assert set(found) == {write.key for write in writes}, entity
            assert set(found.values()) == made, entity

    def told_apart(self, entity: str, n: int) -> dict[str, Any]:
        """Return values that tell samples apart where nothing else does."""
        return {}

    def test_what_another_create_made_is_not_taken_for_one_that_says_the_same(self, stand: WritingStand) -> None:
        """Two equal notes: the first is known to be there, the request of the second was lost."""
        for entity in self.CREATES:
            values = self.sample(entity, stand) | self.told_apart(entity, 8)
            (made,) = run(stand, creates(stand, entity, [values]))
            stand.write_fault(entity, CREATE, fault="reset_before", times=1)
            second = [replace(write, marker=f"f{write.marker[1:]}") for write in creates(stand, entity, [values])]
            (lost,) = run(stand, second)
            assert lost.status == UNKNOWN, entity
            taken = frozenset({made.external_id or ""})
            asked = [replace(write, sent_at=datetime.now(UTC), taken=taken) for write in second]
            assert stand.connector.find(stand.link, asked, stand.context) == {}, entity

    def test_a_lost_request_is_unknown_and_nothing_is_found(self, stand: WritingStand) -> None:
        for entity in self.CREATES:
            before = stand.ids(entity)
            stand.write_fault(entity, CREATE, fault="reset_before", times=1)
            writes = creates(stand, entity, [self.sample(entity, stand) | self.told_apart(entity, 7)])
            (outcome,) = run(stand, writes)
            assert (outcome.status, outcome.code) == (UNKNOWN, "lost"), entity
            asked = [replace(write, sent_at=datetime.now(UTC)) for write in writes]
            assert stand.connector.find(stand.link, asked, stand.context) == {}, entity
            assert stand.ids(entity) == before

    def test_a_server_error_is_unknown_and_not_sent_again(self, stand: WritingStand) -> None:
        for entity in self.CHANGES:
            (made,) = make(stand, entity, [self.sample(entity, stand)])
            for status in (500, 502, 503, 504):
                stand.write_fault(entity, UPDATE, fault="status", status=status, html=True, times=1)
                said = stand.connector.express(entity, self.changed(entity, stand), stand.context)
                (outcome,) = change(stand, entity, {made.external_id or "": said})
                assert outcome.status == UNKNOWN, (entity, status, outcome)

    def test_a_marker_is_found_whatever_the_record_is_called_by_now(self, stand: WritingStand) -> None:
        for entity in self.MARKED:
            write = creates(stand, entity, [self.sample(entity, stand)])[0]
            (outcome,) = run(stand, [write])
            said = stand.connector.express(entity, self.changed(entity, stand), stand.context)
            change(stand, entity, {outcome.external_id or "": said})
            asked = replace(write, sent_at=datetime.now(UTC))
            assert stand.connector.find(stand.link, [asked], stand.context) == {write.key: outcome.external_id}
            other = replace(asked, key="other", marker="0" * 8 + write.marker[8:])
            assert stand.connector.find(stand.link, [other], stand.context) == {}
            source = read(stand, entity, outcome.external_id)
            assert (source.values["originator_id"], source.values["origin_id"]) == ("crm_pipeline", write.marker)

    def test_phones_are_merged_and_not_doubled(self, stand: WritingStand) -> None:
        entity = "contacts"
        (made,) = make(stand, entity, [{"name": "Номера", "phones": ["+79001112233", "+79001112244"]}])
        for phones in (["+79001112233", "+79001112255"], ["+79001112255"], ["+79001112255", "+74951112233", "+79001112233"]):
            said = stand.connector.express(entity, {"phones": phones}, stand.context)
            for _ in range(2):  # the second time changes nothing
                (outcome,) = change(stand, entity, {made.external_id or "": said})
                assert outcome.status == APPLIED
                found = held(read(stand, entity, made.external_id))["phones"]
                assert sorted(found) == sorted(phones)

    def test_what_is_cleared_is_empty(self, stand: WritingStand) -> None:
        for entity, columns in self.CLEARED.items():
            (made,) = make(stand, entity, [self.sample(entity, stand)])
            for column in columns:
                assert held(read(stand, entity, made.external_id))[column], f"{entity}.{column} is empty: this proves nothing"
                empty: Any = [] if column in (*POINT_SETS, "tags") else None
                (outcome,) = change(stand, entity, {made.external_id or "": {column: empty}})
                assert outcome.status == APPLIED, (entity, column, outcome)
                assert not held(read(stand, entity, made.external_id))[column], (entity, column)

    def test_a_record_that_is_gone_is_refused(self, stand: WritingStand) -> None:
        for entity in self.CHANGES:
            said = stand.connector.express(entity, self.changed(entity, stand), stand.context)
            write = Write("gone", UPDATE, entity, "999999999", said, current=RawRecord(entity, "999999999", {"id": 999999999}))
            (outcome,) = run(stand, [write])
            assert (outcome.status, outcome.code) == (REFUSED, "gone"), (entity, outcome)

    def test_no_outcome_tells_a_secret(self, stand: WritingStand) -> None:
        for entity, wrong in self.REFUSED.items():
            stand.write_fault(entity, CREATE, fault="status", status=500, html=True, times=1)
            outcomes = make(stand, entity, [self.sample(entity, stand)]) + make(
                stand, entity, [{**self.sample(entity, stand), **wrong}], first=5
            )
            told = json.dumps([repr(outcome) for outcome in outcomes])
            assert not [secret[:4] for secret in stand.secrets() if secret in told]

    def test_preparing_again_does_no_harm(self, stand: WritingStand) -> None:
        once = stand.connector.prepare(stand.link)
        assert stand.connector.prepare(stand.link) == once


# What the tests share ---------------------------------------------------------------------------------------------------


def creates(stand: WritingStand, entity: str, values: Sequence[Values], first: int = 0) -> list[Write]:
    """Return creates of these values as draining makes them."""
    return [
        Write(
            f"{entity}-{n}", CREATE, entity, None, stand.connector.express(entity, one, stand.context), marker=marker(entity, n)
        )
        for n, one in enumerate(values, first)
    ]


def marker(entity: str, n: int) -> str:
    """Return a golden id."""
    return f"{sum(entity.encode()):08d}-1111-4222-8333-{n:012d}"


def run(stand: WritingStand, writes: Sequence[Write], lane: str = "bulk") -> list[Outcome]:
    """Write, and check that every write has one outcome."""
    outcomes = list(stand.connector.write(stand.link, writes, stand.context, lane))
    assert sorted(outcome.key for outcome in outcomes) == sorted(write.key for write in writes)
    return outcomes


def make(stand: WritingStand, entity: str, values: Sequence[Values], first: int = 0) -> list[Outcome]:
    return run(stand, creates(stand, entity, values, first))


def change(stand: WritingStand, entity: str, changes: Mapping[str, Values], operation: str = UPDATE) -> list[Outcome]:
    """Read, then write."""
    current = stand.current(entity, list(changes))
    writes = [Write(f"u{key}", operation, entity, key, values, current=current[key]) for key, values in changes.items()]
    return run(stand, writes)


def read(stand: WritingStand, entity: str, external_id: str | None) -> SourceRecord:
    """Return a record as it is normalized now."""
    assert external_id
    (source,) = stand.connector.normalize(stand.current(entity, [external_id])[external_id], stand.context)
    return source


def held(source: SourceRecord) -> dict[str, Any]:
    """Return columns and lists of a source record under the names writes use."""
    points = source.children.get("contact_points", ())
    lists = {name: [point["value"] for point in points if point["kind"] == kind] for name, kind in POINT_SETS.items()}
    return {**source.values, **lists}


def assert_holds(source: SourceRecord, said: Values) -> None:
    """Check that a record holds what was expressed; lists in any order."""
    found = held(source)
    for column, value in said.items():
        if isinstance(value, list | tuple):
            assert sorted(found[column] or ()) == sorted(value), column
        else:
            assert found[column] == value, column
