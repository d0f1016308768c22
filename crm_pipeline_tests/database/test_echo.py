"""What we wrote becomes what we know: source rows, their log, the raw row, and who belongs to whom."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import Engine

from crm_pipeline.database import echo
from crm_pipeline.database.echo import Written
from crm_pipeline.database.landing import Landing, raw_rows, speller
from crm_pipeline.model.records import RawRecord, SourceRecord

THEN = datetime(2026, 3, 1, 12, tzinfo=UTC)
LATER = THEN + timedelta(minutes=5)
GOLDEN = "11111111-2222-4333-8444-555555555555"
Rows = Callable[..., list[dict[str, Any]]]
pytest_plugins = ("crm_pipeline_tests.connectors.tinycrm.fixtures",)


@pytest.fixture
def landed(database: Engine) -> Engine:
    """Return a database with one contact and one deal of connection 7."""
    contact = SourceRecord(
        "contacts", "1", {"name": "Анна Ким", "position": "Buyer", "tags": []}, THEN, THEN,
        children={"contact_points": ({"kind": "phone", "value": "+79001112233", "original": "8 900 111-22-33", "position": 0},)},
    )  # fmt: skip
    deal = SourceRecord("deals", "5", {"title": "Кофемашина", "amount": Decimal("185000"), "tags": []}, THEN, THEN)
    with database.begin() as db:
        for record in (contact, deal):
            raw = RawRecord(record.entity, record.external_id, {"id": record.external_id}, THEN, THEN)
            landing = Landing(7)
            landing.save_fresh_raw(db, [raw_rows(7, record.entity).line(raw, b"hash")])
            landing.save_fresh(db, record.entity, [speller(7, record.entity).spell(record)])
    return database


def keep(database: Engine, entity: str, *records: Written) -> None:
    with database.begin() as db:
        echo.keep_written(db, 7, entity, records)


def test_a_written_record_holds_what_was_written(landed: Engine, rows: Rows) -> None:
    keep(landed, "deals", Written("5", GOLDEN, {"amount": Decimal("185000.50"), "tags": ["опт"]}, LATER, THEN))
    (deal,) = rows("SELECT amount, tags, title, remote_updated_at FROM source.deals")
    assert deal == {"amount": Decimal("185000.50"), "tags": ["опт"], "title": "Кофемашина", "remote_updated_at": LATER}
    changes = rows("SELECT field, old_value, new_value, changed_at, is_own_write FROM source.field_changes ORDER BY field")
    just_after = THEN + timedelta(microseconds=1)
    assert changes == [
        {"field": "amount", "old_value": 185000, "new_value": 185000.5, "changed_at": just_after, "is_own_write": True},
        {"field": "tags", "old_value": [], "new_value": ["опт"], "changed_at": just_after, "is_own_write": True},
    ]  # fmt: skip
    (raw,) = rows("SELECT content_hash, remote_updated_at FROM raw.records WHERE entity = 'deals'")
    assert (bytes(raw["content_hash"]), raw["remote_updated_at"]) == (echo.WRITTEN_HASH, LATER)
    assert [str(row["golden_id"]) for row in rows("SELECT golden_id FROM sync.golden_queue")] == [GOLDEN]


def test_what_is_undone_counts_as_an_edit_made_there(landed: Engine, rows: Rows) -> None:
    keep(landed, "contacts", Written("1", GOLDEN, {"position": None}, LATER, THEN, is_own=False))
    (change,) = rows("SELECT field, new_value, changed_at, is_own_write FROM source.field_changes")
    assert change == {"field": "position", "new_value": None, "changed_at": LATER, "is_own_write": False}


def test_contact_points_are_put_on_and_taken_off(landed: Engine, rows: Rows) -> None:
    keep(landed, "contacts", Written("1", GOLDEN, {"phones": ["+79160000001"], "emails": ["a@example.test"]}, LATER, THEN))
    points = rows("SELECT kind, value FROM source.contact_points ORDER BY kind")
    assert points == [{"kind": "email", "value": "a@example.test"}, {"kind": "phone", "value": "+79160000001"}]
    logged = {row["field"] for row in rows("SELECT field FROM source.field_changes WHERE is_own_write")}
    assert logged == {"phones", "emails"}


def test_points_that_stay_keep_their_spelling(landed: Engine, rows: Rows) -> None:
    keep(landed, "contacts", Written("1", GOLDEN, {"phones": ["+79001112233", "+79160000001"]}, LATER, THEN))
    spelled = {row["value"]: row["original"] for row in rows("SELECT value, original FROM source.contact_points")}
    assert spelled == {"+79001112233": "8 900 111-22-33", "+79160000001": "+79160000001"}


def test_a_record_we_made_is_known_and_stays_with_its_golden_record(landed: Engine, rows: Rows) -> None:
    with landed.begin() as db:
        db.exec_driver_sql(
            "INSERT INTO crm.crosswalk (golden_id, entity, connection_id, external_id, rule) "
            "VALUES (%s, 'contacts', 7, '1', 'identity')",
            (GOLDEN,),
        )
    with landed.begin() as db:
        made_there = Written("77", GOLDEN, {"name": "Анна Ким", "phones": ["+79001112233"]}, is_new=True)
        echo.keep_written(db, 8, "contacts", [made_there])
    (made,) = rows("SELECT golden_id::text, name, originator_id, origin_id, tags FROM source.contacts WHERE connection_id = 8")
    assert made == {"golden_id": GOLDEN, "name": "Анна Ким", "originator_id": "crm_pipeline", "origin_id": GOLDEN, "tags": []}
    (cross,) = rows("SELECT golden_id::text, rule FROM crm.crosswalk WHERE connection_id = 8")
    assert cross == {"golden_id": GOLDEN, "rule": "marker"}
    columns = "verdict, connection_id, external_id, other_connection_id, other_external_id"
    (decision,) = rows(f"SELECT {columns} FROM sync.match_decisions")
    assert decision == {
        "verdict": "together", "connection_id": 7, "external_id": "1", "other_connection_id": 8, "other_external_id": "77",
    }  # fmt: skip
    assert not rows("SELECT FROM source.field_changes")
    assert rows("SELECT payload FROM raw.records WHERE connection_id = 8") == [{"payload": None}]


def test_a_record_we_made_that_was_read_meanwhile_is_left_as_read(landed: Engine, rows: Rows) -> None:
    keep(landed, "contacts", Written("1", GOLDEN, {"name": "Другое имя"}, LATER, is_new=True))
    assert rows("SELECT name FROM source.contacts") == [{"name": "Анна Ким"}]
