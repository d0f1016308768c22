"""One spelling for a word written in Cyrillic or in any usual Latin transliteration of it.

What belongs here: letters. Which words are names, nicknames or surnames belongs to `name_words.py`.
"""

import re
from functools import lru_cache

_LETTERS = (
    "а=a б=b в=v г=g д=d е=e ё=e ж=zh з=z и=i й=y к=k л=l м=m н=n о=o п=p р=r с=s т=t у=u ф=f х=kh ц=ts ч=ch ш=sh щ=shch "
    "ъ= ы=y ь= э=e ю=yu я=ya і=i ї=yi є=ye ґ=g ў=u ә=a ғ=g қ=k ң=n ө=o ұ=u ү=u һ=h "
    "š=sh č=ch ž=zh ŝ=shch ß=ss æ=ae ø=o å=a ä=a ö=o ü=u á=a à=a â=a ã=a é=e è=e ê=e ë=e ě=e í=i ì=i î=i ï=i ı=i ó=o ò=o ô=o "
    "õ=o ő=o ú=u ù=u û=u ű=u ů=u ý=y ñ=n ń=n ň=n ç=c ć=c ł=l ś=s ş=sh ź=z ż=zh ř=r ť=t ď=d đ=d ğ=g ț=t ţ=t ș=s ă=a ą=a ę=e ʹ= ʺ= "
    "'= ’= `= ʼ= ´="
)
_PAIRS = dict(pair.split("=") for pair in _LETTERS.split())
_LATIN = str.maketrans(_PAIRS)
# The same Cyrillic letter in the other usual systems: ICAO passports, scientific (ISO 9 without its marks), everyday.
_SYSTEMS = tuple(
    str.maketrans(_PAIRS | dict(pair.split("=") for pair in system.split()))
    for system in (
        "й=i ц=ts ъ=ie ы=y ю=iu я=ia",
        "й=j х=h ц=c щ=sch ю=ju я=ja",
        "й=i х=h щ=sch ы=i",
        "ё=yo й=y е=e щ=sch",
        "е=ye ё=yo й=y",
        "ё=io й=i ь=i",
        "ь=' й=y",
    )
)

_SOUNDS = (
    (re.compile(r"shch|szcz|shh|sch"), "sh"),
    (re.compile(r"kh"), "h"),
    (re.compile(r"t[sz]|cz|tc"), "c"),
    (re.compile(r"ph"), "f"),
    (re.compile(r"ck|q"), "k"),
    (re.compile(r"w"), "v"),
    (re.compile(r"x"), "ks"),
    (re.compile(r"(?<=[aeiouy])[yij](?=[aeou])"), ""),
    (re.compile(r"(?<=[bcdfghklmnprstvz])[yij]+o|^[yi]o"), "e"),
    (re.compile(r"(?<=[bcdfghklmnprstvz])[yij]+(?=[aeu])|^[yij](?=[aeu])"), ""),
    (re.compile(r"[yj]"), "i"),
    (re.compile(r"sh"), "š"),  # one sound is one letter, so that losing it is one slip
    (re.compile(r"ch"), "č"),
    (re.compile(r"zh"), "ž"),
    (re.compile(r"(.)\1+"), r"\1"),
    (re.compile(r"(?<=[oe])f$"), "v"),
)
# A word with none of these letters needs no pattern but the last two.
_PLAIN = re.compile(r"(?:[abdeglmnoprsuvz](?!h)|[kf])*", re.ASCII)


@lru_cache(maxsize=200_000)
def skeleton(word: str) -> str:
    """Return how a lower-case word sounds, in one spelling whatever transliteration it went through.

    >>> skeleton("щербаков"), skeleton("shcherbakov"), skeleton("scherbakoff")
    ('šerbakov', 'šerbakov', 'šerbakov')
    """
    spelled = word if word.isascii() else word.translate(_LATIN)
    for pattern, sound in _SOUNDS if not _PLAIN.fullmatch(spelled) else _SOUNDS[-2:]:
        spelled = pattern.sub(sound, spelled)
    return spelled


def latin(word: str) -> str:
    """Return a lower-case word in Latin letters, letter by letter."""
    return word if word.isascii() else word.translate(_LATIN)


def transliterations(word: str) -> set[str]:
    """Return the Latin spellings of a lower-case Cyrillic word in the usual systems."""
    ks = word.replace("кс", "x")
    return {word.translate(_LATIN), ks.translate(_LATIN)} | {word.translate(system) for system in _SYSTEMS}


def is_cyrillic(word: str) -> bool:
    """Tell whether a word holds Cyrillic letters."""
    return not word.isascii() and any("\u0400" <= letter <= "\u04ff" for letter in word)


_INITIALS = {
    "ю": "uyij", "я": "ayij", "е": "eyij", "ё": "eyijo", "ж": "zjg", "х": "hkx", "ц": "ct", "ч": "ct", "ш": "s", "щ": "s",
    "й": "yij", "и": "iy", "к": "kcq", "в": "vw", "ф": "fp", "э": "e", "г": "gh", "д": "dj", "кс": "xk", "і": "iy", "с": "sc",
}  # fmt: skip


@lru_cache(maxsize=20_000)
def first_letters(word: str) -> frozenset[str]:
    """Return the Latin letters a word may begin with: it itself, or what its first Cyrillic letter is written as."""
    first = word[:1]
    found = set(_INITIALS.get(first) or skeleton(first) or first)
    return frozenset(found | ({"x"} if word.startswith("кс") else set()))


def edits(a: str, b: str, most: int) -> int:
    """Count single-letter edits and swaps of neighbours between two words; gives up at `most` + 1."""
    if abs(len(a) - len(b)) > most:
        return most + 1
    a, b = _where_they_differ(a, b)
    if len(a) <= 1 and len(b) <= 1:
        return max(len(a), len(b))
    if most == 1:
        return 1 if len(a) == 2 and a == b[::-1] else 2
    if len({*a} ^ {*b}) > 2 * most:  # each edit takes one letter away and brings another
        return most + 1
    return min(_edits(a, b), most + 1)


def _where_they_differ(a: str, b: str) -> tuple[str, str]:
    start, shorter = 0, min(len(a), len(b))
    while start < shorter and a[start] == b[start]:
        start += 1
    end = 0
    while end < shorter - start and a[-1 - end] == b[-1 - end]:
        end += 1
    return a[start : len(a) - end], b[start : len(b) - end]


def _edits(a: str, b: str) -> int:
    before, above = [0] * (len(b) + 1), list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        row = [i]
        for j, y in enumerate(b, 1):
            cost = min(above[j] + 1, row[j - 1] + 1, above[j - 1] + (x != y))
            if i > 1 and j > 1 and x == b[j - 2] and a[i - 2] == y:
                cost = min(cost, before[j - 2] + 1)
            row.append(cost)
        before, above = above, row
    return above[-1]
