"""What writing back needs of the stand-in: prices, deprecated products, task comments, rows through a batch, partial batches."""

from __future__ import annotations

from urllib.parse import quote

import pytest
import requests

from crm_pipeline.sandbox.bitrix24.space import IBLOCK

from .portal_client import PortalClient


@pytest.fixture
def product(empty: PortalClient) -> int:
    return empty.call("catalog.product.add", fields={"name": "Widget", "iblockId": IBLOCK, "xmlId": "ext-1"})["element"]["id"]


def prices(client: PortalClient, product: int) -> list[tuple[float, str]]:
    found = client.call("catalog.price.list", filter={"productId": product})["prices"]
    return [(row["price"], row["currency"]) for row in found]


def test_a_price_is_added_once_changed_and_deleted(empty: PortalClient, product: int) -> None:
    fields = {"productId": product, "catalogGroupId": 1, "price": "90.5", "currency": "EUR"}
    made = empty.call("catalog.price.add", fields=fields)["price"]
    assert prices(empty, product) == [(90.5, "EUR")]
    assert empty.refusal("catalog.price.add", fields=fields)[0] == 400
    before = empty.call("catalog.product.get", id=product)["product"]["timestampX"]
    empty.sandbox.clock.advance(100)
    changed = empty.call("catalog.price.update", id=made["id"], fields={"price": 100, "currency": "USD"})["price"]
    assert (changed["id"], prices(empty, product)) == (made["id"], [(100, "USD")])
    assert empty.call("catalog.price.get", id=made["id"])["price"]["price"] == 100
    assert empty.call("catalog.product.get", id=product)["product"]["timestampX"] == before
    assert empty.call("catalog.price.delete", id=made["id"]) is True
    assert prices(empty, product) == []


def test_prices_of_nothing_are_refused(empty: PortalClient, product: int) -> None:
    fields = {"productId": 999_999, "catalogGroupId": 1, "price": 1, "currency": "EUR"}
    assert empty.refusal("catalog.price.add", fields=fields) == (400, 200040300010)
    assert empty.refusal("catalog.price.add", fields=fields | {"productId": product, "currency": ""}) == (400, 0)
    assert empty.refusal("catalog.price.update", id=999_999, fields={"price": 1}) == (400, 200040300010)


def test_products_are_written_the_deprecated_way(empty: PortalClient) -> None:
    number = empty.call("crm.product.add", fields={"NAME": "Old", "PRICE": "7.50", "CURRENCY_ID": "EUR", "XML_ID": "ext-2"})
    shown = empty.call("crm.product.get", id=number)
    assert [shown[name] for name in ("NAME", "PRICE", "CURRENCY_ID", "XML_ID")] == ["Old", "7.50", "EUR", "ext-2"]
    assert empty.call("crm.product.update", id=number, fields={"NAME": "New", "PRICE": 8}) is True
    shown = empty.call("crm.product.get", id=number)
    assert [shown[name] for name in ("NAME", "PRICE", "CURRENCY_ID")] == ["New", "8.00", "EUR"]
    assert empty.refusal("crm.product.update", id=999_999, fields={"NAME": "x"}) == (400, "")
    assert [row["ID"] for row in empty.call("crm.product.list", filter={"XML_ID": "ext-2"})] == [str(number)]


def test_a_task_comment_goes_by_the_order_of_its_parameters(empty: PortalClient) -> None:
    task = empty.call("tasks.task.add", fields={"TITLE": "T", "RESPONSIBLE_ID": 1})["task"]["id"]
    made = empty.post("task.commentitem.add", TASKID=task, FIELDS={"POST_MESSAGE": "done"}).json()["result"]
    assert isinstance(made, int)
    assert empty.refusal("task.commentitem.add", FIELDS={"POST_MESSAGE": "done"}, TASKID=task)[0] == 400


def test_rows_that_come_as_text_from_a_batch_keep_their_order(empty: PortalClient) -> None:
    deal = empty.call("crm.deal.add", fields={"TITLE": "D"})
    rows = [f"rows[{n}][PRODUCT_NAME]=R{n}&rows[{n}][PRICE]={n}&rows[{n}][SORT]={90 - n}" for n in range(3)]
    assert empty.call("batch", halt=0, cmd={"s": f"crm.deal.productrows.set?id={deal}&{'&'.join(rows)}"})["result"]["s"] is True
    held = empty.call("crm.deal.productrows.get", id=deal)
    assert [(row["PRODUCT_NAME"], row["PRICE"], row["SORT"]) for row in held] == [("R2", 2, 88), ("R1", 1, 89), ("R0", 0, 90)]
    again = empty.call("crm.item.productrow.set", ownerType="D", ownerId=deal, productRows=[{"id": held[1]["ID"]}])["productRows"]
    assert [(row["id"], row["productName"], row["price"]) for row in again] == [(int(held[1]["ID"]), "R1", 1)]


def test_a_batch_whose_answer_is_lost_has_been_run(empty: PortalClient) -> None:
    empty.sandbox.faults.add({"fault": "reset_after", "match": {"call": "batch"}})
    with pytest.raises(requests.ConnectionError):
        empty.post("batch", halt=0, cmd={f"c{n}": f"crm.contact.add?fields[NAME]=N{n}" for n in range(50)})
    assert empty.body("crm.contact.list", select=["ID"])["total"] == 50


def test_a_batch_goes_on_after_a_command_that_failed(empty: PortalClient) -> None:
    commands = {
        "a": "crm.contact.add?fields[NAME]=A",
        "b": "crm.company.add?fields[TITLE]=",
        "c": "crm.contact.add?fields[NAME]=C",
    }
    done = empty.call("batch", halt=0, cmd=commands)
    assert (set(done["result"]), set(done["result_error"])) == ({"a", "c"}, {"b"})
    assert set(empty.call("batch", halt=1, cmd=commands)["result"]) == {"a"}
    assert empty.body("crm.contact.list", select=["ID"])["total"] == 3


def test_an_update_without_a_change_moves_no_time_in_the_new_face(empty: PortalClient) -> None:
    number = empty.call("crm.item.add", entityTypeId=2, fields={"title": "Same", "opportunity": 10})["item"]["id"]
    first = empty.call("crm.item.get", entityTypeId=2, id=number)["item"]["updatedTime"]
    empty.sandbox.clock.advance(60)
    same = f"crm.item.update?entityTypeId=2&id={number}&fields[title]=Same&fields[opportunity]=10.00"
    empty.call("batch", halt=0, cmd={"u": same})
    assert empty.call("crm.item.get", entityTypeId=2, id=number)["item"]["updatedTime"] == first
    empty.call("batch", halt=0, cmd={"u": same.replace("Same", quote("Other + one"))})
    item = empty.call("crm.item.get", entityTypeId=2, id=number)["item"]
    assert item["updatedTime"] != first and item["title"] == "Other + one"


def test_a_classic_update_does_not_move_a_deal_and_the_new_face_does(empty: PortalClient) -> None:
    deal = empty.call("crm.deal.add", fields={"TITLE": "D"})
    empty.call("crm.deal.update", id=deal, fields={"CATEGORY_ID": 1})
    assert empty.call("crm.deal.get", id=deal)["CATEGORY_ID"] == "0"
    empty.call("crm.item.update", entityTypeId=2, id=deal, fields={"categoryId": 1, "stageId": "C1:WON"})
    row = empty.call("crm.deal.get", id=deal)
    assert [row[name] for name in ("CATEGORY_ID", "STAGE_ID", "STAGE_SEMANTIC_ID")] == ["1", "C1:WON", "S"]
