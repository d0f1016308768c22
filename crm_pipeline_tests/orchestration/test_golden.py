"""What `crm/<entity>` says and does: counts people plot, what waits for them without their data, and nothing left behind."""

from collections.abc import Iterator, Sequence
from typing import Any

import dagster as dg
import pytest
from dagster import DagsterEventType, DagsterInstance
from sqlalchemy import Engine

from crm_pipeline.model.entities import GOLDEN
from crm_pipeline_tests.orchestration.conftest import Connect, Run, metadata_of
from crm_pipeline_tests.orchestration.paper import PaperCrm

ANNA = "canary.anna@example.test"


@pytest.fixture
def other() -> Iterator[PaperCrm]:
    """Yield a second paper CRM, of which the users are nobody's."""
    server = PaperCrm()
    for entity in ("users", "companies", "contacts", "deals"):
        server.add(entity, "third", "fourth")
    yield server
    server.close()


@pytest.fixture
def both(run: Run, connect: Connect, crm: PaperCrm, other: PaperCrm) -> None:
    """Load `one`, where user 1 is Anna, and `two`, where nobody is yet."""
    crm.change("users", 1, email=ANNA)
    connect("one"), connect("two", other.url)
    assert run("initial_sync", "one").success and run("initial_sync", "two").success


def _owners(engine: Engine, entity: str) -> list[int]:
    """Return how many records each owner has."""
    with engine.connect() as db:
        text = f"SELECT count(*) FROM crm.{entity} r JOIN crm.users u ON u.id = r.owner_id GROUP BY u.id ORDER BY 1"
        return list(db.exec_driver_sql(text).scalars())


def _told(done: dg.ExecuteInProcessResult) -> list[str]:
    """Return which golden tables were said to be materialized, in order."""
    events = [event for event in done.all_events if event.event_type == DagsterEventType.ASSET_MATERIALIZATION]
    return [key for event in events if (key := event.asset_key.to_user_string()).startswith("crm/")]


def _materialize(defs: dg.Definitions, instance: DagsterInstance, keys: Sequence[str], partition: str | None = None) -> Any:
    job = defs.resolve_implicit_global_asset_job_def()
    chosen = [dg.AssetKey(key.split("/")) for key in keys]
    return job.execute_in_process(instance=instance, partition_key=partition, asset_selection=chosen, raise_on_error=False)


def _waiting(engine: Engine) -> int:
    with engine.connect() as db:
        return int(db.exec_driver_sql("SELECT count(*) FROM sync.golden_queue").scalar_one())


@pytest.mark.usefixtures("both")
def test_a_merge_is_counted_and_plotted(run: Run, other: PaperCrm, crm: PaperCrm, instance: DagsterInstance) -> None:
    first = metadata_of(instance, "crm/users")
    assert (first["new"], first["matched"], first["sources_per_golden"], first["dagster/row_count"]) == (2, 0, 1.0, 4)
    other.change("users", 1, email=ANNA)
    assert run("incremental_sync", "two").success
    said = metadata_of(instance, "crm/users")
    assert (said["matched"], said["merged"], said["new"], said["split"]) == (1, 1, 0, 0)
    assert (said["sources_per_golden"], said["dagster/row_count"]) == (1.3333, 3)
    other.change("users", 1, email=None)
    assert run("incremental_sync", "two").success
    said = metadata_of(instance, "crm/users")
    assert (said["split"], said["new"], said["sources_per_golden"], said["dagster/row_count"]) == (1, 1, 1.0, 4)
    plotted = {name for name, value in said.items() if isinstance(value, int | float)}
    assert plotted >= {
        "matched", "new", "merged", "split", "updated", "unchanged", "deleted", "conflicts", "conflicts_open", "reviews_waiting",
        "sources_per_golden", "dagster/row_count",
    }  # fmt: skip


@pytest.mark.usefixtures("both")
def test_conflicts_are_told_by_field_and_what_waits_by_id(
    defs: dg.Definitions, run: Run, other: PaperCrm, crm: PaperCrm, instance: DagsterInstance, database: Engine
) -> None:
    for server in (crm, other):
        server.change("users", 1, email=ANNA, name="canary-name")
    run("incremental_sync", "one"), run("incremental_sync", "two")
    crm.change("users", 1, name="canary-left")
    other.change("users", 1, name="canary-right")
    run("incremental_sync", "one"), run("incremental_sync", "two")
    said = metadata_of(instance, "crm/users")
    assert (said["conflicts"], said["conflicts_open"], said["reviews_waiting"]) == (1, 0, 0)
    assert [row.data for row in said["conflicts_by_field"].records] == [{"field": "name", "conflicts": 1}]
    with database.begin() as db:
        db.exec_driver_sql(REVIEW)
        ((golden_id,),) = db.exec_driver_sql("UPDATE sync.conflicts SET state = 'open' RETURNING golden_id::text").all()
    assert _materialize(defs, instance, ["crm/users"]).success
    said = metadata_of(instance, "crm/users")
    assert (said["conflicts"], said["conflicts_open"], said["reviews_waiting"]) == (0, 1, 1)
    waiting = {row.data["kind"]: (row.data["about"], row.data["records"]) for row in said["waiting_for_a_person"].records}
    assert waiting == {"conflict": ("name", golden_id), "review": ("resemblance", "one:1 two:2")}
    assert "canary" not in repr(said)


REVIEW = """
INSERT INTO sync.match_reviews
    (entity, connection_id, external_id, other_connection_id, other_external_id, rule, reason, explanation)
SELECT 'users', min(id), '1', max(id), '2', 'email', 'resemblance', 'same canary' FROM sync.connections WHERE crm = 'paper'
"""
REFERRING = ["crm/companies", "crm/contacts", "crm/deals"]


@pytest.mark.usefixtures("both")
def test_what_refers_to_a_merged_record_is_rebuilt_in_the_same_run(
    defs: dg.Definitions, other: PaperCrm, instance: DagsterInstance, database: Engine
) -> None:
    assert _owners(database, "deals") == [2, 2]
    other.change("users", 1, email=ANNA)
    done = _materialize(defs, instance, ["raw/paper/users", "source/paper/users"], "two")
    assert done.success and _told(done) == ["crm/users", *REFERRING]
    assert _owners(database, "deals") == _owners(database, "contacts") == [4] and _waiting(database) == 0
    assert metadata_of(instance, "crm/deals")["updated"] == 2


@pytest.mark.usefixtures("both")
def test_a_quiet_sync_tells_of_golden_records_that_only_referred(
    defs: dg.Definitions, run: Run, other: PaperCrm, instance: DagsterInstance, database: Engine
) -> None:
    other.change("users", 1, email=ANNA)
    other.answers["deals"] = 403
    job = defs.resolve_job_def("incremental_sync")
    tags = {"dagster/sensor_name": "due_connections"}
    done = job.execute_in_process(instance=instance, partition_key="two", tags=tags, raise_on_error=False)
    assert not done.success, "deals cannot be read"
    assert _told(done) == ["crm/users", *REFERRING] and _owners(database, "deals") == [4] and _waiting(database) == 0


@pytest.mark.usefixtures("both")
def test_one_golden_table_refreshed_alone_takes_along_what_refers_to_it(
    defs: dg.Definitions, instance: DagsterInstance, database: Engine
) -> None:
    with database.begin() as db:
        db.exec_driver_sql("UPDATE source.users SET email = 'canary.anna@example.test' WHERE external_id = '1'")
    assert _told(_materialize(defs, instance, ["crm/users"])) == ["crm/users"], "nothing is queued"
    job = defs.resolve_job_def("reconcile")
    full = {"ops": {"crm__users": {"config": {"full": True}}}}
    done = job.execute_in_process(full, instance, asset_selection=[dg.AssetKey(["crm", "users"])])
    assert set(_told(done)) == {"crm/users", *REFERRING} and _owners(database, "companies") == [4]


@pytest.mark.usefixtures("both")
def test_a_breach_stops_what_refers_to_it(run: Run, instance: DagsterInstance, database: Engine) -> None:
    assert run("reconcile").success
    with database.begin() as db:
        db.exec_driver_sql("INSERT INTO crm.companies (id) VALUES ('00000000-0000-4000-8000-000000000000')")
    done = run("reconcile")
    assert not done.success
    (found,) = [one for one in done.get_asset_check_evaluations() if not one.passed]
    assert (found.asset_key.to_user_string(), found.check_name) == ("crm/companies", "crosswalk")
    assert "00000000-0000-4000-8000-000000000000" in repr(found.metadata["rules"])
    assert "crm/companies" in _told(done) and not {"crm/contacts", "crm/deals", "crm/tasks"} & set(_told(done))


@pytest.mark.usefixtures("both")
def test_rebuilding_everything_changes_nothing(run: Run, other: PaperCrm, instance: DagsterInstance, database: Engine) -> None:
    other.change("users", 1, email=ANNA)
    run("incremental_sync", "two")

    def written() -> list[Any]:
        tables = ("users", "companies", "contacts", "deals", "crosswalk", "golden_redirects")
        with database.connect() as db:
            return [db.exec_driver_sql(f"SELECT ctid::text, xmin::text FROM crm.{one} ORDER BY 1").all() for one in tables]

    before = written()
    done = run("reconcile", config={"ops": {f"crm__{entity}": {"config": {"full": True}} for entity in GOLDEN}})
    assert done.success and written() == before
    assert metadata_of(instance, "crm/deals")["unchanged"] == 4
