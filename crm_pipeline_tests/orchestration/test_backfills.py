"""Periods read again: days put together, entities chosen, cursors left alone, each connection a step of its own."""

from datetime import date, timedelta
from itertools import pairwise

import dagster as dg
import pytest
from dagster import DagsterEventType, DagsterInstance
from dagster._core.storage.tags import ASSET_PARTITION_RANGE_END_TAG, ASSET_PARTITION_RANGE_START_TAG
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine

from crm_pipeline.errors import UsageError
from crm_pipeline.orchestration.backfills import chosen_entities, period, periods
from crm_pipeline_tests.orchestration.conftest import Connect, Run, metadata_of
from crm_pipeline_tests.orchestration.paper import CONNECTOR, PaperCrm

DAYS = st.dates(date(2024, 1, 1), date(2024, 4, 1))
MARCH = period("2024-03-01", "2024-04-01")


@given(st.sets(st.tuples(st.sampled_from(["a", "b"]), DAYS)))
def test_periods_cover_exactly_the_days_and_never_touch(chosen: set[tuple[str, date]]) -> None:
    found = periods({"connection": name, "day": day.isoformat()} for name, day in chosen)
    covered = {
        (name, span.since.date() + timedelta(days=number))
        for name, spans in found.items()
        for span in spans
        for number in range((span.until - span.since).days)
    }
    assert covered == chosen
    assert all(one.until < next_one.since for spans in found.values() for one, next_one in pairwise(spans))


def test_whole_days_are_those_that_lie_in_the_period_entirely() -> None:
    assert len(MARCH.whole_days) == 31
    assert period("2024-03-01T00:00:01", "2024-03-03").whole_days == ["2024-03-02"]
    assert period("2024-03-01T12:00:00+03:00", "2024-03-01T13:00:00+03:00").whole_days == []
    assert period("2023-12-30", "2024-01-02").whole_days == ["2024-01-01"]


@pytest.mark.parametrize(("since", "until"), [("soon", "2024-04-01"), ("2024-04-01", "2024-04-01"), ("2024-05-01", "2024-04-01")])
def test_a_period_that_makes_no_sense_is_refused_in_words(since: str, until: str) -> None:
    with pytest.raises(UsageError, match="period"):
        period(since, until)


def test_entities_without_times_are_refused_in_words() -> None:
    assert chosen_entities(CONNECTOR, []) == ["companies", "contacts", "deals"]
    assert chosen_entities(CONNECTOR, ["deals"]) == ["deals"]
    with pytest.raises(UsageError, match="users"):
        chosen_entities(CONNECTOR, ["users"])


def test_march_of_deals_of_two_connections(
    run: Run, connect: Connect, crm: PaperCrm, instance: DagsterInstance, database: Engine
) -> None:
    connect("one"), connect("two")
    crm.add("deals", "in march", at=MARCH.since.timestamp() + 5)
    crm.add("contacts", "not asked for", at=MARCH.since.timestamp() + 5)
    config = {"connections": ["one", "two"], "entities": ["deals"], "since": "2024-03-01", "until": "2024-04-01"}
    assert run("backfill_window", config=config).success
    with database.connect() as db:
        titles = db.exec_driver_sql("SELECT title FROM source.deals").scalars().all()
        live = db.exec_driver_sql("SELECT count(*) FROM sync.cursors WHERE watermark IS NOT NULL").scalar()
    assert titles == ["in march", "in march"] and live == 0
    assert metadata_of(instance, "source/paper/deals", "one")["mode"] == "window"
    days = instance.get_materialized_partitions(dg.AssetKey(["backfill", "paper"]))
    assert len(days) == 62 and "one|2024-03-31" in days and "two|2024-04-01" not in days


def test_a_broken_connection_does_not_stop_the_other(run: Run, connect: Connect, crm: PaperCrm, database: Engine) -> None:
    connect("fine"), connect("nowhere", url="http://elsewhere.test/nowhere")
    crm.add("deals", "in march", at=MARCH.since.timestamp() + 5)
    done = run("backfill_window", config={"connections": ["nowhere", "fine"], "since": "2024-03-01", "until": "2024-04-01"})
    failed = [event.step_key for event in done.all_events if event.event_type == DagsterEventType.STEP_FAILURE]
    assert failed == ["read_again[0_nowhere]"]
    with database.connect() as db:
        assert db.exec_driver_sql("SELECT title FROM source.deals").scalars().all() == ["in march"]


def test_the_asset_reads_the_days_of_its_partitions(
    defs: dg.Definitions, connect: Connect, crm: PaperCrm, instance: DagsterInstance, database: Engine
) -> None:
    connect("one")
    crm.add("deals", "first of march", at=MARCH.since.timestamp() + 5)
    crm.add("deals", "third of march", at=MARCH.since.timestamp() + 2 * 86400 + 5)
    done = defs.resolve_implicit_global_asset_job_def().execute_in_process(
        {"ops": {"backfill__paper": {"config": {"entities": ["deals"]}}}},
        instance,
        asset_selection=[dg.AssetKey(["backfill", "paper"])],
        tags={ASSET_PARTITION_RANGE_START_TAG: "one|2024-03-01", ASSET_PARTITION_RANGE_END_TAG: "one|2024-03-02"},
    )
    assert done.success
    with database.connect() as db:
        assert db.exec_driver_sql("SELECT title FROM source.deals").scalars().all() == ["first of march"]
    assert instance.get_materialized_partitions(dg.AssetKey(["backfill", "paper"])) == {"one|2024-03-01", "one|2024-03-02"}
