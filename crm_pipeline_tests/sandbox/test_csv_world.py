"""The CSV world: everything published is there, warts and sums included, in the whole and spread over accounts."""

from __future__ import annotations

import csv
from collections import defaultdict
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from crm_pipeline.sandbox.csv_files import NoData
from crm_pipeline.sandbox.csv_world import CsvWorld
from crm_pipeline.sandbox.serving import Options
from crm_pipeline.sandbox.world import Deal, world_of

PUBLISHED = Path(__file__).parents[3] / "shared" / "data"
PARTS = [(0.0, 1.0), (0.0, 0.6), (0.4, 1.0), (0.5, 0.51)]
SMALL = {
    "accounts": "account,sector,year_established,revenue,employees,office_location,subsidiary_of\n"
    "Acme,technolgy,1996,1100.04,2822,United States,\nIsdom,medical,2002,3178.24,4540,Japan,Acme\n",
    "products": "product,series,sales_price\nGTX Basic,GTX,550\nGTX Pro,GTX,4821\n",
    "sales_teams": "sales_agent,manager,regional_office\n"
    "Moses Frase,Dustin Brinkmann,Central\nDarcel Schlecht,Melvin Marxen,East\n",
    "sales_pipeline": "opportunity_id,sales_agent,product,account,deal_stage,engage_date,close_date,close_value\n"
    "Z063OYW0,Darcel Schlecht,GTXPro,Isdom,Won,2016-10-25,2017-03-11,4514\n"
    "AAAA0001,Moses Frase,GTX Basic,,Prospecting,,,\n"
    "AAAA0002,Moses Frase,GTX Basic,Acme,Lost,2017-01-01,2017-02-01,0\n"
    "AAAA0003,Moses Frase,GTX Pro,Acme,Engaging,2017-11-01,,\n",
    "us-500": "first_name,last_name,company_name,address,city,county,state,zip,phone1,phone2,email,web\n"
    'James,Butt,"Benton, John B Jr",6649 N Blue Gum St,New Orleans,Orleans,LA,70116,'
    "504-621-8927,504-845-1427,jbutt@gmail.com,http://b.com\n"
    "Art,Venere,Chemel,8 W Cerritos Ave #54,Bridgeport,Gloucester,NJ,8014,856-636-8749,856-264-4130,art@venere.org,http://c.com\n",
}


@pytest.fixture
def small(tmp_path: Path) -> CsvWorld:
    for name, text in SMALL.items():
        (tmp_path / f"{name}.csv").write_text(text, encoding="utf-8")
    return CsvWorld(tmp_path)


@pytest.fixture(scope="module")
def published() -> CsvWorld:
    if not PUBLISHED.is_dir():
        pytest.skip("the published CSVs are not beside this checkout")
    return CsvWorld(PUBLISHED)


def published_rows(name: str) -> list[dict[str, str]]:
    with next(PUBLISHED.rglob(f"{name}.csv")).open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def test_warts_are_kept(small: CsvWorld) -> None:
    pro, alone, lost, engaging = small.deals()
    products = {product.key: product.name for product in small.products()}
    companies = {company.key: company for company in small.companies()}
    assert products[pro.product or 0] == "GTX Pro" and "GTXPro" in pro.title and pro.reference == "Z063OYW0"
    assert (pro.stage, pro.amount, companies[pro.company or 0].name) == ("won", Decimal(4514), "Isdom")
    assert (alone.company, alone.amount, alone.stage, alone.closed) == (None, None, "prospecting", None)
    assert alone.created == list(small.deals())[1].created > 0
    assert (_days(pro.created), _days(pro.closed)) == ({"2016-10-25"}, {"2017-03-11"})
    assert (lost.amount, lost.stage) == (Decimal(0), "lost") and lost.loss_reason
    assert (engaging.amount, engaging.closed) == (None, None)
    assert companies[1].sector == "technolgy" and companies[2].tags == ("subsidiary of Acme",)
    assert companies[4].address == "8 W Cerritos Ave #54, Bridgeport, NJ 8014"


def test_the_same_person_is_spelled_otherwise_in_another_account(small: CsvWorld) -> None:
    assert next(small.people()).phones == ("504-621-8927", "504-845-1427")
    assert [person.phones[0] for person in small.part(0.5, 1.0).people()] == ["+1 856-636-8749"]


def test_a_folder_without_data_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NoData, match="none of accounts"):
        CsvWorld(tmp_path)


def test_people_alone_are_enough(tmp_path: Path) -> None:
    (tmp_path / "us-500.csv").write_text(SMALL["us-500"], encoding="utf-8")
    world = world_of(Options(data=tmp_path, share=(0.0, 0.5)))
    assert world.counts == {"agents": 0, "companies": 1, "people": 1, "products": 0, "deals": 0, "tasks": 0, "talks": 1}


def test_everything_published_is_there(published: CsvWorld) -> None:
    assert {agent.name for agent in published.agents()} == {row["sales_agent"] for row in published_rows("sales_teams")}
    assert {product.name for product in published.products()} == {row["product"] for row in published_rows("products")}
    names = {row["account"] for row in published_rows("accounts")} | {row["company_name"] for row in published_rows("us-500")}
    assert {company.name for company in published.companies()} == names and published.counts["companies"] == 585
    assert [person.emails for person in published.people()] == [(row["email"],) for row in published_rows("us-500")]
    assert [deal.reference for deal in published.deals()] == [row["opportunity_id"] for row in published_rows("sales_pipeline")]


def test_sums_per_stage_survive_exactly(published: CsvWorld) -> None:
    sums, expected = defaultdict(Decimal), defaultdict(Decimal)
    for deal in published.deals():
        sums[deal.stage] += deal.amount or 0
    for row in published_rows("sales_pipeline"):
        expected[row["deal_stage"].lower()] += Decimal(row["close_value"] or 0)
    assert sums == expected and sums["won"] == 10_005_534


def test_deals_belong_to_whom_they_were_published_for(published: CsvWorld) -> None:
    agents = {agent.key: agent.name for agent in published.agents()}
    companies = {company.key: company.name for company in published.companies()}
    for deal, row in zip(published.deals(), published_rows("sales_pipeline"), strict=True):
        assert agents[deal.agent] == row["sales_agent"]
        assert (companies[deal.company] if deal.company else "") == row["account"]
        assert deal.product is not None and deal.people


def test_dates_are_the_published_days_in_every_zone_between(published: CsvWorld) -> None:
    for deal, row in zip(published.deals(), published_rows("sales_pipeline"), strict=True):
        assert _days(deal.closed) == {row["close_date"]}
        assert not row["engage_date"] or _days(deal.created) == {row["engage_date"]}


def _days(moment: int | None) -> set[str]:
    """Answer the dates of a moment from New York to Moscow."""
    if moment is None:
        return {""}
    return {datetime.fromtimestamp(moment + hours * 3600, UTC).date().isoformat() for hours in (-5, 0, 3)}


@pytest.mark.parametrize("share", PARTS)
def test_keys_of_a_part_run_from_one_and_point_inside(published: CsvWorld, share: tuple[float, float]) -> None:
    world, counts = published.part(*share), published.part(*share).counts
    for kind in counts:
        assert [record.key for record in getattr(world, kind)()] == list(range(1, counts[kind] + 1)), kind
    assert all(1 <= person.company <= counts["companies"] for person in world.people() if person.company)
    assert all(_points_inside(deal, counts) for deal in world.deals())
    assert (counts["agents"], counts["products"]) == (35, 7)


def _points_inside(deal: Deal, counts: dict[str, int]) -> bool:
    company = deal.company is None or 1 <= deal.company <= counts["companies"]
    return company and all(1 <= key <= counts["people"] for key in deal.people) and 1 <= deal.agent <= 35


def test_two_accounts_together_hold_everything_and_overlap(published: CsvWorld) -> None:
    left, right = published.part(0.0, 0.6), published.part(0.4, 1.0)
    for kind, name in (("companies", "name"), ("people", "emails"), ("deals", "reference")):
        whole, one, two = ({getattr(record, name) for record in getattr(world, kind)()} for world in (published, left, right))
        assert one | two == whole and one & two and one != whole != two
