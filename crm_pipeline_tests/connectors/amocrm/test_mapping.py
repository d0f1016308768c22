"""amoCRM payloads become source records: the shapes of facts 4, and the quirks they warn of."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from crm_pipeline.connectors.amocrm import CONNECTOR
from crm_pipeline.errors import Unreadable
from crm_pipeline.model.records import MappingContext, RawRecord, SourceRecord

CONTEXT = MappingContext(
    1, "Europe/Moscow", "RUB", facts={"product_catalogs": ["1209"], "task_types": {"2801": "Письмо"}},
    fields={"contacts:51": {"name": "Город", "kind": "enum", "options": {"612": "Казань"}}},
)  # fmt: skip


def mapped(kind: str, payload: dict[str, Any], external_id: str | None = None) -> SourceRecord:
    (record,) = CONNECTOR.normalize(RawRecord(kind, external_id or str(payload["id"]), payload), CONTEXT)
    return record


def field(number: int, type_: str, *values: Any, code: str | None = None, name: str = "поле") -> dict[str, Any]:
    return {"field_id": number, "field_name": name, "field_code": code, "field_type": type_, "values": list(values)}


CONTACT = {
    "id": 6601, "name": "Анна Ким", "first_name": "Анна", "last_name": "Ким", "responsible_user_id": 901, "created_by": 901,
    "created_at": 1766000000, "updated_at": 1767000000, "is_deleted": False,
    "custom_fields_values": [
        field(31, "multitext", {"value": "8 (900) 111-22-33", "enum_code": "MOB"}, {"value": "+79001112233", "enum_code": "WORK"},
              {"value": "доб. нет", "enum": "OTHER"}, code="PHONE"),
        field(33, "multitext", {"value": " Anna@Ex.ORG ", "enum_id": 121, "enum_code": "WORK"}, code="EMAIL"),
        field(35, "text", {"value": "Директор"}, code="POSITION"),
        field(36, "birthday", {"value": 316386000}),
        field(51, "select", {"value": "", "enum_id": 612}),
        field(52, "numeric", {"value": "12.50"}),
        field(53, "checkbox", {"value": True}),
        field(54, "multiselect", {"value": "а", "enum_id": 1}, {"value": "б", "enum_id": 2}),
        field(55, "date_time", {"value": 1767600000}),
        field(56, "date", {"value": 1767560400}),
        field(57, "chained_list", {"catalog_id": 1, "catalog_element_id": 2}),
    ],
    "_embedded": {
        "tags": [{"id": 2, "name": "опт"}, {"id": 1, "name": "vip"}, {"id": 3, "name": "опт"}],
        "companies": [{"id": 5501}],
    },
}  # fmt: skip


def test_a_contact() -> None:
    record = mapped("contacts", CONTACT)
    assert record.values == {
        "name": "Анна Ким", "first_name": "Анна", "last_name": "Ким", "middle_name": None, "company_external_id": "5501",
        "owner_external_id": "901", "position": "Директор", "birthday": date(1980, 1, 11), "tags": ["vip", "опт"],
    }  # fmt: skip
    assert record.remote_updated_at == datetime.fromtimestamp(1767000000, UTC)
    points = record.children["contact_points"]
    assert [(one["kind"], one["value"], one["label"], one["is_primary"]) for one in points] == [
        ("phone", "+79001112233", "MOB", True),
        ("phone", "доб. нет", "OTHER", False),
        ("email", "anna@ex.org", "WORK", True),
    ]
    assert points[0]["original"] == "8 (900) 111-22-33"
    assert record.children["contact_companies"] == ({"company_external_id": "5501", "is_primary": True},)


def test_custom_fields_are_typed() -> None:
    custom = mapped("contacts", CONTACT).custom_fields
    assert {key: entry["value"] for key, entry in custom.items()} == {
        "36": "1980-01-11", "51": "Казань", "52": 12.5, "53": True, "54": ["а", "б"], "55": "2026-01-05T08:00:00+00:00",
        "56": "2026-01-05", "57": [{"catalog_id": 1, "catalog_element_id": 2}],
    }  # fmt: skip
    assert (custom["51"]["enum"], custom["54"]["enum"]) == ("612", ["1", "2"])


DEAL = {
    "id": 7301, "name": "Кофемашина", "price": 185000, "responsible_user_id": 901, "status_id": 143, "pipeline_id": 4401,
    "closed_at": 1767100000, "created_at": 1767000000, "updated_at": 1767100000, "custom_fields_values": None,
    "_embedded": {
        "tags": [], "companies": [{"id": 5501}],
        "contacts": [{"id": 6602, "is_main": False}, {"id": 6601, "is_main": True}],
        "catalog_elements": [
            {"id": 9101, "metadata": {"quantity": 2.5, "catalog_id": 1209, "price_id": 77}},
            {"id": 9900, "metadata": {"quantity": 1, "catalog_id": 1300}},
        ],
        "loss_reason": [{"id": 88, "name": "Дорого"}],
    },
}  # fmt: skip


def test_a_deal() -> None:
    record = mapped("deals", DEAL)
    assert record.values == {
        "title": "Кофемашина", "amount": Decimal(185000), "currency": "RUB", "pipeline_external_id": "4401",
        "stage_external_id": "4401:143", "stage_category": "lost", "company_external_id": "5501", "owner_external_id": "901",
        "closed_at": datetime.fromtimestamp(1767100000, UTC), "loss_reason": "Дорого", "tags": [],
    }  # fmt: skip
    assert [(one["contact_external_id"], one["is_main"]) for one in record.children["deal_contacts"]] == [
        ("6602", False),
        ("6601", True),
    ]
    (product,) = record.children["deal_products"]
    assert (product["product_external_id"], product["quantity"]) == ("9101", Decimal("2.5"))


@pytest.mark.parametrize("reason", [{"id": 88, "name": "Дорого"}, [{"id": 88, "name": "Дорого"}]])
def test_a_loss_reason_comes_as_object_or_list(reason: Any) -> None:
    deal = {**DEAL, "_embedded": {**DEAL["_embedded"], "loss_reason": reason}}
    assert mapped("deals", deal).values["loss_reason"] == "Дорого"


def test_minor_units_are_preferred() -> None:
    assert mapped("deals", {**DEAL, "price_with_minor_units": 185000.49}).values["amount"] == Decimal("185000.49")


def test_parts_that_were_not_asked_for_are_left_alone() -> None:
    bare = {**DEAL, "_embedded": {"tags": []}}
    assert mapped("deals", bare).children == {}


@pytest.mark.parametrize("empty", [None, []])
def test_no_custom_fields(empty: Any) -> None:
    record = mapped("contacts", {**CONTACT, "custom_fields_values": empty})
    assert (record.custom_fields, record.children["contact_points"]) == ({}, ())


@pytest.mark.parametrize(
    "sent",
    [
        field(1, "text", {"value": "1660000001"}, name="ИНН"),
        field(1, "numeric", {"value": "1660000001"}, name="x", code="INN"),
        field(1, "legal_entity", {"value": {"name": "ООО", "vat_id": "1660000001"}}),
    ],
)
def test_a_tax_id_by_its_name_code_or_legal_entity(sent: Any) -> None:
    company = {"id": 5501, "name": "ООО", "custom_fields_values": [sent, field(2, "url", {"value": "Ex.ru"}, code="WEB")]}
    record = mapped("companies", company)
    assert (record.values["tax_id"], record.values["website"], record.values["is_own"]) == ("1660000001", "https://ex.ru", False)


@pytest.mark.parametrize("result", [[], {"text": "Договорились"}, None])
def test_a_task(result: Any) -> None:
    task = {
        "id": 4100, "text": "Перезвонить", "is_completed": True, "task_type_id": 2801, "result": result,
        "complete_till": 1767060000,
        "entity_id": 7301, "entity_type": "leads", "responsible_user_id": 901, "updated_at": 1767050000, "created_at": 1767000000,
    }  # fmt: skip
    record = mapped("tasks", task)
    values = record.values
    assert (values["title"], values["kind"], values["is_completed"]) == ("Перезвонить", "Письмо", True)
    assert (values["target_entity"], values["target_external_id"]) == ("deals", "7301")
    assert record.custom_fields == ({"result": {"name": "result", "type": "text", "value": "Договорились"}} if result else {})
    assert record.children["task_targets"] == ({"target_entity": "deals", "target_external_id": "7301"},)


def test_a_free_task_has_no_target() -> None:
    record = mapped("tasks", {"id": 1, "text": "x", "entity_id": None, "entity_type": None, "task_type_id": 1})
    assert (record.values["target_entity"], record.values["kind"], record.children["task_targets"]) == (None, "call", ())


def test_a_call_note() -> None:
    note = {
        "id": 88001, "entity_id": 7301, "entity_type": "leads", "note_type": "call_in", "created_at": 1767000000, "created_by": 0,
        "params": {"duration": "63", "link": "https://pbx.example.org/r/1.mp3", "phone": "+79001112233", "call_result": "ok"},
    }  # fmt: skip
    values = mapped("communications", note).values
    assert (values["kind"], values["direction"], values["duration_seconds"]) == ("call", "in", 63)
    assert (values["recording_url"], values["author_external_id"]) == ("https://pbx.example.org/r/1.mp3", None)


def test_an_unknown_note_type_is_kept_as_other() -> None:
    note = {"id": 1, "note_type": "zoom_meeting", "params": [], "entity_id": 1, "entity_type": "customers"}
    values = mapped("communications", note).values
    assert (values["kind"], values["target_entity"]) == ("other", None)


def test_a_product_a_stage_and_a_stage_change() -> None:
    sku, price = field(71, "text", {"value": "C-1000"}, code="SKU"), field(73, "numeric", {"value": "1490"}, code="PRICE")
    product = mapped(
        "products", {"id": 9101, "name": "Зерно", "catalog_id": 1209, "is_deleted": None, "custom_fields_values": [sku, price]}
    )
    assert (product.values["sku"], product.values["price"], product.values["is_active"]) == ("C-1000", Decimal(1490), True)
    stage = mapped("stages", {"id": 142, "pipeline_id": 4401, "name": "Успех", "sort": 10000}, "4401:142")
    assert (stage.external_id, stage.values["category"]) == ("4401:142", "won")
    event = {
        "id": "01kq", "type": "lead_status_changed", "entity_id": 7301, "created_at": 1767100000, "created_by": 901,
        "value_after": [{"lead_status": {"id": 143, "pipeline_id": 4401}}], "value_before": [],
    }  # fmt: skip
    change = mapped("stage_changes", event).values
    assert (change["deal_external_id"], change["stage_external_id"], change["from_stage_external_id"]) == (
        "7301",
        "4401:143",
        None,
    )


@pytest.mark.parametrize(
    ("kind", "payload"),
    [
        ("contacts", {"id": None}),
        ("contacts", {"id": 1, "custom_fields_values": "x"}),
        ("unheard", {"id": 1}),
        ("deals", {"id": 0}),
    ],
)
def test_what_cannot_be_read_says_why(kind: str, payload: dict[str, Any]) -> None:
    with pytest.raises(Unreadable, match=r"\w+: "):
        CONNECTOR.normalize(RawRecord(kind, "1", payload), CONTEXT)


def test_our_marker_says_whose_record_it_is_and_is_nobodys_field() -> None:
    marker = field(99, "text", {"value": "3f2b8c1e"}, code="CRM_PIPELINE_ID")
    for kind, payload in (("contacts", CONTACT), ("deals", DEAL), ("companies", {"id": 5501, "name": "x"})):
        values = [*(payload.get("custom_fields_values") or ()), marker]
        record = mapped(kind, {**payload, "custom_fields_values": values})
        assert (record.values["originator_id"], record.values["origin_id"]) == ("crm_pipeline", "3f2b8c1e")
        assert "99" not in record.custom_fields
        assert "origin_id" not in mapped(kind, payload).values
    definition = {"id": 99, "name": "CRM Pipeline ID", "type": "text", "code": "CRM_PIPELINE_ID"}
    assert CONNECTOR.normalize(RawRecord("custom_fields", "contacts:99", definition), CONTEXT) == []
