"""A person's name, read: which words are given names, surnames and patronymics, whatever field they were written in.

What belongs here: taking names apart. Single words belong to `name_words.py`; whether two names contradict each other to
`names.py`.
"""

import re
from functools import lru_cache
from typing import NamedTuple

from crm_pipeline.model.given_name_index import Classes
from crm_pipeline.model.name_noise import NOISE, NOT_NAMES, PARTICLES, SUFFIXES
from crm_pipeline.model.name_words import Word, word

Words = tuple[Word, ...]


class Reading(NamedTuple):
    """A name taken apart. `loose`: the only word, when nothing says whether it is a given name or a surname."""

    given: Words = ()
    surname: Words = ()
    middle: Words = ()
    loose: Word | None = None

    def names(self) -> Classes:
        """Return what the given name may stand for, as far as the gender of patronymic or surname leaves a choice."""
        one = self.given[0]
        if not one.is_of_both:
            return one.classes
        return _of_gender(one.classes, next((other.gender for other in self.middle + self.surname if other.gender), ""))


class Fields(NamedTuple):
    """The words of each field; `whole` is read only where first and last name do not both say something."""

    first: Words
    last: Words
    middle: Words
    whole: Words

    def sounds(self) -> set[str]:
        """Return what the words of all fields sound like."""
        return {word.sound for word in self.first + self.last + self.middle + self.whole}


def fields(name: str | None, first: str | None, last: str | None, middle: str | None) -> tuple[Fields, str]:
    """Read the words of a name's fields, and what its suffix means."""
    if not (first or last or middle):
        whole, suffix = words_in(name) if name else _NOTHING
        return Fields((), (), (), whole), suffix
    firsts, suffix = _field(first) if first else _NOTHING
    lasts, last_suffix = _field(last) if last else _NOTHING
    middles, middle_suffix = _field(middle) if middle else _NOTHING
    whole, whole_suffix = words_in(name) if name and not (firsts and lasts) else _NOTHING
    return Fields(firsts, lasts, middles, whole), suffix or last_suffix or middle_suffix or whole_suffix


def read(written: Fields) -> Reading:
    """Tell what the words of a name are; what stands whole in one field is taken apart."""
    firsts, lasts, middles, whole = written
    return _from_fields(firsts, lasts, middles) if firsts and lasts else _from_one(whole, firsts, lasts, middles)


def _from_fields(firsts: Words, lasts: Words, middles: Words) -> Reading:
    if len(firsts) == 1 and len(lasts) == 1:
        if firsts[0].gender and lasts[0].classes and not firsts[0].classes:
            firsts, lasts = lasts, firsts
        return Reading(firsts, lasts, middles)
    extra = tuple(one for one in firsts if all(one is not other for other in lasts)) or firsts
    given, more = extra[:1], extra[1:]
    fathers = tuple(one for one in lasts if one.father) if len(lasts) > 1 and not middles and not more else ()
    surname = tuple(one for one in lasts if one not in fathers) or lasts
    return Reading(given, surname, middles or more or fathers)


def _from_one(whole: Words, firsts: Words, lasts: Words, middles: Words) -> Reading:
    """Read a name of which at most one field says what it holds."""
    filled = firsts or lasts
    if len(whole) > max(1, len(filled) + len(middles)):
        return arrange(whole + tuple(one for one in middles if one not in whole))
    if len(filled) > 1:
        return arrange(filled + middles)
    if filled:
        return Reading(firsts, lasts, middles)
    return Reading(loose=whole[0]) if whole else Reading(middle=middles)


@lru_cache(maxsize=8192)
def _of_gender(names: Classes, gender: str) -> Classes:
    """Leave the names of one gender, when there are such."""
    return frozenset(one for one in names if one[0] in (gender, ":")) or names if gender else names


# Words that stand together --------------------------------------------------------------------------------------------


def arrange(words: Words) -> Reading:
    """Tell given names from surnames among words of one field: "Иванов Иван Петрович", "Иван Иванов", "John R. Smith"."""
    if len(words) == 1:
        return Reading(loose=words[0])
    at = _patronymic_at(words) if any(one.father or one.is_initial for one in words) else None
    if at is None:
        return _western(words) if len(words) > 2 else _two(words)
    given, rest = words[at - 1], words[: at - 1] + words[at + 1 :]
    return Reading((given,), rest, (words[at],))


def _patronymic_at(words: Words) -> int | None:
    """Return the place of the patronymic: it follows a given name, and two words may be all of the name."""
    places = [at for at, one in enumerate(words) if at and one.father and not one.parts]
    known = [at for at in places if words[at - 1].classes or words[at - 1].is_initial]
    if known:
        return known[-1]
    initials = [at for at in range(1, len(words)) if words[at].is_initial and words[at - 1].is_initial]
    return initials[0] if initials else places[-1] if places and len(words) > 2 else None


def _two(words: Words) -> Reading:
    one, other = words
    swapped = not _may_be_given(one) and (_may_be_given(other) or (bool(one.gender) and not other.gender))
    return Reading((other,), (one,)) if swapped else Reading((one,), (other,))


def _may_be_given(one: Word) -> bool:
    return bool(one.classes) or one.is_initial


def _western(words: Words) -> Reading:
    if not _may_be_given(words[0]) and _may_be_given(words[1]) and words[0].gender:
        return Reading(words[1:2], words[:1] + words[2:])
    return Reading(words[:1], words[-1:], words[1:-1])


# Words of a field -----------------------------------------------------------------------------------------------------

_NOTHING: tuple[Words, str] = ((), "")
_ADDRESS = re.compile(r"\S*@\S*|https?:\S*|\bwww\.\S*")
_ASIDE = re.compile(r"\([^)]*\)?|\[[^\]]*\]?|\{[^}]*\}?")
_NO_LETTERS = re.compile(r"[^\w'’ʼ`-]+|[\d_]+")
_BETWEEN = re.compile(r"\s*[-–—]+\s+|\s+[-–—]+\s*")


def words_in(text: str) -> tuple[Words, str]:
    """Return the words of a name field, and what its suffix means; without titles, jobs, companies, phones, e-mails, signs."""
    plain = tuple(map(_plain, text.split()))
    return (plain, "") if None not in plain else _words_among_noise(text)  # type: ignore[return-value]


_field = lru_cache(maxsize=100_000)(words_in)


@lru_cache(maxsize=400_000)
def _plain(text: str) -> Word | None:
    """Read a word that needs no second look: letters only, and nothing that may be no part of a name."""
    spelled = text.lower().replace("ё", "е")
    return word(spelled) if text.isalpha() and spelled not in NOT_NAMES else None


@lru_cache(maxsize=20_000)
def _words_among_noise(text: str) -> tuple[Words, str]:
    spelled = _bare(text).lower().replace("ё", "е").split()
    followed = zip(spelled[1:], [*spelled[2:], ""], strict=False)  # "ст. менеджер" is no generation
    suffix = next((SUFFIXES[one] for one, after in followed if one in SUFFIXES and after not in NOISE), "")
    kept = [one for one in _without_companies(spelled) if one not in NOISE and one not in SUFFIXES]
    names = [one for one in kept if one not in PARTICLES]
    return tuple(map(word, names if len(names) > 1 else kept)), suffix


def _bare(text: str) -> str:
    text = _ADDRESS.sub(" ", text)
    text = _ASIDE.sub(" ", text) if _ASIDE.sub("", text).strip() else text
    text = _NO_LETTERS.sub(" ", _BETWEEN.sub(" ", text))
    return " ".join(one.strip("-'’ʼ`") for one in text.split())


def _without_companies(spelled: list[str]) -> list[str]:
    """Leave out a company: a legal form with the word after it, or the word before when it ends the text."""
    kept: list[str] = []
    skip = False
    for at, one in enumerate(spelled):
        if NOISE.get(one) == "company":
            skip = at + 1 < len(spelled)
            if not skip and kept:
                kept.pop()
        elif skip:
            skip = False
        else:
            kept.append(one)
    return kept
