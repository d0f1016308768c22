"""The matrix: every role asks every route, about what is its own and about what is another's.

The routes are those of the app: one that is not in the table fails the first test. What is asked for is there and well formed,
so that nothing but who asks decides. `own` and `foreign` are what the agent of scope own has, and has not.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import Engine

from crm_pipeline.api.app import create_app
from crm_pipeline.api.record_shapes import TITLES
from crm_pipeline.database.reading import visible
from crm_pipeline.database.scopes import Sight
from crm_pipeline_tests.api.conftest import Api, open_parts, running
from crm_pipeline_tests.api.test_door import routes
from crm_pipeline_tests.api.test_records import link
from crm_pipeline_tests.api.test_records_and_deltas import put

ALL, STAFF, ADMIN, EDITORS = ("admin", "operator", "agent", "held"), ("admin", "operator"), ("admin",), ("admin", "agent", "held")
"""Who may; `held` is an agent of scope own."""
UPLOAD = "/api/sync/outgoing"
CONNECTION = "/api/sync/connection"


@dataclass(frozen=True)
class Row:
    """What a route answers. roles: who may, None when no token is needed; foreign: what who may not see gets."""

    roles: tuple[str, ...] | None
    own: int = 200
    foreign: int | None = None
    hidden_from: tuple[str, ...] = ()
    body: Any = None
    query: str = ""
    lists: str = ""
    """Entity whose records are listed."""


RECORD = Row(ALL, foreign=404, hidden_from=("held",))
RECEIPT = Row(ALL, foreign=404, hidden_from=("agent", "held"))
MATRIX: dict[tuple[str, str], Row] = {
    ("POST", "/api/auth/login"): Row(None, 401, body={"username": "x", "password": "x"}),
    ("POST", "/api/auth/refresh"): Row(None, 401, body={"refresh_token": "x"}),
    ("GET", "/api/health"): Row(None),
    ("GET", "/api/openapi.json"): Row(None),
    ("GET", "/api/docs"): Row(None),
    ("GET", "/api/docs/docs.js"): Row(None),
    ("GET", "/api/docs/docs.css"): Row(None),
    ("GET", f"{CONNECTION}/callback"): Row(None, 409),
    ("POST", "/api/webhooks/{connection_id}/{token}"): Row(None, 404),
    ("GET", "/api/webhooks/{connection_id}/{token}"): Row(None, 404),
    ("GET", "/api/metrics"): Row(STAFF),
    **{("GET", f"/api/{one}"): Row(ALL, lists=one) for one in TITLES},
    **{("GET", f"/api/{one}/{{golden_id}}"): RECORD for one in TITLES if one != "products"},
    ("GET", "/api/products/{golden_id}"): Row(ALL),
    ("GET", "/api/sync/initial"): Row(ALL, lists="deals"),
    ("GET", "/api/sync/incremental"): Row(ALL, lists="deals", query="?since=2026-01-01T00:00:00Z"),
    ("GET", "/api/sync/status"): Row(ALL),
    ("POST", UPLOAD): Row(EDITORS, body={"operations": []}),
    ("GET", f"{UPLOAD}/{{operation_id}}"): RECEIPT,
    ("POST", f"{UPLOAD}/{{operation_id}}/retry"): Row(STAFF, 409),
    ("POST", f"{UPLOAD}/{{operation_id}}/cancel"): Row(STAFF, 409, body={"reason": "x"}),
    ("GET", "/api/conflicts"): Row(STAFF),
    ("GET", "/api/conflicts/{conflict_id}"): Row(STAFF, 404),
    ("POST", "/api/conflicts/{conflict_id}/resolve"): Row(STAFF, 404, body={"side": "x"}),
    ("GET", "/api/reviews"): Row(STAFF),
    ("POST", "/api/reviews/{review_id}"): Row(STAFF, 404, body={"verdict": "apart"}),
    ("GET", CONNECTION): Row(STAFF),
    ("POST", CONNECTION): Row(ADMIN, 422, body={"crmType": "bitrix24", "name": "x", "webhookUrl": "https://x.example/rest/1/y/"}),
    ("GET", f"{CONNECTION}/auth-url"): Row(ADMIN, 404, query="?crmType=amocrm&clientId=x"),
    ("POST", f"{CONNECTION}/auth-url"): Row(ADMIN, 404, body={"crmType": "amocrm", "clientId": "x"}),
    ("GET", f"{CONNECTION}/{{connection_id}}"): Row(STAFF),
    ("PATCH", f"{CONNECTION}/{{connection_id}}"): Row(ADMIN, body={"interval": 60}),
    ("POST", f"{CONNECTION}/{{connection_id}}/pause"): Row(STAFF),
    ("POST", f"{CONNECTION}/{{connection_id}}/resume"): Row(STAFF),
    ("POST", f"{CONNECTION}/{{connection_id}}/test"): Row(ADMIN, 409),
    ("DELETE", f"{CONNECTION}/{{connection_id}}"): Row(ADMIN),
    ("GET", "/api/auth/devices"): Row(ALL),
    ("DELETE", "/api/auth/devices/{device_id}"): Row(ALL, 204, foreign=404, hidden_from=("operator", "agent", "held")),
    ("POST", "/api/auth/logout"): Row(ALL, 204),
}


@dataclass
class World:
    """People and records."""

    api: Api
    me: str
    own: dict[str, str] = field(default_factory=dict)
    foreign: dict[str, str] = field(default_factory=dict)
    people: dict[str, Any] = field(default_factory=dict)

    def person(self, role: str) -> Any:
        """Return somebody new of a role."""
        return self.api.person("agent", "own", [self.me]) if role == "held" else self.api.person(role)


@pytest.fixture(scope="module")
def world(module_engine: Engine, module_database_url: str, encryption_key: str) -> Iterator[World]:
    """Yield an API with records of two sellers, a connection, and an operation of everybody."""
    with running(open_parts(module_engine, module_database_url, encryption_key)) as api:
        me, other = str(uuid4()), str(uuid4())
        found = World(api, me)
        for owner, ids in ((me, found.own), (other, found.foreign)):
            put(api, "users", id=owner, name="x")
            ids["deals"] = put(api, "deals", title="x", owner_id=owner)
            ids["contacts"] = put(api, "contacts", name="x")  # whose it is says the deal alone
            link(api, "deal_contacts", deal_id=ids["deals"], contact_id=ids["contacts"])
            ids["companies"] = put(api, "companies", name="x", owner_id=owner)
            ids["tasks"] = put(api, "tasks", title="x", owner_id=owner)
            ids["communications"] = put(api, "communications", kind="note", target_entity="deals", target_id=ids["deals"])
            ids["products"] = put(api, "products", name="x")
        found.people = {role: found.person(role) for role in ALL}
        found.own["connection_id"] = connection(api)
        for name, who in {**found.people, "other": api.person("agent")}.items():
            operation = "INSERT INTO sync.operations (id, actor, entity, action, status, reason, request) "
            api.rows(
                operation + "VALUES (%(i)s, %(a)s, 'deals', 'update', 'rejected', 'x', '{}') RETURNING 1",
                i=f"of-{name}",
                a=who.username,
            )
        yield found


def test_every_route_is_in_the_matrix(world: World) -> None:
    assert routes(create_app(world.api.parts)) == set(MATRIX)


def address(world: World, template: str, role: str, who: Any, is_own: bool) -> str:
    """Return the address of something that is there: the caller's own, or another's."""
    entity = template.split("/")[2]
    other = world.person("agent").tokens["device"] if "{device_id}" in template and not is_own else ""
    values = {
        "golden_id": (world.own if is_own else world.foreign).get(entity, ""), "connection_id": world.own["connection_id"],
        "operation_id": f"of-{role}" if is_own else "of-other", "conflict_id": "1", "review_id": "1", "token": "x",
        "device_id": (who.tokens["device"] if is_own else other) if who else str(uuid4()),
    }  # fmt: skip
    for name, value in values.items():
        template = template.replace(f"{{{name}}}", value)
    return template


def due(row: Row, role: str, is_own: bool) -> int:
    """Return the status a role is to get."""
    if row.roles is None:
        return row.own
    if role not in row.roles:
        return 401 if role == "anonymous" else 403
    return row.foreign if row.foreign and not is_own and role in row.hidden_from else row.own


@pytest.mark.parametrize("role", ["anonymous", *ALL])
def test_who_gets_what(world: World, role: str) -> None:
    wrong = []
    for (method, template), row in MATRIX.items():
        for is_own in (True, False) if "{" in template else (True,):
            ends = method == "DELETE" or template.endswith("/logout")
            who = None if role == "anonymous" else world.person(role) if ends else world.people[role]
            path = address(world, template, role, who, is_own) + row.query
            if ends and "connection" in template and role == "admin":
                path = path.replace(world.own["connection_id"], connection(world.api))
            answer = (who or world.api.anonymous).request(method, path, json=row.body)
            if answer.status_code != due(row, role, is_own) or leaks(world, row, role, answer):
                wrong.append((method, path, is_own, answer.status_code, due(row, role, is_own), answer.text[:200]))
    assert not wrong


def connection(api: Api) -> str:
    """Add a connection and return its number."""
    made = "INSERT INTO sync.connections (crm, name, base_url) VALUES ('amocrm', %(n)s, 'https://x.amocrm.ru') RETURNING id"
    return str(api.rows(made, n=f"c-{uuid4().hex[:8]}")[0]["id"])


def leaks(world: World, row: Row, role: str, answer: httpx.Response) -> bool:
    """Return whether a list shows what it must not, or hides what it must show."""
    if not row.lists or answer.status_code != 200:
        return False
    shows_foreign = world.foreign[row.lists] in answer.text
    return world.own[row.lists] not in answer.text or shows_foreign is (role == "held" and row.lists != "products")


@pytest.mark.parametrize(
    ("entity", "field"),
    [("contacts", "name"), ("companies", "name"), ("deals", "title"), ("tasks", "title"), ("communications", "body")],
)
def test_uploads_see_what_reads_see(world: World, entity: str, field: str) -> None:
    held, own, foreign, nowhere = world.people["held"], world.own[entity], world.foreign[entity], str(uuid4())
    edit = {"entity": entity, "action": "update", "fields": {field: "y"}}
    asked = [{"id": str(uuid4()), "record": one, **edit} for one in (foreign, nowhere)]
    hidden, missing = held.post(UPLOAD, json={"operations": asked}).json()["results"]
    assert hidden["status"] == missing["status"] == "rejected" and hidden["current"] is None
    assert hidden["reason"].replace(foreign, nowhere) == missing["reason"]
    assert [held.get(f"/api/{entity}/{one}").status_code for one in (own, foreign, nowhere)] == [200, 404, 404]
    with world.api.parts.engine.connect() as db:
        assert visible(db, Sight(1, (UUID(world.me),)), entity, [own, foreign, nowhere]) == {own}


def test_links_to_what_is_not_seen_are_refused_alike(world: World) -> None:
    nowhere = str(uuid4())
    asked = [
        {"id": str(uuid4()), "entity": "deals", "action": "update", "record": world.own["deals"], "fields": {"contacts": [one]}}
        for one in (world.foreign["contacts"], nowhere)
    ]
    foreign, missing = world.people["held"].post(UPLOAD, json={"operations": asked}).json()["results"]
    assert foreign["status"] == "rejected"
    assert foreign["reason"].replace(world.foreign["contacts"], nowhere) == missing["reason"]
