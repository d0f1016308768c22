"""Writing to amoCRM when things go wrong: refusals, lost answers, limits; preparing, finding again. Facts: amocrm 5 and 7."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from crm_pipeline.connectors.amocrm import CONNECTOR
from crm_pipeline.errors import ConnectionStopped, CrmUnavailable, RateLimited
from crm_pipeline.model.records import RawRecord
from crm_pipeline.model.writing import APPLIED, CREATE, LINK, REFUSED, UNKNOWN, UPDATE, LinkTo, Write
from crm_pipeline_tests.connectors.amocrm.writing_stand import AmoWritingStand, amo_writing_stand
from crm_pipeline_tests.connectors.writing_contract import change, creates, make, read, run

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


def test_definitions_that_answer_nothing_once_do_not_make_a_field_vanish(stand: AmoWritingStand) -> None:
    """A list that answers 204 although there is something is asked again (3.5); a change was refused for it once."""
    for list_ in ("contacts/custom_fields", "leads/loss_reasons"):
        stand.sandbox.faults.add({"fault": "early_204", "match": {"call": f"GET /api/v4/{list_}"}, "times": 1})
    facts = CONNECTOR.prepare(stand.link)
    assert "position" in facts["held"]["contacts"]
    assert facts["loss_reasons"] == stand.link.facts["loss_reasons"]
    stand.sandbox.faults.add({"fault": "early_204", "match": {"call": "GET /api/v4/contacts/custom_fields"}, "times": 1})
    contact = first(stand, "contacts")[0]
    outcome = change(stand, "contacts", {contact: {"position": "Директор"}})[0]
    assert (outcome.status, outcome.left_out) == (APPLIED, ())


def test_an_account_that_tells_no_fields_at_all_is_written_to_later(stand: AmoWritingStand) -> None:
    """Made without its fields and marker, a record whose answer is lost would not be known again."""
    stand.sandbox.faults.add({"fault": "early_204", "match": {"call": "GET /api/v4/contacts/custom_fields"}, "times": 0})
    before = stand.ids("contacts")
    with pytest.raises(CrmUnavailable, match="no custom fields"):
        make(stand, "contacts", [CONTACT])
    assert stand.ids("contacts") == before


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
    portions = {int(outcome.key.rpartition("-")[2]) // 50 for outcome in outcomes}
    assert len(portions) == 3
    sent = [entry["at"] for entry in stand.sandbox.journal.entries() if entry["method"] == "POST"][-3:]
    assert max(sent) - min(sent) < 1.5, "none waited for the answer that hung"


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
