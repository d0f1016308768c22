"""Failures other people published about amoCRM syncs, reproduced (facts: amocrm 3.5 and 9)."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from crm_pipeline.connectors.amocrm import CONNECTOR
from crm_pipeline.errors import ConnectionStopped, ConsentNeeded, TryLater
from crm_pipeline.http import LocalBudget, Session
from crm_pipeline.model.records import WalkRequest
from crm_pipeline.sandbox.amocrm.server import AmoSandbox
from crm_pipeline.sandbox.serving import Options
from crm_pipeline_tests.connectors.amocrm.stand import AmoStand, Safe, amo_stand, open_link
from crm_pipeline_tests.connectors.contract import live_ids, records, walk, watermark

ENTITIES = ("companies", "contacts", "leads", "tasks")
INITIAL = WalkRequest("initial")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def since(pages: list[Any]) -> WalkRequest:
    return WalkRequest("incremental", since=watermark(pages))


@pytest.mark.parametrize("api_filter", [True, False])
@pytest.mark.parametrize("page", [1, 2, 3])
def test_a_page_that_answers_nothing_once_is_not_the_end(page: int, api_filter: bool) -> None:
    """Three walks of one production run ended with a full page followed by 204 (3.5)."""
    with amo_stand(contacts=700, early_204=page, api_filter=api_filter) as stand:
        for name in ENTITIES:
            assert live_ids(walk(stand, name, INITIAL)) == stand.held(name), name
        assert len(walk_events(stand)) == stand.sandbox.store.count(
            "events", "json_extract(body, '$.type') = ?", ("lead_status_changed",)
        )


def test_a_list_without_pages_that_answers_nothing_once_is_not_empty() -> None:
    with amo_stand(contacts=30) as stand:
        held = live_ids(walk(stand, "pipelines", INITIAL))
        assert held
        rule = {"fault": "early_204", "match": {"call": "GET /api/v4/leads/pipelines"}, "times": 1}
        for name in ("pipelines", "stages"):
            stand.sandbox.faults.add(rule)
            assert live_ids(walk(stand, name, INITIAL)), name
        assert live_ids(walk(stand, "pipelines", INITIAL)) == held


def walk_events(stand: AmoStand) -> set[str]:
    return {record.external_id for record in records(walk(stand, "lead_events", INITIAL)) if record.kind == "stage_changes"}


def test_a_filter_ignored_without_a_word_is_noticed() -> None:
    """The account says its filter is on, and answers everything (0.2, 9.2): an incremental sync that is none."""
    with amo_stand(contacts=600, api_filter=False) as stand:
        believing = replace(stand.link, facts={**stand.link.facts, "filter_enabled": True})
        for name in ("companies", "contacts", "leads"):
            first = walk(stand, name, INITIAL, link=believing)
            assert live_ids(first) == stand.held(name)
            stand.advance(3_600)
            edited = sorted(stand.held(name))[7]
            stand.edit(name, edited)
            then = live_ids(walk(stand, name, since(first), link=believing))
            assert edited in then
            assert len(then) < 30, "everything was read again"


@pytest.mark.parametrize("api_filter", [True, False])
def test_rows_that_move_between_pages_are_read(api_filter: bool) -> None:
    """People work while pages are read (9.3)."""
    with amo_stand(contacts=700, page_drift=40, api_filter=api_filter, tie_order="random") as stand:
        for name in ENTITIES:
            first = walk(stand, name, INITIAL)
            seen = live_ids(first) | live_ids(walk(stand, name, since(first)))
            assert seen == stand.held(name), name


@pytest.mark.parametrize("api_filter", [True, False])
def test_deletions_during_a_walk_do_not_hide_their_neighbours(api_filter: bool) -> None:
    """A row that leaves an early page shifts the first unread row onto a page already read."""
    with amo_stand(contacts=900, api_filter=api_filter) as stand:
        for name in ("contacts", "leads", "tasks"):
            doomed = sorted(stand.held(name))[:30]
            stand.fault(name, fault="mutate", after=4, times=1, edits=stand.edits_of(name, [], doomed))
            assert live_ids(walk(stand, name, INITIAL)) >= stand.held(name), name


def test_a_bulk_import_of_one_second_is_read_whole_while_it_is_worked_on() -> None:
    """Thousands of rows with one updated_at (9.21): paged inside the second, with deletions under way."""
    with amo_stand(contacts=10) as stand:
        stand.advance(86_400)
        stand.freeze()
        stand.do(*({"kind": "contacts", "create": {"name": f"Импорт {n}"}} for n in range(1_100)))
        stand.sandbox.clock.unfreeze()
        doomed = sorted(stand.held("contacts"), key=int)[20:60]
        stand.fault("contacts", fault="mutate", after=6, times=1, edits=stand.edits_of("contacts", [], doomed))
        assert live_ids(walk(stand, "contacts", INITIAL)) >= stand.held("contacts")


@pytest.mark.parametrize("order", ["newest", "oldest", "shuffled"])
@pytest.mark.parametrize("most", [100, 250])
def test_events_are_read_whole_in_whatever_order(order: str, most: int) -> None:
    """People saw only the first 50 (9.5). One second holds more than a page here."""
    with amo_stand(contacts=500, events_order=order, events_max=most) as stand:
        stand.advance(86_400)
        stand.freeze()
        leads = sorted(stand.held("leads"))
        stages = {"pipeline_id": 4401, "status_id": 143}
        stand.do(*({"kind": "leads", "id": int(lead), "set": stages} for lead in leads[:320]))
        held = {
            body.split('"id":"')[1][:26]
            for _, body in stand.sandbox.store.select("events", "json_extract(body, '$.type') = ?", ("lead_status_changed",))
        }
        assert walk_events(stand) == held


def test_a_linked_contact_is_seen_although_the_lead_did_not_change() -> None:
    """Association-only changes were invisible to another sync (4.9)."""
    with amo_stand(link_bumps=False) as stand:
        place = since(walk(stand, "lead_events", INITIAL))
        lead, contact = sorted(stand.held("leads"))[0], sorted(stand.held("contacts"))[-1]
        stand.advance(3_600)
        stand.do({"kind": "leads", "id": int(lead), "link": {"to_entity_type": "contacts", "to_entity_id": int(contact)}})
        (again,) = [record for record in records(walk(stand, "lead_events", place)) if record.kind == "deals"]
        assert again.payload
        assert contact in {str(one["id"]) for one in again.payload["_embedded"]["contacts"]}


@pytest.mark.parametrize("key", ["link", "unlink"])
def test_an_unlinked_contact_is_seen_too(key: str) -> None:
    with amo_stand(link_bumps=False, unlink_key=key) as stand:
        lead = next(
            row for record in records(walk(stand, "leads", INITIAL)) if (row := record.payload) and row["_embedded"]["contacts"]
        )
        contact = lead["_embedded"]["contacts"][0]["id"]
        place = since(walk(stand, "lead_events", INITIAL))
        stand.advance(3_600)
        stand.do({"kind": "leads", "id": lead["id"], "unlink": {"to_entity_type": "contacts", "to_entity_id": contact}})
        reread = [record for record in records(walk(stand, "lead_events", place)) if record.external_id == str(lead["id"])]
        assert reread
        assert all(
            contact not in [one["id"] for one in record.payload["_embedded"]["contacts"]] for record in reread if record.payload
        )


def test_deleted_restored_and_merged_records_end_as_they_are() -> None:
    """Invisible deletes and merges (9.7)."""
    with amo_stand() as stand:
        one, two, winner = sorted(stand.held("contacts"))[:3]
        place = since(walk(stand, "contact_events", INITIAL))
        stand.delete("contacts", one)
        stand.delete("contacts", two)
        stand.do({"kind": "contacts", "id": int(two), "restore": True})
        last = {record.external_id: record for record in records(walk(stand, "contact_events", place))}
        assert last[one].deleted
        assert not last[two].deleted
        stand.advance(3_600)
        stand.do({"kind": "contacts", "merge": [int(winner), int(two)]})
        assert winner in live_ids(walk(stand, "contact_events", place))


def test_a_deleted_note_is_a_tombstone() -> None:
    with amo_stand() as stand:
        note = sorted(stand.held("lead_notes"))[0]
        place = since(walk(stand, "note_events", INITIAL))
        stand.delete("lead_notes", note)
        assert {record.external_id for record in records(walk(stand, "note_events", place)) if record.deleted} == {note}


def test_a_date_in_the_future_does_not_carry_the_cursor_past_everything() -> None:
    """`updated_at` is stored as given (5.4)."""
    with amo_stand() as stand:
        ahead, edited = sorted(stand.held("contacts"))[:2]
        stand.do({"kind": "contacts", "id": int(ahead), "set": {"name": "Из будущего", "updated_at": 1_999_999_999}})
        first = walk(stand, "contacts", INITIAL)
        assert watermark(first).year < 2030
        stand.edit("contacts", edited)
        assert edited in live_ids(walk(stand, "contacts", since(first)))


def test_rows_that_show_up_late_are_read_by_the_overlap() -> None:
    """One connector went from 60 to 600 seconds of overlap (9.4): a row shows up behind the cursor."""
    with amo_stand() as stand:
        newest, late = sorted(stand.held("contacts"))[:2]
        stand.edit("contacts", newest)
        first = walk(stand, "contacts", INITIAL)
        behind = int(stand.now().timestamp()) - 300
        stand.do({"kind": "contacts", "id": int(late), "set": {"name": "Опоздавший", "updated_at": behind}})
        assert late in live_ids(walk(stand, "contacts", since(first)))


# Tokens (9.1) -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("reuse", ["strict-401", "strict-400"])
def test_a_lost_refresh_asks_for_consent_once_and_says_why(reuse: str) -> None:
    with amo_stand(refresh_reuse=reuse) as stand:
        stand.expire_token()
        stand.token_fault(fault="lost_token_answer", times=1)
        with pytest.raises(ConsentNeeded) as raised:
            walk(stand, "contacts", INITIAL)
        assert "lost" in str(raised.value)
        assert raised.value.what_to_do


def test_a_lost_refresh_is_repeated_in_the_grace() -> None:
    with amo_stand(refresh_reuse="grace-until-new-pair-used") as stand:
        stand.expire_token()
        stand.token_fault(fault="lost_token_answer", times=1)
        assert live_ids(walk(stand, "contacts", INITIAL)) == stand.held("contacts")


def test_a_refresh_that_never_arrives_leaves_the_old_pair_in_use() -> None:
    with amo_stand() as stand:
        stand.expire_token()
        before = dict(stand.vault.secrets)
        stand.token_fault(fault="reset_before", times=2)
        with pytest.raises(TryLater):
            walk(stand, "contacts", INITIAL)
        assert stand.vault.secrets == before
        assert live_ids(walk(stand, "contacts", INITIAL)) == stand.held("contacts")


def test_a_refused_refresh_is_told_apart_from_a_lost_one() -> None:
    with amo_stand() as stand:
        stand.sandbox.authority.revoke_all()
        with pytest.raises(ConsentNeeded) as raised:
            walk(stand, "contacts", INITIAL)
        assert "lost" not in str(raised.value)
        assert "Token has been revoked" in str(raised.value)


def test_threads_that_meet_an_expired_token_renew_it_once() -> None:
    with amo_stand(contacts=1_500) as stand:
        stand.expire_token()
        assert live_ids(walk(stand, "leads", INITIAL)) == stand.held("leads")
        assert stand.vault.renewals == 1


def test_a_renamed_account_is_followed() -> None:
    """Requests to the old name fail (9.20)."""
    options = Options(contacts=50)
    with AmoSandbox(options).running() as new, AmoSandbox(options).running() as old:
        vault = Safe({"access_token": old.credentials()["long_lived_token"]})
        old.switches.moved_to = new.url.removeprefix("http://")
        account = CONNECTOR.check(open_link(old, vault))
        assert account.base_url == new.url
        assert vault.secrets["base_url"] == new.url


def test_an_address_that_became_another_accounts_is_noticed() -> None:
    with amo_stand() as stand, pytest.raises(ConnectionStopped, match="another amoCRM account"):
        CONNECTOR.check(replace(stand.link, facts={"stable_id": "1"}))


def test_an_unpaid_account_stops_the_connection_with_what_to_do() -> None:
    with amo_stand() as stand:
        stand.sandbox.switches.paid = False
        with pytest.raises(ConnectionStopped, match="not paid"):
            walk(stand, "contacts", INITIAL)


def test_an_expired_long_lived_token_asks_for_another() -> None:
    with AmoSandbox(Options(contacts=5)).running() as sandbox:
        link = open_link(sandbox, Safe({"access_token": sandbox.credentials()["long_lived_token"]}))
        sandbox.clock.advance(6 * 365 * 86_400)
        with pytest.raises(ConsentNeeded, match="long-lived"):
            CONNECTOR.check(link)


def test_the_real_limit_is_kept_in_any_second() -> None:
    """7 requests a second, and nothing above (6)."""
    with AmoSandbox(Options(contacts=900, limits="real")).running() as sandbox:
        vault = Safe({"access_token": sandbox.credentials()["long_lived_token"]})
        link = open_link(sandbox, vault)
        paced = Session(link.http.hosts, CONNECTOR.meter(sandbox.url, vault.read()), LocalBudget(), name="acme")
        stand = AmoStand(sandbox, vault, replace(link, http=paced))
        for name in ("contacts", "leads"):
            assert live_ids(walk(stand, name, INITIAL)) == stand.held(name)
        assert sandbox.journal.summary()["violations"] == 0
