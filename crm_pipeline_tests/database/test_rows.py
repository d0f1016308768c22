"""Whatever text and JSON a CRM sends, what COPY loads is what was sent (but for the few characters Postgres cannot hold)."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from crm_pipeline.database.rows import RecordRows, SourceRows, copy_block
from crm_pipeline.database.templates import source_columns
from crm_pipeline.model.entities import identity_golden_id
from crm_pipeline.model.records import RawRecord, SourceRecord

TEXT = st.text(st.characters(codec="utf-8"), max_size=30)
JSON = st.recursive(st.none() | st.booleans() | st.integers(-(2**70), 2**70) | TEXT, lambda inner: st.lists(inner, max_size=3)
                    | st.dictionaries(TEXT, inner, max_size=3), max_leaves=8)  # fmt: skip
CUSTOM = st.dictionaries(TEXT, JSON, max_size=3)
SLOW = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))


def without_nul(value: Any) -> Any:
    """Return JSON as Postgres can hold it."""
    if isinstance(value, str):
        return value.replace("\x00", "")
    if isinstance(value, list):
        return [without_nul(item) for item in value]
    return {without_nul(key): without_nul(item) for key, item in value.items()} if isinstance(value, dict) else value


def kept(text: str) -> str | None:
    """Return what stays of a text value."""
    return without_nul(text).replace("\x1f", " ").replace("\x1e", " ") or None


@SLOW
@given(payload=st.dictionaries(TEXT, JSON, max_size=4), identifier=st.text("abc:\\\n\t\x1f", min_size=1, max_size=5))
def test_a_payload_arrives_as_sent(database: Engine, payload: dict[str, Any], identifier: str) -> None:
    rows = RecordRows(1, "deals")
    with database.begin() as db:
        db.exec_driver_sql("DELETE FROM raw.records")
        copy_block(db, "raw.records", rows.columns, [rows.line(RawRecord("deals", identifier, payload), b"\x00\x5c\x0a")])
        row = db.exec_driver_sql("SELECT external_id, payload, content_hash FROM raw.records").one()
    assert row.external_id == kept(identifier)
    assert row.payload == without_nul(payload)
    assert bytes(row.content_hash) == b"\x00\x5c\x0a"


@SLOW
@given(
    title=TEXT,
    tags=st.lists(TEXT.filter(lambda text: "\x00" not in text), max_size=3),
    custom=st.dictionaries(TEXT, JSON, max_size=3),
)
def test_values_arrive_as_mapped(database: Engine, title: str, tags: list[str], custom: dict[str, Any]) -> None:
    moment = datetime(2026, 3, 1, 12, 30, 15, 250, tzinfo=UTC)
    values = {"title": title, "tags": tags, "amount": Decimal("12345678901234567890.10"), "closed_at": moment}
    with database.begin() as db:
        db.exec_driver_sql("DELETE FROM source.deals")
        line = SourceRows(1, "deals").line(SourceRecord("deals", "7", values, moment, None, custom))
        copy_block(db, "source.deals", source_columns("deals")[:-1], [line])
        row = db.exec_driver_sql("SELECT * FROM source.deals").one()
    assert (row.title, row.tags) == (kept(title), [tag.replace("\x1f", " ").replace("\x1e", " ") for tag in tags])
    assert (row.amount, row.closed_at, row.remote_created_at, row.currency) == (values["amount"], moment, moment, None)
    assert row.golden_id == identity_golden_id(1, "deals", "7")
    assert row.custom_fields == without_nul(custom)


def test_a_value_the_mapping_does_not_have_is_null_where_a_table_allows_it() -> None:
    """`position` is a number of order in child tables, and a person's post in contacts."""
    columns = source_columns("contacts")
    row = SourceRows(1, "contacts").line(SourceRecord("contacts", "7", {"name": "Anna"})).split("\x1f")
    missing = dict(zip(columns, row, strict=False))
    assert (missing["position"], missing["tags"], missing["name"]) == ("", "{}", "Anna")
