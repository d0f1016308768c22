"""Writing to amoCRM: what the contract of every connector does not know of. Facts: amocrm 4 and 5."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from crm_pipeline.connectors.amocrm import CONNECTOR
from crm_pipeline.errors import ConnectionStopped, RateLimited
from crm_pipeline.model.records import RawRecord
from crm_pipeline.model.writing import APPLIED, COMPLETE, CREATE, LINK, REFUSED, REOPEN, UNKNOWN, UNLINK, UPDATE, LinkTo, Write
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


# Refusals, failures ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("entity", ["contacts", "tasks"])
@pytest.mark.parametrize("batch_error", ["whole", "partial", "partial-400"])
def test_a_batch_with_a_bad_item_doubles_nothing(entity: str, batch_error: str) -> None:
    """Whether the good items of a refused request are applied is not proven (5.3)."""
    with amo_writing_stand(batch_error=batch_error) as stand:
        values = {"contacts": CONTACT, "tasks": {"title": "Позвонить", "due_at": DUE}}[entity]
        before = stand.ids(entity)
        outcomes = make(stand, entity, [*[values] * 30, {**values, "owner_external_id": "5"}, *[values] * 10])
        made = [outcome.external_id for outcome in outcomes if outcome.status == APPLIED]
        assert len(made) == 40
        assert stand.ids(entity) - before == set(made)


def test_a_right_that_is_missing_refuses_the_write_and_not_the_connection(stand: AmoWritingStand) -> None:
    rights = (stand.sandbox.store.get("users", 900000) or {})["rights"]
    stand.do({"kind": "users", "id": 900000, "set": {"rights": {**rights, "contacts": {**rights["contacts"], "edit": "M"}}}})
    mine = {outcome.external_id or "" for outcome in make(stand, "contacts", [CONTACT] * 3)}
    rows = {
        str(n): (stand.sandbox.store.get("contacts", n) or {})["responsible_user_id"] for n in map(int, stand.ids("contacts"))
    }
    theirs = {key for key, owner in rows.items() if owner != 900000}
    asked = [*sorted(mine)[:2], *sorted(theirs)[:1], *sorted(mine)[2:]]
    outcomes = {one.external_id or one.key: one for one in change(stand, "contacts", {key: {"tags": ["x"]} for key in asked})}
    assert {outcomes[key].status for key in mine} == {APPLIED}
    refused = outcomes["u" + asked[2]]
    assert (refused.status, refused.code) == (REFUSED, "AccessDenied")
    assert "Access denied" in (refused.detail or "")


@pytest.mark.parametrize("rule", [{"status": 403, "html": True}, {"status": 402}], ids=["blocked", "unpaid"])
def test_a_block_stops_the_connection_before_anything_is_said(stand: AmoWritingStand, rule: dict[str, Any]) -> None:
    writes = creates(stand, "contacts", [CONTACT] * 120)
    before = stand.ids("contacts")
    stand.write_fault("contacts", CREATE, fault="status", times=0, **rule)
    with pytest.raises(ConnectionStopped):
        list(CONNECTOR.write(stand.link, writes, stand.context, "bulk"))
    assert stand.ids("contacts") == before


def test_what_was_not_sent_for_the_rate_is_not_mentioned(stand: AmoWritingStand) -> None:
    link = replace(stand.link, in_flight=1)
    writes = creates(stand, "contacts", [CONTACT] * 170)
    before = stand.ids("contacts")
    stand.write_fault("contacts", CREATE, fault="status", status=429, html=True, after=2, times=0)
    outcomes = []
    with pytest.raises(RateLimited):
        for outcome in CONNECTOR.write(link, writes, stand.context, "bulk"):
            outcomes.append(outcome)
    assert {outcome.key for outcome in outcomes} == {write.key for write in writes[:50]}
    assert stand.ids("contacts") - before == {outcome.external_id for outcome in outcomes}


def test_an_expired_token_is_renewed_and_the_write_sent(stand: AmoWritingStand) -> None:
    stand.expire_token()
    (outcome,) = make(stand, "contacts", [CONTACT])
    assert (outcome.status, stand.vault.renewals) == (APPLIED, 1)


def test_several_requests_are_under_way_at_once(stand: AmoWritingStand) -> None:
    make(stand, "contacts", [CONTACT], first=900)
    stand.write_fault("contacts", CREATE, fault="hang_after", seconds=1.5, times=1)
    outcomes = make(stand, "contacts", [CONTACT] * 120)
    assert {outcome.status for outcome in outcomes} == {APPLIED}
    slow = next(n for n, outcome in enumerate(outcomes) if outcome.key == "contacts-0")
    assert slow >= 70, "what came after was answered before it"


def test_a_gateway_that_gives_up_may_have_applied_it(stand: AmoWritingStand) -> None:
    stand.write_fault("contacts", CREATE, fault="status", status=504, html=True, times=1)
    before = stand.requests()
    (outcome,) = make(stand, "contacts", [CONTACT])
    assert (outcome.status, outcome.code) == (UNKNOWN, "lost")
    assert stand.requests() - before <= 2


def test_what_cannot_be_written_is_refused_in_words(stand: AmoWritingStand) -> None:
    writes = [
        Write("a", UPDATE, "communications", "5", {"body": "x"}), Write("b", CREATE, "users", None, {"name": "x"}),
        Write("c", UPDATE, "contacts", "нет", {"name": "x"}), Write("d", CREATE, "communications", None, {"kind": "note"}),
    ]  # fmt: skip
    outcomes = run(stand, writes)
    assert {outcome.status for outcome in outcomes} == {REFUSED}
    assert all(outcome.code and outcome.detail for outcome in outcomes)


# Preparing and finding ------------------------------------------------------------------------------------------------


def test_the_marker_is_made_once_and_hidden_from_people(stand: AmoWritingStand) -> None:
    for kind in ("leads", "contacts", "companies"):
        rows = stand.sandbox.account.definitions.of(kind).rows
        (field,) = [row for row in rows if row["code"] == "CRM_PIPELINE_ID"]
        assert (field["type"], field["is_api_only"]) == ("text", True)
    keys = {key.partition(":")[2] for key in stand.context.fields}
    assert not keys & set(stand.link.facts["marker_fields"].values()), "nobody's custom field"


def test_without_an_administrator_there_is_no_marker_and_creates_are_found_by_what_they_hold() -> None:
    with amo_writing_stand() as prepared:
        for entity, kind in (("deals", "leads"), ("contacts", "contacts"), ("companies", "companies")):
            number = int(prepared.link.facts["marker_fields"][entity])
            prepared.do({"kind": f"fields_{kind}", "id": number, "delete": True})
        user = prepared.sandbox.store.get("users", 900000) or {}
        prepared.do({"kind": "users", "id": 900000, "set": {"rights": {**user["rights"], "is_admin": False}}})
        facts = CONNECTOR.prepare(prepared.link)
        assert facts["marker_fields"] == {}
        stand = replace(prepared, link=replace(prepared.link, facts={**prepared.link.facts, **facts}))
        before = stand.ids("contacts")
        writes = creates(stand, "contacts", [{**CONTACT, "position": str(n % 2)} for n in range(4)])
        stand.write_fault("contacts", CREATE, fault="reset_after", times=1)
        run(stand, writes)
        asked = [replace(write, sent_at=datetime.now(UTC)) for write in writes]
        found = CONNECTOR.find(stand.link, [*asked, replace(asked[0], key="fifth")], stand.context)
        assert set(found.values()) == stand.ids("contacts") - before
        assert len(found) == 4, "each is used once"
        unlike = replace(asked[0], values={**asked[0].values, "position": "2"})
        assert CONNECTOR.find(stand.link, [unlike], stand.context) == {}


def test_an_old_record_that_looks_the_same_is_not_taken_for_ours(stand: AmoWritingStand) -> None:
    values = {"title": "Позвонить", "due_at": DUE}
    make(stand, "tasks", [values])
    (write,) = creates(stand, "tasks", [values], first=1)
    later = replace(write, sent_at=datetime.fromtimestamp(stand.sandbox.clock.now() + 3_600, UTC))
    assert CONNECTOR.find(stand.link, [later], stand.context) == {}


def test_many_are_found_at_the_cost_of_few(stand: AmoWritingStand) -> None:
    writes = creates(stand, "contacts", [CONTACT] * 100)
    run(stand, writes)
    before = stand.requests()
    found = CONNECTOR.find(stand.link, [replace(write, sent_at=datetime.now(UTC)) for write in writes], stand.context)
    assert len(found) == 100
    assert stand.requests() - before <= 3


@pytest.mark.parametrize("api_filter", [True, False])
def test_a_marker_is_found_however_long_ago_it_was_sent(api_filter: bool) -> None:
    """Newer records fill more than the pages looked through, and the clock was wrong."""
    with amo_writing_stand(api_filter=api_filter) as stand:
        (write,) = creates(stand, "contacts", [CONTACT])
        (made,) = run(stand, [write])
        stand.advance(7_200)
        make(stand, "contacts", [CONTACT] * 300, first=1)
        asked = replace(write, sent_at=datetime.fromtimestamp(stand.sandbox.clock.now() + 600, UTC))
        assert CONNECTOR.find(stand.link, [asked], stand.context) == {write.key: made.external_id}


@pytest.mark.parametrize(("api_filter", "most"), [(True, 2), (False, 160)])
def test_reading_before_writing_is_done_in_bulk(api_filter: bool, most: int) -> None:
    with amo_writing_stand(200, api_filter=api_filter) as stand:
        ids = first(stand, "contacts", 160)
        before = stand.requests()
        assert len(stand.current("contacts", ids)) == 160
        assert stand.requests() - before <= most
        before = stand.requests()
        products = first(stand, "products", 5)
        assert set(stand.current("products", products)) == set(products)
        assert stand.requests() - before <= 2


def test_links_to_products_name_the_catalog_they_are_in(stand: AmoWritingStand) -> None:
    (deal,), (machine,) = first(stand, "deals"), [str(n) for n, _ in stand.sandbox.store.select("elements_1210")][:1]
    context = replace(stand.context, facts={**stand.context.facts, "product_catalogs": ["1209", "1210"]})
    write = Write("k", LINK, "deals", deal, links=(LinkTo("products", machine, quantity=1),))
    (outcome,) = CONNECTOR.write(stand.link, [write], context, "bulk")
    assert outcome.status == APPLIED
    linked = (stand.current("deals", [deal])[deal].payload or {})["_embedded"]["catalog_elements"]
    assert {"id": int(machine), "metadata": {"quantity": 1, "catalog_id": 1210, "price_id": None}} in linked


def test_an_answer_without_request_ids_is_read_by_id_or_order() -> None:
    from crm_pipeline.connectors.amocrm.spelling import Item
    from crm_pipeline.connectors.amocrm.writing import match

    items = [Item(Write(f"k{n}", UPDATE, "contacts", str(n), {}), {"id": n}) for n in (7, 8)]
    assert match([{"id": 8, "a": 1}, {"id": 7}], items, by_id=True)["k8"] == {"id": 8, "a": 1}
    assert match([{"id": 8, "request_id": "k7"}, {"id": 7, "request_id": "k8"}], items, by_id=True)["k7"]["id"] == 8
    new = [Item(Write(f"k{n}", CREATE, "contacts", None, {}), {}) for n in (7, 8)]
    assert match([{"id": 1, "request_id": "0"}, {"id": 2, "request_id": "1"}], new, by_id=False)["k8"]["id"] == 2
    assert match([{"id": 1, "request_id": 0}], new, by_id=False) == {}


def test_a_payload_read_a_moment_ago_is_all_that_is_needed(stand: AmoWritingStand) -> None:
    """A record read by one process is written by another: only `current` says what it held."""
    (key,) = first(stand, "contacts")
    record = stand.current("contacts", [key])[key]
    copy = RawRecord(record.kind, record.external_id, dict(record.payload or {}))
    (outcome,) = run(stand, [Write("k", UPDATE, "contacts", key, {"tags": ["новый"]}, current=copy)])
    assert (outcome.status, read(stand, "contacts", key).values["tags"]) == (APPLIED, ["новый"])
    assert outcome.updated_at == read(stand, "contacts", key).remote_updated_at
