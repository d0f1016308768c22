"""Is what the tables hold right? Cheap questions in SQL, one answer per asset over all its connections.

A check has one colour, so it looks at every connection at once and names those at fault in a table: partition by partition,
the connection synced last would decide the colour for all. Great Expectations' suite is one more check, `expectations`.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import dagster as dg

from crm_pipeline.connectors import Connector
from crm_pipeline.database.checks import ask, records_query
from crm_pipeline.model.entities import COLUMNS, GOLDEN, HISTORY
from crm_pipeline.orchestration.catalogue import entities_of
from crm_pipeline.orchestration.metadata import table
from crm_pipeline.wiring import Pipeline

Row = dict[str, Any]

LEFT_OUT_ON_PURPOSE = ("communications", "products")
"""Entities whose raw records may rightly have no source record (mirrors of tasks, elements of other catalogues)."""


@dataclass(frozen=True)
class Finding:
    """The answer to one check."""

    passed: bool
    rows: list[Row]
    severity: dg.AssetCheckSeverity = dg.AssetCheckSeverity.ERROR
    description: str | None = None


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


def expectations(parts: Pipeline, crm: str, entity: str) -> Finding:
    """Do the records meet the suite of Great Expectations in `quality/`?"""
    from crm_pipeline.quality.expectations import validate  # pandas and great_expectations: 2.5 s, so only when it is run

    url = parts.engine.url.render_as_string(hide_password=False)
    rows = validate(url, records_query(parts.engine, crm, entity), entity)
    return Finding(all(row["ok"] for row in rows), rows, dg.AssetCheckSeverity.WARN)


Question = Callable[[Pipeline, str, str], Finding]

OF_SOURCES: dict[str, Question] = {"fresh": fresh, "readable": readable, "complete": complete, "expectations": expectations}
"""Check → question, of every `source/<crm>/<entity>`."""

OF_GOLDEN: dict[str, Question] = {"reconciled": reconciled}
"""Check → question, of every `crm/<entity>`."""


def all_checks(connectors: Mapping[str, Connector]) -> list[dg.AssetChecksDefinition]:
    """Return one definition per CRM and one for the golden tables, each of many checks that can be run singly."""
    of_crms = [
        _checks(f"{crm}_checks", {("source", crm, entity): OF_SOURCES for entity in entities_of(found) if entity in COLUMNS})
        for crm, found in connectors.items()
    ]
    return [*of_crms, _checks("golden_checks", {("crm", "", entity): OF_GOLDEN for entity in GOLDEN})]


def _checks(name: str, questions: Mapping[tuple[str, str, str], Mapping[str, Question]]) -> dg.AssetChecksDefinition:
    places = {(_key(place), check): (place, ask_it) for place, theirs in questions.items() for check, ask_it in theirs.items()}

    @dg.multi_asset_check(
        name=name,
        specs=[dg.AssetCheckSpec(check, asset=key, description=ask_it.__doc__) for (key, check), (_, ask_it) in places.items()],
        can_subset=True,
        required_resource_keys={"pipeline", "lease"},
    )
    def body(context: dg.AssetCheckExecutionContext) -> Iterator[dg.AssetCheckResult]:
        for chosen in sorted(context.selected_asset_check_keys, key=lambda key: (key.asset_key.path, key.name)):
            (_, crm, entity), ask_it = places[chosen.asset_key, chosen.name]
            yield _result(chosen, ask_it(context.resources.pipeline, crm, entity))

    return body


def _key(place: tuple[str, str, str]) -> dg.AssetKey:
    return dg.AssetKey([part for part in place if part])


def _result(check: dg.AssetCheckKey, finding: Finding) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(asset_key=check.asset_key, check_name=check.name, **outcome(finding))


def outcome(finding: Finding) -> dict[str, Any]:
    """Return what a check's result and its evaluation have in common."""
    rows = [{name: _cell(value) for name, value in row.items()} for row in finding.rows]
    return {
        "passed": finding.passed,
        "severity": finding.severity,
        "description": finding.description,
        "metadata": {"connections": table(rows)},
    }


def _cell(value: object) -> str | int | float | bool:
    return value if isinstance(value, str | int | float | bool) else "" if value is None else str(value)
