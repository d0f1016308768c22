"""Custom field values: what is written and what reads back (facts: amocrm 4.10)."""

from __future__ import annotations

from typing import Any

import pytest

from .caller import Caller, codes, made

MOSCOW_MIDNIGHT = 1_767_560_400  # 2026-01-05 00:00 in Moscow


def values(row: dict[str, Any], field: int) -> list[dict[str, Any]]:
    return next((entry["values"] for entry in row["custom_fields_values"] or [] if entry["field_id"] == field), [])


def test_sending_a_field_replaces_all_its_values_and_null_clears_it(call: Caller) -> None:
    phones = [{"value": "+7 900 111-22-33", "enum_code": "MOB"}, {"value": "8 495 1", "enum_id": 10200}]
    contact = made(
        call,
        "contacts",
        name="Анна Ким",
        custom_fields_values=[{"field_code": "PHONE", "values": phones}, {"field_id": 101, "values": [{"value": "Инженер"}]}],
    )
    assert values(contact, 102) == [
        {"value": "+7 900 111-22-33", "enum_id": 10202, "enum_code": "MOB"},
        {"value": "8 495 1", "enum_id": 10200, "enum_code": "WORK"},
    ]
    path = f"contacts/{contact['id']}"
    call.patch(path, {"custom_fields_values": [{"field_id": 102, "values": [{"value": "112"}]}]})
    row = call.get(path).json()
    assert values(row, 102) == [{"value": "112", "enum_id": 10200, "enum_code": "WORK"}]
    assert values(row, 101) == [{"value": "Инженер"}]
    call.patch(path, {"custom_fields_values": [{"field_id": 102, "values": None}, {"field_id": 101, "values": None}]})
    assert call.get(path).json()["custom_fields_values"] is None


@pytest.mark.parametrize("choice", [{"enum_id": 30201}, {"value": "Казань"}])
def test_a_choice_is_named_by_id_or_text(call: Caller, choice: dict[str, Any]) -> None:
    lead = made(call, "leads", custom_fields_values=[{"field_id": 302, "values": [choice]}])
    assert lead["custom_fields_values"] == [
        {
            "field_id": 302,
            "field_name": "Город",
            "field_code": None,
            "field_type": "select",
            "values": [{"value": "Казань", "enum_id": 30201, "enum_code": None}],
        }
    ]


@pytest.mark.parametrize(
    ("field", "sent", "read"),
    [
        (303, 12.5, "12.5"),
        (303, "12", "12"),
        (301, "text", "text"),
        (305, True, True),
        (304, 1_767_571_200, MOSCOW_MIDNIGHT),  # 2026-01-05 00:00 UTC
        (304, "2026-01-05T12:00:00+03:00", MOSCOW_MIDNIGHT),
        (307, "99.90", "99.90"),
    ],
)
def test_what_is_written_reads_back_as_the_vendor_keeps_it(call: Caller, field: int, sent: Any, read: Any) -> None:
    lead = made(call, "leads", custom_fields_values=[{"field_id": field, "values": [{"value": sent}]}])
    assert values(lead, field) == [{"value": read}]


def test_date_time_is_not_touched_and_multiselect_keeps_several(call: Caller) -> None:
    sent = [
        {"field_id": 111, "values": [{"value": 1_767_600_123}]},
        {"field_id": 106, "values": [{"enum_id": 10600}, {"value": "Аренда"}]},
    ]
    contact = made(call, "contacts", name="x", custom_fields_values=sent)
    assert values(contact, 111) == [{"value": 1_767_600_123}]
    assert [value["enum_id"] for value in values(contact, 106)] == [10600, 10603]


def test_a_legal_entity_needs_a_name_and_refuses_foreign_keys(call: Caller) -> None:
    def sent(value: dict[str, Any]) -> list[dict[str, Any]]:
        return [{"name": "ООО", "custom_fields_values": [{"field_id": 209, "values": [{"value": value}]}]}]

    path = "custom_fields_values.0.values.0.value"
    assert codes(call.post("companies", sent({"vat_id": "1"}))) == [("0", "FieldMissing", f"{path}.name")]
    assert codes(call.post("companies", sent({"name": "x", "moon": 1}))) == [("0", "FieldNotExpected", f"{path}.moon")]
    assert call.post("companies", sent({"name": "x", "vat_id": "7701"})).status_code == 200
