"""The main job on real input: both CRMs filled from published data, connected, loaded, edited, followed."""

import csv
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
