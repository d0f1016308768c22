"""A world becomes rows; people work; the admin plane answers (facts: bitrix24 11; sandbox README)."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from typing import Any

import orjson
import pytest
import requests

from crm_pipeline.sandbox.bitrix24 import BitrixSandbox
from crm_pipeline.sandbox.serving import Options
from crm_pipeline.sandbox.world import world_of

from .portal_client import PortalClient, portal

OPTIONS = Options(contacts=120, seed=3)


@pytest.fixture(scope="module")
def sandbox() -> BitrixSandbox:
    return BitrixSandbox(OPTIONS)


def rows(sandbox: BitrixSandbox, kind: str) -> list[dict[str, Any]]:
    return [orjson.loads(text) for _, text in sandbox.store.walk(kind)]


def test_everything_of_the_world_is_there(sandbox: BitrixSandbox) -> None:
    counts, held = world_of(OPTIONS).counts, sandbox.store.kinds()
    assert held["contact"] == held["contact_item"] == counts["people"]
    assert held["company"] == counts["companies"] + 1
    assert held["deal"] == held["deal_item"] == counts["deals"]
    assert held["user"] == counts["agents"] + 1
    assert (held["task"], held["product"]) == (counts["tasks"], counts["products"])
    assert held["activity"] + held["comment"] == counts["talks"]


def test_sums_per_stage_are_the_worlds(sandbox: BitrixSandbox) -> None:
    names = {"NEW": "prospecting", "PREPARATION": "engaging", "WON": "won", "LOSE": "lost"}
    held: Counter[str] = Counter()
    for row in rows(sandbox, "deal"):
        held[names[row["STAGE_ID"].rpartition(":")[2]]] += Decimal(row["OPPORTUNITY"])
    wanted: Counter[str] = Counter()
    for deal in world_of(OPTIONS).deals():
        wanted[deal.stage] += round(deal.amount or 0, 2)
    assert held == wanted
    assert {row["CATEGORY_ID"] for row in rows(sandbox, "deal")} == {"0", "1"}


def test_people_keep_their_phones_company_and_deals(sandbox: BitrixSandbox) -> None:
    people = {person.key: person for person in world_of(OPTIONS).people()}
    for row in rows(sandbox, "contact"):
        person = people[int(row["ID"])]
        assert [value["VALUE"] for value in row.get("PHONE", [])] == list(person.phones[:4])
        assert (row["COMPANY_ID"] or None) == (str(person.company + 1) if person.company else None)
    firms = {row["id"]: row["contactIds"] for row in rows(sandbox, "company_item")}
    assert sum(map(len, firms.values())) == sum(person.company is not None for person in people.values())
    deals = {deal.key: deal for deal in world_of(OPTIONS).deals()}
    assert all(row["contactIds"] == list(deals[row["id"]].people) for row in rows(sandbox, "deal_item"))


def test_ids_of_multifields_are_unique(sandbox: BitrixSandbox) -> None:
    ids = [
        v["ID"]
        for kind in ("contact", "company")
        for row in rows(sandbox, kind)
        for n in ("PHONE", "EMAIL", "WEB")
        for v in row.get(n, [])
    ]
    assert len(ids) == len(set(ids)) > 120


def test_one_company_is_the_portals_own(sandbox: BitrixSandbox) -> None:
    assert [row["ID"] for row in rows(sandbox, "company") if row["IS_MY_COMPANY"] == "Y"] == ["1"]


def test_a_days_work_is_the_same_for_the_same_seed() -> None:
    with portal(contacts=80) as one, portal(contacts=80) as two:
        assert one.sandbox.random_edits(60, 5) == two.sandbox.random_edits(60, 5) != one.sandbox.random_edits(60, 6)
        done = one.sandbox.work(200, 5)
        assert len(done) == 200
        assert one.sandbox.store.kinds() != two.sandbox.store.kinds()


def test_both_faces_agree_after_work(empty: PortalClient) -> None:
    empty.sandbox.work(300, 2)
    for number, kind in ((2, "deal"), (3, "contact"), (4, "company")):
        classic = {row["ID"]: row["DATE_MODIFY"] for row in rows(empty.sandbox, kind)}
        item = {str(row["id"]): row["updatedTime"] for row in rows(empty.sandbox, f"{kind}_item")}
        assert classic == item
        assert (
            empty.body(f"crm.{kind}.list")["total"] == empty.body("crm.item.list", entityTypeId=number)["total"] == len(classic)
        )


def test_admin_plane(empty: PortalClient) -> None:
    plane = f"{empty.sandbox.url}/_sandbox/"
    made = requests.post(
        plane + "edit",
        json=[{"kind": "contact", "create": {"NAME": "Ann"}}, {"kind": "user", "create": {"NAME": "New"}}],
        timeout=10,
    ).json()
    assert made["ids"] == [1, 3]
    assert requests.post(plane + "edit", json={"kind": "contact", "id": 1, "set": {"NAME": "Bea"}}, timeout=10).json() == {
        "ids": [1]
    }
    shown = requests.get(plane + "rows/contact", timeout=10).json()["rows"]
    assert shown == [empty.call("crm.contact.get", id=1)]
    told = requests.get(plane + "credentials", timeout=10).json()
    assert {"portal", "oauth_url", "client_id", "client_secret", "code", "webhook_url"} <= set(told)
    assert told["code"] != requests.get(plane + "credentials", timeout=10).json()["code"]
    assert requests.post(plane + "edit", json={"kind": "contact", "id": 99, "set": {}}, timeout=10).status_code == 400
    assert requests.post(plane + "switches", json={"rotation": "lenient"}, timeout=10).json()["rotation"] == "lenient"
    assert requests.post(plane + "switches", json={"rotation": "never"}, timeout=10).status_code == 400


def test_edits_of_every_kind(empty: PortalClient) -> None:
    edit = empty.sandbox.apply_edit
    deal = edit({"kind": "deal", "create": {"TITLE": "X"}})
    edit({"kind": "deal", "id": deal, "set": {"CATEGORY_ID": 1, "STAGE_ID": "C1:WON", "TITLE": "Y"}})
    row = empty.call("crm.deal.get", id=deal)
    assert (row["CATEGORY_ID"], row["STAGE_ID"], row["TITLE"]) == ("1", "C1:WON", "Y")
    edit({"kind": "deal", "id": deal, "user": 2, "set": {"TITLE": "Z"}})
    assert empty.call("crm.deal.get", id=deal)["MODIFY_BY_ID"] == "2"
    edit({"kind": "productrows", "id": deal, "set": {"rows": [{"PRODUCT_NAME": "Nut", "PRICE": 3}]}})
    assert empty.call("crm.deal.get", id=deal)["OPPORTUNITY"] == "3.00"
    task = edit({"kind": "task", "create": {"TITLE": "T", "RESPONSIBLE_ID": 1}})
    edit({"kind": "task", "id": task, "set": {"STATUS": 5}})
    assert empty.call("tasks.task.get", taskId=task)["task"]["status"] == "5"
    comment = edit({"kind": "comment", "create": {"ENTITY_TYPE": "deal", "ENTITY_ID": deal, "COMMENT": "c"}})
    edit({"kind": "comment", "id": comment, "delete": True})
    assert empty.call("crm.timeline.comment.list", filter={"ENTITY_TYPE": "deal", "ENTITY_ID": deal}) == []
    user = edit({"kind": "user", "create": {"NAME": "New", "LAST_NAME": "One"}})
    edit({"kind": "user", "id": user, "delete": True})
    assert empty.call("user.get", ID=user)[0]["ACTIVE"] is False
    with pytest.raises(ValueError, match="no kind"):
        edit({"kind": "dog", "create": {}})
