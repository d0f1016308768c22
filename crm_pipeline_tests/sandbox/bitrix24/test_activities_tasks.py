"""Tasks, activities, comments, product rows and the catalog (facts: bitrix24 4.9, 4.12–4.15)."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from .portal_client import PortalClient

NOW = 1_790_000_000


@pytest.fixture
def deal(empty: PortalClient) -> int:
    empty.sandbox.clock.freeze(NOW)
    return empty.call("crm.deal.add", fields={"TITLE": "X"})


def modified(client: PortalClient, number: int) -> str:
    return client.call("crm.deal.get", id=number)["DATE_MODIFY"]


# tasks


def test_task_list_speaks_upper_case_in_and_camel_case_out(filled: PortalClient) -> None:
    answer = filled.body(
        "tasks.task.list",
        filter={"<=ID": 60, "REAL_STATUS": [2, 5]},
        order={"ID": "ASC"},
        select=["ID", "TITLE", "STATUS", "UF_CRM_TASK"],
    )
    rows = answer["result"]["tasks"]
    assert (answer["total"], answer["next"], len(rows)) == (60, 50, 50)
    assert set(rows[0]) == {"id", "title", "status", "subStatus", "ufCrmTask", "group", "creator", "responsible"}
    assert all(isinstance(row["id"], str) and row["ufCrmTask"][0].split("_")[0] in ("C", "CO", "D") for row in rows)
    plain = filled.call("tasks.task.list")["tasks"][0]
    assert not {"ufCrmTask", "tags"} & set(plain) and plain["id"] == "230"
    assert plain["auditorsData"] == [] and set(filled.call("tasks.task.list", select=["ID", "TAGS"])["tasks"][0]["tags"])
    assert filled.body("tasks.task.list", filter={"UF_CRM_TASK": rows[0]["ufCrmTask"][0]})["total"] >= 1


def test_tasks_changed_since(filled: PortalClient) -> None:
    rows = [orjson.loads(text) for _, text in filled.sandbox.store.walk("task")]
    since = sorted(row["changedDate"] for row in rows)[100]
    wanted = [row["id"] for row in rows if row["changedDate"] >= since][:50]
    found = filled.call(
        "tasks.task.list", filter={">=CHANGED_DATE": since, ">ID": 0}, order={"ID": "ASC"}, select=["ID"], start=-1
    )
    assert [row["id"] for row in found["tasks"]] == wanted


def test_task_life(empty: PortalClient, deal: int) -> None:
    made = empty.call(
        "tasks.task.add",
        fields={"TITLE": "Call", "RESPONSIBLE_ID": 1, "DEADLINE": "2026-09-22T10:00:00+03:00", "UF_CRM_TASK": [f"D_{deal}"]},
    )
    number = made["task"]["id"]
    assert (made["task"]["ufCrmTask"], "action" in made["task"]) == ([f"D_{deal}"], True)
    empty.sandbox.clock.advance(10)
    done = empty.call("tasks.task.complete", taskId=number)["task"]
    assert (done["status"], done["closedDate"]) == ("5", "2026-09-21T17:13:30+03:00")
    assert empty.call("tasks.task.renew", taskId=number)["task"]["closedDate"] is None
    changed = empty.call("tasks.task.update", taskId=number, fields={"TITLE": "Call back", "TAGS": ["vip"]})["task"]
    assert (changed["title"], changed["tags"], changed["changedDate"]) == (
        "Call back",
        {"1": {"id": 1, "title": "vip"}},
        "2026-09-21T17:13:30+03:00",
    )
    empty.sandbox.clock.advance(86_400)
    assert empty.call("tasks.task.get", taskId=number)["task"]["subStatus"] == "-1"
    assert empty.body("tasks.task.list", filter={"STATUS": -1})["total"] == 1
    assert empty.call("tasks.task.delete", taskId=number) == {"task": True}
    assert empty.call("tasks.task.get", taskId=number) == []


def test_task_refusals(empty: PortalClient) -> None:
    assert empty.refusal("tasks.task.get") == (400, "100")
    assert empty.refusal("tasks.task.get", TASKID=1) == (400, "100")
    assert empty.refusal("tasks.task.add", fields={"TITLE": "X"}) == (400, "ERROR_CORE")
    assert empty.refusal("tasks.task.update", taskId=404, fields={})[0] == 400


# activities and comments


def test_activity_list_shows_communications_only_when_named(filled: PortalClient) -> None:
    call = {"TYPE_ID": 2}
    plain = filled.call("crm.activity.list", filter=call)
    assert plain and not {"COMMUNICATIONS", "FILES", "BINDINGS"} & set(plain[0])
    times = [row["START_TIME"] for row in plain]
    assert times == sorted(times)
    full = filled.call("crm.activity.list", filter=call, select=["*", "COMMUNICATIONS"])
    assert any(row["COMMUNICATIONS"] for row in full)
    one = full[0]
    bound = {"BINDINGS": [{"OWNER_TYPE_ID": one["OWNER_TYPE_ID"], "OWNER_ID": one["OWNER_ID"]}]}
    by_owner = filled.body("crm.activity.list", filter={"OWNER_TYPE_ID": one["OWNER_TYPE_ID"], "OWNER_ID": one["OWNER_ID"]})
    assert filled.body("crm.activity.list", filter=bound)["total"] == by_owner["total"] >= 1
    mail = filled.call("crm.activity.list", filter={"TYPE_ID": 4})[0]
    assert (mail["DESCRIPTION_TYPE"], mail["DESCRIPTION"][:3]) == ("3", "<p>")


def test_activity_moves_only_the_activity_time_of_its_owner(empty: PortalClient, deal: int) -> None:
    empty.sandbox.clock.advance(30)
    given: dict[str, Any] = {
        "OWNER_TYPE_ID": 2,
        "OWNER_ID": deal,
        "TYPE_ID": 2,
        "SUBJECT": "Call",
        "RESPONSIBLE_ID": 1,
        "COMPLETED": "Y",
    }
    given["COMMUNICATIONS"] = [{"VALUE": "+1", "ENTITY_ID": deal, "ENTITY_TYPE_ID": 2}]
    number = empty.call("crm.activity.add", fields=given)
    row = empty.call("crm.deal.get", id=deal)
    assert (row["DATE_MODIFY"], row["LAST_ACTIVITY_TIME"]) == ("2026-09-21T17:13:20+03:00", "2026-09-21T17:13:50+03:00")
    empty.sandbox.clock.advance(10)
    empty.call("crm.activity.update", id=number, fields={"SUBJECT": "Long call"})
    changed = empty.call("crm.activity.get", id=number)
    assert (changed["SUBJECT"], changed["STATUS"], changed["LAST_UPDATED"]) == ("Long call", "2", "2026-09-21T17:14:00+03:00")
    assert empty.body("crm.activity.list", filter={">=LAST_UPDATED": "2026-09-21T17:14:00+03:00"})["total"] == 1
    assert empty.call("crm.activity.delete", id=number) is True
    assert empty.refusal("crm.activity.get", id=number) == (400, "")
    assert empty.refusal("crm.activity.add", fields={"SUBJECT": "X"}) == (400, "ERROR_CORE")


def test_todo(empty: PortalClient, deal: int) -> None:
    made = empty.call("crm.activity.todo.add", ownerTypeId=2, ownerId=deal, deadline="2026-10-01T10:00:00+03:00", title="Ring")
    assert empty.call("crm.activity.get", id=made["id"])["PROVIDER_ID"] == "CRM_TODO"
    assert empty.refusal("crm.activity.todo.add", ownerTypeId=2, ownerId=404, deadline="2026-10-01") == (400, "OWNER_NOT_FOUND")
    assert empty.refusal("crm.activity.todo.add", ownerTypeId=2, ownerId=deal, deadline="soon") == (400, "WRONG_DATETIME_FORMAT")
    assert empty.refusal("crm.activity.todo.add", ownerTypeId=2) == (400, "100")


def test_comments_are_listed_per_owner_and_move_no_time(empty: PortalClient, deal: int) -> None:
    empty.sandbox.clock.advance(30)
    number = empty.call("crm.timeline.comment.add", fields={"ENTITY_TYPE": "deal", "ENTITY_ID": deal, "COMMENT": "[B]x[/B]"})
    assert modified(empty, deal) == "2026-09-21T17:13:20+03:00"
    owner = {"ENTITY_TYPE": "deal", "ENTITY_ID": deal}
    shown = empty.call("crm.timeline.comment.list", filter=owner)
    assert shown == [
        {
            "ID": str(number),
            "ENTITY_ID": str(deal),
            "ENTITY_TYPE": "deal",
            "CREATED": "2026-09-21T17:13:50+03:00",
            "COMMENT": "[B]x[/B]",
            "AUTHOR_ID": "1",
            "FILES": {},
        }
    ]
    empty.call("crm.timeline.comment.update", id=number, fields={"COMMENT": "y"})
    assert empty.call("crm.timeline.comment.get", id=number)["COMMENT"] == "y"
    assert empty.refusal("crm.timeline.comment.list", filter={"ENTITY_TYPE": "deal"}) == (400, "")
    assert empty.refusal("crm.timeline.comment.add", FIELDS=owner | {"COMMENT": "x"}) == (400, "")
    empty.call("crm.timeline.comment.delete", id=number)
    assert empty.call("crm.timeline.comment.list", filter=owner) == []


def test_log_messages_come_ten_a_page(empty: PortalClient, deal: int) -> None:
    owner = {"entityTypeId": 2, "entityId": deal}
    for n in range(12):
        empty.call("crm.timeline.logmessage.add", fields=owner | {"title": f"M{n}", "text": "t", "iconCode": "info"})
    first = empty.body("crm.timeline.logmessage.list", **owner)
    rest = empty.body("crm.timeline.logmessage.list", **owner, start=first["next"])
    assert (first["total"], first["next"], len(first["result"]["logMessages"]), "next" in rest) == (12, 10, 10, False)
    assert [row["title"] for row in rest["result"]["logMessages"]] == ["M10", "M11"]
    assert empty.call("crm.timeline.logmessage.delete", id=1) is None
    assert empty.refusal("crm.timeline.logmessage.get", id=1) == (400, "NOT_FOUND")


# product rows and catalog


def test_product_rows_settle_the_sum_unless_kept_by_hand(empty: PortalClient, deal: int) -> None:
    rows = [{"PRODUCT_NAME": "Widget", "PRICE": 100, "QUANTITY": 2}, {"PRODUCT_NAME": "Nut", "PRICE": 0.5, "QUANTITY": 3}]
    empty.sandbox.clock.advance(30)
    assert empty.call("crm.deal.productrows.set", id=deal, rows=rows) is True
    assert (empty.call("crm.deal.get", id=deal)["OPPORTUNITY"], modified(empty, deal)) == ("201.50", "2026-09-21T17:13:50+03:00")
    empty.sandbox.clock.advance(30)
    kept = empty.call("crm.deal.productrows.get", id=deal)
    assert (kept[0]["ID"].isdigit(), kept[0]["OWNER_TYPE"], kept[0]["PRICE"], kept[0]["PRICE_ACCOUNT"]) == (
        True,
        "D",
        100,
        "100.00",
    )
    empty.call("crm.deal.productrows.set", id=deal, rows=list(reversed(rows)))
    assert modified(empty, deal) == "2026-09-21T17:13:50+03:00"
    assert [row["PRODUCT_NAME"] for row in empty.call("crm.deal.productrows.get", id=deal)] == ["Nut", "Widget"]
    empty.call("crm.deal.update", id=deal, fields={"IS_MANUAL_OPPORTUNITY": "Y", "OPPORTUNITY": 7})
    empty.call("crm.deal.productrows.set", id=deal, rows=[])
    assert empty.call("crm.deal.get", id=deal)["OPPORTUNITY"] == "7.00"
    assert empty.refusal("crm.deal.productrows.set", id=deal, rows=[{"PRICE": 1, "DISCOUNT_TYPE_ID": 2}]) == (400, "ERROR_CORE")


def test_product_rows_of_items(empty: PortalClient, deal: int) -> None:
    made = empty.call(
        "crm.item.productrow.add", fields={"ownerType": "D", "ownerId": deal, "productName": "Widget", "price": 10, "quantity": 2}
    )["productRow"]
    both = {"=ownerType": "D", "=ownerId": deal}
    listed = empty.body("crm.item.productrow.list", filter=both)
    assert (listed["total"], listed["result"]["productRows"]) == (1, [made])
    changed = empty.call("crm.item.productrow.update", id=made["id"], fields={"quantity": 3})["productRow"]
    assert (changed["quantity"], empty.call("crm.deal.get", id=deal)["OPPORTUNITY"]) == (3, "30.00")
    replaced = empty.call(
        "crm.item.productrow.set", ownerType="D", ownerId=deal, productRows=[{"productName": "Nut", "price": 4}]
    )
    assert [row["productName"] for row in replaced["productRows"]] == ["Nut"]
    assert empty.call("crm.item.productrow.delete", id=replaced["productRows"][0]["id"]) is None
    assert empty.body("crm.item.productrow.list", filter=both)["total"] == 0
    assert empty.refusal("crm.item.productrow.list", filter={"=ownerId": deal}) == (400, "INVALID_ARG_VALUE")
    assert empty.refusal("crm.item.productrow.add", fields={"ownerType": "D", "ownerId": 404}) == (400, "OWNER_NOT_FOUND")
    assert empty.refusal("crm.item.productrow.update", id=404, fields={"price": 1}) == (400, "NOT_FOUND")


def test_catalog(filled: PortalClient) -> None:
    block = filled.call("catalog.catalog.list")["catalogs"][0]["iblockId"]
    answer = filled.body("catalog.product.list", select=["id", "iblockId", "name"], filter={"iblockId": block})
    goods = answer["result"]["products"]
    assert (answer["total"], set(goods[0])) == (len(goods), {"id", "iblockId", "name"})
    price = filled.call("catalog.price.list", filter={"productId": goods[0]["id"]})["prices"][0]
    classic = filled.call("crm.product.get", id=goods[0]["id"])
    assert (price["productId"], classic["PRICE"], classic["NAME"]) == (goods[0]["id"], f"{price['price']:.2f}", goods[0]["name"])
    assert filled.call("catalog.product.get", id=goods[0]["id"])["product"]["iblockId"] == block
    assert filled.refusal("catalog.product.list", select=["name"], filter={"iblockId": block}) == (400, 0)
    assert filled.refusal("catalog.product.list", select=["id", "iblockId"]) == (400, 0)
    assert filled.refusal("catalog.product.get", id=99999) == (400, 200040300010)


def test_catalog_writes(empty: PortalClient) -> None:
    made = empty.call("catalog.product.add", fields={"name": "Widget", "iblockId": 23})["element"]
    assert empty.call("catalog.product.update", id=made["id"], fields={"name": "Gadget"})["element"]["name"] == "Gadget"
    empty.sandbox.apply_edit({"kind": "product", "id": made["id"], "set": {"price": 12.5}})
    assert empty.call("crm.product.list")[0]["PRICE"] == "12.50"
    assert empty.call("catalog.product.delete", id=made["id"]) is True
    assert empty.call("catalog.price.list", filter={"productId": made["id"]})["prices"] == []
