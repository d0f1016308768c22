"""Lists: envelope, paging, 204, filters, orders, `with`, and the switches about them (facts: amocrm 3)."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crm_pipeline.sandbox.amocrm import AmoSandbox

from .caller import Caller


def test_the_envelope_is_hal_with_absolute_links(call: Caller) -> None:
    answer = call.get("leads?limit=7&page=2&order[id]=asc")
    body, url = answer.json(), call.sandbox.url
    assert answer.headers["Content-Type"] == "application/hal+json"
    assert answer.headers["X-Request-Id"]
    assert body["_page"] == 2
    query = "order%5Bid%5D=asc&limit=7"
    assert body["_links"] == {
        "self": {"href": f"{url}/api/v4/leads?{query}&page=2"},
        "next": {"href": f"{url}/api/v4/leads?{query}&page=3"},
        "first": {"href": f"{url}/api/v4/leads?{query}&page=1"},
        "prev": {"href": f"{url}/api/v4/leads?{query}&page=1"},
    }
    assert "_total_items" not in body
    assert len(body["_embedded"]["leads"]) == 7
    assert body["_embedded"]["leads"][0]["_links"]["self"]["href"].startswith(f"{url}/api/v4/leads/")


def test_links_use_the_address_the_caller_used(call: Caller) -> None:
    other = call.sandbox.url.replace("127.0.0.1", "localhost")
    body = call.get(f"{other}/api/v4/contacts?limit=1").json()
    assert body["_links"]["next"]["href"].startswith(other)
    assert body["_embedded"]["contacts"][0]["_links"]["self"]["href"].startswith(other)


def test_the_last_page_has_no_next_and_past_it_is_204(call: Caller) -> None:
    assert "next" not in call.get("contacts?limit=60").json()["_links"]
    assert "next" in call.get("contacts?limit=59").json()["_links"]
    past = call.get("contacts?limit=60&page=2")
    assert (past.status_code, past.content) == (204, b"")
    assert "Content-Type" not in past.headers


def test_the_default_limit_is_50_and_the_largest_250(call: Caller) -> None:
    assert len(call.rows("contacts")) == 50
    assert "limit=50" in call.get("contacts").json()["_links"]["self"]["href"]
    assert len(call.rows("contacts?limit=250")) == 60
    assert len(call.rows("contacts?limit=251")) == 50
    call.sandbox.switches.change({"over_limit": "refuse-400"})
    assert call.get("contacts?limit=251").status_code == 400


def test_totals_are_told_only_where_documented(call: Caller) -> None:
    for path in ("users?limit=2", "leads/custom_fields?limit=2"):
        body = call.get(path).json()
        assert body["_page_count"] == -(-body["_total_items"] // 2)
    for path in ("leads", "contacts", "tasks", "leads/notes", "events", "catalogs", "leads/tags"):
        assert "_total_items" not in call.get(path).json()
    assert call.get("leads/pipelines").json()["_total_items"] == 2


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    limit=st.integers(7, 70),
    kind=st.sampled_from(["leads", "contacts", "companies", "tasks"]),
    order=st.sampled_from(["", "&order[id]=asc", "&order[id]=desc", "&order[updated_at]=asc", "&order[updated_at]=desc"]),
)
def test_a_walk_meets_every_row_once(call: Caller, limit: int, kind: str, order: str) -> None:
    walked = [row["id"] for row in call.walk(f"{kind}?limit={limit}{order}")]
    assert sorted(walked) == [id for id, _ in call.sandbox.store.select(kind)]


@pytest.mark.parametrize("kind", ["leads", "contacts", "companies"])
@pytest.mark.parametrize("way", ["asc", "desc"])
def test_order_by_updated_at_breaks_ties_by_id(call: Caller, kind: str, way: str) -> None:
    keys = [(row["updated_at"], row["id"]) for row in call.rows(f"{kind}?limit=250&order[updated_at]={way}")]
    assert keys == sorted(keys, reverse=way == "desc")


def test_unknown_orders_are_ignored(call: Caller) -> None:
    plain = call.ids("tasks?limit=250")
    assert call.ids("tasks?limit=250&order[updated_at]=desc") == plain
    assert call.ids("contacts?limit=250&order[created_at]=desc") == call.ids("contacts?limit=250")
    till = [row["complete_till"] for row in call.rows("tasks?limit=250&order[complete_till]=asc")]
    assert till == sorted(till)


def test_ranges_are_inclusive_at_both_ends(call: Caller) -> None:
    rows = call.rows("leads?limit=250&order[updated_at]=asc")
    low, high = rows[10]["updated_at"], rows[20]["updated_at"]
    found = call.ids(f"leads?limit=250&filter[updated_at][from]={low}&filter[updated_at][to]={high}")
    assert sorted(found) == sorted(row["id"] for row in rows if low <= row["updated_at"] <= high)
    assert set(call.ids(f"leads?limit=250&filter[created_at][from]={low}")) == {r["id"] for r in rows if r["created_at"] >= low}
    closed = {row["id"] for row in rows if row["closed_at"] and row["closed_at"] <= high}
    assert set(call.ids(f"leads?limit=250&filter[closed_at][to]={high}")) == closed


def test_a_scalar_time_means_something_else_on_every_list(call: Caller) -> None:
    at = call.rows("leads?limit=250&order[updated_at]=asc")[30]["updated_at"]
    assert call.get(f"leads?filter[updated_at]={at}").status_code == 204
    tasks = call.rows("tasks?limit=250")
    middle = sorted(row["updated_at"] for row in tasks)[30]
    assert set(call.ids(f"tasks?limit=250&filter[updated_at]={middle}")) == {r["id"] for r in tasks if r["updated_at"] > middle}
    events = call.walk("events?limit=100")
    middle = sorted(row["created_at"] for row in events)[10]
    after = {row["id"] for row in events if row["created_at"] >= middle}
    assert {row["id"] for row in call.walk(f"events?limit=100&filter[created_at]={middle}")} == after
    last = max(row["created_at"] for row in events) - 1
    between = {row["id"] for row in events if middle <= row["created_at"] <= last}
    assert {row["id"] for row in call.walk(f"events?limit=100&filter[created_at]={middle},{last}")} == between


def test_many_values_in_both_array_syntaxes(call: Caller) -> None:
    one, two, three = call.ids("contacts?limit=3")
    assert call.ids(f"contacts?filter[id][]={one}&filter[id][]={three}") == [one, three]
    assert call.ids(f"contacts?filter[id][0]={two}&filter[id][1]={three}") == [two, three]
    assert call.ids(f"contacts?filter[id]={two}") == [two]


def test_lead_filters(call: Caller) -> None:
    leads = call.rows("leads?limit=250")
    status = leads[0]["status_id"]
    pair = f"filter[statuses][0][pipeline_id]=4401&filter[statuses][0][status_id]={status}"
    wanted = [row["id"] for row in leads if (row["pipeline_id"], row["status_id"]) == (4401, status)]
    assert call.ids(f"leads?limit=250&{pair}") == wanted
    owner = leads[0]["responsible_user_id"]
    mine = [row["id"] for row in leads if row["responsible_user_id"] == owner]
    assert call.ids(f"leads?limit=250&filter[responsible_user_id][]={owner}") == mine
    price = sorted(row["price"] for row in leads)[30]
    assert call.ids(f"leads?limit=250&filter[price][to]={price}") == [row["id"] for row in leads if row["price"] <= price]
    assert call.ids("leads?limit=250&filter[pipeline_id][]=4402") == [r["id"] for r in leads if r["pipeline_id"] == 4402]
    assert (
        call.rows("leads", "leads")[0]["name"]
        == call.get("leads", params={"filter[name]": leads[0]["name"]}).json()["_embedded"]["leads"][0]["name"]
    )


def test_custom_field_filters(call: Caller) -> None:
    leads = call.rows("leads?limit=250")

    def of(row: dict, field: int) -> list[dict]:
        return [value for entry in row["custom_fields_values"] or [] if entry["field_id"] == field for value in entry["values"]]

    cities = [row["id"] for row in leads if any(value["enum_id"] == 30201 for value in of(row, 302))]
    assert call.ids("leads?limit=250&filter[custom_fields_values][302][]=30201") == cities
    discounts = [row["id"] for row in leads if any(10 <= float(value["value"]) <= 20 for value in of(row, 303))]
    found = call.ids("leads?limit=250&filter[custom_fields_values][303][from]=10&filter[custom_fields_values][303][to]=20")
    assert found == discounts
    assert cities
    assert discounts


def test_query_searches_names_and_values_however_phones_are_written(call: Caller) -> None:
    contact = next(
        row for row in call.rows("contacts?limit=250") if any(e["field_code"] == "PHONE" for e in row["custom_fields_values"])
    )
    phone = next(e for e in contact["custom_fields_values"] if e["field_code"] == "PHONE")["values"][0]["value"]
    digits = "".join(letter for letter in phone if letter.isdigit())[1:]
    assert contact["id"] in call.ids(f"contacts?query={digits}")
    assert contact["id"] in [
        row["id"] for row in call.get("contacts", params={"query": contact["last_name"].lower()}).json()["_embedded"]["contacts"]
    ]
    assert call.get("contacts?query=leads").status_code == 204


def test_without_the_paid_filter_filters_are_ignored_in_silence(amo: AmoSandbox, call: Caller) -> None:
    amo.switches.change({"api_filter": False})
    assert call.get("account?with=is_api_filter_enabled").json()["is_api_filter_enabled"] is False
    for kind in ("leads", "contacts", "companies"):
        assert call.ids(f"{kind}?limit=250&filter[id]=1&filter[updated_at][from]=9999999999") == call.ids(f"{kind}?limit=250")
    assert call.get("tasks?filter[updated_at][from]=9999999999").status_code == 204
    assert call.get("leads/notes?filter[updated_at][from]=9999999999").status_code == 204


def test_unknown_filters_are_ignored(call: Caller) -> None:
    assert call.ids("leads?filter[nonsense]=1") == call.ids("leads")
    assert call.ids("leads?filter[only_deleted]=1") == call.ids("leads")


def test_with_embeds_only_what_is_asked_for(call: Caller) -> None:
    assert set(call.rows("leads?limit=1")[0]["_embedded"]) == {"tags", "companies"}
    lead = call.rows("leads?limit=1&with=contacts,catalog_elements,loss_reason,source,is_price_modified_by_robot")[0]
    assert set(lead["_embedded"]) == {"tags", "companies", "contacts", "catalog_elements", "loss_reason", "source"}
    assert lead["is_price_modified_by_robot"] is False
    main = [contact["is_main"] for contact in lead["_embedded"]["contacts"]]
    assert main.count(True) == 1
    assert set(call.rows("contacts?limit=1")[0]["_embedded"]) == {"tags", "companies"}
    assert set(call.rows("companies?limit=1")[0]["_embedded"]) == {"tags"}
    assert {"leads", "contacts"} <= set(call.rows("companies?limit=1&with=leads,contacts")[0]["_embedded"])


def test_both_sides_of_a_link_agree(call: Caller) -> None:
    leads = call.rows("leads?limit=250&with=contacts")
    contacts = call.rows("contacts?limit=250&with=leads")
    companies = call.rows("companies?limit=250&with=leads,contacts")
    seen = {(lead["id"], contact["id"]) for lead in leads for contact in lead["_embedded"]["contacts"]}
    assert seen == {(lead["id"], contact["id"]) for contact in contacts for lead in contact["_embedded"]["leads"]}
    under = {(company["id"], lead["id"]) for company in companies for lead in company["_embedded"]["leads"]}
    assert under == {(company["id"], lead["id"]) for lead in leads for company in lead["_embedded"]["companies"]}
    staff = {(company["id"], one["id"]) for company in companies for one in company["_embedded"]["contacts"]}
    assert staff == {(company["id"], one["id"]) for one in contacts for company in one["_embedded"]["companies"]}
    assert seen
    assert under
    assert staff


def test_a_lost_lead_embeds_its_reason_as_a_list(call: Caller) -> None:
    lost = next(row for row in call.rows("leads?limit=250&with=loss_reason") if row["loss_reason_id"])
    (reason,) = lost["_embedded"]["loss_reason"]
    assert reason["id"] == lost["loss_reason_id"]
    assert call.get(f"leads/loss_reasons/{reason['id']}").json()["name"] == reason["name"]


def test_an_empty_account_answers_204_everywhere(empty: Caller) -> None:
    for path in (
        "leads",
        "contacts",
        "companies",
        "tasks",
        "leads/notes",
        "events",
        "catalogs",
        "leads/tags",
        "webhooks",
        "leads/unsorted",
    ):
        assert empty.get(path).status_code == 204, path
    assert len(empty.rows("users")) == 2
    assert len(empty.rows("leads/pipelines")) == 2
    assert empty.get("leads?with=only_deleted").status_code == 204


def test_bad_paths_and_methods(call: Caller) -> None:
    missing = call.get("nothing")
    assert missing.status_code == 404
    assert missing.json()["detail"] == f"Cannot GET {call.sandbox.url}/api/v4/nothing"
    assert call.request("DELETE", "leads").status_code == 405
    assert call.get("customers").status_code == 402
