"""What walks cost: hardly a request beyond the pages there are, few for what changed, and ranges shared without a gap."""

from hypothesis import given
from hypothesis import strategies as st

from crm_pipeline.connectors.amocrm.frame import OPEN
from crm_pipeline.connectors.amocrm.shares import halves, shares
from crm_pipeline.model.records import WalkRequest
from crm_pipeline.walk import Range
from crm_pipeline_tests.connectors.amocrm.stand import AmoStand, amo_stand
from crm_pipeline_tests.connectors.contract import live_ids, walk, watermark

INITIAL = WalkRequest("initial")
SECONDS = st.integers(0, 10_000)


def cost(stand: AmoStand, name: str, request: WalkRequest) -> int:
    before = len(stand.sandbox.journal)
    walk(stand, name, request)
    return len(stand.sandbox.journal) - before


def test_what_changed_costs_one_request_a_list() -> None:
    with amo_stand(contacts=700) as stand:
        for name in ("companies", "contacts", "leads", "lead_notes"):
            since = WalkRequest("incremental", since=watermark(walk(stand, name, INITIAL)))
            stand.advance(3_600)
            stand.edit(name, sorted(stand.held(name))[3])
            assert cost(stand, name, since) == 1, name


def test_what_more_events_than_a_page_tell_of_is_read_again_at_once() -> None:
    with amo_stand(contacts=700) as stand:
        since = WalkRequest("incremental", since=watermark(walk(stand, "lead_events", INITIAL)))
        leads = sorted(stand.held("leads"))[:140]
        for portion in (leads[:70], leads[70:]):
            stand.advance(1_000)
            edits = [{"kind": "leads", "id": int(lead), "set": {"pipeline_id": 4401, "status_id": 143}} for lead in portion]
            links = [
                {"kind": "leads", "id": int(lead), "link": {"to_entity_type": "contacts", "to_entity_id": 10_000_001}}
                for lead in portion[:5]
            ]
            stand.do(*edits, *links)
        assert cost(stand, "lead_events", since) <= 3


def test_a_first_load_asks_hardly_more_than_there_are_pages() -> None:
    with amo_stand(contacts=2_500) as stand:
        for name in ("contacts", "leads", "tasks"):
            pages = -(-len(stand.held(name)) // 250)
            assert cost(stand, name, INITIAL) <= pages + 16, name
            assert live_ids(walk(stand, name, INITIAL)) == stand.held(name)


@given(SECONDS, st.integers(1, 500), st.integers(0, 10_000), st.integers(0, 500), st.integers(1, 8))
def test_pieces_cover_what_remains_exactly(low: int, span: int, width: int, top: int, most: int) -> None:
    last = low + span
    pieces = shares(Range(low, last + width, {"top": top}), low, last, most)
    covered = [second for piece in pieces for second in range(piece.low, piece.high + 1)]
    assert covered == list(range(last, last + width + 1))
    assert len(pieces) <= most
    assert pieces[0].hint["on"]


@given(SECONDS, st.integers(0, 10_000), st.integers(1, 3_000))
def test_halves_cover_the_range_and_are_made_only_where_there_are_pages_for_both(low: int, width: int, span: int) -> None:
    waiting = Range(low, low + width, {"on": True, "span": span})
    parts = halves(waiting)
    assert [second for part in parts for second in range(part.low, part.high + 1)] == list(range(low, low + width + 1))
    assert (len(parts) == 2) == (width >= 4 * span)
    assert halves(Range(low, OPEN, {"span": span})) == (Range(low, OPEN, {"span": span}),)
