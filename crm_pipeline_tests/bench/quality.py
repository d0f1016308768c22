"""How right links and suggestions are, counted in the database that holds the truth, by sets and not by pairs in memory.

What belongs here: counts and the shares made of them. What is linked and suggested is whoever's found it.
"""

from dataclasses import dataclass, fields

import psycopg2
from psycopg2.extras import RealDictCursor

from crm_pipeline_tests.bench.ground import STATEMENTS
from crm_pipeline_tests.bench.labelled import ROOM

JUDGING = ("judge_links", "judge_twins", "judge_pairs", "judge_suggestions")


@dataclass(frozen=True, slots=True)
class Quality:
    """Pairs of records, but for `twins` (people who look like somebody else) and suggestions (pairs of golden records)."""

    linked: int = 0
    right_links: int = 0
    twins: int = 0
    twins_merged: int = 0
    sharing: int = 0
    """Pairs of one person that share a usable key, linked or not; `apart`: that share none."""
    sharing_linked: int = 0
    apart: int = 0
    apart_linked: int = 0
    """Through a third record."""
    apart_suggested: int = 0
    suggested: int = 0
    right_suggestions: int = 0

    def __add__(self, other: "Quality") -> "Quality":
        return Quality(*(getattr(self, one.name) + getattr(other, one.name) for one in fields(self)))

    @property
    def precision(self) -> float:
        return self.right_links / max(self.linked, 1)

    @property
    def recall(self) -> float:
        return self.sharing_linked / max(self.sharing, 1)

    @property
    def suggested_share(self) -> float:
        """Return the share of the pairs without a common key, left unlinked, that were put to a person."""
        return self.apart_suggested / max(self.apart - self.apart_linked, 1)

    @property
    def suggestions_right(self) -> float:
        return self.right_suggestions / max(self.suggested, 1)


def judge(url: str) -> Quality:
    """Compare what `labelled_found` and `labelled_suggested` hold with the truth."""
    with psycopg2.connect(url, cursor_factory=RealDictCursor) as db, db.cursor() as cursor:
        cursor.execute(STATEMENTS["prepare_judging"], {"room": ROOM})
        counts: dict[str, int] = {}
        for statement in JUDGING:
            cursor.execute(STATEMENTS[statement], {"room": ROOM})
            counts |= cursor.fetchone() or {}
    db.close()
    return Quality(**counts)
