"""Every rule between and within tables is broken once on purpose: the check sees it, counts it, names it, and repeats no value.

Two accounts of the tiny CRM are loaded once, a person has merged two deals of unequal value; each test breaks a copy.
"""

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from sqlalchemy import Engine

from crm_pipeline.database.budget import PostgresBudget
from crm_pipeline.database.engine import engine_for
from crm_pipeline.model.entities import COLUMNS, GOLDEN
from crm_pipeline.orchestration.checks import outcome, questions
from crm_pipeline.orchestration.findings import Finding
from crm_pipeline.settings import Settings
from crm_pipeline.stages.connect import connect
from crm_pipeline.stages.decisions import Asked, Decider, merge
from crm_pipeline.stages.reconcile import reconcile
from crm_pipeline.stages.sync import sync
from crm_pipeline.wiring import Pipeline
from crm_pipeline_tests.conftest import administer, url_of
from crm_pipeline_tests.connectors.tinycrm import CONNECTOR
from crm_pipeline_tests.connectors.tinycrm.fixtures import NOW
from crm_pipeline_tests.connectors.tinycrm.server import TinyServer
from crm_pipeline_tests.orchestration.harms import (
    BETWEEN,
    CONTACT,
    DEAL,
    OF_TINY,
    ONE,
    OUR_MISTAKE,
    REGEX,
    RULES,
    THEIR_DATA,
    Harm,
)

CANARY = "canary"
"""Part of every name, e-mail and title; phones hold 555: nothing of it may be told."""


def furnish(server: TinyServer, side: str, amount: str) -> None:
    """Put two of everything into a CRM, with references and links."""
    server.put("pipelines", 1, name=f"{CANARY} sales {side}")
    server.put("stages", 1, name=f"{CANARY} new {side}", pipeline_external_id="1", category="open")
    for number in (1, 2):
        name = f"{CANARY} {side} {number}"
        phone = {"kind": "phone", "value": f"+7916555{number}0{len(side)}1", "is_primary": True}
        mail = {"kind": "email", "value": f"{CANARY}{number}@{side}.example", "is_primary": True}
        server.put("users", number, name=name, email=f"{CANARY}.{number}@{side}.example")
        server.put("companies", number, name=name, owner_external_id="1", contact_points=[phone, mail])
        company = {"company_external_id": str(number), "is_primary": True}
        server.put("contacts", number, name=name, owner_external_id="1", company_external_id=str(number),
                   contact_points=[phone, mail], contact_companies=[company], birthday="1980-02-01")  # fmt: skip
        server.put("products", number, name=name, price="10", currency="RUB")
        server.put("deals", number, title=name, amount=amount, currency="RUB", pipeline_external_id="1", stage_external_id="1",
                   stage_category="open", company_external_id=str(number), owner_external_id="1",
                   deal_contacts=[{"contact_external_id": str(number), "is_main": True}],
                   deal_products=[{"position": 0, "product_external_id": str(number), "quantity": "1"}])  # fmt: skip
        server.put("tasks", number, title=name, owner_external_id="1", target_entity="deals", target_external_id=str(number))


@pytest.fixture(scope="module")
def loaded(server_url: str, template: str, encryption_key: str) -> str:
    """Return the name of a database with two connections loaded and reconciled, and nobody connected to it."""
    administer(server_url, "CREATE DATABASE {} TEMPLATE {}", "loaded_for_breaches", template)
    with closing(TinyServer("tiny-1")) as tiny, closing(TinyServer("tiny-2")) as other:
        parts = opened(url_of(server_url, "loaded_for_breaches"), encryption_key)
        for name, server, amount in (("tiny", tiny, "100.10"), ("other", other, "250")):
            furnish(server, name, amount)
            connect(parts, "tinycrm", name, server.url, {"access_token": "access-0", "refresh_token": "refresh-0"}, now=NOW)
            assert sync(parts, name, "initial").status == "ok"
        reconcile(parts)
        merge(parts, Asked(("tiny:1", "other:1"), entity="deals"), Decider("anna", "the same deal"))
        parts.close()
        parts.engine.dispose()
    return "loaded_for_breaches"


def opened(url: str, key: str) -> Pipeline:
    engine = engine_for(url)
    settings = Settings(database_url=url, encryption_key=key, allowed_hosts="127.0.0.1")
    return Pipeline(settings, engine, {"tinycrm": CONNECTOR}, PostgresBudget(engine))


@pytest.fixture
def parts(server_url: str, loaded: str, encryption_key: str) -> Iterator[Pipeline]:
    """Yield a pipeline on a copy of the loaded database."""
    administer(server_url, "CREATE DATABASE {} TEMPLATE {}", "broken", loaded)
    pipeline = opened(url_of(server_url, "broken"), encryption_key)
    yield pipeline
    pipeline.close()
    pipeline.engine.dispose()
    administer(server_url, "DROP DATABASE {} WITH (FORCE)", "broken")


def harm(engine: Engine, *statements: str) -> list[str]:
    """Run statements; return the ids the last of them answers."""
    with engine.begin() as db:
        done = [db.exec_driver_sql(statement) for statement in statements]
        return sorted(str(row[0]) for row in done[-1]) if done[-1].returns_rows else []


def find(parts: Pipeline, layer: str, entity: str, check: str) -> Finding:
    return questions(layer, entity)[check](parts, "tinycrm" if layer == "source" else "", entity)


def by_name(finding: Finding) -> dict[str, dict[str, Any]]:
    """Return the rows of a finding by rule, or by column and expectation."""
    return {row.get("rule") or f"{row['column']}/{row['expectation']}": row for row in finding.rows}


ALL = [("source", entity) for entity in COLUMNS if entity != "stage_changes"] + [("crm", entity) for entity in GOLDEN]


def test_what_is_loaded_breaks_nothing(parts: Pipeline) -> None:
    found = {
        (layer, entity, check): outcome(find(parts, layer, entity, check))
        for layer, entity in ALL
        for check in questions(layer, entity)
        if check not in ("fresh", "readable", "complete")
    }
    assert {place: told for place, told in found.items() if not told["passed"]} == {}
    assert len(found) == 92 and CANARY not in repr(found)


@pytest.mark.parametrize("broken", RULES, ids=[f"{one.layer}-{one.entity}-{one.rule}" for one in RULES])
def test_a_broken_rule_is_seen_counted_and_named(parts: Pipeline, broken: Harm) -> None:
    answered = harm(parts.engine, broken.sql)
    harmed = list(broken.ids) or answered
    found = find(parts, broken.layer, broken.entity, broken.check)
    rows = [row for row in found.rows if row["rule"] == broken.rule and not row["ok"]]
    assert not found.passed and found.severity == broken.severity
    assert [(row["breaches"], row["records"].split(", ")) for row in rows] == [(len(harmed), harmed)] and harmed
    told = repr(outcome(found))
    assert broken.rule in told and CANARY not in told.lower() and "555" not in told


@pytest.mark.parametrize(("layer", "twin"), [("crm", f"WHERE id = {CONTACT} RETURNING id"), ("source", ONE)])
def test_twins_are_seen(parts: Pipeline, layer: str, twin: str) -> None:
    table = f"{layer}.contacts"
    drop = f"ALTER TABLE {table} DROP CONSTRAINT contacts_pkey"
    harmed = harm(parts.engine, drop, f"INSERT INTO {table} SELECT * FROM {table} {twin}")
    found = find(parts, layer, "contacts", "keys")
    row = by_name(found)["record/expect_column_values_to_be_unique"]
    assert not found.passed and found.severity == OUR_MISTAKE
    assert (row["unexpected"], row["records"]) == (2, harmed[0])


@pytest.mark.parametrize(
    ("entity", "change", "name"),
    [
        ("deals", "amount = -1", f"amount/{BETWEEN}"),
        ("deals", "closed_at = '0001-01-01Z'", f"closed_at/{BETWEEN}"),
        ("deals", "currency = 'canary'", f"currency/{REGEX}"),
        ("contacts", "birthday = '1066-10-14'", f"birthday/{BETWEEN}"),
        ("tasks", "due_at = '9999-12-31Z'", f"due_at/{BETWEEN}"),
        ("users", "created_at = '1970-01-01Z'", f"created_at/{BETWEEN}"),
    ],
)
def test_values_out_of_range_are_seen(parts: Pipeline, entity: str, change: str, name: str) -> None:
    harmed = harm(parts.engine, f"UPDATE crm.{entity} SET {change} RETURNING id")
    found = find(parts, "crm", entity, "expectations")
    row = by_name(found)[name]
    assert not found.passed and found.severity == THEIR_DATA and found.breaches == len(harmed)
    assert (row["unexpected"], sorted(row["records"].split(", "))) == (len(harmed), harmed)
    assert CANARY not in repr(outcome(found))


def test_sums_are_per_connection_and_follow_the_winner(parts: Pipeline) -> None:
    before = find(parts, "crm", "deals", "sums")
    assert before.passed
    assert [(row["connection"], row["deals"], row["source"], row["golden"]) for row in before.rows] == [
        ("other", 2, 500.0, 500.0),
        ("tiny", 1, 100.1, 100.1),
    ], "of the merged deal, the value of the side that won counts, once"
    harmed = harm(parts.engine, f"UPDATE crm.deals SET amount = amount + 5 WHERE id = {DEAL} RETURNING id")
    found = find(parts, "crm", "deals", "sums")
    assert not found.passed and found.severity == OUR_MISTAKE and found.breaches == 1
    assert [(row["connection"], row["ok"], row["difference"]) for row in found.rows] == [("other", True, 0), ("tiny", False, -5)]
    assert found.description == f"Look at: {harmed[0]}."


def test_differences_that_cancel_each_other_out_are_seen(parts: Pipeline) -> None:
    harm(parts.engine, "UPDATE crm.deals SET amount = amount + CASE WHEN source_count = 2 THEN 5 ELSE -5 END WHERE amount = 250")
    found = find(parts, "crm", "deals", "sums")
    assert all(row["ok"] for row in found.rows) and not found.passed and found.breaches == 2


@pytest.mark.parametrize(
    ("sql", "queue"),
    [
        (f"UPDATE crm.deals SET amount = 7 WHERE id = {DEAL}", "golden_queue"),
        (f"UPDATE source.deals SET amount = 7 WHERE {OF_TINY} AND external_id = '2'", "reconcile_queue"),
    ],
)
def test_what_waits_to_be_reconciled_is_no_breach(parts: Pipeline, sql: str, queue: str) -> None:
    waits = {
        "golden_queue": f"INSERT INTO sync.golden_queue (entity, golden_id) VALUES ('deals', {DEAL})",
        "reconcile_queue": f"""INSERT INTO sync.reconcile_queue (entity, connection_id, external_id)
            SELECT 'deals', connection_id, external_id FROM source.deals WHERE {OF_TINY} AND external_id = '2'""",
    }  # fmt: skip
    harm(parts.engine, sql)
    assert not find(parts, "crm", "deals", "sums").passed
    harm(parts.engine, waits[queue])
    assert find(parts, "crm", "deals", "sums").passed
    reconcile(parts)
    assert find(parts, "crm", "deals", "sums").passed


def test_no_more_than_twenty_ids_are_told(parts: Pipeline) -> None:
    harm(parts.engine, "INSERT INTO crm.tasks (id) SELECT gen_random_uuid() FROM generate_series(1, 50)")
    row = by_name(find(parts, "crm", "tasks", "crosswalk"))["a golden record has source records"]
    assert row["breaches"] == 50 and len(row["records"].split(", ")) == 20
