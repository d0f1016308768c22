"""Writing contacts, companies and deals through both APIs (facts: bitrix24 4.4–4.8, 5, 6)."""

from __future__ import annotations

from typing import Any

import pytest

from .portal_client import PortalClient, portal

NOW = 1_790_000_000


@pytest.fixture
def client(empty: PortalClient) -> PortalClient:
    empty.sandbox.clock.freeze(NOW + 0.7)
    return empty


def item(client: PortalClient, kind: int, number: int) -> dict[str, Any]:
    return client.call("crm.item.get", entityTypeId=kind, id=number)["item"]


def test_return_values_of_the_two_apis(client: PortalClient) -> None:
    number = client.call("crm.contact.add", fields={"NAME": "Ann"})
    assert isinstance(number, int)
    assert client.call("crm.contact.update", id=number, fields={"LAST_NAME": "Test"}) is True
    assert client.call("crm.contact.delete", ID=number) is True
    made = client.call("crm.item.add", entityTypeId=3, fields={"name": "Bob"})["item"]
    assert (made["name"], made["createdBy"], made["entityTypeId"]) == ("Bob", 1, 3)
    assert (
        client.call("crm.item.update", entityTypeId=3, id=made["id"], fields={"lastName": "Test"})["item"]["lastName"] == "Test"
    )
    assert client.call("crm.item.delete", entityTypeId=3, id=made["id"]) == []


def test_times_are_whole_seconds_of_the_portals_clock(client: PortalClient) -> None:
    number = client.call("crm.contact.add", fields={"NAME": "Ann"})
    row = client.call("crm.contact.get", id=number)
    assert row["DATE_CREATE"] == row["DATE_MODIFY"] == "2026-09-21T17:13:20+03:00"
    client.sandbox.clock.advance(5)
    client.call("crm.contact.update", id=number, fields={"NAME": "Ann"})
    assert client.call("crm.contact.get", id=number)["DATE_MODIFY"] == "2026-09-21T17:13:25+03:00"


def test_item_update_without_a_real_change_saves_nothing(client: PortalClient) -> None:
    made = client.call("crm.item.add", entityTypeId=2, fields={"title": "Order", "opportunity": 1250})["item"]
    client.sandbox.clock.advance(5)
    again = client.call("crm.item.update", entityTypeId=2, id=made["id"], fields={"title": "Order", "opportunity": "1250.00"})[
        "item"
    ]
    assert again["updatedTime"] == made["updatedTime"]
    changed = client.call("crm.item.update", entityTypeId=2, id=made["id"], fields={"opportunity": 99.5})["item"]
    assert (changed["opportunity"], changed["updatedTime"] > made["updatedTime"]) == (99.5, True)


def test_values_in_both_faces(client: PortalClient) -> None:
    fields = {
        "TITLE": "Order 17",
        "OPPORTUNITY": 1250,
        "UF_CRM_1790000000022": "222",
        "UF_CRM_1790000000023": ["231", "233", "9"],
    }
    fields |= {
        "UF_CRM_1790000000024": "2026-05-04",
        "UF_CRM_1790000000025": True,
        "UF_CRM_1790000000026": "1.5",
        "UF_CRM_1790000000027": "9|USD",
    }
    number = client.call("crm.deal.add", fields=fields | {"NO_SUCH": 1, "ORIGINATOR_ID": "pipeline", "ORIGIN_ID": "ext-1"})
    row, face = client.call("crm.deal.get", id=number), item(client, 2, number)
    assert (row["ID"], row["OPPORTUNITY"], row["CATEGORY_ID"]) == (str(number), "1250.00", "0")
    assert (face["id"], face["opportunity"], face["categoryId"]) == (number, 1250, 0)
    assert (row["UF_CRM_1790000000023"], face["ufCrm_1790000000023"]) == (["231", "233"], [231, 233])
    assert row["UF_CRM_1790000000024"] == face["ufCrm_1790000000024"] == "2026-05-04T03:00:00+03:00"
    assert (row["UF_CRM_1790000000025"], face["ufCrm_1790000000025"]) == ("1", "Y")
    assert (row["UF_CRM_1790000000026"], face["ufCrm_1790000000026"]) == ("1.5", 1.5)
    assert row["UF_CRM_1790000000027"] == face["ufCrm_1790000000027"] == "9|USD"
    found = client.body(
        "crm.item.list", entityTypeId=2, filter={"=originatorId": "pipeline", "=originId": "ext-1"}, select=["id"]
    )
    assert found["result"]["items"] == [{"id": number}]
    assert client.body("crm.deal.list", filter={"@ORIGIN_ID": ["ext-1", "ext-2"]})["total"] == 1


def test_defaults_of_a_deal(client: PortalClient) -> None:
    number = client.call("crm.deal.add", fields={})
    row = client.call("crm.deal.get", id=number)
    assert (row["TITLE"], row["STAGE_ID"], row["OPENED"], row["IS_NEW"]) == (f"Deal #{number}", "NEW", "Y", "Y")
    assert row["CLOSEDATE"][:10] == "2026-09-28"


def test_import_sets_times(client: PortalClient) -> None:
    given = {"NAME": "Old", "DATE_CREATE": "2020-01-01T10:00:00+03:00", "DATE_MODIFY": "2021-01-01T10:00:00+03:00"}
    number = client.call("crm.contact.add", fields=given, params={"IMPORT": "Y"})
    row = client.call("crm.contact.get", id=number)
    assert (row["DATE_CREATE"], row["DATE_MODIFY"]) == (given["DATE_CREATE"], given["DATE_MODIFY"])
    plain = client.call("crm.contact.get", id=client.call("crm.contact.add", fields=given))
    assert plain["DATE_CREATE"].startswith("2026-09-21")


def test_import_of_items(client: PortalClient) -> None:
    data = [{"title": "Old", "createdTime": "2020-01-01T10:00:00+03:00"}, {"title": "Bad", "opportunity": "much"}]
    answer = client.call("crm.item.batchImport", entityTypeId=2, data=data)["items"]
    assert answer[1]["error"] == "CRM_FIELD_ERROR_VALUE_NOT_VALID"
    assert item(client, 2, answer[0]["item"]["id"])["createdTime"] == "2020-01-01T10:00:00+03:00"
    assert client.refusal("crm.item.batchImport", entityTypeId=2, data=[{}] * 21) == (400, "MAX_IMPORT_BATCH_SIZE_EXCEEDED")
    assert set(client.call("crm.item.import", entityTypeId=3, fields={"name": "Ann"})["item"]) == {"id"}


REFUSALS = [
    ("crm.contact.get", {"id": 404}, (400, "")),
    ("crm.contact.get", {}, (400, "")),
    ("crm.contact.update", {"id": 404, "fields": {}}, (400, "")),
    ("crm.contact.add", {"fields": "text"}, (400, "")),
    ("crm.deal.delete", {"id": 404}, (400, "")),
    ("crm.company.add", {"fields": {}}, (400, "ERROR_CORE")),
    ("crm.contact.add", {"fields": {"EMAIL": [{"VALUE": "no address"}]}}, (400, "ERROR_CORE")),
    ("crm.contact.add", {"fields": {"BIRTHDATE": "yesterday"}}, (400, "ERROR_CORE")),
    ("crm.item.get", {"entityTypeId": 2, "id": 404}, (400, "NOT_FOUND")),
    ("crm.item.get", {"id": 404}, (400, "100")),
    ("crm.item.list", {}, (400, "100")),
    ("crm.item.list", {"entityTypeId": 31}, (400, "ENTITY_TYPE_NOT_SUPPORTED")),
    ("crm.item.add", {"entityTypeId": 2}, (400, "100")),
    ("crm.item.add", {"entityTypeId": 4, "fields": {"industry": "IT"}}, (400, "CRM_FIELD_ERROR_REQUIRED")),
    ("crm.item.add", {"entityTypeId": 2, "fields": {"opportunity": "much"}}, (400, "CRM_FIELD_ERROR_VALUE_NOT_VALID")),
]


@pytest.mark.parametrize(("method", "params", "said"), REFUSALS)
def test_refusals(client: PortalClient, method: str, params: dict[str, Any], said: tuple[int, str]) -> None:
    assert client.refusal(method, **params) == said


def test_stages_write_history_and_close(client: PortalClient) -> None:
    number = client.call("crm.deal.add", fields={"TITLE": "X"})
    client.sandbox.clock.advance(60)
    client.call("crm.deal.update", id=number, fields={"STAGE_ID": "EXECUTING"})
    client.call("crm.item.update", entityTypeId=2, id=number, fields={"stageId": "WON"})
    row = client.call("crm.deal.get", id=number)
    assert (row["CLOSED"], row["STAGE_SEMANTIC_ID"], row["MOVED_TIME"]) == ("Y", "S", "2026-09-21T17:14:20+03:00")
    rows = client.call("crm.stagehistory.list", entityTypeId=2, filter={"OWNER_ID": number}, order={"ID": "ASC"})["items"]
    assert [(one["TYPE_ID"], one["STAGE_ID"]) for one in rows] == [(1, "NEW"), (2, "EXECUTING"), (3, "WON")]
    assert client.refusal("crm.deal.update", id=number, fields={"STAGE_ID": "NO"}) == (400, "ERROR_CORE")
    assert (
        client.refusal("crm.item.update", entityTypeId=2, id=number, fields={"stageId": "NO"})[1]
        == "CRM_FIELD_ERROR_VALUE_NOT_VALID"
    )


def test_only_items_move_between_pipelines(client: PortalClient) -> None:
    number = client.call("crm.deal.add", fields={"TITLE": "X"})
    client.call("crm.deal.update", id=number, fields={"CATEGORY_ID": 1})
    assert client.call("crm.deal.get", id=number)["CATEGORY_ID"] == "0"
    moved = client.call("crm.item.update", entityTypeId=2, id=number, fields={"categoryId": 1, "stageId": "C1:EXECUTING"})["item"]
    assert (moved["categoryId"], moved["stageId"]) == (1, "C1:EXECUTING")
    rows = client.call("crm.stagehistory.list", entityTypeId=2, filter={"OWNER_ID": number}, order={"ID": "ASC"})["items"]
    assert [row["TYPE_ID"] for row in rows] == [1, 5]


def test_links_of_a_deal(client: PortalClient) -> None:
    people = [client.call("crm.contact.add", fields={"NAME": name}) for name in ("Ann", "Bob", "Cid")]
    deal = client.call("crm.deal.add", fields={"TITLE": "X", "CONTACT_IDS": people[:2]})
    before = client.call("crm.deal.get", id=deal)
    assert (before["CONTACT_ID"], "CONTACT_IDS" in before) == (str(people[0]), False)
    assert item(client, 2, deal)["contactIds"] == people[:2]
    client.sandbox.clock.advance(5)
    assert client.call("crm.deal.contact.add", id=deal, fields={"CONTACT_ID": people[2], "IS_PRIMARY": "Y"}) is True
    assert client.call("crm.deal.contact.add", id=deal, fields={"CONTACT_ID": people[2], "IS_PRIMARY": "Y"}) is False
    links = client.call("crm.deal.contact.items.get", id=deal)
    assert links[0] == {"CONTACT_ID": people[2], "SORT": 10, "ROLE_ID": 0, "IS_PRIMARY": "Y"}
    assert [link["CONTACT_ID"] for link in links] == [people[2], people[0], people[1]]
    client.call(
        "crm.deal.contact.items.set",
        id=deal,
        items=[{"CONTACT_ID": people[1], "SORT": 20}, {"CONTACT_ID": people[0], "SORT": 10}],
    )
    assert item(client, 2, deal)["contactIds"] == people[:2]
    assert client.call("crm.deal.contact.delete", id=deal, fields={"CONTACT_ID": people[0]}) is True
    after = client.call("crm.deal.get", id=deal)
    assert (after["CONTACT_ID"], after["DATE_MODIFY"]) == (str(people[1]), before["DATE_MODIFY"])
    client.call("crm.deal.contact.items.delete", id=deal)
    assert client.call("crm.deal.contact.items.get", id=deal) == []
    assert client.post("crm.deal.contact.items.get", id=0).json()["error_description"].startswith("The parameter ownerEntityID")


def test_contact_and_company_mirror_their_link(client: PortalClient) -> None:
    firms = [client.call("crm.company.add", fields={"TITLE": name}) for name in ("One", "Two")]
    person = client.call("crm.contact.add", fields={"NAME": "Ann", "COMPANY_ID": firms[0]})
    assert item(client, 4, firms[0])["contactIds"] == [person]
    client.call("crm.contact.company.items.set", id=person, items=[{"COMPANY_ID": firms[1]}])
    assert item(client, 4, firms[0])["contactIds"] == []
    assert client.call("crm.company.contact.items.get", id=firms[1])[0]["CONTACT_ID"] == person
    assert client.call("crm.contact.get", id=person)["COMPANY_ID"] == str(firms[1])
    client.call("crm.company.delete", id=firms[1])
    assert (item(client, 3, person)["companyId"], item(client, 3, person)["companyIds"]) == (0, [])


def test_quiet_changes_by_the_switch(client: PortalClient) -> None:
    client.switch(quiet_changes_move_time=True)
    person = client.call("crm.contact.add", fields={"NAME": "Ann"})
    deal = client.call("crm.deal.add", fields={"TITLE": "X"})
    client.sandbox.clock.advance(5)
    client.call("crm.deal.contact.items.set", id=deal, items=[{"CONTACT_ID": person}])
    assert client.call("crm.deal.get", id=deal)["DATE_MODIFY"].endswith("17:13:25+03:00")


def test_recycle_bin_hides_restores_and_purges(client: PortalClient) -> None:
    deal = client.call("crm.deal.add", fields={"TITLE": "X"})
    client.call("crm.timeline.comment.add", fields={"ENTITY_TYPE": "deal", "ENTITY_ID": deal, "COMMENT": "text"})
    client.call("crm.deal.delete", id=deal)
    assert client.refusal("crm.deal.get", id=deal) == (400, "")
    assert client.refusal("crm.item.get", entityTypeId=2, id=deal) == (400, "NOT_FOUND")
    assert client.body("crm.deal.list")["total"] == 0
    restored = client.sandbox.apply_edit({"kind": "deal", "id": deal, "restore": True})
    assert restored != deal
    assert client.call("crm.deal.get", id=restored)["TITLE"] == "X"
    assert client.call("crm.timeline.comment.list", filter={"ENTITY_TYPE": "deal", "ENTITY_ID": restored})[0]["COMMENT"] == "text"
    client.switch(restore_gives_new_id=False)
    client.call("crm.deal.delete", id=restored)
    assert client.sandbox.apply_edit({"kind": "deal", "id": restored, "restore": True}) == restored
    client.sandbox.apply_edit({"kind": "deal", "id": restored, "purge": True})
    with pytest.raises(ValueError, match="recycle bin"):
        client.sandbox.apply_edit({"kind": "deal", "id": restored, "restore": True})


def test_merge_moves_links_and_values(client: PortalClient) -> None:
    winner = client.call("crm.contact.add", fields={"NAME": "Ann", "PHONE": [{"VALUE": "+1", "VALUE_TYPE": "WORK"}]})
    loser = client.call("crm.contact.add", fields={"LAST_NAME": "Test", "PHONE": [{"VALUE": "+1"}, {"VALUE": "+2"}]})
    deal = client.call("crm.deal.add", fields={"TITLE": "X", "CONTACT_IDS": [loser]})
    client.sandbox.apply_edit({"kind": "contact", "merge": [winner, loser]})
    row = client.call("crm.contact.get", id=winner)
    assert ([value["VALUE"] for value in row["PHONE"]], row["LAST_NAME"]) == (["+1", "+2"], "Test")
    assert item(client, 2, deal)["contactIds"] == [winner]
    assert client.refusal("crm.contact.get", id=loser) == (400, "")


def test_ids_of_deleted_rows_are_not_given_again() -> None:
    with portal(contacts=5) as client:
        client.call("crm.contact.delete", id=5)
        assert client.call("crm.contact.add", fields={"NAME": "Ann"}) == 6


def test_duplicates_by_phone_and_mail(client: PortalClient) -> None:
    people = [client.call("crm.contact.add", fields={"NAME": "Ann", "PHONE": [{"VALUE": "+15550100"}]}) for _ in range(21)]
    firm = client.call(
        "crm.company.add", fields={"TITLE": "One", "PHONE": [{"VALUE": "+15550100"}], "EMAIL": [{"VALUE": "a@b.test"}]}
    )
    assert client.call("crm.duplicate.findbycomm", type="EMAIL", values=["A@b.test"]) == {"COMPANY": [firm]}
    assert client.call("crm.duplicate.findbycomm", type="PHONE", values=["+15550100"]) == {"CONTACT": people[:20]}
    assert client.call("crm.duplicate.findbycomm", type="PHONE", values=["+15550100"], entity_type="COMPANY") == {
        "COMPANY": [firm]
    }
    assert client.call("crm.duplicate.findbycomm", type="PHONE", values=["+7"]) == []
    client.call("crm.company.update", id=firm, fields={"PHONE": [{"VALUE": "+7 (495) 000-11-22"}]})
    assert client.call("crm.duplicate.findbycomm", type="PHONE", values=["74950001122"]) == {"COMPANY": [firm]}
    client.call("crm.company.delete", id=firm)
    assert client.call("crm.duplicate.findbycomm", type="PHONE", values=["74950001122"]) == []
    assert client.refusal("crm.duplicate.findbycomm", type="FAX", values=["+7"])[0] == 400
