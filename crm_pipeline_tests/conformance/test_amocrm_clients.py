"""Two independent amoCRM clients, unmodified, against the stand-in: what they read is what it holds, field for field.

aioamocrm (httpx, pydantic, strict) and amocrm-api-wrapper 0.0.20 (requests, loose) share no code with each other or with us.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from aioamocrm import (
    AmoCRMClient,
    AuthError,
    Contact,
    Lead,
    LongLivedToken,
    MemoryTokenStorage,
    Note,
    NotFoundError,
    OAuth2,
    Task,
    TokenSet,
    ValidationError,
)
from amocrm_api import AmoOAuthClient
from amocrm_api.errors import AmoException

from crm_pipeline.model.records import RawRecord
from crm_pipeline.sandbox.amocrm import AmoSandbox
from crm_pipeline.sandbox.serving import Options
from crm_pipeline_tests.connectors.amocrm.writing_stand import amo_writing_stand
from crm_pipeline_tests.connectors.writing_contract import assert_holds, make

Row = dict[str, Any]
KINDS = pytest.mark.parametrize("kind", ["leads", "contacts", "companies"])
PEOPLE = 300  # more than one page of 250


@pytest.fixture(scope="module")
def amo() -> Iterator[AmoSandbox]:
    with AmoSandbox(Options(contacts=PEOPLE)).running() as sandbox:
        yield sandbox


@pytest.fixture
def calm(amo: AmoSandbox) -> Iterator[AmoSandbox]:
    """The same account, put back to its default switches afterwards."""
    before = amo.switches.as_dict()
    yield amo
    amo.switches.change(before)


def held(amo: AmoSandbox, kind: str) -> list[Row]:
    """Answer the rows the stand-in holds, in id order."""
    return [orjson.loads(body) for _, body in amo.store.select(kind)]


def row(amo: AmoSandbox, kind: str, id: int | None) -> Row:
    return amo.store.get(kind, id or 0) or {}


# aioamocrm


def modern(amo: AmoSandbox, work: Callable[[AmoCRMClient], Awaitable[Any]], auth: Any = None) -> Any:
    """Run some calls of aioamocrm."""

    async def run() -> Any:
        token = auth or LongLivedToken(amo.credentials()["long_lived_token"])
        async with AmoCRMClient(auth=token, base_url=amo.url, rate_limit=None) as client:
            return await work(client)

    return asyncio.run(run())


def plain(model: Any) -> Row:
    """Answer a model as the JSON it was read from."""
    return model.model_dump(mode="json", by_alias=True, exclude_unset=True)


def walked(amo: AmoSandbox, listing: Callable[[AmoCRMClient], Any], **query: Any) -> list[Row]:
    async def work(client: AmoCRMClient) -> list[Row]:
        return [plain(model) async for model in listing(client).iterate(**query)]

    return modern(amo, work)


@KINDS
def test_aioamocrm_reads_every_row_field_for_field(amo: AmoSandbox, kind: str) -> None:
    assert walked(amo, lambda client: getattr(client, kind)) == held(amo, kind)


@KINDS
def test_aioamocrm_walks_small_pages_in_order_of_change(amo: AmoSandbox, kind: str) -> None:
    found = walked(amo, lambda client: getattr(client, kind), limit=40, order={"updated_at": "asc"})
    assert found == sorted(held(amo, kind), key=lambda one: (one["updated_at"], one["id"]))


def test_aioamocrm_reads_a_window(amo: AmoSandbox) -> None:
    rows = held(amo, "contacts")
    low, high = sorted(one["updated_at"] for one in rows)[50], sorted(one["updated_at"] for one in rows)[120]
    found = walked(amo, lambda client: client.contacts, filter={"updated_at": {"from": low, "to": high}})
    assert found == [one for one in rows if low <= one["updated_at"] <= high]


def test_aioamocrm_reads_tasks_notes_users_fields_and_pipelines(amo: AmoSandbox) -> None:
    tasks = walked(amo, lambda client: client.tasks)
    assert tasks == [one | {"result": one["result"] or None} for one in held(amo, "tasks")]
    for kind in ("leads", "contacts", "companies"):
        assert walked(amo, lambda client, kind=kind: getattr(client, kind).notes) == held(amo, f"{kind}_notes")
        assert walked(amo, lambda client, kind=kind: getattr(client, kind).custom_fields) == held(amo, f"fields_{kind}")
    users = walked(amo, lambda client: client.users)
    assert [{k: v for k, v in one.items() if k != "_embedded"} for one in users] == held(amo, "users")
    pipelines = modern(amo, lambda client: client.pipelines.list())
    assert [plain(one) for one in pipelines] == held(amo, "pipelines")


def test_aioamocrm_embeds_linked_rows(amo: AmoSandbox) -> None:
    leads = walked(amo, lambda client: client.leads, with_=["contacts", "catalog_elements"])
    pairs = {(pair["lead"], pair["contact"], pair["is_main"]) for pair in held(amo, "lead_contacts")}
    assert pairs == {(lead["id"], one["id"], one["is_main"]) for lead in leads for one in lead["_embedded"]["contacts"]}
    elements = {one["id"]: one["elements"] for one in held(amo, "leads_elements")}
    assert {
        lead["id"]: lead["_embedded"]["catalog_elements"] for lead in leads if lead["_embedded"]["catalog_elements"]
    } == elements


def test_aioamocrm_reads_the_account_and_single_rows(amo: AmoSandbox) -> None:
    account = modern(amo, lambda client: client.account.get(with_=["task_types", "datetime_settings"]))
    assert (account.id, account.subdomain) == (amo.account.id, "acme")
    some = held(amo, "contacts")[7]
    assert plain(modern(amo, lambda client: client.contacts.get(some["id"]))) == some
    with pytest.raises(NotFoundError):
        modern(amo, lambda client: client.contacts.get(1))


def test_aioamocrm_creates_patches_and_reads_back(amo: AmoSandbox) -> None:
    contact = Contact(name="Анна Ким")
    contact.set_field("PHONE", "+79001112233", enum_code="MOB")
    (made,) = modern(amo, lambda client: client.contacts.create([contact]))
    stored = row(amo, "contacts", made.id)
    assert stored["name"] == "Анна Ким"
    assert stored["custom_fields_values"][0]["values"] == [{"value": "+79001112233", "enum_id": 10202, "enum_code": "MOB"}]
    (lead,) = modern(amo, lambda client: client.leads.create([Lead(name="Сделка", price=100)]))
    (changed,) = modern(amo, lambda client: client.leads.update([Lead(id=lead.id, price=250, status_id=142)]))
    stored = row(amo, "leads", lead.id)
    assert (stored["price"], stored["status_id"], stored["updated_at"]) == (250, 142, changed.updated_at)
    modern(amo, lambda client: client.leads.link(lead.id, "contacts", made.id, metadata={"is_main": True}))
    links = modern(amo, lambda client: client.leads.links(lead.id))
    assert [(link.to_entity_id, link.metadata) for link in links] == [(made.id, {"main_contact": True})]
    (note,) = modern(amo, lambda client: client.leads.notes.create([Note.common(lead.id, "привет")]))
    assert row(amo, "leads_notes", note.id)["params"] == {"text": "привет"}
    many = modern(amo, lambda client: client.contacts.create([Contact(name=f"n{n}") for n in range(120)]))
    assert [row(amo, "contacts", one.id)["name"] for one in many] == [f"n{n}" for n in range(120)]


@pytest.mark.parametrize("shape", ["root", "embedded"])
def test_aioamocrm_completes_a_task_whatever_the_answer_looks_like(calm: AmoSandbox, shape: str) -> None:
    calm.switches.change({"single_patch": shape})
    (task,) = modern(calm, lambda client: client.tasks.create([Task(text="x", complete_till=1_900_000_000)]))
    modern(calm, lambda client: client.tasks.complete(task.id, result="готово"))
    stored = row(calm, "tasks", task.id)
    assert (stored["is_completed"], stored["result"]) == (True, {"text": "готово"})


def test_aioamocrm_creates_complex_leads(amo: AmoSandbox) -> None:
    lead = Lead(name="Заявка")
    lead.embedded.contacts.append(Contact(name="Новый"))
    (made,) = modern(amo, lambda client: client.leads.create_complex([lead]))
    assert row(amo, "contacts", made.contact_id)["name"] == "Новый"
    assert made.merged is False


def test_aioamocrm_understands_validation_errors(amo: AmoSandbox) -> None:
    with pytest.raises(ValidationError) as refused:
        modern(amo, lambda client: client.leads.create([Lead(name="ok"), Lead(name="bad", responsible_user_id=1)]))
    (issue,) = refused.value.errors
    assert (issue.request_id, issue.code, issue.path) == ("1", "NotSupportedChoice", "responsible_user_id")


def oauth(amo: AmoSandbox) -> tuple[OAuth2, MemoryTokenStorage]:
    keys, storage = amo.credentials(), MemoryTokenStorage()
    return OAuth2(keys["client_id"], keys["client_secret"], keys["redirect_uri"], storage=storage), storage


@pytest.mark.parametrize("body", ["httpstatus", "oauth"])
def test_aioamocrm_exchanges_a_code_and_refreshes_after_401(calm: AmoSandbox, body: str) -> None:
    calm.switches.change({"unauthorized_body": body})
    auth, storage = oauth(calm)

    async def work(client: AmoCRMClient) -> tuple[TokenSet | None, TokenSet | None]:
        await client.exchange_code(calm.credentials()["code"])
        first = await storage.load()
        calm.faults.add({"fault": "expired_token", "match": {"path": "/api/v4/account"}})
        assert (await client.account.get()).id == calm.account.id
        return first, await storage.load()

    first, second = modern(calm, work, auth)
    assert first.refresh_token != second.refresh_token

    async def spent(client: AmoCRMClient) -> None:
        await storage.save(first)
        await client.auth.refresh(client._endpoint)

    fresh, storage = oauth(calm)
    with pytest.raises(AuthError, match="Token has been revoked"):
        modern(calm, spent, fresh)


# amocrm-api-wrapper 0.0.20


@pytest.fixture
def classic(calm: AmoSandbox) -> AmoOAuthClient:
    keys = calm.credentials()
    grant = {name: keys[name] for name in ("client_id", "client_secret", "redirect_uri", "code")} | {
        "grant_type": "authorization_code"
    }
    pair = calm.authority.grant(grant, calm.url.removeprefix("http://"))
    urls = (calm.url, keys["client_id"], keys["client_secret"], keys["redirect_uri"])
    return AmoOAuthClient(pair["access_token"], pair["refresh_token"], *urls)


def pages(read: Callable[..., Row], key: str, **query: Any) -> list[Row]:
    """Walk by page number until an empty answer, which is how the wrapper shows 204."""
    found: list[Row] = []
    page = 1
    while body := read(page=page, **query):
        found += body["_embedded"][key]
        page += 1
    return found


@KINDS
def test_the_wrapper_pages_through_every_row(classic: AmoOAuthClient, calm: AmoSandbox, kind: str) -> None:
    assert pages(getattr(classic, f"get_{kind}"), kind) == held(calm, kind)
    assert pages(getattr(classic, f"get_{kind}"), kind, limit=70, order={"id": "desc"}) == held(calm, kind)[::-1]


def test_the_wrapper_reads_the_other_lists(classic: AmoOAuthClient, calm: AmoSandbox) -> None:
    assert pages(classic.get_tasks, "tasks") == held(calm, "tasks")
    products = pages(lambda page: classic.get_catalog_elements(1209, page=page), "elements")
    assert products == held(calm, "elements_1209")
    assert pages(classic.get_catalogs, "catalogs") == held(calm, "catalogs")
    notes = pages(lambda page: classic.get_notes_by_entity_type("leads", page=page), "notes")
    assert sorted(notes, key=lambda one: one["id"]) == held(calm, "leads_notes")
    events = pages(lambda page: classic.get_events(page=page, limit=100), "events")
    assert sorted(one["id"] for one in events) == sorted(one["id"] for one in held(calm, "events"))
    assert classic.get_event(events[0]["id"]) == events[0]
    assert classic.get_pipelines()["_embedded"]["pipelines"] == held(calm, "pipelines")
    assert classic.get_contacts_custom_fields()["_embedded"]["custom_fields"] == held(calm, "fields_contacts")
    assert classic.get_account_info(with_task_types=True)["id"] == calm.account.id


def test_the_wrapper_filters_by_ids_and_windows(classic: AmoOAuthClient, calm: AmoSandbox) -> None:
    rows = held(calm, "leads")
    wanted = [rows[3]["id"], rows[9]["id"]]
    assert [one["id"] for one in classic.get_leads(filter_ids=wanted)["_embedded"]["leads"]] == wanted
    low = sorted(one["updated_at"] for one in rows)[200]
    found = pages(lambda page: classic.get_leads(page=page, filters={"updated_at__from": low}), "leads")
    assert found == [one for one in rows if one["updated_at"] >= low]


def test_the_wrapper_posts_patches_and_links(classic: AmoOAuthClient, calm: AmoSandbox) -> None:
    made = classic.create_contacts([{"name": "Пётр"}])["_embedded"]["contacts"][0]["id"]
    classic.update_contacts([{"id": made, "custom_fields_values": [{"field_code": "EMAIL", "values": [{"value": "p@ex.org"}]}]}])
    assert row(calm, "contacts", made)["custom_fields_values"][0]["values"][0]["value"] == "p@ex.org"
    assert classic.get_contact(made)["name"] == "Пётр"
    lead = classic.create_leads([{"name": "x"}])["_embedded"]["leads"][0]["id"]
    classic.link_leads_entity(lead, [{"to_entity_id": made, "to_entity_type": "contacts"}])
    assert classic.get_leads_links(lead)["_embedded"]["links"][0]["to_entity_id"] == made
    task = classic.add_tasks([{"text": "x", "complete_till": 1_900_000_000}])["_embedded"]["tasks"][0]["id"]
    classic.execution_task(task, True, "ok")
    assert row(calm, "tasks", task)["result"] == {"text": "ok"}
    note = classic.create_entity_note("leads", [{"note_type": "common", "params": {"text": "n"}}], lead)
    assert row(calm, "leads_notes", note["_embedded"]["notes"][0]["id"])["entity_id"] == lead
    classic.subscribe_webhook("http://127.0.0.1:9/hook", ["add_lead"])
    assert classic.get_webhooks()["_embedded"]["webhooks"][0]["settings"] == ["add_lead"]


def test_the_wrapper_raises_on_validation_errors(classic: AmoOAuthClient) -> None:
    with pytest.raises(AmoException, match="Request validation failed"):
        classic.create_leads([{"name": "x", "nonsense": 1}])


def test_the_wrapper_refreshes_by_itself_only_on_the_oauth_body(classic: AmoOAuthClient, calm: AmoSandbox) -> None:
    old = classic.refresh_token
    calm.faults.add({"fault": "expired_token", "match": {"path": "/api/v4/leads"}, "times": 2})
    with pytest.raises(AmoException):
        classic.get_leads()
    assert classic.refresh_token == old
    calm.switches.change({"unauthorized_body": "oauth"})
    assert classic.get_leads()["_embedded"]["leads"]
    assert classic.refresh_token != old
    again = classic.refresh_token
    classic.update_tokens()
    assert classic.refresh_token != again


# what our connector wrote, read back by somebody else's client


def test_aioamocrm_reads_back_what_the_connector_wrote() -> None:
    with amo_writing_stand() as stand:
        amo, contact = stand.sandbox, min(stand.ids("contacts"), key=int)
        samples = {
            "contacts": {
                "first_name": "Анна", "last_name": "Ким", "phones": ["+79001112233"], "emails": ["anna@ex.org"], "tags": ["опт"],
            },
            "companies": {"name": "ООО Ромашка", "tax_id": "7707083893", "website": "https://romashka.example"},
            "deals": {"title": "Кофемашина", "amount": 185000, "stage_external_id": "4401:440102", "tags": ["опт"]},
            "tasks": {
                "title": "Позвонить", "kind": "call", "due_at": datetime(2027, 1, 5, tzinfo=UTC),
                "target_entity": "contacts", "target_external_id": contact,
            },
        }  # fmt: skip
        for entity, values in samples.items():
            kind = "leads" if entity == "deals" else entity
            (outcome,) = make(stand, entity, [values])
            rows = walked(amo, lambda client, kind=kind: getattr(client, kind))
            payload = next(one for one in rows if str(one["id"]) == outcome.external_id)
            said = stand.connector.express(entity, values, stand.context)
            (source,) = stand.connector.normalize(RawRecord(entity, outcome.external_id or "", payload), stand.context)
            assert_holds(source, said)
            assert payload == row(amo, kind, payload["id"]) | ({"result": None} if kind == "tasks" else {})
