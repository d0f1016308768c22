"""What an operation may say, read strictly, and what an edit of a column says of its group."""

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_pipeline.errors import UsageError
from crm_pipeline.model.operations import ACTIONS, DERIVED, KEYS, operation_id, read_operation
from crm_pipeline.model.whole_groups import Circumstances, Stage, complete

ID = str(uuid4())
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def asked(entity: str, action: str = "update", record: str = ID, **fields: Any) -> dict[str, Any]:
    """Return an operation as it is sent."""
    return {"id": "op-1", "entity": entity, "action": action, "record": record, "fields": fields}


def test_values_are_read_as_json_keeps_them() -> None:
    sets = {"phones": ["8 (900) 111-22-33", "+79001112233"], "emails": [" Anna@Example.ru"]}
    read = read_operation(asked("contacts", tags=["vip", "vip"], name=" Анна ", **sets), "RU")
    assert read.sets == {"phones": ("+79001112233",), "emails": ("anna@example.ru",)}
    assert read.values == {"tags": ["vip"], "name": "Анна"}
    money = [
        read_operation(asked("deals", amount=amount), "RU").values["amount"] for amount in ("185000.50", 185000.5, 100, "0", -3)
    ]
    assert money == ["185000.5", "185000.5", "100", "0", "-3"]
    due = read_operation(asked("tasks", due_at="2026-03-01T10:00:00+03:00"), "RU").values["due_at"]
    assert due == "2026-03-01T07:00:00+00:00"
    products = read_operation(asked("deals", "link", products=[ID, {"product": ID, "quantity": 2, "price": "1.50"}]), "RU").links
    assert products == {"products": ({"id": ID, "quantity": "1"}, {"id": ID, "quantity": "2", "price": "1.5"})}


@pytest.mark.parametrize(
    ("operation", "told"),
    [
        ({**asked("contacts", name="A"), "entity": "invoices"}, "entity: 'invoices' is unknown"),
        (asked("contacts", "complete", name="A"), "action: 'complete' is unknown"),
        ({**asked("contacts", name="A"), "when": 1}, "no such part"),
        ({**asked("contacts"), "fields": ["name"]}, "is no object"),
        (asked("contacts"), "fields: there is nothing in it"),
        (asked("contacts", nmae="A"), "fields.nmae: there is no such field. update of contacts takes: name, "),
        (asked("contacts", name=7), "fields.name: 7 is no text"),
        (asked("contacts", record="7", name="A"), "record: '7' is no golden id"),
        (asked("contacts", "create", name="A"), "temporary id"),
        (asked("contacts", birthday="31.12.1990"), "fields.birthday"),
        (asked("contacts", phones="+79001112233"), "fields.phones: '+79001112233' is no list"),
        (asked("contacts", phones=["+79001112233", "12"]), "fields.phones[1]: '12' is no phone number"),
        (asked("contacts", emails=["anna"]), "fields.emails[0]"),
        (asked("contacts", tags=None), "fields.tags: it is never null"),
        (asked("companies", website="not a site"), "fields.website"),
        (asked("deals", amount="12 rubles"), "fields.amount: '12 rubles' is no amount"),
        (asked("deals", amount=True), "fields.amount"),
        (asked("deals", amount=float("nan")), "fields.amount"),
        (asked("deals", currency="roubles"), "fields.currency"),
        (asked("deals", stage_id=17), "fields.stage_id: 17 is no golden id"),
        (asked("tasks", due_at="2026-03-01T10:00:00"), "fields.due_at"),
        (asked("tasks", due_at="tomorrow"), "fields.due_at"),
        (asked("tasks", is_completed="yes"), "fields.is_completed"),
        (asked("tasks", target_id=ID), "go together"),
        (asked("tasks", target_entity="products", target_id=ID), "fields.target_entity: 'products' is unknown"),
        (asked("communications", kind="pigeon"), "fields.kind"),
        (asked("communications", duration_seconds=-1), "fields.duration_seconds"),
        (asked("deals", "link", contacts=[]), "there is nothing in it"),
        (asked("deals", "link", products=[{"product": ID, "colour": "red"}]), "fields.products[0].colour"),
        ({**asked("contacts", name="A"), "connections": ["tiny"]}, "only a create names connections"),
        ({**asked("contacts", name="A"), "base_version": "1"}, "base_version"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(operation: dict[str, Any], told: str) -> None:
    with pytest.raises(UsageError) as refused:
        read_operation(operation, "RU")
    assert told in str(refused.value)
    assert refused.value.what_to_do


@pytest.mark.parametrize("column", DERIVED)
def test_derived_columns_are_not_edited(column: str) -> None:
    with pytest.raises(UsageError, match=f"fields.{column}: it cannot be edited"):
        read_operation(asked("deals", **{column: "x"}), "RU")


GARBAGE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from([ID, "tmp:1", "contacts", "update"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text() | st.sampled_from(["name", "phones", "id"]), inner, max_size=3)
    ),
    max_leaves=8,
)
LIKELY = st.fixed_dictionaries({}, optional={
    **dict.fromkeys(KEYS, GARBAGE),
    "entity": st.sampled_from(list(ACTIONS)) | GARBAGE,
    "action": st.sampled_from(["create", "update", "link", "unlink", "complete"]) | GARBAGE,
    "record": st.just(ID) | st.just("tmp:1") | GARBAGE,
    "fields": st.dictionaries(st.sampled_from(["name", "amount", "phones", "contacts", "due_at", "kind", "target_id"]), GARBAGE),
})  # fmt: skip


@given(LIKELY | GARBAGE)
def test_garbage_is_read_or_refused_with_a_sentence(garbage: Any) -> None:
    try:
        operation_id(garbage)
        read_operation(garbage, "RU")
    except UsageError as refused:
        assert len(str(refused)) < 1_000


def test_a_name_follows_its_parts_and_the_parts_the_name() -> None:
    before = {"name": "Анна Ким", "first_name": "Анна", "last_name": "Ким", "middle_name": None}
    around = Circumstances(NOW)
    assert complete("contacts", {"last_name": "Пак"}, before, around)["name"] == "Анна Пак"
    renamed = complete("contacts", {"name": "Иван"}, before, around)
    assert renamed == {"name": "Иван", "first_name": "Иван", "last_name": None, "middle_name": None}
    assert complete("contacts", {"name": "Иван"}, {"name": "Анна"}, around)["first_name"] is None


def test_a_stage_says_pipeline_category_and_the_end() -> None:
    won = Circumstances(NOW, Stage("p", "won"))
    closed = complete("deals", {"stage_id": "s"}, {"stage_category": "open", "loss_reason": "dear"}, won)
    assert closed == {
        "stage_id": "s",
        "pipeline_id": "p",
        "stage_category": "won",
        "closed_at": NOW.isoformat(),
        "loss_reason": None,
    }
    opened = complete("deals", {"stage_id": "o"}, closed, Circumstances(NOW, Stage("p", "open")))
    assert (opened["stage_category"], opened["closed_at"]) == ("open", None)
    assert complete("deals", {"amount": "5"}, {"currency": "RUB"}, Circumstances(NOW)) == {"amount": "5", "currency": "RUB"}


def test_a_task_keeps_when_it_was_completed() -> None:
    done = complete("tasks", {"is_completed": True}, {"is_completed": False}, Circumstances(NOW))
    assert done["completed_at"] == NOW.isoformat()
    again = complete("tasks", {"is_completed": True}, {"is_completed": True, "completed_at": "2025-01-01"}, Circumstances(NOW))
    assert again["completed_at"] == "2025-01-01"
