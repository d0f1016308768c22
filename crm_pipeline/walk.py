"""Walking a number line: ranges read in chains, several in flight, resumable, bounded memory. Knows no CRM and no HTTP.

A *chain* reads one range of a key (ids, unix seconds) in steps; each step's answer says where the rest begins. Several
chains over disjoint ranges run at once; an idle worker takes half of the widest range that is waiting. The state of a walk
is the list of ranges not yet landed, so a killed process resumes by handing that list in again.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Range:
    """Keys `low <= key <= high`, both inclusive; `hint` is the connector's own JSON-able note (such as a chain length)."""

    low: int
    high: int
    hint: Any = None


@dataclass(frozen=True, slots=True)
class Step:
    """One answer: its rows and the ranges that remain of what was asked (none: this range is finished)."""

    rows: Sequence[Any]
    rest: tuple[Range, ...] = ()


@dataclass(frozen=True, slots=True)
class Landing:
    """What the consumer lands: rows, and the ranges that remain once they are landed."""

    rows: Sequence[Any]
    remaining: tuple[Range, ...]


ENOUGH = 1_000
"""Rows worth a landing of their own: smaller answers that came meanwhile are landed together."""

Split = Callable[[Range], tuple[Range, ...]]


def walk(
    fetch: Callable[[Range], Step], ranges: Sequence[Range], *, in_flight: int, split: Split | None = None
) -> Iterator[Landing]:
    """Yield landings in the order answers come.

    `fetch` is called from several threads, never twice at once for overlapping ranges. `split` halves a waiting range for
    an idle worker; it answers with one range when that range is not worth halving (None: never split). At most `in_flight`
    answers are asked for or waiting to be landed. The first error of `fetch` is raised; what was not landed is asked again
    by the walk that resumes.
    """
    plan = _Plan(list(ranges), in_flight, split)
    with ThreadPoolExecutor(max_workers=in_flight, thread_name_prefix="walk") as workers:
        try:
            while plan.start(workers, fetch):
                yield plan.land()
        finally:
            workers.shutdown(wait=False, cancel_futures=True)


class _Plan:
    """Which ranges wait and which are being read; belongs to the consumer's thread."""

    def __init__(self, waiting: list[Range], in_flight: int, split: Split | None):
        self._waiting = waiting
        self._in_flight = in_flight
        self._split = split
        self._reading: dict[Future[Step], Range] = {}

    def start(self, workers: ThreadPoolExecutor, fetch: Callable[[Range], Step]) -> bool:
        """Give every idle worker a range. Returns whether anything is being read."""
        self._widen()
        while self._waiting and len(self._reading) < self._in_flight:
            chosen = self._waiting.pop(0)
            self._reading[workers.submit(fetch, chosen)] = chosen
        return bool(self._reading)

    def land(self) -> Landing:
        """Wait for the next answer and take it, with others that are there by then. What they leave is read next."""
        done, _ = wait(self._reading, return_when=FIRST_COMPLETED)
        rows: list[Any] = []
        for finished in [future for future in self._reading if future in done]:
            if rows and (len(rows) >= ENOUGH or finished.exception()):
                break
            step = finished.result()
            del self._reading[finished]
            rows += step.rows
            self._waiting[:0] = step.rest
        return Landing(rows, (*self._reading.values(), *self._waiting))

    def _widen(self) -> None:
        """Halve waiting ranges, the widest first, until there is one for every idle worker or none is worth halving."""
        whole: list[Range] = []
        while self._split and self._waiting and self._idle() > len(whole):
            widest = max(self._waiting, key=lambda candidate: candidate.high - candidate.low)
            self._waiting.remove(widest)
            halves = self._split(widest)
            if len(halves) > 1:
                self._waiting.extend(halves)
            else:
                whole.append(widest)
        self._waiting[:0] = whole

    def _idle(self) -> int:
        """Return how many workers would find nothing to read."""
        return self._in_flight - len(self._reading) - len(self._waiting)
