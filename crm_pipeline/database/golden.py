"""Golden tables, batch by batch: source records of a golden record are laid out, settled or decided, and written.

What belongs here: the statements of one batch in their order, inside the caller's transaction. SQL settles what nobody
disputes; a disputed group of fields is handed out (`disputes`) and what was decided is taken back (`take_verdicts`). Who
wins is the rules' business, which entities and how many batches the stage's.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson
from sqlalchemy import Connection

from crm_pipeline.database import pairs
from crm_pipeline.database.copy import copy_rows
from crm_pipeline.database.golden_statements import (
    ALL_LINKS,
    column_groups,
    field_groups,
    golden_statement,
    has_references,
    links_statement,
)
from crm_pipeline.database.queries import queries
from crm_pipeline.database.templates import fill
from crm_pipeline.model.golden import GoldenLinks
from crm_pipeline.model.rules import Rules
from crm_pipeline.model.survivorship import GROUPS, SOURCE_PRIORITY

MANY = 20_000
"""Golden records waiting from which whole tables are read instead of single rows."""


@dataclass(frozen=True, slots=True)
class Dispute:
    """One golden record with the groups its sides differ in."""

    golden_id: str
    mask: int
    """Bits of the groups in dispute."""
    has_joined: bool
    """A source record joined since the golden record was written."""
    bases: dict[str, list[Any]]
    """Group → [what was last agreed on, side → what it said then of those that said something else]."""
    conflicts: dict[str, list[Any]]
    """Group → [values, chosen side, who decided, rule, state] of the conflict that stands."""
    standing: dict[int, list[Any]]
    """Group number → [rule, golden values]."""
    sides: dict[int, list[list[Any]]]
    """Group number → [connection id, connection, external id, changed at, whether it changed since we know it, values]."""


@dataclass(slots=True)
class Verdicts:
    """What was decided about the disputes of a batch, ready to be copied in."""

    verdicts: list[tuple[Any, ...]] = field(default_factory=list)
    """golden id, mask, provenance, values by column that are no single side's: unions, and what stands until a person decides."""
    winners: list[tuple[Any, ...]] = field(default_factory=list)
    """golden id, connection id, external id, mask of what it wins."""
    bases: list[tuple[Any, ...]] = field(default_factory=list)
    """golden id, group, values, side → what it said then of those that said something else."""
    conflicts: list[tuple[Any, ...]] = field(default_factory=list)
    """golden id, group, base, values, rule, chosen, state, who decided."""


VERDICT_TABLES = (
    ("verdicts", "golden_verdicts", ("golden_id", "disputed", "provenance", "kept")),
    ("winners", "golden_winners", ("golden_id", "connection_id", "external_id", "wins")),
    ("bases", "golden_bases", ("golden_id", "field", "value", "said")),
    ("conflicts", "golden_conflicts", ("golden_id", "field", "base_value", "values", "rule", "chosen", "state", "decided_by")),
)


@dataclass(frozen=True, slots=True)
class Written:
    """What a batch did to its golden table."""

    inserted: int = 0
    updated: int = 0
    deleted: int = 0


def _run(db: Connection, statement: str, values: dict[str, Any] | None = None) -> Any:
    return db.exec_driver_sql(statement, values) if values else db.exec_driver_sql(statement)


def analyze(db: Connection, table: str) -> None:
    """Tell the planner how large a table is that was just filled."""
    _run(db, fill(queries("matching")["analyze"], table=table))


def count_waiting(db: Connection, entity: str) -> int:
    """Return how many golden records wait, counting no further than MANY."""
    waiting: int = _run(db, golden_statement("count_queue", entity), {"limit": MANY}).scalar_one()
    return waiting


def queue_all(db: Connection, entity: str) -> None:
    """Have every golden record of an entity rebuilt, without crosswalk rows that no source record stands behind."""
    _run(db, golden_statement("remove_orphan_links", entity))
    _run(db, golden_statement("queue_all", entity))


def take_batch(db: Connection, entity: str, rules: Rules, size: int, *, many: bool) -> int:
    """Begin a batch: take the next golden records and lay out what their sources say. Returns how many; 0: none waits."""
    begin_batch(db, entity, many=many)
    taken: int = _run(db, golden_statement("take_batch", entity), {"size": size}).scalar_one()
    if taken:
        lay_out(db, entity, rules)
    return taken


def begin_batch(db: Connection, entity: str, *, many: bool) -> None:
    """Begin a batch with no golden records in it."""
    _run(db, queries("matching")["plan_for_many" if many else "plan_for_few"])
    _run(db, queries("golden")["make_batch"])
    _run(db, golden_statement("make_sides", entity))
    _run(db, queries("golden")["empty"])
    _run(db, golden_statement("empty_sides", entity))
    pairs.begin(db)


def lay_out(db: Connection, entity: str, rules: Rules) -> None:
    """Lay out what the sources of the batch's golden records say."""
    _run(db, golden_statement("order_sources", entity), {"order": list(rules.source_order), "ignored": _ignored(entity, rules)})
    analyze(db, "golden_batch")
    _run(db, golden_statement("lay_out", entity))
    analyze(db, f"sides_{entity}")
    _run(db, golden_statement("follow_dead", entity))
    _run(db, golden_statement("bury_app", entity))
    _run(db, golden_statement("drop_dead", entity))
    names, numbers = field_groups(entity)
    _run(db, golden_statement("date_fields", entity), {"fields": names, "groups": numbers})
    pairs.find(db, entity, rules)
    _run(db, golden_statement("find_mixed", entity))
    analyze(db, "golden_mixed")
    _run(db, queries("golden")["find_plain"])
    _run(db, golden_statement("find_disputes", entity))


def _ignored(entity: str, rules: Rules) -> str:
    masks: dict[str, int] = {}
    for number, group in column_groups(entity):
        for connection in rules.rule(entity, group.name).ignore:
            masks[connection] = masks.get(connection, 0) | 1 << number
    return orjson.dumps(masks).decode()


def disputes(db: Connection, entity: str) -> Iterator[Dispute]:
    """Hand out what the sides of the batch differ in."""
    groups = column_groups(entity)
    for row in _run(db, golden_statement("disputes", entity)):
        golden_id, mask, has_joined, bases, conflicts, *rest = row
        standing, sides = (_numbered(groups, texts) for texts in (rest[: len(groups)], rest[len(groups) :]))
        yield Dispute(golden_id, mask, bool(has_joined), _read(bases), _read(conflicts), standing, sides)


def _read(text: str | None) -> dict[str, Any]:
    return orjson.loads(text) if text else {}


def _numbered(groups: Sequence[tuple[int, Any]], texts: Iterable[str | None]) -> dict[int, list[Any]]:
    return {number: orjson.loads(text) for (number, _), text in zip(groups, texts, strict=True) if text}


def take_verdicts(db: Connection, verdicts: Verdicts) -> None:
    """Take back what was decided."""
    for name, table, columns in VERDICT_TABLES:
        rows = getattr(verdicts, name)
        if rows:
            copy_rows(db, table, columns, rows)


def write_batch(db: Connection, entity: str, rules: Rules) -> tuple[Written, list[str]]:
    """Write the batch's golden records, links and conflicts. Returns counts, and the groups of new conflicts."""
    for name in ("drop_bases", "keep_bases", "supersede_conflicts"):
        _run(db, golden_statement(name, entity))
    conflicts = [row[0] for row in _run(db, golden_statement("put_conflicts", entity))]
    deleted: int = _run(db, golden_statement("count_dying", entity)).scalar_one()
    removed: int = _run(db, golden_statement("remove_empty", entity)).rowcount
    is_new = [row[0] for name in ("upsert_single", "upsert_mixed") for row in _run(db, golden_statement(name, entity))]
    is_new += pairs.upsert(db, entity, rules)
    if has_references(entity):
        _run(db, golden_statement("note_missing", entity))
    _run(db, golden_statement("live_again", entity))
    touched = {owner for links in ALL_LINKS[entity] for owner in _replace_links(db, links, rules)}
    if touched:
        _run(db, golden_statement("touch", entity), {"ids": sorted(touched)})
    if entity == "contacts":
        _run(db, queries("suggesting")["queue"])
    inserted = sum(is_new)
    return Written(inserted, max(len(is_new) - inserted - (deleted - removed), 0), deleted), conflicts


def _replace_links(db: Connection, links: GoldenLinks, rules: Rules) -> set[str]:
    """Make the golden link rows of the batch equal to those of its source records, writing only what differs.

    Returns whose rows changed; not those of records new in this batch, nor the stage history, which is no part of a record.
    """
    _run(db, links_statement("make_wanted", links))
    _run(db, links_statement("empty_wanted", links))
    if links.table == "deal_stage_history":
        _run(db, queries("golden")["want_stage_history"])
    else:
        _run(db, links_statement("put_plain_links", links))
        _run(db, links_statement("want_links", links))
    if links.table == "contact_points":
        pairs.put_points(db, links.entity)
        _choose_points(db, links, rules)
    changed = {row[0] for name in ("remove_links", "upsert_links") for row in _run(db, links_statement(name, links))}
    if links.to:
        _run(db, links_statement("note_missing_links", links))
    return set() if links.table == "deal_stage_history" else changed


def _choose_points(db: Connection, links: GoldenLinks, rules: Rules) -> None:
    ruled = {group.point_kind: rules.rule(links.entity, group.name) for group in GROUPS[links.entity] if group.point_kind}
    orders = {kind: list(rule.order or rules.source_order) for kind, rule in ruled.items() if rule.rule == SOURCE_PRIORITY}
    _run(db, links_statement("drop_removed_points", links), {"kinds": [kind for kind in ruled if kind not in orders]})
    if orders:
        values = {"kinds": list(orders), "orders": orjson.dumps(orders).decode()}
        _run(db, links_statement("keep_preferred_points", links), values)
    _run(db, links_statement("choose_primary", links))
