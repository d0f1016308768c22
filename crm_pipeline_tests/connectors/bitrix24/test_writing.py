"""Writing to a portal over real HTTP: links, single failures, lost answers, what a write costs (facts: bitrix24 4, 6, 7)."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from crm_pipeline.connectors import Link, Outcome, Write
from crm_pipeline.connectors.bitrix24 import CONNECTOR
from crm_pipeline.connectors.bitrix24.writing import rounds
from crm_pipeline.errors import ConsentNeeded, CrmUnavailable, RateLimited
from crm_pipeline.model.records import MappingContext, RawRecord, SourceRecord, WalkRequest
from crm_pipeline.model.writing import (
    APPLIED,
    COMPLETE,
    CREATE,
    LATER,
    LINK,
    REFUSED,
    REOPEN,
    UNKNOWN,
    UNLINK,
    UPDATE,
    LinkTo,
)
from crm_pipeline_tests.connectors.bitrix24.portal import STREAMS, Portal, application, open_link, portal, webhook

CLASSIC = {"item_api": False, "catalog_api": False}


class Pen:
    """Writes to a portal through one of its faces, and reads what it holds."""

    def __init__(self, found: Portal, facts: dict[str, Any] | None = None):
        self.portal = found
        self.link = open_link(found.sandbox, found.vault, {**found.link.facts, **(facts or {})})
        self.context: MappingContext = found.writing_context()

    def current(self, entity: str, *ids: str) -> dict[str, RawRecord]:
        request = WalkRequest("record", ids=ids)
        return {one.external_id: one for page in CONNECTOR.walk(self.link, STREAMS[entity], request) for one in page.records}

    def read(self, entity: str, key: str) -> SourceRecord:
        (found,) = CONNECTOR.normalize(self.current(entity, key)[key], self.context)
        return found

    def write(self, *writes: Write, link: Link | None = None) -> list[Outcome]:
        return list(CONNECTOR.write(link or self.link, writes, self.context, "interactive"))

    def one(self, operation: str, entity: str, key: str | None = None, links: Sequence[LinkTo] = (), **values: Any) -> Outcome:
        """Read, express, write."""
        current = self.current(entity, key)[key] if key else None
        said = CONNECTOR.express(entity, values, self.context) | {name: values[name] for name in ("result",) if name in values}
        (outcome,) = self.write(Write("one", operation, entity, key, said, tuple(links), current, marker="golden-1"))
        return outcome

    def products(self, deal: str) -> list[tuple[Any, ...]]:
        rows = self.read("deals", deal).children["deal_products"]
        return [(row["product_external_id"], row["product_name"], row["quantity"], row["price"]) for row in rows]


@pytest.fixture(scope="module")
def shared() -> Iterator[Portal]:
    with portal(contacts=140) as found:
        yield found.checked()


@pytest.fixture(params=[{}, CLASSIC], ids=["items", "classic"])
def pen(request: pytest.FixtureRequest, shared: Portal) -> Iterator[Pen]:
    yield Pen(shared, request.param)
    shared.sandbox.faults.clear()


def creates(count: int, **values: Any) -> list[Write]:
    return [Write(f"c{n}", CREATE, "contacts", None, {"first_name": f"C{n}", **values}, marker=f"m-{n}") for n in range(count)]


# Links ------------------------------------------------------------------------------------------------------------------


def test_contacts_and_companies_of_a_deal_are_linked_and_unlinked_one_by_one(pen: Pen) -> None:
    deal = str(pen.one(CREATE, "deals", title="Links").external_id)
    assert (
        pen.one(LINK, "deals", deal, [LinkTo("contacts", "5"), LinkTo("contacts", "6"), LinkTo("companies", "3")]).status
        == APPLIED
    )
    assert pen.one(LINK, "deals", deal, [LinkTo("contacts", "7", is_main=True)]).status == APPLIED
    found = pen.read("deals", deal)
    assert [(row["contact_external_id"], row["is_main"]) for row in found.children["deal_contacts"]] == [
        ("7", True), ("5", False), ("6", False),
    ]  # fmt: skip
    assert found.values["company_external_id"] == "3"
    assert pen.one(UNLINK, "deals", deal, [LinkTo("contacts", "5"), LinkTo("companies", "4")]).status == APPLIED
    assert pen.one(UNLINK, "deals", deal, [LinkTo("companies", "3")]).status == APPLIED
    found = pen.read("deals", deal)
    assert [row["contact_external_id"] for row in found.children["deal_contacts"]] == ["7", "6"]
    assert found.values["company_external_id"] is None


def test_product_rows_are_merged_and_none_is_lost(pen: Pen) -> None:
    deal = str(pen.one(CREATE, "deals", title="Rows").external_id)
    rows = [{"PRODUCT_NAME": "By hand", "PRICE": 5.5, "QUANTITY": 2, "DISCOUNT_TYPE_ID": 1, "DISCOUNT_SUM": 1}]
    pen.portal.edit(kind="productrows", id=int(deal), set={"rows": rows})
    (kept,) = pen.read("deals", deal).children["deal_products"]
    one, other = sorted(pen.portal.held("product"), key=int)[:2]
    links = [LinkTo("products", one, quantity=Decimal(3), price=Decimal("10.25"), name="Gadget"), LinkTo("products", other)]
    assert pen.one(LINK, "deals", deal, links).status == APPLIED
    own = pen.read("products", other).values
    assert pen.products(deal) == [
        (None, "By hand", 2, Decimal("5.5")), (one, "Gadget", 3, Decimal("10.25")), (other, own["name"], 1, own["price"]),
    ]  # fmt: skip
    after = pen.read("deals", deal).children["deal_products"][0]
    assert [after[name] for name in ("row_external_id", "discount")] == [kept[name] for name in ("row_external_id", "discount")]
    assert pen.one(LINK, "deals", deal, [replace(links[0], quantity=Decimal(4))]).status == APPLIED
    assert [row[2] for row in pen.products(deal)] == [2, 4, 1]
    assert pen.one(UNLINK, "deals", deal, [LinkTo("products", other)]).status == APPLIED
    assert [row[0] for row in pen.products(deal)] == [None, one]


def test_the_last_product_of_a_deal_can_be_unlinked(pen: Pen) -> None:
    deal = str(pen.one(CREATE, "deals", links=[LinkTo("products", "2", price=Decimal(7))], title="Last").external_id)
    assert len(pen.products(deal)) == 1
    assert pen.one(UNLINK, "deals", deal, [LinkTo("products", "2")]).status == APPLIED
    assert pen.products(deal) == []


def test_a_deal_is_created_with_its_links(pen: Pen) -> None:
    links = [
        LinkTo("contacts", "5"), LinkTo("contacts", "6", is_main=True), LinkTo("companies", "3"),
        LinkTo("products", "2", quantity=Decimal(2), price=Decimal("7.50")),
    ]  # fmt: skip
    outcome = pen.one(CREATE, "deals", links=links, title="Whole", amount="20", currency="EUR")
    found = pen.read("deals", str(outcome.external_id))
    assert (outcome.status, outcome.code) == (APPLIED, None)
    assert [row["contact_external_id"] for row in found.children["deal_contacts"]] == ["6", "5"]
    assert (found.values["company_external_id"], found.values["amount"]) == ("3", 20)
    assert pen.products(str(outcome.external_id))[0][0::2] == ("2", 2)


def test_a_deal_whose_rows_fail_is_created_all_the_same(pen: Pen) -> None:
    pen.portal.fault("in_batch", call="crm.*productrow*.set", error="ERROR_CORE", error_description="no rows today", status=400)
    outcome = pen.one(CREATE, "deals", links=[LinkTo("products", "2", price=Decimal(1))], title="Bare")
    assert (outcome.status, outcome.code) == (APPLIED, "partly")
    assert "no rows today" in str(outcome.detail)
    assert pen.products(str(outcome.external_id)) == []


def test_a_contact_parts_from_all_its_companies(pen: Pen) -> None:
    key = str(
        pen.one(CREATE, "contacts", links=[LinkTo("companies", "4"), LinkTo("companies", "6")], name="Two jobs").external_id
    )
    assert {row["company_external_id"] for row in pen.read("contacts", key).children["contact_companies"]} == {"4", "6"}
    assert pen.one(UPDATE, "contacts", key, company_external_id=None).status == APPLIED
    assert pen.read("contacts", key).children["contact_companies"] == ()
    assert pen.one(LINK, "contacts", key, [LinkTo("companies", "6")]).status == APPLIED
    assert pen.read("contacts", key).values["company_external_id"] == "6"
    assert pen.one(UNLINK, "contacts", key, [LinkTo("companies", "6")]).status == APPLIED
    assert pen.read("contacts", key).values["company_external_id"] is None


# Values -----------------------------------------------------------------------------------------------------------------


def test_an_amount_stands_beside_product_rows(pen: Pen) -> None:
    deal = str(pen.one(CREATE, "deals", links=[LinkTo("products", "2", price=Decimal(7))], title="Sum").external_id)
    assert pen.read("deals", deal).values["amount"] == 7
    pen.one(UPDATE, "deals", deal, amount="100.10")
    pen.one(LINK, "deals", deal, [LinkTo("products", "3", price=Decimal(1))])
    assert pen.read("deals", deal).values["amount"] == Decimal("100.1")


def test_kept_phones_keep_their_value_ids(pen: Pen) -> None:
    key = str(
        pen.one(CREATE, "contacts", name="Ids", phones=["+79001112233", "+79001112244"], emails=["a@b.example"]).external_id
    )
    before = {row["value"]: row["remote_value_id"] for row in pen.read("contacts", key).children["contact_points"]}
    pen.one(UPDATE, "contacts", key, phones=["+79001112244", "+79001112255"])
    after = {row["value"]: row["remote_value_id"] for row in pen.read("contacts", key).children["contact_points"]}
    assert set(after) == {"+79001112244", "+79001112255", "a@b.example"}
    assert {value: after[value] for value in ("+79001112244", "a@b.example")} == {
        value: before[value] for value in ("+79001112244", "a@b.example")
    }


def test_a_website_takes_the_first_place(pen: Pen) -> None:
    key = str(pen.one(CREATE, "companies", name="Web", webs=["https://a.example", "https://b.example"]).external_id)
    for site, webs in (("https://b.example", ["b", "a"]), ("https://c.example", ["c", "a"])):
        pen.one(UPDATE, "companies", key, website=site)
        points = pen.read("companies", key).children["contact_points"]
        assert [row["value"] for row in points] == [f"https://{name}.example" for name in webs]
    pen.one(UPDATE, "companies", key, website="https://d.example", webs=["https://a.example", "https://d.example"])
    assert pen.read("companies", key).values["website"] == "https://d.example"


def test_what_a_batch_would_take_for_a_reference_is_written_as_it_is(pen: Pen) -> None:
    writes = creates(3, position="$result[w0][ID] + 5%")
    assert [outcome.status for outcome in pen.write(*writes)] == [APPLIED] * 3
    outcome = pen.one(CREATE, "contacts", name="Ref", position="see $result[w0]")
    assert pen.read("contacts", str(outcome.external_id)).values["position"] == "see $result[w0]"


def test_an_update_that_changes_nothing_costs_nothing(pen: Pen) -> None:
    key = str(pen.one(CREATE, "contacts", name="Same", phones=["+79001112233"]).external_id)
    current = pen.current("contacts", key)[key]
    before = pen.link.http.requests_made
    (outcome,) = pen.write(Write("u", UPDATE, "contacts", key, {"phones": ["+79001112233"]}, current=current))
    assert (outcome.status, pen.link.http.requests_made - before) == (APPLIED, 0)


def test_a_deal_moves_to_another_pipeline_only_where_that_is_offered(pen: Pen) -> None:
    deal = str(pen.one(CREATE, "deals", title="Move", stage_external_id="NEW", pipeline_external_id="0").external_id)
    outcome = pen.one(UPDATE, "deals", deal, pipeline_external_id="1", stage_external_id="C1:WON")
    if pen.link.facts["item_api"]:
        assert outcome.status == APPLIED
        assert pen.read("deals", deal).values["stage_external_id"] == "C1:WON"
    else:
        assert (outcome.status, outcome.code) == (REFUSED, "pipeline")
        assert "another pipeline" in str(outcome.detail)


def test_tasks_are_completed_and_opened_again(shared: Portal) -> None:
    pen = Pen(shared)
    key = str(pen.one(CREATE, "tasks", title="Do", target_entity="contacts", target_external_id="5").external_id)
    assert pen.read("tasks", key).values["owner_external_id"] == shared.link.facts["user_id"]
    done = pen.one(COMPLETE, "tasks", key, result="was + done")
    assert (done.status, done.code, done.updated_at) == (APPLIED, None, pen.current("tasks", key)[key].remote_updated_at)
    assert pen.read("tasks", key).values["is_completed"] is True
    comments = shared.sandbox.store.select("taskcomment", "parent = ?", (f"task:{key}",))
    assert [json.loads(text)["message"] for _, text in comments] == ["was + done"]
    assert pen.one(COMPLETE, "tasks", key).status == APPLIED
    assert pen.one(REOPEN, "tasks", key).status == APPLIED
    assert pen.read("tasks", key).values["is_completed"] is False


def test_a_task_keeps_what_else_it_is_about(shared: Portal) -> None:
    pen = Pen(shared)
    key = str(pen.one(CREATE, "tasks", title="About", target_entity="contacts", target_external_id="5").external_id)
    shared.edit(kind="task", id=int(key), set={"UF_CRM_TASK": ["C_5", "L_3", "CO_4"]})
    pen.one(UPDATE, "tasks", key, target_entity="deals", target_external_id="9")
    assert pen.current("tasks", key)[key].payload["ufCrmTask"] == ["D_9", "CO_4", "L_3"]


# One by one -------------------------------------------------------------------------------------------------------------

INSIDE = [
    ("QUERY_LIMIT_EXCEEDED", 503, LATER, "rate"), ("OPERATION_TIME_LIMIT", 429, LATER, "rate"),
    ("INTERNAL_SERVER_ERROR", 500, UNKNOWN, "lost"), ("ERROR_CORE", 400, REFUSED, "ERROR_CORE"),
    ("ACCESS_DENIED", 400, REFUSED, "ACCESS_DENIED"), ("insufficient_scope", 403, REFUSED, "insufficient_scope"),
]  # fmt: skip


@pytest.mark.parametrize(("error", "http", "status", "code"), INSIDE)
def test_a_command_that_fails_in_a_batch_fails_alone(pen: Pen, error: str, http: int, status: str, code: str) -> None:
    before = pen.portal.held("contact")
    call = "crm.item.add" if pen.link.facts["item_api"] else "crm.contact.add"
    pen.portal.fault("in_batch", call=call, after=2, error=error, error_description="said the portal", status=http)
    outcomes = pen.write(*creates(4))
    assert [outcome.status for outcome in outcomes] == [APPLIED, status, APPLIED, APPLIED]
    assert outcomes[1].code == code
    assert error == "OPERATION_TIME_LIMIT" or "said the portal" in str(outcomes[1].detail) or status == UNKNOWN
    assert pen.portal.held("contact") - before == {outcome.external_id for outcome in outcomes if outcome.status == APPLIED}


def test_a_parked_method_rests_and_the_others_go_on() -> None:
    with portal(contacts=60) as found:
        pen = Pen(found.checked())
        found.fault("in_batch", call="crm.item.add", error="OPERATION_TIME_LIMIT", error_description="blocked", status=429)
        (parked,) = pen.write(*creates(1))
        assert (parked.status, parked.code) == (LATER, "rate")
        assert "operating time until" in str(parked.detail)
        task = Write("t", CREATE, "tasks", None, {"title": "Goes on"}, marker="m")
        before = pen.link.http.requests_made
        assert [outcome.status for outcome in pen.write(*creates(2), task)] == [LATER, LATER, APPLIED]
        assert pen.link.http.requests_made - before == 1


def test_a_token_that_runs_out_inside_a_batch_repeats_only_what_was_not_run() -> None:
    with portal(application, contacts=60) as found:
        pen = Pen(found.checked())
        before = found.held("contact")
        found.fault(
            "in_batch", call="crm.item.add", after=3, times=2, error="expired_token", error_description="expired", status=401
        )
        outcomes = pen.write(*creates(6))
        assert [outcome.status for outcome in outcomes] == [APPLIED] * 6
        assert len({outcome.external_id for outcome in outcomes}) == 6
        assert found.held("contact") - before == {outcome.external_id for outcome in outcomes}
        assert found.vault.renewals == 1


def test_a_token_that_has_run_out_is_renewed_before_anything_is_written() -> None:
    with portal(application, contacts=60) as found:
        pen = Pen(found.checked())
        found.sandbox.clock.advance(4_000)
        assert [outcome.status for outcome in pen.write(*creates(3))] == [APPLIED] * 3


def test_a_webhook_without_the_scope_is_refused_in_the_vendors_words(shared: Portal) -> None:
    link = replace(Pen(shared).link, vault=webhook(shared.sandbox))
    link.vault.secrets = {"webhook_url": shared.sandbox.webhook_url(scopes=("crm", "user"))}  # type: ignore[attr-defined]
    (outcome,) = Pen(shared).write(Write("t", CREATE, "tasks", None, {"title": "No"}, marker="m"), link=link)
    assert (outcome.status, outcome.code) == (REFUSED, "insufficient_scope")
    assert "higher privileges" in str(outcome.detail)


def test_a_webhook_that_is_gone_stops_the_connection(shared: Portal) -> None:
    link = replace(Pen(shared).link, vault=webhook(shared.sandbox))
    link.vault.secrets = {"webhook_url": f"{shared.sandbox.url}/rest/1/wrongwrongwrong/"}  # type: ignore[attr-defined]
    with pytest.raises(ConsentNeeded):
        Pen(shared).write(*creates(1), link=link)


def test_what_was_not_sent_is_not_told_about(pen: Pen) -> None:
    before = pen.portal.held("contact")
    pen.portal.fault("status", call="batch", after=2, times=0, status=503)
    told: list[Outcome] = []
    with pytest.raises(RateLimited):
        for outcome in CONNECTOR.write(replace(pen.link, in_flight=1), creates(130), pen.context, "bulk"):
            told.append(outcome)
    assert [outcome.status for outcome in told] == [APPLIED] * 50
    assert pen.portal.held("contact") - before == {outcome.external_id for outcome in told}


def test_a_reset_leaves_fifty_unknown_and_the_others_are_told_about(pen: Pen) -> None:
    before = pen.portal.held("contact")
    pen.portal.fault("reset_after", call="batch", after=2)
    outcomes = pen.write(*creates(130), link=replace(pen.link, in_flight=1))
    assert [outcome.status for outcome in outcomes] == [APPLIED] * 50 + [UNKNOWN] * 50 + [APPLIED] * 30
    assert len(pen.portal.held("contact") - before) == 130
    asked = [replace(write, sent_at=datetime.now(UTC)) for write in creates(130)]
    assert set(CONNECTOR.find(pen.link, asked, pen.context)) == {write.key for write in asked}


# Order and cost ---------------------------------------------------------------------------------------------------------


def test_a_record_met_twice_is_written_in_order(pen: Pen) -> None:
    key = str(pen.one(CREATE, "contacts", name="Twice").external_id)
    current = pen.current("contacts", key)[key]
    writes = [Write(f"u{n}", UPDATE, "contacts", key, {"position": f"P{n}"}, current=current) for n in range(4)]
    assert [outcome.key for outcome in pen.write(*writes)] == ["u0", "u1", "u2", "u3"]
    assert pen.read("contacts", key).values["position"] == "P3"
    assert [len(some) for some in rounds([*writes, *creates(3)])] == [4, 1, 1, 1]


def test_writes_cost_a_request_per_fifty_commands(pen: Pen) -> None:
    before = pen.link.http.requests_made
    assert {outcome.status for outcome in pen.write(*creates(300))} == {APPLIED}
    assert pen.link.http.requests_made - before == 6


def test_reading_before_writing_costs_a_request_per_five_hundred(pen: Pen) -> None:
    ids = sorted(pen.portal.held("contact"), key=int)[:500]
    before = pen.link.http.requests_made
    found = pen.current("contacts", *ids, "99999999")
    assert len(found) == len(ids) + 1
    assert found["99999999"].deleted
    links = 0 if pen.link.facts["item_api"] else -(-len(ids) // 50)
    assert pen.link.http.requests_made - before == (2 if len(ids) < 500 else 3) + links


def test_an_outcome_tells_when_the_record_changed(pen: Pen) -> None:
    outcome = pen.one(CREATE, "contacts", name="When")
    changed = pen.current("contacts", str(outcome.external_id))[str(outcome.external_id)].remote_updated_at
    assert changed is not None and outcome.updated_at is not None
    assert timedelta(0) <= changed - outcome.updated_at <= timedelta(seconds=1)


# Finding ----------------------------------------------------------------------------------------------------------------


def test_of_several_hits_the_smallest_id_counts(pen: Pen) -> None:
    write = replace(creates(1)[0], marker=f"doubled {pen.link.facts['item_api']}")
    made = [pen.write(replace(write, key=f"k{n}"))[0].external_id for n in range(2)]
    assert CONNECTOR.find(pen.link, [write], pen.context) == {write.key: min(made, key=lambda key: int(str(key)))}


def test_a_portal_that_ignores_the_filter_is_not_believed(pen: Pen) -> None:
    rows = [{"id": 5, "ID": "5", "originId": "other", "ORIGIN_ID": "other"}]
    answer = {"items": rows} if pen.link.facts["item_api"] else rows
    body = {"result": {"result": {"f0": answer}, "result_error": []}, "time": {}}
    pen.portal.fault("status", call="batch", status=200, body=body)
    with pytest.raises(CrmUnavailable):
        CONNECTOR.find(pen.link, creates(1), pen.context)


def test_a_look_up_that_is_refused_means_that_nobody_knows(pen: Pen) -> None:
    pen.portal.fault("in_batch", call="crm.*.list", error="ERROR_CORE", error_description="not today", status=400)
    with pytest.raises(CrmUnavailable, match="not today"):
        CONNECTOR.find(pen.link, creates(2), pen.context)


def test_values_known_without_their_ids_are_not_added_again(shared: Portal) -> None:
    """An answer of `crm.item.*` may hold only the flat extras."""
    pen = Pen(shared)
    key = str(pen.one(CREATE, "contacts", name="Flat", phones=["+79001112233"]).external_id)
    raw = pen.current("contacts", key)[key]
    assert raw.payload
    flat = replace(raw, payload={name: value for name, value in raw.payload.items() if name != "fm"})
    said = {"phones": ["+79001112233", "+79001112244"]}
    pen.write(Write("u", UPDATE, "contacts", key, said, current=flat))
    points = pen.read("contacts", key).children["contact_points"]
    assert [row["value"] for row in points] == ["+79001112233", "+79001112244"]
    assert len(pen.current("contacts", key)[key].payload["fm"]) == 2


def test_two_notes_of_the_same_words_are_two_comments(shared: Portal) -> None:
    pen = Pen(shared)
    values = {"kind": "note", "body": "Same", "target_entity": "deals", "target_external_id": "8"}
    old = pen.write(Write("old", CREATE, "communications", None, values, marker="m"))[0].external_id
    shared.sandbox.clock.advance(60)
    writes = [Write(f"n{n}", CREATE, "communications", None, values, marker=f"m{n}") for n in range(3)]
    made = {outcome.external_id for outcome in pen.write(*writes[:2])}
    asked = [replace(write, sent_at=datetime.now(UTC)) for write in writes]
    found = CONNECTOR.find(pen.link, asked, pen.context)
    assert set(found.values()) == made and old not in made


def test_a_call_names_whom_it_was_with(shared: Portal) -> None:
    pen = Pen(shared)
    person = str(pen.one(CREATE, "contacts", name="Callee", phones=["+79001112233"], emails=["c@example.test"]).external_id)
    deal = str(pen.one(CREATE, "deals", links=[LinkTo("contacts", person)], title="Called").external_id)
    for kind, value in (("call", "+79001112233"), ("email", "c@example.test"), ("meeting", "")):
        made = pen.one(CREATE, "communications", kind=kind, body="x", target_entity="deals", target_external_id=deal)
        (whom,) = pen.current("activities", str(made.external_id))[str(made.external_id)].payload["COMMUNICATIONS"]
        assert whom["VALUE"] == value
        assert kind == "meeting" or (str(whom["ENTITY_TYPE_ID"]), str(whom["ENTITY_ID"])) == ("3", person)


def test_a_note_without_a_target_and_an_unknown_kind_are_refused(shared: Portal) -> None:
    pen = Pen(shared)
    assert pen.one(CREATE, "communications", kind="note", body="x").code == "target"
    sms = pen.one(CREATE, "communications", kind="sms", body="x", target_entity="deals", target_external_id="8")
    assert (sms.status, sms.code) == (REFUSED, "kind")


def test_a_product_we_made_has_no_article_number_of_its_own(pen: Pen) -> None:
    write = Write("p", CREATE, "products", None, {"name": "Plain"}, marker=f"plain {pen.link.facts['item_api']}")
    (outcome,) = pen.write(write)
    assert pen.read("products", str(outcome.external_id)).values["sku"] is None
    assert CONNECTOR.find(pen.link, [write], pen.context) == {"p": outcome.external_id}
