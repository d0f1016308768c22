"""Journal, limits, latency and the admin plane over real HTTP, with the smallest stand-in there can be."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from crm_pipeline.sandbox.journal import MAX_ENTRIES, Entry, Journal
from crm_pipeline.sandbox.serving import Options

from .tiny import Tiny, add, admin, listed

# journal, limits, latency


def test_journal_tells_everything_but_secrets(tiny: Tiny) -> None:
    headers = {"Authorization": "Bearer very-secret"}
    requests.post(f"{tiny.url}/rest/7/s3cret/x?page=2", json={"refresh_token": "def502", "name": "A"}, headers=headers, timeout=5)
    requests.post(f"{tiny.url}/oauth", data={"client_secret": "zzz", "grant_type": "code"}, headers=headers, timeout=5)
    first, second = admin(tiny, "GET", "journal")["entries"]
    assert first | {"at": 0, "clock": 0, "ms": 0, "credential": ""} == {
        "n": 1,
        "at": 0,
        "clock": 0,
        "method": "POST",
        "path": "/rest/7/***/x",
        "call": "thing.add",
        "params": {"page": "2", "refresh_token": "***", "name": "A"},
        "credential": "",
        "status": 201,
        "ms": 0,
        "rows": None,
        "violation": None,
        "fault": None,
    }
    assert first["credential"] == second["credential"] != ""
    everything = requests.get(f"{tiny.url}/_sandbox/journal", timeout=5).text
    assert not any(secret in everything for secret in ("s3cret", "def502", "zzz", "very-secret"))
    assert [entry["n"] for entry in admin(tiny, "GET", "journal?since=1")["entries"]] == [2]


def test_real_limits_refuse_and_are_counted() -> None:
    with Tiny(Options(limits="real")).running() as tiny:
        tiny.clock.freeze()
        statuses = [requests.get(f"{tiny.url}/things", timeout=5).status_code for _ in range(9)]
        summary = admin(tiny, "GET", "journal/summary")
    assert statuses == [200] * 7 + [429] * 2
    assert summary["violations"] == 2 and summary["by_status"] == {"200": 7, "429": 2}
    assert 7 <= summary["peak_per_second"]["all"] <= 9


def test_without_limits_nothing_is_refused_but_the_peak_is_known(tiny: Tiny) -> None:
    tiny.clock.freeze()
    assert {requests.get(f"{tiny.url}/things", timeout=5).status_code for _ in range(20)} == {200}
    summary = tiny.journal.summary()
    assert summary["violations"] == 0 and summary["peak_per_second"]["all"] > 7


def test_latency_is_per_request_not_one_after_the_other() -> None:
    with Tiny(Options(latency_ms=200)).running() as tiny, ThreadPoolExecutor(10) as pool:
        began = time.monotonic()
        list(pool.map(lambda _: listed(tiny), range(10)))
        assert 0.2 <= time.monotonic() - began < 1.5


def test_limits_and_latency_change_while_it_runs(tiny: Tiny) -> None:
    tiny.clock.freeze()
    assert {requests.get(f"{tiny.url}/things", timeout=5).status_code for _ in range(9)} == {200}
    assert admin(tiny, "POST", "limits", {"limits": "real", "latency_ms": 150}) == {"limits": "real", "latency_ms": 150}
    began = time.monotonic()
    statuses = [requests.get(f"{tiny.url}/things", timeout=5).status_code for _ in range(8)]
    assert statuses == [200] * 7 + [429] and time.monotonic() - began >= 8 * 0.15
    assert admin(tiny, "POST", "limits", {"limits": "off"}) == {"limits": "off", "latency_ms": 150}
    assert requests.get(f"{tiny.url}/things", timeout=5).status_code == 200
    state = admin(tiny, "GET", "state")
    assert (state["limits"], state["latency_ms"]) == ("off", 150)


@pytest.mark.parametrize("body", [{}, {"limits": "some"}, {"latency_ms": -1}, {"speed": 3}, []])
def test_limits_that_make_no_sense_change_nothing(tiny: Tiny, body: object) -> None:
    before = admin(tiny, "GET", "state")
    assert requests.post(f"{tiny.url}/_sandbox/limits", json=body, timeout=5).status_code == 400
    assert admin(tiny, "GET", "state")["limits"] == before["limits"]


# the admin plane


def test_state_clock_switches_edits_rows(tiny: Tiny) -> None:
    assert admin(tiny, "POST", "clock", {"freeze": 1_000})["now"] == 1_000
    assert admin(tiny, "POST", "clock", {"advance": 5}) == {"now": 1_005, "frozen": True}
    assert admin(tiny, "POST", "switches", {"missing": "404", "strict": "no", "lag": "3"}) == {
        "missing": "404",
        "lag": 3,
        "strict": False,
    }
    assert admin(tiny, "POST", "edit", [{"kind": "thing", "create": {"x": 1}}, {"kind": "thing", "create": {"x": 2}}]) == {
        "ids": [1, 2]
    }
    assert admin(tiny, "POST", "edit", {"kind": "thing", "id": 2, "set": {"x": 3}}) == {"ids": [2]}
    assert admin(tiny, "GET", "rows/thing?after=1") == {"rows": [{"id": 2, "x": 3}], "last": 2}
    assert len(admin(tiny, "POST", "work", {"edits": 4, "seed": 7})["ids"]) == 4
    state = admin(tiny, "GET", "state")
    assert state["counts"] == {"thing": 2} and state["clock"]["now"] == 1_005 and state["choices"]["missing"] == ["204", "404"]
    assert admin(tiny, "GET", "credentials") == {"token": "t0p"}
    assert admin(tiny, "GET", "journal")["entries"] == []


def test_nonsense_is_answered_with_what_would_make_sense(tiny: Tiny) -> None:
    for method, path, body in (
        ("POST", "switches", {"missing": "500"}),
        ("POST", "switches", {"unknown": 1}),
        ("POST", "clock", {"jump": 1}),
        ("POST", "faults", {"fault": "flood"}),
        ("GET", "rows/nothing", None),
    ):
        answer = requests.request(method, f"{tiny.url}/_sandbox/{path}", json=body, timeout=5)
        assert answer.status_code == 400 and answer.json()["detail"], path
    assert tiny.switches.as_dict() == {"missing": "204", "lag": 0, "strict": True}
    assert "POST /_sandbox/clock" in requests.get(f"{tiny.url}/_sandbox/what", timeout=5).json()["known"]


def test_a_taken_port_is_told_to_the_starter(tiny: Tiny) -> None:
    port = int(tiny.url.rsplit(":", 1)[1])
    with pytest.raises(OSError), Tiny(Options(port=port)).running():
        pass


def test_the_journal_is_bounded_but_counts_everything() -> None:
    journal = Journal()
    for number in range(MAX_ENTRIES + 10):
        journal.add(Entry(0.0, "GET", "/", call="x", status=200, params={"n": number}))
    assert len(journal) == journal.summary()["requests"] == MAX_ENTRIES + 10
    kept = journal.entries(MAX_ENTRIES)
    assert [entry["n"] for entry in kept] == list(range(MAX_ENTRIES + 1, MAX_ENTRIES + 11)) and kept[-1]["params"] == {
        "n": MAX_ENTRIES + 9
    }
    for _ in range(70):
        journal.add(Entry(0.0, "POST", "/", params="x" * 1_000_000))
    assert 60 <= len(journal.entries()) < 70


def test_resets_are_told_with_parameters_even_when_large(tiny: Tiny) -> None:
    tiny.faults.add({"fault": "reset_before"})
    with pytest.raises(requests.ConnectionError):
        add(tiny, text="x" * 2_000_000)
    assert len(tiny.journal.entries()[0]["params"]["text"]) == 2_000_000
