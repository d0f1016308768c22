"""Whether two companies' names contradict each other, so that their records are not held for one company's.

What belongs here: comparing two names of companies. Letters belong to `transliteration.py`, legal forms to `name_noise.py`.

Legal forms, quotes, case, ё, transliteration, order, words left out, initials and mistyped letters are no contradiction.
"""

import re
from functools import lru_cache

from crm_pipeline.model.name_noise import LEGAL_FORMS
from crm_pipeline.model.transliteration import edits, skeleton

_SPELLED_OUT = re.compile(
    r"общество с ограниченной ответственностью|(?:публичное |открытое |закрытое |непубличное )?акционерное общество|"
    r"индивидуальный предприниматель|товарищество с ограниченной ответственностью|автономная некоммерческая организация|"
    r"(?:федеральное |государственное |муниципальное |бюджетное |унитарное |автономное |казенное )+(?:учреждение|предприятие)|"
    r"limited liability company|joint stock company|limited partnership|s\.?\s?a\.?\s?r\.?\s?l\b|s\.p\.a\b|l\.l\.c\b|b\.v\b"
)
_ADDRESS = re.compile(r"\(.*?\)|https?://|\bwww\.|\.(?:ru|com|рф|net|org|su|io|de|ua|kz|by)\b")
_APOSTROPHES = re.compile(r"['’ʼ`]")
_WORDS = re.compile(r"[^\W_]+")
# Words many names have, which tell no two companies apart when the rest agrees.
_WEAK_WORDS = (
    "группа компаний гк групп group holding холдинг компания фирма торговый дом тд магазин салон студия сеть филиал the and и "
    "of for de предприятие организация завод центр интернет"
)
_WEAK = frozenset(map(skeleton, _WEAK_WORDS.split()))
_FORMS = LEGAL_FORMS | {"филиал", "обособленное", "подразделение"}


@lru_cache(maxsize=100_000)
def words(name: str | None) -> frozenset[str]:
    """Return the telling words of a company's name as skeletons; the weak ones when there are no others."""
    text = _APOSTROPHES.sub("", (name or "").lower().replace("ё", "е"))
    spelled = _WORDS.findall(_ADDRESS.sub(" ", _SPELLED_OUT.sub(" ", text)))
    found = frozenset(skeleton(one) for one in spelled if one not in _FORMS)
    return found - _WEAK or found


def contradiction(a: str | None, b: str | None) -> str | None:
    """Return what speaks against two names being one company's ("names differ: Альфа, Ромашка"), None when nothing does."""
    if a == b:
        return None
    one, other = words(a), words(b)
    if one <= other or other <= one or _contained(one, other):
        return None
    return f"names differ: {', '.join(sorted((str(a).strip(), str(b).strip())))}"


def _contained(one: frozenset[str], other: frozenset[str]) -> bool:
    """Tell whether each word of the shorter name stands in the longer one, mistyped, abbreviated or run together."""
    few, many = sorted((one - other, other - one), key=len)
    return (
        all(any(_may_be(x, y) for y in many) for x in few) or "".join(sorted(one)) == "".join(sorted(other)) or _glued(one, other)
    )


def _may_be(x: str, y: str) -> bool:
    longer, shorter = max(len(x), len(y)), min(len(x), len(y))
    most = 2 if longer >= 8 else 1 if longer >= 5 else 0
    return x == y or (shorter >= 3 and (x.startswith(y) or y.startswith(x))) or bool(most and edits(x, y, most) <= most)


def _glued(one: frozenset[str], other: frozenset[str]) -> bool:
    """Tell whether one name is the words of the other written as one word, or their first letters."""
    few, many = sorted((one, other), key=len)
    if len(few) != 1:
        return False
    (only,) = few
    return sorted(only) == sorted("".join(many)) or (len(only) > 1 and sorted(only) == sorted(word[0] for word in many))
