"""Section (a): a first load under the vendors' limits and a real latency, by us and by others."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from crm_pipeline_tests.bench.ground import Ground
from crm_pipeline_tests.bench.lists import SMALL, fewest_amocrm, fewest_bitrix24
from crm_pipeline_tests.bench.sizes import Sizes
from crm_pipeline_tests.bench.stand_ins import StandIn, standing
from crm_pipeline_tests.bench.tables import Section, say
from crm_pipeline_tests.bench.watched import Outcome, run

LEGAL = {"amocrm": 7.0, "bitrix24": 2.0}
"""Requests per second."""
BURST = {"amocrm": 0, "bitrix24": 50}
"""Requests that may be made at once, and are discounted."""
LONGEST = 900


@dataclass(frozen=True, slots=True)
class Paced:
    """A load and what the stand-in's journal says about it."""

    outcome: Outcome
    crm: str
    fewest: int
    journal: dict[str, Any]

    @property
    def elapsed(self) -> float:
        """Return the seconds between the first and the last request."""
        return (self.journal["last"] or 0.0) - (self.journal["first"] or 0.0)

    def share(self, requests: int) -> float:
        """Return the time so many requests legally take, as a share of the time it took."""
        return max(0, requests - BURST[self.crm]) / LEGAL[self.crm] / self.elapsed if self.elapsed else 0.0

    def row(self) -> tuple[str, ...]:
        """Return the row of the table."""
        made = self.journal["requests"]
        if self.outcome.why:
            return (
                f"{self.outcome.name} (failed: {self.outcome.why})",
                "",
                f"{made:,}",
                *[""] * 5,
                f"{self.journal['violations']:,}",
            )
        cells = (f"{self.outcome.rows:,}", f"{made:,}", f"{self.fewest:,}", f"{made - self.fewest:+,}", f"{self.elapsed:.1f}")
        shares = (f"{self.share(made):.1%}", f"{self.share(min(made, self.fewest)):.1%}")
        return (self.outcome.name, *cells, *shares, f"{self.journal['violations']:,}")


def real_limits(ground: Ground, sizes: Sizes) -> Section:
    """Load both CRMs at once: neither keeps the machine busy."""
    section = Section(
        "a", f"Initial load under real limits and {sizes.latency_ms} ms latency",
        "at least 95 % of the legal rate on loads of a minute or more, no limit violation.",
        (
            "System", "Rows", "Requests", "Fewest possible", "Beyond", "Seconds", "Share of legal rate",
            "… by requests needed", "Violations",
        ),
    )  # fmt: skip
    with ThreadPoolExecutor(2) as pool:
        loads = [pool.submit(_amocrm, ground, sizes), pool.submit(_bitrix24, ground, sizes)]
        for found in [load.result() for load in loads]:
            section.rows += [one.row() for one in found]
            section.ratios.append(_ratio(*found))
    section.notes = [
        "Legal: amoCRM 7 requests a second; Bitrix24 2 a second after an initial burst of 50, which is discounted. Seconds lie "
        "between the first and the last request in the stand-in's journal, which also counts what was refused (violations).",
        "Fewest possible: pages of 250 (events: 100) for amoCRM; 50 pages of 50 rows or the lists of 50 owners per batch for "
        "Bitrix24; a few for reference data. The share by requests needed counts no request beyond that.",
        "The others only read; we also normalize and store everything, and read stage history and definitions of custom fields.",
    ]
    return section


def _ratio(ours: Paced, other: Paced) -> str:
    if other.outcome.why:
        return f"{ours.crm}: {other.outcome.name} did not finish."
    return f"{ours.crm}: {other.elapsed / ours.elapsed:.2f} times as fast as {other.outcome.name}."


def _amocrm(ground: Ground, sizes: Sizes) -> list[Paced]:
    stand = StandIn("amocrm", sizes.amocrm_paced, limits="real", latency_ms=sizes.latency_ms)
    with standing(stand):
        ours = _ours(ground, stand)
        changes = ours.facts["entities"]["deals"]["inserted"] - stand.counts["leads"] if ours.facts else 0
        fewest = [fewest_amocrm(stand.counts, changes, SMALL[who]) for who in ("ours, amocrm", "wrapper")]
        found = [Paced(ours, stand.crm, fewest[0], stand.summary())]
        task = {"url": stand.url, "token": stand.secrets.get("access_token")}
        env = dict(os.environ)
        other = _journaled(
            stand, lambda: run("wrapper", task, env, ground.place("wrapper"), LONGEST, "amocrm-api-wrapper 0.0.20")
        )
        return [*found, Paced(other, stand.crm, fewest[1], stand.summary())]


def _bitrix24(ground: Ground, sizes: Sizes) -> list[Paced]:
    stand = StandIn("bitrix24", sizes.bitrix24_paced, limits="real", latency_ms=sizes.latency_ms)
    with standing(stand):
        fewest = [fewest_bitrix24(stand.counts, SMALL[who]) for who in ("ours, bitrix24", "fast_bitrix24_copy")]
        found = [Paced(_ours(ground, stand), stand.crm, fewest[0], stand.summary())]
        task = {"webhook": stand.secrets.get("webhook_url"), "paced": True}
        env = dict(os.environ)
        other = _journaled(stand, lambda: run("fast_bitrix24_copy", task, env, ground.place("fast"), LONGEST, "fast-bitrix24"))
        return [*found, Paced(other, stand.crm, fewest[1], stand.summary())]


def _ours(ground: Ground, stand: StandIn) -> Outcome:
    url = ground.connected(f"paced_{stand.crm}", stand, paced=True)
    task = {"connection": stand.crm, "mode": "initial"}
    return _journaled(
        stand, lambda: run("ours", task, ground.environment(url), ground.place("ours"), LONGEST, f"crm-pipeline, {stand.crm}")
    )


def _journaled(stand: StandIn, work: Callable[[], Outcome]) -> Outcome:
    """Do work with an empty journal and a rested meter."""
    stand.rest()
    stand.forget()
    done = work()
    say(f"  {done.name}: {stand.summary()['requests']} requests, {done.why or f'{done.seconds:.0f} s'}")
    return done
