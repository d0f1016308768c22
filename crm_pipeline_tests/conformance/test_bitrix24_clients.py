"""fast-bitrix24, b24api and b24pysdk, unmodified, read exactly what the Bitrix24 stand-in holds (facts: bitrix24 10, 11.13)."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
import requests
from b24api import Bitrix24
from b24api.error import ApiResponseError
from fast_bitrix24 import BitrixAsync

from crm_pipeline.sandbox.bitrix24 import BitrixSandbox
from crm_pipeline.sandbox.serving import Options

from .loopback_tls import certificate, tunnel

CONTACTS = 2_730
EVERYTHING = ["*", "UF_*", "PHONE", "EMAIL", "WEB", "IM", "LINK"]
AUTH_HOST = "oauth.bitrix24.tech"
Rows = list[dict[str, Any]]


@pytest.fixture(scope="module")
def sandbox() -> Iterator[BitrixSandbox]:
    with BitrixSandbox(Options(contacts=CONTACTS)).running() as running:
        yield running


def held(sandbox: BitrixSandbox, kind: str) -> Rows:
    return [orjson.loads(text) for _, text in sandbox.store.walk(kind)]


def in_order(rows: Rows, key: str = "ID") -> Rows:
    return sorted(rows, key=lambda row: int(row[key]))


# fast-bitrix24


def fast(sandbox: BitrixSandbox, method: str, *args: Any, **options: Any) -> Any:
    async def run() -> Any:
        client = BitrixAsync(sandbox.webhook_url(), verbose=False, requests_per_second=1000.0, request_pool_size=1000)
        return await getattr(client, method)(*args, **options)

    return asyncio.run(run())


def test_fast_bitrix24_get_all(sandbox: BitrixSandbox) -> None:
    rows = fast(sandbox, "get_all", "crm.contact.list", {"select": EVERYTHING})
    assert in_order(rows) == held(sandbox, "contact")
    items = fast(sandbox, "get_all", "crm.item.list", {"entityTypeId": 2, "select": ["*"]})
    assert in_order(items, "id") == held(sandbox, "deal_item")
    tasks = fast(sandbox, "get_all", "tasks.task.list", {"select": ["ID", "TITLE", "UF_CRM_TASK"]})
    assert [(row["id"], row["title"], row["ufCrmTask"]) for row in in_order(tasks, "id")] == [
        (row["id"], row["title"], row["ufCrmTask"]) for row in held(sandbox, "task")
    ]


def test_fast_bitrix24_get_by_id(sandbox: BitrixSandbox) -> None:
    numbers = list(range(1, 120))
    rows = fast(sandbox, "get_by_ID", "crm.deal.get", numbers)
    assert {int(number): row for number, row in rows.items()} == {int(row["ID"]): row for row in held(sandbox, "deal")[:119]}


@pytest.mark.filterwarnings("ignore:list_and_get:DeprecationWarning")
def test_fast_bitrix24_list_and_get(sandbox: BitrixSandbox) -> None:
    rows = fast(sandbox, "list_and_get", "crm.company")
    assert in_order(list(rows.values())) == held(sandbox, "company")


def test_fast_bitrix24_calls_write() -> None:
    with BitrixSandbox(Options()).running() as sandbox:
        people = [{"fields": {"NAME": f"N{n}", "POST": "a+b & c"}} for n in range(60)]
        numbers = fast(sandbox, "call", "crm.contact.add", people)
        assert sorted(numbers) == list(range(1, 61))
        assert fast(sandbox, "call", "crm.contact.update", {"id": 7, "fields": {"LAST_NAME": "Test"}}) is True
        assert (held(sandbox, "contact")[6]["LAST_NAME"], held(sandbox, "contact")[6]["POST"]) == ("Test", "a+b & c")
        assert fast(sandbox, "call", "profile", {}, raw=True)["result"]["ID"] == "1"
        batch = {
            "halt": 0,
            "cmd": {"a": "crm.contact.list?filter[ID]=7&select[]=ID", "b": "crm.contact.get?id=$result[a][0][ID]"},
        }
        assert fast(sandbox, "call_batch", batch)["b"]["LAST_NAME"] == "Test"


# b24api


@pytest.fixture
def b24api(sandbox: BitrixSandbox) -> Iterator[Bitrix24]:
    before = dict(os.environ)
    os.environ["BITRIX24_API_WEBHOOK_URL"] = sandbox.webhook_url()
    yield Bitrix24()
    os.environ.clear()
    os.environ.update(before)


def request(method: str, **parameters: Any) -> dict[str, Any]:
    return {"method": method, "parameters": parameters}


def test_b24api_lists_by_offset(sandbox: BitrixSandbox, b24api: Bitrix24) -> None:
    wanted = held(sandbox, "company")
    asked = request("crm.company.list", select=EVERYTHING, order={"ID": "ASC"})
    assert list(b24api.list_sequential(asked)) == wanted
    assert list(b24api.list_batched(asked)) == wanted
    assert list(b24api.list_batched(request("crm.item.list", entityTypeId=3, order={"id": "ASC"}))) == held(
        sandbox, "contact_item"
    )


def test_b24api_lists_without_counting(sandbox: BitrixSandbox, b24api: Bitrix24) -> None:
    rows = list(b24api.list_batched_no_count(request("crm.contact.list", select=EVERYTHING)))
    assert rows == held(sandbox, "contact")


def test_b24api_lists_comments_by_owner(sandbox: BitrixSandbox, b24api: Bitrix24) -> None:
    wanted = [row for row in held(sandbox, "comment") if row["ENTITY_TYPE"] == "deal"]
    owners = sorted({int(row["ENTITY_ID"]) for row in wanted})
    updates = ({"ENTITY_TYPE": "deal", "ENTITY_ID": number} for number in owners)
    asked = request("crm.timeline.comment.list", select=["*"])
    assert in_order(list(b24api.reference_batched_no_count(asked, updates))) == wanted != []


def test_b24api_calls_and_batches(b24api: Bitrix24) -> None:
    assert b24api.call(request("crm.deal.get", id=3))["ID"] == "3"
    rows = list(b24api.batch(request("crm.item.get", entityTypeId=2, id=n) for n in range(1, 121)))
    assert [row["item"]["id"] for row in rows] == list(range(1, 121))
    with pytest.raises(ApiResponseError, match="Not found"):
        b24api.call(request("crm.deal.get", id=999_999))


# b24pysdk


def test_b24pysdk_over_tls(tmp_path: Path) -> None:
    tls = certificate(tmp_path, AUTH_HOST)
    with (
        BitrixSandbox(Options(contacts=CONTACTS, switches={"code_answer": "full"}), tls=tls).running() as sandbox,
        tunnel(int(sandbox.url.rpartition(":")[2])) as proxy,
    ):
        env = {"REQUESTS_CA_BUNDLE": str(tls[0]), "HTTPS_PROXY": proxy, "NO_PROXY": "127.0.0.1"}
        read = session(env, sandbox.credentials())
        contacts = held(sandbox, "contact_item")
        assert read["webhook"]["page"] == contacts[:50]
        assert read["webhook"]["all"] == read["webhook"]["fast"] == contacts
        assert read["webhook"]["classic"] == held(sandbox, "contact")
        assert read["webhook"]["batch"] == {str(row["id"]): row for row in held(sandbox, "deal_item")[:3]}
        assert read["webhook"]["refusal"] == ["BitrixAPINotFound", "NOT_FOUND"]
        assert read["oauth"] == {"before": "1", "after": "1", "renewed": True, "deals": held(sandbox, "deal_item")}
        kinds = sandbox.journal.summary()["by_call"]
        assert kinds["GET /oauth/token"] == 2


def session(env: dict[str, str], told: dict[str, Any]) -> dict[str, Any]:
    script = Path(__file__).with_name("pysdk_session.py")
    done = subprocess.run(
        [sys.executable, str(script)],
        input=json.dumps(told),
        env={**os.environ, **env},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


# plain GET, as bitrix24-rest sends it


def test_get_with_encoded_brackets_and_a_trailing_ampersand(sandbox: BitrixSandbox) -> None:
    answer = requests.get(f"{sandbox.webhook_url()}crm.contact.list.json?filter%5B%3EID%5D=2700&start=0&", timeout=10).json()
    assert [row["ID"] for row in answer["result"]] == [str(n) for n in range(2701, CONTACTS + 1)]
