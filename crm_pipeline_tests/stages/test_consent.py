"""Consent over both stand-ins: an administrator goes there, comes back, and has a working connection, or a sentence why not."""

import secrets
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import requests
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from crm_pipeline.connectors import discover
from crm_pipeline.database import connections
from crm_pipeline.database.budget import PostgresBudget
from crm_pipeline.errors import ConsentNeeded, HostNotAllowed, UsageError
from crm_pipeline.sandbox.amocrm import AmoSandbox
from crm_pipeline.sandbox.bitrix24 import BitrixSandbox
from crm_pipeline.sandbox.serving import Options, Sandbox
from crm_pipeline.settings import Settings
from crm_pipeline.stages.consent import AccessRefused, StateRefused, Wanted, ask, author_of, finish
from crm_pipeline.stages.disconnect import disconnect
from crm_pipeline.stages.reconcile import reconcile
from crm_pipeline.stages.sync import sync
from crm_pipeline.wiring import Pipeline

NOW = datetime.now(UTC)
NEWEST, NEWER, OLDER = (secrets.token_urlsafe(48) for _ in range(3))
CALLBACK = "http://127.0.0.1/callback"


@dataclass
class Office:
    """A pipeline and both CRMs."""

    parts: Pipeline
    crms: dict[str, Sandbox]

    def wanted(self, crm: str, **changes: Any) -> Wanted:
        """Return what an administrator asks for, with the keys the stand-in shows."""
        shown, url = self.crms[crm].credentials(), self.crms[crm].url
        told = Wanted(crm, shown["client_id"], shown["client_secret"], url, "", shown["redirect_uri"], shown.get("oauth_url", ""))
        return replace(told, **changes)

    def answer(self, url: str) -> dict[str, str]:
        """Open a consent link, and return the query the browser is sent back with."""
        back = requests.get(url, allow_redirects=False, timeout=10)
        assert back.status_code == 302, back.text
        return dict(parse_qsl(urlsplit(back.headers["Location"]).query))


@pytest.fixture
def office(database: Engine, database_url: str, encryption_key: str) -> Iterator[Office]:
    """Yield a pipeline with both stand-ins."""
    told = {"database_url": database_url, "encryption_key": encryption_key, "jwt_secret": f"{NEWER},{OLDER}"}
    parts = Pipeline(Settings(**told, allowed_hosts="127.0.0.1"), database, discover(), PostgresBudget(database))
    with database.begin() as db:
        users = "SELECT 'u' || n, '-', 'admin' FROM generate_series(1, 9) n"
        db.exec_driver_sql(f"INSERT INTO sync.api_users (username, password_hash, role) {users}")
    with ExitStack() as stack:
        amo = stack.enter_context(AmoSandbox(Options(contacts=5, switches={"redirect_uri": CALLBACK})).running())
        bitrix = stack.enter_context(BitrixSandbox(Options(contacts=5)).running())
        yield Office(parts, {"amocrm": amo, "bitrix24": bitrix})
    parts.close()


BOTH = pytest.mark.parametrize("crm", ["amocrm", "bitrix24"])


@BOTH
def test_a_consent_makes_a_connection_that_is_due_at_once(office: Office, crm: str) -> None:
    asked = ask(office.parts, office.wanted(crm, name="sales"), 7, now=NOW)
    assert author_of(office.parts, asked.state, now=NOW) == 7
    row = finish(office.parts, office.answer(asked.url), now=NOW)
    assert (row.name, row.status, row.crm) == ("sales", "active", crm)
    assert row.next_due_at <= datetime.now(UTC)
    assert sync(office.parts, "sales", "initial", ["contacts"]).entities["contacts"].inserted > 0


@BOTH
def test_the_account_comes_back_under_the_name_it_had_also_when_it_was_removed(office: Office, crm: str) -> None:
    first = finish(office.parts, office.answer(ask(office.parts, office.wanted(crm), 1, now=NOW).url), now=NOW)
    assert first.name == f"{crm}-127-0-0-1"
    again = ask(office.parts, Wanted(crm, first_id(office, crm), None, office.crms[crm].url, "another"), 1, now=NOW)
    assert finish(office.parts, office.answer(again.url), now=NOW).id == first.id
    disconnect(office.parts, first.name, actor="boss")
    back = ask(office.parts, office.wanted(crm, name="third"), 1, now=NOW)
    row = finish(office.parts, office.answer(back.url), now=NOW)
    assert (row.id, row.name, row.status) == (first.id, first.name, "active")
    assert [one.name for one in connections.list_connections(office.parts.engine)] == [first.name]


def first_id(office: Office, crm: str) -> str:
    """Return the client id of a stand-in's application."""
    return str(office.crms[crm].credentials()["client_id"])


@BOTH
def test_a_state_is_good_once(office: Office, crm: str) -> None:
    answer = office.answer(ask(office.parts, office.wanted(crm), 1, now=NOW).url)
    finish(office.parts, answer, now=NOW)
    with pytest.raises(StateRefused, match="used before"):
        finish(office.parts, answer | {"code": str(office.crms[crm].credentials()["code"])}, now=NOW)


def test_a_state_is_over_after_ten_minutes(office: Office) -> None:
    answer = office.answer(ask(office.parts, office.wanted("amocrm"), 1, now=NOW).url)
    with pytest.raises(StateRefused, match="ten minutes"):
        finish(office.parts, answer, now=NOW + timedelta(minutes=10))
    assert connections.list_connections(office.parts.engine) == []


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.integers(0, 400), letter=st.sampled_from("AZaz09-_.é\x00"))
def test_a_state_with_any_character_changed_is_refused(office: Office, place: int, letter: str) -> None:
    state = ask(office.parts, office.wanted("amocrm"), 1, now=NOW).state
    changed = state[: place % len(state)] + letter + state[place % len(state) + 1 :]
    if changed != state:
        with pytest.raises(StateRefused):
            author_of(office.parts, changed, now=NOW)


def test_a_state_of_another_installation_and_one_signed_before_rotation(office: Office) -> None:
    state = ask(office.parts, office.wanted("amocrm"), 1, now=NOW).state
    for secret, known in {f"{NEWEST},{NEWER}": True, OLDER: False}.items():
        other = replace(office.parts, settings=office.parts.settings.model_copy(update={"jwt_secret": secret}))
        if known:
            assert author_of(other, state, now=NOW) == 1
        else:
            with pytest.raises(StateRefused):
                author_of(other, state, now=NOW)


def test_a_state_is_of_one_user_who_may_still_connect(office: Office, database: Engine) -> None:
    answer = office.answer(ask(office.parts, office.wanted("amocrm"), 1, now=NOW).url)
    with pytest.raises(StateRefused, match="somebody else"):
        finish(office.parts, answer, now=NOW, caller=2)
    for change in ("role = 'operator'", "role = 'admin', disabled_at = now()"):
        with database.begin() as db:
            db.exec_driver_sql(f"UPDATE sync.api_users SET {change} WHERE id = 1")
        with pytest.raises(StateRefused, match="may not connect"):
            finish(office.parts, answer, now=NOW, caller=1)
    with database.begin() as db:
        db.exec_driver_sql("UPDATE sync.api_users SET disabled_at = NULL WHERE id = 1")
    assert finish(office.parts, answer, now=NOW, caller=1).status == "active"


def test_access_denied_is_a_sentence_and_uses_the_state_up(office: Office) -> None:
    office.crms["amocrm"].switches.consent = "deny"  # type: ignore[attr-defined]
    answer = office.answer(ask(office.parts, office.wanted("amocrm"), 1, now=NOW).url)
    assert answer["error"] == "access_denied"
    with pytest.raises(AccessRefused):
        finish(office.parts, answer, now=NOW)
    with pytest.raises(StateRefused):
        finish(office.parts, answer, now=NOW)


@pytest.mark.parametrize("told", ["evil.example", "https://evil.example", "evil.example/.amocrm.ru", "user@acme.amocrm.ru", "[",
                                  "127.0.0.1:1", "https://acme.amocrm.ru.evil.example", "acme.amocrm.ru"])  # fmt: skip
def test_a_code_is_never_sent_to_where_it_was_not_asked_for(office: Office, told: str) -> None:
    answer = office.answer(ask(office.parts, office.wanted("amocrm"), 1, now=NOW).url)
    with pytest.raises(HostNotAllowed):
        finish(office.parts, answer | {"referer": told}, now=NOW)
    assert not [entry for entry in office.crms["amocrm"].journal.entries() if "/oauth2/access_token" in str(entry)]


@pytest.mark.parametrize("changes", [{"base_url": "https://evil.example"}, {"base_url": "http://169.254.169.254/latest"},
                                     {"oauth_url": "https://evil.example"}, {"base_url": "http://localhost:1"}])  # fmt: skip
def test_an_address_that_is_not_allowed_is_not_even_asked_about(office: Office, changes: dict[str, str]) -> None:
    with pytest.raises(HostNotAllowed):
        ask(office.parts, office.wanted("bitrix24", **changes), 1, now=NOW)


def test_the_secret_must_have_been_given_once(office: Office) -> None:
    with pytest.raises(UsageError, match="secret is not known"):
        ask(office.parts, office.wanted("amocrm", client_secret=None), 1, now=NOW)


def test_a_referer_may_be_a_host_or_an_address_and_tells_where_the_account_lives(office: Office) -> None:
    office.crms["amocrm"].switches.referer = "url"  # type: ignore[attr-defined]
    asked = ask(office.parts, office.wanted("amocrm", base_url=""), 1, now=NOW)
    assert asked.url.startswith("https://www.amocrm.ru/oauth?")
    answer = office.answer(office.crms["amocrm"].url + asked.url.removeprefix("https://www.amocrm.ru"))
    assert finish(office.parts, answer, now=NOW).base_url == office.crms["amocrm"].url


def test_nothing_that_is_kept_shows_a_secret(office: Office, database: Engine) -> None:
    secret = office.wanted("amocrm").client_secret
    asked = ask(office.parts, office.wanted("amocrm"), 1, now=NOW)
    with database.connect() as db:
        kept = db.exec_driver_sql("SELECT s::text FROM sync.oauth_states s").scalar_one()
    assert secret and secret.encode().hex() not in kept and secret not in kept and asked.state not in kept
    assert secret not in asked.url and secret not in repr(office.wanted("amocrm"))


def test_a_code_that_is_no_good_leaves_nothing(office: Office) -> None:
    answer = office.answer(ask(office.parts, office.wanted("amocrm"), 1, now=NOW).url)
    with pytest.raises(ConsentNeeded):
        finish(office.parts, answer | {"code": "def502nothing"}, now=NOW)
    assert connections.list_connections(office.parts.engine) == []


def test_purging_takes_the_records_and_what_was_built_from_them_and_nothing_of_others(office: Office, database: Engine) -> None:
    for crm in office.crms:
        name = finish(office.parts, office.answer(ask(office.parts, office.wanted(crm), 1, now=NOW).url), now=NOW).name
        sync(office.parts, name, "initial", ["companies", "contacts", "deals"])
    reconcile(office.parts)
    counted = "SELECT (SELECT count(*) FROM crm.{0}), (SELECT count(DISTINCT golden_id) FROM crm.crosswalk WHERE entity = '{0}')"
    disconnect(office.parts, "amocrm-127-0-0-1", "purge", actor="boss")
    reconcile(office.parts)
    with database.connect() as db:
        left = db.exec_driver_sql(
            "SELECT count(*) FROM raw.records JOIN sync.connections c ON c.id = connection_id WHERE c.crm = 'amocrm'"
        )
        assert left.scalar_one() == 0
        for entity in ("companies", "contacts", "deals"):
            golden, linked = db.exec_driver_sql(counted.format(entity)).one()
            assert golden == linked > 0, entity
        said = db.exec_driver_sql("SELECT actor, action FROM sync.audit_log ORDER BY id DESC LIMIT 2").all()
    assert [tuple(row) for row in said] == [("boss", "connection.purge"), ("boss", "connection.remove")]
