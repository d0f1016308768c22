"""How one person comes to be written differently in different CRMs: spelling of names, formats of phones, slips of the finger.

What belongs here: one value made into a variant of it by a given `Random`. Who is entered where is told in `labelled.py`.
Short forms and transliterations are listed apart from the product's, so that its lists are measured and not repeated.
"""

from random import Random

_ALPHABET = "абвгдеёжзийклмнопрстуфхцчшщъыьэюя"
SYSTEMS = tuple(
    str.maketrans({a: b.strip("_") for a, b in zip(_ALPHABET, system.split(), strict=True)})
    for system in (
        "a b v g d e e zh z i y k l m n o p r s t u f kh ts ch sh shch _ y _ e yu ya",
        "a b v g d e e zh z i i k l m n o p r s t u f kh ts ch sh shch ie y _ e iu ia",
        "a b v g d e yo zh z i y k l m n o p r s t u f h ts ch sh sch _ y _ e yu ya",
        "a b v g d e e zh z i j k l m n o p r s t u f h c ch sh sch _ y _ e ju ja",
    )
)

_SHORT_FORMS = (
    "Александр:Саша,Саня,Шура|Александра:Саша,Шура|Алексей:Лёша,Алёша|Анастасия:Настя|Анатолий:Толя|Андрей:Андрюша|Анна:Аня,Нюта|"
    "Антон:Тоша|Артём:Тёма|Борис:Боря|Вадим:Вадик|Валентина:Валя|Валерия:Лера|Василий:Вася|Вера:Верочка|Виктор:Витя|"
    "Виктория:Вика|Владимир:Вова,Володя|Вячеслав:Слава|Галина:Галя|Геннадий:Гена|Георгий:Гоша,Жора|Григорий:Гриша|Даниил:Даня,Данил|"
    "Дарья:Даша|Дмитрий:Дима,Митя|Евгений:Женя|Евгения:Женя|Екатерина:Катя|Елена:Лена|Елизавета:Лиза|Иван:Ваня|Игорь:Игорёк|"
    "Илья:Илюша|Ирина:Ира|Константин:Костя|Ксения:Ксюша|Лариса:Лара|Леонид:Лёня|Любовь:Люба|Людмила:Люда|Максим:Макс|"
    "Маргарита:Рита|Марина:Мариша|Мария:Маша|Михаил:Миша|Надежда:Надя|Наталья:Наташа,Наталия|Николай:Коля|Оксана:Ксюша|Ольга:Оля|"
    "Павел:Паша|Пётр:Петя|Полина:Поля|Роман:Рома|Светлана:Света|Семён:Сёма|Сергей:Серёжа|София:Соня|Софья:Соня,София|"
    "Станислав:Стас|Степан:Стёпа|Тамара:Тома|Татьяна:Таня|Фёдор:Федя|Эдуард:Эдик|Юлия:Юля|Юрий:Юра|Яков:Яша|"
    "Robert:Bob,Rob|Elizabeth:Liz,Beth,Betty|William:Bill,Will|Margaret:Peggy,Maggie|James:Jim,Jimmy|Joseph:Joe|Daniel:Dan,Danny|"
    "Matthew:Matt|Anthony:Tony|Richard:Rick,Dick|Thomas:Tom|Charles:Chuck,Charlie|Christopher:Chris|Michael:Mike|Steven:Steve|"
    "Edward:Ed,Ted|Andrew:Andy,Drew|Kenneth:Ken|Ronald:Ron|Donald:Don|Timothy:Tim|Jeffrey:Jeff|Gregory:Greg|Stephen:Steve|"
    "Catherine:Cathy,Kate|Kathleen:Kathy|Deborah:Debbie|Jennifer:Jen,Jenny|Jessica:Jess|Patricia:Pat,Trish|Barbara:Barb|Susan:Sue|"
    "Rebecca:Becky|Dorothy:Dot,Dottie|Judith:Judy|Theresa:Terry|Virginia:Ginny|Cynthia:Cindy|Victoria:Vicky|Lawrence:Larry|"
    "Frances:Fran|Josephine:Jo,Josie|Natalie:Nat|Arthur:Art|Ernest:Ernie|Geoffrey:Geoff|Nickolas:Nick|Jacqueline:Jackie|"
    "Melissa:Missy|Stephanie:Steph|Cecilia:Celia|Beatriz:Bea|Howard:Howie|Leslie:Les|Harrison:Harry|Fletcher:Fletch"
)
SHORT_FORMS = {full: tuple(short.split(",")) for full, _, short in (one.partition(":") for one in _SHORT_FORMS.split("|"))}
_ENDINGS = [" (работа)", " 🙂", ", клиент", " WhatsApp"]
_LEGAL = ("ООО «{}»", "{}, ООО", 'ООО "{}"', "{}", "{} ООО")
_LEGAL_ENGLISH = ("{}", "{} Inc", "{}, LLC", "{} Ltd.")
_RUSSIAN_FORMATS = (
    "8 ({0}) {1}-{2}-{3}",
    "+7 {0} {1}-{2}-{3}",
    "+7{0}{1}{2}{3}",
    "7{0}{1}{2}{3}",
    "8{0}{1}{2}{3}",
    "+7 ({0}) {1} {2} {3}",
)
_AMERICAN_FORMATS = ("({0}) {1}-{2}{3}", "+1{0}{1}{2}{3}", "{0}.{1}.{2}{3}", "{0}-{1}-{2}{3}", "+1 {0} {1} {2}{3}")


def latin(text: str, system: dict[int, str]) -> str:
    """Write Russian text in Latin letters."""
    return text.lower().translate(system).title()


def short(first: str, chance: Random) -> str:
    """Write a given name's short form, when it has one."""
    return chance.choice(SHORT_FORMS[first]) if first in SHORT_FORMS else first


def mistyped(word: str, chance: Random) -> str:
    """Slip once: lose, double, swap or mistake a letter behind the first."""
    if len(word) < 5:
        return word
    at = chance.randrange(1, len(word) - 1)
    kinds = (
        word[:at] + word[at + 1 :],
        word[:at] + word[at] + word[at:],
        word[:at] + word[at + 1] + word[at] + word[at + 2 :],
        word[:at] + chance.choice("аоеинт" if word[0] > "z" else "aoeint") + word[at + 1 :],
    )
    return chance.choice(kinds)


def names(first: str, middle: str | None, last: str, chance: Random) -> dict[str, str | None]:
    """Write a person's name as some agent entered it: whole or in fields, in any order, short, Latin, mistyped."""
    initial = first
    if chance.random() < 0.12:
        first = short(first, chance)
    if chance.random() < 0.03:
        first, last = (mistyped(first, chance), last) if chance.random() < 0.4 else (first, mistyped(last, chance))
    middle = middle if middle and chance.random() < 0.4 else None
    if first[0] > "z" and chance.random() < 0.15:
        system = chance.choice(SYSTEMS)
        initial, first, last, middle = (latin(word, system) if word else None for word in (initial, first, last, middle))
    elif chance.random() < 0.2:
        first, last = first.replace("ё", "е"), last.replace("ё", "е")
    way = chance.random()
    if way < 0.55:
        return _fields(" ".join(filter(None, (first, middle, last))), first, last, middle)
    if way < 0.57:
        return _fields(f"{last} {initial[0]}." + (f"{middle[0]}." if middle else ""))
    if way < 0.60:
        return _fields(first, first)
    whole = " ".join(filter(None, (last, first, middle) if way < 0.85 else (first, middle, last)))
    if way > 0.97:
        whole += chance.choice(_ENDINGS)
    return _fields(whole.upper() if 0.95 < way < 0.97 else whole)


def _fields(name: str, first: str | None = None, last: str | None = None, middle: str | None = None) -> dict[str, str | None]:
    return {"name": name, "first_name": first, "last_name": last, "middle_name": middle}


def phone(digits: str, chance: Random, *, russian: bool) -> str:
    """Write ten digits in a usual format."""
    formats = _RUSSIAN_FORMATS if russian else _AMERICAN_FORMATS
    return chance.choice(formats).format(digits[:3], digits[3:6], digits[6:8], digits[8:])


def company(name: str, chance: Random, *, russian: bool) -> str:
    """Write a company's bare name with or without its legal form."""
    return chance.choice(_LEGAL if russian else _LEGAL_ENGLISH).format(name)


def email(address: str, chance: Random) -> str:
    """Write an address, sometimes in capitals."""
    return address.title() if chance.random() < 0.05 else address
