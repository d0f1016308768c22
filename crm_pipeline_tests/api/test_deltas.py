"""Changes over real HTTP: receipts among them, long polls that hold nobody up, streams, times, and what the documents say."""

import hashlib
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import orjson
import pytest

from crm_pipeline.api.delta_shapes import INCREMENT, SNAPSHOT, Changes
from crm_pipeline.api.upload_shapes import ReceiptShown
from crm_pipeline.database import delta
from crm_pipeline_tests.api.conftest import Api, Caller
from crm_pipeline_tests.api.test_records_and_deltas import put

INITIAL, INCREMENTAL = "/api/sync/initial", "/api/sync/incremental"
POLLS = 40
UPLOAD = """INSERT INTO sync.operations (id, actor, entity, action, request, status, reason)
    VALUES (%(id)s, %(actor)s, 'contacts', 'update', '{}', 'rejected', 'There is no such field.') RETURNING 1"""


def page(client: httpx.Client, path: str = INITIAL, **params: Any) -> dict[str, Any]:
    answer = client.get(path, params=params)
    assert answer.status_code == 200, answer.text
    Changes.model_validate(answer.json())
    return answer.json()


def test_receipts_are_told_to_who_uploaded_only(module_api: Api) -> None:
    olga, admin = (module_api.as_user(module_api.add_user(role)) for role in ("agent", "admin"))
    cursors = {client: page(client, limit=2000)["next_cursor"] for client in (olga, admin)}
    module_api.rows(UPLOAD, id="op-7", actor=olga.username)
    (told,) = page(olga, INCREMENTAL, since=cursors[olga])["changes"]
    assert (told["entity"], told["op"], told["id"]) == ("operations", "upsert", "op-7")
    assert (told["record"]["status"], told["record"]["reason"]) == ("rejected", "There is no such field.")
    receipt = ReceiptShown.model_validate(olga.get("/api/sync/outgoing/op-7").json())
    assert ReceiptShown.model_validate(told["record"]) == receipt
    assert page(admin, INCREMENTAL, since=cursors[admin])["changes"] == []
    another_device = module_api.as_user(olga.username)
    assert told in page(another_device, limit=2000)["changes"]
    assert told not in page(admin, limit=2000)["changes"]


def test_a_page_ends_before_it_is_too_large(module_api: Api) -> None:
    target = put(module_api, "contacts", name="Much to say")
    for _ in range(3):
        put(module_api, "communications", kind="note", body="ю" * 1_500_000, target_entity="contacts", target_id=target)
    client = module_api.login("agent")
    first = page(client)
    sizes = []
    while first["has_more"]:
        sizes.append(sum(len(orjson.dumps(one).decode()) for one in first["changes"]))
        first = page(client, cursor=first["next_cursor"])
    assert sizes and max(sizes) <= delta.SIZE + 100_000
    module_api.rows("DELETE FROM crm.communications RETURNING 1")


def test_lines_are_the_pages_and_end_with_the_cursor(module_api: Api) -> None:
    for number in range(30):
        put(module_api, "companies", name=f"Company {number}")
    client = module_api.login("agent")
    expected = {one["id"] for one in page(client, limit=2000)["changes"]}
    with client.stream("GET", INITIAL, params={"limit": 7}, headers={"Accept": "application/x-ndjson"}) as answer:
        assert answer.headers["content-type"].startswith("application/x-ndjson")
        *changes, last = [orjson.loads(line) for line in answer.iter_lines()]
    assert {one["id"] for one in changes} == expected and last["has_more"] is False
    assert page(client, INCREMENTAL, since=last["next_cursor"])["changes"] == []


def test_long_polls_hold_nobody_up(module_api: Api) -> None:
    client = module_api.as_user(module_api.add_user("agent"))
    cursor = page(client, limit=2000)["next_cursor"]

    def wait(_: int) -> list[Any]:
        with Caller(module_api.url, client.tokens, client.username) as mine:
            return page(mine, INCREMENTAL, since=cursor, wait=25)["changes"]

    everybody = threading.Barrier(POLLS + 1)
    with ThreadPoolExecutor(POLLS) as pool:
        waiting = [pool.submit(lambda n: (everybody.wait(), wait(n))[1], number) for number in range(POLLS)]
        everybody.wait()
        began = time.perf_counter()
        for _ in range(30):  # more than once around after every poll has come in
            assert client.get("/api/contacts", params={"limit": 1}).status_code == 200
        assert time.perf_counter() - began < 20 and not any(one.done() for one in waiting)
        made = put(module_api, "contacts", name="Waited for")
        assert all([change["id"] for change in one.result()] == [made] for one in waiting)


def test_a_poll_ends_with_its_time(module_api: Api) -> None:
    client = module_api.login("agent")
    cursor = page(client, limit=2000)["next_cursor"]
    found = page(client, INCREMENTAL, since=cursor, wait=0.3)
    assert found["changes"] == [] and page(client, INCREMENTAL, since=found["next_cursor"])["changes"] == []


@pytest.mark.parametrize("since", ["2026-01-31T12:00:00", "2026-01-31", "0001-01-01", "10:00"])
def test_a_time_without_offset_is_refused(module_api: Api, since: str) -> None:
    assert module_api.login("agent").get(INCREMENTAL, params={"since": since}).status_code in (404, 422)


@pytest.mark.parametrize("since", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "2020-01-01T00:00:00+23:59",
                                   "1970-01-01T00:00:00Z", "2020-01-01T00:00:00 03:00"])  # fmt: skip
def test_any_time_is_understood(module_api: Api, since: str) -> None:
    found = page(module_api.login("agent"), INCREMENTAL, since=since, limit=1)
    assert found["has_more"] is not since.startswith("9999")


def test_a_time_repeats_an_hour_and_no_more(api: Api) -> None:
    ids = [put(api, "deals", title=str(age), reconciled_at=datetime.now(UTC) - timedelta(hours=age)) for age in (9, 5, 0)]
    since = (datetime.now(UTC) - timedelta(hours=4, minutes=30)).isoformat()
    told = {one["id"] for one in page(api.login("agent"), INCREMENTAL, since=since, limit=2000)["changes"]}
    assert set(ids[1:]) <= told and ids[0] not in told


def test_checksums_hold_while_somebody_is_still_writing(module_api: Api) -> None:
    client, waiting = module_api.login("agent"), str(uuid4())
    known = put(module_api, "products", name="Tea")
    with module_api.parts.engine.begin() as slow:
        slow.exec_driver_sql("INSERT INTO crm.products (id, name) VALUES (%(id)s, 'Late')", {"id": waiting})
        changed = put(module_api, "products", name="Committed behind it")
        found = page(client, checksums=True, limit=2000)
        ids = {one["id"] for one in found["changes"]}
        assert known in ids and changed not in ids
        sums = found["checksums"]["products"]
        assert sums["unsettled"] == [changed]
        held = [one for one in found["changes"] if one["entity"] == "products"]
        total = sum(int(hashlib.md5(f"{one['id']} {one['version']}".encode()).hexdigest()[:15], 16) for one in held)
        assert sums["hash"] == str(total % 2**60) and sums["count"] == len(held)
    later = page(client, INCREMENTAL, since=found["next_cursor"], checksums=True)
    assert {one["id"] for one in later["changes"]} == {waiting, changed}
    assert later["checksums"]["products"]["unsettled"] == []


def test_a_cursor_is_for_who_got_it_and_what_it_was_asked_for(module_api: Api) -> None:
    everything, own = module_api.login("agent"), module_api.login("agent", scope="own")
    cursor = page(everything, limit=2000)["next_cursor"]
    refused = own.get(INCREMENTAL, params={"since": cursor})
    assert (refused.status_code, refused.json()["type"]) == (410, "/problems/cursor-expired") and refused.json()["detail"]
    assert everything.get(INCREMENTAL, params={"since": cursor, "crmType": "amocrm"}).status_code == 404
    assert everything.get(INCREMENTAL, params={"since": cursor[:-2] + "AA"}).status_code == 404
    assert everything.get(INCREMENTAL).status_code == 422


def test_the_documents_show_pages_as_they_are(module_api: Api) -> None:
    for example in (INCREMENT, SNAPSHOT):
        Changes.model_validate(example)
    paths = module_api.anonymous.get("/api/openapi.json").json()["paths"]
    for path, kinds in ((INITIAL, {"application/json", "application/x-ndjson"}), (INCREMENTAL, {"application/json"})):
        content = paths[path]["get"]["responses"]["200"]["content"]
        assert set(content) == kinds and content["application/json"]["schema"]["$ref"].endswith("/Changes")
        assert content["application/json"]["example"]["changes"]
