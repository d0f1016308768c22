"""Rate limits on a frozen clock: 7/s an integration, 429, then 403 for everything (facts: amocrm 6)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from crm_pipeline.sandbox.amocrm import AmoSandbox
from crm_pipeline.sandbox.serving import Options

from .caller import Caller


@pytest.fixture
def call() -> Iterator[Caller]:
    with AmoSandbox(Options(limits="real")).running() as sandbox:
        sandbox.clock.freeze()
        yield Caller(sandbox)


def statuses(call: Caller, count: int) -> list[int]:
    return [call.get("account").status_code for _ in range(count)]


def test_seven_a_second_and_not_one_more(call: Caller) -> None:
    assert statuses(call, 8) == [200] * 7 + [429]
    call.sandbox.clock.advance(1 / 7)
    assert statuses(call, 2) == [200, 429]
    call.sandbox.clock.advance(1)
    assert statuses(call, 8) == [200] * 7 + [429]
    assert call.sandbox.journal.summary()["violations"] == 3


def test_the_pace_of_seven_a_second_is_never_refused(call: Caller) -> None:
    for _ in range(50):
        assert statuses(call, 1) == [200]
        call.sandbox.clock.advance(1 / 7 + 1e-6)


def test_a_refusal_is_a_web_servers_page_or_json(call: Caller) -> None:
    statuses(call, 7)
    page = call.get("account")
    assert page.headers["Content-Type"] == "text/html"
    assert "nginx" in page.text
    assert "Retry-After" not in page.headers
    call.sandbox.switches.change({"limit_body": "json", "retry_after": True})
    answer = call.get("account")
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert (answer.json()["status"], answer.json()["retry_after"], answer.headers["Retry-After"]) == (429, 300, "300")


def test_repeated_abuse_blocks_everything_until_support_lifts_it(call: Caller) -> None:
    call.sandbox.switches.change({"block_after": 5})
    assert statuses(call, 14) == [200] * 7 + [429] * 6 + [403]
    call.sandbox.clock.advance(3600)
    blocked = call.get("account")
    assert blocked.status_code == 403
    assert "nginx" in blocked.text
    assert call.token(grant_type="authorization_code", code=call.keys["code"]).status_code == 403
    call.sandbox.apply_edit({"kind": "block", "lift": True})
    assert statuses(call, 1) == [200]


def test_a_block_can_end_by_itself(call: Caller) -> None:
    call.sandbox.switches.change({"block_after": 1, "block_seconds": 600})
    statuses(call, 10)
    assert statuses(call, 1) == [403]
    call.sandbox.clock.advance(601)
    assert statuses(call, 1) == [200]


def test_the_account_allows_fifty_a_second(call: Caller) -> None:
    address = f"{call.sandbox.url}/oauth2/account/subdomain"
    found = [call.get(address).status_code for _ in range(51)]
    assert found == [200] * 50 + [429]


def test_without_limits_nothing_is_refused(empty: Caller) -> None:
    assert set(statuses(empty, 60)) == {200}
