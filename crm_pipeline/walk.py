"""Walking a number line: ranges read in chains, several in flight, resumable, bounded memory. Knows no CRM and no HTTP.

A *chain* reads one range of a key (ids, unix seconds) in steps; each step's answer says where the rest begins. Several
chains over disjoint ranges run at once; an idle worker takes half of the widest range that is waiting. The state of a walk
is the list of ranges not yet landed, so a killed process resumes by handing that list in again.
"""

from collections.abc import Callable, Iterator, Sequence
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


def walk(fetch: Callable[[Range], Step], ranges: Sequence[Range], *, in_flight: int, split: Callable[[Range], tuple[Range, ...]] | None = None) -> Iterator[Landing]:
    """Yield landings in the order answers come. `split` halves a waiting range for an idle worker (None: never split)."""
    raise NotImplementedError
