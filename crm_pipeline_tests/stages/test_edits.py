"""Edits of the app: what an operation may ask, what becomes of it, and that it is done once."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from crm_pipeline.stages.edits import OperationResult, edit
from crm_pipeline.stages.reconcile import reconcile
from crm_pipeline_tests.two_sides import TwoSides, fill


def loaded(sides: TwoSides, *names: str) -> TwoSides:
    """Have two CRMs with people, the first two of them in both; these connections are written to."""
    fill(sides.left, "left.example", 2)
    fill(sides.right, "right.example", 2)
    sides.load()
    for name in names:
        with sides.parts.engine.begin() as db:
            db.exec_driver_sql("UPDATE sync.connections SET direction = 'two_way' WHERE name = %s", (name,))
    return sides


def push(sides: TwoSides, *operations: dict[str, Any], actor: str = "anna") -> list[OperationResult]:
    """Send operations; those without an id get one."""
    return edit(sides.parts, [{"id": str(uuid4()), **one} for one in operations], actor)


def update(record: str, entity: str = "contacts", **fields: Any) -> dict[str, Any]:
    """Return an operation that changes fields."""
    return {"entity": entity, "action": "update", "record": record, "fields": fields}


def create(entity: str, record: str, **fields: Any) -> dict[str, Any]:
    """Return an operation that makes a record."""
    return {"entity": entity, "action": "create", "record": record, "fields": fields}


def golden(sides: TwoSides, record: str, entity: str = "contacts") -> dict[str, Any]:
    """Return a golden record."""
    (row,) = sides.rows(f"SELECT * FROM crm.{entity} WHERE id = %s", record)
    return row


def phones(sides: TwoSides, record: str) -> list[str]:
    """Return the phones of a golden record."""
    found = sides.rows("SELECT value FROM crm.contact_points WHERE golden_id = %s AND kind = 'phone' ORDER BY value", record)
    return [str(row["value"]) for row in found]


def test_an_edit_is_golden_at_once(sides: TwoSides) -> None:
    anna = loaded(sides).golden_id("tiny:1")
    (done,) = push(sides, update(anna, position="CTO", birthday="1990-12-31", tags=["vip"]))
    assert (done.status, done.record, done.current) == ("accepted", anna, None)
    assert done.reason and "nobody is to be written to" in done.reason
    row = golden(sides, anna)
    assert (row["position"], str(row["birthday"]), row["tags"]) == ("CTO", "1990-12-31", ["vip"])
    assert row["provenance"]["position"]["connection"] == "app"


def test_a_shorter_name_wins_since_only_the_app_changed_it(sides: TwoSides) -> None:
    anna = loaded(sides).golden_id("tiny:1")
    (done,) = push(sides, update(anna, name="Анна"))
    assert done.status == "accepted", done
    assert golden(sides, anna)["name"] == "Анна"


def test_only_what_was_edited_is_the_apps(sides: TwoSides) -> None:
    anna = loaded(sides).golden_id("tiny:1")
    push(sides, update(anna, position="CTO"))
    sides.left.put("contacts", 1, name="Анна Петровна Смирнова")
    sides.load("tiny")
    row = golden(sides, anna)
    assert (row["name"], row["position"]) == ("Анна Петровна Смирнова", "CTO")


def test_a_cleared_field_stays_cleared(sides: TwoSides) -> None:
    sides.left.put("contacts", 1, name="Анна", position="head")
    sides.load("tiny")
    anna = sides.golden_id("tiny:1")
    (done,) = push(sides, update(anna, position=None))
    assert (done.status, golden(sides, anna)["position"]) == ("accepted", None)
    push(sides, update(anna, position="chief"))
    assert golden(sides, anna)["position"] == "chief"


def test_a_change_in_the_crm_after_the_edit_is_taken(sides: TwoSides) -> None:
    anna = loaded(sides).golden_id("tiny:1")
    push(sides, update(anna, position="CTO"))
    assert push(sides, update(anna, position="CEO"))[0].status == "accepted"
    sides.left.now = sides.right.now = datetime.now(UTC) + timedelta(days=1)
    sides.left.put("contacts", 1, position="chief")
    sides.load("tiny")
    assert golden(sides, anna)["position"] == "chief"


def test_phones_are_a_whole_list(sides: TwoSides) -> None:
    anna = loaded(sides).golden_id("tiny:1")
    assert phones(sides, anna) == ["+79161234501"]
    (done,) = push(sides, update(anna, phones=["8 (900) 111-22-33"], emails=["Anna@Example.ru"]))
    assert done.status == "accepted", done
    assert phones(sides, anna) == ["+79001112233"]
    push(sides, update(anna, phones=[]))
    assert phones(sides, anna) == []


def test_a_new_record_and_what_refers_to_it(sides: TwoSides) -> None:
    loaded(sides)
    stages(sides)
    won = sides.golden_id("tiny:2", "stages")
    about_deal = {"target_entity": "deals", "target_id": "tmp:d"}
    about_person = {"target_entity": "contacts", "target_id": "tmp:p"}
    money = {"amount": 185000.5, "currency": "rub"}
    company, person, deal, task, note = done = push(
        sides,
        create("companies", "tmp:c", name="ООО Новая"),
        create("contacts", "tmp:p", first_name="Олег", last_name="Ким", company_id="tmp:c"),
        create("deals", "tmp:d", title="Кофемашина", stage_id=won, contacts=["tmp:p"], company_id="tmp:c", **money),
        create("tasks", "tmp:t", title="Позвонить", **about_deal),
        create("communications", "tmp:n", kind="note", body="<b>Привет</b>", **about_person),
    )
    assert [one.status for one in done] == ["accepted"] * 5, done
    assert golden(sides, person.record)["name"] == "Олег Ким"
    assert str(golden(sides, person.record)["company_id"]) == company.record
    row = golden(sides, deal.record, "deals")
    assert (str(row["amount"]), row["currency"], row["stage_category"], str(row["stage_id"])) == ("185000.5", "RUB", "won", won)
    assert row["closed_at"] is not None and str(row["pipeline_id"]) == sides.golden_id("tiny:1", "pipelines")
    assert [
        str(link["contact_id"]) for link in sides.rows("SELECT * FROM crm.deal_contacts WHERE deal_id = %s", deal.record)
    ] == [person.record]
    assert str(golden(sides, task.record, "tasks")["target_id"]) == deal.record
    note_row = golden(sides, note.record, "communications")
    assert (note_row["body_text"], str(note_row["target_id"])) == ("Привет", person.record)
    (later,) = push(sides, update("tmp:p", position="CTO"))
    assert (later.status, later.record) == ("accepted", person.record)
    (stranger,) = push(sides, update("tmp:p", position="CTO"), actor="boris")
    assert stranger.status == "rejected" and "tmp:p" in str(stranger.reason)
    (twice,) = push(sides, {"entity": "contacts", "action": "create", "record": "tmp:p", "fields": {"name": "Другой"}})
    assert twice.status == "rejected" and person.record in str(twice.reason)


def test_tasks_are_completed_and_reopened(sides: TwoSides) -> None:
    task = loaded(sides).golden_id("tiny:1", "tasks")
    push(sides, {"entity": "tasks", "action": "complete", "record": task, "fields": {"result": "Договорились"}})
    row = golden(sides, task, "tasks")
    assert row["is_completed"] and row["completed_at"]
    push(sides, {"entity": "tasks", "action": "reopen", "record": task})
    assert not golden(sides, task, "tasks")["is_completed"]


def stages(sides: TwoSides) -> None:
    """Have a pipeline with an open and a won stage, and one more."""
    for number, name in ((1, "Продажи"), (2, "Опт")):
        sides.left.put("pipelines", number, name=name)
    sides.left.put("stages", 1, name="Новая", pipeline_external_id="1", category="open")
    sides.left.put("stages", 2, name="Успех", pipeline_external_id="1", category="won")
    sides.left.put("stages", 3, name="Опт новая", pipeline_external_id="2", category="open")
    sides.load("tiny")


def test_sent_again_nothing_is_done_twice(sides: TwoSides) -> None:
    anna = loaded(sides).golden_id("tiny:1")
    sent = [
        {"id": "op-1", **update(anna, position="CTO", phones=["+79001112233"])},
        {"id": "op-2", "entity": "contacts", "action": "create", "record": "tmp:1", "fields": {"name": "Новый"}},
        {"id": "op-3", **update(anna, owner_id=str(uuid4()))},
        {"id": "op-1", **update(anna, position="CTO", phones=["+79001112233"])},
    ]
    first = push(sides, *sent)
    before, log = sides.golden(), sides.rows("SELECT count(*) AS n FROM source.field_changes")
    again = push(sides, *sent)
    assert [one.as_json() | {"current": None} for one in again] == [one.as_json() | {"current": None} for one in first]
    assert [one.status for one in first] == ["accepted", "accepted", "rejected", "accepted"]
    assert (sides.golden(), sides.rows("SELECT count(*) AS n FROM source.field_changes")) == (before, log)
    (other,) = push(sides, {"id": "op-1", **update(anna, position="CEO")})
    assert other.status == "rejected" and "own id" in str(other.reason)
    assert golden(sides, anna)["position"] == "CTO"


def test_an_edit_over_an_old_version_is_for_the_rule_to_decide(sides: TwoSides) -> None:
    sides.left.put("contacts", 1, name="Анна Смирнова", position="head")
    sides.load("tiny")
    anna = sides.golden_id("tiny:1")
    version = golden(sides, anna)["reconciled_at"].isoformat()
    sides.left.put("contacts", 1, name="Анна Петровна Смирнова")
    sides.load("tiny")
    stale, fresh = push(
        sides, {**update(anna, name="Анна"), "base_version": version}, {**update(anna, position="CTO"), "base_version": version}
    )
    assert (stale.status, stale.current) == ("merged", {"name": "Анна Петровна Смирнова"})
    assert "most_complete" in str(stale.reason) and "tiny" in str(stale.reason)
    assert (fresh.status, golden(sides, anna)["position"]) == ("accepted", "CTO")


def test_what_every_crm_deleted_is_gone_though_the_app_edited_it(sides: TwoSides) -> None:
    sides.left.put("contacts", 1, name="Анна")
    sides.load("tiny")
    anna = sides.golden_id("tiny:1")
    push(sides, update(anna, position="CTO"))
    sides.left.drop("contacts", 1)
    sides.load("tiny")
    assert golden(sides, anna)["deleted_at"] is not None
    (late,) = push(sides, update(anna, position="CEO"))
    assert late.status == "rejected" and "deleted" in str(late.reason)


def test_the_app_neither_parts_records_nor_joins_them(sides: TwoSides) -> None:
    loaded(sides)
    for server in (sides.left, sides.right):
        server.put("users", 7, name="Owner", email="owner@example.ru")
        server.put("products", 7, name="Чай", sku="t-1", price="5")
    sides.load()
    before = {entity: sides.groups(entity) for entity in ("contacts", "users", "products")}
    anna, petr = sides.golden_id("tiny:1"), sides.golden_id("tiny:2")
    owner, tea = sides.golden_id("tiny:7", "users"), sides.golden_id("tiny:7", "products")
    done = push(
        sides,
        update(anna, owner_id=owner, phones=["+79161234502"]),
        update(tea, "products", price="7"),
        update(petr, position="CTO"),
    )
    assert [one.status for one in done] == ["accepted"] * 3, done
    for server in (sides.left, sides.right):
        server.put("users", 7, is_admin=True)
        server.put("products", 7, is_active=True)
        server.put("contacts", 1, birthday="1990-01-01")
    sides.load()
    reconcile(sides.parts, full=True)
    crms = {entity: [[ref for ref in refs if not ref.startswith("app:")] for refs in sides.groups(entity)] for entity in before}
    assert {entity: sorted(groups) for entity, groups in crms.items()} == {
        entity: sorted(groups) for entity, groups in before.items()
    }
    assert str(golden(sides, anna)["owner_id"]) == owner
    assert golden(sides, tea, "products")["price"] == 7
