"""The tiny CRM takes what is written as the others do: one outcome a write, refusals in its own words, lost answers unknown."""

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from crm_pipeline.model.records import MappingContext, RawRecord, WalkRequest
from crm_pipeline.model.writing import CREATE, ORIGINATOR, LinkTo, Outcome, Write
from crm_pipeline_tests.connectors.tinycrm import test_contract
from crm_pipeline_tests.connectors.tinycrm.test_contract import TinyStand

CONTEXT = MappingContext(1)


@pytest.fixture
def stand() -> Iterator[TinyStand]:
    """Yield a tiny CRM with some hundred records and a link to it."""
    with test_contract.TestTiny().open_stand() as opened:
        yield opened


def do(stand: TinyStand, *writes: Write) -> list[Outcome]:
    return list(stand.connector.write(stand.link, writes, CONTEXT, "bulk"))


def read(stand: TinyStand, entity: str, external_id: str) -> RawRecord:
    stream = next(one for one in stand.connector.streams if one.name == entity)
    (page,) = stand.connector.walk(stand.link, stream, WalkRequest("record", ids=(external_id,)))
    return page.records[0]


def change(stand: TinyStand, operation: str, entity: str, external_id: str = "7", **more: Any) -> Write:
    return Write("k", operation, entity, external_id, current=read(stand, entity, external_id), **more)


def test_a_new_record_is_made_and_found_by_its_marker(stand: TinyStand) -> None:
    values = {"name": "Анна", "phones": ["+79161234501"], "birthday": datetime(1990, 5, 1, tzinfo=UTC).date()}
    create = Write("k", CREATE, "contacts", None, values, (LinkTo("companies", "3"),), marker="golden-1")
    assert stand.connector.find(stand.link, [create], CONTEXT) == {}
    (done,) = do(stand, create)
    assert (done.key, done.status, done.updated_at) == ("k", "applied", stand.now())
    assert stand.connector.find(stand.link, [create], CONTEXT) == {"k": done.external_id}
    (record,) = stand.connector.normalize(read(stand, "contacts", done.external_id or ""), CONTEXT)
    assert {**record.values, **values} == {**record.values, "phones": values["phones"]}
    assert (record.values["originator_id"], record.values["origin_id"]) == (ORIGINATOR, "golden-1")
    assert [point["value"] for point in record.children["contact_points"]] == values["phones"]
    assert [row["company_external_id"] for row in record.children["contact_companies"]] == ["3"]


def test_other_values_leave_the_rest_alone(stand: TinyStand) -> None:
    points = [
        {"kind": "phone", "value": "+1", "label": "home"},
        {"kind": "phone", "value": "+2"},
        {"kind": "email", "value": "a@b.c"},
    ]
    stand.tiny.put("contacts", 7, position="boss", contact_points=points)
    (done,) = do(stand, change(stand, "update", "contacts", values={"name": "Пётр", "phones": ["+1", "+3"]}))
    held = stand.tiny.records["contacts"]["7"]
    assert (done.status, held["name"], held["position"]) == ("applied", "Пётр", "boss")
    assert {(one["kind"], one["value"], one.get("label")) for one in held["contact_points"]} == {
        ("phone", "+1", "home"), ("phone", "+3", None), ("email", "a@b.c", None)
    }  # fmt: skip


def test_links_come_and_go(stand: TinyStand) -> None:
    links = (
        LinkTo("contacts", "1", True),
        LinkTo("contacts", "2"),
        LinkTo("companies", "5"),
        LinkTo("products", "9", quantity=Decimal(2)),
    )
    do(stand, change(stand, "link", "deals", links=links))
    held = stand.tiny.records["deals"]["7"]
    assert [(row["contact_external_id"], row["is_main"]) for row in held["deal_contacts"]] == [("1", True), ("2", False)]
    assert held["company_external_id"] == "5" and held["deal_products"][0]["quantity"] == "2"
    do(stand, change(stand, "unlink", "deals", links=(LinkTo("contacts", "1"), LinkTo("companies", "5"))))
    held = stand.tiny.records["deals"]["7"]
    assert [row["contact_external_id"] for row in held["deal_contacts"]] == ["2"] and held["company_external_id"] is None


def test_a_task_is_completed_and_reopened(stand: TinyStand) -> None:
    for operation, expected in (("complete", True), ("reopen", False)):
        do(stand, change(stand, operation, "tasks"))
        assert stand.tiny.records["tasks"]["7"]["is_completed"] is expected


def test_a_bad_value_and_a_record_that_is_gone_are_refused_alone(stand: TinyStand) -> None:
    stand.tiny.refused.add("nonsense")
    bad = change(stand, "update", "deals", "1", values={"title": "nonsense"})
    gone = change(stand, "update", "deals", "2", values={"title": "x"})
    stand.tiny.drop("deals", 2)
    good = change(stand, "update", "deals", "3", values={"title": "y", "amount": Decimal("10.50")})
    done = do(stand, bad, gone, good)
    assert [(one.status, one.code) for one in done] == [("refused", "NotSupportedChoice"), ("refused", "gone"), ("applied", None)]
    assert "title" in str(done[0].detail)
    assert stand.tiny.records["deals"]["3"]["amount"] == "10.50"


def test_a_field_that_vanished_is_left_out_and_told(stand: TinyStand) -> None:
    stand.tiny.vanished = {"position", "contact_points"}
    (done,) = do(stand, change(stand, "update", "contacts", values={"name": "a", "position": "b", "phones": ["+1"]}))
    assert (done.status, set(done.left_out)) == ("applied", {"position", "phones"})
    assert stand.tiny.records["contacts"]["7"]["name"] == "a"


@pytest.mark.parametrize(("fault", "made"), [("reset_after", 1), ("reset_before", 0)])
def test_a_lost_answer_is_unknown_and_nothing_is_sent_again(stand: TinyStand, fault: str, made: int) -> None:
    stand.tiny.faults.add({"match": {"method": "POST"}, "fault": fault})
    create = Write("k", CREATE, "companies", None, {"name": "Ромашка"}, marker="golden-2")
    (done,) = do(stand, create)
    assert (done.status, done.code) == ("unknown", "lost")
    assert len(stand.connector.find(stand.link, [create], CONTEXT)) == stand.tiny.writes["POST companies"] == made


def test_a_token_that_expired_is_renewed(stand: TinyStand) -> None:
    write = change(stand, "update", "contacts", values={"name": "z"})
    stand.expire_token()
    assert do(stand, write)[0].status == "applied"


def test_what_would_be_held_is_what_is_said(stand: TinyStand) -> None:
    values = {"name": "a", "phones": ["+1"], "nonsense": 1}
    once = stand.connector.express("contacts", values, CONTEXT)
    assert once == {"name": "a", "phones": ["+1"]} == stand.connector.express("contacts", once, CONTEXT)
