"""Edits over real HTTP: done once, seen at once, followed by receipts; nobody learns of what is not theirs."""

import secrets
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from uuid import uuid4

import httpx
import pytest

from crm_pipeline.database import receipts
from crm_pipeline.stages.drain import drain
from crm_pipeline_tests.api.conftest import Api, running
from crm_pipeline_tests.two_sides import TwoSides, fill

Values = dict[str, Any]
OUTGOING = "/api/sync/outgoing"


@pytest.fixture
def desk(sides: TwoSides) -> Iterator[Api]:
    """Yield a running API over two CRMs with people, both of them written to."""
    fill(sides.left, "left.example", 2)
    fill(sides.right, "right.example", 2)
    sides.load()
    with sides.parts.engine.begin() as db:
        db.exec_driver_sql("UPDATE sync.connections SET direction = 'two_way' WHERE crm = 'tinycrm'")
    settings = sides.parts.settings.model_copy(update={"jwt_secret": secrets.token_urlsafe(48)})
    with running(replace(sides.parts, settings=settings)) as found:
        yield found


def send(client: httpx.Client, *operations: Values) -> list[Values]:
    """Upload operations; those without an id get one."""
    answer = client.post(OUTGOING, json={"operations": [{"id": str(uuid4()), **one} for one in operations]})
    assert answer.status_code == 200, answer.text
    return answer.json()["results"]


def update(record: str, entity: str = "contacts", **fields: Any) -> Values:
    return {"entity": entity, "action": "update", "record": record, "fields": fields}


def receipt(client: httpx.Client, operation: str) -> Values:
    answer = client.get(f"{OUTGOING}/{operation}")
    assert answer.status_code == 200, answer.text
    return answer.json()


def version(api: Api, actor: str) -> dict[str, int]:
    with api.parts.engine.connect() as db:
        return {one.id: int(one.version) for one in receipts.changed(db, actor, "0", "", str(2**62), 100)}


def test_a_receipt_follows_the_change_and_moves_in_the_delta(desk: Api, sides: TwoSides) -> None:
    agent, anna = desk.login("agent"), sides.golden_id("tiny:1")
    operation = {"id": "op-1", **update(anna, position="CTO")}
    (done,) = send(agent, operation)
    assert (done["status"], done["record"], len(done["changes"])) == ("accepted", anna, 2)
    assert desk.rows("SELECT position FROM crm.contacts WHERE id = %(id)s", id=anna) == [{"position": "CTO"}]
    assert receipt(agent, "op-1")["status"] == "queued"
    before = version(desk, agent.username)
    drain(sides.parts, "tiny")
    between = receipt(agent, "op-1")
    assert between["status"] == "queued" and {one["state"] for one in between["changes"]} == {"applied", "pending"}
    assert version(desk, agent.username)["op-1"] > before["op-1"]
    drain(sides.parts, "other")
    told = receipt(agent, "op-1")
    assert told["status"] == "applied" and all(one["applied_at"] for one in told["changes"])
    assert send(agent, operation) == [done]
    with desk.parts.engine.connect() as db:
        last = version(desk, agent.username)["op-1"]
        assert receipts.changed(db, agent.username, str(last), "op-1", str(2**62), 9) == []
        assert receipts.changed(db, agent.username, "0", "", str(last), 9) == []


def test_operations_are_forgotten_after_thirty_days_unless_they_are_on_their_way(desk: Api, sides: TwoSides) -> None:
    agent, anna = desk.login("agent"), sides.golden_id("tiny:1")
    send(agent, {"id": "done", **update("tmp:none", position="x")}, {"id": "waits", **update(anna, position="y")})
    assert receipts.purge(desk.parts.engine) == 0
    desk.rows("UPDATE sync.operations SET received_at = now() - interval '31 days' RETURNING id")
    assert receipts.purge(desk.parts.engine) == 1
    assert [agent.get(f"{OUTGOING}/{one}").status_code for one in ("done", "waits")] == [404, 200]


def test_temporary_ids_order_and_one_bad_operation_among_good_ones(desk: Api, sides: TwoSides) -> None:
    agent = desk.login("agent")
    made, bad, nonsense, renamed = send(
        agent,
        {"entity": "contacts", "action": "create", "record": "tmp:1", "connections": ["tiny"], "fields": {"name": "Олег Ким"}},
        update("tmp:2", name="nobody"), {"entity": 1}, update("tmp:1", name="Олег Иванович Ким"),
    )  # fmt: skip
    assert [one["status"] for one in (made, bad, nonsense, renamed)] == ["accepted", "rejected", "rejected", "accepted"]
    assert made["record"] == renamed["record"] and "tmp:2" in bad["reason"]
    (later,) = send(agent, update("tmp:1", position="head"))
    assert later["record"] == made["record"]
    assert agent.post(OUTGOING, json={"operations": [{}] * 501}).status_code == 422


def test_an_agent_edits_what_it_sees_and_learns_nothing_of_the_rest(desk: Api, sides: TwoSides) -> None:
    (user,) = desk.rows("INSERT INTO crm.users (id, name) VALUES (gen_random_uuid(), 'Ольга') RETURNING id::text")
    agent, anna = desk.login("agent", "own", [user["id"]]), sides.golden_id("tiny:1")
    nowhere = str(uuid4())
    foreign, missing = send(agent, update(anna, position="x"), update(nowhere, position="x"))
    assert foreign["status"] == "rejected" and foreign["current"] is None
    assert foreign["reason"].replace(anna, nowhere) == missing["reason"]
    (made,) = send(agent, {"entity": "contacts", "action": "create", "record": "tmp:1", "fields": {"name": "Олег Ким"}})
    assert made["status"] == "accepted", made
    (row,) = desk.rows("SELECT owner_id::text AS owner FROM crm.contacts WHERE id = %(id)s", id=made["record"])
    assert row["owner"] == user["id"]
    assert send(agent, update(made["record"], position="head"))[0]["status"] == "accepted"


def test_receipts_are_for_who_sent_them_and_for_staff(desk: Api, sides: TwoSides) -> None:
    one, other, operator = desk.login("agent"), desk.login("agent"), desk.login("operator")
    send(one, {"id": "op-1", **update(sides.golden_id("tiny:1"), position="CTO")})
    assert other.get(f"{OUTGOING}/op-1").status_code == other.get(f"{OUTGOING}/op-2").status_code == 404
    assert receipt(operator, "op-1")["status"] == "queued"


def test_an_operator_takes_back_and_lets_try_again(desk: Api, sides: TwoSides) -> None:
    agent, operator = desk.login("agent"), desk.login("operator")
    (done,) = send(agent, {"id": "op-1", **update(sides.golden_id("tiny:1"), position="CTO")})
    assert operator.post(f"{OUTGOING}/op-1/retry").status_code == 409
    taken = operator.post(f"{OUTGOING}/op-1/cancel", json={"reason": "Sent by mistake."})
    assert taken.json() == {"changes": done["changes"]}, taken.text
    told = receipt(agent, "op-1")
    assert (told["status"], told["reason"]) == ("rejected", "Sent by mistake.")
    assert operator.post(f"{OUTGOING}/op-1/cancel", json={"reason": "again"}).status_code == 409


ASKED: list[tuple[str, str, Values | None, set[str]]] = [
    ("POST", OUTGOING, {"operations": []}, {"admin", "agent"}),
    ("GET", "/api/sync/status", None, {"admin", "operator", "agent"}),
    ("GET", "/api/conflicts", None, {"admin", "operator"}),
    ("GET", "/api/conflicts/1", None, {"admin", "operator"}),
    ("POST", "/api/conflicts/1/resolve", {"side": "tiny"}, {"admin", "operator"}),
    ("GET", "/api/reviews", None, {"admin", "operator"}),
    ("POST", "/api/reviews/1", {"verdict": "apart"}, {"admin", "operator"}),
    ("POST", f"{OUTGOING}/none/retry", None, {"admin", "operator"}),
    ("POST", f"{OUTGOING}/none/cancel", {"reason": "x"}, {"admin", "operator"}),
]


def test_who_may_ask_what(api: Api) -> None:
    for method, path, body, _allowed in ASKED:
        assert api.anonymous.request(method, path, json=body).status_code == 401, path
    for role in ("admin", "operator", "agent"):
        client = api.login(role)
        for method, path, body, allowed in ASKED:
            status = client.request(method, path, json=body).status_code
            assert (status == 403) == (role not in allowed) and status in (200, 403, 404), (role, method, path, status)


def test_status_tells_staff_everything_and_agents_how_fresh_it_is(desk: Api, sides: TwoSides) -> None:
    agent, operator = desk.login("agent"), desk.login("operator")
    send(agent, update(sides.golden_id("tiny:1"), position="CTO"))
    full, fresh = (one.get("/api/sync/status").json() for one in (operator, agent))
    tiny = next(one for one in full["connections"] if one["name"] == "tiny")
    assert tiny["queue"] == {"pending": 1} and tiny["oldest_pending_seconds"] >= 0 and tiny["entities"]["contacts"]["read"] == 4
    assert set(fresh) == {"connections"} and set(fresh["connections"][0]) == {"name", "crm", "status", "entities"}
    assert set(fresh["connections"][0]["entities"]["contacts"]) == {"last_success_at", "lag_seconds"}


def disputed(sides: TwoSides) -> None:
    """Have both CRMs agree on a position of one person, then change it differently."""
    for server in (sides.left, sides.right):
        server.put("contacts", 1, position="clerk")
    sides.load()
    sides.left.put("contacts", 1, position="head")
    sides.right.clock.advance(60)
    sides.right.put("contacts", 1, position="chief")
    sides.load()


def test_a_conflict_is_listed_and_overturned(desk: Api, sides: TwoSides) -> None:
    disputed(sides)
    operator = desk.login("operator")
    listed = operator.get("/api/conflicts").json()
    assert listed["next_cursor"] is None and [one["field"] for one in listed["items"]] == ["position"]
    (one,) = listed["items"]
    other = next(side for side in one["values"] if side != one["chosen"])
    done = operator.post(f"/api/conflicts/{one['id']}/resolve", json={"side": other, "reason": "asked the client"})
    assert done.status_code == 200, done.text
    assert (done.json()["chosen"], done.json()["state"], done.json()["decided_by"]) == (other, "overturned", operator.username)
    assert operator.post(f"/api/conflicts/{one['id']}/resolve", json={"side": "nobody"}).status_code == 422
    assert operator.get(f"/api/conflicts?cursor={one['id']}").json()["items"] == []
    assert operator.get("/api/conflicts?state=open").json()["items"] == []
