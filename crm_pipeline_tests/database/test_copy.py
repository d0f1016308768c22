"""COPY: every value arrives as it was, whatever it holds, and memory does not follow the number of rows."""

import tracemalloc
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from enum import StrEnum

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crm_pipeline.database.engine import copy_rows

COLUMNS = ["a", "b", "n", "f", "ok", "ts", "d", "arr", "j", "by"]
TABLE = """CREATE TEMP TABLE loaded (a text, b bigint, n numeric, f float8, ok boolean, ts timestamptz, d date,
arr text[], j jsonb, by bytea) ON COMMIT DROP"""
TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))
ROW = st.tuples(
    st.none() | TEXT | st.sampled_from(["", r"\N", r"\.", "NULL", '"', "\r\n", ","]),
    st.none() | st.integers(-(2**63), 2**63 - 1),
    st.none() | st.decimals(allow_nan=False, allow_infinity=False, places=4, min_value=-(10**12), max_value=10**12),
    st.none() | st.floats(allow_nan=False),
    st.none() | st.booleans(),
    st.none() | st.datetimes(datetime(1900, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)),
    st.none() | st.dates(date(1, 1, 1)),
    st.none() | st.lists(st.none() | TEXT | st.sampled_from(["NULL", "{}", '"', "\\", ","])),
    st.none() | st.dictionaries(TEXT, TEXT | st.integers(-(2**53), 2**53) | st.none()),
    st.none() | st.binary().map(memoryview),
)


def comparable(row) -> list[object]:
    return [bytes(value) if isinstance(value, memoryview) else value for value in row]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(ROW, max_size=8))
def test_every_value_arrives_as_it_was(database, rows):
    with database.begin() as connection:
        connection.exec_driver_sql(TABLE)
        assert copy_rows(connection, "loaded", COLUMNS, rows) == len(rows)
        arrived = connection.exec_driver_sql("SELECT * FROM loaded ORDER BY ctid").all()
    assert [comparable(row) for row in arrived] == [comparable(row) for row in rows]


class Colour(StrEnum):
    RED = "red"


def test_enums_zones_and_ready_json(database):
    moscow = datetime(2024, 1, 1, 3, tzinfo=timezone(timedelta(hours=3)))
    with database.begin() as connection:
        connection.exec_driver_sql(TABLE)
        copy_rows(connection, "loaded", ["a", "n", "ts", "j"], [(Colour.RED, Decimal("1.20"), moscow, b'[1, {"a": null}]')])
        row = connection.exec_driver_sql("SELECT a, n, ts, j FROM loaded").one()
    assert row == ("red", Decimal("1.20"), datetime(2024, 1, 1, tzinfo=UTC), [1, {"a": None}])


def test_a_single_column_of_nulls(database):
    with database.begin() as connection:
        connection.exec_driver_sql("CREATE TEMP TABLE one (a text) ON COMMIT DROP")
        copy_rows(connection, "one", ["a"], [(None,), ("",)])
        assert connection.exec_driver_sql("SELECT a FROM one ORDER BY ctid").all() == [(None,), ("",)]


def test_it_belongs_to_the_connections_transaction(database):
    with database.connect() as connection:
        assert copy_rows(connection, "crm.pipelines", ["id"], []) == 0
        assert connection.in_transaction()
    with database.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE crm.kept (a text)")
    with database.connect() as connection:
        copy_rows(connection, "crm.kept", ["a"], [("lost",)])
        connection.rollback()
        copy_rows(connection, "crm.kept", ["a"], [("kept",)])
        connection.commit()
    with database.connect() as connection:
        assert connection.exec_driver_sql("SELECT a FROM crm.kept").all() == [("kept",)]


def test_an_error_in_the_source_of_rows_loads_nothing_and_comes_out(database):
    def broken():
        yield ("a",)
        raise LookupError("the page did not come")

    with database.connect() as connection:
        connection.exec_driver_sql("CREATE TEMP TABLE one (a text)")
        connection.commit()
        with pytest.raises(Exception, match="the page did not come"):
            copy_rows(connection, "one", ["a"], broken())
        connection.rollback()
        assert connection.exec_driver_sql("SELECT count(*) FROM one").scalar() == 0


def test_an_unknown_type_is_refused(database):
    with database.connect() as connection:
        connection.exec_driver_sql("CREATE TEMP TABLE one (a text)")
        with pytest.raises(Exception, match="COPY cannot write a complex"):
            copy_rows(connection, "one", ["a"], [(1j,)])


def test_memory_does_not_follow_the_number_of_rows(database):
    with database.begin() as connection:
        connection.exec_driver_sql("CREATE TEMP TABLE one (a text) ON COMMIT DROP")
        tracemalloc.start()
        copy_rows(connection, "one", ["a"], (("x" * 1000,) for _ in range(20_000)))
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert connection.exec_driver_sql("SELECT count(*) FROM one").scalar() == 20_000
    assert peak < 5_000_000  # the rows are 20 MB
