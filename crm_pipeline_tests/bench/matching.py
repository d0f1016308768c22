"""Section (e): how right, how fast and in how much memory records of several accounts become one, beside Splink."""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from crm_pipeline_tests.bench.filling import fill
from crm_pipeline_tests.bench.ground import STATEMENTS, Ground
from crm_pipeline_tests.bench.labelled import Row, american, russian, spread
from crm_pipeline_tests.bench.quality import Quality, judge
from crm_pipeline_tests.bench.sizes import Sizes
from crm_pipeline_tests.bench.tables import Section, say
from crm_pipeline_tests.bench.watched import Outcome, run

PUBLISHED = Path(__file__).parents[3] / "shared" / "data" / "us-500" / "us-500.csv"
LONGEST_SUGGESTING = 300.0
"""Seconds that comparing everybody who resembles somebody may take; where more is expected it is left out."""
LONGEST = 1800.0
CHANGED = 1000
OURS, THEIRS, WITHOUT = "crm-pipeline", "Splink", "Splink, company not compared"
SYSTEMS: dict[str, tuple[str, dict[str, Any]]] = {
    OURS: ("ours_matching", {}),
    THEIRS: ("splink_matching", {"without": []}),
    WITHOUT: ("splink_matching", {"without": ["company"]}),
}
"""Name → module and what it is told besides. Company helps Splink to find, and to take relatives for one person."""


@dataclass
class Measured:
    """What came of one body of people, by each system. Several ways of spreading the same people are summed up."""

    name: str
    connections: int
    runs: dict[str, list[Outcome]] = field(default_factory=lambda: {name: [] for name in SYSTEMS})
    quality: dict[str, Quality] = field(default_factory=lambda: dict.fromkeys(SYSTEMS, Quality()))
    suggests: bool = True

    def total(self, system: str, fact: str) -> float:
        """Return the sum of a fact over the runs; `seconds` too is one."""
        return sum(float(one.facts.get(fact, 0.0)) for one in self.runs[system])

    def why(self, system: str) -> str:
        """Return why a system failed, empty when it did not."""
        return next((one.why for one in self.runs[system] if one.why), "")


def matching(ground: Ground, sizes: Sizes) -> list[Section]:
    """Measure quality on published and on generated people, time and memory on many."""
    few = [*_published(ground, sizes), _generated(ground, sizes)]
    many = _many(ground, sizes, few[-1])
    return [_quality_section([*few, many]), _time_section(many)]


def _published(ground: Ground, sizes: Sizes) -> Iterator[Measured]:
    if PUBLISHED.is_file():
        measured = Measured(f"us-500, spread in {len(sizes.seeds)} ways", 3)
        for seed in sizes.seeds:
            _measure(ground, measured, f"published_{seed}", spread(american(PUBLISHED), 3, seed), "US")
        yield measured


def _generated(ground: Ground, sizes: Sizes) -> Measured:
    measured = Measured(f"{sizes.people:,} generated people", 3)
    _measure(ground, measured, "generated", spread(russian(sizes.people), 3), "RU")
    return measured


def _many(ground: Ground, sizes: Sizes, sample: Measured) -> Measured:
    """Measure as many records as asked; suggesting only where the sample says it ends in time."""
    expected = sample.total(OURS, "suggest_seconds") / max(sample.total(OURS, "rows"), 1) * sizes.records
    measured = Measured(f"{sizes.records:,} generated records", 2, suggests=expected <= LONGEST_SUGGESTING)
    _measure(ground, measured, "many", islice(spread(russian(sizes.records), 2), sizes.records), "RU")
    return measured


def _measure(ground: Ground, measured: Measured, name: str, rows: Iterable[Row], region: str) -> None:
    """Lay rows out, let both work on them, and compare what they found with the truth."""
    url = ground.migrated(f"matching_{name}")
    count = fill(url, rows, region)
    say(f"  {measured.name}: {count:,} records")
    for system, (module, told) in SYSTEMS.items():
        place = ground.place(module)
        task = {
            "database": url, "folder": str(place), "connections": measured.connections, "suggest": measured.suggests,
            "changed": CHANGED, **told,
        }  # fmt: skip
        with ground.driver(url) as db:
            db.cursor().execute(STATEMENTS["checkpoint"])
        environment = ground.environment(url) if system == OURS else os.environ
        done = run(module, task, environment, place, LONGEST, f"{system}, {measured.name}", server=ground.server())
        measured.runs[system].append(done)
        if not done.why:
            measured.quality[system] += judge(url)
        say(f"    {system}: {done.why or f'{done.seconds:.1f} s, {done.peak_mb:.0f} MB'}")


# Telling --------------------------------------------------------------------------------------------------------------


def _quality_section(found: list[Measured]) -> Section:
    section = Section(
        "e", "Matching: how right it is (the generator's own truth)",
        "automatic links with precision of at least 0.999 at recall of at least 0.99 over the pairs that share any key, no twin "
        "merged, and of the pairs that share none at least 0.9 suggested to a person.",
        ("People, system", "Records", "Precision", "Recall", "Twins merged", "No common key: linked", "No common key: suggested",
         "Suggestions right"),
    )  # fmt: skip
    for measured in found:
        for system in SYSTEMS:
            section.rows.append(_quality_row(measured, system))
    section.notes = [
        "Pairs are of records of one person, those of clusters included. Recall: of the pairs that share a usable key (e-mail or "
        "phone; no mailbox like info@, no number of a whole office). Precision: of all pairs linked.",
        "Twins: relatives with the same phone and often e-mail, and namesakes elsewhere. Merged: put into one with whom they "
        "look like.",
        "No common key: linked through a third record, or by Splink on likeness; suggested: of those not linked, put to a "
        "person. Suggestions right: of the pairs of golden records suggested, those that have a person in common.",
        "Splink (link_only, DuckDB, links at 0.99, clusters by connected components) is told what was cleaned: names taken apart "
        "and in one spelling, short forms resolved, companies without legal forms, keys normalized and made-up ones removed; "
        "u by random sampling, m by EM on e-mail and on name; compares given name, surname and company with term frequency, "
        "middle name, e-mail, phone, birthday. Company helps it to find and misleads it about relatives: measured without, too.",
    ]
    return section


def _quality_row(measured: Measured, system: str) -> tuple[str, ...]:
    quality, label = measured.quality[system], f"{measured.name}, {system}"
    if why := measured.why(system):
        return (f"{label} (failed: {why})", *("",) * 7)
    suggests = system == OURS and measured.suggests
    return (
        label,
        f"{measured.total(system, 'rows'):,.0f}",
        f"{quality.precision:.4f}",
        f"{quality.recall:.4f}",
        f"{quality.twins_merged:,} of {quality.twins:,}",
        f"{quality.apart_linked:,} of {quality.apart:,}",
        f"{quality.suggested_share:.3f}" if suggests else "",
        f"{quality.suggestions_right:.3f}" if suggests else "",
    )


def _time_section(many: Measured) -> Section:
    section = Section(
        "e", f"Matching and reconciling: time and memory, {many.name} of {many.connections} accounts",
        "2 x 500,000 contacts: matching in 15 s, the whole reconcile with golden rows and provenance written in 45 s, "
        f"in bounded memory; then {CHANGED:,} changed records in 2 s.",
        ("Step", "Records", "Seconds", "Peak memory, MB", "Postgres, MB"),
    )  # fmt: skip
    for system in SYSTEMS:
        section.rows += _steps(system, many.runs[system][0])
    ours, theirs = many.runs[OURS][0], many.runs[THEIRS][0]
    if not ours.why and not theirs.why:
        section.ratios += _ratios(ours, theirs)
    section.notes = [
        "Records lie in `source.*` and the queue, tables analyzed; Splink has them in its own tables. Peak memory: of the "
        "process, over all its steps; Postgres: its whole process tree with shared buffers, where most of our matching is done.",
        "Splink links and keeps its clusters in memory; our times include writing the crosswalk, golden rows and provenance.",
        "Companies have no key to be matched by here; they are rebuilt before contacts and given apart.",
        f"Changed: `position` of {CHANGED:,} contacts, whole reconcile; unchanged: the same records queued once more.",
    ]
    if not many.suggests:
        section.notes.append(f"Suggesting was left out: by what fewer people took, more than {LONGEST_SUGGESTING:.0f} s.")
    return section


def _steps(system: str, outcome: Outcome) -> Iterator[tuple[str, ...]]:
    if outcome.why:
        yield f"{system} (failed: {outcome.why})", "", "", f"{outcome.peak_mb:.0f}", ""
    elif system == OURS:
        yield from _our_steps(outcome)
    else:
        name = f"{system}: train {outcome.facts['train_seconds']:.1f} s, link, cluster"
        yield name, f"{outcome.rows:,}", f"{outcome.seconds:.1f}", f"{outcome.peak_mb:.0f}", ""


def _our_steps(ours: Outcome) -> Iterator[tuple[str, ...]]:
    facts, memory = ours.facts, (f"{ours.peak_mb:.0f}", f"{ours.server_mb:.0f}")
    yield f"{OURS}: match contacts", f"{ours.rows:,}", f"{facts['match_seconds']:.1f}", *memory
    yield "golden contacts and provenance", f"{facts['golden']:,}", f"{facts['survive_seconds']:.1f}", "", ""
    yield "both", f"{ours.rows:,}", f"{ours.seconds:.1f}", "", ""
    yield "companies (and users), besides", "", f"{facts['companies_seconds']:.1f}", "", ""
    if "suggest_seconds" in facts:
        yield "suggest", f"{facts['suggestions']:,} suggested", f"{facts['suggest_seconds']:.1f}", "", ""
    yield "reconcile changed records", f"{facts['changed']:,} written", f"{facts['changed_seconds']:.2f}", "", ""
    yield "reconcile unchanged records", f"{facts['again']:,} written", f"{facts['again_seconds']:.2f}", "", ""


def _ratios(ours: Outcome, theirs: Outcome) -> Iterator[str]:
    alone, both = theirs.seconds / ours.facts["match_seconds"], theirs.seconds / ours.seconds
    less, with_server = ours.peak_mb / theirs.peak_mb, (ours.peak_mb + ours.server_mb) / theirs.peak_mb
    yield f"Matching: {alone:.2f} times as fast as Splink, in {less:.0%} of its memory; Postgres included {with_server:.0%}."
    yield f"With golden rows and provenance written: {both:.2f} times as fast as Splink's linking alone."
