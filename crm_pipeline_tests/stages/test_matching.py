"""Who is one thing and who is not: keys and their guards, what follows a merge, what undoes it."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import Engine

from crm_pipeline.model.rules import Matching, Ref, Rules
from crm_pipeline.stages.reconcile import reconcile
from crm_pipeline.stages.suggest import suggest
from crm_pipeline_tests.stages.ledger import Ledger

A, B, C = ("amo-1", "1"), ("portal-1", "1"), ("portal-2", "1")


@pytest.fixture
def ledger(database: Engine) -> Iterator[Ledger]:
    """Yield six empty accounts."""
    found = Ledger(database)
    found.open_accounts()
    yield found


def groups(ledger: Ledger, entity: str = "contacts") -> list[list[str]]:
    """Reconcile, and return which source records are one."""
    reconcile(ledger)
    found = ledger.rows(
        "SELECT array_agg(c.name || ':' || x.external_id ORDER BY c.name, x.external_id) FROM crm.crosswalk x"
        " JOIN sync.connections c ON c.id = x.connection_id WHERE x.entity = %s GROUP BY x.golden_id", entity,
    )  # fmt: skip
    return sorted(row[0] for row in found)


def reviews(ledger: Ledger) -> list[tuple[str, str]]:
    """Return the questions that are open."""
    return ledger.rows("SELECT reason, explanation FROM sync.match_reviews WHERE state = 'open' ORDER BY 1, 2")


TOGETHER, ALONE = [["amo-1:1", "portal-1:1"]], [["amo-1:1"], ["portal-1:1"]]


@pytest.mark.parametrize(
    "one, other, expected",
    [
        ({"email": "i@firm.ru"}, {"email": "i@firm.ru"}, TOGETHER),
        ({"phone": "+79161110001"}, {"phone": "+79161110001"}, TOGETHER),
        ({"name": "Иван Петров", "phone": "+79161110001"}, {"name": "Petrov Ivan", "phone": "+79161110001"}, TOGETHER),
        ({"name": "Иван Петров", "phone": "+79161110001"}, {"name": "Игорь Петров", "phone": "+79161110001"}, ALONE),
        ({"name": "Иван Петров"}, {"name": "Иван Петров"}, ALONE),
        ({"email": "info@firm.ru"}, {"email": "info@firm.ru"}, ALONE),
        ({"email": "test@test.ru"}, {"email": "test@test.ru"}, ALONE),
        ({"phone": "+79999999999"}, {"phone": "+79999999999"}, ALONE),
    ],
)
def test_keys_and_their_guards(ledger: Ledger, one: dict[str, Any], other: dict[str, Any], expected: list[list[str]]) -> None:
    ledger.put(A, **one)
    ledger.put(B, **other)
    assert groups(ledger) == expected


def test_twins_who_share_a_phone_are_asked_about(ledger: Ledger) -> None:
    ledger.put(A, name="Мария Петрова", phone="+79161110001")
    ledger.put(B, name="Дарья Петрова", phone="+79161110001")
    groups(ledger)
    ((reason, explanation),) = reviews(ledger)
    assert reason == "contradiction"
    assert explanation.startswith("same phone +79161110001, ")


def test_a_phone_too_many_share_is_no_key_until_few_do(ledger: Ledger) -> None:
    for number in range(1, 7):
        ledger.put(("portal-1", str(number)), name="Офис", phone="+74951110000")
    ledger.put(A, name="Офис", phone="+74951110000")
    assert all(len(group) == 1 for group in groups(ledger))
    for number in range(2, 7):
        ledger.put(("portal-1", str(number)), phone=f"+7495222000{number}")
    assert ["amo-1:1", "portal-1:1"] in groups(ledger)
    for number in range(2, 7):
        ledger.put(("portal-1", str(number)), phone="+74951110000")
    assert all(len(group) == 1 for group in groups(ledger)), "crowded again: what hung on it falls apart"


def test_several_candidates_are_asked_about_and_none_is_taken(ledger: Ledger) -> None:
    for number in ("1", "2"):
        ledger.put(("portal-1", number), name="Иван Петров", phone="+79161110001")
    ledger.put(A, name="Иван Петров", phone="+79161110001")
    assert groups(ledger) == [["amo-1:1"], ["portal-1:1"], ["portal-1:2"]]
    assert [reason for reason, _ in reviews(ledger)] == ["one_connection", "several_candidates", "several_candidates"]


def test_a_more_trusted_key_decides_between_candidates(ledger: Ledger) -> None:
    ledger.put(("portal-1", "1"), name="Иван Петров", phone="+79161110001")
    ledger.put(("portal-1", "2"), name="Иван Петров", phone="+79161110001", email="ivan@firm.ru")
    ledger.put(A, name="Иван Петров", phone="+79161110001", email="ivan@firm.ru")
    assert groups(ledger) == [["amo-1:1", "portal-1:2"], ["portal-1:1"]]


def test_two_of_one_connection_are_linked_where_a_rule_says_so(ledger: Ledger) -> None:
    ledger.put(("amo-1", "1"), name="Иван", email="i@firm.ru")
    ledger.put(("amo-1", "2"), name="Иван", email="i@firm.ru")
    assert groups(ledger) == [["amo-1:1"], ["amo-1:2"]]
    ledger.rules = replace(ledger.rules, matching=Matching(same_connection={"contacts": ("email",)}))
    reconcile(ledger, full=True)
    assert groups(ledger) == [["amo-1:1", "amo-1:2"]]


def test_companies_match_by_tax_id_and_domain(ledger: Ledger) -> None:
    ledger.land("companies", A, name="ООО «Ромашка»", tax_id="7707083893")
    ledger.land("companies", B, name="Ромашка", tax_id="7707083893", website="https://www.romashka.ru/o-nas")
    ledger.land("companies", C, name="Romashka LLC", website="romashka.ru")
    ledger.land("companies", ("portal-3", "1"), name="Другие", website="https://vk.com/drugie")
    ledger.land("companies", ("amo-2", "1"), name="Иные", website="https://vk.com/inye")
    assert groups(ledger, "companies") == [["amo-1:1", "portal-1:1", "portal-2:1"], ["amo-2:1"], ["portal-3:1"]]


def test_markers_of_one_origin_match_and_ours_names_the_golden_record(ledger: Ledger) -> None:
    ledger.land("deals", A, title="1C", originator_id="1c", origin_id="77")
    ledger.land("deals", B, title="1С тоже", originator_id="1c", origin_id="77")
    assert groups(ledger, "deals") == TOGETHER
    ((golden_id,),) = ledger.rows("SELECT id::text FROM crm.deals")
    ledger.land("deals", C, title="Ours", originator_id="crm_pipeline", origin_id=golden_id)
    assert groups(ledger, "deals") == [["amo-1:1", "portal-1:1", "portal-2:1"]]


def test_an_external_id_matches_deals_and_names_do_not_matter(ledger: Ledger) -> None:
    fields = {"amo-1": "Номер", "portal-1": "UF_CRM_NUMBER"}
    ledger.rules = replace(ledger.rules, matching=Matching(external_id={"deals": fields}))
    ledger.land("deals", A, title="One", custom_fields={"501": {"name": "Номер", "type": "text", "value": "K-9"}})
    ledger.land("deals", B, title="Two", custom_fields={"UF_CRM_NUMBER": {"name": "Number", "type": "text", "value": "K-9"}})
    assert groups(ledger, "deals") == TOGETHER


def test_users_meet_by_email_stages_by_mapping_or_name(ledger: Ledger) -> None:
    for ref in (A, B):
        ledger.land("users", ref, name="Anna", email="anna@firm.ru")
        ledger.land("pipelines", ref, name="Продажи")
        for number, (name, category) in enumerate([("Новая", "open"), ("Успех", "won"), ("Счёт", "open")]):
            name = name if ref == A else {"Новая": "Новая", "Успех": "Сделка успешна", "Счёт": "Invoice"}[name]
            stage = (ref[0], f"1:{number}")
            ledger.land("stages", stage, name=name, category=category, pipeline_external_id="1")
    assert groups(ledger, "users") == TOGETHER
    assert groups(ledger, "pipelines") == TOGETHER
    assert groups(ledger, "stages") == [
        ["amo-1:1:0", "portal-1:1:0"],
        ["amo-1:1:1", "portal-1:1:1"],
        ["amo-1:1:2"],
        ["portal-1:1:2"],
    ]
    ledger.rules = Rules(stages=((Ref("amo-1", "Счёт"), Ref("portal-1", "Invoice")),))
    reconcile(ledger, full=True)
    assert ["amo-1:1:2", "portal-1:1:2"] in groups(ledger, "stages")


def test_products_match_by_article_and_by_name_where_switched_on(ledger: Ledger) -> None:
    ledger.land("products", A, name="Кофемашина", sku="KM-1")
    ledger.land("products", B, name="Кофе-машина", sku="km-1")
    ledger.land("products", ("amo-2", "1"), name="Чашка")
    ledger.land("products", ("portal-2", "1"), name="чашка")
    assert groups(ledger, "products") == [["amo-1:1", "portal-1:1"], ["amo-2:1"], ["portal-2:1"]]
    ledger.rules = replace(ledger.rules, matching=Matching(product_name=True))
    reconcile(ledger, full=True)
    assert ["amo-2:1", "portal-2:1"] in groups(ledger, "products")


def test_the_older_golden_id_survives_and_the_other_redirects(ledger: Ledger) -> None:
    ledger.put(A, name="Иван", phone="+79161110001")
    reconcile(ledger)
    ((old,),) = ledger.rows("SELECT id FROM crm.contacts")
    ledger.put(B, name="Иван", phone="+79161110002")
    reconcile(ledger)
    ((young,),) = ledger.rows("SELECT id FROM crm.contacts WHERE id <> %s", old)
    ledger.put(B, phone="+79161110001")
    reconcile(ledger)
    assert ledger.rows("SELECT id FROM crm.contacts") == [(old,)]
    assert ledger.rows("SELECT old_id, new_id FROM crm.golden_redirects") == [(young, old)]
    assert ledger.rows("SELECT DISTINCT golden_id FROM source.contacts") == [(old,)]
    ledger.put(B, phone="+79161110002")
    reconcile(ledger)
    assert sorted(ledger.rows("SELECT id FROM crm.contacts")) == sorted([(old,), (young,)])
    assert ledger.rows("SELECT * FROM crm.golden_redirects") == []


def test_whatever_refers_to_a_merged_record_follows(ledger: Ledger) -> None:
    ledger.land("companies", B, name="Ромашка", tax_id="7707083893")
    ledger.put(A, name="Иван", phone="+79161110001")
    ledger.put(B, name="Иван", phone="+79161110002")
    ledger.land("tasks", B, title="Позвонить", target_entity="contacts", target_external_id="1")
    ledger.land("communications", B, kind="note", body="x", target_entity="contacts", target_external_id="1")
    contacts = ({"contact_external_id": "1", "is_main": True, "position": 0},)
    ledger.land("deals", B, title="D", company_external_id="1", children={"deal_contacts": contacts})
    reconcile(ledger)
    ledger.put(B, phone="+79161110001")
    ledger.land("companies", A, name="Ромашка", tax_id="7707083893")
    reconcile(ledger)
    ((contact,),) = ledger.rows("SELECT id FROM crm.contacts")
    ((company,),) = ledger.rows("SELECT id FROM crm.companies")
    for table, column in (("tasks", "target_id"), ("communications", "target_id"), ("deal_contacts", "contact_id")):
        assert ledger.rows(f"SELECT {column} FROM crm.{table}") == [(contact,)], table
    assert ledger.rows("SELECT company_id FROM crm.deals") == [(company,)]


def test_a_deleted_record_says_nothing_and_comes_back(ledger: Ledger) -> None:
    ledger.put(A, name="Иван", phone="+79161110001", position="CTO")
    ledger.put(B, name="Иван", phone="+79161110001", position="CEO")
    reconcile(ledger)
    assert ledger.rows("SELECT position, source_count FROM crm.contacts") == [("CEO", 2)]
    ledger.delete(B)
    reconcile(ledger)
    assert ledger.rows("SELECT position, source_count, deleted_at FROM crm.contacts") == [("CTO", 1, None)]
    ledger.delete(A)
    reconcile(ledger)
    assert ledger.rows("SELECT position, deleted_at IS NULL FROM crm.contacts") == [("CEO", False)]
    ledger.put(A, name="Иван", phone="+79161110001", position="CTO")
    reconcile(ledger)
    assert ledger.rows("SELECT position, deleted_at FROM crm.contacts") == [("CTO", None)]


def test_phones_emails_and_tags_are_united_with_one_primary(ledger: Ledger) -> None:
    ledger.put(A, name="Иван", phone="+79161110001", email="i@firm.ru", tags=["vip"])
    ledger.put(B, name="Иван", phone="+79161110002", email="i@firm.ru", tags=["old"])
    reconcile(ledger)
    points = ledger.rows("SELECT value, is_primary FROM crm.contact_points ORDER BY value")
    assert points == [("+79161110001", True), ("+79161110002", False), ("i@firm.ru", True)]
    assert sorted(ledger.rows("SELECT tags FROM crm.contacts")[0][0]) == ["old", "vip"]


def test_the_app_is_a_side_like_any_other(ledger: Ledger) -> None:
    ledger.land("deals", A, title="Старое")
    reconcile(ledger)
    ((golden_id,),) = ledger.rows("SELECT id::text FROM crm.deals")
    ((ledger.ids["app"],),) = ledger.rows("SELECT id FROM sync.connections WHERE crm = 'app'")
    ledger.land("deals", ("app", golden_id), title="Новое", originator_id="crm_pipeline", origin_id=golden_id)
    reconcile(ledger)
    ((title, provenance),) = ledger.rows("SELECT title, provenance -> 'title' FROM crm.deals")
    assert title == "Новое"
    assert provenance["connection"] == "app"
    assert provenance["others"] == {"amo-1": "Старое"}


def test_people_alike_without_a_common_key_are_suggested_and_not_linked(ledger: Ledger) -> None:
    for ref, name in ((A, "Тимофей Зарубинский"), (B, "Zarubinskiy Timofey")):
        ledger.land("companies", ref, name="Вектор-Логистика")
        points = ({"kind": "email", "value": f"{ref[0]}@firm.ru", "original": "", "is_primary": True, "position": 0},)
        ledger.land("contacts", ref, name=name, company_external_id="1", children={"contact_points": points})
    assert groups(ledger) == ALONE
    assert suggest(ledger) == 1
    ((reason, explanation),) = reviews(ledger)
    assert reason == "resemblance"
    assert explanation.startswith("no common key, but alike (")
    ((score, features),) = ledger.rows("SELECT score, features FROM sync.match_reviews")
    assert 0.25 <= score <= 1
    assert features["name"] > 0.9
    assert suggest(ledger) == 0, "asked once"
    ledger.land("contacts", B, name="Аркадий Полуэктов", company_external_id="1")
    reconcile(ledger)
    assert suggest(ledger) == 0
    assert reviews(ledger) == [], "what no longer resembles is asked no more"
