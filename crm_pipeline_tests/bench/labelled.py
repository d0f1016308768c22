"""People known to be one or not, entered in two or three CRMs each in its own way: what matching is measured on.

What belongs here: who is entered where, with which keys, and who only looks the same. How values are written is told in
`variation.py`. Everything follows from the seed, one person at a time.
"""

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

from crm_pipeline.sandbox import people, words
from crm_pipeline_tests.bench import variation

ROOM = 4
"""Truth ids kept for each person: the person, a relative, a stranger of the same name."""
_COLLEAGUES = 8
_US_BIRTHDAYS = range(1950, 2000)


@dataclass(frozen=True, slots=True)
class Human:
    """Somebody as they really are. `phones`: ten digits each; `emails`: private first; `office`: the company's phone."""

    truth: int
    first: str
    middle: str | None
    last: str
    phones: tuple[str, ...]
    emails: tuple[str, ...]
    company: str
    office: str
    mailbox: str
    position: str
    birthday: str
    russian: bool
    suffix: str = ""


class Row(NamedTuple):
    """One record of one connection. `fields`: names, `phones` and `emails` (lists), `company`, `position`, `birthday`.

    `truth` is equal in records of one person; `twin_of` is whom a relative or a namesake looks like.
    """

    connection: int
    external_id: str
    fields: dict[str, Any]
    truth: int
    twin_of: int | None


def american(path: Path) -> Iterator[Human]:
    """Read the people of the us-500 file."""
    with path.open(encoding="utf-8") as file:
        for index, row in enumerate(csv.DictReader(file)):
            chance = Random(index)
            yield Human(
                truth=index * ROOM,
                first=row["first_name"],
                middle=None,
                last=row["last_name"],
                phones=tuple(row[key].replace("-", "") for key in ("phone1", "phone2")),
                emails=(row["email"], f"{row['first_name']}.{row['last_name']}@{_host(row['web'])}".lower()),
                company=row["company_name"],
                office=f"212{chance.randrange(2_000_000, 9_999_999)}",
                mailbox=f"info@{_host(row['web'])}",
                position=chance.choice(("Owner", "Sales Manager", "Accountant", "Engineer", "Director")),
                birthday=_day(chance),
                russian=False,
            )


def _host(web: str) -> str:
    return web.removeprefix("http://").removeprefix("www.").strip("/")


def _day(chance: Random) -> str:
    return f"{chance.choice(_US_BIRTHDAYS)}-{chance.randrange(1, 13):02d}-{chance.randrange(1, 29):02d}"


def russian(count: int, seed: int = 1) -> Iterator[Human]:
    """Make Russian people who work eight at a company, each from (seed, index) alone."""
    for index in range(count):
        chance = Random(seed << 32 | index)
        lists, at = words.names(chance.random() < 0.5), chance.randrange(1 << 30)
        one, two = at % len(lists.first), chance.randrange(len(lists.last))
        firm = index // _COLLEAGUES
        firms = Random(seed << 32 | firm << 4 | 1)
        login = f"{lists.first_latin[one]}.{lists.last_latin[two]}"
        yield Human(
            truth=index * ROOM,
            first=lists.first[one],
            middle=lists.middle[at % len(lists.middle)],
            last=lists.last[two],
            phones=(people.mobile(index),),
            emails=(f"{login}{index % 9973}@mail.example.com", f"{login}{index % 7}@firma{firm}.example.org"),
            company=firms.choice(words.FIRMS) + firms.choice(words.TRADES),
            office=f"495{firm % 10_000_000:07d}",
            mailbox=f"info@firma{firm}.example.org",
            position=chance.choice(words.POSITIONS),
            birthday=_day(chance),
            russian=True,
        )


# Who else there is ----------------------------------------------------------------------------------------------------


def with_doubles(humans: Iterable[Human], seed: int = 1) -> Iterator[tuple[Human, int | None]]:
    """Yield everybody, and for one in twenty a relative with the same phone, for one in forty a namesake elsewhere."""
    for one in humans:
        chance = Random(seed << 34 | one.truth)
        yield one, None
        if chance.random() < 0.05:
            yield _relative(one, chance), one.truth
        if chance.random() < 0.025:
            yield _namesake(one, chance), one.truth


def _relative(one: Human, chance: Random) -> Human:
    """Make a twin, a spouse or a child: phone shared, e-mail often, given name another, or the same with a suffix."""
    kind = chance.choice(("twin", "spouse", "child"))
    if kind == "child" and not one.russian:
        return replace(
            one, truth=one.truth + 1, suffix="Jr", birthday=_day(chance), emails=(f"jr.{one.emails[0]}",), phones=one.phones[:1]
        )
    first, last, middle = _other_first(one, chance, kind)
    return replace(
        one,
        truth=one.truth + 1,
        first=first,
        last=last,
        middle=middle,
        emails=one.emails[:1] if chance.random() < 0.4 else (f"{chance.randrange(1 << 30)}@mail.example.com",),
        phones=one.phones[:1],
        birthday=one.birthday if kind == "twin" else _day(chance),
    )


def _other_first(one: Human, chance: Random, kind: str) -> tuple[str, str, str | None]:
    if not one.russian:
        return chance.choice([name for name in _AMERICANS if name[0] != one.first[0]]), one.last, None
    is_woman = one.last.endswith("а")
    lists = words.names(is_woman != (kind == "spouse"))
    first = chance.choice([name for name in lists.first[:18] if name != one.first])
    bare = one.last.removesuffix("а")
    last = bare + ("а" if is_woman != (kind == "spouse") else "")
    return first, last, one.middle if kind == "twin" else chance.choice(lists.middle)


_AMERICANS = ("Mary", "Linda", "Susan", "Karen", "Nancy", "Paul", "George", "Brian", "Kevin", "Jason", "Laura", "Henry", "Walter")


def _namesake(one: Human, chance: Random) -> Human:
    number = chance.randrange(1 << 24)
    return replace(
        one,
        truth=one.truth + 2,
        middle=chance.choice(words.names(one.last.endswith("а")).middle) if one.russian else None,
        phones=(people.mobile(200_000_000 + number) if one.russian else f"646{number % 10_000_000:07d}",),
        emails=(f"namesake{number}@mail.example.com",),
        company=chance.choice(words.FIRMS) + "-Восток" if one.russian else f"{chance.choice(_AMERICANS)} & Sons",
        office="495" + f"{9_000_000 + number % 999_999}",
        mailbox=f"info@namesake{number}.example.org",
        birthday=_day(chance),
    )


# Entering -------------------------------------------------------------------------------------------------------------


def spread(humans: Iterable[Human], connections: int = 3, seed: int = 1) -> Iterator[Row]:
    """Enter people, their relatives and namesakes in some of the connections; one in six in a single one."""
    for one, twin_of in with_doubles(humans, seed):
        chance = Random(seed << 35 | one.truth << 1 | 1)
        for connection in _where(connections, chance):
            yield Row(connection, f"{one.truth}", _entered(one, chance), one.truth, twin_of)


def _where(connections: int, chance: Random) -> list[int]:
    way = chance.random()
    if way < 0.6:
        return list(range(connections))
    return sorted(chance.sample(range(connections), min(connections, 2 if way < 0.84 else 1)))


def _entered(one: Human, chance: Random) -> dict[str, Any]:
    fields: dict[str, Any] = dict(variation.names(one.first, one.middle, one.last, chance))
    if one.suffix:
        fields["name"] = f"{fields['name']} {one.suffix}"
        fields["last_name"] = f"{fields['last_name']} {one.suffix}" if fields["last_name"] else None
    has_moved = chance.random() < 0.05
    company = f"{chance.choice(words.FIRMS)}-Запад" if has_moved else one.company
    fields["company"] = variation.company(company, chance, russian=one.russian) if chance.random() < 0.8 else None
    fields["phones"] = _phones(one, has_moved, chance)
    fields["emails"] = _emails(one, has_moved, chance)
    fields["position"] = one.position if chance.random() < 0.5 else None
    fields["birthday"] = one.birthday if chance.random() < 0.3 else None
    return fields


def _phones(one: Human, has_moved: bool, chance: Random) -> list[str]:
    """Enter an own phone mostly, a stale one now and then (some were given to somebody else), the office's sometimes."""
    found = []
    way = chance.random()
    if way < 0.05 and one.russian:
        found.append(people.mobile(one.truth // ROOM + 1 if way < 0.005 else one.truth + 150_000_000))
    elif way < 0.85:
        found.append(one.phones[0] if chance.random() < 0.8 else one.phones[-1])
    if chance.random() < 0.1 and not has_moved:
        found.append(one.office)
    return [variation.phone(digits, chance, russian=one.russian) for digits in found]


def _emails(one: Human, has_moved: bool, chance: Random) -> list[str]:
    way = chance.random()
    if way < 0.25:
        return []
    if way < 0.30:
        return [f"old.{one.emails[0]}"]
    if way < 0.33:
        return [one.mailbox]
    if way < 0.65 or has_moved:
        return [variation.email(one.emails[0], chance)]
    return [variation.email(address, chance) for address in (one.emails[-1:] if way < 0.9 else one.emails)]
