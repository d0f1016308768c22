"""Given names by spelling: which names a word may stand for, in either alphabet, and whose son or daughter a patronymic says.

What belongs here: looking up the lists of `given_names.py` and `known_given_names.py`. Comparing belongs to `name_words.py`.
"""

import re
from collections import defaultdict
from collections.abc import Iterator
from functools import cache, lru_cache
from typing import NamedTuple

from crm_pipeline.model import given_names, known_given_names
from crm_pipeline.model.transliteration import first_letters, is_cyrillic, skeleton, transliterations

Classes = frozenset[str]
"""Names a word may stand for: `m:александр`, `f:александра`, or `:latasha` when no gender is known."""

NOBODY: Classes = frozenset()


class _Index(NamedTuple):
    spelled: dict[str, Classes]
    folded: dict[str, Classes]
    skeletons: dict[str, Classes]
    forms: dict[str, tuple[str, ...]]
    """Name → the skeletons of its forms."""
    initials: dict[str, frozenset[str]]
    fathers: dict[str, Classes]
    """Stem of a patronymic's skeleton → the father's names."""


def names_of(spelled: str) -> Classes:
    """Return the names a lower-case word may stand for; nobody's when it is no known given name."""
    index = _index()
    found = index.spelled.get(spelled)
    if found is None and spelled.isascii():  # in Cyrillic letters a name is spelled as listed, or mistyped
        found = index.folded.get(_fold(spelled)) or index.skeletons.get(skeleton(spelled))
    return found or NOBODY


def forms_of(name: str) -> tuple[str, ...]:
    """Return the skeletons of all forms of a name."""
    return _index().forms[name]


@lru_cache(maxsize=4096)
def initials_of(names: Classes) -> frozenset[str]:
    """Return the Latin letters the full forms of names begin with."""
    return frozenset().union(*(_index().initials[name] for name in names))


_PATRONYMIC = re.compile(r"(.{2,}?)(?:inična|ična|ič|na)")
_PLAINLY = re.compile(r".{2,}[aeo]v(?:ič|na)")


def father_of(bones: str) -> tuple[tuple[str, Classes] | None, str]:
    """Return what a patronymic's skeleton says of the father (stem, names he may have) and the gender of the child."""
    found = _PATRONYMIC.fullmatch(bones) if bones.endswith(("ič", "na")) else None
    if not found:
        return None, ""
    names = _index().fathers.get(found[1], NOBODY)
    if not names and not _PLAINLY.fullmatch(bones):
        return None, ""
    return (found[1], names), "f" if bones.endswith("na") else "m"


# Building -------------------------------------------------------------------------------------------------------------


@cache
def _index() -> _Index:
    listed = list(_with_sounding_alike(list(_listed())))
    return _Index(
        spelled=_gather((spelling, name) for name, form in listed for spelling in _spellings(form)),
        folded=_gather((_fold(form), name) for name, form in listed if form.isascii()),
        skeletons=_gather((skeleton(form), name) for name, form in listed if not form.isascii()),
        forms={name: tuple(sorted(of)) for name, of in _gather((name, skeleton(form)) for name, form in listed).items()},
        initials=_initials(listed),
        fathers=_gather((stem, name) for name, form in listed if name[0] != "f" for stem in _stems(form)),
    )


def _gather(pairs: Iterator[tuple[str, str]]) -> dict[str, Classes]:
    found: dict[str, set[str]] = defaultdict(set)
    for key, value in pairs:
        found[key].add(value)
    return {key: frozenset(values) for key, values in found.items()}


def _listed() -> Iterator[tuple[str, str]]:
    """Yield (name, form) of all lists."""
    for block in (given_names.RUSSIAN, given_names.ENGLISH):
        for line in block.replace("ё", "е").replace("\n", " ").split(";"):
            gender, *forms = line.split() or ("",)
            yield from ((f"{gender}:{forms[0]}", form) for form in forms)
    yield from ((f":{form}", form) for form in known_given_names.RUSSIAN.split())
    yield from ((f":{_fold(form)}", form) for form in known_given_names.ENGLISH.split())


def _with_sounding_alike(listed: list[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """Add the names that names without other forms sound like: Ellena may be Elena."""
    of_fold = _gather((_fold(form), name) for name, form in listed if form.isascii() and name[0] != ":")
    yield from listed
    yield from ((other, form) for name, form in listed if name[0] == ":" for other in of_fold.get(name[1:], NOBODY))


def _spellings(form: str) -> set[str]:
    return {form} | transliterations(form) if is_cyrillic(form) else {form}


def _initials(listed: list[tuple[str, str]]) -> dict[str, frozenset[str]]:
    """Return name → the letters its full forms begin with: the first of its forms, and the first in Latin letters."""
    full: dict[str, dict[bool, str]] = defaultdict(dict)
    for name, form in listed:
        full[name].setdefault(form.isascii(), form)
    return {name: frozenset().union(*map(first_letters, forms.values())) for name, forms in full.items()}


_FOLDS = (
    (re.compile(r"ph"), "f"),
    (re.compile(r"ck|c(?=[aouklrt]|$)|q"), "k"),
    (re.compile(r"(?<!^)(?:ie|ey|ee|y|i)$"), "i"),
    (re.compile(r"y"), "i"),
    (re.compile(r"(?<=[aeiou])h$"), ""),
    (re.compile(r"th"), "t"),
    (re.compile(r"(.)\1+"), r"\1"),
)


def _fold(spelled: str) -> str:
    """Return how an English given name sounds, roughly: Cathy and Kathie, Sara and Sarah, Teri and Terry are the same."""
    for pattern, sound in _FOLDS:
        spelled = pattern.sub(sound, spelled)
    return spelled


def _stems(form: str) -> set[str]:
    """Return the stems of the patronymics made from a man's name in Cyrillic letters, as skeletons."""
    if not is_cyrillic(form) or len(form) < 3:
        return set()
    stem = given_names.STEMS.get(form)
    made = {stem} if stem else _made(form)
    return {found[1] for one in made if (found := _PATRONYMIC.fullmatch(skeleton(one + "ич")))}


def _made(form: str) -> set[str]:
    bare = form[:-1]
    if form.endswith("ий"):
        return {bare + "ев", form[:-2] + "ьев", bare}
    if form[-1] in "йь":
        return {bare + "ев", bare}
    if form[-1] in "ая":
        return {bare, bare + "ин", bare + "ов"}
    return {form + ("ев" if form[-1] in "жшчщц" else "ов"), form}
