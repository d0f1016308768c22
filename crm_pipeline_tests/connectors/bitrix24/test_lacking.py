"""Portals that do not offer all methods, or a webhook that may not use all of them: the main data is read all the same."""

import pytest

from crm_pipeline.connectors.bitrix24 import CONNECTOR
from crm_pipeline.errors import AccessDenied, RequestRefused
from crm_pipeline_tests.connectors.bitrix24.portal import STREAMS, Portal, portal

NO_METHOD = {"error": "ERROR_METHOD_NOT_FOUND", "status": 404}
NO_SCOPE = {"error": "insufficient_scope", "status": 403}


def lack(found: Portal, refusal: dict[str, object], *calls: str) -> None:
    """Refuse these calls inside batches, for good."""
    for call in calls:
        found.fault("in_batch", call=call, times=0, **refusal)


@pytest.mark.parametrize("refusal", [NO_METHOD, NO_SCOPE], ids=["no method", "no scope"])
@pytest.mark.parametrize(("stream", "kind", "calls"), [
    ("deals", "deal", ("crm.item.productrow.list", "crm.deal.productrows.get")),
    ("products", "product", ("catalog.price.list",)),
])  # fmt: skip
def test_rows_are_read_without_what_is_asked_for_per_row(
    refusal: dict[str, object], stream: str, kind: str, calls: tuple[str, ...]
) -> None:
    with portal(contacts=120) as found:
        found.checked()
        lack(found, refusal, *calls)
        pages = found.pages(stream)
        assert {record.external_id for page in pages for record in page.records} == found.held(kind)
        assert any(calls[-1] in said for said in pages[-1].warnings)


def test_classic_lists_are_read_without_their_links() -> None:
    with portal(contacts=120) as found:
        found.checked()
        lack(found, NO_METHOD, "crm.contact.company.items.get", "crm.deal.contact.items.get")
        classic = found.link_with(item_api=False)
        context = found.context()
        assert set(found.ids("contacts", link=classic)) == found.held("contact")
        mains = {row["contact_external_id"] for deal in found.normal("deals", context, classic).values()
                 for row in deal.children["deal_contacts"] if row["is_main"]}  # fmt: skip
        assert mains, "the deal itself names its main contact"


def test_product_rows_refused_one_way_are_asked_the_other() -> None:
    with portal(contacts=120) as found:
        found.checked()
        lack(found, NO_SCOPE, "crm.item.productrow.list")
        pages = found.pages("deals")
        assert any(record.payload and record.payload["productRows"] for page in pages for record in page.records)
        assert not any(page.warnings for page in pages)


def test_pipelines_are_told_by_their_stages_where_no_method_lists_them() -> None:
    with portal(contacts=20) as found:
        known, stages = set(found.ids("pipelines")), set(found.ids("stages"))
        lack(found, NO_METHOD, "crm.category.list", "crm.dealcategory.list")
        assert set(found.ids("pipelines")) == known
        assert set(found.ids("stages")) == stages


def test_pipelines_that_may_not_be_read_are_an_error() -> None:
    with portal(contacts=20) as found:
        lack(found, NO_SCOPE, "crm.category.list", "crm.dealcategory.list")
        with pytest.raises(AccessDenied):
            found.ids("pipelines")


@pytest.mark.parametrize(("calls", "stream"), [
    (("crm.stagehistory.list",), "stage_history"), (("crm.timeline.comment.list",), "comments"), (("user.get",), "users"),
    (("crm.contact.fields", "crm.contact.userfield.list"), "custom_fields"),
])  # fmt: skip
def test_what_is_refused_whole_only_adds_to_an_entity(calls: tuple[str, ...], stream: str) -> None:
    with portal(contacts=60) as found:
        found.checked()
        for call in calls:
            found.fault("status", call=call, times=0, status=403, body={"error": "insufficient_scope"})
        lack(found, NO_SCOPE, *calls)
        with pytest.raises((AccessDenied, RequestRefused)):
            found.ids(stream)
        assert STREAMS[stream].auxiliary
        assert [one.name for one in CONNECTOR.streams if one.auxiliary] == [
            "users", "custom_fields", "products", "stage_history", "comments",
        ]  # fmt: skip
