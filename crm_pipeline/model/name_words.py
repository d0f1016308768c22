"""One word of a person's name: what it can be, and whether two words may be the same one written differently.

What belongs here: single words. How words make a name, and when names contradict each other, belongs to `names.py`; letters
belong to `transliteration.py`, what is known of given names to `given_name_index.py`, words of no name to `name_noise.py`.
"""

from functools import lru_cache

from crm_pipeline.model.given_name_index import NOBODY, Classes, father_of, forms_of, initials_of, names_of
from crm_pipeline.model.transliteration import edits, first_letters, is_cyrillic, latin, skeleton


class Word:
    """One word of a name, read once."""

    __slots__ = (
        "classes", "father", "gender", "is_cyrillic", "is_initial", "is_of_both", "parts", "skeleton", "sound",
        "spelled", "surname",
    )  # fmt: skip
    spelled: str
    """Lower case, ё as е."""
    sound: str
    """Equal only in words that are one word in different spellings."""
    classes: Classes
    """The given names it may stand for, none when it is no known one."""
    is_of_both: bool
    """Whether these are men's and women's names."""
    father: tuple[str, Classes] | None
    """Of a patronymic: its stem, and the names the father may have."""
    surname: str
    """Its skeleton without a gendered ending."""
    gender: str
    """`m` or `f` when the ending of a patronymic or a surname says so."""

    def __init__(self, spelled: str) -> None:
        self.spelled = spelled
        self.skeleton = skeleton(spelled)
        self.is_cyrillic = is_cyrillic(spelled)
        self.is_initial = len(spelled) == 1 or spelled in _WRITTEN_INITIALS
        self.parts = tuple(word(part) for part in spelled.split("-") if part) if "-" in spelled else ()
        self.classes = NOBODY if self.is_initial else names_of(spelled) or _of_parts(self.parts)
        self.sound = f"{self.skeleton}|{min(self.classes)}" if self.classes else self.skeleton
        self.is_of_both = len({one[0] for one in self.classes} - {":"}) > 1
        self.father, gender = father_of(self.skeleton)
        self.surname, ending = _surname(spelled, self.skeleton, self.is_cyrillic)
        self.gender = gender or ending

    @property
    def letters(self) -> frozenset[str]:
        """Return the Latin letters the word may begin with."""
        return first_letters(self.spelled)

    def __repr__(self) -> str:
        return f"Word({self.spelled!r})"


_WRITTEN_INITIALS = frozenset(("yu", "zh", "ch", "sh", "kh", "ts"))


def _of_parts(parts: tuple[Word, ...]) -> Classes:
    return NOBODY.union(*(part.classes for part in parts))


@lru_cache(maxsize=400_000)
def word(spelled: str) -> Word:
    """Read a word in lower case with ё as е."""
    return Word(spelled)


# Surnames: ending of the skeleton → how many letters to cut, what to put there, whose ending it is. `sure` where the ending
# says a gender also in Latin letters; Martin and Medina are no Russian surnames.
_ENDINGS = {
    "ova": (1, "", "f", True),
    "eva": (1, "", "f", True),
    "ska": (1, "i", "f", True),
    "cka": (1, "i", "f", True),
    "ina": (1, "", "f", False),
    "ski": (0, "", "m", True),
    "cki": (0, "", "m", True),
    "ov": (0, "", "m", True),
    "ev": (0, "", "m", True),
    "in": (0, "", "m", False),
}
_ADJECTIVES = {"ая": (1, "f"), "ый": (1, "m"), "ой": (2, "m")}


def _surname(spelled: str, bones: str, cyrillic: bool) -> tuple[str, str]:
    """Return a surname's skeleton without its gendered ending, and the gender."""
    if len(bones) < 5:
        return bones, ""
    found = _ENDINGS.get(bones[-3:]) or _ENDINGS.get(bones[-2:])
    if found:
        cut, put, gender, sure = found
        return bones[: len(bones) - cut] + put, gender if sure or cyrillic else ""
    adjective = _ADJECTIVES.get(spelled[-2:])
    return (bones[: -adjective[0]], adjective[1]) if adjective else (bones, "")


# Comparing ------------------------------------------------------------------------------------------------------------


def allowed_edits(a: Word, b: Word) -> int:
    """Return how many letters may be mistyped: none in words under 4 letters, two in words of 8 and more."""
    longer = max(len(a.spelled), len(b.spelled))
    return 2 if longer >= 8 else 1 if longer >= 4 else 0


def _close(a: str, b: str, most: int) -> bool:
    return a == b or (most > 0 and edits(a, b, most) <= most)


def _mistyped(a: Word, b: Word) -> bool:
    """Tell whether few letters differ, as they sound or as written: a lost letter may change what its neighbours stand for."""
    most = allowed_edits(a, b)
    if not most:
        return False
    if a.is_cyrillic == b.is_cyrillic:
        return _close(a.spelled, b.spelled, most) or _close(a.skeleton, b.skeleton, most)
    return _close(a.skeleton, b.skeleton, most) or _close(latin(a.spelled), latin(b.spelled), most)


def same_given(a: Word, b: Word, of_a: Classes, of_b: Classes) -> bool:
    """Tell whether two given names may be one; `of_a`, `of_b` are the names they may stand for, as far as gender leaves any.

    Two known names are the same or not; a mistyped letter is forgiven only where one of them is no known name.
    """
    if of_a and of_b:
        return not of_a.isdisjoint(of_b)
    if a.spelled == b.spelled or a.skeleton == b.skeleton:
        return True
    if a.is_initial or b.is_initial:
        return not _letters(a, of_a).isdisjoint(_letters(b, of_b))
    if a.parts or b.parts:
        return any(same_given(x, y, x.classes, y.classes) for x in a.parts or (a,) for y in b.parts or (b,))
    if _mistyped(a, b):
        return True
    return _mistyped_form(a, of_b) if of_b else _mistyped_form(b, of_a)


def _mistyped_form(a: Word, names: Classes) -> bool:
    """Tell whether a word that is no known name is a mistyped short form or other spelling of some."""
    most = 1 if len(a.spelled) >= 4 else 0
    return any(_close(a.skeleton, form, most) for name in names for form in forms_of(name) if len(form) >= 4)


def _letters(a: Word, names: Classes) -> frozenset[str]:
    return a.letters | initials_of(names) if names else a.letters


def same_surname(a: Word, b: Word) -> bool:
    """Tell whether two surnames may be one: part of a double one, a woman's and a man's, an initial, mistyped letters."""
    if a.surname == b.surname or a.skeleton == b.skeleton:
        return True
    if a.is_initial or b.is_initial:
        return not a.letters.isdisjoint(b.letters)
    if a.parts or b.parts:
        return any(same_surname(x, y) for x in a.parts or (a,) for y in b.parts or (b,))
    return _close(a.surname, b.surname, allowed_edits(a, b)) or _mistyped(a, b)


def same_middle(a: Word, b: Word) -> bool:
    """Tell whether two patronymics, or two second names, may be one."""
    if a.is_initial or b.is_initial:
        return not a.letters.isdisjoint(b.letters)
    if a.father is None or b.father is None:
        return same_given(a, b, a.classes, b.classes)
    (stem, names), (other_stem, other_names) = a.father, b.father
    if names and other_names:
        return not names.isdisjoint(other_names)
    return _close(stem, other_stem, 1 if max(len(stem), len(other_stem)) >= 4 else 0)
