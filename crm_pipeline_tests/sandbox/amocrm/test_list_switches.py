"""The disputed facts about lists, each reading (facts: amocrm 11)."""

from __future__ import annotations

from crm_pipeline.sandbox.amocrm import AmoSandbox

from .caller import Caller


def test_a_missing_row_is_204_or_404(amo: AmoSandbox, call: Caller) -> None:
    for path in ("leads/1", "contacts/1", "tasks/1", "leads/notes/1"):
        assert call.get(path).status_code == 204
    amo.switches.change({"missing_entity": "404"})
    for path in ("leads/1", "contacts/1", "tasks/1", "leads/notes/1"):
        assert call.get(path).status_code == 404


def test_empty_custom_fields_are_null_or_a_list(amo: AmoSandbox, call: Caller) -> None:
    (made,) = call.post("leads", [{"name": "bare"}]).json()["_embedded"]["leads"]
    assert call.get(f"leads/{made['id']}").json()["custom_fields_values"] is None
    amo.switches.change({"empty_custom_fields": "list"})
    assert call.get(f"leads/{made['id']}").json()["custom_fields_values"] == []
    assert call.rows(f"leads?filter[id]={made['id']}")[0]["custom_fields_values"] == []


def test_ties_can_be_shuffled(amo: AmoSandbox, call: Caller) -> None:
    at = call.sandbox.account.now()
    call.patch("contacts", [{"id": id, "updated_at": at} for id in call.ids("contacts?limit=250")])
    steady = {tuple(call.ids("contacts?limit=250&order[updated_at]=asc")) for _ in range(4)}
    amo.switches.change({"tie_order": "random"})
    shuffled = {tuple(call.ids("contacts?limit=250&order[updated_at]=asc")) for _ in range(4)}
    assert len(steady) == 1
    assert len(shuffled) > 1


def test_with_a_read_lag_lists_show_a_change_late_and_single_reads_at_once(amo: AmoSandbox, call: Caller) -> None:
    amo.clock.freeze()
    amo.switches.change({"read_lag": 30.0})
    id = call.ids("contacts?limit=1")[0]
    call.patch(f"contacts/{id}", {"name": "Новое Имя"})
    assert call.get(f"contacts/{id}").json()["name"] == "Новое Имя"
    assert call.rows(f"contacts?filter[id]={id}")[0]["name"] != "Новое Имя"
    amo.clock.advance(30)
    assert call.rows(f"contacts?filter[id]={id}")[0]["name"] == "Новое Имя"


def test_page_drift_makes_a_page_number_walk_skip_rows(amo: AmoSandbox, call: Caller) -> None:
    amo.switches.change({"page_drift": 3})
    to = amo.account.now() - 1
    path = f"leads?limit=20&order[updated_at]=asc&filter[updated_at][from]=1&filter[updated_at][to]={to}"
    walked = {row["id"] for row in call.walk(path)}
    assert len(walked) < 60
    amo.switches.change({"page_drift": 0})
    assert len({row["id"] for row in call.walk("leads?limit=20&order[id]=asc")}) == 60


def test_an_early_204_comes_once_per_walk(amo: AmoSandbox, call: Caller) -> None:
    amo.switches.change({"early_204": 2})
    assert call.get("contacts?limit=20&page=2").status_code == 204
    assert call.get("contacts?limit=20&page=2").status_code == 200
    assert call.get("contacts?limit=30&page=2").status_code == 204


def test_events_have_their_own_page_size_and_order(amo: AmoSandbox, call: Caller) -> None:
    amo.edit([{"kind": "contacts", "create": {"name": f"n{n}"}} for n in range(120)])
    assert len(call.rows("events?limit=100")) == 100
    assert len(call.rows("events?limit=250")) == 50
    amo.switches.change({"events_max": 250})
    everything = call.walk("events?limit=250")
    times = [row["created_at"] for row in everything]
    assert times == sorted(times, reverse=True)
    amo.switches.change({"events_order": "oldest"})
    assert [row["id"] for row in call.walk("events?limit=250")] == [row["id"] for row in reversed(everything)]
    amo.switches.change({"events_order": "shuffled"})
    shuffled = call.walk("events?limit=250")
    assert [row["created_at"] for row in shuffled] == times
    assert {row["id"] for row in shuffled} == {row["id"] for row in everything}
    assert [row["id"] for row in shuffled] != [row["id"] for row in everything]
