"""Section (f), draining: how much of the legal write rate is used, and how long a person's edit waits while a bulk drains."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from math import ceil
from statistics import quantiles
from typing import Any

from crm_pipeline_tests.bench.ground import Ground
from crm_pipeline_tests.bench.real_limits import BURST, LEGAL
from crm_pipeline_tests.bench.sizes import Sizes
from crm_pipeline_tests.bench.stand_ins import StandIn, standing
from crm_pipeline_tests.bench.tables import Section, say
from crm_pipeline_tests.bench.watched import Outcome, run

LONGEST = 1_800
WRITTEN_AT_ONCE = 50
READ_AT_ONCE = {"amocrm": 150, "bitrix24": 500}
"""Records one request reads by their ids."""
ENOUGH_OTHERS = 1_000
"""Contacts beside those that are edited in bulk: people edit these."""
CRMS = ("amocrm", "bitrix24")


@dataclass(frozen=True, slots=True)
class Drained:
    """A drain, and what the stand-in's journal says about it."""

    crm: str
    outcome: Outcome
    journal: dict[str, Any]
    entries: Sequence[dict[str, Any]]

    @property
    def elapsed(self) -> float:
        """Return the seconds between the first and the last request."""
        return (self.journal["last"] or 0.0) - (self.journal["first"] or 0.0)

    @property
    def writes(self) -> int:
        """Return how many requests wrote."""
        return sum(map(_writes, self.entries))

    @property
    def fewest(self) -> int:
        """Return how many requests so many changes need."""
        applied = self.outcome.facts["applied"]
        return ceil(applied / WRITTEN_AT_ONCE) + ceil(applied / READ_AT_ONCE[self.crm])

    def share(self, requests: int) -> float:
        """Return the time so many requests legally take, as a share of the time it took."""
        return max(0, requests - BURST[self.crm]) / LEGAL[self.crm] / self.elapsed if self.elapsed else 0.0


def _writes(entry: dict[str, Any]) -> bool:
    """Return whether a request wrote: a PATCH or POST of amoCRM, a batch of Bitrix24 with commands that do."""
    if entry["call"] != "batch":
        return entry["method"] == "PATCH"
    return ".update" in str((entry["params"] or {}).get("cmd"))


def draining(ground: Ground, sizes: Sizes) -> list[Section]:
    """Drain both CRMs at once, first a bulk alone, then one with a person's edits and one beside a first load."""
    plain = _both(ground, sizes, "drained", sizes.drained, {})
    mixed = _both(ground, sizes, "edited", dict.fromkeys(CRMS, sizes.drained_beside), {"every": sizes.edit_seconds})
    beside = _both(ground, sizes, "beside", sizes.drained, {"beside_sync": True})
    return [_throughput(plain, sizes), _latency(mixed, sizes), _sharing(beside, sizes)]


def _both(ground: Ground, sizes: Sizes, name: str, changes: dict[str, int], asked: dict[str, Any]) -> list[Drained]:
    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(lambda crm: _one(ground, sizes, f"{name}_{crm}", crm, changes[crm], asked), CRMS))


def _one(ground: Ground, sizes: Sizes, name: str, crm: str, changes: int, asked: dict[str, Any]) -> Drained:
    stand = StandIn(crm, changes + min(changes, ENOUGH_OTHERS))
    with standing(stand):
        env = ground.environment(ground.connected(name, stand))
        task = {"connection": crm, "changes": changes}
        filled = run("ours_draining", {**task, "step": "fill"}, env, ground.place("fill"), LONGEST)
        if filled.why:
            raise RuntimeError(filled.why)
        stand.limit("real", sizes.latency_ms)
        stand.rest()
        stand.forget()
        done = run("ours_draining", {**task, **asked, "step": "drain"}, env, ground.place("drain"), LONGEST)
        if done.why:
            raise RuntimeError(done.why)
        found = Drained(crm, done, stand.summary(), stand.entries())
    say(f"  {name}: {done.facts['applied']:,} applied with {found.journal['requests']:,} requests in {found.elapsed:.0f} s")
    return found


def _throughput(found: Sequence[Drained], sizes: Sizes) -> Section:
    section = Section(
        "f", f"Writing back: a drain under real limits and {sizes.latency_ms} ms latency",
        "at least 95 % of the legal rate on drains of a minute or more, no limit violation.",
        (
            "CRM", "Applied", "Requests writing", "Reading", "Fewest possible", "Seconds", "Share of legal rate",
            "… by requests needed", "Changes/s", "Operating seconds", "Violations",
        ),
    )  # fmt: skip
    section.rows = [_row(one) for one in found]
    section.notes = [
        "Both CRMs at once. Legal rates, and what seconds are, as in (a). One field a contact; all are read before.",
        "Fewest possible: 50 records a request to write; to read before writing 150 (amoCRM), 500 (Bitrix24).",
        "Operating seconds: the most a method has used, of 480 in ten minutes; the stand-in bills calls that take long only.",
    ]
    return section


def _row(one: Drained) -> tuple[str, ...]:
    made, facts = one.journal["requests"], one.outcome.facts
    return (
        one.crm, f"{facts['applied']:,}", f"{one.writes:,}", f"{made - one.writes:,}", f"{one.fewest:,}", f"{one.elapsed:.1f}",
        f"{one.share(made):.1%}", f"{one.share(min(made, one.fewest)):.1%}", f"{facts['applied'] / one.elapsed:,.0f}",
        f"{facts['operating']:.1f}", f"{one.journal['violations']:,}",
    )  # fmt: skip


def _latency(found: Sequence[Drained], sizes: Sizes) -> Section:
    section = Section(
        "f", f"Writing back: a person's edit while {sizes.drained_beside:,} changes drain",
        "p95 at most 5 s from edit to applied.",
        ("CRM", "Edits applied", "p50, s", "p95, s", "Longest, s", "Changes applied", "Violations"),
    )  # fmt: skip
    for one in found:
        waits = sorted(one.outcome.facts["latencies"])
        cuts = quantiles(waits, n=20, method="inclusive") if len(waits) > 1 else waits * 20
        times = (f"{cuts[9]:.1f}", f"{cuts[18]:.1f}", f"{waits[-1]:.1f}") if waits else ("", "", "")
        section.rows.append(
            (one.crm, f"{len(waits):,}", *times, f"{one.outcome.facts['applied']:,}", f"{one.journal['violations']:,}")
        )
    section.notes = [f"An edit every {sizes.edit_seconds:g} s of a contact that waits for nothing else; both CRMs at once."]
    return section


def _sharing(found: Sequence[Drained], sizes: Sizes) -> Section:
    section = Section(
        "f", "Writing back beside a first load of the same connection", "writers go ahead of readers, who are not starved.",
        ("CRM", "Requests", "Of the drain", "Its share", "Applied", "Seconds", "Violations"),
    )  # fmt: skip
    for one in found:
        last = max((n for n, entry in enumerate(one.entries) if _writes(entry)), default=0)
        own, made = one.outcome.facts["requests"], last + 1
        cells = (f"{made:,}", f"{own:,}", f"{own / made:.0%}", f"{one.outcome.facts['applied']:,}", f"{one.elapsed:.1f}")
        section.rows.append((one.crm, *cells, f"{one.journal['violations']:,}"))
    section.notes = ["Requests until the last one that wrote; deals, tasks and communications are read meanwhile."]
    return section
