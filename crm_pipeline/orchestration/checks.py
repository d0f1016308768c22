"""Is what the tables hold right? One answer per check and asset, over all of its connections.

A check has one colour, so it looks at every connection at once and names those at fault in a table: partition by partition,
the connection synced last would decide the colour for all. What plain SQL answers is here; what Great Expectations is asked
is in `findings.py`. Every asset's checks are a step of their own, so that a blocking one stops only what is behind it.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import dagster as dg

from crm_pipeline.connectors import Connector
from crm_pipeline.database.checks import ask
from crm_pipeline.model.entities import COLUMNS, GOLDEN, HISTORY
from crm_pipeline.orchestration.catalogue import entities_of
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


Question = Callable[[Pipeline, str, str], Finding]

OF_SOURCES: dict[str, Question] = {
    "fresh": fresh, "readable": readable, "complete": complete, "keys": keys, "expectations": expectations, "sense": sense,
}  # fmt: skip
"""Check → question, of every `source/<crm>/<entity>`."""

OF_GOLDEN: dict[str, Question] = {
    "reconciled": reconciled, "keys": keys, "crosswalk": crosswalk, "expectations": expectations, "sense": sense,
}  # fmt: skip
"""Check → question, of every `crm/<entity>`."""

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

BLOCKING = {"source": ("keys",), "crm": ("keys", "crosswalk", "links", "sums")}
"""Layer → checks that must pass before what refers to these records is brought up to date in the same run."""


def questions(layer: str, entity: str) -> dict[str, Question]:
    """Return check → question of one asset. layer: source or crm."""
    if layer == "source":
        return {**OF_SOURCES, **ONLY_OF.get(entity, {})}
    return {**OF_GOLDEN, **ONLY_OF.get(entity, {}), **ONLY_OF_GOLDEN.get(entity, {})}


def all_checks(connectors: Mapping[str, Connector]) -> list[dg.AssetChecksDefinition]:
    """Return one definition per asset, each of several checks that can be run singly."""
    of_crms = [
        _checks("source", crm, entity) for crm, found in connectors.items() for entity in entities_of(found) if entity in COLUMNS
    ]
    return [*of_crms, *(_checks("crm", "", entity) for entity in GOLDEN)]


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
        name=f"{crm or 'golden'}_{entity}_checks",
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
