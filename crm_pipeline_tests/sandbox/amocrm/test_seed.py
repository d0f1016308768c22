"""What a world becomes in an account: every record, with its values; and what the admin plane does with it."""

from __future__ import annotations

import re

import requests

from crm_pipeline.sandbox.amocrm import AmoSandbox
from crm_pipeline.sandbox.serving import Options
from crm_pipeline.sandbox.world import world_of

from .caller import Caller


def texts(row: dict, code: str) -> list[str]:
    return [v["value"] for entry in row["custom_fields_values"] or [] if entry["field_code"] == code for v in entry["values"]]


def test_every_person_company_and_deal_of_the_world_is_there(amo: AmoSandbox, call: Caller) -> None:
    world = world_of(amo.options)
    contacts = {row["id"] - 10_000_000: row for row in call.walk("contacts?limit=250")}
    for person in world.people():
        row = contacts.pop(person.key)
        assert (row["first_name"], row["last_name"]) == (person.first, person.last)
        assert texts(row, "PHONE") == list(person.phones)
        assert texts(row, "EMAIL") == list(person.emails)
        assert (row["created_at"], row["updated_at"]) == (person.created, person.updated)
        assert [tag["name"] for tag in row["_embedded"]["tags"]] == list(person.tags)
        assert [one["id"] - 20_000_000 for one in row["_embedded"]["companies"]] == ([person.company] if person.company else [])
    assert contacts == {}
    leads = {row["id"] - 30_000_000: row for row in call.walk("leads?limit=250&with=contacts,catalog_elements")}
    for deal in world.deals():
        row = leads.pop(deal.key)
        assert row["price"] == int(deal.amount or 0)
        people = sorted(row["_embedded"]["contacts"], key=lambda one: not one["is_main"])
        assert {one["id"] - 10_000_000 for one in people} == set(deal.people)
        assert [one["id"] - 10_000_000 for one in people if one["is_main"]] == list(deal.people[:1])
        elements = [(one["id"] - 6_000_000, one["metadata"]["quantity"]) for one in row["_embedded"]["catalog_elements"]]
        assert elements == ([(deal.product, deal.quantity)] if deal.product else [])
        assert (row["status_id"] in (142, 143)) == (deal.stage in ("won", "lost")) == (row["closed_at"] is not None)
    assert leads == {}
    companies = {row["id"] - 20_000_000: row for row in call.walk("companies?limit=250")}
    for company in world.companies():
        assert texts(companies[company.key], "INN") == ([company.tax_id] if company.tax_id else [])
    assert len(companies) == world.counts["companies"]
    notes = sum(len(call.walk(f"{kind}/notes?limit=250")) for kind in ("leads", "contacts", "companies"))
    assert (len(call.walk("tasks?limit=250")), notes) == (world.counts["tasks"], world.counts["talks"])


def test_references_inside_the_account_all_exist(call: Caller) -> None:
    users = set(call.ids("users?limit=250"))
    stages = {(p["id"], s["id"]) for p in call.rows("leads/pipelines") for s in p["_embedded"]["statuses"]}
    fields = {row["id"]: row for row in call.rows("leads/custom_fields?limit=250")}
    tags = {(row["id"], row["name"]) for row in call.rows("leads/tags?limit=250")}
    for lead in call.walk("leads?limit=250"):
        assert lead["responsible_user_id"] in users
        assert (lead["pipeline_id"], lead["status_id"]) in stages
        assert {(tag["id"], tag["name"]) for tag in lead["_embedded"]["tags"]} <= tags
        for entry in lead["custom_fields_values"] or []:
            assert entry["field_type"] == fields[entry["field_id"]]["type"]
            enums = {(enum["id"], enum["value"]) for enum in fields[entry["field_id"]]["enums"] or []}
            assert not enums or {(value["enum_id"], value["value"]) for value in entry["values"]} <= enums


def test_what_is_read_could_be_written(call: Caller) -> None:
    for kind in ("leads", "contacts", "companies"):
        rows = call.walk(f"{kind}?limit=250")
        batch = [
            {
                "id": row["id"],
                "custom_fields_values": [{"field_id": e["field_id"], "values": e["values"]} for e in row["custom_fields_values"]],
            }
            for row in rows
            if row["custom_fields_values"]
        ]
        assert call.patch(kind, batch).status_code == 200
        again = {row["id"]: row["custom_fields_values"] for row in call.walk(f"{kind}?limit=250")}
        assert again == {row["id"]: row["custom_fields_values"] for row in rows}


def test_the_same_options_make_the_same_account() -> None:
    def held(options: Options) -> list[tuple[int, str]]:
        with AmoSandbox(options).running() as sandbox:
            return [(id, re.sub(r"http://[^/]+", "", body)) for id, body in sandbox.store.select("contacts")]

    assert held(Options(contacts=30, seed=3)) == held(Options(contacts=30, seed=3)) != held(Options(contacts=30, seed=4))


def test_the_admin_plane_edits_and_shows_rows(amo: AmoSandbox, call: Caller) -> None:
    admin = f"{amo.url}/_sandbox"
    id = requests.post(f"{admin}/edit", json={"kind": "contacts", "create": {"name": "Новый"}}, timeout=10).json()["ids"][0]
    rows = requests.get(f"{admin}/rows/contacts?after={id - 1}", timeout=10).json()["rows"]
    assert rows == [call.get(f"contacts/{id}").json()]
    refused = requests.post(f"{admin}/edit", json={"kind": "contacts", "id": id, "set": {"nope": 1}}, timeout=10)
    assert (refused.status_code, "FieldNotExpected" in refused.text) == (400, True)
    keys = requests.get(f"{admin}/credentials", timeout=10).json()
    assert {"client_id", "client_secret", "redirect_uri", "code", "long_lived_token", "base_url"} <= keys.keys()
    assert Caller(amo, keys["long_lived_token"]).get("account").status_code == 200


def test_random_work_is_repeatable_and_all_of_it_can_be_done(amo: AmoSandbox, call: Caller) -> None:
    edits = amo.random_edits(200, 7)
    assert edits == amo.random_edits(200, 7) != amo.random_edits(200, 8)
    before = amo.store.count("events")
    assert len(amo.work(200, 7)) == 200
    assert amo.store.count("events") > before
    assert len(call.walk("contacts?limit=250&with=leads")) >= 60


def test_work_in_an_empty_account_makes_contacts(empty: Caller) -> None:
    empty.sandbox.work(5, 1)
    assert len(empty.rows("contacts")) >= 1
