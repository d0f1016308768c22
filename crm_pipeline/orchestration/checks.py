"""Is what the tables hold right? One answer per check and asset, over all of its connections.

A check has one colour, so it looks at every connection at once and names those at fault in a table: partition by partition,
the connection synced last would decide the colour for all. What plain SQL answers is here; what Great Expectations is asked
is in `findings.py`. Every asset's checks are a step of their own, so that a blocking one stops only what is behind it.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import dagster as dg

from crm_pipeline.connectors import Connector
from crm_pipeline.database import outgoing_desk
from crm_pipeline.database.checks import ask
from crm_pipeline.model.entities import COLUMNS, GOLDEN, HISTORY
from crm_pipeline.orchestration.catalogue import entities_of, written_entities
from crm_pipeline.orchestration.findings import Finding, crosswalk, expectations, keys, links, points, sense, sums
from crm_pipeline.orchestration.metadata import table
from crm_pipeline.wiring import Pipeline

LEFT_OUT_ON_PURPOSE = ("communications", "products")
"""Entities whose raw records may rightly have no source record (mirrors of tasks, elements of other catalogues)."""


def fresh(parts: Pipeline, crm: str, entity: str) -> Finding:
    """Is every connection synced lately and without an error?"""
    rows = ask(parts.engine, "freshness", crm=crm, entity=entity)
    failing, stale = ([row for row in rows if row[name]] for name in ("is_failing", "is_stale"))
    names = ", ".join(dict.fromkeys(row["connection"] for row in failing + stale))
    severity = dg.AssetCheckSeverity.ERROR if failing else dg.AssetCheckSeverity.WARN
    return Finding(not names, rows, severity, f"Look at: {names}." if names else None)


def readable(parts: Pipeline, crm: str, entity: str) -> Finding:
    """Could every raw record be normalized?"""
    kinds = [entity, HISTORY] if entity == "deals" else [entity]
    rows = ask(parts.engine, "quarantined", crm=crm, entity=entity, kinds=kinds)
    return Finding(not rows, rows, dg.AssetCheckSeverity.WARN, "crm-pipeline replay-quarantine tries again." if rows else None)


def complete(parts: Pipeline, crm: str, entity: str) -> Finding:
    """Are the living source records those of the living raw records?"""
    rows = ask(parts.engine, "completeness", crm=crm, entity=entity)
    wrong = [row for row in rows if row["surplus"] or (row["missing"] and entity not in LEFT_OUT_ON_PURPOSE)]
    return Finding(
        not wrong, rows, description="Materialize the source asset alone: it is normalized from raw." if wrong else None
    )


def reconciled(parts: Pipeline, _crm: str, entity: str) -> Finding:
    """Has every living source record a living golden record, but for those waiting in the queue?"""
    rows = ask(parts.engine, "unreconciled", entity=entity)
    lost = [row for row in rows if row["records"] > row["waiting"]]
    return Finding(not lost, rows, description="Run the job reconcile with full: true." if lost else None)


LATE = 900
"""Seconds after its turn has come within which a change should have been taken to its CRM."""
MANY_DEAD = 50
"""Dead changes of one CRM that are no accident of single records any more."""
FEW_MISSES, SHARE_OF_MISSES = 3, 0.01
"""From so many on, and above this share of a day's applied changes, what is changed again at once is no accident."""
DAY = 86_400.0
EVER = 1e9


def oldest_pending(parts: Pipeline, crm: str, _entity: str) -> Finding:
    """Is every change taken to its CRM within a quarter of an hour of its turn? One that is parked waits for its next attempt."""
    rows = ask(parts.engine, "outgoing_ages", crm=crm, patience=LATE)
    names = ", ".join(row["connection"] for row in rows if row["late"])
    advice = f"Changes wait too long: {names}. Is the connection active and two-way, and does drain_outgoing run?"
    return Finding(not names, rows, dg.AssetCheckSeverity.WARN, advice if names else None)


def dead(parts: Pipeline, crm: str, _entity: str) -> Finding:
    """Is there no change that failed too often? Each is tried again only when a person says so."""
    rows = ask(parts.engine, "outgoing_failed", crm=crm, state="dead", within=EVER)
    count = sum(row["changes"] for row in rows)
    severity = dg.AssetCheckSeverity.ERROR if count > MANY_DEAD else dg.AssetCheckSeverity.WARN
    return _ended(rows, severity, f"{count} dead: crm-pipeline outgoing explain ID; then outgoing retry or cancel.")


def rejected(parts: Pipeline, crm: str, _entity: str) -> Finding:
    """Did no CRM refuse a change for good in the last day?"""
    rows = ask(parts.engine, "outgoing_failed", crm=crm, state="rejected", within=DAY)
    return _ended(rows, dg.AssetCheckSeverity.WARN, "crm-pipeline outgoing explain ID tells the CRM's own words.")


def near_misses(parts: Pipeline, crm: str, _entity: str) -> Finding:
    """Does what we write stay as we wrote it? Changed again within two minutes, a robot in the CRM fights us."""
    found = [one for one in outgoing_desk.near_misses(parts.engine, hours=24) if one.crm == crm]
    fought = [one for one in found if one.missed >= FEW_MISSES and one.share > SHARE_OF_MISSES]
    rows: list[dict[str, Any]] = [
        {"connection": one.connection, "applied": one.applied, "missed": one.missed, "share": one.share,
         "fields": ", ".join(one.fields)}
        for one in found
    ]  # fmt: skip
    names = "; ".join(f"{one.connection}: {', '.join(one.fields)}" for one in fought)
    advice = f"A robot in the CRM fights us over {names}. Switch it off there, or let that side win in the rules."
    missed = sum(one.missed for one in found)
    return Finding(not fought, rows, dg.AssetCheckSeverity.WARN, advice if fought else None, breaches=missed)


def _ended(rows: list[dict[str, Any]], severity: dg.AssetCheckSeverity, advice: str) -> Finding:
    count = sum(row["changes"] for row in rows)
    return Finding(not rows, rows, severity, advice if rows else None, "changes", count)


Question = Callable[[Pipeline, str, str], Finding]

OF_SOURCES: dict[str, Question] = {
    "fresh": fresh, "readable": readable, "complete": complete, "keys": keys, "expectations": expectations, "sense": sense,
}  # fmt: skip
"""Check → question, of every `source/<crm>/<entity>`."""

OF_GOLDEN: dict[str, Question] = {
    "reconciled": reconciled, "keys": keys, "crosswalk": crosswalk, "expectations": expectations, "sense": sense,
}  # fmt: skip
"""Check → question, of every `crm/<entity>`."""

OF_OUTGOING: dict[str, Question] = {
    "oldest_pending": oldest_pending, "dead": dead, "rejected": rejected, "near_misses": near_misses,
}  # fmt: skip
"""Check → question, of every `outgoing/<crm>`."""

ONLY_OF: dict[str, dict[str, Question]] = {
    "stages": {"links": links},
    "companies": {"links": links, "points": points},
    "contacts": {"links": links, "points": points},
    "deals": {"links": links},
    "tasks": {"links": links},
    "communications": {"links": links},
}
"""Entity → further questions, of source and golden records alike."""

ONLY_OF_GOLDEN: dict[str, dict[str, Question]] = {"deals": {"sums": sums}}
"""Entity → further questions, of golden records."""

BLOCKING = {"source": ("keys",), "crm": ("keys", "crosswalk", "links", "sums"), "outgoing": ()}
"""Layer → checks that must pass before what refers to these records is brought up to date in the same run."""


def questions(layer: str, entity: str) -> dict[str, Question]:
    """Return check → question of one asset. layer: source, crm or outgoing, which has no entity."""
    if layer == "outgoing":
        return OF_OUTGOING
    if layer == "source":
        return {**OF_SOURCES, **ONLY_OF.get(entity, {})}
    return {**OF_GOLDEN, **ONLY_OF.get(entity, {}), **ONLY_OF_GOLDEN.get(entity, {})}


def all_checks(connectors: Mapping[str, Connector]) -> list[dg.AssetChecksDefinition]:
    """Return one definition per asset, each of several checks that can be run singly."""
    of_crms = [
        _checks("source", crm, entity) for crm, found in connectors.items() for entity in entities_of(found) if entity in COLUMNS
    ]
    of_queues = [_checks("outgoing", crm, "") for crm, found in connectors.items() if written_entities(found)]
    return [*of_crms, *(_checks("crm", "", entity) for entity in GOLDEN), *of_queues]


def guards() -> list[dg.AssetCheckKey]:
    """Return the blocking checks of the golden tables."""
    return [
        dg.AssetCheckKey(dg.AssetKey(["crm", entity]), check)
        for entity in GOLDEN
        for check in questions("crm", entity)
        if check in BLOCKING["crm"]
    ]


def _checks(layer: str, crm: str, entity: str) -> dg.AssetChecksDefinition:
    asked, key = questions(layer, entity), dg.AssetKey([part for part in (layer, crm, entity) if part])
    specs = [
        dg.AssetCheckSpec(check, asset=key, description=ask_it.__doc__, blocking=check in BLOCKING[layer])
        for check, ask_it in asked.items()
    ]

    @dg.multi_asset_check(
        name=f"{crm or 'golden'}_{entity or layer}_checks",
        specs=specs,
        can_subset=True,
        required_resource_keys={"pipeline", "lease"},
    )
    def body(context: dg.AssetCheckExecutionContext) -> Iterator[dg.AssetCheckResult]:
        for chosen in sorted(context.selected_asset_check_keys, key=lambda one: one.name):
            finding = asked[chosen.name](context.resources.pipeline, crm, entity)
            yield dg.AssetCheckResult(asset_key=key, check_name=chosen.name, **outcome(finding))

    return body


def outcome(finding: Finding) -> dict[str, Any]:
    """Return what a check's result and its evaluation have in common."""
    rows = [{name: _cell(value) for name, value in row.items()} for row in finding.rows]
    return {
        "passed": finding.passed,
        "severity": finding.severity,
        "description": finding.description,
        "metadata": {finding.title: table(rows), **({} if finding.breaches is None else {"breaches": finding.breaches})},
    }


def _cell(value: object) -> str | int | float | bool:
    return value if isinstance(value, str | int | float | bool) else "" if value is None else str(value)
