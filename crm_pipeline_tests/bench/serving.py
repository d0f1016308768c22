"""Section (g): how fast the API gives everything and changes to one client, how long many wait, and what memory it takes."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import quantiles
from typing import Any

from crm_pipeline_tests.bench.ground import Ground
from crm_pipeline_tests.bench.served import Served, change, served, upload
from crm_pipeline_tests.bench.sizes import Sizes
from crm_pipeline_tests.bench.tables import Section, say
from crm_pipeline_tests.bench.watched import Outcome, run

LONGEST = 900.0
LIMIT = 1_000
"""Records a page, unless the client asks for another number."""
SNAPSHOT = 100_000
RATE = 200
MIX = {
    "one record": 25, "newest contacts": 10, "own deals": 10, "own tasks": 10, "changes": 25, "status": 10, "receipt": 10,
}  # fmt: skip
"""Kind of request → its share, in hundredths."""
EDITED_A_SECOND = 50
"""Contacts changed each second while requests are answered."""


@dataclass(frozen=True, slots=True)
class Reading:
    """One client that read, and what it took of the server."""

    name: str
    outcome: Outcome
    cpu: float
    before_mb: float


def serving(ground: Ground, sizes: Sizes) -> list[Section]:
    """Serve a filled database and measure."""
    with served(ground, sizes) as api:
        say(f"  {sizes.served:,} contacts are served")
        readings, cursor = _readings(ground, sizes, api)
        load = _load(ground, sizes, api, cursor)
    return [_reading_section(readings, sizes), _load_section(load, sizes)]


def _readings(ground: Ground, sizes: Sizes, api: Served) -> tuple[list[Reading], str]:
    """Let one client read in every way; also return where changes began before any was made."""
    everything, changes = f"{api.url}/api/sync/initial", f"{api.url}/api/sync/incremental"
    first = {"url": everything, "params": {}, "enough": SNAPSHOT}
    found = [
        _read(ground, api, "initial, pages", {**first, "way": "pages"}),
        _read(ground, api, "initial, gzipped pages", {**first, "way": "pages", "gzip": True}),
        _read(ground, api, "initial, NDJSON", {"url": everything, "params": {}, "way": "lines"}),
    ]
    cursor = found[-1].outcome.facts["cursor"]
    change(ground, ground.url("served"), 0, sizes.changed_served)
    followed = {"url": changes, "params": {"since": cursor}, "way": "pages"}
    found.append(_read(ground, api, "incremental, pages", followed))
    return found, found[-1].outcome.facts["cursor"]


def _read(ground: Ground, api: Served, name: str, asked: Mapping[str, Any], who: int = 0) -> Reading:
    before, used = api.held(), api.cpu()
    task = {"gzip": False, "limit": LIMIT, "token": api.people[who].token, **asked}
    done = run(
        "api_reader", task, ground.environment(ground.url("served")), ground.place("reader"), LONGEST, name, server=api.pid
    )
    if done.why:
        raise RuntimeError(done.why)
    say(f"    {name}: {done.rows:,} records, {done.rate:,.0f}/s")
    return Reading(name, done, api.cpu() - used, before)


def _load(ground: Ground, sizes: Sizes, api: Served, cursor: str) -> Reading:
    """Let many ask at once while records change."""
    devices = [
        {"token": one.token, "owner": one.owner, "contacts": one.contacts, "cursor": _cursor(ground, api, number, cursor)}
        for number, one in enumerate(api.people)
    ]
    task = {
        "url": api.url, "rate": RATE, "seconds": sizes.load_seconds, "mix": MIX, "devices": devices, "receipts": upload(api),
    }  # fmt: skip
    used = api.cpu()
    with _editing(ground, sizes):
        done = _run(ground, api, "api_load", task, "load")
    return Reading("load", done, api.cpu() - used, 0)


def _run(ground: Ground, api: Served, system: str, task: Mapping[str, Any], name: str) -> Outcome:
    done = run(system, task, ground.environment(ground.url("served")), ground.place(system), LONGEST, name, server=api.pid)
    if done.why:
        raise RuntimeError(f"{name}: {done.why}")
    return done


def _cursor(ground: Ground, api: Served, number: int, cursor: str) -> str:
    """Return where a device is: whoever sees all, where the reader is; whoever sees its own, after reading that."""
    if api.people[number].sees_all:
        return cursor
    asked = {"url": f"{api.url}/api/sync/initial", "params": {}, "way": "pages"}
    return str(_read(ground, api, f"initial, of agent {number}", asked, number).outcome.facts["cursor"])


@contextmanager
def _editing(ground: Ground, sizes: Sizes) -> Iterator[None]:
    """Change some contacts each second."""
    ended = threading.Event()

    def edit() -> None:
        first = 0
        while not ended.wait(1):
            change(ground, ground.url("served"), first % sizes.served, EDITED_A_SECOND)
            first += EDITED_A_SECOND

    thread = threading.Thread(target=edit, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


# Telling --------------------------------------------------------------------------------------------------------------


def _reading_section(readings: list[Reading], sizes: Sizes) -> Section:
    section = Section(
        "g", f"The API: one client, {sizes.served:,} contacts behind it",
        "at least 20,000 records a second; memory that does not grow with what is read.",
        (
            "What it reads", "Records", "MB", "Seconds", "Records/s", "Slowest page, ms", "Server CPU, s", "Server before, MB",
            "Peak, MB",
        ),
    )  # fmt: skip
    section.rows = [_reading_row(one) for one in readings]
    section.notes = [
        f"Over loopback, pages of {LIMIT:,}; the client parses every record. By pages the first {SNAPSHOT:,} records are read; "
        "as NDJSON all there are, and its slowest page is of 256 kB of the stream. MB are unpacked. Postgres, server and client "
        "share the cores; server CPU is without Postgres.",
        "Golden records are laid out by INSERT … SELECT, 10,000 contacts a transaction, not reconciled from source records. With "
        "1,000 contacts come 100 companies, 200 deals, 200 tasks and 200 communications; each contact has a phone, an e-mail, a "
        "company, tags and custom fields. Tables are vacuumed and analyzed.",
        f"Changes: {sizes.changed_served:,} contacts updated after everything was read, 10,000 a transaction.",
    ]
    return section


def _reading_row(one: Reading) -> tuple[str, ...]:
    done = one.outcome
    return (
        one.name, f"{done.rows:,}", f"{done.facts['bytes'] / 1e6:,.1f}", f"{done.seconds:.1f}", f"{done.rate:,.0f}",
        f"{done.facts['slowest'] * 1000:,.0f}", f"{one.cpu:.1f}", f"{one.before_mb:.0f}", f"{done.server_mb:.0f}",
    )  # fmt: skip


def _load_section(load: Reading, sizes: Sizes) -> Section:
    done = load.outcome
    section = Section(
        "g", f"The API: {RATE} requests a second for {sizes.load_seconds:.0f} s, {sizes.served:,} contacts behind it",
        "p99 at most 50 ms.",
        ("Request", "Answered", "p50, ms", "p95, ms", "p99, ms", "Longest, ms"),
    )  # fmt: skip
    waits: dict[str, list[float]] = done.facts["waits"]
    count = sum(map(len, waits.values()))
    section.rows = [_load_row("all", [wait for kind in waits.values() for wait in kind])]
    section.rows += [_load_row(kind, waits[kind]) for kind in MIX if waits.get(kind)]
    failures = ", ".join(f"{count} × {what}" for what, count in done.facts["failures"].items()) or "none"
    section.ratios = [
        f"Failed: {failures}. Changes given: {done.facts['changes']:,}.",
        f"Server: {load.cpu / max(count, 1) * 1000:.1f} ms of CPU a request, at most {done.server_mb:.0f} MB.",
    ]
    section.notes = [
        "Open loop: requests begin at random moments (Poisson), whatever is under way, from a process of its own; waiting counts "
        f"from when a request was due (sent at most {done.facts['late'] * 1000:.0f} ms later). Client and Postgres share the "
        "cores. Answers are gzipped.",
        f"20 devices; 10 of agents who see only their own, some 1,700 records each. {EDITED_A_SECOND} contacts change a second.",
    ]
    return section


def _load_row(kind: str, waits: list[float]) -> tuple[str, ...]:
    cuts = quantiles(waits, n=100, method="inclusive") if len(waits) > 1 else waits * 100
    return (kind, f"{len(waits):,}", *(f"{cuts[at] * 1000:.1f}" for at in (49, 94, 98)), f"{max(waits) * 1000:.0f}")
