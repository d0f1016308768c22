"""Who we are to a portal: meter, hosts, consent, the account check, webhooks out (facts: bitrix24 1, 7, 8)."""

from contextlib import suppress
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_pipeline.connectors.bitrix24 import CONNECTOR, auth, webhooks
from crm_pipeline.connectors.bitrix24.brackets import Reference, as_list, as_map, parse, query
from crm_pipeline.connectors.bitrix24.client import Client
from crm_pipeline.errors import AccessDenied, ConfigurationError, ConsentNeeded, HostNotAllowed
from crm_pipeline.http import HostPolicy
from crm_pipeline_tests.connectors.bitrix24.portal import Safe, application, open_link, portal

HOSTS = HostPolicy(CONNECTOR.vendor_hosts)


@pytest.mark.parametrize(
    "host", ["acme.bitrix24.ru", "acme.bitrix24.com.br", "a-b.bitrix24.kz", "oauth.bitrix24.tech", "oauth.bitrix.info"]
)
def test_the_vendors_hosts_may_be_contacted(host: str) -> None:
    HOSTS.check(f"https://{host}/rest/")


@pytest.mark.parametrize("url", [
    "https://evil.example/rest/", "https://acme.bitrix24.ru.evil.example/", "https://evilbitrix24.ru/",
    "http://acme.bitrix24.ru/",
    "https://bitrix.info.evil.example/", "https://acme.bitrix24.ru@evil.example/",
])  # fmt: skip
def test_others_may_not(url: str) -> None:
    with pytest.raises(HostNotAllowed):
        HOSTS.check(url)


def test_all_connections_of_a_portal_share_one_meter_under_the_vendors_bucket() -> None:
    by_webhook = CONNECTOR.meter("", {"webhook_url": "https://Acme.bitrix24.ru/rest/7/k3y5ecr3t/"})
    by_token = CONNECTOR.meter("https://acme.bitrix24.ru/", {"access_token": "x"})
    assert by_webhook == by_token
    assert by_token.key == "bitrix24:acme.bitrix24.ru" and by_token.burst < 50 and by_token.interval >= 0.5


def test_consent_is_given_at_the_portal_with_state_and_without_redirect() -> None:
    url = CONNECTOR.authorization_url({"client_id": "local.ab.1", "base_url": "https://acme.bitrix24.ru/"}, "s&t")
    parts = urlsplit(url)
    assert (parts.netloc, parts.path) == ("acme.bitrix24.ru", "/oauth/authorize/")
    assert parse_qs(parts.query) == {"client_id": ["local.ab.1"], "state": ["s&t"]}
    with pytest.raises(ConfigurationError):
        CONNECTOR.authorization_url({"client_id": "x"}, "s")


def test_a_code_becomes_a_pair_of_tokens_with_the_portals_stable_id() -> None:
    with portal(application, contacts=1) as found:
        kept = found.vault.read()
        assert kept["access_token"] and kept["refresh_token"] and len(kept["member_id"]) == 32
        assert abs(kept["expires_at"] - datetime.now(UTC).timestamp() - 3_600) < 60
        assert CONNECTOR.check(found.link).stable_id == kept["member_id"]


def test_the_auth_server_is_a_setting() -> None:
    assert auth.auth_server({}) == "https://oauth.bitrix24.tech"
    assert auth.auth_server({"oauth_url": "https://oauth.bitrix.info/oauth/token/"}) == "https://oauth.bitrix.info"


def test_the_check_tells_who_what_and_which_faces() -> None:
    with portal(contacts=30) as found:
        account = found.checked().account
        assert account is not None
        assert (account.base_url, account.currency, account.timezone) == (found.sandbox.url, "RUB", "Etc/GMT-3")
        facts = account.facts
        assert (
            facts["auth"] == "webhook"
            and facts["is_admin"] is True
            and facts["user_id"] == "1"
            and facts["portal_offset"] == "+03:00"
        )
        assert facts["item_api"] and facts["catalog_api"] and facts["catalog_iblocks"]
        assert facts["filter_times"] == dict.fromkeys(
            ["contacts", "companies", "deals", "tasks", "communications", "products"], "iso"
        )
        assert account.warnings == ()
        secret = found.vault.secrets["webhook_url"].rstrip("/").rpartition("/")[2]
        assert secret not in repr(account)


def test_an_empty_portal_can_be_checked_and_walked() -> None:
    with portal(contacts=0) as found:
        found.checked()
        for stream in ("contacts", "deals", "tasks", "comments", "activities", "stage_history"):
            (*_, last) = found.pages(stream)
            assert last.resume is None and last.started_at is not None


def test_a_walk_without_facts_finds_out_by_itself() -> None:
    with portal(contacts=60) as found:
        assert set(found.ids("contacts", link=open_link(found.sandbox, found.vault))) == found.held("contact")


def test_without_any_credential_consent_is_asked_for() -> None:
    with portal(contacts=1) as found, pytest.raises(ConsentNeeded):
        CONNECTOR.check(open_link(found.sandbox, Safe({})))


def test_a_custom_fields_label_and_choices_come_with_its_definition() -> None:
    with portal(contacts=1) as found:
        found.checked()
        fields = found.context().fields
        tax = fields["companies:UF_CRM_1790000000011"]
        assert (tax["name"], tax["kind"]) == ("ИНН", "text")
        assert fields["contacts:UF_CRM_1790000000002"]["options"]


def test_custom_fields_are_read_by_those_who_are_no_administrators() -> None:
    with portal(contacts=1) as found:
        whole = found.ids("custom_fields")
        for word in ("contact", "company", "deal"):
            found.fault("in_batch", call=f"crm.{word}.userfield.list", status=403, error="ACCESS_DENIED")
        assert set(found.ids("custom_fields")) == set(whole)


def test_custom_fields_nobody_tells_about_are_not_taken_for_gone() -> None:
    with portal(contacts=1) as found:
        for call in ("crm.contact.userfield.list", "crm.contact.fields"):
            found.fault("in_batch", call=call, status=403, error="insufficient_scope")
        with pytest.raises(AccessDenied):
            found.ids("custom_fields")


def test_users_beyond_one_page_are_all_read() -> None:
    with portal(contacts=1) as found:
        for n in range(130):
            found.edit(kind="user", create={"NAME": f"User {n}", "EMAIL": f"u{n}@example.test"})
        assert set(found.ids("users")) == found.held("user")


def test_users_are_read_page_by_page_where_a_batch_repeats_the_first_page() -> None:
    with portal(contacts=1) as found:
        for n in range(130):
            found.edit(kind="user", create={"NAME": f"User {n}", "EMAIL": f"u{n}@example.test"})
        first = [record.payload for record in found.records("users")][:50]
        repeated = {
            "result": {"result": {"u50": first, "u100": first}, "result_error": [], "result_total": {"u50": 138}},
            "time": {},
        }
        found.fault("status", call="batch", status=200, body=repeated, times=0)
        assert set(found.ids("users")) == found.held("user")


# What a portal tells by itself ------------------------------------------------------------------------------------------

TOKEN = "9c8b7a6f5e4d3c2b1a09"
FORM = f"event=%s&data%%5BFIELDS%%5D%%5BID%%5D=%s&ts=1790000000&auth[application_token]={TOKEN}&auth[domain]=acme.bitrix24.ru"


@pytest.mark.parametrize(("event", "hint"), [
    ("ONCRMDEALUPDATE", ("deals", "410", "update")), ("ONCRMCONTACTADD", ("contacts", "410", "add")), ("oncrmcompanydelete",
    ("companies", "410", "delete")),
    ("ONCRMACTIVITYADD", ("communications", "410", "add")), ("ONCRMTIMELINECOMMENTADD", ("communications", "comment:410",
    "add")),
    ("ONCRMPRODUCTUPDATE", ("products", "410", "update")), ("CATALOG.PRODUCT.ON.UPDATE", ("products", "410", "update")),
    ("ONUSERADD", ("users", "410", "add")), ("ONCRMDEALMOVETOCATEGORY", ("deals", "410", "update")),
])  # fmt: skip
def test_events_hint_at_records(event: str, hint: tuple[str, str, str]) -> None:
    assert webhooks.parse(FORM % (event, 410), TOKEN) == [hint]


def test_tasks_name_their_id_before_or_after_and_the_word_undefined_is_none() -> None:
    body = f"event=ONTASKADD&data[FIELDS_BEFORE][ID]=undefined&data[FIELDS_AFTER][ID]=801&auth[application_token]={TOKEN}"
    assert webhooks.parse(body.encode(), TOKEN) == [("tasks", "801", "add")]
    assert webhooks.hints("ONTASKDELETE", {"FIELDS_BEFORE": {"ID": "801"}, "FIELDS_AFTER": "undefined"}) == [
        ("tasks", "801", "delete")
    ]


@pytest.mark.parametrize("event", ["ONCRMLEADADD", "ONAPPINSTALL", "ONOFFLINEEVENT", ""])
def test_other_events_hint_at_nothing(event: str) -> None:
    assert webhooks.parse(FORM % (event, 1), TOKEN) == []


@pytest.mark.parametrize("token", ["", "another-token"])
def test_a_delivery_without_our_application_token_is_refused(token: str) -> None:
    with pytest.raises(AccessDenied):
        webhooks.parse(FORM % ("ONCRMDEALUPDATE", 1), token)


@given(st.binary(max_size=200))
def test_any_body_is_hints_or_a_refusal(body: bytes) -> None:
    with suppress(AccessDenied):
        assert isinstance(webhooks.parse(body, TOKEN), list)


# PHP's notation ---------------------------------------------------------------------------------------------------------

NAMES = st.text("abc_>=<!0123456789", min_size=1, max_size=6)
TREES = st.recursive(st.text(max_size=8), lambda inner: st.dictionaries(NAMES, inner, min_size=1, max_size=3), max_leaves=8)


@given(st.dictionaries(NAMES, TREES, min_size=1, max_size=4))
def test_what_is_written_in_brackets_reads_back(tree: dict[str, object]) -> None:
    assert parse(query(tree)) == tree


def test_a_reference_is_sent_as_it_is_and_a_time_zones_plus_survives() -> None:
    written = query({"filter": {">id": Reference("$result[p0][items][49][id]"), ">=updatedTime": "2026-09-21T16:13:20+03:00"}})
    assert (
        written == "filter%5B%3Eid%5D=$result[p0][items][49][id]&filter%5B%3E%3DupdatedTime%5D=2026-09-21T16%3A13%3A20%2B03%3A00"
    )


@pytest.mark.parametrize(("value", "as_a_map", "as_a_list"), [
    ([], {}, []), (None, {}, []), (False, {}, []), ({"a": 1}, {"a": 1}, [1]), ([5], {"0": 5}, [5]), ("", {}, []),
])  # fmt: skip
def test_phps_empty_collections_are_read(value: object, as_a_map: object, as_a_list: object) -> None:
    assert (as_map(value), as_list(value)) == (as_a_map, as_a_list)


def test_a_batch_never_holds_more_than_fifty_commands() -> None:
    with portal(contacts=1) as found, pytest.raises(ValueError, match="50"):
        Client(found.link).batch({f"c{n}": ("server.time", {}) for n in range(51)})
