"""The bucket of the source address and operating time per method (facts: bitrix24 7)."""

from __future__ import annotations

import pytest

from .portal_client import portal

NOW = 1_790_000_000


def test_bucket_of_fifty_leaks_two_a_second() -> None:
    with portal(limits="real") as client:
        client.sandbox.clock.freeze(NOW)
        statuses = [client.post("server.time").status_code for _ in range(55)]
        assert statuses == [200] * 50 + [503] * 5
        assert client.refusal("profile") == (503, "QUERY_LIMIT_EXCEEDED")
        client.sandbox.clock.advance(2)
        assert [client.post("server.time").status_code for _ in range(5)] == [200] * 4 + [503]
        assert client.sandbox.journal.summary()["violations"] == 7


def test_a_batch_is_one_request_and_the_token_server_is_not_counted() -> None:
    with portal(limits="real", bucket_size=3) as client:
        client.sandbox.clock.freeze(NOW)
        app = client.app()
        for _ in range(5):
            app.token(grant_type="refresh_token", refresh_token=app.tokens["refresh_token"])
        cmd = {f"c{n}": "server.time" for n in range(50)}
        assert [client.post("batch", cmd=cmd).status_code for _ in range(4)] == [200, 200, 200, 503]


def test_operating_time_parks_one_method_of_one_credential() -> None:
    with portal(operating_cost=100) as client:
        client.sandbox.clock.freeze(NOW)
        app = client.app()
        bodies = [client.body("crm.deal.list") for _ in range(5)]
        assert [body["time"]["operating"] for body in bodies] == [100, 200, 300, 400, 500]
        assert bodies[-1]["time"]["operating_reset_at"] == NOW + 600
        assert client.refusal("crm.deal.list") == (429, "OPERATION_TIME_LIMIT")
        assert client.post("crm.contact.list").status_code == app.post("crm.deal.list").status_code == 200
        client.sandbox.clock.advance(601)
        assert client.post("crm.deal.list").status_code == 200


@pytest.mark.parametrize(("billing", "inner", "outer"), [("inner", 20, 0), ("batch", 0, 10)])
def test_who_is_billed_for_a_batch(billing: str, inner: int, outer: int) -> None:
    with portal(operating_cost=10, operating_billing=billing) as client:
        body = client.body("batch", cmd={"a": "crm.deal.list", "b": "crm.deal.list"})
        assert body["result"]["result_time"]["b"]["operating"] == inner
        assert body["time"]["operating"] == outer


def test_a_parked_method_fails_inside_a_batch() -> None:
    with portal(operating_cost=300) as client:
        cmd = {f"c{n}": "crm.deal.list" for n in range(3)} | {"other": "crm.contact.list"}
        answer = client.call("batch", cmd=cmd)
        assert answer["result_error"]["c2"]["error"] == "OPERATION_TIME_LIMIT"
        assert set(answer["result"]) == {"c0", "c1", "other"}
        assert client.sandbox.journal.entries()[-1]["violation"] is True


def test_cheap_calls_cost_nothing_by_default() -> None:
    with portal() as client:
        assert client.body("server.time")["time"]["operating"] == 0
