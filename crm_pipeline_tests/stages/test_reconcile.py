"""What reconciling promises: work follows the queue, twice writes nothing, and incremental equals a rebuild."""

from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crm_pipeline.model.entities import GOLDEN
from crm_pipeline.stages.reconcile import reconcile
from crm_pipeline.stages.sync import sync
from crm_pipeline.wiring import Pipeline
from crm_pipeline_tests.connectors.tinycrm.server import TinyServer
from crm_pipeline_tests.stages.test_landing import fill

Rows = Callable[..., list[dict[str, Any]]]
LINKS = ("contact_points", "deal_contacts", "contact_companies", "deal_products", "deal_stage_history", "crosswalk")


def golden(rows: Rows) -> dict[str, list[Any]]:
    """Return all golden tables without the time they were written."""
    tables = {
        name: rows(f"SELECT to_jsonb(t) - 'reconciled_at' - 'changed_xid' - 'decided_at' AS row FROM crm.{name} t")
        for name in (*GOLDEN, *LINKS)
    }
    return {name: sorted(str(row["row"]) for row in found) for name, found in tables.items()}


def places(rows: Rows) -> dict[str, list[Any]]:
    """Return where golden rows lie and who wrote them: any write shows."""
    return {name: rows(f"SELECT ctid::text, xmin::text FROM crm.{name} ORDER BY 1") for name in (*GOLDEN, *LINKS)}


def test_twice_writes_nothing(connected: Pipeline, tiny: TinyServer, rows: Rows) -> None:
    fill(tiny)
    sync(connected, "tiny", "initial")
    reconcile(connected)
    before = places(rows)
    done = reconcile(connected)
    assert sum(result.queued for result in done.values()) == 0
    again = reconcile(connected, full=True)
    assert again["contacts"].unchanged == 3
    assert places(rows) == before


def test_a_golden_record_knows_where_its_values_come_from(connected: Pipeline, tiny: TinyServer, rows: Rows) -> None:
    tiny.put("users", 5, name="Owner")
    fill(tiny)
    tiny.put("contacts", 1, owner_external_id="5", custom={"size": "XL"})
    sync(connected, "tiny", "initial")
    reconcile(connected)
    (row,) = rows("SELECT c.*, u.name AS owner FROM crm.contacts c JOIN crm.users u ON u.id = c.owner_id")
    assert row["owner"] == "Owner"
    assert row["provenance"]["name"] == {"connection": "tiny", "rule": "only", "since": "2026-03-01T00:00:09+00:00"}
    assert row["custom_fields"]["tiny"]["size"]["value"] == "XL"
    assert row["source_count"] == 1


def test_work_follows_the_queue(connected: Pipeline, tiny: TinyServer, rows: Rows) -> None:
    fill(tiny, contacts=120)
    sync(connected, "tiny", "initial")
    reconcile(connected)
    tiny.put("contacts", 7, name="Seven")
    sync(connected, "tiny", "incremental")
    done = reconcile(connected)["contacts"]
    assert (done.queued, done.updated) == (1, 1)


def test_a_record_that_appears_late_is_found_by_those_who_wait(connected: Pipeline, tiny: TinyServer, rows: Rows) -> None:
    tiny.put("deals", 1, title="D", company_external_id="9", deal_contacts=[{"contact_external_id": "8"}])
    sync(connected, "tiny", "initial")
    reconcile(connected)
    assert rows("SELECT company_id FROM crm.deals") == [{"company_id": None}]
    tiny.put("companies", 9, name="Late")
    tiny.put("contacts", 8, name="Late too")
    sync(connected, "tiny", "incremental", entities=["companies", "contacts"])
    reconcile(connected)
    assert rows("SELECT c.name FROM crm.deals d JOIN crm.companies c ON c.id = d.company_id") == [{"name": "Late"}]
    assert rows("SELECT c.name FROM crm.deal_contacts l JOIN crm.contacts c ON c.id = l.contact_id") == [{"name": "Late too"}]
    assert rows("SELECT count(*) AS n FROM sync.missing_references") == [{"n": 0}]


def test_a_tombstone_passes_through_and_back(connected: Pipeline, tiny: TinyServer, rows: Rows) -> None:
    fill(tiny)
    sync(connected, "tiny", "initial")
    reconcile(connected)
    tiny.drop("contacts", 1)
    sync(connected, "tiny", "incremental")
    assert reconcile(connected)["contacts"].deleted == 1
    assert rows("SELECT count(*) AS n FROM crm.contacts WHERE deleted_at IS NOT NULL") == [{"n": 1}]
    tiny.put("contacts", 1, name="back")
    sync(connected, "tiny", "incremental")
    reconcile(connected)
    assert rows("SELECT count(*) AS n FROM crm.contacts WHERE deleted_at IS NOT NULL") == [{"n": 0}]


def test_stage_history_is_observed_until_the_crm_tells_its_own(connected: Pipeline, tiny: TinyServer, rows: Rows) -> None:
    fill(tiny)
    sync(connected, "tiny", "initial")
    tiny.put("deals", 1, stage_external_id="2")
    sync(connected, "tiny", "incremental")
    reconcile(connected)
    seen = "SELECT category, origin FROM crm.deal_stage_history ORDER BY changed_at"
    assert [tuple(row.values()) for row in rows(seen)] == [("open", "observed"), ("won", "observed")]
    tiny.put("stage_changes", 70, deal_external_id="1", stage_external_id="1", changed_at="2026-02-01T00:00:00+00:00")
    tiny.put(
        "stage_changes",
        71,
        deal_external_id="1",
        stage_external_id="2",
        from_stage_external_id="1",
        changed_at="2026-02-02T00:00:00+00:00",
    )
    sync(connected, "tiny", "incremental")
    reconcile(connected)
    assert [tuple(row.values()) for row in rows(seen)] == [("open", "crm"), ("won", "crm")]


KINDS = ("users", "companies", "contacts", "deals", "stages", "tasks")
EDITS = st.lists(
    st.one_of(
        st.tuples(st.just("put"), st.sampled_from(KINDS), st.integers(1, 4), st.integers(1, 4)),
        st.tuples(st.just("drop"), st.sampled_from(["contacts", "deals"]), st.integers(1, 4), st.just(0)),
        st.tuples(st.just("sync"), st.just(""), st.just(0), st.just(0)),
        st.tuples(st.just("reconcile"), st.just(""), st.just(0), st.just(0)),
    ),
    max_size=25,
)  # fmt: skip


def edit(tiny: TinyServer, kind: str, number: int, other: int) -> None:
    """Change a record so that it refers to other ones."""
    values: dict[str, Any] = {
        "name": f"n{other}",
        "title": f"t{other}",
        "owner_external_id": str(other),
        "company_external_id": str(other),
    }
    if kind == "deals":
        values |= {"stage_external_id": str(other), "deal_contacts": [{"contact_external_id": str(other)}]}
    if kind == "contacts":
        values |= {
            "contact_points": [{"kind": "phone", "value": f"+{other}"}],
            "contact_companies": [{"company_external_id": str(other)}],
        }
    if kind == "tasks":
        values |= {"target_entity": "deals", "target_external_id": str(other)}
    tiny.put(kind, number, **values)


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(edits=EDITS)
def test_incremental_equals_a_rebuild(
    connected: Pipeline, tiny: TinyServer, rows: Rows, edits: list[tuple[str, str, int, int]]
) -> None:
    for action, kind, number, other in edits:
        if action == "put":
            edit(tiny, kind, number, other)
        elif action == "drop" and str(number) in tiny.records.get(kind, {}):
            tiny.drop(kind, number)
        elif action == "sync":
            assert sync(connected, "tiny", "incremental").status == "ok"
        elif action == "reconcile":
            reconcile(connected)
    sync(connected, "tiny", "incremental")
    reconcile(connected)
    step_by_step = golden(rows)
    before = places(rows)
    reconcile(connected, full=True)
    assert places(rows) == before
    with connected.engine.begin() as db:
        for name in (*GOLDEN, *LINKS):
            db.exec_driver_sql(f"DELETE FROM crm.{name}")
        db.exec_driver_sql("DELETE FROM sync.missing_references")
    reconcile(connected, full=True)
    assert golden(rows) == step_by_step
