"""Plan: run the whole engine with other rules in one transaction, say what came out differently, and roll it back."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from crm_pipeline.connectors import Connector
from crm_pipeline.database import golden, matching, planning
from crm_pipeline.database.refusals import Connection
from crm_pipeline.model.entities import GOLDEN
from crm_pipeline.model.rules import Rules
from crm_pipeline.stages.match import match_batch
from crm_pipeline.stages.parts import Parts
from crm_pipeline.stages.survive import MANY, rebuild_batch

EXAMPLES = 5
Found = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Plan:
    """What would change if other rules held. Every entry has its counts, and up to five examples."""

    values: list[Found] = field(default_factory=list)
    """{entity, field, records, examples: [{golden_id, old, new}]}."""
    rows: list[Found] = field(default_factory=list)
    """Phones, e-mails, links of records: {entity, field, change (added, removed, changed), records, examples: [{old, new}]}."""
    golden: list[Found] = field(default_factory=list)
    """{entity, new, parted, gone, merged}."""
    links: list[Found] = field(default_factory=list)
    """{entity, rule, change (added, removed), records, examples: [{record, golden_id}]}."""
    reviews: list[Found] = field(default_factory=list)
    """{entity, reason, change (opened, closed), records, examples: [{record, other_record, explanation}]}."""
    conflicts: list[Found] = field(default_factory=list)
    """{entity, field, state, change (new, gone), records, examples: [{golden_id, rule, chosen, values}]}."""

    @property
    def would_change(self) -> bool:
        """Return whether anything would be different."""
        return any((self.values, self.rows, self.golden, self.links, self.reviews, self.conflicts))


def plan(parts: Parts, rules: Rules, entity: str | None = None) -> Plan:
    """Return what would change if `rules` held. Nothing is written; reconciling waits meanwhile.

    What waits to be reconciled is counted as done by the present rules, so that the difference is the rules' alone.
    `entity`: only what would change there.
    """
    with parts.engine.connect() as db, db.begin() as transaction:
        run = Run(db, {})
        run.reconcile(parts.rules, everything=False)
        planning.snapshot(db)
        run.reconcile(rules, everything=True)
        found = compare(db, entity)
        transaction.rollback()
    return found


def _nothing(_entity: str) -> None:
    """Do nothing after a batch."""


@dataclass(frozen=True, slots=True)
class Run:
    """The engine within the caller's transaction, which is rolled back."""

    db: Connection
    connectors: Mapping[str, Connector]
    """Those whose connections are offered what they are owed."""
    after_batch: Callable[[str], None] = _nothing
    """Is told the entity after every batch, while it still lies there."""

    def reconcile(self, rules: Rules, *, everything: bool) -> None:
        """Do what `stages/reconcile.py` does."""
        progressed = True
        while progressed:
            worked = [_match(self.db, entity, rules, everything) for entity in GOLDEN]
            worked += [self._survive(entity, rules, everything) for entity in GOLDEN]
            progressed, everything = any(worked), False

    def _survive(self, entity: str, rules: Rules, everything: bool) -> bool:
        if everything:
            golden.queue_all(self.db, entity)
        has_worked = False
        while taken := golden.take_batch(self.db, entity, rules, MANY, many=True):
            rebuild_batch(self.db, entity, rules, taken, self.connectors)
            self.after_batch(entity)
            has_worked = True
        return has_worked


def _match(db: Connection, entity: str, rules: Rules, everything: bool) -> bool:
    batch = matching.take_batch(db, entity, 0, everything=everything)
    has_worked = batch is not None
    while batch is not None:
        match_batch(db, entity, rules, batch)
        batch = matching.take_batch(db, entity, batch.place)
    return has_worked


def compare(db: Connection, entity: str | None = None) -> Plan:
    """Return what came out differently since the snapshot. `entity`: only there."""
    entities = [entity] if entity else list(GOLDEN)
    records = [planning.changed_records(db, entity) for entity in entities]
    rows = [row for table in planning.LINK_TABLES for row in planning.changed_rows(db, table, EXAMPLES)]
    return Plan(
        values=[value for entity in entities for value in planning.changed_values(db, entity, EXAMPLES)],
        rows=[row for row in rows if row["entity"] in entities],
        golden=[one for one in records if one["new"] or one["gone"]],
        links=[link for link in planning.changed_links(db, EXAMPLES) if link["entity"] in entities],
        reviews=[review for review in planning.changed_reviews(db, EXAMPLES) if review["entity"] in entities],
        conflicts=[conflict for conflict in planning.changed_conflicts(db, EXAMPLES) if conflict["entity"] in entities],
    )
