"""b24pysdk, unmodified, reads back what our connector wrote, and it is equal (facts: bitrix24 10)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from crm_pipeline.connectors.bitrix24 import CONNECTOR
from crm_pipeline.model.records import RawRecord
from crm_pipeline.model.writing import APPLIED, CREATE, UPDATE, LinkTo, Write
from crm_pipeline.sandbox.bitrix24 import BitrixSandbox
from crm_pipeline.sandbox.serving import Options
from crm_pipeline_tests.connectors.bitrix24.portal import Portal, open_link, webhook
from crm_pipeline_tests.connectors.bitrix24.test_writing import CLASSIC, Pen
from crm_pipeline_tests.connectors.writing_contract import assert_holds

from .loopback_tls import certificate, front

MARKER = "0f9e8d7c-6b5a-4938-8271-605142332415"
VALUES: dict[str, dict[str, Any]] = {
    "companies": {"name": "Ромашка & Co", "owner_external_id": "2", "webs": ["https://romashka.example"], "tax_id": "7701"},
    "contacts": {
        "first_name": "Анна", "last_name": "Ким + Ко", "position": "CTO", "phones": ["+79001112233", "+74951112233"],
        "emails": ["anna@example.test"], "birthday": "1990-05-04",
    },
    "deals": {"title": "Order [17]", "amount": Decimal("1250.50"), "currency": "EUR", "stage_external_id": "C1:PREPARATION"},
}  # fmt: skip
CHANGED: dict[str, dict[str, Any]] = {
    "companies": {"webs": ["https://other.example"], "tax_id": None},
    "contacts": {"phones": ["+74951112233", "+79001112255"], "position": None},
    "deals": {"amount": Decimal(9)},
}


@pytest.mark.parametrize("facts", [{}, CLASSIC], ids=["items", "classic"])
def test_b24pysdk_reads_back_what_was_written(tmp_path: Path, facts: dict[str, Any]) -> None:
    tls = certificate(tmp_path)
    with BitrixSandbox(Options(contacts=40)).running() as sandbox, front(int(sandbox.url.rpartition(":")[2]), tls) as port:
        vault = webhook(sandbox)
        pen = Pen(Portal(sandbox, vault, open_link(sandbox, vault)).checked(), facts)
        ids, held = written(pen)
        address = str(vault.secrets["webhook_url"]).replace(sandbox.url, f"https://127.0.0.1:{port}")
        told = {"webhook_url": address, "ids": ids, "marker": MARKER}
        seen = session({"REQUESTS_CA_BUNDLE": str(tls[0]), "NO_PROXY": "127.0.0.1"}, told)
    for entity, said in held.items():
        (found,) = CONNECTOR.normalize(RawRecord(entity, ids[entity], seen[entity]), pen.context)
        assert_holds(found, said)
    assert seen["deals"]["contactIds"] == [int(ids["contacts"])]
    assert seen["by_marker"] == [{"id": int(ids["contacts"]), "originatorId": "crm_pipeline", "originId": MARKER}]


def written(pen: Pen) -> tuple[dict[str, str], dict[str, dict[str, Any]]]:
    """Create and change a record of each entity; return their ids and what they should hold."""
    ids: dict[str, str] = {}
    held: dict[str, dict[str, Any]] = {}
    for entity, values in VALUES.items():
        links = (LinkTo("contacts", ids["contacts"]),) if entity == "deals" else ()
        held[entity] = CONNECTOR.express(entity, values, pen.context)
        (made,) = pen.write(Write(entity, CREATE, entity, None, held[entity], links, marker=MARKER))
        ids[entity] = str(made.external_id)
        said = CONNECTOR.express(entity, CHANGED[entity], pen.context)
        current = pen.current(entity, ids[entity])[ids[entity]]
        (changed,) = pen.write(Write(entity, UPDATE, entity, ids[entity], said, current=current))
        assert (made.status, changed.status) == (APPLIED, APPLIED)
        held[entity] |= said
    return ids, held


def session(env: dict[str, str], told: dict[str, Any]) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("pysdk_readback.py"))],
        input=json.dumps(told), env={**os.environ, **env}, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))
