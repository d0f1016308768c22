"""What Prometheus is told: requests and how long they took, counted here; how syncs and queues stand, read from Postgres.

What belongs here: the measures' names and shapes. One registry per app, so that two apps in one process do not mix.
"""

from collections.abc import Iterator
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily

from crm_pipeline.database import gauges
from crm_pipeline.database.refusals import Engine

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
SECONDS = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class Measures:
    """The counters of one app."""

    def __init__(self, engine: Engine):
        self._registry = CollectorRegistry()
        names = ("method", "route", "status")
        self._requests = Counter("crm_api_requests", "Requests answered.", names, registry=self._registry)
        self._seconds = Histogram(
            "crm_api_request_seconds", "How long answers took.", names[:2], registry=self._registry, buckets=SECONDS
        )
        self._registry.register(_Standing(engine))  # type: ignore[arg-type]  # anything with collect() will do

    def note(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one request. route: the template, never the address itself, so that the number of series is bounded."""
        self._requests.labels(method, route, str(status)).inc()
        self._seconds.labels(method, route).observe(seconds)

    def text(self) -> bytes:
        """Return everything as Prometheus reads it."""
        return generate_latest(self._registry)


FAMILIES = {
    "lag": ("crm_sync_lag_seconds", "Seconds since the last success of a sync.", ("connection", "entity")),
    "queue": ("crm_outgoing_changes", "Changes that connections have not received yet, or never will.", ("connection", "state")),
    "oldest_pending": ("crm_outgoing_oldest_pending_seconds", "Age of the oldest change that waits.", ("connection",)),
    "conflicts": ("crm_open_conflicts", "Conflicts that wait for a person.", ()),
    "inbox": ("crm_inbox_hints", "Hints of webhooks that wait to be looked into.", ("connection",)),
    "reconcile": ("crm_reconcile_waiting", "Source records that wait to be reconciled.", ()),
}
"""Name of the query in sql/queries/gauges.sql → name, help, labels; its last column is the value."""


class _Standing:
    """How things stand in Postgres."""

    def __init__(self, engine: Engine):
        self._engine = engine

    def describe(self) -> list[Any]:
        return []  # so that registering asks nothing of the database

    def collect(self) -> Iterator[GaugeMetricFamily]:
        rows = gauges.read(self._engine, FAMILIES)
        for query, (name, told, labels) in FAMILIES.items():
            family = GaugeMetricFamily(name, told, labels=labels)
            for *values, value in rows[query]:
                family.add_metric([str(one) for one in values], float(value))
            yield family
