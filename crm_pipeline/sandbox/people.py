"""Russian-looking agents, companies and people, each made from (seed, index) alone; their dealings are in dealings.py."""

from __future__ import annotations

from decimal import Decimal
from functools import lru_cache

from . import dice, words
from .world import Agent, Company, Person

# One block is ten people with the three companies they work at.
BLOCK, FIRMS_IN_BLOCK = 10, 3
_AGENT, _FIRM, _PERSON = 1, 2, 3
_DOUBLE_EVERY, _DOUBLE_AT = 97, 13
_INN10, _INN11, _INN12 = (2, 4, 10, 3, 5, 9, 4, 6, 8), (7, 2, 4, 10, 3, 5, 9, 4, 6, 8), (3, 7, 2, 4, 10, 3, 5, 9, 4, 6, 8)
_MOBILE = (
    "8 ({0}) {1}-{2}-{3}",
    "+7 {0} {1}-{2}-{3}",
    "+7{0}{1}{2}{3}",
    "7{0}{1}{2}{3}",
    "8{0}{1}{2}{3}",
    "+7 ({0}) {1}-{2}-{3}",
    "8-{0}-{1}-{2}-{3}",
)


def agent_count(contacts: int) -> int:
    """Answer how many users an account with that many contacts has."""
    return max(4, min(40, contacts // 400))


def firm_count(people: int) -> int:
    """Answer how many companies the first `people` people work at: three in every block, as many as fit in a cut one."""
    whole, rest = divmod(people, BLOCK)
    return whole * FIRMS_IN_BLOCK + min(FIRMS_IN_BLOCK, (rest + 2) // 3)


def firm_of(index: int, chance: int, firms: range) -> int | None:
    """Answer the company (place in the whole) a person works at; one in twelve works alone."""
    start = index // BLOCK * FIRMS_IN_BLOCK
    number = min(FIRMS_IN_BLOCK, firms.stop - start)
    return None if chance % 12 == 0 or number < 1 else start + chance // 12 % number


@lru_cache(maxsize=8)
def employers(seed: int, block: int, firms: range) -> tuple[int | None, ...]:
    """Answer at which companies (places in the whole) the ten people of a block work."""
    places = range(block * BLOCK, (block + 1) * BLOCK)
    return tuple(firm_of(place, dice.roll(seed, _PERSON, _who(place)) >> 44, firms) for place in places)


def _who(place: int) -> int:
    """Answer whose data a person has: the person before's, when entered a second time."""
    return place - 1 if place % _DOUBLE_EVERY == _DOUBLE_AT else place


def agent(seed: int, index: int) -> Agent:
    """Make one user of the CRM."""
    chance = dice.roll(seed, _AGENT, index)
    first, last, _, name = _names(chance)
    office = ("Москва", "Санкт-Петербург", "Казань")[index % 3]
    return Agent(index + 1, f"{first} {last}", first, last, f"{name}.{index + 1}@crm.example.com", None, office)


def company(seed: int, index: int, key: int, total: int, agents: int, voice: int = 0) -> Company:
    """Make one company: an ООО with a ten-digit INN or, one in six, an ИП with a twelve-digit one."""
    chance = dice.roll(seed, _FIRM, index)
    chance, alone = divmod(chance, 6)
    chance, street = divmod(chance, len(words.streets()))
    chance, city = divmod(chance, len(words.cities()))
    chance, sector = divmod(chance, len(words.SECTORS))
    chance, owner = divmod(chance, agents)
    born = dice.created(index, total)
    tags = (words.TAGS[chance % 12],) if chance % 3 == 0 else ()
    return Company(
        key=key,
        name=_firm_name(chance, alone == 0, voice),
        tax_id=inn(index, alone == 0),
        phone=_office(index, voice),
        email=f"info@{_domain(index)}",
        web=f"https://www.{_domain(index)}",
        address=f"г. {words.cities()[city]}, ул. {words.streets()[street]}, д. {1 + chance % 120}",
        sector=words.SECTORS[sector],
        revenue=Decimal(chance % 90_000 + 1_000) * 1000,
        employees=1 if alone == 0 else 2 + chance % 400,
        agent=owner + 1,
        created=born,
        updated=dice.updated(index, total, born, chance),
        tags=tags,
    )


def person(seed: int, index: int, key: int, firms: range, total: int, voice: int = 0) -> Person:
    """Make one person; one in 97 is the person before, entered a second time in another spelling."""
    who = _who(index)
    chance, spelling = dice.roll(seed, _PERSON, who), dice.mix(index * 1009 + voice)
    first, last, middle, name = _names(chance)
    chance >>= 44
    firm = firm_of(index, chance, firms)
    chance >>= 8
    born = dice.created(index, total)
    return Person(
        key=key,
        first=first,
        last=last,
        middle=middle if spelling % 10 < 7 else None,
        phones=_phones(who, firm, chance, spelling),
        emails=_emails(name, who, firm, chance >> 6, spelling),
        position=words.POSITIONS[(chance >> 12) % len(words.POSITIONS)] if firm is not None and chance % 7 else None,
        birthday=_birthday(chance >> 18) if (chance >> 18) % 3 == 0 else None,
        company=None if firm is None else firm - firms.start + 1,
        agent=1 + (chance >> 30) % agent_count(total),
        web=None,
        created=born,
        updated=dice.updated(index, total, born, spelling),
        tags=_tags(chance >> 34),
    )


def inn(index: int, alone: bool) -> str:
    """Answer a tax number with right check digits, another one for every index below ten million."""
    digits = f"77{(index * 7_654_321 + 1_234_567) % 10_000_000:07d}"
    if not alone:
        return digits + _check(digits, _INN10)
    digits += str(index % 10)
    digits += _check(digits, _INN11)
    return digits + _check(digits, _INN12)


def mobile(who: int) -> str:
    """Answer ten digits of a mobile number (codes 900 to 929), other ones for every index below three hundred million."""
    return f"9{(who * 611_953 + 100_000_007) % 300_000_000:09d}"


def _check(digits: str, weights: tuple[int, ...]) -> str:
    return str(sum(int(d) * w for d, w in zip(digits, weights, strict=True)) % 11 % 10)


def _names(chance: int) -> tuple[str, str, str, str]:
    """Answer first, last and middle name in agreement, and a Latin name for e-mails."""
    chance, woman = divmod(chance, 2)
    lists = words.names(woman == 1)
    chance, one = divmod(chance, len(lists.first))
    chance, two = divmod(chance, len(lists.last))
    return (
        lists.first[one],
        lists.last[two],
        lists.middle[chance % len(lists.middle)],
        f"{lists.first_latin[one]}.{lists.last_latin[two]}",
    )


def _firm_name(chance: int, alone: bool, voice: int) -> str:
    if alone:
        first, last, middle, _ = _names(chance)
        return f"ИП {last} {first} {middle}"
    name = words.FIRMS[chance % len(words.FIRMS)] + words.TRADES[(chance >> 8) % len(words.TRADES)]
    return f"{name}, ООО" if voice else f"ООО «{name}»"


def _domain(firm: int) -> str:
    return f"firma{firm + 1}.example.org"


def _office(firm: int, voice: int) -> str:
    digits = f"{(firm * 7_919 + 1_000_003) % 10_000_000:07d}"
    parts = digits[:3], digits[3:5], digits[5:]
    return ("+7 495 {}-{}-{}" if voice else "8 (495) {}-{}-{}").format(*parts)


def _phones(who: int, firm: int | None, chance: int, spelling: int) -> tuple[str, ...]:
    digits = mobile(who)
    own = _MOBILE[spelling % 7].format(digits[:3], digits[3:6], digits[6:8], digits[8:])
    if chance % 32 == 0:
        return ()
    if firm is None or chance % 4:
        return (own,)
    return own, f"{_office(firm, spelling % 2)} доб. {100 + who % 900}"


def _emails(name: str, who: int, firm: int | None, chance: int, spelling: int) -> tuple[str, ...]:
    private = f"{name}{who + 1}@mail.example.com"
    private = private.title() if spelling % 11 == 0 else private
    if chance % 10 == 0:
        return ()
    if firm is None or chance % 10 > 2:
        return (private,)
    work = f"{name}@{_domain(firm)}"
    return (work, private) if chance % 10 == 1 else (work,)


def _birthday(chance: int) -> str:
    return f"{1955 + chance // 3 % 50}-{1 + chance // 150 % 12:02d}-{1 + chance // 1800 % 28:02d}"


def _tags(chance: int) -> tuple[str, ...]:
    if chance % 4:
        return ()
    one, two = words.TAGS[chance // 4 % 12], words.TAGS[chance // 48 % 12]
    return (one, two) if chance // 576 % 3 == 0 and one != two else (one,)
