"""What goes wrong between a portal and us, over real HTTP: published failures, refusals, lost answers.

Facts: bitrix24 1, 2.3, 5, 7, 9.
"""

import logging
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest

from crm_pipeline.connectors.bitrix24 import CONNECTOR
from crm_pipeline.connectors.bitrix24.client import Client
from crm_pipeline.connectors.bitrix24.faces import Faces
from crm_pipeline.errors import (
    AccessBlocked,
    AccessDenied,
    AnswerLost,
    ConnectionStopped,
    ConsentNeeded,
    CrmPipelineError,
    CrmUnavailable,
    HostNotAllowed,
    RateLimited,
    RecordGone,
    RequestRefused,
)
from crm_pipeline.model.records import WalkRequest
from crm_pipeline.sandbox.bitrix24 import BitrixSandbox
from crm_pipeline.sandbox.serving import Options
from crm_pipeline_tests.connectors.bitrix24.portal import QUICK, Portal, Safe, application, open_link, portal

PASSING: list[dict[str, Any]] = [
    {"fault": "status", "status": 500},
    {"fault": "status", "status": 502, "html": True},
    {"fault": "status", "status": 503},
    {"fault": "status", "status": 503, "html": True},
    {"fault": "status", "status": 504, "html": True},
    {"fault": "status", "status": 200, "body": "<html>maintenance</html>", "content_type": "text/html"},
    {"fault": "status", "status": 200, "body": {"time": {}}},
    {"fault": "status", "status": 200, "body": {"error": "INTERNAL_SERVER_ERROR", "error_description": "x"}},
    {"fault": "reset_before"},
    {"fault": "reset_after"},
    {"fault": "truncate"},
]
INSIDE: list[dict[str, Any]] = [
    {"error": "QUERY_LIMIT_EXCEEDED", "status": 503},
    {"error": "INTERNAL_SERVER_ERROR", "status": 500},
    {"error": "QUERY_LIMIT_EXCEEDED", "status": 503, "after": 4},
    {"error": "INTERNAL_SERVER_ERROR", "status": 500, "after": 7},
]


@pytest.fixture(scope="module")
def shared() -> Iterator[Portal]:
    """A portal whose data nobody edits; faults are cleared after each test."""
    with portal(contacts=400) as found:
        yield found.checked()


@pytest.fixture
def quiet(shared: Portal) -> Iterator[Portal]:
    yield shared
    shared.sandbox.faults.clear()


@pytest.mark.parametrize("rule", PASSING, ids=lambda rule: "-".join(str(value)[:20] for value in rule.values()))
def test_what_passes_is_survived_at_any_request(quiet: Portal, rule: dict[str, Any]) -> None:
    for after in (1, 2, 3):
        quiet.sandbox.faults.clear()
        quiet.fault(**rule, call="batch", after=after)
        assert set(quiet.ids("contacts")) == quiet.held("contact")


@pytest.mark.parametrize("rule", INSIDE, ids=lambda rule: "-".join(map(str, rule.values())))
@pytest.mark.parametrize(("stream", "kind", "call"), [
    ("contacts", "contact", "crm.item.list"), ("deals", "deal", "crm.item.productrow.list"), ("tasks", "task",
    "tasks.task.list"),
    ("comments", "comment", "crm.timeline.comment.list"),
])  # fmt: skip
def test_a_command_that_fails_inside_a_batch_is_asked_again(
    quiet: Portal, rule: dict[str, Any], stream: str, kind: str, call: str
) -> None:
    quiet.fault("in_batch", call=call, **rule)
    assert {key.removeprefix("comment:") for key in quiet.ids(stream)} == quiet.held(kind)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_storm_of_failures_during_walks_at_once_loses_nothing(seed: int) -> None:
    with portal(contacts=300) as found:
        found.checked()
        link = open_link(found.sandbox, found.vault, found.link.facts, attempts=15)
        for rule in PASSING:
            found.fault(**{"call": "batch", "probability": 0.04, "times": 0, **rule})
        found.fault("in_batch", error="QUERY_LIMIT_EXCEEDED", call="crm.item.list", after=2 + seed)
        with ThreadPoolExecutor(3) as workers:
            walked = list(workers.map(lambda stream: set(found.ids(stream, link=link)), ("contacts", "deals", "tasks")))
        assert walked == [found.held(kind) for kind in ("contact", "deal", "task")]


def test_a_portal_that_is_slow_with_long_batches_is_asked_for_shorter_ones(quiet: Portal) -> None:
    quiet.fault("status", call="batch", status=504, html=True, after=2, times=QUICK.attempts)
    assert set(quiet.ids("contacts")) == quiet.held("contact")


def test_a_portal_that_never_answers_properly_ends_with_try_later(quiet: Portal) -> None:
    quiet.fault("status", status=502, html=True, times=0)
    with pytest.raises(CrmUnavailable):
        quiet.ids("contacts")


def test_a_method_over_its_operating_time_is_parked_until_it_is_free(quiet: Portal) -> None:
    quiet.fault("in_batch", call="tasks.task.list", status=429, error="OPERATION_TIME_LIMIT")
    with pytest.raises(RateLimited) as caught:
        quiet.ids("tasks")
    assert caught.value.until and caught.value.until > datetime.now(UTC)
    meter = quiet.link.http.meter.key
    assert quiet.link.http.budget.operating_pause(meter, "tasks.task.list") > 500
    assert quiet.link.http.budget.operating_pause(meter, "crm.item.list") == 0
    with pytest.raises(RateLimited):
        quiet.ids("tasks")
    assert set(quiet.ids("contacts")) == quiet.held("contact")


def test_a_blocked_method_called_by_itself_is_parked_too(quiet: Portal) -> None:
    quiet.fault("status", call="server.time", status=429, body={"error": "OPERATION_TIME_LIMIT", "error_description": "x"})
    with pytest.raises(RateLimited) as caught:
        Client(open_link(quiet.sandbox, quiet.vault)).call("server.time")
    assert caught.value.until


def test_operating_time_is_read_from_the_commands_and_shared() -> None:
    with portal(contacts=10, operating_cost=220.0) as found:
        client, meter = Client(found.link), found.link.http.meter.key
        for _ in range(2):
            assert found.link.http.budget.operating_pause(meter, "crm.category.list") == 0
            client.batch({"one": ("crm.category.list", {"entityTypeId": 2})})
        assert found.link.http.budget.operating_pause(meter, "crm.category.list") > 0
        with pytest.raises(RateLimited):
            client.batch({"one": ("crm.category.list", {"entityTypeId": 2})})


REFUSALS: list[tuple[int, str, type[CrmPipelineError]]] = [
    (503, "OVERLOAD_LIMIT", AccessBlocked),
    (403, "insufficient_scope", AccessDenied),
    (403, "ACCESS_DENIED", AccessDenied),
    (400, "ACCESS_DENIED", RequestRefused),
    (403, "user_access_error", AccessDenied),
    (403, "allowed_only_intranet_user", AccessDenied),
    (401, "METHOD_CONFIRM_WAITING", AccessDenied),
    (401, "INVALID_CREDENTIALS", ConsentNeeded),
    (403, "INVALID_CREDENTIALS", ConsentNeeded),
    (401, "NO_AUTH_FOUND", ConsentNeeded),
    (500, "PORTAL_DELETED", ConnectionStopped),
    (410, "PORTAL_DELETED", ConnectionStopped),
    (403, "PORTAL_DELETED", ConnectionStopped),
    (402, "PAYMENT_REQUIRED", ConnectionStopped),
    (200, "PAYMENT_REQUIRED", ConnectionStopped),
    (404, "ERROR_METHOD_NOT_FOUND", RequestRefused),
    (400, "ERROR_METHOD_NOT_FOUND", RequestRefused),
    (403, "WRONG_AUTH_TYPE", RequestRefused),
    (400, "NOT_FOUND", RecordGone),
    (400, "", RequestRefused),
    (400, "100", RequestRefused),
]


@pytest.mark.parametrize(("status", "code", "error"), REFUSALS)
def test_refusals_mean_what_to_do_next(quiet: Portal, status: int, code: str, error: type[CrmPipelineError]) -> None:
    quiet.fault("status", call="profile", status=status, body={"error": code, "error_description": "Нет<br>доступа"})
    with pytest.raises(error) as caught:
        Client(quiet.link).call("profile")
    assert type(caught.value) is error
    if isinstance(caught.value, ConnectionStopped):
        assert caught.value.what_to_do


@pytest.mark.parametrize(
    "body", [{"error": 0, "error_description": ""}, {"error": 200040300010}, {"error": {"code": "X", "message": "y"}}]
)
def test_codes_may_be_numbers_objects_or_without_description(quiet: Portal, body: dict[str, Any]) -> None:
    quiet.fault("status", call="profile", status=400, body=body)
    with pytest.raises(RequestRefused):
        Client(quiet.link).call("profile")


def test_a_forbidden_page_stops_the_connection(quiet: Portal) -> None:
    quiet.fault("status", call="profile", status=403, html=True)
    with pytest.raises(AccessBlocked):
        Client(quiet.link).call("profile")


def test_a_write_whose_answer_is_lost_is_not_repeated(quiet: Portal) -> None:
    quiet.fault("reset_after", call="crm.contact.update")
    with pytest.raises(AnswerLost):
        Client(quiet.link).call("crm.contact.update", {"id": 1, "fields": {"NAME": "Ann"}}, safe=False)
    sent = [entry for entry in quiet.sandbox.journal.entries() if entry["call"] == "crm.contact.update"]
    assert len(sent) == 1


@pytest.mark.parametrize("status", [401, 403])
def test_a_webhook_that_is_gone_asks_for_a_new_one(status: int) -> None:
    with portal(contacts=1, bad_webhook_status=status) as found:
        found.vault.secrets["webhook_url"] = f"{found.sandbox.url}/rest/1/0123456789abcdef/"
        with pytest.raises(ConsentNeeded) as caught:
            CONNECTOR.check(found.link)
        assert "webhook" in caught.value.what_to_do and "0123456789abcdef" not in str(caught.value)


def test_a_token_that_expires_during_a_walk_is_renewed_once() -> None:
    with portal(application, contacts=400) as found:
        found.checked()
        found.sandbox.clock.advance(3_601)
        assert set(found.ids("contacts")) == found.held("contact")
        assert set(found.ids("deals")) == found.held("deal")
        assert found.vault.renewals == 1


def test_a_token_that_expires_inside_a_batch_is_renewed() -> None:
    with portal(application, contacts=100) as found:
        found.checked()
        found.fault("in_batch", call="crm.item.list", error="expired_token", status=401)
        assert set(found.ids("contacts")) == found.held("contact")
        assert found.vault.renewals == 1


def test_a_token_that_is_refused_again_after_renewal_asks_for_consent() -> None:
    with portal(application, contacts=1) as found:
        found.fault("expired_token", call="batch", times=0)
        with pytest.raises(ConsentNeeded):
            CONNECTOR.check(found.link)
        assert found.vault.renewals == 1


def test_a_lost_refresh_is_tried_once_more_with_the_old_token() -> None:
    with portal(application, contacts=1, rotation="lenient") as found:
        found.sandbox.clock.advance(3_601)
        found.fault("lost_token_answer")
        assert CONNECTOR.check(found.link).facts["auth"] == "oauth"


def test_a_lost_refresh_that_used_up_the_token_asks_for_consent() -> None:
    with portal(application, contacts=1, rotation="strict") as found:
        before = found.vault.read()
        found.sandbox.clock.advance(3_601)
        found.fault("lost_token_answer")
        with pytest.raises(ConsentNeeded) as caught:
            CONNECTOR.check(found.link)
        assert "lost" in str(caught.value) and caught.value.what_to_do
        assert found.vault.read() == before


def test_a_refresh_nobody_answers_leaves_the_tokens_as_they_are() -> None:
    with portal(application, contacts=1) as found:
        before = found.vault.read()
        found.sandbox.clock.advance(3_601)
        found.fault("status", path="oauth/token", status=502, html=True, times=0)
        with pytest.raises((AnswerLost, CrmUnavailable)):
            CONNECTOR.check(found.link)
        assert found.vault.read() == before


@pytest.mark.parametrize("invalid_client", ["400", "401", "wrong_client"])
@pytest.mark.parametrize("described", [True, False])
def test_a_client_the_auth_server_does_not_know_asks_for_consent(invalid_client: str, described: bool) -> None:
    with portal(application, contacts=1, invalid_client=invalid_client, token_error_description=described) as found:
        found.vault.secrets["client_secret"] = "wrong-secret-of-some-length"
        found.sandbox.clock.advance(3_601)
        with pytest.raises(ConsentNeeded) as caught:
            CONNECTOR.check(found.link)
        assert "wrong-secret" not in str(caught.value)


def test_a_server_that_takes_no_get_for_tokens_is_asked_by_post() -> None:
    with portal(application, contacts=1) as found:
        found.sandbox.clock.advance(3_601)
        found.fault("status", path="oauth/token", status=405, html=True)
        assert CONNECTOR.check(found.link).facts["auth"] == "oauth"
        methods = [entry["method"] for entry in found.sandbox.journal.entries() if "oauth/token" in entry["path"]]
        assert methods[-2:] == ["GET", "POST"]


def test_a_code_works_once_and_for_thirty_seconds() -> None:
    with portal(application, contacts=1) as found:
        secrets = {key: found.vault.secrets[key] for key in ("client_id", "client_secret", "oauth_url")}
        code = found.sandbox.credentials()["code"]
        found.sandbox.clock.advance(31)
        with pytest.raises(ConsentNeeded) as caught:
            CONNECTOR.exchange_code(found.link.http, found.sandbox.url, secrets, code, datetime.now(UTC))
        assert code not in str(caught.value)


def test_a_renamed_portal_is_followed_by_post_and_told() -> None:
    with portal(contacts=60) as found:
        moved = found.sandbox.url.replace("127.0.0.1", "localhost")
        path = "/rest/1/" + found.vault.secrets["webhook_url"].rstrip("/").rpartition("/")[2] + "/batch"
        found.fault("redirect", call="batch", location=moved + path)
        account = CONNECTOR.check(found.link)
        assert account.base_url == moved
        entries = [entry for entry in found.sandbox.journal.entries() if entry["call"] == "batch"]
        assert {entry["method"] for entry in entries} == {"POST"}
        assert set(found.ids("contacts", link=open_link(found.sandbox, found.vault, base_url=moved))) == found.held("contact")


def test_a_renamed_portal_that_redirects_to_its_front_page_is_asked_again() -> None:
    with portal(contacts=60) as found:
        moved = found.sandbox.url.replace("127.0.0.1", "localhost")
        found.fault("redirect", call="batch", location=f"{moved}/")
        assert CONNECTOR.check(found.link).base_url == moved
        assert {e["method"] for e in found.sandbox.journal.entries()} == {"POST"}


def test_a_renamed_portal_stays_the_same_account() -> None:
    with portal(contacts=1) as found:
        first = CONNECTOR.check(found.link)
        moved = found.sandbox.url.replace("127.0.0.1", "localhost")
        found.fault("redirect", call="batch", location=f"{moved}/")
        facts = first.facts | {"stable_id": first.stable_id}
        assert CONNECTOR.check(open_link(found.sandbox, found.vault, facts)).stable_id == first.stable_id


def test_a_redirect_to_a_foreign_host_is_not_followed(quiet: Portal) -> None:
    quiet.fault("redirect", call="batch", location="https://evil.example/rest/1/x/batch")
    with pytest.raises(HostNotAllowed):
        quiet.ids("contacts")


def test_the_vendors_rate_limit_is_never_exceeded_with_the_connectors_own_meter() -> None:
    sandbox = BitrixSandbox(Options(contacts=700, limits="real"))
    with sandbox.running():
        vault = Safe({"webhook_url": sandbox.credentials()["webhook_url"]})
        link = open_link(sandbox, vault)
        link.http.meter = CONNECTOR.meter(sandbox.url, vault.read())
        found = Portal(sandbox, vault, link)
        assert set(found.ids("deals")) == found.held("deal")
        assert len(found.ids("comments")) == len(found.held("comment"))
        assert found.requests() > 50, "fewer requests than the bucket holds prove nothing"
        assert not [entry for entry in sandbox.journal.entries() if entry["violation"]]


SWITCHES: list[dict[str, Any]] = [
    {"unresolved_reference": "deepest"},
    {"unresolved_reference": "empty"},
    {"fast_total": "zero"},
    {"fast_mode_everywhere": False},
    {"operating": "absent"},
    {"operating_billing": "batch"},
    {"empty_multiple": "false"},
    {"empty_multiple": "null"},
    {"batch_overflow": "refuse"},
    {"quiet_changes_move_time": True},
    {"method_not_found_status": 400},
]


@pytest.mark.parametrize("switches", SWITCHES, ids=str)
def test_both_readings_of_disputed_facts_give_every_record(switches: dict[str, Any]) -> None:
    with portal(contacts=70, **switches) as found:
        found.checked()
        context = found.context()
        for stream, kind in (("companies", "company"), ("contacts", "contact"), ("deals", "deal"), ("tasks", "task"),
        ("comments", "comment"),
                             ("activities", "activity"), ("products", "product"), ("users", "user")):  # fmt: skip
            assert {key.removeprefix("comment:") for key in found.ids(stream)} == found.held(kind), stream
            assert set(found.normal(stream, context)) == set(found.ids(stream)), stream


@pytest.mark.parametrize("checked", [True, False], ids=["self-tested", "found out on the way"])
def test_a_portal_that_ignores_iso_times_is_read_by_naive_ones(checked: bool) -> None:
    with portal(contacts=130, iso_filters="ignored") as found:
        link = found.checked().link
        if checked:
            assert found.account and found.account.facts["filter_times"]["contacts"] == "naive"
        else:
            link = open_link(found.sandbox, found.vault, dict(found.account.facts) | {"filter_times": {}})
        found.sandbox.clock.freeze(int(found.sandbox.clock.now()) + 10_000)
        since = found.now()
        found.sandbox.clock.advance(1_000)
        found.edit(kind="contact", id=7, set={"POST": "x"})
        assert found.ids("contacts", WalkRequest("incremental", since=since), link) == ["7"]
        assert found.ids("contacts", WalkRequest("window", since=since, until=found.now()), link) == []


def test_a_portal_that_honours_no_time_is_read_whole_and_sorted_out_here(quiet: Portal) -> None:
    facts = dict(quiet.account.facts) | {"filter_times": {"contacts": "none"}} if quiet.account else {}
    found = quiet.ids("contacts", WalkRequest("incremental", since=quiet.now()), open_link(quiet.sandbox, quiet.vault, facts))
    assert set(found) < quiet.held("contact")


def test_a_missing_scope_is_told_and_its_stream_left_out() -> None:
    with portal(contacts=10) as found:
        secret = found.sandbox.access.add_webhook(2, ("crm",), admin=False)
        found.vault.secrets["webhook_url"] = f"{found.sandbox.url}/rest/2/{secret}/"
        found.checked()
        assert found.account and {"crm"} == set(found.account.facts["scopes"])
        warnings = " ".join(found.account.warnings)
        assert all(word in warnings for word in ("'task'", "'user'", "'catalog'", "administrator"))
        assert found.pages("tasks") == [] and found.pages("users") == []
        assert found.ids("contacts")


def test_a_webhook_without_the_crm_is_refused_with_what_to_do() -> None:
    with portal(contacts=1) as found:
        secret = found.sandbox.access.add_webhook(2, ("task",))
        found.vault.secrets["webhook_url"] = f"{found.sandbox.url}/rest/2/{secret}/"
        with pytest.raises(AccessDenied) as caught:
            CONNECTOR.check(found.link)
        assert "crm" in caught.value.what_to_do


def test_a_portal_without_commercial_plan_is_refused() -> None:
    with portal(contacts=1) as found:
        found.sandbox.switches.commercial_plan = False
        with pytest.raises(AccessDenied):
            CONNECTOR.check(found.link)


def test_no_secret_is_in_any_error_or_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    said: list[str] = []
    with portal(contacts=5) as found:
        secret = found.vault.secrets["webhook_url"].rstrip("/").rpartition("/")[2]
        for rule in [*PASSING, {"fault": "redirect", "location": "https://evil.example/x"}, {"fault": "status",
        "status": 403, "html": True},
                     {"fault": "status", "status": 400, "body": {"error": "X",
                     "error_description": f"token {secret} is bad"}}]:  # fmt: skip
            found.sandbox.faults.clear()
            found.fault(**rule, call="batch", times=0)
            with pytest.raises(CrmPipelineError) as caught:
                CONNECTOR.check(found.link)
            said.append(_whole_chain(caught.value))
        said.append(repr(found.link.http))
    assert secret not in "\n".join(said) + caplog.text


def _whole_chain(error: BaseException | None) -> str:
    """Return all an error and those behind it say."""
    said = ""
    while error is not None:
        said += f"{error!r} {error} {error.args}\n"
        error = error.__cause__ or error.__context__
    return said


def test_the_classic_face_of_a_portal_gives_the_same_records(quiet: Portal) -> None:
    assert quiet.account
    context = quiet.context()
    facts = dict(quiet.account.facts) | Faces(items=False, times={}).as_facts()
    classic = open_link(quiet.sandbox, quiet.vault, facts)
    for stream in ("companies", "contacts", "deals"):
        assert quiet.normal(stream, context, classic) == quiet.normal(stream, context), stream
