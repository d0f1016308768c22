"""The whole over `serve`: a phone offline, people in amoCRM and in Bitrix24, and in the end everybody holds the same."""

import json
import re
import secrets
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec

import pytest
from sqlalchemy import Engine

from crm_pipeline.sandbox.amocrm import AmoSandbox
from crm_pipeline.sandbox.bitrix24 import BitrixSandbox
from crm_pipeline.sandbox.serving import Options
from crm_pipeline_tests.api.conftest import PASSWORD
from crm_pipeline_tests.operator import Operator
from crm_pipeline_tests.whole.sides import AmoSide, BitrixSide
from examples.mobile_client import MobileClient

HAS_DELTAS = find_spec("crm_pipeline.api.routes.deltas") is not None
PERSON = {"name": "Anna Smirnova", "position": "clerk", "phones": ["+79161234501"], "emails": ["anna@example.com"]}


@contextmanager
def serving(operator: Operator) -> Iterator[str]:
    """Run `crm-pipeline serve` and yield its address."""
    settings = operator.environment(CRM_JWT_SECRET=secrets.token_urlsafe(48))
    command = operator.command("serve", "--port", "0")
    with subprocess.Popen(command, env=settings, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True) as server:
        try:
            assert server.stderr
            greeting = next((line for line in server.stderr if "The API is at" in line), "")
            found = re.search(r"http://[\d.:]+", greeting)
            assert found, greeting
            yield found[0]
        finally:
            server.terminate()
            server.communicate(timeout=30)


@pytest.mark.slow
def test_offline_edits_against_edits_in_both_crms_end_equal(
    module_database_url: str, module_engine: Engine, encryption_key: str
) -> None:
    operator = Operator(module_database_url, encryption_key)
    options = Options(contacts=0)
    with AmoSandbox(options).running() as amo, BitrixSandbox(options).running() as bitrix:
        north, portal = AmoSide("north", amo), BitrixSide("portal", bitrix)
        keys = {side.name: side.create("contacts", PERSON) for side in (north, portal)}
        for side in (north, portal):
            operator.connect(side.name, side.sandbox)
            operator.do("connections", "set", side.name, "direction=two_way")
        operator.do("sync")
        operator.do("user", "add", "olga", "--role", "agent", "--password-stdin", given=PASSWORD + "\n")
        with module_engine.connect() as db:
            anna = db.exec_driver_sql("SELECT id::text FROM crm.contacts WHERE source_count = 2").scalar_one()
        with serving(operator) as url:
            phone = MobileClient(url)
            phone.login("olga", PASSWORD)
            if HAS_DELTAS:
                phone.converge()
            position = phone.edit("contacts", anna, position="CTO")
            made = phone.create("contacts", ["north", "portal"], name="Oleg Kim", phones=["+79161234777"])
            north.change("contacts", keys["north"], {"phones": ["+79161234502"]})
            portal.change("contacts", keys["portal"], {"emails": ["anna@other.example"]})
            assert phone.push() == 2 and phone.receipt(position)["status"] == "queued"
            for _ in range(3):
                operator.do("sync")
                operator.do("drain")
            told = phone.receipt(position)
            assert told["status"] == "applied", told
            assert set(phone.follow().values()) <= {"applied", "merged"} and phone.conflicts() == []
            held = [side.dump("contacts") for side in (north, portal)]
            assert sorted(held[0].values(), key=json.dumps) == sorted(held[1].values(), key=json.dumps)
            assert [len(one) for one in held] == [2, 2] and phone.golden_id(made)
            assert {one["position"] for one in (held[0][keys["north"]], held[1][keys["portal"]])} == {"CTO"}
            if HAS_DELTAS:
                phone.converge()
                assert (phone.record("contacts", anna) or {})["position"] == "CTO" and len(phone.ids("contacts")) == 2
