"""What the checks find, asked over all connections at once; the suite of Great Expectations on real tables."""

import dagster as dg
import pytest
from sqlalchemy import Engine

from crm_pipeline.database import connections
from crm_pipeline.model.entities import GOLDEN
from crm_pipeline.orchestration.checks import complete, fresh, questions, readable, reconciled
from crm_pipeline.quality.suites import SUITES
from crm_pipeline.wiring import Pipeline
from crm_pipeline_tests.orchestration.conftest import Connect, Run
from crm_pipeline_tests.orchestration.paper import ENTITIES, PaperCrm


@pytest.fixture
def loaded(run: Run, connect: Connect) -> None:
    """Load the connection `one`."""
    connect("one")
    assert run("initial_sync", "one").success


@pytest.mark.usefixtures("loaded")
def test_a_loaded_connection_passes_everything(run: Run) -> None:
    done = run("quality")
    found = {(str(one.asset_key.to_user_string()), one.check_name): one.passed for one in done.get_asset_check_evaluations()}
    expected = {(f"source/paper/{entity}", check) for entity in ENTITIES for check in questions("source", entity)}
    expected |= {(f"crm/{entity}", check) for entity in GOLDEN for check in questions("crm", entity)}
    expected |= {("outgoing/paper", check) for check in questions("outgoing", "")}
    assert set(found) == expected and len(expected) == 87
    assert [key for key, passed in found.items() if not passed] == []


@pytest.mark.usefixtures("loaded")
def test_one_connection_at_fault_is_named(run: Run, connect: Connect, crm: PaperCrm, pipeline: Pipeline) -> None:
    connect("two")
    crm.answers["companies"] = 402
    run("initial_sync", "two")
    found = fresh(pipeline, "paper", "companies")
    assert not found.passed and found.severity == dg.AssetCheckSeverity.ERROR and found.description == "Look at: two."
    assert [row["what_to_do"] for row in found.rows] == ["", "Ask Paper's support."]
    connections.remove(pipeline.engine, "two")
    assert fresh(pipeline, "paper", "companies").passed


@pytest.mark.usefixtures("loaded")
def test_a_connection_not_synced_for_long_is_stale(pipeline: Pipeline, database: Engine) -> None:
    with database.begin() as db:
        db.exec_driver_sql("UPDATE sync.sync_status SET last_success_at = now() - interval '1 day' WHERE entity = 'deals'")
    found = fresh(pipeline, "paper", "deals")
    assert not found.passed and found.severity == dg.AssetCheckSeverity.WARN
    assert fresh(pipeline, "paper", "users").passed


def test_what_cannot_be_read_is_counted_with_its_reason(run: Run, connect: Connect, crm: PaperCrm, pipeline: Pipeline) -> None:
    connect("one")
    crm.add("deals", "unreadable")
    run("initial_sync", "one")
    found = readable(pipeline, "paper", "deals")
    assert not found.passed and found.rows == [{"connection": "one", "records": 1, "reason": "name: no"}]
    assert complete(pipeline, "paper", "deals").passed, "what is in quarantine is not missing"


@pytest.mark.usefixtures("loaded")
@pytest.mark.parametrize(
    ("harm", "rows"),
    [
        ("DELETE FROM source.deals WHERE external_id = '1'", {"missing": 1, "surplus": 0}),
        ("UPDATE raw.records SET deleted_at = now() WHERE entity = 'deals' AND external_id = '1'", {"missing": 0, "surplus": 1}),
    ],
)
def test_source_must_hold_what_raw_holds(pipeline: Pipeline, database: Engine, harm: str, rows: dict[str, int]) -> None:
    with database.begin() as db:
        db.exec_driver_sql(harm)
    found = complete(pipeline, "paper", "deals")
    assert not found.passed and rows.items() <= found.rows[0].items()


@pytest.mark.usefixtures("loaded")
def test_every_source_record_has_its_golden_one(pipeline: Pipeline, database: Engine) -> None:
    assert reconciled(pipeline, "", "companies").passed
    with database.begin() as db:
        db.exec_driver_sql("DELETE FROM crm.companies")
    assert not reconciled(pipeline, "", "companies").passed


@pytest.mark.usefixtures("loaded")
def test_expectations_find_bad_records_and_repeat_no_value(run: Run, database: Engine) -> None:
    with database.begin() as db:
        db.exec_driver_sql("UPDATE source.deals SET currency = 'secret-value', amount = -1")
    done = run("quality")
    (found,) = (one for one in done.get_asset_check_evaluations() if one.check_name == "expectations" and not one.passed)
    rows = {row.data["expectation"] + "/" + row.data["column"]: row.data for row in found.metadata["expectations"].records}
    assert rows["expect_column_values_to_match_regex/currency"]["unexpected"] == 2
    assert rows["expect_column_values_to_match_regex/currency"]["records"] == "one:1, one:2"
    assert found.metadata["breaches"].value == 4
    assert rows["expect_column_values_to_be_between/amount"]["ok"] is False
    assert "secret-value" not in repr(found)


def test_every_entity_has_a_suite_of_columns_it_has() -> None:
    from crm_pipeline.model.entities import COLUMNS
    from crm_pipeline.model.entities import ENTITIES as ALL

    assert set(SUITES) == set(ALL)
    for entity, suite in SUITES.items():
        assert {one.arguments["column"] for one in suite} <= {*COLUMNS[entity]}, entity
