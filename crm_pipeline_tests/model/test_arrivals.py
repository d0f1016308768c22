"""Every arriving record is decided about exactly once, and old news never wins."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_pipeline.model.arrivals import Known, is_implausible, newest, sort_arrivals
from crm_pipeline.model.records import RawRecord

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
TIMES = st.one_of(st.none(), st.integers(0, 3).map(lambda n: BEGIN + timedelta(seconds=n)))


def arriving_record(number: int, version: int, moment: datetime | None, deleted: bool) -> RawRecord:
    """Return a record as a walk yields it."""
    return RawRecord("deals", str(number), None if deleted else {"v": version}, None, moment, deleted)


RECORDS = st.builds(arriving_record, st.integers(1, 4), st.integers(1, 3), TIMES, st.booleans())
KNOWN = st.dictionaries(
    st.integers(1, 4).map(str), st.builds(Known, st.integers(1, 3).map(lambda v: bytes([v])), TIMES, st.booleans()), max_size=4
)


def digest(record: RawRecord) -> bytes:
    """Return a hash anybody can read."""
    return bytes([(record.payload or {})["v"]])


@given(arriving=st.lists(RECORDS, max_size=8), known=KNOWN)
def test_each_record_is_decided_about_once(arriving: list[RawRecord], known: dict[str, Known]) -> None:
    chosen = newest(arriving).get("deals", {})
    found = sort_arrivals(chosen.values(), known, digest)
    written = [record for record, _ in (*found.fresh, *found.changed)] + found.deleted + found.unheard
    assert len(written) + found.unchanged == len(chosen) == len({record.external_id for record in arriving})
    assert all(record.external_id not in known for record, _ in found.fresh)
    for record, new_hash in found.changed:
        before = known[record.external_id]
        assert before.is_deleted or before.content_hash != new_hash
    for record in [record for record, _ in found.changed] + found.deleted:
        before = known[record.external_id].remote_updated_at
        assert record.remote_updated_at is None or before is None or record.remote_updated_at >= before


@given(arriving=st.lists(RECORDS, max_size=8))
def test_landing_the_same_again_changes_nothing(arriving: list[RawRecord]) -> None:
    chosen = newest(arriving).get("deals", {})
    first = sort_arrivals(chosen.values(), {}, digest)
    known = {record.external_id: Known(new_hash, record.remote_updated_at, False) for record, new_hash in first.fresh}
    known |= {record.external_id: Known(b"", record.remote_updated_at, True) for record in first.unheard}
    assert sort_arrivals(chosen.values(), known, digest).unchanged == len(chosen)


@given(arriving=st.lists(RECORDS, max_size=8))
def test_the_newest_of_a_page_stays(arriving: list[RawRecord]) -> None:
    for external_id, kept in newest(arriving).get("deals", {}).items():
        moments = [record.remote_updated_at for record in arriving if record.external_id == external_id]
        dated = [moment for moment in moments if moment]
        assert len(dated) < len(moments) or kept.remote_updated_at == max(dated)


@pytest.mark.parametrize(
    ("live", "seen", "at_all", "expected"),
    [
        (100, 100, 100, False), (100, 80, 80, False), (100, 70, 70, False), (100, 69, 69, True), (10, 1, 1, False),
        (1, 0, 0, True), (3, 0, 5, False), (0, 0, 0, False), (30, 5, 5, True), (1000, 0, 1000, True),
    ],
)  # fmt: skip
def test_too_many_deletions_at_once_are_a_bad_read(live: int, seen: int, at_all: int, expected: bool) -> None:
    assert is_implausible(live, seen, at_all) is expected
