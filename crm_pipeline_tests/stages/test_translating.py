"""Golden terms in a connection's own: stages by meaning, people by the rules; what is missing is said, or created."""

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import Engine

from crm_pipeline.database.translating import Asked, Translated, translate
from crm_pipeline.rules_file import parse_rules
from crm_pipeline.stages.reconcile import reconcile
from crm_pipeline_tests.stages.test_owe import ONE, TWO, Accounts, fresh

STAGES = (("10", "open"), ("11", "open"), ("19", "won"), ("18", "lost"))
RULES = f"stages: [['{ONE}:10', '{TWO}:10']]\npipelines: [['{ONE}:1', '{TWO}:1']]"


@pytest.fixture
def accounts(module_engine: Engine) -> Iterator[Accounts]:
    """Yield two accounts with a pipeline each, of whose stages one is known to be the same."""
    made = fresh(module_engine, ONE, TWO)
    for name in (ONE, TWO):
        made.land("users", (name, "7"), name=f"Ольга {name}", is_active=True)
        made.land("pipelines", (name, "1"), name=f"Sales {name}", sort=1, is_main=True, is_archived=False)
        for number, category in STAGES:
            stage = {"name": f"{name} {number}", "sort": int(number), "pipeline_external_id": "1", "category": category}
            made.land("stages", (name, number), **stage)
    made.rules = parse_rules(RULES, "rules.yaml", (ONE, TWO))
    reconcile(made)
    yield made


def golden_id(accounts: Accounts, entity: str, name: str, external_id: str) -> str:
    """Return the golden id of a record."""
    query = "SELECT golden_id::text FROM crm.crosswalk WHERE entity = %s AND connection_id = %s AND external_id = %s"
    ((found,),) = accounts.rows(query, entity, accounts.ids[name], external_id)
    return str(found)


def deal_in(accounts: Accounts, **fields: Any) -> Translated:
    """Return the fields of a new deal in terms of the second account."""
    with accounts.engine.begin() as db:
        (found,) = translate(db, accounts.ids[TWO], "deals", [Asked("00000000-0000-0000-0000-000000000001", None, fields)])
    return found


def test_a_stage_is_translated_by_the_rules_or_by_what_it_means(accounts: Accounts) -> None:
    stage = {number: golden_id(accounts, "stages", ONE, number) for number, _ in STAGES}
    assert deal_in(accounts, stage_id=stage["10"]).values == {"stage_external_id": "10", "pipeline_external_id": "1"}
    assert deal_in(accounts, stage_id=stage["19"]).values == {"stage_external_id": "19", "pipeline_external_id": "1"}
    missing = deal_in(accounts, stage_id=stage["11"], amount="10.5")
    assert missing.values == {"amount": Decimal("10.5")}
    assert missing.missing == {
        "stage_id": f"The stage {ONE} 11 has no stage in {TWO}; add it to `stages` in the rules file."
    }  # fmt: skip


def test_somebody_without_a_user_there_is_named(accounts: Accounts) -> None:
    owner = golden_id(accounts, "users", ONE, "7")
    assert deal_in(accounts, owner_id=owner).missing == {
        "owner_id": f"The owner Ольга {ONE} has no user in {TWO}; add them to `users` in the rules file."
    }
    assert deal_in(accounts, owner_id=None).values == {"owner_external_id": None}


def test_what_is_missing_is_created_where_the_rules_say_so_and_what_refers_to_it_waits(accounts: Accounts) -> None:
    accounts.land("companies", (ONE, "5"), name="Ромашка", is_own=False)
    point = {"kind": "email", "value": "a@romashka.ru", "original": "a@romashka.ru", "is_primary": True, "position": 0}
    accounts.land("contacts", (ONE, "6"), name="Анна", company_external_id="5", children={"contact_points": (point,)})
    reconcile(accounts)
    assert accounts.pending() == [], "off by default"
    accounts.rules = replace(accounts.rules, create_missing={TWO: ("companies", "contacts")})
    reconcile(accounts, full=True)
    assert [(name, operation, fields["name"]) for name, operation, fields in accounts.pending()] == [
        (TWO, "create", "Ромашка"), (TWO, "create", "Анна"),
    ]  # fmt: skip
    company = golden_id(accounts, "companies", ONE, "5")
    with accounts.engine.begin() as db:
        (waiting,) = translate(db, accounts.ids[TWO], "contacts", [Asked(company, None, {"company_id": company})])
    assert waiting.waits and not waiting.values
    reconcile(accounts, full=True)
    assert len(accounts.pending()) == 2, "owing twice offers nothing new"
