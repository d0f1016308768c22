"""What is expressed is what is read back, whatever is written; and expressing twice changes nothing."""

import string
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crm_pipeline.connectors.bitrix24 import CONNECTOR
from crm_pipeline.connectors.bitrix24.writable import WRITABLE
from crm_pipeline.model.records import MappingContext
from crm_pipeline.model.writing import APPLIED, CREATE, UPDATE, Write
from crm_pipeline_tests.connectors.bitrix24.portal import Portal, portal
from crm_pipeline_tests.connectors.bitrix24.test_writing import CLASSIC, Pen
from crm_pipeline_tests.connectors.writing_contract import assert_holds

PLAIN = MappingContext(
    1, "Europe/Moscow", "USD", stages={"WON": "won", "C1:NEW": "open"},
    fields={"companies:UF_CRM_1": {"name": "ИНН", "kind": "text"}},
)  # fmt: skip
NASTY = ["a&b=c+d%20", "[x][0]", "Ann  Lee", " Анна ", "$result[w0]", "a\r\nb", "0"]
SITES = ["a.example", "HTTPS://B.Example/x?y=1&z", "ftp://c", "not a site", "https://a.example"]

words = st.none() | st.text(max_size=30) | st.sampled_from(NASTY)
amounts = st.none() | st.decimals(min_value=-(10**9), max_value=10**9, allow_nan=False, places=4)
moments = st.datetimes(datetime(1999, 1, 1), datetime(2037, 1, 1), timezones=st.just(UTC))
days = st.dates(date(1901, 1, 1), date(2030, 1, 1))
refs = st.none() | st.integers(1, 9).map(str)
numbers = st.from_regex(r"\+7 ?9\d\d[ -]\d{3}-?\d{4}", fullmatch=True) | st.text(string.digits + "+ ", max_size=9)
phones = st.lists(numbers, max_size=4)
addresses = st.emails(domains=st.just("example.test")) | st.sampled_from(["no address", "A.B@Example.Test", ""])
emails = st.lists(addresses, max_size=4)
webs = st.lists(st.sampled_from(SITES), max_size=4)
flags = st.none() | st.booleans()

VALUES: dict[str, dict[str, st.SearchStrategy[Any]]] = {
    "contacts": {
        "name": words, "first_name": words, "last_name": words, "middle_name": words, "position": words,
        "birthday": st.none() | days, "company_external_id": refs, "owner_external_id": refs,
        "phones": phones, "emails": emails, "webs": webs,
    },
    "companies": {
        "name": words, "owner_external_id": refs, "tax_id": words | st.text(string.digits, max_size=12), "phones": phones,
        "emails": emails, "webs": webs, "website": st.none() | st.sampled_from(["a.example", "https://d.example", "nothing"]),
    },
    "deals": {
        "title": words, "amount": amounts, "currency": st.sampled_from([None, "EUR", "USD"]), "owner_external_id": refs,
        "company_external_id": refs, "stage_external_id": st.sampled_from([None, "NEW", "WON", "LOSE"]),
    },
    "products": {
        "name": words, "sku": words, "price": amounts, "currency": st.sampled_from([None, "EUR", "USD"]), "is_active": flags,
    },
    "tasks": {
        "title": words, "body": words, "due_at": st.none() | moments, "is_completed": flags, "owner_external_id": refs,
        "target_entity": st.sampled_from([None, "deals", "contacts", "leads"]), "target_external_id": refs,
    },
    "communications": {
        "kind": st.sampled_from(["call", "meeting", "email", "note"]), "direction": st.sampled_from([None, "in", "out"]),
        "body": words, "happened_at": st.none() | moments, "duration_seconds": st.none() | st.integers(-5, 100_000),
        "author_external_id": refs, "target_entity": st.just("deals"), "target_external_id": st.just("4"),
    },
}  # fmt: skip
SAYS_SOMETHING: Mapping[str, Any] = {"companies": {"name": "N"}, "products": {"name": "N"}, "tasks": {"title": "T"}}


def said(entity: str) -> st.SearchStrategy[dict[str, Any]]:
    """Return values of any columns of an entity."""
    return st.fixed_dictionaries({}, optional=VALUES[entity])


@pytest.mark.parametrize("entity", VALUES)
@given(data=st.data())
@settings(deadline=None, max_examples=150)
def test_expressing_twice_changes_nothing(entity: str, data: st.DataObject) -> None:
    once = CONNECTOR.express(entity, data.draw(said(entity)), PLAIN)
    assert set(once) <= WRITABLE[entity].columns
    assert CONNECTOR.express(entity, once, PLAIN) == once


@pytest.fixture(scope="module")
def shared() -> Iterator[Portal]:
    with portal(contacts=40) as found:
        yield found.checked()


@pytest.fixture(scope="module", params=[{}, CLASSIC], ids=["items", "classic"])
def pen(request: pytest.FixtureRequest, shared: Portal) -> Pen:
    return Pen(shared, request.param)


@pytest.mark.parametrize("entity", [entity for entity in VALUES if entity != "communications"])
@given(data=st.data())
@settings(deadline=None, max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_is_written_reads_back(pen: Pen, entity: str, data: st.DataObject) -> None:
    first = CONNECTOR.express(entity, {**SAYS_SOMETHING.get(entity, {}), **data.draw(said(entity))}, pen.context)
    (made,) = pen.write(Write("c", CREATE, entity, None, {**SAYS_SOMETHING.get(entity, {}), **first}, marker="m"))
    assert made.status == APPLIED, (first, made)
    key = str(made.external_id)
    assert_holds(pen.read(entity, key), first)
    second = CONNECTOR.express(entity, data.draw(said(entity)), pen.context)
    (changed,) = pen.write(Write("u", UPDATE, entity, key, second, current=pen.current(entity, key)[key]))
    assert changed.status == APPLIED, (second, changed)
    after = pen.read(entity, key)
    assert_holds(after, second)
    (again,) = pen.write(Write("u", UPDATE, entity, key, second, current=pen.current(entity, key)[key]))
    assert again.status == APPLIED
    assert pen.read(entity, key).children == after.children


@given(data=st.data())
@settings(deadline=None, max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_is_said_in_a_communication_reads_back(pen: Pen, data: st.DataObject) -> None:
    values = {
        "kind": "note",
        "target_entity": "deals",
        "target_external_id": "4",
        "body": "x",
        **data.draw(said("communications")),
    }
    expressed = CONNECTOR.express("communications", values, pen.context)
    if expressed.get("body") is None:
        return
    (made,) = pen.write(Write("c", CREATE, "communications", None, expressed, marker="m"))
    assert made.status == APPLIED, (expressed, made)
    stream = "comments" if expressed["kind"] == "note" else "activities"
    raw = pen.current(stream, str(made.external_id))[str(made.external_id)]
    (found,) = CONNECTOR.normalize(raw, pen.context)
    assert_holds(found, expressed)


def test_a_name_without_parts_becomes_the_first_name() -> None:
    whole = {"name": "Анна Петрова", "first_name": "Анна Петрова", "last_name": None}
    assert CONNECTOR.express("contacts", {"name": " Анна Петрова "}, PLAIN) == whole
    parts = {"first_name": "Анна", "last_name": "Ким", "name": "something else"}
    assert CONNECTOR.express("contacts", parts, PLAIN) == {**parts, "name": "Анна Ким"}


def test_what_cannot_be_held_is_left_out() -> None:
    assert CONNECTOR.express("contacts", {"tags": ["vip"], "owner_external_id": None}, PLAIN) == {}
    assert CONNECTOR.express("companies", {"is_own": True, "tax_id": "77 01", "emails": ["none"]}, PLAIN) == {
        "tax_id": "7701", "emails": [],
    }  # fmt: skip
    deal = {"amount": None, "stage_external_id": "WON", "stage_category": "lost", "closed_at": datetime.now(UTC)}
    assert CONNECTOR.express("deals", deal, PLAIN) == {"amount": Decimal(0), "stage_external_id": "WON", "stage_category": "won"}
    assert CONNECTOR.express("users", {"name": "x"}, PLAIN) == {}
