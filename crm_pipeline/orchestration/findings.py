"""What Great Expectations finds, as answers to checks: rules put to Postgres, suites run inside it, and sums compared.

What belongs here: questions that need `quality/`, which is imported only when one is asked (pandas and great_expectations
take 2.5 s). Questions answered by plain SQL, and the definitions of all checks, are in `checks.py`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import dagster as dg

from crm_pipeline.database.checks import count_breaches, deal_sums, records_query
from crm_pipeline.wiring import Pipeline

if TYPE_CHECKING:
    from crm_pipeline.quality.rules import Rule
    from crm_pipeline.quality.suites import Expectation

Row = dict[str, Any]
Severity = dg.AssetCheckSeverity
ERROR, WARN = Severity.ERROR, Severity.WARN


SEVERITY = {True: ERROR, False: WARN}
"""Whether a breach is our own mistake → how bad it is."""


@dataclass(frozen=True)
class Finding:
    """The answer to one check."""

    passed: bool
    rows: list[Row]
    severity: Severity = ERROR
    description: str | None = None
    title: str = "connections"
    """What the rows are."""
    breaches: int | None = None
    """Records at fault, where they are counted."""


def keys(parts: Pipeline, crm: str, entity: str) -> Finding:
    """Has every record an id of its own? Twins here would be doubled in everything that refers to them."""
    from crm_pipeline.quality.suites import GOLDEN_KEYS, SOURCE_KEYS

    return _suite(parts, crm, entity, SOURCE_KEYS if crm else GOLDEN_KEYS, ERROR)


def expectations(parts: Pipeline, crm: str, entity: str) -> Finding:
    """Do the records look as their suite expects: filled where people fill them, values and dates in their ranges?"""
    from crm_pipeline.quality.suites import golden_suite, source_suite

    return _suite(parts, crm, entity, source_suite(entity) if crm else golden_suite(entity), WARN)


def points(parts: Pipeline, crm: str, entity: str) -> Finding:
    """Are phones E.164 and e-mails addresses, and is one of each kind the primary one?"""
    from crm_pipeline.quality.rules import points as rules
    from crm_pipeline.quality.suites import POINTS

    shapes = _suite(parts, crm, entity, POINTS, WARN, of_points=True)
    primaries = _rules(parts, crm, entity, rules(entity, not crm))
    worst = ERROR if not primaries.passed else WARN
    counted = (shapes.breaches or 0) + (primaries.breaches or 0)
    rows = [*primaries.rows, *(_as_rule(row) for row in shapes.rows)]
    return Finding(shapes.passed and primaries.passed, rows, worst, _look_at(rows), "rules", counted)


def links(parts: Pipeline, crm: str, entity: str) -> Finding:
    """Do references and link tables lead to records that exist?"""
    from crm_pipeline.quality.rules import golden_links, source_links

    return _rules(parts, crm, entity, source_links(entity) if crm else golden_links(entity))


def sense(parts: Pipeline, crm: str, entity: str) -> Finding:
    """Does what a record says go together: dates, stage and category, completion?"""
    from crm_pipeline.quality.rules import sense as rules

    return _rules(parts, crm, entity, rules(entity, not crm))


def crosswalk(parts: Pipeline, crm: str, entity: str) -> Finding:
    """Do source records, crosswalk and golden records belong together, and lead merged ids on?"""
    from crm_pipeline.quality.rules import crosswalk as rules

    return _rules(parts, crm, entity, rules(entity))


def sums(parts: Pipeline, _crm: str, entity: str) -> Finding:
    """Are each connection's deals worth as much in source as in the golden records that have their value from there?"""
    from crm_pipeline.quality.expectations import within
    from crm_pipeline.quality.rules import AMOUNTS

    rows = deal_sums(parts.engine)
    equal = within(entity, {row["connection"]: row["difference"] for row in rows}) if rows else {}
    apart = _rules(parts, "", entity, [AMOUNTS])
    told = [{**row, "ok": equal[row["connection"]]} for row in rows]
    ids = apart.rows[0]["records"]
    advice = f"Look at: {ids}." if ids else None
    return Finding(all(equal.values()) and apart.passed, told, ERROR, advice, breaches=apart.breaches)


def _suite(
    parts: Pipeline,
    crm: str,
    entity: str,
    suite: "Sequence[Expectation]",
    severity: dg.AssetCheckSeverity,
    of_points: bool = False,
) -> Finding:
    from crm_pipeline.quality.expectations import validate

    url = parts.engine.url.render_as_string(hide_password=False)
    rows = validate(url, records_query(parts.engine, crm, entity, points=of_points), entity, suite)
    failed = [row for row in rows if not row["ok"]]
    return Finding(not failed, rows, severity, _look_at(failed), "expectations", sum(row["unexpected"] for row in failed))


def _rules(parts: Pipeline, crm: str, entity: str, rules: "Sequence[Rule]") -> Finding:
    from crm_pipeline.quality.expectations import within

    found = {rule.name: count_breaches(parts.engine, rule.query, rule.names, crm) for rule in rules}
    kept = within(entity, {name: float(breaches.count) for name, breaches in found.items()}) if rules else {}
    rows: list[Row] = [
        {
            "rule": rule.name,
            "breaches": found[rule.name].count,
            "ok": kept[rule.name],
            "severity": SEVERITY[rule.is_ours].value,
            "records": ", ".join(found[rule.name].records),
        }
        for rule in rules
    ]
    broken = [row for row in rows if not row["ok"]]
    severity = ERROR if any(row["severity"] == ERROR.value for row in broken) else WARN
    return Finding(not broken, rows, severity, _look_at(broken), "rules", sum(row["breaches"] for row in broken))


def _as_rule(row: Row) -> Row:
    """Return an expectation's row in the shape of a rule's."""
    name = f"{row['column']}: {row['expectation'].removeprefix('expect_column_values_to_').replace('_', ' ')}"
    return {"rule": name, "breaches": row["unexpected"], "ok": row["ok"], "severity": WARN.value, "records": row["records"]}


def _look_at(rows: Sequence[Row]) -> str | None:
    """Return what is at fault in words, ids only."""
    names = ", ".join(dict.fromkeys(str(row.get("rule") or row["column"]) for row in rows if not row["ok"]))
    return f"Broken: {names}." if names else None
