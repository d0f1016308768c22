"""Whatever is sent, wherever: refused in the one shape, never an error of ours; and when the server has no more to give."""

import json
import re
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import httpx
import pytest
from sqlalchemy import Engine

from crm_pipeline.api import limits
from crm_pipeline.api.describing import example
from crm_pipeline.api.methods import Methods
from crm_pipeline.database.engine import engine_for
from crm_pipeline_tests.api.conftest import Api, open_parts, running
from crm_pipeline_tests.api.near import near

HALF = "\ud800"
NASTY: dict[str, Any] = {
    "nul": "a\0b", "half a pair": HALF, "huge": "HUGE", "negative": -(2**63) - 1, "long": "x" * 60_000, "far": 1e308,
    "not a number": float("nan"), "deep": json.loads("[" * 200 + "]" * 200), "object": {"\0": {HALF: None}}, "name": {HALF: 1},
    "none": None, "list": [[]], "empty": "",
}  # fmt: skip
IN_ADDRESSES = ("nul", "half a pair", "huge", "negative", "long", "far", "not a number", "empty")
HUGE = "9" * 5000
RAW: dict[str, bytes] = {
    "cut off": b"{", "deep": b"[" * 200_000, "deep objects": b'{"a":' * 100_000, "not utf-8": b'{"username":"\xff"}',
    "nothing": b"", "a huge number": b'{"username":' + b"9" * 20_000 + b"}", "an exponent": b'{"limit":1e999999}',
    "bom": b"\xef\xbb\xbf{}", "null": b"null", "a list": b"[]", "twice": b'{"username":"a","username":"b"}',
    "utf-16": '{"a":1}'.encode("utf-16"),
}  # fmt: skip
SLOW = {"/api/auth/logout", "/api/auth/login"}
"""Would log the caller out, or hash a password."""


@pytest.fixture(scope="module")
def open_api(module_engine: Engine, module_database_url: str, encryption_key: str) -> Iterator[Api]:
    """Yield an API that takes any number of requests and calls no CRM but on this machine."""
    with running(near(open_parts(module_engine, module_database_url, encryption_key, rate_per_user=1e6))) as found:
        yield found


def refused(answer: httpx.Response) -> bool:
    """Return whether an answer is what may be answered to nonsense: no error of ours, and a problem where it is one."""
    is_problem = answer.headers.get("Content-Type") == "application/problem+json" and answer.json()["request_id"]
    return answer.status_code < 500 and (answer.status_code < 400 or bool(is_problem))


@pytest.fixture(scope="module")
def told(open_api: Api) -> dict[str, Any]:
    """Return the OpenAPI description."""
    return open_api.anonymous.get("/api/openapi.json").json()


def operations(told: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield every operation that is described."""
    for path, item in told["paths"].items():
        yield from ((method.upper(), path, operation) for method, operation in item.items() if path not in SLOW)


def filled(path: str, instead: dict[str, str] | None = None) -> str:
    """Return an address with something in place of its parameters."""
    return re.sub(r"\{(\w+)\}", lambda found: (instead or {}).get(found[1], str(uuid4())), path)


@pytest.mark.parametrize("kind", IN_ADDRESSES)
def test_no_parameter_makes_an_error_of_ours(open_api: Api, told: dict[str, Any], kind: str) -> None:
    admin, wrong = open_api.person("admin"), []
    sent = quote(str(NASTY[kind]).replace("HUGE", HUGE).encode("utf-8", "surrogatepass"))
    for method, path, operation in operations(told):
        for parameter in operation.get("parameters", ()):
            name, is_path = parameter["name"], parameter["in"] == "path"
            address = filled(path, {name: sent}) if is_path else f"{filled(path)}?{name}={sent}"
            answer = admin.request(method, address, json={} if "requestBody" in operation else None)
            if not refused(answer):
                wrong.append((method, path, name, answer.status_code, answer.text[:200]))
    assert not wrong


def leaves(value: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield where in a body something can be put."""
    yield place
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, one in inside:
        yield from leaves(one, (*place, key))


def put_in(value: Any, place: tuple[Any, ...], what: Any) -> Any:
    if not place:
        return what
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[place[0]] = put_in(copy[place[0]], place[1:], what)
    return copy


def body_of(told: dict[str, Any], operation: dict[str, Any]) -> Any:
    content = operation["requestBody"]["content"]["application/json"]
    return content["example"] if "example" in content else example(content["schema"], told["components"]["schemas"])


@pytest.mark.parametrize("kind", NASTY)
def test_no_value_in_a_body_makes_an_error_of_ours(open_api: Api, told: dict[str, Any], kind: str) -> None:
    admin, wrong = open_api.person("admin"), []
    for method, path, operation in operations(told):
        if "application/json" not in operation.get("requestBody", {}).get("content", {}):
            continue
        body = body_of(told, operation)
        for place in leaves(body):
            sent = json.dumps(put_in(body, place, NASTY[kind])).replace('"HUGE"', HUGE)
            answer = admin.request(method, filled(path, {"conflict_id": "1", "review_id": "1"}), content=sent, headers=JSON)
            if not refused(answer):
                wrong.append((method, path, place, answer.status_code, answer.text[:200]))
    assert not wrong


JSON = {"Content-Type": "application/json"}


@pytest.mark.parametrize("kind", RAW)
def test_a_body_that_is_none_is_refused(open_api: Api, kind: str) -> None:
    admin = open_api.person("admin")
    for path in ("/api/sync/outgoing", "/api/sync/connection", "/api/auth/refresh", "/api/conflicts/1/resolve"):
        answer = admin.post(path, content=RAW[kind], headers=JSON)
        assert 400 <= answer.status_code < 500 and refused(answer), (path, answer.status_code, answer.text[:200])


def test_another_kind_of_body_is_refused(open_api: Api) -> None:
    admin = open_api.person("admin")
    for kind in (
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "nonsense",
        "application/xml",
    ):
        answer = admin.post("/api/sync/outgoing", content=b'{"operations": []}', headers={"Content-Type": kind})
        assert answer.status_code in (415, 422) and refused(answer), (kind, answer.status_code)


def test_every_address_says_what_it_takes(open_api: Api, told: dict[str, Any]) -> None:
    admin = open_api.person("admin")
    for path, item in told["paths"].items():
        methods = {method.upper() for method in item}
        head = {"HEAD"} if "GET" in methods and not path.endswith("/callback") else set()
        asked, wrong = open_api.anonymous.options(filled(path)), admin.request("TRACE", filled(path))
        assert asked.status_code == 204 and set(asked.headers["Allow"].split(", ")) == methods | head, path
        assert wrong.status_code == 405 and wrong.headers["Allow"] == asked.headers["Allow"] and refused(wrong)
        for method in {"GET", "PUT", "POST", "PATCH", "DELETE"} - methods:
            assert admin.request(method, filled(path)).status_code == 405, (method, path)
    assert open_api.anonymous.options("/nowhere").status_code == 404


def test_head_is_get_without_the_body(open_api: Api) -> None:
    admin = open_api.person("admin")
    for path in ("/api/contacts", "/api/health", "/api/docs", f"/api/deals/{uuid4()}"):
        full, head = admin.get(path), admin.head(path)
        assert (head.status_code, head.content) == (full.status_code, b"")
        for name in ("Content-Type", "ETag", "X-Frame-Options"):
            assert head.headers.get(name) == full.headers.get(name)
    assert open_api.anonymous.head("/api/contacts").status_code == 401
    assert admin.head("/api/sync/connection/callback?state=x").status_code == 405, "it would use up a consent"


def test_errors_carry_the_same_headers(open_api: Api) -> None:
    admin = open_api.person("admin")
    large = b" " * (limits.LARGEST_BODY + 1)
    answers = [
        open_api.anonymous.get("/api/contacts"), open_api.anonymous.get("/x"), admin.put("/api/contacts"),
        admin.get("/api/contacts?x=1"), admin.post("/api/sync/outgoing", content=large), admin.options("/api/contacts"),
        admin.get("/api/contacts", headers={"If-None-Match": "*"}),
    ]  # fmt: skip
    assert [one.status_code for one in answers] == [401, 404, 405, 422, 413, 204, 304]
    for answer in answers:
        assert answer.headers["X-Content-Type-Options"] == "nosniff" and answer.headers["X-Request-ID"]
        assert answer.headers["Strict-Transport-Security"] and answer.headers["Referrer-Policy"] == "no-referrer"


def test_when_every_connection_is_taken_the_answer_is_to_come_again(
    module_engine: Engine, module_database_url: str, encryption_key: str
) -> None:
    few = engine_for(module_database_url, patience=0.2)
    with running(open_parts(few, module_database_url, encryption_key)) as api, ExitStack() as taken:
        admin = api.person("admin")
        for _ in range(few.pool.size()):  # type: ignore[attr-defined]  # of the kind of pool it has
            taken.enter_context(few.connect())
        answers = [admin.get("/api/contacts"), admin.post("/api/sync/outgoing", json={"operations": []})]
        health = api.anonymous.get("/api/health")
        assert [one.status_code for one in (*answers, health)] == [503, 503, 503]
        for answer in answers:
            assert answer.json()["type"] == "/problems/unavailable" and int(answer.headers["Retry-After"]) >= 1
        taken.close()
        assert admin.get("/api/contacts").status_code == 200
    few.dispose()


def test_one_written_out_goes_before_one_with_parameters(open_api: Api) -> None:
    from crm_pipeline.api.app import create_app

    app = create_app(open_api.parts)
    methods = Methods(app, app)
    assert methods.of("/api/sync/connection/auth-url") == {"GET", "HEAD", "POST"}
    assert methods.of("/api/sync/connection/1") == {"GET", "HEAD", "PATCH", "DELETE"} and methods.of("/nowhere") == set()
