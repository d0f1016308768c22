"""The walks against the stand-in over real HTTP: nothing is skipped, whatever happens meanwhile (facts: bitrix24 3, 5, 9)."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from crm_pipeline.connectors.bitrix24 import CONNECTOR
from crm_pipeline.connectors.bitrix24.landing import unsigned
from crm_pipeline.errors import ImplausibleWalk
from crm_pipeline.model.records import WalkRequest
from crm_pipeline_tests.connectors.bitrix24.portal import EVERYTHING, STREAMS, Portal, portal

KINDS = {
    "companies": "company", "contacts": "contact", "deals": "deal", "tasks": "task", "activities": "activity",
    "comments": "comment",
    "products": "product", "users": "user",
}  # fmt: skip
"""Stream → the stand-in's kind of rows."""


@pytest.fixture(scope="module")
def quiet() -> Iterator[Portal]:
    """A portal nobody edits."""
    with portal(contacts=600) as found:
        yield found.checked()


@pytest.fixture
def busy() -> Iterator[Portal]:
    """A portal of one test."""
    with portal(contacts=130) as found:
        yield found.checked()


@pytest.mark.parametrize("stream", KINDS)
def test_an_initial_walk_yields_every_record_once(quiet: Portal, stream: str) -> None:
    found = quiet.ids(stream)
    assert len(found) == len(set(found))
    assert {key.removeprefix("comment:") for key in found} == quiet.held(KINDS[stream])


def test_pages_of_one_walk_share_its_start_and_only_the_last_has_no_resume(quiet: Portal) -> None:
    for stream in STREAMS:
        pages = quiet.pages(stream)
        assert len({page.started_at for page in pages}) == 1 and pages[0].started_at is not None
        assert [page.resume is None for page in pages] == [False] * (len(pages) - 1) + [True]


def test_a_large_list_is_read_by_batches_of_fifty_pages(quiet: Portal) -> None:
    before = quiet.requests()
    assert len(quiet.ids("contacts")) == 600
    assert quiet.requests() - before == 2


@pytest.mark.parametrize(
    "stream", ["companies", "contacts", "deals", "stage_history", "tasks", "activities", "comments", "products"]
)
def test_a_walk_goes_on_from_any_page_it_landed(quiet: Portal, stream: str) -> None:
    whole, everything = quiet.pages(stream), set(quiet.ids(stream))
    for number, page in list(enumerate(whole))[:: max(1, len(whole) // 3)]:
        landed = [record.external_id for earlier in whole[: number + 1] for record in earlier.records]
        rest = quiet.pages(stream, WalkRequest("initial", resume=page.resume)) if page.resume else []
        assert {record.external_id for later in rest for record in later.records}.union(landed) == everything
        assert all(later.started_at == whole[0].started_at for later in rest)


@pytest.mark.parametrize(("kind", "stream", "change"), [
    ("contact", "contacts", {"POST": "CTO"}), ("company", "companies", {"TITLE": "Other"}), ("deal", "deals",
    {"TITLE": "Other"}),
    ("task", "tasks", {"TITLE": "Other"}), ("activity", "activities", {"SUBJECT": "Other"}), ("product", "products",
    {"name": "Other"}),
])  # fmt: skip
def test_an_incremental_walk_yields_exactly_the_edits(busy: Portal, kind: str, stream: str, change: dict[str, str]) -> None:
    busy.sandbox.clock.advance(1_000)
    since = busy.now()
    assert busy.ids(stream, WalkRequest("incremental", since=since)) == []
    busy.sandbox.clock.advance(1_000)
    edited = sorted(int(key) for key in busy.held(kind))[3:7]
    for number in edited:
        busy.edit(kind=kind, id=number, set=change)
    assert busy.ids(stream, WalkRequest("incremental", since=since)) == [str(number) for number in edited]


def test_edits_within_the_overlap_and_of_the_same_second_are_read_again(busy: Portal) -> None:
    busy.sandbox.clock.advance(1_000)
    busy.sandbox.clock.freeze()
    for number in range(1, 76):
        busy.edit(kind="contact", id=number, set={"POST": "same second"})
    since = busy.now()
    assert len(busy.ids("contacts", WalkRequest("incremental", since=since))) == 75
    assert len(busy.ids("contacts", WalkRequest("incremental", since=since + timedelta(seconds=299)))) == 75


def test_an_incremental_walk_costs_one_request_when_a_page_holds_it(busy: Portal) -> None:
    busy.sandbox.clock.advance(1_000)
    since = busy.now()
    for stream in ("companies", "contacts", "tasks", "activities", "products", "stage_history", "comments", "deals"):
        before = busy.requests()
        busy.pages(stream, WalkRequest("incremental", since=since))
        assert busy.requests() - before == 1, stream


def test_comments_of_owners_that_were_active_are_read(busy: Portal) -> None:
    busy.sandbox.clock.advance(1_000)
    since = busy.now()
    busy.sandbox.clock.advance(1_000)
    made = busy.edit(kind="comment", create={"ENTITY_ID": 7, "ENTITY_TYPE": "deal", "COMMENT": "[b]Hi[/b]"})
    assert f"comment:{made}" in busy.ids("comments", WalkRequest("incremental", since=since))


def test_comments_of_more_changed_owners_than_a_page_holds_are_read(busy: Portal) -> None:
    busy.sandbox.clock.advance(1_000)
    since = busy.now()
    busy.sandbox.clock.advance(1_000)
    made = {busy.edit(kind="comment", create={"ENTITY_ID": n, "ENTITY_TYPE": "contact", "COMMENT": "x"}) for n in range(1, 71)}
    found = busy.ids("comments", WalkRequest("incremental", since=since))
    assert {f"comment:{number}" for number in made} <= set(found)


def test_merged_duplicates_come_as_an_update_and_a_record_that_is_gone(busy: Portal) -> None:
    busy.sandbox.clock.advance(1_000)
    since = busy.now()
    busy.sandbox.clock.advance(1_000)
    busy.edit(kind="contact", merge=[5, 9])
    assert "5" in busy.ids("contacts", WalkRequest("incremental", since=since))
    (loser,) = busy.records("contacts", WalkRequest("record", ids=("9",)))
    assert loser.deleted


def test_a_window_yields_only_what_changed_within(busy: Portal) -> None:
    busy.sandbox.clock.freeze(int(busy.sandbox.clock.now()))
    marks = []
    for number in (11, 12, 13):
        busy.sandbox.clock.advance(1_000)
        marks.append(busy.now())
        busy.edit(kind="contact", id=number, set={"POST": "x"})
    found = busy.ids("contacts", WalkRequest("window", since=marks[1], until=marks[2]))
    assert found == ["12"]


def test_records_are_read_again_by_id_and_the_deleted_come_as_tombstones(busy: Portal) -> None:
    for kind, stream in KINDS.items():
        if stream == "user":
            continue
        prefix = "comment:" if kind == "comments" else ""
        live, gone = sorted(int(key) for key in busy.held(stream))[1:3]
        busy.edit(kind=stream, id=gone, delete=True)
        found = busy.records(kind, WalkRequest("record", ids=(f"{prefix}{live}", f"{prefix}{gone}", f"{prefix}99999999")))
        by_id = {record.external_id: record for record in found}
        assert not by_id[f"{prefix}{live}"].deleted, kind
        assert by_id[f"{prefix}{gone}"].deleted and by_id[f"{prefix}{gone}"].payload is None, kind
        assert by_id[f"{prefix}99999999"].deleted, kind


def test_a_record_read_by_id_equals_the_walked_one(quiet: Portal) -> None:
    for stream in ("companies", "contacts", "deals", "tasks", "activities", "products"):
        walked = quiet.records(stream)[:3]
        read = quiet.records(stream, WalkRequest("record", ids=tuple(record.external_id for record in walked)))
        context = quiet.context()
        normal = [CONNECTOR.normalize(record, context) for record in walked]
        assert [CONNECTOR.normalize(record, context) for record in read] == normal, stream


def test_rows_that_come_go_and_change_during_a_walk_lose_no_other(busy: Portal) -> None:
    kept = {key for key in busy.held("contact") if int(key) not in (3, 60, 61)}
    link = replace(busy.link, in_flight=1)
    seen: set[str] = set()
    for number, page in enumerate(CONNECTOR.walk(link, STREAMS["contacts"], EVERYTHING)):
        seen |= {record.external_id for record in page.records}
        if number == 0:
            for gone in (3, 60, 61):
                busy.edit(kind="contact", id=gone, purge=True)
            busy.edit(kind="contact", create={"NAME": "Neu"})
            busy.edit(kind="contact", id=100, set={"POST": "changed"})
    assert kept <= seen


def test_last_rows_deleted_during_a_walk_do_not_stop_it(busy: Portal) -> None:
    link = replace(busy.link, in_flight=1)
    last = sorted(map(int, busy.held("contact")))[-5:]
    pages = CONNECTOR.walk(link, STREAMS["contacts"], EVERYTHING)
    seen = {record.external_id for record in next(pages).records}
    for gone in last:
        busy.edit(kind="contact", id=gone, purge=True)
    seen |= {record.external_id for page in pages for record in page.records}
    assert seen == busy.held("contact")


@pytest.mark.parametrize("kept", [0, 20], ids=["empty", "short"])
def test_a_page_that_ends_too_early_is_not_believed(busy: Portal, kept: int) -> None:
    rows = [record.payload for record in busy.records("contacts")][50 : 50 + kept]
    body = {"result": {"result": {"p0": {"items": rows}, "p1": {"items": []}}, "result_error": [], "result_time": []}, "time": {}}
    busy.fault("status", call="batch", after=2, status=200, body=body)
    assert set(busy.ids("contacts", link=replace(busy.link, in_flight=1))) == busy.held("contact")


def test_a_list_that_forgets_its_last_rows_for_good_stops_the_walk(busy: Portal) -> None:
    (first, *_) = busy.records("contacts")
    body = {"result": {"result": {"p0": {"items": []}, "top": {"items": [first.payload]}}, "result_error": []}, "time": {}}
    busy.fault("status", call="batch", status=200, body=body, times=0)
    with pytest.raises(ImplausibleWalk):
        busy.ids("contacts")


def test_a_list_that_ignores_the_id_filter_stops_the_walk(busy: Portal) -> None:
    rows = [record.payload for record in busy.records("contacts")][:50]
    pages = {f"p{n}": {"items": rows} for n in range(50)} | {"top": {"items": rows[::-1]}}
    busy.fault("status", call="batch", status=200, body={"result": {"result": pages, "result_error": []}, "time": {}}, times=0)
    with pytest.raises(ImplausibleWalk):
        busy.ids("contacts")


def test_signatures_of_file_addresses_are_not_kept() -> None:
    row = {
        "ID": "1",
        "PHOTO": {"id": 5, "downloadUrl": "/x?id=5&auth=t0ken&y=1"},
        "UF": [{"urlMachine": "https://p/rest/file?token=t0ken"}],
    }
    assert "t0ken" not in repr(unsigned(row))
    assert row["PHOTO"]["downloadUrl"] == "/x?id=5&auth=&y=1"


def test_only_one_range_is_left_to_the_last_worker_and_nothing_is_lost(quiet: Portal) -> None:
    for in_flight in (1, 2, 7):
        assert set(quiet.ids("contacts", link=replace(quiet.link, in_flight=in_flight))) == quiet.held("contact")


def test_a_walk_of_several_ranges_goes_on_from_any_page_it_landed() -> None:
    with portal(contacts=2_600) as found:
        found.checked()
        whole = found.pages("deals")
        assert max(len(page.resume["ranges"]) for page in whole if page.resume) > 1
        for number, page in list(enumerate(whole))[::2]:
            landed = {record.external_id for earlier in whole[: number + 1] for record in earlier.records}
            rest = found.pages("deals", WalkRequest("initial", resume=page.resume)) if page.resume else []
            assert landed | {record.external_id for later in rest for record in later.records} == found.held("deal")


def test_product_rows_and_comments_beyond_one_page_are_read_whole(busy: Portal) -> None:
    rows = [{"PRODUCT_NAME": f"Row {n}", "PRICE": n, "QUANTITY": 1} for n in range(1, 121)]
    busy.edit(kind="productrows", id=5, set={"rows": rows})
    for n in range(60):
        busy.edit(kind="comment", create={"ENTITY_ID": 5, "ENTITY_TYPE": "deal", "COMMENT": f"Comment {n}"})
    (deal,) = busy.records("deals", WalkRequest("record", ids=("5",)))
    assert [row["productName"] for row in deal.payload["productRows"]] == [row["PRODUCT_NAME"] for row in rows]
    comments = [r for r in busy.records("comments") if (r.payload["ENTITY_TYPE"], str(r.payload["ENTITY_ID"])) == ("deal", "5")]
    assert len(comments) >= 60


def test_the_stage_history_of_deals_is_read_by_deal(busy: Portal) -> None:
    found = busy.records("stage_history", WalkRequest("record", ids=("5", "6")))
    assert found and {str(record.payload["OWNER_ID"]) for record in found} == {"5", "6"}
