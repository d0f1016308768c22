"""Resemble: suggest pairs of people who share no key but may be one, with what is alike in them."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from itertools import combinations

from rapidfuzz import fuzz
from rapidfuzz.distance import OSA, JaroWinkler

from crm_pipeline.model import company_names, names, resemblance
from crm_pipeline.model.name_reading import Reading
from crm_pipeline.model.resemblance import MOST_IN_BLOCK, THRESHOLD, Person, Score
from crm_pipeline.model.stop_keys import PUBLIC_MAIL_DOMAINS, ROLE_MAILBOXES
from crm_pipeline.model.transliteration import skeleton


def suggest(people: Iterable[Person]) -> Iterator[tuple[Person, Person, Score]]:
    """Yield pairs of people worth a person's look, each once, `a.number` < `b.number`.

    Keeps the blocks of all people in memory; hand over those who were not linked, or a part of them.
    """
    of_block: dict[str, list[Person]] = defaultdict(list)
    known: Counter[str] = Counter()
    for person in people:
        known[_full_name(person)] += 1
        for block in resemblance.blocks(person):
            if len(of_block[block]) <= MOST_IN_BLOCK:
                of_block[block].append(person)
    seen: set[tuple[int, int]] = set()
    for sharing in of_block.values():
        if 2 <= len(sharing) <= MOST_IN_BLOCK:
            yield from _of_block(sharing, seen, known)


def _of_block(sharing: list[Person], seen: set[tuple[int, int]], known: Counter[str]) -> Iterator[tuple[Person, Person, Score]]:
    for a, b in combinations(sorted(sharing, key=lambda one: one.number), 2):
        if (a.number, b.number) not in seen:
            seen.add((a.number, b.number))
            found = score(a, b, max(known[_full_name(a)], known[_full_name(b)]))
            if found.total >= THRESHOLD:
                yield a, b, found


def _full_name(person: Person) -> str:
    """Return a name as namesakes have it: surname and given name, however written."""
    found, _ = resemblance.reading(person)
    given = min(found.names(), default=found.given[0].skeleton) if found.given else ""
    return f"{found.surname[0].surname if found.surname else ''} {given}"


def score(a: Person, b: Person, namesakes: int = 2) -> Score:
    """Return how alike two people are, 0 for people whose names or birthdays contradict each other.

    `namesakes`: how many records have this full name; the more, the less it says.
    """
    if names.contradiction(a.name, b.name) or (a.birthday and b.birthday and a.birthday != b.birthday):
        return Score(0.0, {"name": 0.0})
    found = {
        "name": _names(*resemblance.reading(a), *resemblance.reading(b)),
        "namesakes": min(1.0, 3 / max(namesakes, 3)),
        "company": _companies(a.company, b.company),
        "email": max((_emails(x, y) for x in a.emails for y in b.emails), default=None),
        "phone": max((_phones(x, y) for x in a.phones for y in b.phones), default=None),
        "position": _texts(a.position, b.position),
        "birthday": 1.0 if a.birthday and b.birthday else None,
        "city": _texts(a.city, b.city),
    }
    features = {name: round(alike, 3) for name, alike in found.items() if alike is not None}
    return Score(round(resemblance.total(features), 4), features)


def _names(a: Reading, suffix: str, b: Reading, other_suffix: str) -> float:
    """Compare names that do not contradict each other: whole ones count, initials, single words and other suffixes hardly."""
    if suffix != other_suffix:
        return 0.2
    if not (a.given and a.surname and b.given and b.surname):
        return 0.2
    if any(one.is_initial for one in a.given + b.given + a.surname + b.surname):
        return 0.5
    surname = max(OSA.normalized_similarity(x.surname, y.surname) for x in a.surname for y in b.surname)
    given = 1.0 if a.names() & b.names() else JaroWinkler.similarity(a.given[0].skeleton, b.given[0].skeleton)
    alike = max(surname * given, _crosswise(a, b))
    return min(1.0, alike + 0.1) if a.middle and b.middle else alike * 0.95


def _crosswise(a: Reading, b: Reading) -> float:
    one = OSA.normalized_similarity(a.given[0].skeleton, b.surname[0].skeleton)
    return one * OSA.normalized_similarity(a.surname[0].skeleton, b.given[0].skeleton)


def _companies(a: str | None, b: str | None) -> float | None:
    one, other = resemblance.company_key(a), resemblance.company_key(b)
    if not one or not other:
        return None
    if company_names.contradiction(a, b) is None:
        return 1.0
    return max(0.0, fuzz.token_sort_ratio(one, other) / 100 * 2 - 1.2)


def _emails(a: str, b: str) -> float:
    (mailbox, _, domain), (other, _, other_domain) = a.partition("@"), b.partition("@")
    is_office = mailbox in ROLE_MAILBOXES or other in ROLE_MAILBOXES
    alike = 0.0 if is_office else max(0.0, JaroWinkler.similarity(mailbox, other) * 4 - 3)
    same_office = domain == other_domain and domain not in PUBLIC_MAIL_DOMAINS
    return max(alike, 0.4) if same_office else alike


def _phones(a: str, b: str) -> float:
    if a[-7:] == b[-7:]:
        return 1.0
    return 0.9 if OSA.distance(a, b, score_cutoff=1) <= 1 else 0.0


def _texts(a: str | None, b: str | None) -> float | None:
    if not a or not b:
        return None
    return fuzz.token_sort_ratio(skeleton(a.lower()), skeleton(b.lower())) / 100
