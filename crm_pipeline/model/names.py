"""Whether two people's names contradict each other, so that their records are not held for one person's.

What belongs here: comparing two names. Taking one apart belongs to `name_reading.py`, words to `name_words.py`.

Other spelling is no contradiction: transliteration, order, short forms, initials, titles, a missing part, one part of a double
surname, mistyped letters. Given names, patronymics, second names, surnames or generations that differ are.
A woman whose given name and full patronymic agree may have married: her surname may differ. A "Jr" that only one of two names
has is a contradiction too: the father is seldom entered as "Sr", and a question asked costs less than two people made one.
"""

from dataclasses import dataclass

from crm_pipeline.model.name_reading import Reading, Words, fields, read
from crm_pipeline.model.name_words import Word, same_given, same_middle, same_surname


@dataclass(frozen=True, slots=True)
class PersonName:
    """A person's name as a source record has it; any part may be missing or stand in another's place."""

    name: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    middle_name: str | None = None


def contradiction(a: PersonName, b: PersonName) -> str | None:
    """Return what speaks against two names being one person's ("first names differ: Igor, Ivan"), None when nothing does."""
    one, suffix = fields(a.name, a.first_name, a.last_name, a.middle_name)
    other, other_suffix = fields(b.name, b.first_name, b.last_name, b.middle_name)
    sounds, others = one.sounds(), other.sounds()
    if sounds and others and suffix != other_suffix and {suffix, other_suffix} != _SECOND:
        return f"generations differ: {', '.join(sorted((suffix or 'not said', other_suffix or 'not said')))}"
    return None if sounds <= others or others <= sounds else against(read(one), read(other))


_SECOND = {"junior", "second"}


def against(a: Reading, b: Reading) -> str | None:
    """Return what speaks against two readings being one person's."""
    if a.loose or b.loose:
        return _loosely(a, b)
    found = _given(a, b) or (_surnames(a, b) if a.surname and b.surname else None)
    if found and _swapped(a, b):
        found = None
    return found or (_middles(a, b) if a.middle and b.middle else None)


def _differ(what: str, one: Words, other: Words) -> str:
    said = sorted(" ".join(x.spelled.title() for x in words) for words in (one, other))
    return f"{what} differ: {', '.join(said)}"


def _given(a: Reading, b: Reading) -> str | None:
    if not a.given or not b.given or same_given(a.given[0], b.given[0], a.names(), b.names()):
        return None
    return _differ("first names", a.given, b.given)


def _middles(a: Reading, b: Reading) -> str | None:
    """Compare patronymics with patronymics and second names with second names; initials with both."""
    pairs = [(x, y) for x in a.middle for y in b.middle if _comparable(x, y)]
    if not pairs or any(same_middle(x, y) for x, y in pairs) or _is_surname(a, b) or _is_surname(b, a):
        return None
    what = "patronymics" if any(x.father or y.father for x, y in pairs) else "second names"
    return _differ(what, a.middle, b.middle)


def _is_surname(a: Reading, b: Reading) -> bool:
    """Tell whether what looks like a patronymic is the surname: Роман Абрамович is Абрамович Роман Аркадьевич."""
    return not a.surname and any(same_surname(x, y) for x in a.middle for y in b.surname)


def _comparable(x: Word, y: Word) -> bool:
    return x.is_initial or y.is_initial or (x.father is None) == (y.father is None)


def _surnames(a: Reading, b: Reading) -> str | None:
    if not _any_surname(a.surname, b.surname):
        return None if _among_middles(a, b) or _may_have_married(a, b) else _differ("surnames", a.surname, b.surname)
    return _differ("surnames", a.surname, b.surname) if _other_gender(a, b) else None


def _any_surname(one: Words, other: Words) -> bool:
    if len(one) == len(other) == 1:
        return same_surname(one[0], other[0])
    return any(same_surname(x, y) for x in one for y in other)


def _among_middles(a: Reading, b: Reading) -> bool:
    """Tell whether a surname of one stands among the second names of the other, as maiden names and Spanish ones do."""
    pairs = [(x, y) for x in a.surname for y in b.middle] + [(x, y) for x in a.middle for y in b.surname]
    return any(same_surname(x, y) for x, y in pairs if not (x.father or y.father or x.is_initial or y.is_initial))


def _may_have_married(a: Reading, b: Reading) -> bool:
    """Tell whether two are women with the same given name and the same full patronymic."""
    if not (a.given and b.given and a.middle and b.middle) or any(x.is_initial for x in a.given + b.given):
        return False
    fathers = [(x, y) for x in a.middle for y in b.middle if x.father and y.father and x.gender == y.gender == "f"]
    return any(same_middle(x, y) for x, y in fathers)


def _other_gender(a: Reading, b: Reading) -> bool:
    """Tell Иванов from Иванова where no given name tells more; transliterations may lack the ending."""
    told = all(x.given and not x.given[0].is_initial for x in (a, b))
    return not told and any(_opposite(x, y) for x in a.surname for y in b.surname)


def _opposite(x: Word, y: Word) -> bool:
    return bool(x.gender and y.gender and x.gender != y.gender and x.is_cyrillic == y.is_cyrillic)


def _swapped(a: Reading, b: Reading) -> bool:
    """Tell whether given name and surname agree when those of one are swapped."""
    if not (a.given and a.surname and b.given and b.surname):
        return False
    one, other = _agreement(a.given, b.surname), _agreement(a.surname, b.given)
    return one + other > 2 and min(one, other) > 0


def _agreement(one: Words, other: Words) -> int:
    """Return 2 when words agree, 1 when only an initial does, 0 when none."""
    return max((1 if x.is_initial or y.is_initial else 2 for x in one for y in other if _same(x, y)), default=0)


def _same(x: Word, y: Word) -> bool:
    return same_surname(x, y) if not (x.classes and y.classes) else not x.classes.isdisjoint(y.classes)


def _loosely(a: Reading, b: Reading) -> str | None:
    """Compare where one of two names is a single word: it may be any part of the other."""
    if not a.loose:
        a, b = b, a
    if not a.loose:
        return None
    one = a.loose
    if b.loose:
        fits = _same(one, b.loose) or (bool(one.classes) != bool(b.loose.classes) and _looks_like_surname(one, b.loose))
        return _differ("names", (one,), (b.loose,)) if not fits or _opposite(one, b.loose) else None
    return _against_word(one, b)


def _looks_like_surname(x: Word, y: Word) -> bool:
    return bool((y if x.classes else x).gender)


def _against_word(one: Word, b: Reading) -> str | None:
    if one.father and b.middle and any(x.father and same_middle(one, x) for x in b.middle):
        return None
    if b.given and same_given(one, b.given[0], one.classes, b.names()):
        return None
    if any(same_surname(one, x) for x in b.surname):
        return _differ("surnames", (one,), b.surname) if any(_opposite(one, x) for x in b.surname) else None
    missing = not b.given if one.classes else not b.surname
    return None if missing else _differ("names", (one,), b.given + b.surname)
