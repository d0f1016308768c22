"""What edits come to: changes in the queue, refusals, conflicts; and the laws that hold whatever is sent."""

from dataclasses import replace
from typing import Any
from uuid import uuid4

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crm_pipeline.model.rules import Rules, default_fields
from crm_pipeline.stages.decisions import Asked, Decider, merge
from crm_pipeline.stages.drain import drain
from crm_pipeline.stages.edits import edit
from crm_pipeline.stages.reconcile import reconcile
from crm_pipeline_tests.model.test_operations import GARBAGE, LIKELY
from crm_pipeline_tests.stages.test_edits import golden, loaded, phones, push, stages, update
from crm_pipeline_tests.two_sides import TwoSides


def queue(sides: TwoSides) -> list[dict[str, Any]]:
    """Return the outgoing changes in their order, with the names of their connections."""
    return sides.rows(
        """SELECT o.*, c.name AS connection FROM sync.outgoing_changes o
           JOIN sync.connections c ON c.id = o.connection_id ORDER BY o.id"""
    )


def test_an_edit_goes_to_every_two_way_connection_that_has_the_record(sides: TwoSides) -> None:
    anna = loaded(sides, "tiny", "other").golden_id("tiny:1")
    (done,) = push(sides, {"id": "op-7", **update(anna, position="CTO")})
    changes = queue(sides)
    assert (done.status, done.reason, done.changes) == ("accepted", None, [change["id"] for change in changes])
    assert {(one["connection"], one["operation"], one["lane"], one["origin"]) for one in changes} == {
        ("tiny", "update", "interactive", "op:op-7"),
        ("other", "update", "interactive", "op:op-7"),
    }
    assert [one["fields"]["position"] for one in changes] == ["CTO", "CTO"]
    (again,) = push(sides, {"id": "op-7", **update(anna, position="CTO")})
    assert (again.changes, len(queue(sides))) == (done.changes, 2)


def test_a_phone_taken_off_is_taken_off_everywhere(sides: TwoSides) -> None:
    anna = loaded(sides, "tiny").golden_id("tiny:1")
    push(sides, update(anna, phones=["+79001112233"]))
    (change,) = queue(sides)
    assert change["fields"]["phones"] == ["+79001112233"]


def test_a_new_record_is_made_where_it_was_asked_for(sides: TwoSides) -> None:
    loaded(sides, "tiny", "other")
    create = {"entity": "contacts", "action": "create", "record": "tmp:1", "fields": {"name": "Новый"}}
    named, unnamed = push(sides, {**create, "connections": ["tiny"]}, {**create, "record": "tmp:2"})
    (change,) = queue(sides)
    assert (change["connection"], change["operation"], str(change["golden_id"])) == ("tiny", "create", named.record)
    assert named.changes == [change["id"]]
    assert (unnamed.status, unnamed.changes) == ("accepted", []) and "nobody" in str(unnamed.reason)


def test_links_go_where_both_records_are(sides: TwoSides) -> None:
    deal = loaded(sides, "tiny", "other").golden_id("tiny:1", "deals")
    petr, irina = sides.golden_id("tiny:2"), sides.golden_id("other:3")
    linked, stranger = push(
        sides,
        {"id": "op-l", "entity": "deals", "action": "link", "record": deal, "fields": {"contacts": [petr]}},
        {"id": "op-s", "entity": "deals", "action": "link", "record": deal, "fields": {"contacts": [irina]}},
    )
    (change,) = [one for one in queue(sides) if one["operation"] == "link"]
    assert (change["connection"], change["operation"], change["external_id"]) == ("tiny", "link", "1")
    assert (change["idempotency_key"].startswith("op:op-l:"), change["lane"]) == (True, "interactive")
    assert change["fields"] == {"contacts": [{"id": petr}]}
    assert (linked.changes, stranger.changes) == ([change["id"]], [])
    contacts = {str(row["contact_id"]) for row in sides.rows("SELECT contact_id FROM crm.deal_contacts WHERE deal_id = %s", deal)}
    assert {petr, irina} < contacts
    push(sides, {"entity": "deals", "action": "unlink", "record": deal, "fields": {"contacts": [petr]}})
    assert [one["operation"] for one in queue(sides) if "link" in one["operation"]] == ["link", "unlink"]
    assert sides.rows("SELECT 1 FROM source.deal_contacts d WHERE d.contact_external_id = %s", petr) == []


def test_what_is_asked_of_a_record_an_upload_makes_is_made_with_it(sides: TwoSides) -> None:
    """Links and edits of a record that waits to be created travel with its create; what is about it waits for it."""
    petr = loaded(sides, "tiny").golden_id("tiny:2")
    named = {"connections": ["tiny"]}
    person, deal, linked, edited, note = push(
        sides,
        {"entity": "contacts", "action": "create", "record": "tmp:p", "fields": {"name": "Новый"}, **named},
        {"entity": "deals", "action": "create", "record": "tmp:d", "fields": {"title": "x", "contacts": ["tmp:p"]}, **named},
        {"entity": "deals", "action": "link", "record": "tmp:d", "fields": {"contacts": [petr]}},
        {"entity": "deals", "action": "update", "record": "tmp:d", "fields": {"title": "y"}},
        {"entity": "communications", "action": "create", "record": "tmp:n", **named,
         "fields": {"kind": "note", "body": "hi", "target_entity": "contacts", "target_id": "tmp:p"}},
    )  # fmt: skip
    about = {change["id"]: (change["operation"], change["entity"]) for change in queue(sides)}
    owed = sorted(one for one in about.values() if one != ("update", "contacts"))  # what Петр was owed before
    assert owed == [("create", "communications"), ("create", "contacts"), ("create", "deals")]
    assert [about[one] for one in (*linked.changes, *edited.changes)] == [("create", "deals")] * 2
    assert (linked.changes, edited.reason, note.status, len(note.changes)) == (deal.changes, None, "accepted", 1)
    (made,) = [change for change in queue(sides) if change["entity"] == "deals"]
    assert {link["id"] for link in made["fields"]["contacts"]} == {person.record, petr} and made["fields"]["title"] == "y"
    drain(sides.parts)
    assert {change["state"] for change in queue(sides)} == {"applied"}
    (kept,) = [one for one in sides.left.records["deals"].values() if one["title"] == "y"]
    assert len(kept["deal_contacts"]) == 2


def test_a_refused_create_has_no_record_yet(sides: TwoSides) -> None:
    create = {"entity": "contacts", "action": "create", "record": "tmp:1", "connections": ["nobody"], "fields": {"name": "x"}}
    (done,) = push(sides, create)
    assert (done.status, done.record) == ("rejected", "tmp:1")


def test_a_company_is_linked_by_setting_it(sides: TwoSides) -> None:
    deal, company = loaded(sides).golden_id("tiny:1", "deals"), sides.golden_id("tiny:1", "companies")
    push(sides, {"entity": "deals", "action": "link", "record": deal, "fields": {"companies": [company]}})
    assert str(golden(sides, deal, "deals")["company_id"]) == company
    push(sides, {"entity": "deals", "action": "unlink", "record": deal, "fields": {"companies": [company]}})
    assert golden(sides, deal, "deals")["company_id"] is None


def test_a_rule_that_asks_a_person_leaves_a_conflict(sides: TwoSides) -> None:
    fields = default_fields()
    fields["contacts"]["position"] = replace(fields["contacts"]["position"], rule="review")
    parts = replace(sides.parts, rules=Rules(fields=fields))
    sides.left.put("contacts", 1, name="Анна", position="head")
    sides.load("tiny")
    anna = sides.golden_id("tiny:1")
    version = golden(sides, anna)["reconciled_at"].isoformat()
    sides.left.put("contacts", 1, position="chief")
    sides.load("tiny")
    (done,) = edit(parts, [{"id": "1", **update(anna, position="CTO"), "base_version": version}], "anna")
    assert (done.status, done.current) == ("conflict", {"position": golden(sides, anna)["position"]})
    assert "conflicts list" in str(done.reason)


def test_what_does_not_exist_is_refused_and_queues_nothing(sides: TwoSides) -> None:
    loaded(sides, "tiny")
    stages(sides)
    anna, deal = sides.golden_id("tiny:1"), sides.golden_id("tiny:1", "deals")
    nobody, opt = str(uuid4()), sides.golden_id("tiny:2", "pipelines")
    new = {"action": "create", "record": "tmp:1"}
    refused = {
        "there is no record": update(nobody, name="A"),
        f"fields.owner_id: there is no record {nobody} in users": update(anna, owner_id=nobody),
        "fields.company_id": update(anna, company_id=deal),
        f"fields.stage_id: there is no record {nobody}": update(deal, "deals", stage_id=nobody),
        "is of pipeline": update(deal, "deals", stage_id=sides.golden_id("tiny:1", "stages"), pipeline_id=opt),
        "moved by its stage": update(deal, "deals", pipeline_id=opt),
        "fields.contacts[0]": {"entity": "deals", "action": "link", "record": deal, "fields": {"contacts": [nobody]}},
        "no connection 'nowhere'": {**new, "entity": "contacts", "connections": ["nowhere"], "fields": {"name": "A"}},
        "direction=two_way": {**new, "entity": "contacts", "connections": ["other"], "fields": {"name": "A"}},
        "takes no new products": {**new, "entity": "products", "connections": ["tiny"], "fields": {"name": "A"}},
        "fields.title: tiny takes no new tasks without it": {
            **new, "entity": "tasks", "connections": ["tiny"], "fields": {"body": "A"}},
        "temporary id tmp:9": update("tmp:9", name="A"),
        "id: None is no operation id": {"id": None, **update(anna, name="A")},
    }  # fmt: skip
    before = sides.golden()
    done = push(sides, *refused.values())
    for told, one in zip(refused, done, strict=True):
        assert (one.status, one.changes) == ("rejected", []), one
        assert told in str(one.reason), one
    assert sides.golden() == before
    assert queue(sides) == [] and sides.rows("SELECT 1 FROM source.contacts c WHERE c.connection_id = 1") == []


def test_a_merged_record_is_found_by_its_old_id(sides: TwoSides) -> None:
    loaded(sides)
    one, other = sides.golden_id("tiny:3"), sides.golden_id("other:3")
    push(sides, update(one, position="CTO"), update(other, position="CEO"))
    merge(sides.parts, Asked(["tiny:3", "other:3"], entity="contacts"), Decider("anna"))
    stays = sides.golden_id("tiny:3")
    gone = other if stays == one else one
    (done,) = push(sides, update(gone, position="boss"))
    assert (done.status, done.record, golden(sides, stays)["position"]) == ("accepted", stays, "boss")


WORDS = st.sampled_from([None, "a", "b", "c"])
STEPS = st.lists(
    st.fixed_dictionaries({}, optional={
        "position": WORDS, "name": st.sampled_from(["Анна", "Анна Ким", "Ким Анна Петровна"]), "birthday": st.just("1990-01-01"),
        "tags": st.lists(st.sampled_from(["x", "y", "vip"]), unique=True).map(sorted),
        "phones": st.lists(st.sampled_from(["+79001112233", "+79001112244"]), unique=True).map(sorted),
    }).filter(bool),
    min_size=1, max_size=6,
)  # fmt: skip


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(steps=STEPS, together=st.booleans())
def test_golden_is_the_last_edit_of_each_field(sides: TwoSides, steps: list[dict[str, Any]], together: bool) -> None:
    if not sides.groups():
        loaded(sides)
    anna = sides.golden_id("tiny:1")
    operations = [{"id": str(uuid4()), **update(anna, **step)} for step in steps]
    for sent in [operations] if together else [[one] for one in operations]:
        assert {one.status for one in edit(sides.parts, sent, "anna")} == {"accepted"}
    last = {name: value for step in steps for name, value in step.items()}
    row = golden(sides, anna) | {"phones": phones(sides, anna)}
    now = {name: str(row[name]) if name == "birthday" else row[name] for name in last}
    assert {name: sorted(value) if isinstance(value, list) else value for name, value in now.items()} == last
    before = sides.golden()
    edit(sides.parts, operations, "anna")
    reconcile(sides.parts, full=True)
    assert sides.golden() == before


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(given_=st.lists(LIKELY | GARBAGE, max_size=8))
def test_garbage_never_raises_and_never_queues(sides: TwoSides, given_: list[Any]) -> None:
    if not sides.groups():
        loaded(sides, "tiny")
    done = edit(sides.parts, given_, "anna")
    assert len(done) == len(given_)
    assert all(one.reason for one in done if one.status == "rejected")
    rejected = [one.id for one in done if one.status == "rejected" and one.id]
    assert sides.rows("SELECT 1 FROM sync.operation_changes WHERE operation_id = ANY(%s)", rejected) == []
