"""People who may be one though they share no key: which pairs are worth comparing, and how alike they must be.

What belongs here: blocks, weights and the threshold. Similarity of strings is measured in `stages/resemble.py`; what is shared
exactly belongs to `matching.py`. Suggested pairs are for a person to decide, nothing is linked.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from crm_pipeline.model import company_names
from crm_pipeline.model.name_reading import Reading, fields, read
from crm_pipeline.model.name_words import Word
from crm_pipeline.model.names import PersonName
from crm_pipeline.model.stop_keys import PUBLIC_MAIL_DOMAINS, ROLE_MAILBOXES
from crm_pipeline.model.transliteration import skeleton

MOST_IN_BLOCK = 20
"""A block with more records tells too little to compare all of them."""


@dataclass(frozen=True, slots=True)
class Person:
    """What is compared of a contact. `number` is the caller's; phones are E.164, e-mails lower case, `birthday` ISO."""

    number: int
    name: PersonName
    company: str | None = None
    emails: tuple[str, ...] = ()
    phones: tuple[str, ...] = ()
    position: str | None = None
    birthday: str | None = None
    city: str | None = None


@dataclass(frozen=True, slots=True)
class Score:
    """How alike two people are: `total` from 0 to 1, `features` each from 0 to 1; what one of them lacks is no feature."""

    total: float
    features: Mapping[str, float] = field(default_factory=dict)


def reading(person: Person) -> tuple[Reading, str]:
    """Take a person's name apart; answers what its suffix means too."""
    name = person.name
    words, suffix = fields(name.name, name.first_name, name.last_name, name.middle_name)
    return read(words), suffix


# Blocks ---------------------------------------------------------------------------------------------------------------


def blocks(person: Person) -> list[str]:
    """Return keys; people with an equal one are worth comparing, when not more than `MOST_IN_BLOCK` have it.

    They outlive transliteration, short forms, order and one slip in one word of the name, and are rare among a million.
    """
    name, _ = reading(person)
    givens, surnames = _given_keys(name), [one.surname for one in name.surname]
    company = company_key(person.company)
    return [
        *dict.fromkeys((*_named(givens, surnames, name), *_placed(person, company, givens, name), *_reached(person, company)))
    ]


def company_key(name: str | None) -> str:
    """Return the telling words of a company's name, in one spelling and order; empty when there are none."""
    return " ".join(sorted(company_names.words(name))) if name else ""


def _given_keys(name: Reading) -> list[str]:
    if name.loose and name.loose.classes:
        return sorted(name.loose.classes)
    return sorted(name.names()) or [name.given[0].skeleton] if name.given and not name.given[0].is_initial else []


def _named(givens: list[str], surnames: list[str], name: Reading) -> Iterator[str]:
    for surname in surnames:
        for given in givens:
            yield f"n {surname} {given}"
            yield f"n< {surname[:4]} {given}"
            yield f"n> {surname[-4:]} {given}"
            yield from (f"np {surname} {given} {_middle_key(one)}" for one in name.middle)
    if surnames and name.given:  # which is which may be told wrongly
        yield f"w {' '.join(sorted((name.given[0].skeleton, name.surname[0].skeleton)))}"
        yield from (f"n? {surname} {name.given[0].skeleton[:2]}" for surname in surnames)


def _middle_key(one: Word) -> str:
    return one.father[0] if one.father else one.skeleton


def _placed(person: Person, company: str, givens: list[str], name: Reading) -> Iterator[str]:
    """Yield name with company, city or birthday: either word of the name may be mistyped, and taken for the other."""
    words = {one.surname for one in (*name.surname, *(one for one in name.given if not one.classes and not one.is_initial))}
    for kind, where in (("c", company), ("t", person.city and skeleton(person.city.lower())), ("b", person.birthday)):
        if where:
            yield from (f"{kind}s {where} {word}" for word in words)
            yield from (f"{kind}g {where} {given}" for given in givens)


def _reached(person: Person, company: str) -> Iterator[str]:
    """Yield what is left of an address or a number when its domain or one digit is another."""
    for email in person.emails:
        mailbox, _, domain = email.partition("@")
        letters = "".join(letter for letter in mailbox if letter.isalpha())
        if len(letters) > 4 and mailbox not in ROLE_MAILBOXES:
            yield f"m {letters}"
            yield f"mc {letters} {company}" if company else f"md {letters} {domain if domain not in PUBLIC_MAIL_DOMAINS else ''}"
    for phone in person.phones:
        yield f"p7 {phone[-7:]}"
        yield f"p6 {phone[-10:-4]} {phone[-2:]}"


# Weights --------------------------------------------------------------------------------------------------------------

WEIGHTS: Mapping[str, tuple[float, float]] = {
    "name": (-2.5, 2.5),
    "namesakes": (-2.6, 2.6),
    "company": (-2.0, 5.0),
    "email": (-1.2, 0.8),
    "phone": (-1.2, 3.0),
    "position": (-1.5, 1.5),
    "birthday": (0.0, 6.0),
    "city": (-0.8, 0.8),
}
"""Feature → what it adds when nothing is alike and when all is, as logarithms of odds.

Fitted on labelled variation (`crm_pipeline_tests/bench/labelled.py`), rounded, and where its people are too regular (a position
is never written otherwise, a number never mistyped) made milder. People whose birthdays differ are never compared.
"""
START = -2.9
THRESHOLD = 0.25
"""Pairs with a total of this or more are suggested."""


def total(features: Mapping[str, float]) -> float:
    """Return how likely two people are one, from 0 to 1, by what is known of both."""
    odds = START
    for name, alike in features.items():
        least, most = WEIGHTS[name]
        odds += least + (most - least) * alike
    return 1 / (1 + math.exp(-odds))
