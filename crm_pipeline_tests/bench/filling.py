"""Labelled people laid out in a fresh database: as the records of several accounts that have just been read, and as the truth.

What belongs here: getting rows into `labelled*` and `source.*`, a batch at a time, so that a million need no memory. How right
what came of them is, is told in `quality.py`.
"""

import csv
import io
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any

import psycopg2

from crm_pipeline.model import cleaning, resemblance
from crm_pipeline.model.resemblance import Person
from crm_pipeline.model.rules import MAX_SHARING
from crm_pipeline_tests.bench import linking
from crm_pipeline_tests.bench.ground import STATEMENTS
from crm_pipeline_tests.bench.labelled import Row

BATCH = 20_000
NAMES = ("name", "first_name", "last_name", "middle_name", "company", "position", "birthday")
LANDING = ("open_accounts", "land_companies", "land_contacts", "land_points", "queue_landed", "analyze_landed")


def fill(url: str, rows: Iterable[Row], region: str) -> int:
    """Lay rows out in a migrated database, land them as records of accounts, and queue them; return how many there are."""
    count, numbered = 0, enumerate(rows)
    with psycopg2.connect(url) as db, db.cursor() as cursor:
        cursor.execute(STATEMENTS["make_labelled"])
        while batch := list(islice(numbered, BATCH)):
            people = [(row, linking.person(number, row, region)) for number, row in batch]
            _copy(cursor, "copy_labelled", (_labelled(row, person) for row, person in people))
            _copy(cursor, "copy_points", (point for row, person in people for point in _points(row, person, region)))
            count += len(batch)
        cursor.execute(STATEMENTS["keep_usable_keys"], {"max_sharing": MAX_SHARING})
        for statement in LANDING:
            cursor.execute(STATEMENTS[statement])
    db.close()
    return count


def _copy(cursor: Any, statement: str, lines: Iterable[Iterable[Any]]) -> None:
    buffer = io.StringIO()
    csv.writer(buffer).writerows(lines)
    buffer.seek(0)
    cursor.copy_expert(STATEMENTS[statement], buffer)


def _labelled(row: Row, person: Person) -> list[Any]:
    written = (row.fields[name] for name in NAMES)
    return [person.number, row.connection, row.external_id, row.truth, *written, *_read(person)]


def _read(person: Person) -> tuple[str, str, str, str]:
    """Return given name, surname, middle name and company in one spelling: who else matches is spared finding out."""
    name, suffix = resemblance.reading(person)
    one = name.given[0] if name.given else name.loose
    given = min(name.names(), default=name.given[0].skeleton) if name.given else one.skeleton if one else ""
    surname = name.surname[0].surname if name.surname else ""
    middle = name.middle[0].skeleton if name.middle else ""
    return f"{given} {suffix}".strip(), surname, middle, resemblance.company_key(person.company)


def _points(row: Row, person: Person, region: str) -> Iterator[tuple[int, str, str, str, int, bool]]:
    usable = set(linking.keys(person))
    cleaned: dict[str, Callable[[str], str | None]] = {
        "phone": lambda one: cleaning.phone(one, region), "email": cleaning.email
    }  # fmt: skip
    for kind, clean in cleaned.items():
        found = {value: one for one in row.fields[f"{kind}s"] if (value := clean(one))}
        for place, (value, original) in enumerate(found.items()):
            yield person.number, kind, value, original, place, (kind, value) in usable
