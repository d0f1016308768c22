"""Labelled people matched in memory, without a database: who shares a key, who is linked, and how much of it is right.

What belongs here: measuring the rules alone. The same through Postgres is measured by the bench.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

from crm_pipeline.model import cleaning, names, stop_keys
from crm_pipeline.model.matching import Edge, resolve
from crm_pipeline.model.names import PersonName
from crm_pipeline.model.resemblance import Person
from crm_pipeline.model.rules import MAX_SHARING
from crm_pipeline_tests.bench.labelled import ROOM, Row

Pair = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Quality:
    """How well people were matched. Pairs are of places in the list of rows, the smaller first."""

    linked: frozenset[Pair]
    true: frozenset[Pair]
    sharing: frozenset[Pair]
    """Pairs that share a usable key, whether they are one person or not."""
    twins_merged: int
    """Linked pairs of a person and a relative or namesake."""

    @property
    def precision(self) -> float:
        return len(self.linked & self.true) / len(self.linked)

    @property
    def recall(self) -> float:
        """Return the share of the true pairs with a common key that are linked."""
        return len(self.linked & self.true & self.sharing) / len(self.true & self.sharing)


def person(number: int, row: Row, region: str) -> Person:
    """Read a row as the pipeline would."""
    of = row.fields
    emails, phones = map(cleaning.email, of["emails"]), (cleaning.phone(one, region) for one in of["phones"])
    return Person(
        number=number,
        name=PersonName(of["name"], of["first_name"], of["last_name"], of["middle_name"]),
        company=of["company"],
        emails=tuple(filter(None, emails)),
        phones=tuple(filter(None, phones)),
        position=of["position"],
        birthday=of["birthday"],
    )


def keys(one: Person) -> Iterator[tuple[str, str]]:
    """Yield (rule, key) by which a person may be found."""
    yield from (("phone", phone) for phone in one.phones if phone not in stop_keys.MADE_UP_PHONES)
    yield from (("email", email) for email in one.emails if email.partition("@")[0] not in stop_keys.ROLE_MAILBOXES)


def link(rows: Sequence[Row], region: str) -> Quality:
    """Match rows by e-mail and phone and compare with the truth."""
    people = [person(number, row, region) for number, row in enumerate(rows)]
    edges = list(_edges(rows, people))
    linked = {pair for cluster in _clusters(rows, edges) for pair in combinations(sorted(cluster), 2)}
    of_truth: dict[int, list[int]] = defaultdict(list)
    for number, row in enumerate(rows):
        of_truth[row.truth].append(number)
    true = {pair for numbers in of_truth.values() for pair in combinations(numbers, 2)}
    merged = [(a, b) for a, b in linked - true if rows[a].truth // ROOM == rows[b].truth // ROOM]
    return Quality(frozenset(linked), frozenset(true), frozenset((edge.a, edge.b) for edge in edges), len(merged))


def _edges(rows: Sequence[Row], people: Sequence[Person]) -> Iterator[Edge]:
    sharers: dict[tuple[str, str], list[int]] = defaultdict(list)
    for one in people:
        for key in dict.fromkeys(keys(one)):
            sharers[key].append(one.number)
    for (rule, key), numbers in sharers.items():
        if max(Counter(rows[number].connection for number in numbers).values()) <= MAX_SHARING:
            for a, b in combinations(numbers, 2):
                yield Edge(a, b, rule, key, _against(people[a], people[b]))


def _against(a: Person, b: Person) -> str | None:
    if a.birthday and b.birthday and a.birthday != b.birthday:
        return "birthdays differ"
    return names.contradiction(a.name, b.name)


def _clusters(rows: Sequence[Row], edges: Sequence[Edge]) -> Iterator[frozenset[int]]:
    """Resolve group by group, as the database hands them out."""
    group = _groups(len(rows), edges)
    of_group: dict[int, list[Edge]] = defaultdict(list)
    for edge in edges:
        of_group[group[edge.a]].append(edge)
    for shared in of_group.values():
        members = {end for edge in shared for end in (edge.a, edge.b)}
        yield from resolve({number: rows[number].connection for number in members}, shared).clusters


def _groups(count: int, edges: Iterable[Edge]) -> list[int]:
    """Return the group of every record: the smallest number it hangs together with."""
    group = list(range(count))
    changed = True
    while changed:
        changed = False
        for edge in edges:
            least = min(group[edge.a], group[edge.b])
            changed = changed or group[edge.a] != group[edge.b]
            group[edge.a] = group[edge.b] = least
    return group
