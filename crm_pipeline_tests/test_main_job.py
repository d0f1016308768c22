"""The main job on real input: both CRMs filled from published data, connected, loaded, edited, followed."""

import csv
import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from crm_pipeline.sandbox.run import stand_in
from crm_pipeline.sandbox.serving import Options, Sandbox
from crm_pipeline_tests.operator import Operator

DATA = Path(__file__).parents[2] / "shared" / "data"
REFERENCE = {"amocrm": "opportunity_id", "bitrix24": "Opportunity ID"}
CRMS = tuple(REFERENCE)

pytestmark = [
    pytest.mark.skipif(not DATA.is_dir(), reason="the folder of public data, ../shared/data, is absent"),
    pytest.mark.slow,
]


def rows_of(*path: str) -> list[dict[str, str]]:
    """Return the rows of a published file."""
    with DATA.joinpath(*path).open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


@dataclass(frozen=True)
class Loaded:
    """Both CRMs loaded once for all questions."""

    operator: Operator
    engine: Engine
    sandboxes: dict[str, Sandbox]
    first: dict[str, Any]

    def rows(self, statement: str, **values: object) -> list[Any]:
        """Return the rows of a question."""
        with self.engine.connect() as db:
            return list(db.exec_driver_sql(statement, values).all())


@pytest.fixture(scope="module")
def loaded(module_database_url: str, module_engine: Engine, encryption_key: str) -> Iterator[Loaded]:
    """Yield both CRMs, connected and loaded through the operator's commands."""
    operator = Operator(module_database_url, encryption_key)
    amocrm, bitrix24 = (stand_in(crm)(Options(data=DATA)) for crm in CRMS)
    with amocrm.running(), bitrix24.running():
        sandboxes = {"amocrm": amocrm, "bitrix24": bitrix24}
        for crm, sandbox in sandboxes.items():
            operator.connect(crm, sandbox)
        yield Loaded(operator, module_engine, sandboxes, operator.ask("sync", "--mode", "initial"))


@pytest.mark.parametrize("crm", CRMS)
def test_every_published_deal_is_there_with_equal_sums_per_stage(loaded: Loaded, crm: str) -> None:
    published = {row["opportunity_id"]: row for row in rows_of("maven-crm", "sales_pipeline.csv")}
    found = loaded.rows(
        """SELECT f.value ->> 'value', s.name, s.category, d.amount, g.amount, g.stage_id
           FROM source.deals d JOIN sync.connections c ON c.id = d.connection_id AND c.crm = %(crm)s
           JOIN crm.deals g ON g.id = d.golden_id
           JOIN source.stages s ON s.connection_id = d.connection_id AND s.external_id = d.stage_external_id
           JOIN LATERAL jsonb_each(d.custom_fields) f ON f.value ->> 'name' = %(name)s""",
        crm=crm,
        name=REFERENCE[crm],
    )
    wanted, got, golden = defaultdict(Decimal), defaultdict(Decimal), defaultdict(Decimal)
    for row in published.values():
        wanted[row["deal_stage"]] += Decimal(row["close_value"] or 0)
    for reference, _, category, amount, golden_amount, stage_id in found:
        stage = published[reference]["deal_stage"]
        assert category == {"Won": "won", "Lost": "lost"}.get(stage, "open")
        assert stage_id is not None
        got[stage] += amount or 0
        golden[stage] += golden_amount or 0

    assert {reference for reference, *_ in found} == set(published)
    assert len(found) == len(published)
    assert got == wanted
    assert golden == wanted


@pytest.mark.parametrize("crm", CRMS)
@pytest.mark.parametrize(
    ("table", "path", "column"),
    [
        ("companies", ("maven-crm", "accounts.csv"), "account"),
        ("companies", ("us-500", "us-500.csv"), "company_name"),
        ("products", ("maven-crm", "products.csv"), "product"),
        ("users", ("maven-crm", "sales_teams.csv"), "sales_agent"),
    ],
)
def test_every_published_name_is_there(loaded: Loaded, crm: str, table: str, path: tuple[str, str], column: str) -> None:
    statement = f"""SELECT s.name, g.name FROM source.{table} s JOIN crm.{table} g ON g.id = s.golden_id
                    JOIN sync.connections c ON c.id = s.connection_id AND c.crm = %(crm)s"""
    found = loaded.rows(statement, crm=crm)

    assert {row[column].strip() for row in rows_of(*path)} <= {name for name, _ in found}
    assert all(name == golden for name, golden in found)


@pytest.mark.parametrize("crm", CRMS)
def test_every_published_person_is_there_with_phones_and_email(loaded: Loaded, crm: str) -> None:
    found = loaded.rows(
        """SELECT lower(e.value), n.first_name || ' ' || n.last_name,
                  array_agg(right(regexp_replace(p.value, '[^0-9]', '', 'g'), 10) ORDER BY p.position)
           FROM source.contacts n JOIN sync.connections c ON c.id = n.connection_id AND c.crm = %(crm)s
           JOIN source.contact_points e USING (connection_id, external_id)
           JOIN source.contact_points p USING (connection_id, external_id)
           WHERE e.entity = 'contacts' AND e.kind = 'email' AND p.entity = 'contacts' AND p.kind = 'phone' GROUP BY 1, 2""",
        crm=crm,
    )
    by_email = {email: (name, phones) for email, name, phones in found}

    for row in rows_of("us-500", "us-500.csv"):
        name, phones = by_email[row["email"].lower()]
        assert name == f"{row['first_name']} {row['last_name']}"
        assert set(phones) == {row["phone1"].replace("-", ""), row["phone2"].replace("-", "")}


def test_people_and_companies_of_both_crms_meet_once(loaded: Loaded) -> None:
    people, accounts = rows_of("us-500", "us-500.csv"), rows_of("maven-crm", "accounts.csv")
    sites = {person["web"] for person in people} | {account["account"] for account in accounts}
    met = "SELECT count(*), count(*) FILTER (WHERE source_count = 2) FROM crm.{} WHERE deleted_at IS NULL {}"
    assert loaded.rows(met.format("contacts", "")) == [(len(people), len(people))]
    assert loaded.rows(met.format("companies", "AND NOT is_own")) == [(len(sites), len(sites))]
    assert loaded.rows("SELECT DISTINCT rule FROM crm.crosswalk WHERE entity = 'contacts' AND rule <> 'identity'") == [("email",)]


@pytest.mark.parametrize("crm", CRMS)
def test_links_and_product_rows_are_there(loaded: Loaded, crm: str) -> None:
    answers = loaded.rows(
        """SELECT count(*) AS rows, count(p.product_external_id) AS known, count(p.price) AS priced, count(p.quantity) AS counted
           FROM source.deal_products p JOIN sync.connections c ON c.id = p.connection_id AND c.crm = %(crm)s""",
        crm=crm,
    )
    mains = loaded.rows(
        """SELECT max(n) FROM (SELECT count(*) FILTER (WHERE is_main) AS n FROM source.deal_contacts l
           JOIN sync.connections c ON c.id = l.connection_id AND c.crm = %(crm)s GROUP BY deal_external_id) x""",
        crm=crm,
    )

    assert len(set(answers[0])) == 1
    assert answers[0].rows == 8800
    assert mains[0][0] == 1


def test_nothing_is_quarantined_and_the_counts_add_up(loaded: Loaded) -> None:
    for connection in loaded.first["connections"]:
        assert connection["status"] == "ok"
        for done in connection["entities"].values():
            assert done["quarantined"] == 0
            assert done["read"] == done["inserted"] + done["unchanged"] + done["updated"] + done["deleted"]


@pytest.mark.parametrize("crm", CRMS)
def test_edits_arrive_with_the_next_sync_and_nothing_else_moves(loaded: Loaded, crm: str) -> None:
    sandbox = loaded.sandboxes[crm]
    kind, title = {"amocrm": ("leads", "name"), "bitrix24": ("deal", "TITLE")}[crm]
    (edited,) = loaded.rows(
        """SELECT d.external_id FROM source.deals d
           JOIN sync.connections c ON c.id = d.connection_id AND c.crm = %(crm)s ORDER BY 1 LIMIT 1""",
        crm=crm,
    )
    sandbox.apply_edit({"kind": kind, "id": int(edited[0]), "set": {title: "Renamed by a person"}})
    result = loaded.operator.ask("sync", "--connection", crm)

    changed = {name: done["inserted"] + done["updated"] for name, done in result["connections"][0]["entities"].items()}
    assert changed["deals"] == 1, changed
    seen = loaded.rows(
        """SELECT g.title, f.field, f.new_value FROM source.deals d
           JOIN sync.connections c ON c.id = d.connection_id AND c.crm = %(crm)s
           JOIN crm.deals g ON g.id = d.golden_id
           JOIN source.field_changes f USING (connection_id, external_id) WHERE f.entity = 'deals' AND d.external_id = %(id)s""",
        crm=crm,
        id=edited[0],
    )
    assert [tuple(row) for row in seen] == [("Renamed by a person", "title", "Renamed by a person")]


# Written back ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def written_back(loaded: Loaded) -> Loaded:
    """Return both CRMs two-way, with everything they owed each other and what an operator pushed written into them."""
    for crm in CRMS:
        loaded.operator.do("connections", "set", crm, "direction=two_way", "settle_seconds=2")
    loaded.operator.do("reconcile")
    (met,) = loaded.rows("SELECT id::text FROM crm.contacts WHERE source_count = 2 ORDER BY name LIMIT 1")
    (won,) = loaded.rows(
        """SELECT s.golden_id::text FROM source.stages s JOIN sync.connections c ON c.id = s.connection_id AND c.crm = 'amocrm'
           WHERE s.category = 'won' ORDER BY s.external_id LIMIT 1"""
    )
    pushed = loaded.operator.run("push", "-", "--json", given=json.dumps({"operations": operations(met[0], won[0])}))
    assert {one["status"] for one in json.loads(pushed.stdout)["results"]} == {"accepted"}, pushed.stdout + pushed.stderr
    drained = loaded.operator.ask("drain", "--wait", "60")["connections"]
    assert {(one["rejected"], one["dead"], one["left"], one["error"]) for one in drained.values()} == {(0, 0, 0, None)}, drained
    return loaded


def operations(person: str, won: str) -> list[dict[str, Any]]:
    """Return what an operator asks for, as the design spells it."""
    return [
        {"id": "op-1", "entity": "contacts", "action": "update", "record": person,
         "fields": {"position": "Director of coffee", "emails": ["office@coffee.example"]}},
        {"id": "op-2", "entity": "contacts", "action": "create", "record": "tmp:person", "connections": list(CRMS),
         "fields": {"first_name": "Пётр", "last_name": "Кофеман", "phones": ["+79995550101"]}},
        {"id": "op-3", "entity": "deals", "action": "create", "record": "tmp:deal", "connections": list(CRMS),
         "fields": {"title": "Кофемашина", "amount": "185000", "stage_id": won, "contacts": ["tmp:person"]}},
        {"id": "op-4", "entity": "communications", "action": "create", "record": "tmp:note", "connections": list(CRMS),
         "fields": {"kind": "note", "body": "Звонил, перезвонит", "target_entity": "contacts", "target_id": person}},
    ]  # fmt: skip


def held(loaded: Loaded, entity: str, columns: str, operation: str) -> list[tuple[Any, ...]]:
    """Return what each CRM holds of the record of an operation, read by the next sync."""
    found = loaded.rows(
        f"""SELECT c.crm, {columns} FROM sync.operations o
            JOIN crm.crosswalk x ON x.entity = o.entity AND x.golden_id = o.golden_id
            JOIN sync.connections c ON c.id = x.connection_id AND c.crm <> 'app'
            JOIN source.{entity} s USING (connection_id, external_id) WHERE o.id = %(operation)s ORDER BY 1""",
        operation=operation,
    )
    return [tuple(row) for row in found]


def test_what_an_operator_pushed_is_in_both_crms_and_reading_it_back_is_no_news(written_back: Loaded) -> None:
    changed = "SELECT count(*) FROM source.field_changes WHERE is_own_write"
    before = written_back.rows("SELECT count(*) FROM sync.conflicts"), written_back.rows(changed)
    written_back.operator.ask("sync")
    assert held(written_back, "contacts", "position", "op-1") == [(crm, "Director of coffee") for crm in CRMS]
    assert held(written_back, "contacts", "first_name, last_name", "op-2") == [(crm, "Пётр", "Кофеман") for crm in CRMS]
    deals = held(written_back, "deals", "title, amount, stage_category", "op-3")
    assert deals == [(crm, "Кофемашина", Decimal(185000), "won") for crm in CRMS]
    assert held(written_back, "communications", "kind, body_text", "op-4") == [
        (crm, "note", "Звонил, перезвонит") for crm in CRMS
    ]
    assert written_back.operator.ask("drain") == {"connections": {}}
    assert (written_back.rows("SELECT count(*) FROM sync.conflicts"), written_back.rows(changed)) == before


def test_a_deal_lost_in_one_crm_is_lost_in_the_other(written_back: Loaded) -> None:
    ((deal,),) = written_back.rows(
        """SELECT x.external_id FROM sync.operations o JOIN crm.crosswalk x ON x.entity = 'deals' AND x.golden_id = o.golden_id
           JOIN sync.connections c ON c.id = x.connection_id AND c.crm = 'bitrix24' WHERE o.id = 'op-3'"""
    )
    written_back.sandboxes["bitrix24"].apply_edit({"kind": "deal", "id": int(deal), "set": {"STAGE_ID": "LOSE"}})
    written_back.operator.ask("sync")
    written_back.operator.ask("drain", "--wait", "60")
    written_back.operator.ask("sync")
    assert held(written_back, "deals", "stage_category", "op-3") == [(crm, "lost") for crm in CRMS]
    assert written_back.operator.ask("drain") == {"connections": {}}


def test_what_was_pushed_can_be_undone(written_back: Loaded) -> None:
    written_back.operator.do("undo", "--since", "2020-01-01", "--origin", "op:op-1")
    written_back.operator.ask("drain", "--wait", "60")
    written_back.operator.ask("sync")
    assert not [position for _, position in held(written_back, "contacts", "position", "op-1") if position]
