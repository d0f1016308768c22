"""Fault rules, and what each fault does to a request over real HTTP, with the smallest stand-in there can be."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests

from crm_pipeline.sandbox.faults import BadRule, Faults

from .tiny import Tiny, add, admin, listed

# the rules


def test_after_and_times_count_matches() -> None:
    faults = Faults()
    faults.add({"fault": "status", "match": {"call": "crm.deal.*"}, "after": 2, "times": 2})
    hits = [faults.take("POST", "/", call) is not None for call in ("CRM.deal.list", "crm.item.list", *["crm.deal.get"] * 4)]
    assert hits == [False, False, True, True, False, False]


def test_zero_times_is_for_ever_and_clear_ends_it() -> None:
    faults = Faults()
    faults.add({"fault": "early_204", "times": 0, "match": {"method": "get", "path": "^/api/v4/leads"}})
    assert all(faults.take("GET", "/api/v4/leads?page=2", "") for _ in range(50))
    assert faults.take("POST", "/api/v4/leads", "") is None and faults.take("GET", "/x/api/v4/leads", "") is None
    faults.clear()
    assert faults.take("GET", "/api/v4/leads", "") is None


def test_every_rule_counts_what_another_one_hit() -> None:
    faults = Faults()
    faults.add({"fault": "status", "after": 1})
    faults.add({"fault": "truncate", "after": 2})
    assert [rule and rule.fault for rule in (faults.take("GET", "/", "") for _ in range(3))] == ["status", "truncate", None]


def test_probability_is_a_share_and_repeats_with_the_seed() -> None:
    def hits() -> list[bool]:
        faults = Faults(seed=4)
        faults.add({"fault": "status", "times": 0, "probability": 0.25})
        return [faults.take("GET", "/", "") is not None for _ in range(1_000)]

    assert 180 < sum(hits()) < 320
    assert hits() == hits()


def test_faults_inside_a_batch_do_not_touch_requests() -> None:
    faults = Faults()
    faults.add({"fault": "in_batch", "match": {"call": "crm.deal.add"}, "status": 503, "error": "QUERY_LIMIT_EXCEEDED"})
    assert faults.take("POST", "/rest/crm.deal.add", "crm.deal.add") is None
    rule = faults.take_inside("crm.deal.add")
    assert rule is not None and rule.arguments == {"status": 503, "error": "QUERY_LIMIT_EXCEEDED"}


@pytest.mark.parametrize(
    "rule", [{"fault": "flood"}, {"fault": "status", "match": {"host": "x"}}, {"fault": "status", "match": {"path": "("}}]
)
def test_nonsense_is_refused(rule: dict[str, Any]) -> None:
    with pytest.raises(BadRule):
        Faults().add(rule)


# on the wire


def test_reset_before_applies_nothing_and_reset_after_everything(tiny: Tiny) -> None:
    admin(tiny, "POST", "faults", [{"fault": "reset_before", "match": {"method": "POST"}}])
    with pytest.raises(requests.ConnectionError):
        add(tiny, x=1)
    assert tiny.store.count("thing") == 0
    admin(tiny, "POST", "faults", {"fault": "reset_after", "match": {"call": "thing.add"}})
    with pytest.raises(requests.ConnectionError):
        add(tiny, x=2)
    assert tiny.store.count("thing") == 1
    assert add(tiny, x=3).status_code == 201
    assert [entry["status"] for entry in tiny.journal.entries()] == [0, 0, 201]
    assert [entry["params"] for entry in tiny.journal.entries()] == [{"x": 1}, {"x": 2}, {"x": 3}]


def test_truncated_answer_is_no_json(tiny: Tiny) -> None:
    add(tiny, x=1)
    tiny.faults.add({"fault": "truncate", "bytes": 9})
    answer = requests.get(f"{tiny.url}/things", timeout=5)
    assert answer.status_code == 200 and answer.content == b'{"things"'
    with pytest.raises(requests.JSONDecodeError):
        answer.json()


def test_statuses_with_bodies_of_every_kind(tiny: Tiny) -> None:
    for rule in (
        {"status": 502, "html": True},
        {"status": 429, "body": {"retry_after": 3}, "headers": {"Retry-After": "3"}},
        {"status": 500, "body": "oops", "content_type": "text/plain"},
        {"status": 403},
    ):
        tiny.faults.add({"fault": "status", **rule})
    answers = [requests.get(f"{tiny.url}/things", timeout=5) for _ in range(5)]
    assert [answer.status_code for answer in answers] == [502, 429, 500, 403, 200]
    assert "<html>" in answers[0].text and answers[0].headers["Content-Type"].startswith("text/html")
    assert answers[1].json() == {"retry_after": 3} and answers[1].headers["Retry-After"] == "3"
    assert answers[2].text == "oops"
    assert answers[3].json()["error"] == "fault"


def test_rules_are_listed_with_what_they_did_and_taken_away(tiny: Tiny) -> None:
    admin(tiny, "POST", "faults", {"fault": "status", "status": 500, "times": 0})
    assert requests.get(f"{tiny.url}/things", timeout=5).status_code == 500
    (rule,) = admin(tiny, "GET", "faults")["rules"]
    assert (rule["fault"], rule["seen"], rule["fired"], rule["status"]) == ("status", 1, 1, 500)
    assert admin(tiny, "DELETE", "faults") == {"rules": []}
    assert requests.get(f"{tiny.url}/things", timeout=5).status_code == 200


def test_early_204_redirect_and_expired_token(tiny: Tiny) -> None:
    tiny.faults.add({"fault": "early_204"})
    tiny.faults.add({"fault": "redirect", "location": f"{tiny.url}/moved"})
    tiny.faults.add({"fault": "expired_token"})
    answers = [requests.get(f"{tiny.url}/things", timeout=5, allow_redirects=False) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [204, 302, 401]
    assert answers[0].content == b"" and answers[1].headers["Location"] == f"{tiny.url}/moved"


def test_a_hanging_request_blocks_no_other_and_applies_nothing_once_given_up(tiny: Tiny) -> None:
    tiny.faults.add({"fault": "hang", "seconds": 1.5, "match": {"method": "POST"}})
    with ThreadPoolExecutor(1) as pool:
        given_up = pool.submit(requests.post, f"{tiny.url}/things", json={}, timeout=0.3)
        began = time.monotonic()
        assert listed(tiny) == []
        assert time.monotonic() - began < 1
        with pytest.raises(requests.Timeout):
            given_up.result()
    done = threading.Event()
    while not len(tiny.journal) >= 2:
        assert not done.wait(0.01)
    assert tiny.store.count("thing") == 0


def test_hang_after_has_written(tiny: Tiny) -> None:
    tiny.faults.add({"fault": "hang_after", "seconds": 30})
    with pytest.raises(requests.Timeout):
        requests.post(f"{tiny.url}/things", json={"x": 1}, timeout=0.3)
    assert tiny.store.count("thing") == 1


def test_lost_token_answer_only_concerns_token_endpoints(tiny: Tiny) -> None:
    tiny.faults.add({"fault": "lost_token_answer"})
    assert add(tiny).status_code == 201
    with pytest.raises(requests.ConnectionError):
        requests.post(f"{tiny.url}/oauth2/access_token", json={}, timeout=5)
    assert tiny.store.count("thing") == 2


def test_rows_move_between_pages(tiny: Tiny) -> None:
    """The published failure: an edit between two pages of a newest-first list makes a row appear on no page."""
    tiny.clock.freeze(1_790_000_000)
    for _ in range(6):
        add(tiny)
        tiny.clock.advance(1)
    tiny.faults.add({"fault": "mutate", "match": {"path": "page=2"}, "edits": [{"kind": "thing", "id": 1, "set": {"x": 9}}]})
    assert [listed(tiny, 1), listed(tiny, 2)] == [[6, 5, 4], [4, 3, 2]]
    assert listed(tiny, 1) == [1, 6, 5]


def test_random_work_between_pages(tiny: Tiny) -> None:
    add(tiny)
    tiny.faults.add({"fault": "mutate", "work": {"edits": 3, "seed": 2}})
    listed(tiny)
    assert "x" in (tiny.store.get("thing", 1) or {})
