"""The reference client as the mobile app: offline edits arrive once, tokens rotate, and in the end all sides are equal."""

from collections.abc import Iterator

import pytest
import requests

from crm_pipeline.stages.drain import drain
from crm_pipeline_tests.api.conftest import PASSWORD, Api
from crm_pipeline_tests.api.test_uploads import desk  # noqa: F401  a fixture
from crm_pipeline_tests.two_sides import LEFT, RIGHT, TwoSides
from examples.mobile_client import Diverged, LoggedOut, MobileClient


@pytest.fixture
def phone(desk: Api) -> Iterator[MobileClient]:  # noqa: F811
    """Yield a device that is logged in."""
    client = MobileClient(desk.url)
    client.login(desk.add_user("agent"), PASSWORD)
    yield client
    client.db.close()


def test_offline_edits_arrive_once_even_when_the_answer_is_lost(phone: MobileClient, desk: Api, sides: TwoSides) -> None:  # noqa: F811
    anna, online = sides.golden_id("tiny:1"), phone.url
    made = phone.create("contacts", ["tiny"], name="Олег Ким")
    edited = phone.edit("contacts", anna, position="CTO")
    phone.edit("contacts", made, position="head")
    phone.url = "http://127.0.0.1:9"
    with pytest.raises(requests.ConnectionError):
        phone.push()
    assert (phone.record("contacts", anna) or {})["position"] == "CTO" and len(phone.waiting()) == 3
    phone.url = online
    lost = phone.ask("POST", "/api/sync/outgoing", json={"operations": phone.waiting()})
    assert lost.status_code == 200
    assert phone.push() == 3 and phone.waiting() == []
    golden = phone.golden_id(made)
    found = desk.rows("SELECT id::text, name, position FROM crm.contacts WHERE name LIKE 'Олег Ким%%'")
    assert found == [{"id": golden, "name": "Олег Ким", "position": "head"}]
    for name in (LEFT, RIGHT):
        drain(sides.parts, name)
    assert set(phone.follow().values()) <= {"applied", "merged"} and phone.follow()[edited] == "applied"
    assert phone.conflicts() == []
    assert sides.left.records["contacts"]["1"]["position"] == sides.right.records["contacts"]["1"]["position"] == "CTO"


def test_tokens_rotate_and_a_copied_one_logs_the_device_out(phone: MobileClient) -> None:
    first = phone._known("refresh")
    phone._know(access="not a token")
    assert phone.ask("GET", "/api/sync/status").status_code == 200
    assert phone._known("refresh") != first
    phone._know(refresh=first, access="not a token")
    with pytest.raises(LoggedOut):
        phone.ask("GET", "/api/sync/status")


def test_a_copy_proves_that_it_is_the_servers(phone: MobileClient, desk: Api) -> None:  # noqa: F811
    phone.converge()
    counts = phone.prove()
    assert counts["contacts"] == len(phone.ids("contacts")) > 0
    phone.db.execute("UPDATE records SET version = '2020-01-01T00:00:00+00:00' WHERE id = ?", (phone.ids("contacts")[0],))
    with pytest.raises(Diverged, match="contacts"):
        phone.prove()
    phone._know(cursor=None)
    phone.pull()
    assert phone.prove() == counts


def test_all_sides_end_equal(phone: MobileClient, desk: Api, sides: TwoSides) -> None:  # noqa: F811
    anna = sides.golden_id("tiny:1")
    phone.converge()
    assert set(phone.ids("contacts")) == {row["id"] for row in desk.rows("SELECT id::text FROM crm.contacts")}
    phone.edit("contacts", anna, position="CTO")
    sides.left.put("contacts", 1, birthday="1990-01-02")
    sides.right.put("contacts", 2, position="clerk")
    phone.push()
    for _ in range(3):
        sides.load()
        for name in (LEFT, RIGHT):
            drain(sides.parts, name)
    phone.converge()
    shown = phone.record("contacts", anna) or {}
    assert (shown["position"], shown["birthday"]) == ("CTO", "1990-01-02")
    for server in (sides.left, sides.right):
        held = server.records["contacts"]["1"]
        assert (held["position"], held["birthday"]) == ("CTO", "1990-01-02")
    assert set(phone.follow().values()) == {"applied"} and phone.prove()["contacts"] > 0
