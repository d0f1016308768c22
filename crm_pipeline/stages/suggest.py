"""Suggest: ask people about contacts who resemble each other though they share no key. Nothing is linked."""

from collections.abc import Iterator, Mapping

from crm_pipeline.database import suggesting
from crm_pipeline.database.suggesting import Found, Pair
from crm_pipeline.model import resemblance
from crm_pipeline.model.resemblance import THRESHOLD, Person, Score
from crm_pipeline.stages.parts import Parts
from crm_pipeline.stages.resemble import score

BATCH = 5_000


def suggest(parts: Parts, at_most: int | None = None) -> int:
    """Compare the golden contacts that changed with whom they may resemble; return how many questions came up.

    Work follows the changes: only contacts with an equal coarse key are compared, and only where few have it. `at_most`: look
    at about as many contacts and leave the others for the next time (some 200 µs each).
    """
    asked, looked = 0, 0
    with parts.engine.connect() as connection:
        while at_most is None or looked < at_most:
            with connection.begin():
                taken = suggesting.take_batch(connection, BATCH)
                if not taken:
                    break
                looked += taken
                suggesting.keep_blocks(connection, resemblance.blocks)
                asked += suggesting.suggest(connection, _alike(*suggesting.pairs(connection)))
    return asked


def _alike(pairs: list[Pair], people: Mapping[str, Person], namesakes: Mapping[str, int]) -> Iterator[Found]:
    for a, b in pairs:
        if a in people and b in people:
            found = score(people[a], people[b], max(namesakes.get(a, 2), namesakes.get(b, 2)))
            if found.total >= THRESHOLD:
                yield a, b, found.total, dict(found.features), _told(found)


def _told(found: Score) -> str:
    """Return a score as a person reads it."""
    alike = ", ".join(f"{name} {value:.0%}" for name, value in sorted(found.features.items()) if name != "namesakes")
    return f"no common key, but alike ({found.total:.0%}): {alike}"
