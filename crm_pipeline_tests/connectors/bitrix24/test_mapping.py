"""Payloads into source records: every odd shape the vendor sends, both faces, and nothing that crashes (facts: bitrix24 4)."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_pipeline.connectors.bitrix24 import CONNECTOR
from crm_pipeline.connectors.bitrix24.custom_values import spelled
from crm_pipeline.errors import Unreadable
from crm_pipeline.model.entities import CHILDREN, COLUMNS, MARKERS
from crm_pipeline.model.records import MappingContext, RawRecord, SourceRecord

FIELDS: dict[str, dict[str, Any]] = {
    "contacts:UF_CRM_1": {"name": "Level", "kind": "enum", "is_multiple": False, "options": {"51": "Gold", "52": "Silver"}},
    "contacts:UF_CRM_2": {"name": "Interests", "kind": "enum", "is_multiple": True, "options": {"61": "Mail", "62": "Web"}},
    "contacts:UF_CRM_3": {"name": "Since", "kind": "date"},
    "contacts:UF_CRM_4": {"name": "Newsletter", "kind": "boolean"},
    "contacts:UF_CRM_5": {"name": "Budget", "kind": "money"},
    "contacts:UF_CRM_6": {"name": "Contract", "kind": "file"},
    "contacts:UF_CRM_7": {"name": "Points", "kind": "number"},
    "contacts:UF_CRM_8": {"name": "Called", "kind": "datetime"},
    "contacts:UF_CRM_MY_CODE": {"name": "Code", "kind": "text"},
    "companies:UF_CRM_9": {"name": "ИНН", "kind": "text"},
}
CONTEXT = MappingContext(1, "Europe/Moscow", "RUB", fields=FIELDS)


def one(kind: str, payload: dict[str, Any], external_id: str = "1", context: MappingContext = CONTEXT) -> SourceRecord:
    (record,) = CONNECTOR.normalize(RawRecord(kind, external_id, payload), context)
    return record


ITEM_CONTACT = {
    "id": 91, "name": "Ann", "lastName": "Test", "secondName": "", "post": "Buyer", "birthdate": "1990-05-04T03:00:00+03:00",
    "companyId": 14, "companyIds": [14, 15], "assignedById": 7, "originatorId": "pipeline", "originId": "ext-17",
    "createdTime": "2026-01-10T09:00:00+03:00", "updatedTime": "2026-09-20T18:45:01+03:00", "hasPhone": "Y",
    "fm": [
        {"id": 301, "valueType": "WORK", "value": "8 (900) 111-22-33", "typeId": "PHONE"},
        {"id": 302, "valueType": "MOBILE", "value": "ext. none", "typeId": "PHONE"},
        {"id": 303, "valueType": "WORK", "value": "Ann@Example.test", "typeId": "EMAIL"},
    ],
    "ufCrm_1": 51, "ufCrm_2": [61, 62], "ufCrm_3": "2020-02-29T00:00:00+03:00", "ufCrm_4": "Y", "ufCrm_5": "1500.50|USD",
    "ufCrm_6": {"id": 77, "urlMachine": "https://x/?token=secret"}, "ufCrm_7": 12, "ufCrm_8": "2026-01-10T09:00:00+03:00",
    "ufCrmMyCode": "abc",
}  # fmt: skip
CLASSIC_CONTACT = {
    "ID": "91", "NAME": "Ann", "LAST_NAME": "Test", "SECOND_NAME": None, "POST": "Buyer",
    "BIRTHDATE": "1990-05-04T03:00:00+03:00",
    "COMPANY_ID": "14", "companyItems": [{"COMPANY_ID": 14, "SORT": 10, "IS_PRIMARY": "Y"}, {"COMPANY_ID": 15, "SORT": 20,
    "IS_PRIMARY": "N"}],
    "ASSIGNED_BY_ID": "7", "ORIGINATOR_ID": "pipeline", "ORIGIN_ID": "ext-17", "DATE_CREATE": "2026-01-10T09:00:00+03:00",
    "DATE_MODIFY": "2026-09-20T18:45:01+03:00",
    "PHONE": [{"ID": "301", "VALUE_TYPE": "WORK", "VALUE": "8 (900) 111-22-33", "TYPE_ID": "PHONE"},
              {"ID": "302", "VALUE_TYPE": "MOBILE", "VALUE": "ext. none", "TYPE_ID": "PHONE"}],
    "EMAIL": [{"ID": "303", "VALUE_TYPE": "WORK", "VALUE": "Ann@Example.test", "TYPE_ID": "EMAIL"}],
    "UF_CRM_1": "51", "UF_CRM_2": ["61", "62"], "UF_CRM_3": "2020-02-29T00:00:00+03:00", "UF_CRM_4": "1",
    "UF_CRM_5": "1500.50|USD",
    "UF_CRM_6": {"id": "77", "showUrl": "/x?token=secret"}, "UF_CRM_7": "12", "UF_CRM_8": "2026-01-10T09:00:00+03:00",
    "UF_CRM_MY_CODE": "abc",
}  # fmt: skip


def test_a_contact_of_both_faces_is_the_same_source_record() -> None:
    assert one("contacts", ITEM_CONTACT) == one("contacts", CLASSIC_CONTACT)


def test_a_contact_has_typed_values() -> None:
    found = one("contacts", ITEM_CONTACT)
    assert found.external_id == "91"
    assert found.values == {
        "name": "Ann Test", "first_name": "Ann", "last_name": "Test", "middle_name": None, "company_external_id": "14",
        "owner_external_id": "7", "position": "Buyer", "birthday": date(1990, 5, 4), "tags": [], "originator_id": "pipeline",
        "origin_id": "ext-17",
    }  # fmt: skip
    assert found.remote_updated_at == datetime(2026, 9, 20, 15, 45, 1, tzinfo=UTC)
    assert [
        (row["kind"], row["value"], row["label"], row["is_primary"], row["remote_value_id"])
        for row in found.children["contact_points"]
    ] == [
        ("phone", "+79001112233", "WORK", True, "301"),
        ("phone", "ext. none", "MOBILE", False, "302"),
        ("email", "ann@example.test", "WORK", True, "303"),
    ]
    assert [(row["company_external_id"], row["is_primary"]) for row in found.children["contact_companies"]] == [
        ("14", True),
        ("15", False),
    ]


def test_custom_fields_are_typed_by_their_definitions_and_files_keep_no_address() -> None:
    assert one("contacts", ITEM_CONTACT).custom_fields == {
        "UF_CRM_1": {"name": "Level", "type": "enum", "value": "Gold", "enum": "51"},
        "UF_CRM_2": {"name": "Interests", "type": "enum", "value": ["Mail", "Web"], "enum": ["61", "62"]},
        "UF_CRM_3": {"name": "Since", "type": "date", "value": "2020-02-29"},
        "UF_CRM_4": {"name": "Newsletter", "type": "boolean", "value": True},
        "UF_CRM_5": {"name": "Budget", "type": "money", "value": 1500.5, "currency": "USD"},
        "UF_CRM_6": {"name": "Contract", "type": "file", "value": "77"},
        "UF_CRM_7": {"name": "Points", "type": "number", "value": 12},
        "UF_CRM_8": {"name": "Called", "type": "datetime", "value": "2026-01-10T06:00:00+00:00"},
        "UF_CRM_MY_CODE": {"name": "Code", "type": "text", "value": "abc"},
    }


@pytest.mark.parametrize("empty", ["", None, [], False])
def test_empty_custom_values_are_left_out_whatever_php_made_of_them(empty: Any) -> None:
    payload = {"id": 1} | {f"ufCrm_{n}": empty for n in (1, 2, 3, 5, 6, 8)}
    assert one("contacts", payload).custom_fields == {}


def test_the_vendors_own_table_of_names_goes_before_any_rule() -> None:
    context = MappingContext(1, facts={"uf_names": {"contacts": {"ufCrmOdd": "UF_CRM_O_DD"}}})
    assert list(one("contacts", {"id": 1, "ufCrmOdd": "x"}, context=context).custom_fields) == ["UF_CRM_O_DD"]


@pytest.mark.parametrize(("item", "classic"), [
    ("ufCrm_1720019876534", "UF_CRM_1720019876534"), ("ufCrm2_1639669411830", "UF_CRM_2_1639669411830"), ("ufCrmTask",
    "UF_CRM_TASK"),
])  # fmt: skip
def test_names_of_unknown_fields_follow_the_documented_spelling(item: str, classic: str) -> None:
    assert spelled(item) == classic


def test_without_fm_the_flat_extras_serve_and_unknown_points_are_left_alone() -> None:
    flat = one("contacts", {"id": 1, "phoneMobile": "+79001112233", "phone": "+79001112233", "emailWork": "a@b.test"})
    assert [(row["kind"], row["value"]) for row in flat.children["contact_points"]] == [
        ("phone", "+79001112233"),
        ("email", "a@b.test"),
    ]
    assert "contact_points" not in one("contacts", {"id": 1}).children
    assert one("contacts", {"id": 1, "hasPhone": "N", "hasEmail": "N"}).children["contact_points"] == ()
    assert one("contacts", {"ID": "1"}).children["contact_points"] == ()


def test_a_company_tells_tax_id_website_and_whose_it_is() -> None:
    found = one("companies", {
        "id": 3, "title": "ООО Ромашка", "isMyCompany": "Y", "ufCrm_9": "7701 234-567",
        "fm": [{"id": 1, "typeId": "WEB", "value": "Example.test/a", "valueType": "WORK"}],
    })  # fmt: skip
    assert (found.values["tax_id"], found.values["website"], found.values["is_own"]) == (
        "7701234567",
        "https://example.test/a",
        True,
    )


ITEM_DEAL = {
    "id": 410, "title": "Order 17", "categoryId": 0, "stageId": "WON", "stageSemanticId": "S", "opportunity": 1250.1,
    "currencyId": "EUR",
    "companyId": 14, "contactId": 92, "contactIds": [91, 92], "closed": "Y", "closedate": "2026-09-08T03:00:00+03:00",
    "assignedById": 7,
    "createdTime": "2026-09-01T10:00:00+03:00", "updatedTime": "2026-09-02T11:00:00+03:00",
    "productRows": [
        {"id": 502, "productId": 0, "productName": "By hand", "price": 5, "quantity": 1, "discountSum": 0, "sort": 20},
        {"id": 501, "productId": 77, "productName": "Widget", "price": 90, "quantity": 2.5, "discountSum": 8.33, "sort": 10},
    ],
}  # fmt: skip
CLASSIC_DEAL = {
    "ID": "410", "TITLE": "Order 17", "CATEGORY_ID": "0", "STAGE_ID": "WON", "STAGE_SEMANTIC_ID": "S", "OPPORTUNITY": "1250.10",
    "CURRENCY_ID": "EUR", "COMPANY_ID": "14", "CONTACT_ID": "92", "CLOSED": "Y", "CLOSEDATE": "2026-09-08T03:00:00+03:00",
    "ASSIGNED_BY_ID": "7",
    "DATE_CREATE": "2026-09-01T10:00:00+03:00", "DATE_MODIFY": "2026-09-02T11:00:00+03:00",
    "contactItems": [{"CONTACT_ID": 92, "SORT": 20, "IS_PRIMARY": "Y"}, {"CONTACT_ID": 91, "SORT": 10, "IS_PRIMARY": "N"}],
    "productRows": [
        {"ID": "501", "PRODUCT_ID": 77, "PRODUCT_NAME": "Widget", "PRICE": 90, "QUANTITY": 2.5, "DISCOUNT_SUM": 8.33,
        "SORT": 10},
        {"ID": "502", "PRODUCT_ID": "0", "PRODUCT_NAME": "By hand", "PRICE": "5", "QUANTITY": "1", "DISCOUNT_SUM": "0",
        "SORT": "20"},
    ],
}  # fmt: skip


def test_a_deal_of_both_faces_is_the_same_source_record() -> None:
    found = one("deals", ITEM_DEAL)
    assert found == one("deals", CLASSIC_DEAL)
    assert (found.values["amount"], found.values["stage_category"], found.values["pipeline_external_id"]) == (
        Decimal("1250.1"),
        "won",
        "0",
    )
    assert found.values["closed_at"] == datetime(2026, 9, 7, 21, tzinfo=UTC)
    assert [(row["contact_external_id"], row["is_main"]) for row in found.children["deal_contacts"]] == [
        ("91", False),
        ("92", True),
    ]
    assert [(row["product_external_id"], row["quantity"], row["price"]) for row in found.children["deal_products"]] == [
        ("77", Decimal("2.5"), Decimal(90)),
        (None, Decimal(1), Decimal(5)),
    ]


def test_product_rows_that_were_not_read_are_left_alone_and_open_deals_have_no_end() -> None:
    found = one("deals", {"id": 1, "stageSemanticId": "P", "closedate": "2026-09-08T03:00:00+03:00"})
    assert "deal_products" not in found.children and found.values["closed_at"] is None
    assert one("deals", {"id": 1, "productRows": []}).children["deal_products"] == ()


def test_the_stage_decides_where_a_deal_does_not_tell() -> None:
    context = MappingContext(1, stages={"C9:LOSE": "lost"})
    assert one("deals", {"id": 1, "stageId": "C9:LOSE"}, context=context).values["stage_category"] == "lost"


def test_a_task_is_bound_to_what_its_codes_say() -> None:
    found = one("tasks", {"id": "801", "title": "Call", "status": "5", "closedDate": "2026-09-02T11:00:00+03:00",
    "responsibleId": "9",
                          "ufCrmTask": ["T80_5", "L_4", "C_91", "D_410", "CO_3", "C_91"]})  # fmt: skip
    assert (found.values["target_entity"], found.values["target_external_id"], found.values["is_completed"]) == (
        "contacts",
        "91",
        True,
    )
    assert [(row["target_entity"], row["target_external_id"]) for row in found.children["task_targets"]] == [
        ("contacts", "91"), ("deals", "410"), ("companies", "3"),
    ]  # fmt: skip
    assert one("tasks", {"id": "1", "ufCrmTask": False}).children["task_targets"] == ()
    assert "task_targets" not in one("tasks", {"id": "1"}).children


@pytest.mark.parametrize(("type_id", "provider", "kind"), [
    ("1", "CRM_MEETING", "meeting"), ("2", "VOXIMPLANT_CALL", "call"), ("4", "CRM_EMAIL", "email"), ("6", "CRM_SMS", "sms"),
    ("6", "IMOPENLINES_SESSION", "chat"), ("6", "CRM_TODO", "other"), ("6", None, "other"),
])  # fmt: skip
def test_an_activity_is_of_the_kind_its_type_or_provider_says(type_id: str, provider: str | None, kind: str) -> None:
    assert one("communications", {"ID": "9", "TYPE_ID": type_id, "PROVIDER_ID": provider}, "9").values["kind"] == kind


def test_a_call_has_direction_length_and_owner() -> None:
    found = one("communications", {
        "ID": "9", "TYPE_ID": "2", "DIRECTION": "2", "START_TIME": "2026-09-02T11:00:00+03:00",
        "END_TIME": "2026-09-02T11:05:00+03:00",
        "OWNER_TYPE_ID": "3", "OWNER_ID": "91", "DESCRIPTION": "", "SUBJECT": "Outgoing call", "RESPONSIBLE_ID": "7",
    }, "9").values  # fmt: skip
    assert (found["direction"], found["duration_seconds"], found["target_entity"], found["target_external_id"]) == (
        "out",
        300,
        "contacts",
        "91",
    )
    assert found["body"] == "Outgoing call"


def test_mirrors_of_tasks_are_no_communication() -> None:
    assert CONNECTOR.normalize(RawRecord("communications", "9", {"ID": "9", "TYPE_ID": "3"}), CONTEXT) == []


def test_a_comment_keeps_its_bb_code_beside_plain_text() -> None:
    found = one("communications", {"ID": "5001", "ENTITY_ID": "410", "ENTITY_TYPE": "deal", "COMMENT": "[B]Hi[/B] all",
    "AUTHOR_ID": "7",
                                   "CREATED": "2026-09-02T11:00:00+03:00"}, "comment:5001")  # fmt: skip
    assert (found.external_id, found.values["kind"], found.values["body"], found.values["body_text"]) == (
        "comment:5001",
        "note",
        "[B]Hi[/B] all",
        "Hi all",
    )


def test_a_product_has_the_base_price_or_the_classic_one() -> None:
    prices = [
        {"id": 2, "catalogGroupId": 2, "price": 1, "currency": "USD"},
        {"id": 787, "catalogGroupId": 1, "price": "100.5", "currency": "EUR"},
    ]
    item = one(
        "products", {"id": 77, "iblockId": 23, "name": "Widget", "code": "", "xmlId": "W-1", "active": "Y", "prices": prices}
    ).values
    assert (item["price"], item["currency"], item["sku"], item["is_active"]) == (Decimal("100.5"), "EUR", "W-1", True)
    classic = one("products", {"ID": "77", "NAME": "Widget", "PRICE": "100.50", "CURRENCY_ID": "EUR", "ACTIVE": "N"}).values
    assert (classic["price"], classic["currency"], classic["is_active"]) == (Decimal("100.50"), "EUR", False)


def test_dictionaries_are_read() -> None:
    assert (
        one(
            "users", {"ID": "7", "ACTIVE": True, "NAME": "Pat", "LAST_NAME": "Lee", "EMAIL": "P@x.test", "TIMESTAMP_X": {}}
        ).values["name"]
        == "Pat Lee"
    )
    assert one("pipelines", {"id": 0, "name": "General", "sort": 100, "isDefault": "Y"}).external_id == "0"
    stage = one(
        "stages", {"ENTITY_ID": "DEAL_STAGE_9", "STATUS_ID": "C9:WON", "NAME": "Won", "SORT": "60", "SEMANTICS": "S", "EXTRA": []}
    )
    assert (stage.external_id, stage.values["pipeline_external_id"], stage.values["category"]) == ("C9:WON", "9", "won")
    apology = one(
        "stages", {"ENTITY_ID": "DEAL_STAGE", "STATUS_ID": "APOLOGY", "SEMANTICS": None, "EXTRA": {"SEMANTICS": "apology"}}
    )
    assert (apology.values["pipeline_external_id"], apology.values["category"]) == ("0", "lost")
    field = one("custom_fields", {"FIELD_NAME": "UF_CRM_1", "USER_TYPE_ID": "enumeration", "MULTIPLE": "Y", "label": "Level",
                                  "LIST": [{"ID": "51", "VALUE": "Gold"}]}, "contacts:UF_CRM_1").values  # fmt: skip
    assert (field["kind"], field["is_multiple"], field["options"], field["name"]) == ("enum", True, {"51": "Gold"}, "Level")
    change = one(
        "stage_changes",
        {"ID": 35, "OWNER_ID": 410, "CREATED_TIME": "2026-09-02T11:00:00+03:00", "CATEGORY_ID": 0, "STAGE_ID": "NEW"},
    )
    assert (change.values["deal_external_id"], change.values["pipeline_external_id"], change.external_id) == ("410", "0", "35")


@pytest.mark.parametrize(("kind", "payload"), [
    ("contacts", {"id": 0}), ("contacts", {"NAME": "x"}), ("deals", {"id": 1, "opportunity": {"sum": 1}}), ("tasks",
    {"title": "x"}),
    ("stage_changes", {"ID": 1, "OWNER_ID": 2}), ("nonsense", {"id": 1}), ("contacts", {"id": 1, "name": ["Ann"]}),
])  # fmt: skip
def test_what_cannot_be_read_says_which_field(kind: str, payload: dict[str, Any]) -> None:
    with pytest.raises(Unreadable) as caught:
        CONNECTOR.normalize(RawRecord(kind, "1", payload), CONTEXT)
    assert ":" in str(caught.value)


SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(["0", "Y", "2026-13-01", "1|", "|"])
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3), max_leaves=6
)
KEYS = {
    "contacts": [*ITEM_CONTACT, *CLASSIC_CONTACT], "deals": [*ITEM_DEAL, *CLASSIC_DEAL], "companies": ["id", "ID", "title",
    "fm", "ufCrm_9", "WEB"],
    "tasks": ["id", "ufCrmTask", "status", "deadline"], "communications": ["ID", "TYPE_ID", "START_TIME", "END_TIME",
    "OWNER_TYPE_ID", "OWNER_ID"],
    "products": ["id", "ID", "prices", "PRICE", "active"], "users": ["ID", "ACTIVE", "EMAIL", "TIMESTAMP_X"],
    "stages": ["STATUS_ID", "SORT", "EXTRA"],
    "pipelines": ["id", "sort", "name"], "custom_fields": ["FIELD_NAME", "LIST", "MULTIPLE"], "stage_changes": ["ID",
    "OWNER_ID", "CREATED_TIME"],
}  # fmt: skip


@given(st.data())
def test_normalize_is_total_any_payload_maps_or_is_unreadable(data: st.DataObject) -> None:
    kind = data.draw(st.sampled_from(sorted(KEYS)))
    payload = data.draw(st.dictionaries(st.sampled_from(KEYS[kind]), VALUES))
    try:
        found = CONNECTOR.normalize(RawRecord(kind, "1", payload), CONTEXT)
    except Unreadable:
        return
    for record in found:
        assert set(record.values) == set(COLUMNS[record.entity]) | (
            set(MARKERS) if record.entity in ("contacts", "companies", "deals") else set()
        )
        for table in CHILDREN.get(record.entity, ()):
            for row in record.children.get(table.table, ()):
                assert set(row) == set(table.columns)
            keys = [tuple(row[name] for name in table.key) for row in record.children.get(table.table, ())]
            assert len(keys) == len(set(keys))
        assert record.remote_updated_at is None or record.remote_updated_at.utcoffset() == timedelta()
