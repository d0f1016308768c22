"""Whatever happens to records, a copy that follows in pages of any size ends equal to what its user may see.

Three clients follow every script: one sees everything, one only its own, one only what has a source in amoCRM. Each takes pages
in between, also in the middle of rounds. Who sees what is said here once more, in plain Python.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from crm_pipeline.stages.decisions import Asked, Decider, merge, split
from crm_pipeline_tests.database.copies import Copy, reader
from crm_pipeline_tests.two_sides import TwoSides, fill

ME, OTHER = UUID(int=1), UUID(int=2)
KINDS = ("contacts", "companies", "deals", "tasks", "communications")
OWNED = ("contacts", "companies", "deals", "tasks")
BUMP = "reconciled_at = clock_timestamp(), changed_xid = pg_current_xact_id()"
USER = "INSERT INTO sync.api_users (username, password_hash, role, scope) VALUES ('me', '-', 'agent', 'own') RETURNING id"
CONNECTION = "INSERT INTO sync.connections (crm, name, base_url) VALUES ('amocrm', 'amo', 'http://amo') RETURNING id"
VERSION = "to_json(reconciled_at) #>> '{}'"


@dataclass
class Record:
    """A golden record as the tests know it."""

    id: str
    entity: str
    version: str
    owner: UUID | None = None
    target: str | None = None
    """Of a communication: the record it is about. Of a deal: its company."""
    contacts: set[str] = field(default_factory=set)
    is_deleted: bool = False
    is_in_amo: bool = False


class World:
    """The tables, and what should be in them."""

    def __init__(self, engine: Engine):
        self.engine = engine
        self.records: dict[str, Record] = {}
        self.gone: dict[str, str] = {}
        """Merged id -> the one that stands for it."""
        with engine.begin() as db:
            for table in (*KINDS, "deal_contacts", "crosswalk", "tombstones", "golden_redirects"):
                db.exec_driver_sql(f"DELETE FROM crm.{table}")
            db.exec_driver_sql("DELETE FROM sync.api_users")
            db.exec_driver_sql("DELETE FROM sync.connections WHERE name <> 'app'")
            self.me = db.exec_driver_sql(USER).scalar_one()
            self.amo = db.exec_driver_sql(CONNECTION).scalar_one()

    def run(self, text: str, **values: Any) -> Any:
        """Run a statement and return the first value of its answer."""
        with self.engine.begin() as db:
            found = db.exec_driver_sql(text, values)
            return found.scalar() if found.returns_rows else None

    def some(self, number: int, *entities: str) -> Record | None:
        """Return a record of these entities, which one the number says."""
        found = [one for one in self.records.values() if one.entity in entities]
        return found[number % len(found)] if found else None

    def bump(self, record: Record, assignments: str, **values: Any) -> None:
        """Change a record as reconciling does: with a new version."""
        text = f"UPDATE crm.{record.entity} SET {assignments}, {BUMP} WHERE id = %(id)s RETURNING {VERSION}"
        record.version = self.run(text, id=record.id, **values)

    def seen_by_me(self) -> set[str]:
        """Return what I may see, but for what everybody sees."""
        alive = self.records.values()
        deals = [one for one in alive if one.entity == "deals" and one.owner == ME]
        parties = {one.id for one in alive if one.entity in ("contacts", "companies", "deals") and one.owner == ME}
        parties |= {id_ for deal in deals for id_ in (*deal.contacts, deal.target)} & set(self.records)
        tasks = {one.id for one in alive if one.entity == "tasks" and one.owner == ME}
        return parties | tasks | {one.id for one in alive if one.entity == "communications" and one.target in parties}

    def held(self, ids: set[str] | None = None) -> dict[str, tuple[str, str]]:
        """Return what a copy of these records holds."""
        wanted = self.records.values() if ids is None else [self.records[id_] for id_ in ids]
        return {one.id: (one.entity, one.version) for one in wanted if not one.is_deleted}


def _put(world: World, a: int, b: int) -> None:
    entity, id_, owner = KINDS[a % len(KINDS)], str(uuid4()), (ME, OTHER, None)[b % 3]
    about = world.some(b, "contacts", "companies", "deals")
    if entity == "communications":
        columns = {"kind": "note", "target_entity": about and about.entity, "target_id": about and about.id}
    else:
        columns = {"owner_id": owner and str(owner)}
    names = ", ".join(["id", *columns])
    values = ", ".join(f"%({name})s" for name in ("id", *columns))
    version = world.run(f"INSERT INTO crm.{entity} ({names}) VALUES ({values}) RETURNING {VERSION}", id=id_, **columns)
    is_note = entity == "communications"
    world.records[id_] = Record(id_, entity, version, None if is_note else owner, about.id if is_note and about else None)


def _edit(world: World, a: int, b: int) -> None:
    if found := world.some(a, *KINDS):
        world.bump(found, "custom_fields = custom_fields")


def _delete(world: World, a: int, b: int) -> None:
    if found := world.some(a, *KINDS):
        found.is_deleted = not found.is_deleted
        world.bump(found, "deleted_at = CASE WHEN deleted_at IS NULL THEN now() END")


def _assign(world: World, a: int, b: int) -> None:
    if found := world.some(a, *OWNED):
        found.owner = (ME, OTHER, None)[b % 3]
        world.bump(found, "owner_id = %(owner)s", owner=found.owner and str(found.owner))


def _link(world: World, a: int, b: int) -> None:
    deal, contact = world.some(a, "deals"), world.some(b, "contacts")
    if deal and contact:
        deal.contacts ^= {contact.id}
        statement = "DELETE FROM crm.deal_contacts WHERE deal_id = %(d)s AND contact_id = %(c)s"
        if contact.id in deal.contacts:
            statement = "INSERT INTO crm.deal_contacts (deal_id, contact_id) VALUES (%(d)s, %(c)s)"
        world.run(statement, d=deal.id, c=contact.id)
        world.bump(deal, "custom_fields = custom_fields")


def _merge(world: World, a: int, b: int) -> None:
    """Take a record away; where there is another of its kind it stands for it now."""
    gone = world.some(a, *KINDS)
    into = gone and next((one for one in world.records.values() if one.entity == gone.entity and one is not gone), None)
    if gone:
        del world.records[gone.id]
        values = {"id": gone.id, "new": into and into.id, "entity": gone.entity}
        deleted = f"WITH gone AS (DELETE FROM crm.{gone.entity} WHERE id = %(id)s)"
        world.run(f"{deleted} INSERT INTO crm.tombstones (entity, id, new_id) VALUES (%(entity)s, %(id)s, %(new)s)", **values)
        world.gone |= {gone.id: into.id} if into else {}
        for one in world.records.values():
            one.contacts.discard(gone.id)
        world.run("DELETE FROM crm.deal_contacts WHERE contact_id = %(id)s OR deal_id = %(id)s", id=gone.id)


def _live_again(world: World, a: int, b: int) -> None:
    """Part what was merged: the old id stands for a record again."""
    merged = sorted(id_ for id_ in world.gone if id_ not in world.records)
    if merged:
        id_ = merged[a % len(merged)]
        entity = world.run("DELETE FROM crm.tombstones WHERE id = %(id)s RETURNING entity", id=id_)
        kind = "id, kind) VALUES (%(id)s, 'note'" if entity == "communications" else "id) VALUES (%(id)s"
        version = world.run(f"INSERT INTO crm.{entity} ({kind}) RETURNING {VERSION}", id=id_)
        world.records[id_] = Record(id_, entity, version)
        world.run("DELETE FROM crm.crosswalk WHERE golden_id = %(id)s", id=id_)
        del world.gone[id_]


def _place_in_amo(world: World, a: int, b: int) -> None:
    if found := world.some(a, *KINDS):
        found.is_in_amo = not found.is_in_amo
        statement = "DELETE FROM crm.crosswalk WHERE golden_id = %(id)s"
        if found.is_in_amo:
            statement = ("INSERT INTO crm.crosswalk (golden_id, entity, connection_id, external_id, rule) "
                         "VALUES (%(id)s, %(entity)s, %(amo)s, %(id)s, 'identity')")  # fmt: skip
        world.run(statement, id=found.id, entity=found.entity, amo=world.amo)
        world.bump(found, "custom_fields = custom_fields")


COMMANDS: tuple[Callable[[World, int, int], None], ...] = (
    _put, _put, _put, _edit, _delete, _assign, _assign, _link, _link, _merge, _live_again, _place_in_amo,
)  # fmt: skip
NUMBERS = st.integers(0, 11)
Script = list[tuple[int, int, int, int]]
SCRIPTS = st.lists(st.tuples(st.sampled_from(range(len(COMMANDS))), NUMBERS, NUMBERS, NUMBERS), min_size=8, max_size=40)


@pytest.fixture(scope="module")
def engine(module_engine: Engine) -> Iterator[Engine]:
    """Yield the engine of a database the examples of this module share."""
    yield module_engine


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(script=SCRIPTS, sizes=st.tuples(*[st.integers(1, 7)] * 3))
def test_what_was_told_is_what_is_there(
    engine: Engine, script: list[tuple[int, int, int, int]], sizes: tuple[int, int, int]
) -> None:
    world = World(engine)
    copies = Copy(reader(engine)), Copy(reader(engine, user=world.me, crm_users=(ME,))), Copy(reader(engine, crm="amocrm"))
    for number, a, b, look in script:
        COMMANDS[number](world, a, b)
        if look % 4 < 3:
            copies[look % 4].take(sizes[look % 4])
    for copy, size in zip(copies, sizes, strict=True):
        copy.follow(size)
    in_amo = {one.id for one in world.records.values() if one.is_in_amo}
    for copy, expected in zip(copies, (None, world.seen_by_me(), in_amo), strict=True):
        assert copy.held == world.held(expected)
        assert copy.differences() == []
    latest = Copy(reader(engine))
    latest.follow()
    assert latest.held == copies[0].held
    assert {id_: new for id_, new in copies[0].merged.items() if id_ in world.gone}.items() <= world.gone.items()


def test_merging_and_parting_by_a_person_reach_the_copies(sides: TwoSides) -> None:
    fill(sides.left, "left.example", 2)
    fill(sides.right, "right.example", 2)
    copy = Copy(reader(sides.parts.engine))
    sides.load()
    copy.follow(3)
    one, other = sides.golden_id("tiny:1"), sides.golden_id("other:2")
    assert {one, other} <= set(copy.held)
    merge(sides.parts, Asked(("tiny:1", "other:2"), entity="contacts"), Decider("anna", "asked"))
    copy.follow(3)
    (gone,) = {one, other} - set(copy.held)
    assert copy.merged[gone] == ({one, other} - {gone}).pop()
    split(sides.parts, Asked(("tiny:1",), entity="contacts"), Decider("anna", "asked again"))
    copy.follow(3)
    living = {row["id"] for row in sides.rows("SELECT id::text FROM crm.contacts WHERE deleted_at IS NULL")}
    assert {id_ for id_, (entity, _) in copy.held.items() if entity == "contacts"} == living
    assert copy.differences() == []
