"""schemathesis reads the OpenAPI and sends what it says may be sent, and what it says may not, as everybody: all its checks.

Bounded here, and the same every time; every operation is looked at by somebody. For longer, as everybody, and at random:
`SCHEMA_SECONDS=200 pytest crm_pipeline_tests/api/test_schema.py`.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import Engine

from crm_pipeline.api.describing import has_example
from crm_pipeline_tests.api.conftest import Api, open_parts, running
from crm_pipeline_tests.api.near import near
from crm_pipeline_tests.api.test_matrix import connection
from crm_pipeline_tests.api.test_records import link
from crm_pipeline_tests.api.test_records_and_deltas import put

SECONDS = float(os.environ.get("SCHEMA_SECONDS", "0"))
BRIEF, PARTS = 3, 3
"""Seconds as one of them, and every how many-th address, when nothing is said."""
EVERYBODY: dict[str, tuple[str, str] | None] = {
    "admin": ("admin", "all"), "operator": ("operator", "all"), "agent": ("agent", "all"), "held": ("agent", "own"),
    "anonymous": None,
}  # fmt: skip
SETTINGS = """
[[operations]]
include-path-regex = "^/api/sync/connection"
checks.positive_data_acceptance.expected-statuses = ["2xx", "401", "403", "404", "409", "422", "429", "503"]
"""
"""No schema says which hosts may be contacted, or which codes, tokens and applications a CRM takes."""


@pytest.fixture(scope="module")
def served(module_engine: Engine, module_database_url: str, encryption_key: str) -> Iterator[tuple[Api, str]]:
    """Yield an API with a record of everything, and a golden user who has some of it."""
    with running(near(open_parts(module_engine, module_database_url, encryption_key, rate_per_user=1e6))) as api:
        me = put(api, "users", name="Ольга", email="olga@example.org")
        company = put(api, "companies", name="Ромашка", owner_id=me, tags=["VIP"])
        contact = put(api, "contacts", name="Анна", birthday="1990-05-17", company_id=company, updated_at="2026-01-01T00:00:00Z")
        deal = put(api, "deals", title="Кофе", amount="10.50", owner_id=me, company_id=company, stage_category="open")
        product = put(api, "products", name="Кофе", price="-0.50")
        put(api, "tasks", title="Позвонить", owner_id=me, target_entity="deals", target_id=deal, due_at="2026-01-01T00:00:00Z")
        put(api, "communications", kind="call", direction="in", duration_seconds=3, target_entity="deals", target_id=deal)
        link(api, "deal_contacts", deal_id=deal, contact_id=contact)
        link(api, "contact_companies", contact_id=contact, company_id=company)
        link(api, "deal_products", deal_id=deal, position=0, product_id=product, quantity="1.0")
        link(api, "contact_points", entity="contacts", golden_id=contact, kind="phone", value="+79161234501")
        connection(api)
        yield api, me


def described(api: Api) -> dict[str, Any]:
    return api.anonymous.get("/api/openapi.json").json()


@pytest.mark.parametrize("who", EVERYBODY)
def test_what_is_described_is_what_is_done(served: tuple[Api, str], who: str, tmp_path: Path) -> None:
    api, me = served
    (tmp_path / "schemathesis.toml").write_text(SETTINGS)
    seed = int.from_bytes(os.urandom(4), "big") if SECONDS else 1
    command = [
        str(Path(sys.executable).with_name("schemathesis")), "run", f"{api.url}/api/openapi.json", "--checks", "all",
        "--no-color", "--continue-on-failure", "--phases", "fuzzing,examples,coverage", "--max-time", str(int(SECONDS) or BRIEF),
        "--exclude-path", "/api/auth/logout", "--seed", str(seed), "-n", "50" if SECONDS else "1",
    ]  # fmt: skip
    identity = EVERYBODY[who]
    if identity:
        client = api.person(*identity, crm_users=[me] if identity[1] == "own" else ())
        command += ["-H", f"Authorization: Bearer {client.tokens['access_token']}"]
    paths = sorted(described(api)["paths"])
    for path in [] if SECONDS else paths[list(EVERYBODY).index(who) % PARTS :: PARTS]:
        command += ["--include-path", path] if path != "/api/auth/logout" else []
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=280)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]


def test_every_operation_has_examples(served: tuple[Api, str]) -> None:
    told, without = described(served[0]), []
    for path, item in told["paths"].items():
        for method, operation in item.items():
            contents = [operation.get("requestBody", {}), *operation["responses"].values()]
            shown = [one for content in contents for one in content.get("content", {}).values() if one.get("schema")]
            needed = [*shown, *(one for one in operation.get("parameters", ()) if one["in"] == "path")]
            without += [(method, path) for one in needed if not has_example(one)]
            assert operation.get("summary") and operation.get("tags"), (method, path)
    assert not without


def test_records_are_described_by_what_is_answered(served: tuple[Api, str]) -> None:
    api, _ = served
    shapes, admin = described(api)["components"]["schemas"], api.person("admin")
    for entity, name in (("contacts", "Contact"), ("deals", "Deal"), ("tasks", "Task"), ("products", "Product")):
        record = admin.get(f"/api/{entity}").json()["items"][0]
        assert set(record) <= set(shapes[name]["properties"]) and set(shapes[name]["examples"][0]) == set(record)
    assert admin.get(f"/api/contacts/{uuid4()}").status_code == 404
