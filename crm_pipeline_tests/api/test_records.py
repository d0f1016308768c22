"""Lists and single records: searched, filtered, in pages, part of them, others read with them; nothing of what is not theirs."""

import gzip
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import httpx
import pytest

from crm_pipeline.database import including, reading
from crm_pipeline.database.including import INCLUSIONS
from crm_pipeline.model import searching
from crm_pipeline_tests.api.conftest import Api
from crm_pipeline_tests.api.test_records_and_deltas import put

Values = dict[str, Any]


@dataclass
class Shop:
    """Two sellers; what each has."""

    api: Api
    me: str
    ids: dict[str, str]
    boss: httpx.Client
    seller: httpx.Client


@pytest.fixture(scope="module")
def shop(module_api: Api) -> Iterator[Shop]:
    """Yield records that refer to one another: mine, and some of another seller."""
    api, me, other = module_api, str(uuid4()), str(uuid4())
    ids = {"me": put(api, "users", id=me, name="Ольга"), "other": put(api, "users", id=other, name="Пётр")}
    ids["pipeline"] = put(api, "pipelines", name="Продажи")
    ids["stage"] = put(api, "stages", name="Новая", pipeline_id=ids["pipeline"])
    ids["company"] = put(api, "companies", name="ООО Ромашка", tax_id="7707083893", owner_id=other)
    ids["hidden company"] = put(api, "companies", name="ООО Лютик", owner_id=other)
    ids["anna"] = put(api, "contacts", name="Анна Королёва", company_id=ids["company"], owner_id=me)
    ids["boris"] = put(api, "contacts", name="Борис 100%_\\ Ким", owner_id=other)
    ids["product"] = put(api, "products", name="Кофемашина", sku="CM-7", price="185000.50")
    ids["deal"] = put(api, "deals", title="Кофемашина", owner_id=me, company_id=ids["company"], stage_id=ids["stage"],
                      pipeline_id=ids["pipeline"], amount="185000.50")  # fmt: skip
    ids["foreign deal"] = put(api, "deals", title="Чужая", owner_id=other, company_id=ids["hidden company"])
    ids["task"] = put(api, "tasks", title="Позвонить", owner_id=me, target_entity="contacts", target_id=ids["anna"])
    ids["foreign task"] = put(api, "tasks", title="Чужое", owner_id=other, target_entity="contacts", target_id=ids["anna"])
    ids["call"] = put(api, "communications", kind="call", body_text="О цене", target_entity="contacts", target_id=ids["anna"])
    for contact, company in (("anna", "company"), ("anna", "hidden company")):
        link(api, "contact_companies", contact_id=ids[contact], company_id=ids[company], is_primary=company == "company")
    for deal, contact in (("deal", "anna"), ("foreign deal", "anna"), ("foreign deal", "boris")):
        link(api, "deal_contacts", deal_id=ids[deal], contact_id=ids[contact])
    link(api, "deal_products", deal_id=ids["deal"], position=0, product_id=ids["product"], quantity="2", price="90000")
    link(api, "deal_products", deal_id=ids["deal"], position=1, product_name="Доставка")
    for contact, phone, email in (("anna", "+79161234501", "anna@romashka.example"), ("boris", "+79031230777", "kim@x.example")):
        for kind, value in (("phone", phone), ("email", email)):
            link(api, "contact_points", entity="contacts", golden_id=ids[contact], kind=kind, value=value)
    yield Shop(api, me, ids, api.login("operator"), api.login("agent", "own", [me]))


def link(api: Api, table: str, **values: Any) -> None:
    names = ", ".join(values)
    api.rows(f"INSERT INTO crm.{table} ({names}) VALUES ({', '.join(f'%({n})s' for n in values)}) RETURNING 1", **values)


def get(client: httpx.Client, path: str, **asked: Any) -> Values:
    answer = client.get(path, params=asked)
    assert answer.status_code == 200, answer.text
    return answer.json()


def found(client: httpx.Client, entity: str, **asked: Any) -> set[str]:
    return {one["id"] for one in get(client, f"/api/{entity}", **asked)["items"]}


def ids_of(records: list[Values]) -> list[str]:
    return [one["id"] for one in records]


def test_others_are_read_with_a_record_and_with_a_list(shop: Shop) -> None:
    asked = "contacts,company,products,tasks,communications,owner,stage,pipeline"
    for deal in (
        get(shop.boss, f"/api/deals/{shop.ids['deal']}", include=asked),
        next(one for one in get(shop.boss, "/api/deals", include=asked)["items"] if one["id"] == shop.ids["deal"]),
    ):
        assert [(one["name"], one["phones"]) for one in deal["contacts"]] == [("Анна Королёва", ["+79161234501"])]
        assert (deal["company"]["name"], deal["owner"]["name"], deal["stage"]["name"]) == ("ООО Ромашка", "Ольга", "Новая")
        assert [(one["quantity"], (one["product"] or {}).get("sku")) for one in deal["products"]] == [("2", "CM-7"), (None, None)]
        assert deal["tasks"] == deal["communications"] == []
    assert get(shop.boss, f"/api/deals/{shop.ids['deal']}")["contacts"] == [shop.ids["anna"]]


def test_what_belongs_to_a_contact(shop: Shop) -> None:
    anna = get(shop.boss, f"/api/contacts/{shop.ids['anna']}", include="companies,deals,tasks,communications,company,owner")
    assert [one["name"] for one in anna["companies"]] == ["ООО Ромашка", "ООО Лютик"]
    assert {one["title"] for one in anna["deals"]} == {"Кофемашина", "Чужая"} and len(anna["tasks"]) == 2
    assert [one["body_text"] for one in anna["communications"]] == ["О цене"] and anna["owner"]["id"] == shop.me


def test_what_is_read_with_a_record_is_what_the_caller_sees(shop: Shop) -> None:
    anna = get(shop.seller, f"/api/contacts/{shop.ids['anna']}", include="companies,deals,tasks,communications,company")
    assert ids_of(anna["deals"]) == [shop.ids["deal"]] and ids_of(anna["tasks"]) == [shop.ids["task"]]
    assert ids_of(anna["companies"]) == [shop.ids["company"]] and anna["company"]["id"] == shop.ids["company"]
    assert ids_of(anna["communications"]) == [shop.ids["call"]]
    assert shop.seller.get(f"/api/contacts/{shop.ids['boris']}", params={"include": "deals"}).status_code == 404
    assert get(shop.seller, "/api/products", include="deals")["items"][0]["deals"][0]["id"] == shop.ids["deal"]


@pytest.mark.parametrize("entity", INCLUSIONS)
def test_everything_that_can_be_included_can_be_asked_for(shop: Shop, entity: str) -> None:
    for client in (shop.boss, shop.seller):
        for record in get(client, f"/api/{entity}", include=",".join(INCLUSIONS[entity]))["items"]:
            assert set(record) == set(reading.names_of(entity)) | set(INCLUSIONS[entity])
            assert get(client, f"/api/{entity}/{record['id']}", include=",".join(INCLUSIONS[entity])) == record


def test_a_target_is_of_any_kind_and_fields_leave_what_is_included(shop: Shop) -> None:
    task = get(shop.boss, f"/api/tasks/{shop.ids['task']}", include="target", fields="title")
    assert set(task) == {"id", "version", "title", "target"} and task["target"]["name"] == "Анна Королёва"
    assert set(get(shop.boss, f"/api/deals/{shop.ids['deal']}", fields="amount,contacts")) == {
        "id",
        "version",
        "amount",
        "contacts",
    }
    assert "provenance" in get(shop.boss, "/api/deals", fields="provenance")["items"][0]
    assert "provenance" not in get(shop.seller, "/api/deals", fields="provenance")["items"][0]
    for asked in ({"fields": "no_such"}, {"include": "no_such"}, {"include": "contacts,"}, {"fields": ""}, {"no_such": "1"}):
        assert shop.boss.get("/api/deals", params=asked).status_code == 422, asked


def test_no_more_than_so_many_are_read_with_one(shop: Shop) -> None:
    company = put(shop.api, "companies", name="Большая", owner_id=shop.me)
    for number in range(including.MOST + 3):
        put(shop.api, "deals", title=f"{number}", company_id=company, updated_at=f"2026-01-01T00:00:{number:02}Z")
    told = get(shop.boss, f"/api/companies/{company}", include="deals")["deals"]
    assert len(told) == including.MOST and told[0]["title"] == f"{including.MOST + 2}"


@pytest.mark.parametrize(
    ("entity", "question", "names"),
    [
        ("contacts", "королева анна", {"anna"}), ("contacts", "АННА", {"anna"}), ("contacts", "ролёв", {"anna"}),
        ("contacts", "8 (916) 123-45-01", {"anna"}), ("contacts", "+7 916 1234501", {"anna"}), ("contacts", "4501", {"anna"}),
        ("contacts", "ANNA@romashka.example", {"anna"}), ("contacts", "romashka", {"anna"}), ("contacts", "@x.ex", {"boris"}),
        ("contacts", "100%_\\", {"boris"}), ("contacts", "1%0", set()), ("contacts", "анна борис", set()),
        ("companies", "ромашка", {"company"}), ("companies", "7707083893", {"company"}), ("deals", "кофе", {"deal"}),
        ("products", "cm-7", {"product"}), ("tasks", "позвонить", {"task"}), ("communications", "цене", {"call"}),
    ],
)  # fmt: skip
def test_search(shop: Shop, entity: str, question: str, names: set[str]) -> None:
    assert found(shop.boss, entity, q=question) == {shop.ids[name] for name in names}


def test_a_search_shows_only_what_the_caller_sees_and_goes_with_filters(shop: Shop) -> None:
    assert found(shop.boss, "contacts", q="им") and found(shop.seller, "contacts", q="@") == {shop.ids["anna"]}
    assert found(shop.boss, "contacts", q="@", owner_id=shop.me) == {shop.ids["anna"]}
    assert shop.boss.get("/api/contacts", params={"q": " "}).status_code == 422


def test_whole_phones_and_addresses_are_looked_up_by_their_index(shop: Shop) -> None:
    sought = searching.read("8 916 123-45-01", "RU")
    assert sought and sought.phone == "+79161234501"
    condition = reading._found("contacts", sought).removeprefix("AND")
    values = {"kind": "phone", "whole": sought.phone}
    with shop.api.parts.engine.connect() as db:  # never committed
        db.exec_driver_sql(
            "INSERT INTO crm.contact_points (entity, golden_id, kind, value) "
            "SELECT 'contacts', gen_random_uuid(), 'phone', '+7' || n FROM generate_series(1, 5000) n"
        )
        db.exec_driver_sql("ANALYZE crm.contact_points")
        plan = db.exec_driver_sql(f"EXPLAIN SELECT g.id FROM crm.contacts g WHERE {condition}", values).all()
    assert "contact_points_value" in str(plan)


@pytest.mark.parametrize("sort", ["updated_at", "-updated_at", "name", "-name", "created_at"])
def test_pages_of_a_search_show_everything_once_whatever_the_order(shop: Shop, sort: str) -> None:
    company = str(uuid4())
    made = {
        put(shop.api, "contacts", name=f"Same {number % 3}", company_id=company,
            updated_at=None if number % 4 == 0 else f"2026-01-0{1 + number % 3}T00:00:00Z") for number in range(11)
    }  # fmt: skip
    seen, asked = list[str](), {"limit": 2, "sort": sort, "q": "same", "company_id": company, "include": "owner"}
    while True:
        page = get(shop.boss, "/api/contacts", **asked)
        seen += ids_of(page["items"])
        if page["next_cursor"] is None:
            break
        asked["cursor"] = page["next_cursor"]
    assert len(seen) == len(made) and set(seen) == made
    assert shop.boss.get("/api/contacts", params={**asked, "q": "other", "cursor": "x" * 40}).status_code == 404


def test_a_cursor_is_good_for_its_question_only(shop: Shop) -> None:
    cursor = get(shop.boss, "/api/contacts", limit=1)["next_cursor"]
    for path, asked in (("/api/deals", {}), ("/api/contacts", {"q": "a"}), ("/api/contacts", {"sort": "-updated_at"})):
        answer = shop.boss.get(path, params={"cursor": cursor, **asked})
        assert answer.status_code == 404 and answer.json()["type"] == "/problems/unknown-cursor"
    assert shop.boss.get("/api/contacts", params={"cursor": cursor[:-1] + ("A" if cursor[-1] != "A" else "B")}).status_code == 404


def test_what_a_client_has_is_not_sent_again(shop: Shop) -> None:
    for path in (f"/api/deals/{shop.ids['deal']}", "/api/deals", f"/api/deals/{shop.ids['deal']}?include=contacts"):
        tag = shop.boss.get(path).headers["ETag"]
        assert tag.startswith('W/"')
        for given in (tag, tag.removeprefix("W/"), f'"other", {tag}', "*", f'W/"x" ,{tag.removeprefix("W/")}'):
            answer = shop.boss.get(path, headers={"If-None-Match": given})
            assert answer.status_code == 304 and answer.content == b"" and answer.headers["ETag"] == tag, (path, given)
        for given in ('"other"', tag[:-2] + '"', '"*"', ""):
            assert shop.boss.get(path, headers={"If-None-Match": given}).status_code == 200, given
    before = shop.boss.get(f"/api/deals/{shop.ids['deal']}?include=contacts").headers["ETag"]
    shop.api.rows("UPDATE crm.contacts SET position = 'CTO' WHERE id = %(id)s RETURNING 1", id=shop.ids["anna"])
    assert shop.boss.get(f"/api/deals/{shop.ids['deal']}?include=contacts").headers["ETag"] != before
    assert shop.boss.get(f"/api/deals/{uuid4()}", headers={"If-None-Match": "*"}).status_code == 404


def test_large_pages_are_zipped_for_who_takes_it(shop: Shop) -> None:
    with shop.boss.stream("GET", "/api/deals", headers={"Accept-Encoding": "gzip"}) as answer:
        packed = b"".join(answer.iter_raw())
    assert answer.headers["Content-Encoding"] == "gzip" and "Accept-Encoding" in answer.headers["Vary"]
    plain = shop.boss.get("/api/deals", headers={"Accept-Encoding": "identity"})
    assert "Content-Encoding" not in plain.headers and gzip.decompress(packed) == plain.content


@pytest.mark.parametrize(
    ("entity", "asked", "count"),
    [
        ("deals", {"amount": "185000.5"}, 1), ("deals", {"title": "Чужая"}, 1), ("tasks", {"is_completed": "false"}, 2),
        ("deals", {"updated_since": "2026-01-01T00:00:00+00:00", "title": "7"}, 1),
        ("deals", {"updated_since": "2026-01-02", "title": "7"}, 0), ("communications", {"kind": "call"}, 1),
    ],
)  # fmt: skip
def test_filters(shop: Shop, entity: str, asked: Values, count: int) -> None:
    assert len(get(shop.boss, f"/api/{entity}", **asked)["items"]) == count


@pytest.mark.parametrize(
    "asked",
    [{"amount": "a"}, {"owner_id": "x"}, {"closed_at": "yesterday"}, {"limit": "0"}, {"limit": "501"}, {"limit": "9" * 400},
     {"sort": "amount"}, {"title": "a\0"}, {"q": "\0"}, {"stage_category": "x"}, {"updated_since": "0"}, {"tags": "x"}],
)  # fmt: skip
def test_what_cannot_be_asked_is_refused(shop: Shop, asked: Values) -> None:
    assert shop.boss.get("/api/deals", params=asked).status_code == 422
