"""batch: commands, references, halting, limits (facts: bitrix24 3.3)."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest

from .portal_client import PortalClient, portal


def run(client: PortalClient, cmd: Any, **more: Any) -> dict[str, Any]:
    return client.call("batch", cmd=cmd, **more)


def test_results_stand_by_name(filled: PortalClient) -> None:
    answer = run(filled, {"a": "crm.contact.list?select[]=ID", "b": "crm.contact.get?id=999999", "c": "server.time"})
    assert set(answer) == {"result", "result_error", "result_total", "result_next", "result_time"}
    assert (answer["result_total"], answer["result_next"]) == ({"a": 230}, {"a": 50})
    assert answer["result_error"] == {"b": {"error": "", "error_description": "Not found"}}
    assert set(answer["result"]) == set(answer["result_time"]) == {"a", "c"}


def test_empty_maps_are_lists(filled: PortalClient) -> None:
    answer = run(filled, {"a": "crm.contact.get?id=999999"})
    assert (answer["result"], answer["result_total"], answer["result_next"], answer["result_time"]) == ([], [], [], [])
    assert run(filled, {"a": "server.time"})["result_error"] == []
    assert isinstance(run(filled, ["server.time", "profile"])["result"], list)
    assert set(run(filled, {"1": "server.time", "2": "profile"})["result"]) == {"1", "2"}


def test_references_plain_and_encoded(filled: PortalClient) -> None:
    encoded = quote("$result[a][0][ID]")
    cmd = {
        "a": "crm.contact.list?filter[>ID]=7&select[]=ID&order[ID]=ASC",
        "b": f"crm.contact.get?id={encoded}",
        "c": "crm.item.list?entityTypeId=3&filter%5B%3Eid%5D=$result[a][49][ID]&select[0]=id",
        "d": "crm.contact.list?filter[NAME]=$result[b][NAME]&filter[LAST_NAME]=$result[b][LAST_NAME]&select[]=ID",
        "e": "crm.item.get?entityTypeId=3&id=$result[c][items][1][id]",
    }
    answer = run(filled, cmd)["result"]
    assert answer["b"]["ID"] == "8"
    assert answer["c"]["items"][0]["id"] == 58
    assert "8" in [row["ID"] for row in answer["d"]]
    assert answer["e"]["item"]["id"] == 59


@pytest.mark.parametrize(("reading", "first"), [("empty", 1), ("deepest", 1)])
def test_unresolved_reference_starts_again(reading: str, first: int) -> None:
    with portal(contacts=60, unresolved_reference=reading) as client:
        link = "crm.item.list?entityTypeId=3&start=-1&order[id]=ASC&select[]=id&filter[>id]="
        cmd = {"1": f"{link}0", "2": f"{link}$result[1][items][49][id]", "3": f"{link}$result[2][items][49][id]"}
        answer = run(client, cmd)["result"]
        assert [len(answer[name]["items"]) for name in "123"] == [50, 10, 50]
        assert answer["3"]["items"][0]["id"] == first


def test_halt_stops_at_the_first_error(filled: PortalClient) -> None:
    cmd = {"a": "server.time", "b": "crm.deal.get?id=0", "c": "server.time"}
    for halt, done in ((1, {"a"}), (True, {"a"}), (0, {"a", "c"})):
        assert set(run(filled, cmd, halt=halt)["result"]) == done


def test_more_than_fifty(filled: PortalClient) -> None:
    cmd = {f"c{n}": "server.time" for n in range(52)}
    answer = run(filled, cmd)
    assert len(answer["result"]) == 50
    assert {error["error"] for error in answer["result_error"].values()} == {"ERROR_BATCH_LENGTH_EXCEEDED"}
    filled.switch(batch_overflow="refuse")
    assert filled.refusal("batch", cmd=cmd) == (400, "ERROR_BATCH_LENGTH_EXCEEDED")
    filled.switch(batch_overflow="each")


def test_no_batch_inside_a_batch(filled: PortalClient) -> None:
    answer = run(filled, {"a": "batch?cmd[x]=server.time", "b": "no.such.method"})["result_error"]
    assert (answer["a"]["error"], answer["b"]["error"]) == ("ERROR_BATCH_METHOD_NOT_ALLOWED", "ERROR_METHOD_NOT_FOUND")


def test_values_are_decoded_once_in_json_and_twice_in_a_form(filled: PortalClient) -> None:
    since = quote("2020-01-01T00:00:00+03:00", safe="")
    command = f"crm.contact.list?filter[>=DATE_MODIFY]={since}&select[]=ID"
    assert run(filled, {"a": command})["result_total"] == {"a": 230}
    form = f"cmd%5Ba%5D={quote(command, safe='')}"
    answer = filled.http.post(
        f"{filled.base}batch", data=form, headers={"Content-Type": "application/x-www-form-urlencoded"}, timeout=10
    )
    assert answer.json()["result"]["result_total"] == {"a": 230}


def test_commands_apply_in_order_without_a_transaction(empty: PortalClient) -> None:
    cmd = {
        "add": "crm.contact.add?fields[NAME]=Ann&fields[PHONE][0][VALUE]=%2B15550100",
        "deal": "crm.deal.add?fields[TITLE]=X&fields[CONTACT_IDS][]=$result[add]",
        "bad": "crm.contact.update?id=$result[add]&fields=no",
        "get": "crm.deal.get?id=$result[deal]",
    }
    answer = run(empty, cmd)
    assert answer["result"]["get"]["CONTACT_ID"] == str(answer["result"]["add"])
    assert empty.call("crm.contact.get", id=answer["result"]["add"])["PHONE"][0]["VALUE"] == "+15550100"
    assert set(answer["result_error"]) == {"bad"}


def test_fault_inside_a_batch(empty: PortalClient) -> None:
    empty.sandbox.faults.add({"match": {"call": "profile"}, "fault": "in_batch", "status": 503, "error": "QUERY_LIMIT_EXCEEDED"})
    answer = run(empty, {"a": "server.time", "b": "profile", "c": "profile"})
    assert answer["result_error"]["b"]["error"] == "QUERY_LIMIT_EXCEEDED"
    assert set(answer["result"]) == {"a", "c"}


def test_insertion_between_pages_shifts_offsets_but_not_keysets(empty: PortalClient) -> None:
    for n in range(60):
        empty.call("crm.contact.add", fields={"NAME": f"N{n}"})
    empty.sandbox.faults.add(
        {
            "match": {"call": "crm.contact.list"},
            "fault": "mutate",
            "after": 2,
            "edits": [{"kind": "contact", "id": 10, "delete": True}],
        }
    )
    first = [row["ID"] for row in empty.call("crm.contact.list", select=["ID"])]
    second = [row["ID"] for row in empty.call("crm.contact.list", select=["ID"], start=50)]
    assert "51" not in first + second
    rest = empty.call("crm.contact.list", select=["ID"], filter={">ID": first[-1]}, start=-1)
    assert rest[0]["ID"] == "51"
