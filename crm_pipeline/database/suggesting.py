"""Suggestions: which golden contacts are worth comparing though they share no key, and what became of it.

What belongs here: the statements of `suggesting.sql` in their order, inside the caller's transaction. Coarse keys and likeness
are the model's and the stage's.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection

from crm_pipeline.database.copy import copy_rows
from crm_pipeline.database.queries import queries
from crm_pipeline.database.templates import fill
from crm_pipeline.model.names import PersonName
from crm_pipeline.model.resemblance import MOST_IN_BLOCK, Person

Pair = tuple[str, str]
Found = tuple[str, str, float, dict[str, float], str]
"""Two golden ids, score, features, the same as a sentence."""


def _run(db: Connection, name: str, values: Mapping[str, Any] | None = None, **names: str) -> Any:
    statement = fill(queries("suggesting")[name], **names)
    return db.exec_driver_sql(statement, dict(values)) if values else db.exec_driver_sql(statement)


def take_batch(db: Connection, size: int) -> int:
    """Take the next contacts. Returns how many; 0: none waits."""
    db.exec_driver_sql(queries("matching")["plan_for_few"])
    _run(db, "make_batch")
    taken: int = _run(db, "take", {"size": size}).scalar_one()
    return taken


def keep_blocks(db: Connection, blocks: Callable[[Person], Sequence[str]]) -> None:
    """Work out the batch's coarse keys and keep them."""
    copy_rows(db, "suggest_blocks", ("block", "golden_id"), _blocks(_people(db, "suggest_batch"), blocks))
    _run(db, "analyze", table="suggest_blocks")
    _run(db, "drop_blocks")
    _run(db, "put_blocks")


def _blocks(people: Mapping[str, Person], blocks: Callable[[Person], Sequence[str]]) -> Iterator[tuple[str, str]]:
    for golden_id, person in people.items():
        for block in blocks(person):
            yield block, golden_id


def pairs(db: Connection) -> tuple[list[Pair], dict[str, Person], dict[str, int]]:
    """Return the pairs worth comparing, everybody of them by golden id, and how many have the name of each."""
    _run(db, "pair", {"most": MOST_IN_BLOCK})
    compared = queries("suggesting")["compared"]
    found = [(row[0], row[1]) for row in _run(db, "pairs")]
    namesakes = {row[0]: row[1] for row in _run(db, "namesakes", list=compared)}
    return found, _people(db, compared), namesakes


def _people(db: Connection, listed: str) -> dict[str, Person]:
    return {
        row[0]: Person(number, PersonName(*row[1:5]), row[5], tuple(row[8]), tuple(row[9]), row[6], row[7])
        for number, row in enumerate(_run(db, "people", list=listed))
    }


def suggest(db: Connection, found: Iterable[Found]) -> int:
    """Ask people about the pairs found; what does not come up again is asked no more. Returns how many are new."""
    copy_rows(db, "suggest_found", ("a", "b", "score", "features", "explanation"), found)
    _run(db, "close")
    return len(_run(db, "suggest").all())
