"""What every request meets: a token is demanded, problems have one shape, ids and headers, limits, the log and the measures."""

import json
import logging
import re
import socket
from typing import Any
from uuid import uuid4

import pytest
from fastapi import APIRouter, FastAPI
from fastapi.routing import iter_route_contexts
from sqlalchemy import Engine

from crm_pipeline import errors
from crm_pipeline.api import limits
from crm_pipeline.api.app import create_app
from crm_pipeline.api.deps import Parts
from crm_pipeline.api.problems import TITLES, path
from crm_pipeline.model.permissions import PERMISSIONS, ROLES, may
from crm_pipeline_tests.api.conftest import Api, open_parts, running, serve

OPEN = {
    ("POST", "/api/auth/login"),
    ("POST", "/api/auth/refresh"),
    ("GET", "/api/health"),
    ("GET", "/api/sync/connection/callback"),
    ("POST", "/api/webhooks/{connection_id}/{token}"),
    ("GET", "/api/webhooks/{connection_id}/{token}"),
    ("GET", "/api/openapi.json"),
    ("GET", "/api/docs"),
    ("GET", "/api/docs/docs.js"),
    ("GET", "/api/docs/docs.css"),
}
"""What may be asked without a token, and nothing else."""


def routes(app: FastAPI) -> set[tuple[str, str]]:
    """Return method and path of every route an app has."""
    found = {(method, route.path) for route in iter_route_contexts(app.routes) for method in route.methods or ()}
    return {(method, where) for method, where in found if method != "HEAD"}


def test_every_route_but_the_open_ones_demands_a_token(module_api: Api) -> None:
    found = routes(create_app(module_api.parts))
    assert len(found) > len(OPEN) and found >= OPEN - {("POST", "/api/webhooks/{connection_id}/{token}")}
    for method, template in sorted(found - OPEN):
        address = re.sub(r"\{[^}]+\}", lambda _: str(uuid4()), template)
        for headers in ({}, {"Authorization": "Bearer x.y.z"}, {"Authorization": "Basic eDp5"}):
            answer = module_api.anonymous.request(method, address, headers=headers)
            assert answer.status_code == 401, (method, template, headers, answer.text)
            assert answer.json()["type"] == "/problems/unauthenticated"


def test_the_openapi_says_which_routes_demand_a_token(module_api: Api) -> None:
    told = module_api.anonymous.get("/api/openapi.json").json()
    for template, item in told["paths"].items():
        for method, operation in item.items():
            if template != "/api/sync/connection/callback":  # may be given one, and demands none
                assert bool(operation.get("security")) != ((method.upper(), template) in OPEN), (method, template)
    assert set(told["components"]["schemas"]["ProblemBody"]["required"]) == {"type", "title", "status", "detail", "request_id"}


def test_metrics_are_for_staff_and_open_only_where_a_setting_says_so(
    module_engine: Engine, module_database_url: str, encryption_key: str, module_api: Api
) -> None:
    assert [module_api.login(role).get("/api/metrics").status_code for role in ROLES] == [200, 200, 403]
    with serve(open_parts(module_engine, module_database_url, encryption_key, metrics_open=True)) as url:
        assert module_api.anonymous.get(f"{url}/api/metrics").status_code == 200


def test_metrics_count_requests_by_template_and_read_how_things_stand(api: Api) -> None:
    admin = api.login("admin")
    admin.delete(f"/api/auth/devices/{uuid4()}")
    api.anonymous.get("/nowhere/at/all")
    text = admin.get("/api/metrics").text
    assert 'crm_api_requests_total{method="DELETE",route="/api/auth/devices/{device_id}",status="404"} 1.0' in text
    assert 'route="(none)",status="404"' in text and "nowhere" not in text
    assert 'crm_api_request_seconds_bucket{le="0.05",method="POST",route="/api/auth/login"}' in text
    for name in (
        "crm_sync_lag_seconds",
        "crm_outgoing_changes",
        "crm_open_conflicts",
        "crm_outgoing_oldest_pending_seconds",
        "crm_inbox_hints",
    ):
        assert f"# TYPE {name} gauge" in text


def test_health_is_ready_until_the_database_is_not_of_this_version(api: Api) -> None:
    assert api.anonymous.get("/api/health").json() == {"live": True, "ready": True, "reason": None}
    api.rows("DELETE FROM sync.migrations WHERE version = (SELECT max(version) FROM sync.migrations) RETURNING 1")
    answer = api.anonymous.get("/api/health")
    assert answer.status_code == 503 and "migrat" in answer.json()["reason"] and answer.json()["live"]


def test_without_a_database_it_lives_and_asks_to_come_again(database: Engine, database_url: str, encryption_key: str) -> None:
    from crm_pipeline.database.engine import engine_for

    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    gone = engine_for(f"postgresql://x:y@127.0.0.1:{port}/z")
    with running(open_parts(gone, database_url, encryption_key)) as api:
        health = api.anonymous.get("/api/health")
        assert health.status_code == 503 and health.json()["live"] and not health.json()["ready"]
        answer = api.anonymous.post("/api/auth/login", json={"username": "a", "password": "b"})
        assert answer.status_code == 503 and answer.json()["type"] == "/problems/unavailable"
        assert int(answer.headers["Retry-After"]) > 0 and str(port) not in answer.text


def test_problems_have_one_shape_and_say_where(module_api: Api) -> None:
    anonymous = module_api.anonymous
    answers = [
        anonymous.get("/nowhere"),
        anonymous.put("/api/auth/login"),
        anonymous.post("/api/auth/login", json={"username": "x"}),
        anonymous.post("/api/auth/login", content=b"{", headers={"Content-Type": "application/json"}),
        anonymous.post("/api/auth/login", json={"username": "a\0b", "password": "\0"}),
        anonymous.post("/api/auth/login", content=b'{"username":"\\ud800","password":"\\ud800"}'),
        anonymous.get("/api/auth/devices"),
        module_api.login().delete("/api/auth/devices/x"),
    ]
    assert [answer.status_code for answer in answers] == [404, 405, 422, 422, 422, 422, 401, 422]
    for answer in answers:
        told = answer.json()
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert told["type"].removeprefix("/problems/") in TITLES and told["status"] == answer.status_code
        assert told["request_id"] == answer.headers["X-Request-ID"]
    assert answers[1].headers["Allow"] == "POST"
    assert answers[2].json()["errors"][0]["field"] == "body.password"
    assert path(("body", "operations", 0, "fields")) == "body.operations[0].fields"


def test_a_request_id_is_taken_over_when_it_is_one(module_api: Api) -> None:
    for given, kept in (("trace-1.a_b", True), ("x" * 65, False), ("a b", False), ("<b>", False)):
        answer = module_api.anonymous.get("/api/health", headers={"X-Request-ID": given})
        assert (answer.headers["X-Request-ID"] == given) is kept and answer.headers["X-Request-ID"]


def test_answers_carry_security_headers(module_api: Api) -> None:
    for address in ("/api/health", "/nowhere", "/api/docs"):
        headers = module_api.anonymous.get(address).headers
        assert headers["X-Content-Type-Options"] == "nosniff" and headers["X-Frame-Options"] == "DENY"
        assert "default-src 'none'" in headers["Content-Security-Policy"] and "unsafe" not in headers["Content-Security-Policy"]
        assert headers["Referrer-Policy"] == "no-referrer" and "server" not in headers


def test_the_documentation_needs_nothing_from_elsewhere(module_api: Api) -> None:
    pages = [module_api.anonymous.get(f"/api/docs{tail}") for tail in ("", "/docs.js", "/docs.css")]
    assert [page.status_code for page in pages] == [200] * 3
    assert not any(re.search(r"https?:|//\w+\.", page.text) for page in pages)


def test_a_large_body_is_refused_however_it_comes(module_api: Api) -> None:
    def pieces() -> Any:
        for _ in range(limits.LARGEST_BODY // 65536 + 2):
            yield b" " * 65536

    for body in (b" " * (limits.LARGEST_BODY + 1), pieces()):
        answer = module_api.anonymous.post("/api/auth/login", content=body, headers={"Content-Type": "application/json"})
        assert answer.status_code == 413 and answer.json()["type"] == "/problems/too-large"


def test_large_answers_are_zipped(module_api: Api) -> None:
    assert (
        module_api.anonymous.get("/api/openapi.json", headers={"Accept-Encoding": "gzip"}).headers["Content-Encoding"] == "gzip"
    )


def test_only_the_frontend_may_read_from_a_browser(
    module_engine: Engine, module_database_url: str, encryption_key: str, module_api: Api
) -> None:
    parts = open_parts(module_engine, module_database_url, encryption_key, FRONTEND_URL="https://app.example.org/")
    with running(parts) as api:
        asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"}
        for origin, kept in (("https://app.example.org", True), ("https://evil.example.org", False)):
            preflight = api.anonymous.options("/api/auth/login", headers={"Origin": origin, **asked})
            failed = api.anonymous.get("/api/auth/devices", headers={"Origin": origin})
            for answer in (preflight, failed):
                assert (answer.headers.get("access-control-allow-origin") == origin) is kept
    assert (
        "access-control-allow-origin"
        not in module_api.anonymous.get("/api/health", headers={"Origin": "https://app.example.org"}).headers
    )


def test_who_asks_too_often_is_told_when_to_come_again(
    api: Api, database: Engine, database_url: str, encryption_key: str
) -> None:
    with running(open_parts(database, database_url, encryption_key, rate_per_user=2)) as slow:
        one, other = slow.login("agent"), slow.login("agent")
        answers = [one.get("/api/auth/devices") for _ in range(12)]
        late = next(answer for answer in answers if answer.status_code == 429)
        assert late.json()["type"] == "/problems/rate-limited" and int(late.headers["Retry-After"]) >= 1
        assert other.get("/api/auth/devices").status_code == 200


def test_guessing_passwords_is_slowed_down_for_unknown_names_too(api: Api) -> None:
    statuses = [
        api.anonymous.post("/api/auth/login", json={"username": "nobody", "password": str(n)}).status_code for n in range(24)
    ]
    assert statuses[0] == 401 and statuses[-1] == 429


def test_buckets_fill_again_and_forget_the_oldest() -> None:
    now = [0.0]
    buckets = limits.Buckets(rate=2, burst=2, clock=lambda: now[0])
    assert [buckets.take("a") for _ in range(3)] == [0, 0, 0.5]
    now[0] = 0.5
    assert buckets.take("a") == 0 and buckets.take("a") == 0.5 and buckets.take("b") == 0


def test_what_goes_wrong_inside_is_told_to_the_log_only(api: Api, caplog: pytest.LogCaptureFixture) -> None:
    with running_with(api, broken()) as url:
        for kind, status in (("unexpected", 500), ("consent", 409), ("later", 503), ("nul", 422), ("config", 503)):
            answer = api.anonymous.get(f"{url}/break/{kind}", headers={"X-Request-ID": f"r-{kind}"})
            assert answer.status_code == status and answer.json()["request_id"] == f"r-{kind}"
            assert "secret" not in answer.text and "Traceback" not in answer.text and answer.headers["X-Content-Type-Options"]
    assert "r-unexpected" in caplog.text


def broken() -> APIRouter:
    """Return routes that fail in every way."""
    router = APIRouter(prefix="/break")

    def fails(kind: str, parts: Parts) -> None:
        if kind == "nul":
            with parts.engine.connect() as db:
                db.exec_driver_sql("SELECT %(x)s", {"x": "a\0b"})
        raise {
            "unexpected": RuntimeError("secret"),
            "consent": errors.ConsentNeeded("Ask again."),
            "later": errors.RateLimited("Later."),
            "config": errors.ConfigurationError("secret is not set"),
        }[kind]

    router.get("/{kind}")(fails)
    return router


def running_with(api: Api, router: APIRouter) -> Any:
    """Run the API with more routes."""

    def made(parts: Any) -> FastAPI:
        app = create_app(parts)
        app.include_router(router)
        return app

    return serve(api.parts, made)


def test_one_line_is_logged_for_a_request_and_no_secret(api: Api, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "crm_pipeline.access")
    agent = api.login("agent")
    agent.get("/api/auth/devices?token=hush", headers={"X-Request-ID": "one"})
    api.anonymous.post("/api/webhooks/1/very-hush")
    lines = [json.loads(record.getMessage()) for record in caplog.records if record.name == "crm_pipeline.access"]
    line = next(line for line in lines if line["request_id"] == "one")
    assert {**line, "ms": 0} == {
        "request_id": "one",
        "user": agent.username,
        "method": "GET",
        "path": "/api/auth/devices",
        "status": 200,
        "ms": 0,
    }
    assert "hush" not in str(lines) and agent.tokens["access_token"] not in caplog.text


def test_permissions_are_a_table_of_known_roles() -> None:
    assert all(may("admin", action) for action in PERMISSIONS) and all(roles <= set(ROLES) for roles in PERMISSIONS.values())
    with pytest.raises(KeyError):
        may("admin", "fly")
