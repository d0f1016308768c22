"""Writing to amoCRM: what the contract of every connector does not know of. Facts: amocrm 4 and 5."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from crm_pipeline.connectors.amocrm import CONNECTOR
from crm_pipeline.model.writing import APPLIED, COMPLETE, CREATE, LINK, REFUSED, REOPEN, UNLINK, LinkTo, Write
from crm_pipeline_tests.connectors.amocrm.writing_stand import AmoWritingStand, amo_writing_stand
from crm_pipeline_tests.connectors.writing_contract import change, creates, held, make, marker, read, run

CONTACT = {"name": "Анна Ким", "phones": ["+79001112233"]}
DUE = datetime(2027, 1, 5, 8, tzinfo=UTC)


@pytest.fixture
def stand() -> Iterator[AmoWritingStand]:
    with amo_writing_stand() as stand:
        yield stand


def first(stand: AmoWritingStand, entity: str, count: int = 1) -> list[str]:
    return sorted(stand.ids(entity), key=int)[:count]


def children(stand: AmoWritingStand, deal: str | None, table: str) -> list[tuple[Any, ...]]:
    return sorted(tuple(row.values()) for row in read(stand, "deals", deal).children[table])


# Deals and links ------------------------------------------------------------------------------------------------------


def deal_with_everything(stand: AmoWritingStand) -> Write:
    (company,), (main, other), (one, two) = first(stand, "companies"), first(stand, "contacts", 2), first(stand, "products", 2)
    links = (
        LinkTo("contacts", other), LinkTo("contacts", main, is_main=True),
        LinkTo("products", one, quantity=Decimal("2.5")), LinkTo("products", two, quantity=Decimal(3)),
    )  # fmt: skip
    values = {"title": "Сделка", "company_external_id": company}
    return Write("deal", CREATE, "deals", None, values, links, marker=marker("deals", 1))


@pytest.mark.parametrize("mass_links", [True, False])
def test_a_deal_is_made_with_what_it_is_linked_with(mass_links: bool) -> None:
    with amo_writing_stand(mass_links=mass_links) as stand:
        write = deal_with_everything(stand)
        (outcome,) = run(stand, [write])
        assert (outcome.status, outcome.detail) == (APPLIED, None)
        source = read(stand, "deals", outcome.external_id)
        assert source.values["company_external_id"] == write.values["company_external_id"]
        contacts = {row["contact_external_id"]: row["is_main"] for row in source.children["deal_contacts"]}
        assert contacts == {write.links[1].external_id: True, write.links[0].external_id: False}
        products = {row["product_external_id"]: row["quantity"] for row in source.children["deal_products"]}
        assert products == {write.links[2].external_id: Decimal("2.5"), write.links[3].external_id: Decimal(3)}


def test_a_deal_stands_although_it_could_not_be_linked(stand: AmoWritingStand) -> None:
    stand.sandbox.faults.add({"match": {"call": "POST /api/v4/leads/link"}, "fault": "status", "status": 502, "times": 1})
    (outcome,) = run(stand, [deal_with_everything(stand)])
    assert (outcome.status, outcome.code) == (APPLIED, "link_lost")
    assert outcome.external_id in stand.ids("deals")
    assert read(stand, "deals", outcome.external_id).children["deal_products"] == ()


def test_links_are_made_and_undone_in_bulk(stand: AmoWritingStand) -> None:
    deals, (contact,), (product,) = first(stand, "deals", 5), first(stand, "contacts"), first(stand, "products")
    links = (LinkTo("contacts", contact, is_main=True), LinkTo("products", product, quantity=Decimal(7)))
    for operation in (LINK, LINK, UNLINK, UNLINK):  # what is linked already, or not any more, does no harm
        before = stand.requests()
        outcomes = run(stand, [Write(f"k{deal}", operation, "deals", deal, links=links) for deal in deals])
        assert {outcome.status for outcome in outcomes} == {APPLIED}
        assert stand.requests() - before == 1
        for deal in deals:
            source = read(stand, "deals", deal)
            held_contacts = {row["contact_external_id"] for row in source.children["deal_contacts"] if row["is_main"]}
            held_products = {(row["product_external_id"], row["quantity"]) for row in source.children["deal_products"]}
            assert (contact in held_contacts) == (operation == LINK)
            assert ((product, Decimal(7)) in held_products) == (operation == LINK)


@pytest.mark.parametrize("mass_links", [True, False])
def test_a_link_that_is_refused_fails_alone(mass_links: bool) -> None:
    with amo_writing_stand(mass_links=mass_links) as stand:
        deals, (contact,) = first(stand, "deals", 4), first(stand, "contacts")
        wrong = Write("wrong", LINK, "deals", deals[1], links=(LinkTo("contacts", "5"),))
        good = [
            Write(f"k{deal}", LINK, "deals", deal, links=(LinkTo("contacts", contact),)) for deal in deals if deal != deals[1]
        ]
        outcomes = {outcome.key: outcome for outcome in run(stand, [good[0], wrong, *good[1:]])}
        assert (outcomes["wrong"].status, outcomes["wrong"].code) == (REFUSED, "NotSupportedChoice")
        assert {outcomes[write.key].status for write in good} == {APPLIED}
        for write in good:
            linked = read(stand, "deals", write.external_id).children["deal_contacts"]
            assert contact in {row["contact_external_id"] for row in linked}


def test_a_contact_moves_to_another_company(stand: AmoWritingStand) -> None:
    one, other = first(stand, "companies", 2)
    (made,) = make(stand, "contacts", [{**CONTACT, "company_external_id": one}])
    for company in (other, None, one):
        (outcome,) = change(stand, "contacts", {made.external_id or "": {"company_external_id": company}})
        assert outcome.status == APPLIED
        assert read(stand, "contacts", made.external_id).values["company_external_id"] == company


def test_a_lost_deal_gets_a_reason_the_account_knows(stand: AmoWritingStand) -> None:
    known = next(iter(stand.link.facts["loss_reasons"].values()))
    for stage, reason, wanted in (("4401:143", known, known), ("4401:143", "такой нет", None), ("4401:440102", known, None)):
        (made,) = make(stand, "deals", [{"title": "Сделка", "stage_external_id": stage, "loss_reason": reason}])
        assert made.status == APPLIED
        assert read(stand, "deals", made.external_id).values["loss_reason"] == wanted


@pytest.mark.parametrize(("minor_units", "kept"), [(False, Decimal(101)), (True, Decimal("100.55"))])
def test_an_amount_is_held_as_the_account_holds_it(minor_units: bool, kept: Decimal) -> None:
    with amo_writing_stand(minor_units=minor_units) as stand:
        (made,) = make(stand, "deals", [{"title": "Сделка", "amount": Decimal("100.55")}])
        assert read(stand, "deals", made.external_id).values["amount"] == kept


def test_an_account_that_keeps_no_minor_units_after_all_gets_whole_ones(stand: AmoWritingStand) -> None:
    write = Write("k", CREATE, "deals", None, {"title": "Сделка", "amount": Decimal("100.55")}, marker=marker("deals", 1))
    (outcome,) = run(stand, [write])
    assert outcome.status == APPLIED
    assert read(stand, "deals", outcome.external_id).values["amount"] == 101


# Tasks and communications ---------------------------------------------------------------------------------------------


def test_a_task_is_completed_with_a_result_and_reopened(stand: AmoWritingStand) -> None:
    (deal,) = first(stand, "deals")
    values = {"title": "Позвонить", "due_at": DUE, "target_entity": "deals", "target_external_id": deal}
    (made,) = make(stand, "tasks", [values])
    (outcome,) = change(stand, "tasks", {made.external_id or "": {"result": "Договорились"}}, COMPLETE)
    source = read(stand, "tasks", made.external_id)
    assert (outcome.status, source.values["is_completed"]) == (APPLIED, True)
    assert source.custom_fields["result"]["value"] == "Договорились"
    (outcome,) = change(stand, "tasks", {made.external_id or "": {}}, REOPEN)
    assert (outcome.status, read(stand, "tasks", made.external_id).values["is_completed"]) == (APPLIED, False)
    assert read(stand, "tasks", made.external_id).values["target_external_id"] == deal


def test_a_task_without_a_deadline_is_refused_without_asking(stand: AmoWritingStand) -> None:
    before = stand.requests()
    (outcome,) = make(stand, "tasks", [{"title": "Позвонить"}])
    assert (outcome.status, outcome.code) == (REFUSED, "FieldMissing")
    assert stand.requests() == before


@pytest.mark.parametrize("target", ["contacts", "companies", "deals"])
@pytest.mark.parametrize(("kind", "direction"), [("call", "in"), ("call", "out"), ("sms", "out"), ("note", None)])
def test_calls_messages_and_notes(stand: AmoWritingStand, target: str, kind: str, direction: str | None) -> None:
    (key,) = first(stand, target)
    values = {
        "kind": kind, "direction": direction, "body": "Договорились", "duration_seconds": 63, "happened_at": DUE,
        "recording_url": "https://pbx.example/r/1.mp3", "target_entity": target, "target_external_id": key,
    }  # fmt: skip
    (write,) = creates(stand, "communications", [values])
    (outcome,) = run(stand, [write])
    assert outcome.status == APPLIED, outcome
    source = read(stand, "communications", outcome.external_id)
    said = CONNECTOR.express("communications", values, stand.context)
    assert {column: source.values[column] for column in said} == said
    assert said.keys() == {*values, "body_text"} - (set() if kind == "call" else {"duration_seconds", "recording_url"})
    (row,) = [r.payload for r in stand.current("communications", [outcome.external_id or ""]).values()]
    assert kind != "call" or (row or {})["params"]["uniq"] == write.marker


def test_calls_carry_the_number_of_whom_they_are_about(stand: AmoWritingStand) -> None:
    (contact,) = make(stand, "contacts", [CONTACT])
    values = {"kind": "call", "direction": "in", "target_entity": "contacts", "target_external_id": contact.external_id}
    (made,) = make(stand, "communications", [values])
    (record,) = stand.current("communications", [made.external_id or ""]).values()
    assert (record.payload or {})["params"]["phone"] == "+79001112233"


# Fields ---------------------------------------------------------------------------------------------------------------


def test_what_a_person_wrote_stays_letter_by_letter(stand: AmoWritingStand) -> None:
    written = {
        "field_id": 102, "values": [
            {"value": "8 (900) 111-22-33 спросить Анну", "enum_code": "HOME"}, {"value": "доб. нет", "enum_code": "OTHER"},
            {"value": "8 900 111 22 44", "enum_code": "FAX"},
        ],
    }  # fmt: skip
    (key,) = first(stand, "contacts")
    stand.do({"kind": "contacts", "id": int(key), "set": {"custom_fields_values": [written]}})
    wanted = ["+79001112255", *[one for one in held(read(stand, "contacts", key))["phones"] if not one.endswith("44")]]
    change(stand, "contacts", {key: {"phones": wanted}})
    fields = (stand.current("contacts", [key])[key].payload or {})["custom_fields_values"]
    (phones,) = [one["values"] for one in fields if one["field_code"] == "PHONE"]
    assert [(one["value"], one["enum_code"]) for one in phones] == [
        ("8 (900) 111-22-33 спросить Анну", "HOME"), ("доб. нет", "OTHER"), ("+79001112255", "MOB"),
    ]  # fmt: skip


def test_an_organisation_keeps_its_particulars(stand: AmoWritingStand) -> None:
    particulars = {"name": "ООО Ромашка", "entity_type": 1, "vat_id": "7707083893", "kpp": "770701001", "bin": "1"}
    row = {"name": "Ромашка", "custom_fields_values": [{"field_id": 209, "values": [{"value": particulars}]}]}
    (number,) = stand.do({"kind": "companies", "create": row})
    key = str(number)
    for tax_id in ("7728168971", None):
        (outcome,) = change(stand, "companies", {key: {"tax_id": tax_id}})
        assert outcome.status == APPLIED
        assert read(stand, "companies", key).values["tax_id"] == tax_id
        (entry,) = (stand.current("companies", [key])[key].payload or {})["custom_fields_values"]
        kept = {name: value for name, value in entry["values"][0]["value"].items() if name != "vat_id"}
        assert kept == {name: value for name, value in particulars.items() if name != "vat_id"}


@pytest.mark.parametrize("batch_error", ["whole", "partial", "partial-400"])
def test_a_field_that_vanished_is_left_out_once(batch_error: str) -> None:
    with amo_writing_stand(batch_error=batch_error) as stand:
        make(stand, "contacts", [CONTACT], first=100)  # the definitions are known from now on
        stand.do({"kind": "fields_contacts", "id": 101, "delete": True})
        before = stand.requests(), stand.ids("contacts")
        outcomes = make(stand, "contacts", [{**CONTACT, "position": "Директор"}, CONTACT, {**CONTACT, "position": "Инженер"}])
        assert [outcome.status for outcome in sorted(outcomes, key=lambda one: one.key)] == [APPLIED] * 3
        assert {outcome.key: outcome.left_out for outcome in outcomes} == {
            "contacts-0": ("position",), "contacts-1": (), "contacts-2": ("position",),
        }  # fmt: skip
        assert len(stand.ids("contacts") - before[1]) == 3
        assert stand.requests() - before[0] <= 4
        make(stand, "contacts", [{**CONTACT, "position": "Директор"}], first=50)
        assert stand.requests() - before[0] <= 6, "asked for the definitions again, and not refused again"


def test_a_write_of_a_vanished_field_alone_is_refused(stand: AmoWritingStand) -> None:
    (key,) = first(stand, "contacts")
    change(stand, "contacts", {key: {"position": "Директор"}})
    stand.do({"kind": "fields_contacts", "id": 101, "delete": True})
    (outcome,) = change(stand, "contacts", {key: {"position": "Инженер"}})
    assert (outcome.status, outcome.code, outcome.left_out) == (REFUSED, "NotSupportedChoice", ("position",))


def test_the_marker_may_vanish_too(stand: AmoWritingStand) -> None:
    make(stand, "contacts", [CONTACT], first=100)
    stand.do({"kind": "fields_contacts", "id": int(stand.link.facts["marker_fields"]["contacts"]), "delete": True})
    (write,) = creates(stand, "contacts", [CONTACT])
    (outcome,) = run(stand, [write])
    assert (outcome.status, outcome.left_out) == (APPLIED, ("origin_id",))
    asked = replace(write, sent_at=datetime.now(UTC))
    found = CONNECTOR.find(stand.link, [asked], stand.context)
    assert found == {write.key: outcome.external_id}, "by what it holds"
