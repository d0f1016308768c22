"""Sections (c) and (d): memory of a first load, and cost of an incremental one, as the account grows. They share stand-ins."""

from math import ceil
from typing import Any

from crm_pipeline_tests.bench.ground import Ground
from crm_pipeline_tests.bench.sizes import Sizes
from crm_pipeline_tests.bench.stand_ins import StandIn, standing
from crm_pipeline_tests.bench.tables import Section, say
from crm_pipeline_tests.bench.watched import Outcome, run

MOST_MB = 350
LISTS = {
    "users": 1, "pipelines": 1, "stages": 1, "custom_fields": 5, "companies": 2, "contacts": 2, "products": 3, "deals": 2,
    "tasks": 2, "communications": 4,
}  # fmt: skip
"""amoCRM lists that belong to an entity, each of which must be asked once: a list and its events; notes of three kinds and
their events; definitions of three kinds and two catalogs; catalogs and the elements of two."""
SPARE = 2
REPEATS = 3


def growth(ground: Ground, sizes: Sizes, stands: list[StandIn]) -> list[Section]:
    """Measure both on the same stand-ins, the smallest first."""
    memory, incremental = _memory_section(), _incremental_section(sizes)
    loads, changes = [], []
    with standing(*stands):
        for stand in stands:
            url = ground.connected(f"growth_{stand.contacts}", stand)
            loads.append(_load(ground, url, stand))
            if stand is not stands[0]:
                changes.append(_incremental(ground, url, stand, sizes))
            stand.stop()
    _tell_memory(memory, stands, loads)
    _tell_incremental(incremental, stands[1:], changes)
    return [memory, incremental]


def fill(sizes: Sizes) -> list[StandIn]:
    """Begin to fill the stand-ins, which takes minutes, in the background."""
    return [StandIn("amocrm", contacts) for contacts in sizes.growth]


def _memory_section() -> Section:
    return Section(
        "c", "Memory of `sync --mode initial` as the account grows (amoCRM, unthrottled)",
        f"at most {MOST_MB} MB, and at most 10 % more for ten times the rows.",
        ("Contacts", "Rows", "Peak memory, MB", "Sync, s", "Rows/s", "Reconcile, s"),
    )  # fmt: skip


def _incremental_section(sizes: Sizes) -> Section:
    return Section(
        "d", f"Incremental sync with {sizes.changed} changed records (amoCRM, unthrottled)",
        "at most two requests beyond the ideal per entity; time does not grow with the table.",
        ("Contacts", "Changed and read", "Requests", "Ideal", "Most beyond ideal in one entity", "Sync, s", "Reconcile, s"),
    )  # fmt: skip


def _load(ground: Ground, url: str, stand: StandIn) -> Outcome:
    task = {"connection": stand.crm, "mode": "initial"}
    done = run("ours", task, ground.environment(url), ground.place("ours"), name=f"{stand.contacts:,} contacts")
    say(f"  {done.name}: {done.why or f'{done.rows:,} rows, {done.seconds:.0f} s, {done.peak_mb:.0f} MB'}")
    return done


def _incremental(ground: Ground, url: str, stand: StandIn, sizes: Sizes) -> list[Outcome]:
    """Sync what has changed, a few times; the first brings what the load itself has left open, and is not counted."""
    found = []
    for number in range(REPEATS + 1):
        stand.work(sizes.changed, seed=number)
        task = {"connection": stand.crm, "mode": "incremental"}
        done = run(
            "ours", task, ground.environment(url), ground.place("ours"), name=f"{stand.contacts:,}, {sizes.changed} changed"
        )
        found.append(done)
        say(f"  {done.name}: {done.why or f'{_requests(done)} requests, {done.seconds:.2f} s'}")
    return found[1:]


def _requests(done: Outcome) -> int:
    return sum(entity["requests"] for entity in done.facts.get("entities", {}).values())


def _ideal(entity: str, counts: dict[str, Any]) -> int:
    """Return one request per list, or as many as the changed rows fill."""
    return max(LISTS[entity], ceil((counts["inserted"] + counts["updated"] + counts["deleted"]) / 250))


def _tell_memory(section: Section, stands: list[StandIn], loads: list[Outcome]) -> None:
    for stand, load in zip(stands, loads, strict=True):
        took = (
            f"{load.peak_mb:.0f}",
            f"{load.seconds:.1f}",
            f"{load.rate:,.0f}",
            f"{load.facts.get('reconcile_seconds', 0.0):.1f}",
        )
        section.rows.append((f"{stand.contacts:,}", load.why or f"{load.rows:,}", *took))
    small, large = loads[0], loads[-1]
    grown = large.peak_mb / small.peak_mb - 1
    section.ratios.append(
        f"{large.rows / max(small.rows, 1):.0f} times the rows: {grown:+.1%} memory, {large.peak_mb:.0f} MB at most."
    )
    section.notes.append("Measured over the whole command: sync and reconcile, with the command line's own imports.")


def _tell_incremental(section: Section, stands: list[StandIn], changes: list[list[Outcome]]) -> None:
    medians = []
    for stand, runs in zip(stands, changes, strict=True):
        done = sorted(runs, key=lambda one: one.seconds)[len(runs) // 2]
        entities = done.facts.get("entities", {})
        ideal = {name: _ideal(name, counts) for name, counts in entities.items()}
        beyond = {name: counts["requests"] - ideal[name] for name, counts in entities.items()}
        worst = max(beyond, key=lambda name: beyond[name], default="")
        cells = (f"{_requests(done)}", f"{sum(ideal.values())}", f"{beyond.get(worst, 0):+} ({worst})", f"{done.seconds:.2f}")
        read = (
            done.why
            or f"{sum(c['inserted'] + c['updated'] + c['deleted'] for c in entities.values())} of {done.facts.get('read', 0)}"
        )
        section.rows.append((f"{stand.contacts:,}", read, *cells, f"{done.facts.get('reconcile_seconds', 0.0):.2f}"))
        medians.append(done.seconds)
    section.ratios.append(
        f"{stands[-1].contacts / stands[0].contacts:.0f} times the table: {medians[-1] / medians[0]:.2f} times the seconds."
    )
    section.notes = [
        f"Median of {REPEATS} syncs, each after random edits as people make them (`POST /_sandbox/work`); one before is not "
        "counted. Rows read include those of the overlap and of small lists that are always read whole.",
        "Ideal: every list of an entity is asked once (a list and its events), more only where the changed rows fill more pages.",
    ]
