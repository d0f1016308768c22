"""Two accounts of the tiny CRM side by side, and what people see of their golden records. No assertions here.

Both connections are there from the start, so that ids do not depend on who was loaded first.
"""

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import pytest

from crm_pipeline.model.entities import GOLDEN
from crm_pipeline.stages.connect import connect
from crm_pipeline.stages.reconcile import reconcile
from crm_pipeline.stages.sync import sync
from crm_pipeline.wiring import Pipeline
from crm_pipeline_tests.connectors.tinycrm.fixtures import NOW
from crm_pipeline_tests.connectors.tinycrm.server import TinyServer
from crm_pipeline_tests.operator import Operator

LEFT, RIGHT = "tiny", "other"
LINKS = ("contact_points", "deal_contacts", "contact_companies", "deal_products", "deal_stage_history", "crosswalk")
PEOPLE = ("Анна Смирнова", "Пётр Волков", "Ирина Зайцева", "Олег Медведев")
Rows = Callable[..., list[dict[str, Any]]]


@dataclass(frozen=True)
class TwoSides:
    """A pipeline with two connections, the servers behind them, and a person at a terminal."""

    parts: Pipeline
    left: TinyServer
    right: TinyServer
    rows: Rows
    operator: Operator

    def load(self, *names: str) -> None:
        """Sync these connections and reconcile."""
        for name in names or (LEFT, RIGHT):
            done = sync(self.parts, name, "incremental")
            assert done.status == "ok", done
        reconcile(self.parts)

    def golden(self) -> dict[str, list[str]]:
        """Return all golden rows, links and the crosswalk, without when they were written."""
        row = "(to_jsonb(t) - 'reconciled_at' - 'changed_xid' - 'decided_at')::text AS row"
        tables = {name: self.rows(f"SELECT {row} FROM crm.{name} t") for name in (*GOLDEN, *LINKS)}
        return {name: sorted(row["row"] for row in found) for name, found in tables.items()}

    def groups(self, entity: str = "contacts") -> list[list[str]]:
        """Return which source records are one thing."""
        found = self.rows(
            """SELECT array_agg(c.name || ':' || x.external_id ORDER BY c.name DESC, x.external_id) AS refs
               FROM crm.crosswalk x JOIN sync.connections c ON c.id = x.connection_id WHERE x.entity = %s GROUP BY x.golden_id""",
            entity,
        )
        return sorted(row["refs"] for row in found)

    def golden_id(self, ref: str, entity: str = "contacts") -> str:
        """Return the golden id a source record belongs to."""
        connection, external_id = ref.split(":")
        (row,) = self.rows(
            """SELECT x.golden_id::text AS id FROM crm.crosswalk x JOIN sync.connections c ON c.id = x.connection_id
               WHERE x.entity = %s AND c.name = %s AND x.external_id = %s""",
            entity, connection, external_id,
        )  # fmt: skip
        return str(row["id"])


def fill(server: TinyServer, emails: str, phones: int) -> None:
    """Put people with phones of their own into a CRM, the first `phones` of them the same in every CRM; and what they buy."""
    server.put("companies", 1, name="Ромашка", contact_points=[{"kind": "phone", "value": "+74951230101"}])
    for number, name in enumerate(PEOPLE, 1):
        phone = f"+7916123450{number}" if number <= phones else f"+7903{sum(map(ord, emails)) % 1000:03}120{number}"
        points = [{"kind": "phone", "value": phone}, {"kind": "email", "value": f"p{number}@{emails}"}]
        links = [{"company_external_id": "1"}]
        server.put("contacts", number, name=name, contact_points=points, contact_companies=links, company_external_id="1")
    server.put("deals", 1, title=emails, amount="100.10", deal_contacts=[{"contact_external_id": "1", "is_main": True}])
    server.put("tasks", 1, title=emails, target_entity="contacts", target_external_id="2")


@pytest.fixture
def sides(
    connected: Pipeline, tiny: TinyServer, rows: Rows, database_url: str, encryption_key: str
) -> Iterator[TwoSides]:  # fmt: skip
    """Yield two connections, `tiny` and `other`, with nothing loaded yet."""
    with closing(TinyServer("tiny-2")) as other:
        connect(connected, "tinycrm", RIGHT, other.url, {"access_token": "access-0", "refresh_token": "refresh-0"}, now=NOW)
        yield TwoSides(connected, tiny, other, rows, Operator(database_url, encryption_key))
