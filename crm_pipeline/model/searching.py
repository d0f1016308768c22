"""What a person who types something into a search box may mean: words of names, a phone, an e-mail address, or part of one.

What belongs here: reading the question. Where it is looked for belongs to the database.
"""

import re
from dataclasses import dataclass

from crm_pipeline.model import cleaning

MOST_WORDS = 8
FEWEST_DIGITS = 3
_PHONE = re.compile(r"[\d\s()+.-]+")


@dataclass(frozen=True, slots=True)
class Sought:
    """What is looked for. words: patterns of LIKE that a name must all fit, lower case, without ё."""

    words: tuple[str, ...]
    phone: str | None = None
    """A whole number, E.164."""
    digits: str | None = None
    """Part of a number, a pattern of LIKE."""
    email: str | None = None
    """A whole address."""
    part: str | None = None
    """Part of an address, a pattern of LIKE."""


def read(question: str, region: str) -> Sought | None:
    """Return what a question looks for; None when there is nothing in it. region: of phones without a country code."""
    words = question.split()[:MOST_WORDS]
    if not words:
        return None
    patterns = tuple(map(_pattern, words))
    if _PHONE.fullmatch(question):
        phone, digits = cleaning.phone(question, region), re.sub(r"\D", "", question)
        return Sought(patterns, phone, None if phone or len(digits) < FEWEST_DIGITS else f"%{digits}%")
    email = cleaning.email(question) if len(words) == 1 else None
    return Sought(patterns, email=email, part=patterns[0] if len(words) == 1 and not email else None)


def _pattern(word: str) -> str:
    plain = re.sub(r"([\\%_])", r"\\\1", word.lower().replace("ё", "е"))
    return f"%{plain}%"
