"""How everything stands: per connection and entity for people, and for Prometheus."""

from prometheus_client.parser import text_string_to_metric_families as families

from crm_pipeline.stages.sync import sync
from crm_pipeline_tests.api.administering import CRMS, House, house

__all__ = ["house"]
WANTED = {
    "last_success_at", "lag_seconds", "last_mode", "last_started_at", "seconds", "requests", "read", "inserted", "updated",
    "unchanged", "deleted", "quarantined", "queue_depth", "conflicts_open", "last_error", "what_to_do",
}  # fmt: skip


def test_status_tells_of_every_connection_what_it_does_and_what_it_has_used(house: House) -> None:
    for crm in CRMS:
        house.connected(crm, crm)
        assert sync(house.parts, crm, "initial", ["contacts"]).status == "ok"
    house.bitrix24.access.revoke()
    assert sync(house.parts, "bitrix24", "incremental", ["contacts"]).status == "needs_consent"
    with house.parts.engine.begin() as db:
        db.exec_driver_sql("UPDATE sync.rate_budget SET refused = 3 WHERE meter LIKE 'amocrm:%%'")
    told = house.person("operator").ask("GET", "/../status").json()
    amo, portal = told["connections"]
    assert set(amo["entities"]["contacts"]) == WANTED and amo["entities"]["contacts"]["inserted"] > 0
    assert 6 < amo["budget"]["requests_per_second"] <= 7 and amo["budget"]["granted"] > 0 and amo["budget"]["refused"] == 3
    assert (amo["is_running"], amo["queue_depth"], amo["conflicts_open"], amo["what_to_do"]) == (False, 0, 0, None)
    assert amo["next_due_at"] and amo["hints_waiting"] == 0 and amo["failures"] == 0
    assert portal["budget"]["refused"] == 0 and portal["budget"]["granted"] > 0
    assert portal["status"] == "needs_consent" and "consent" in portal["what_to_do"] and portal["status_reason"]
    assert portal["entities"]["contacts"]["last_error"] and portal["entities"]["contacts"]["last_success_at"]


def test_metrics_are_read_by_prometheus(house: House) -> None:
    house.connected("amocrm", "sales")
    sync(house.parts, "sales", "initial", ["contacts"])
    answer = house.person("operator").ask("GET", "/../../metrics")
    assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    found = {family.name: family for family in families(answer.text)}
    (lag,) = found["crm_sync_lag_seconds"].samples
    assert lag.labels == {"connection": "sales", "entity": "contacts"} and 0 <= lag.value < 600
    (hints,) = found["crm_inbox_hints"].samples
    assert (hints.labels, hints.value) == ({"connection": "sales"}, 0)
    assert {"crm_api_requests", "crm_api_request_seconds", "crm_open_conflicts", "crm_reconcile_waiting"} <= set(found)
    assert all(family.documentation and family.type in ("gauge", "counter", "histogram") for family in found.values())
