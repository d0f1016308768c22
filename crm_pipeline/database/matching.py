"""Matching in sets: which source records share a key, what speaks against it, and to which golden record each belongs.

What belongs here: the statements of `matching.sql` in their order, inside the caller's transaction. What names say, and how
a group that contradicts itself is parted, is asked of the model by the stage; rows go out and come back here.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import groupby
from operator import itemgetter
from typing import Any

import orjson
from sqlalchemy import Connection

from crm_pipeline.database.copy import copy_rows
from crm_pipeline.database.golden import analyze
from crm_pipeline.database.locks import RECONCILER_CLASS
from crm_pipeline.database.queries import queries
from crm_pipeline.database.templates import fill
from crm_pipeline.model.entities import COLUMNS, GOLDEN
from crm_pipeline.model.golden import LINKS, REFERENCES
from crm_pipeline.model.matching import RANKS
from crm_pipeline.model.rules import Rules
from crm_pipeline.model.stop_keys import (
    MADE_UP_ADDRESSES,
    MADE_UP_PHONES,
    MAILBOXES_NOBODY_READS,
    ROLE_MAILBOXES,
    SHARED_WEB_DOMAINS,
)  # fmt: skip

KEYS: Mapping[str, tuple[str, ...]] = {
    "contacts": ("marker", "external_id"),
    "companies": ("marker", "external_id", "tax_id", "domain"),
    "deals": ("marker", "external_id"),
    "products": ("external_id", "sku", "name"),
    "users": ("mapped", "email"),
    "pipelines": ("pipeline",),
    "stages": ("stage",),
}
"""Entity → the statements `key_…` that say by what its records are recognised, beside phones and e-mails."""

MANY = 20_000
"""Source records waiting from which whole tables are read, when they are a quarter of the table or more."""
FEW = 5_000
"""Source records of a batch otherwise."""


@dataclass(frozen=True, slots=True)
class Batch:
    """What was taken from the queue."""

    place: int
    """Where the next batch begins."""
    is_all: bool
    """Whether every record of the entity is decided about."""
    size: int


@dataclass(frozen=True, slots=True)
class Problem:
    """Linked records of which two are of one connection, or a pair contradicts itself."""

    connections: dict[int, int]
    edges: list[tuple[int, int, str, str, str | None]]
    """a, b, rule, key, what speaks against it."""
    together: list[tuple[int, int]]
    apart: list[tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Moved:
    """What matching did to the crosswalk."""

    came: int = 0
    joined: int = 0
    parted: int = 0
    merged: int = 0
    reviews: int = 0


def _run(db: Connection, statement: str, values: Mapping[str, Any] | None = None) -> Any:
    return db.exec_driver_sql(statement, dict(values)) if values else db.exec_driver_sql(statement)


@cache
def _statement(name: str, entity: str) -> str:
    text = queries("matching")[name]
    for part in ("keys_of_seed", "keys_of_touched", "marked_golden", "usable"):
        text = text.replace(f"{{{part}}}", queries("matching")[part])
    sources = "\nUNION ALL\n".join(queries("matching")[f"key_{key}"] for key in KEYS.get(entity, ()))
    return fill(text, sources=fill(sources, batch="match_batch"), entity=entity).replace("{entity}", entity)


def take_batch(db: Connection, entity: str, after: int, *, everything: bool = False) -> Batch | None:
    """Begin a batch: be the only one at this entity, and take what is queued behind place `after`. None: nothing waits.

    One at a time, so that no older state is written over a newer. `everything`: every source record, queued or not.
    """
    waiting, is_large = _run(db, _statement("count_queue", entity)).one()
    if not waiting and not everything:
        return None
    _run(db, queries("locks")["one_reconciler"], {"class": RECONCILER_CLASS, "entity": entity})
    is_all = everything or (waiting >= MANY and is_large)
    _run(db, queries("matching")["plan_for_many" if is_all else "plan_for_few"])
    for name in ("make_batch", "make_keys", "make_touched", "make_pairs", "empty"):
        _run(db, queries("matching")[name])
    values = {} if is_all else {"after": after, "size": FEW}
    place = _run(db, _statement("take_all" if is_all else "take_few", entity), values).scalar()
    if everything:
        _run(db, _statement("take_everything", entity))
    elif place is None:
        return None
    analyze(db, "match_batch")
    return Batch(place or 0, is_all, _run(db, queries("matching")["count_batch"]).scalar_one())


def stand_alone(db: Connection, entity: str) -> None:
    """Give records of the batch that have no golden record one of their own."""
    _run(db, _statement("stand_alone", entity))


def queue_batch(db: Connection, entity: str) -> None:
    """Have the batch's golden records rebuilt, and those that waited for its records to appear."""
    _run(db, _statement("queue_batch", entity))
    _run(db, _statement("queue_woken", entity))


def touch(db: Connection, entity: str, rules: Rules, batch: Batch) -> None:
    """Keep the batch's keys, and find all records whose place they may change."""
    _run(db, _statement("want_keys", entity), _key_settings(entity, rules))
    analyze(db, "match_wanted_keys")
    if not batch.is_all:
        _run(db, _statement("remember_keys", entity))
    _run(db, _statement("drop_keys", entity))
    _run(db, _statement("put_keys", entity))
    if batch.is_all:
        _run(db, _statement("touch_all", entity))
    else:
        _run(db, queries("matching")["touch_batch"])
        _spread(db, entity, {"max_sharing": rules.matching.max_sharing})
        _run(db, _statement("untouch_dead", entity))
    _run(db, _statement("untouch_app", entity))
    analyze(db, "match_touched")


def _spread(db: Connection, entity: str, values: dict[str, Any]) -> None:
    """Go from record to record by keys and golden records, until nobody new is found."""
    found = _run(db, _statement("touch_sharers_of_seeds", entity), values).rowcount
    found += _run(db, _statement("touch_companions", entity), {"step": 0}).rowcount
    step = 1
    while found:
        found = _run(db, _statement("touch_sharers", entity), values | {"step": step}).rowcount
        found += _run(db, _statement("touch_companions", entity), {"step": step}).rowcount
        step += 1


def _key_settings(entity: str, rules: Rules) -> dict[str, Any]:
    same = {"pipelines": rules.pipelines, "stages": rules.stages, "users": rules.users}.get(entity, ())
    mapping = {f"{ref.connection}:{ref.record}": f"rules:{number}" for number, refs in enumerate(same) for ref in refs}
    return {
        "external_ids": orjson.dumps(dict(rules.matching.external_id.get(entity, {}))).decode(),
        "web_domains": sorted(SHARED_WEB_DOMAINS | rules.matching.stop_addresses),
        "product_names": rules.matching.product_name,
        "mapping": orjson.dumps(mapping).decode(),
    }


def pair(db: Connection, entity: str, rules: Rules, batch: Batch) -> None:
    """Pair the touched records that share a usable key, and lay out what people decided about them."""
    share, key = ("share_keys_of_all", "key_all") if batch.is_all else ("share_keys_of_touched", "key_touched")
    _run(db, _statement(share, entity), _unusable(entity, rules))
    analyze(db, "match_shared")
    _run(db, _statement(key, entity))
    _run(db, queries("matching")["drop_crowded"], {"max_sharing": rules.matching.max_sharing})
    analyze(db, "match_keyed")
    _run(db, queries("matching")["pair"], {"rules": list(RANKS), "ranks": list(RANKS.values())})
    _run(db, _statement("pair_marked", entity), {"rank": RANKS["marker"]})
    _run(db, _statement("pair_kept", entity), {"rank": RANKS["kept"]})
    _run(db, _statement("decide", entity))
    analyze(db, "match_pairs")


def _unusable(entity: str, rules: Rules) -> dict[str, Any]:
    """Return the keys that say nothing. A company is found by its office's mailbox, a person is not."""
    mailboxes = ROLE_MAILBOXES if entity != "companies" else frozenset()
    stopped = rules.matching.stop_addresses
    return {
        "mailboxes": sorted(mailboxes | MAILBOXES_NOBODY_READS),
        "addresses": sorted(MADE_UP_ADDRESSES | stopped),
        "phones": sorted(MADE_UP_PHONES | stopped),
    }


def place_alone(db: Connection, entity: str) -> None:
    """Give each record that nothing pairs with another a golden id of its own, where nobody has one yet."""
    if _run(db, _statement("find_alone", entity)).rowcount:
        analyze(db, "match_alone")
        for name in ("place_alone", "cross_alone"):
            _run(db, _statement(name, entity))


def group(db: Connection, phrases: Mapping[str, str]) -> None:
    """Group linked records, and find the groups that contradict themselves."""
    _run(db, queries("matching")["link"])
    analyze(db, "match_links")
    _run(db, queries("matching")["label"])
    analyze(db, "match_labels")
    while _run(db, queries("matching")["relabel"]).scalar_one():
        pass
    _run(db, queries("matching")["find_problems"])
    _run(db, queries("matching")["doubt"], {"phrases": orjson.dumps(dict(phrases)).decode()})


def problems(db: Connection) -> Iterator[Problem]:
    """Hand out the groups that contradict themselves, one by one."""
    edges = _by_group(db, "problem_edges")
    decisions = _by_group(db, "problem_decisions")
    for label, rows in groupby(_run(db, queries("matching")["problem_records"]).all(), key=itemgetter(0)):
        decided = decisions.get(label, [])
        yield Problem(
            {row[1]: row[2] for row in rows},
            [(row[1], row[2], row[3] or "marker", row[4], row[5]) for row in edges.get(label, [])],
            [(row[1], row[2]) for row in decided if row[3] == "together"],
            [(row[1], row[2]) for row in decided if row[3] == "apart"],
        )


def _by_group(db: Connection, name: str) -> dict[int, list[Any]]:
    found: dict[int, list[Any]] = {}
    for row in _run(db, queries("matching")[name]):
        found.setdefault(row[0], []).append(row)
    return found


def take_resolved(db: Connection, placed: Iterable[Sequence[object]], doubts: Iterable[Sequence[object]]) -> None:
    """Take back how those groups were parted: (record, group, rule), and what a person should look at."""
    _run(db, queries("matching")["forget_problems"])
    copy_rows(db, "match_resolved", ("n", "label", "rule"), placed)
    copy_rows(db, "match_doubts", ("a", "b", "rule", "reason", "explanation"), doubts)


PLACING = ("hold", "assign_held", "assign_new", "find_moved", "find_moved_dead", "redirect", "redirect_further", "redirect_back",
           "cross", "cross_dead", "tell_source", "queue_moved")  # fmt: skip


FILLED = {"hold": "match_holders", "assign_new": "match_assigned", "find_moved_dead": "match_moved"}
"""Statement → the table it has filled."""


def place(db: Connection, entity: str, batch: Batch) -> Moved:
    """Give every group its golden id, write the crosswalk, and have what changed rebuilt."""
    ranked = sorted(RANKS, key=RANKS.__getitem__)
    _run(db, _statement("place", entity), {"rules": ranked, "kept": RANKS["kept"]})
    analyze(db, "match_placed")
    for name in PLACING:
        _run(db, _statement(name, entity))
        if name in FILLED:
            analyze(db, FILLED[name])
    if batch.is_all:
        _run(db, queries("matching")["analyze_crosswalk"])
    for statement in _dependents(entity):
        _run(db, statement)
    _run(db, _statement("close_reviews", entity))
    reviews = len(_run(db, _statement("ask", entity)).all())
    came, joined, parted, merged = _run(db, _statement("count_matched", entity)).one()
    return Moved(came, joined, parted, merged, reviews)


@cache
def _dependents(entity: str) -> list[str]:
    """Return the statements that find who refers to records of an entity."""
    text = queries("matching")["queue_dependents"]
    columns = [column for column, to in REFERENCES.items() if to == entity]
    found = [
        fill(text, dependent=table, table=table, column=column, owner="external_id", and_entity="")
        for table, names in _referring().items() for column in names if column in columns
    ]  # fmt: skip
    found += [
        fill(text, dependent=table, table=table, column="target_external_id", owner="external_id",
             and_entity=f"AND d.target_entity = '{entity}'")
        for table in ("tasks", "communications")
    ]  # fmt: skip
    found += [
        fill(text, dependent=links.entity, table=links.table, column=links.to_column or "", owner=links.parent, and_entity="")
        for of_entity in LINKS.values() for links in of_entity if links.to == entity
    ]  # fmt: skip
    return found


def _referring() -> dict[str, list[str]]:

    return {entity: [column for column in COLUMNS[entity] if column in REFERENCES] for entity in GOLDEN}
