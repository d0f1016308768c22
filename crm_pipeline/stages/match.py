"""Match: decide which source records are one thing, and give each its golden record."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields
from functools import partial

from crm_pipeline.database import comparing, matching
from crm_pipeline.database.matching import Problem
from crm_pipeline.database.refusals import Connection
from crm_pipeline.model import company_names, names
from crm_pipeline.model.matching import PHRASES, Edge, Resolution, resolve
from crm_pipeline.model.names import PersonName
from crm_pipeline.model.rules import Rules
from crm_pipeline.stages.parts import Parts


@dataclass(frozen=True, slots=True)
class Matched:
    """What matching did for one entity. `queued`: source records taken from the queue."""

    queued: int = 0
    came: int = 0
    joined: int = 0
    parted: int = 0
    merged: int = 0
    reviews: int = 0

    def __add__(self, other: "Matched") -> "Matched":
        return Matched(*(getattr(self, one.name) + getattr(other, one.name) for one in fields(self)))


def match(parts: Parts, entity: str, rules: Rules, *, everything: bool = False) -> Matched:
    """Decide about all source records of an entity that wait, in batches of one transaction each.

    `everything`: first about every source record there is, in one transaction.
    """
    done, place = Matched(), 0
    with parts.engine.connect() as connection:
        while True:
            with connection.begin():
                batch = matching.take_batch(connection, entity, place, everything=everything)
                if batch is None:
                    return done
                done += match_batch(connection, entity, rules, batch)
            place, everything = batch.place, False


def match_batch(db: Connection, entity: str, rules: Rules, batch: matching.Batch) -> Matched:
    """Decide about the batch taken, and whom it touches."""
    moved = matching.Moved()
    if entity in matching.KEYS:
        matching.touch(db, entity, rules, batch)
        matching.pair(db, entity, rules, batch)
        against = CONTRADICTIONS.get(entity, _nothing_against)
        comparing.compare(db, entity, against, meanwhile=partial(matching.place_alone, db, entity))
        matching.group(db, PHRASES)
        _resolve(db, entity, rules)
        moved = matching.place(db, entity, batch)
    matching.stand_alone(db, entity)
    matching.queue_batch(db, entity)
    return Matched(batch.size, moved.came, moved.joined, moved.parted, moved.merged, moved.reviews)


def _nothing_against(*_names: object) -> str | None:
    return None


def _people(
    name: str | None, first: str | None, last: str | None, middle: str | None,
    other_name: str | None, other_first: str | None, other_last: str | None, other_middle: str | None, born_apart: bool | None,
) -> str | None:  # fmt: skip
    if born_apart:
        return "birthdays differ"
    return names.contradiction(
        PersonName(name, first, last, middle), PersonName(other_name, other_first, other_last, other_middle)
    )


CONTRADICTIONS: Mapping[str, Callable[..., str | None]] = {"contacts": _people, "companies": company_names.contradiction}
"""Entity → what speaks against two records being one."""


def _resolve(db: Connection, entity: str, rules: Rules) -> None:
    resolved = [(problem, _resolution(problem, entity, rules)) for problem in matching.problems(db)]
    placed = (row for problem, resolution in resolved for row in _placed(problem, resolution))
    doubts = ((one.a, one.b, one.rule, one.reason, one.explanation) for _, resolution in resolved for one in resolution.reviews)
    matching.take_resolved(db, placed, doubts)


def _resolution(problem: Problem, entity: str, rules: Rules) -> Resolution:
    edges = [Edge(a, b, rule, key, contradiction) for a, b, rule, key, contradiction in problem.edges]
    within = rules.matching.same_connection.get(entity, ())
    return resolve(problem.connections, edges, problem.together, problem.apart, within)


def _placed(problem: Problem, resolution: Resolution) -> Iterator[tuple[int, int, str]]:
    """Yield (record, group, rule); a group is known by its smallest record."""
    for cluster in resolution.clusters:
        for record in cluster:
            yield record, min(cluster), resolution.links.get(record, "identity")
