"""Where the facts leave open what amoCRM does, or an account does not offer all of it, the data is whole all the same."""

from dataclasses import replace

import pytest

from crm_pipeline.connectors.amocrm import CONNECTOR
from crm_pipeline.errors import AccessDenied, RequestRefused
from crm_pipeline.model.records import WalkRequest
from crm_pipeline_tests.connectors.amocrm.stand import AmoStand, amo_stand
from crm_pipeline_tests.connectors.contract import live_ids, records, walk, watermark

INITIAL = WalkRequest("initial")
VERIFY = WalkRequest("verify")


def edit_at_once(stand: AmoStand, stream: str, count: int) -> set[str]:
    """Edit many records within one second, as a bulk import does."""
    edited = sorted(stand.held(stream))[:count]
    stand.advance(86_400)
    stand.freeze()
    stand.do(*stand.edits_of(stream, edited, []))
    stand.sandbox.clock.unfreeze()
    stand.advance(5)
    return set(edited)


@pytest.mark.parametrize("ends", ["inclusive", "exclusive"])
def test_a_second_of_several_pages_is_whole_whether_range_ends_are_inclusive_or_not(ends: str) -> None:
    with amo_stand(contacts=700, range_ends=ends) as stand:
        first = walk(stand, "contacts", INITIAL)
        assert live_ids(first) == stand.held("contacts")
        edited = edit_at_once(stand, "contacts", 600)
        again = WalkRequest("incremental", since=watermark(first))
        then = walk(stand, "contacts", again)
        assert edited <= live_ids(then)
        assert edited <= live_ids(walk(stand, "contacts", WalkRequest("incremental", since=watermark(then))))


def test_rows_of_one_second_in_another_order_each_time_are_all_read_without_the_filter() -> None:
    with amo_stand(contacts=700, api_filter=False, tie_order="random") as stand:
        first = walk(stand, "contacts", INITIAL)
        edited = edit_at_once(stand, "contacts", 600)
        assert edited <= live_ids(walk(stand, "contacts", WalkRequest("incremental", since=watermark(first))))


@pytest.mark.parametrize("request_", [INITIAL, VERIFY], ids=["initial", "verify"])
def test_rows_edited_while_everything_is_read_are_read_at_the_end(request_: WalkRequest) -> None:
    with amo_stand(contacts=900) as stand:
        for name in ("contacts", "leads", "companies"):
            moved = sorted(stand.held(name))[-40:]
            stand.fault(name, fault="mutate", after=2, times=1, edits=stand.edits_of(name, moved, []))
            assert live_ids(walk(stand, name, request_)) == stand.held(name), name
        assert stand.fired() >= 2


def test_notes_numbered_apart_are_told_apart() -> None:
    """Nothing says that a contact's note and a lead's note cannot have one id."""
    with amo_stand(contacts=60) as stand:
        store, contact = stand.sandbox.store, int(sorted(stand.held("contacts"))[0])
        for number, _ in list(store.select("leads_notes"))[:20]:
            row = store.get("leads_notes", number)
            assert row
            owned = row | {"entity_id": contact}
            store.put(
                "contacts_notes", owned, id=number, created=row["created_at"], updated=row["updated_at"], parent=str(contact)
            )
        facts = CONNECTOR.check(stand.link).facts
        link = replace(stand.link, facts={**stand.link.facts, **facts})
        notes = [record for name in ("lead_notes", "contact_notes") for record in records(walk(stand, name, INITIAL, link=link))]
        assert len({record.external_id for record in notes}) == len(stand.held("lead_notes")) + len(stand.held("contact_notes"))
        ids = tuple(record.external_id for record in notes if record.external_id.startswith("contacts:"))[:3]
        again = records(walk(stand, "contact_notes", WalkRequest("record", ids=ids), link=link))
        assert {record.external_id for record in again} == set(ids)
        assert not records(walk(stand, "lead_notes", WalkRequest("record", ids=ids), link=link))


def test_notes_numbered_together_keep_their_ids() -> None:
    with amo_stand(contacts=60) as stand:
        assert stand.link.facts["notes_numbered_apart"] is False
        assert live_ids(walk(stand, "contact_notes", INITIAL)) == stand.held("contact_notes")


@pytest.mark.parametrize(("path", "streams"), [
    ("users", {"users"}), ("events", {"company_events", "contact_events", "lead_events", "task_events", "note_events"}),
    ("contacts/custom_fields", {"custom_fields"}), ("catalogs", {"catalog_elements"}),
])  # fmt: skip
@pytest.mark.parametrize("status", [402, 403, 404])
def test_what_an_account_does_not_offer_stops_only_what_adds_to_the_data(path: str, streams: set[str], status: int) -> None:
    body = {"title": "No", "status": status, "detail": "not for you"}
    with amo_stand(contacts=30) as stand:
        stand.fault(path, fault="status", status=status, body=body, times=0)
        account = CONNECTOR.check(stand.link)
        link = replace(stand.link, facts={**stand.link.facts, **account.facts})
        refused = set()
        for stream in CONNECTOR.streams:
            try:
                walk(stand, stream.name, INITIAL, link=link)
            except (AccessDenied, RequestRefused):
                refused.add(stream.name)
                assert stream.auxiliary, stream.name
        assert refused == streams
