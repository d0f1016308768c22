"""Names: what is another spelling of one person, and what is another person."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_pipeline.model.names import PersonName, contradiction

SAME = """
Иван Иванов | Ivan Ivanov
Иванов Иван | Иван Иванов
ИВАНОВ ИВАН | иван иванов
Юлия Королёва | Yulia Koroleva
Юлия Королёва | Julia Koroleva
Юлия Королёва | Iuliia Koroleva
Юлия Королёва | Yuliya Korolyova
Сергей Щербаков | Sergey Shcherbakov
Сергей Щербаков | Sergei Scherbakov
Сергей Щербаков | Sergej Ščerbakov
Александр Юрьев | Alexander Yuryev
Александр Юрьев | Aleksandr Iurev
Дмитрий Соловьёв | Dmitriy Solovyov
Дмитрий Соловьёв | Dmitry Soloviev
Евгений Жуков | Evgenii Zhukov
Михаил Хрущёв | Mikhail Khrushchev
Наталья Цветкова | Natalia Tsvetkova
Алексей Чайковский | Alexey Tchaikovsky
Пётр Ильин | Petr Ilyin
Ксения Якушева | Xenia Yakusheva
Кузнецов Фёдор | Fedor Kuznecov
Иван Иванов | Иванов Иван Петрович
Иван Петрович | Иванов Иван Петрович
Иванов И.П. | Иванов Иван Петрович
И. Иванов | Иван Иванов
И.П. Иванов | Иванов Иван
Ю. Белова | Yulia Belova
Саша Иванов | Александр Иванов
Саша Иванова | Александра Иванова
Шура Петренко | Александр Петренко
Иванов Дима | Дмитрий Иванов
Катя Смирнова | Екатерина Смирнова
Настя Орлова | Anastasia Orlova
Володя Орлов | Vladimir Orlov
Женя Ким | Евгения Ким
Маша Белова | Мария Белова
Лёша Белов | Алексей Белов
Наташа Белова | Наталия Белова
С. Иванов | Саша Иванов
А. Иванов | Саша Иванов
Bob Smith | Robert Smith
Liz Taylor | Elizabeth Taylor
Bill Gates | William Gates
Peggy Sue | Margaret Sue
Chuck Norris | Charles Norris
Jim Halpert | James Halpert
Kathy Bates | Catherine Bates
Jon Snow | Jonathan Snow
Dick Smith | Richard Smith
Teri Hatcher | Terri Hatcher
John Smith | John R. Smith
John R. Smith | John Robert Smith
Smith, John | John Smith
Mr. John Smith | John Smith
John Smith Jr. | Smith John Jr
Иванов Иван, ст. менеджер | Иван Иванов
John Smith Jr | Smith John II
г-н Иванов | Иванов Иван
Dr. Anna Weber, PhD | Anna Weber
Иван (работа) | Иван Иванов
Иван Иванов 🚀 | Иванов Иван
Иван Иванов +7 900 111-22-33 | Иван Иванов
+79001112233 | Иван Иванов
ivan@mail.ru | Иван Иванов
Иван, ООО «Ромашка» | Иван Иванов
ООО Ромашка Иван Иванов | Иван Иванов
ИП Иванов Иван | Иван Иванов
Иван Авито | Иван Иванов
Иванов | Иванов Иван
Иван | Иванов Иван
Петрович | Иванов Иван Петрович
Иванов | Иван
Анна Петрова-Водкина | Анна Водкина
Анна Петрова-Водкина | Анна Петрова
Мария-Луиза Шмидт | Мария Шмидт
Мрия Белова | Мария Белова
Ивна Иванов | Иван Иванов
Иван Ивнаов | Иван Иванов
Александр Константинопольский | Александр Констонтинополский
Анна Сергеевна Иванова | Анна Сергеевна Петрова
Maria Ivanov | Мария Иванова
Мария Иванов | Мария Иванова
Maria del Carmen Garcia | Maria Garcia
Anna Jones Smith | Anna Jones
Ахмедов Тимур Рустам оглы | Тимур Ахмедов
Роман Абрамович | Абрамович Роман Аркадьевич
Данил Седов | Даниил Седов
Наталия Ким | Наталья Ким
Иванова Алёна | Елена Иванова
Steve Jobs | Steven Jobs
Peter Müller | Peter Mueller
Jose Álvarez | José Alvarez
""".strip().splitlines()

OTHER = """
Иван Иванов | Игорь Иванов | first names differ: Иван, Игорь
Ivan Smith | Evan Smith | first names
Марина Белова | Карина Белова | first names
Дарья Белова | Мария Белова | first names
Daniel Craig | Danielle Craig | first names
Диана Ким | Дана Ким | first names
Александр Белов | Алексей Белов | first names
Анна Белова | Инна Белова | first names
Иванов Иван | Иванова Мария | first names
Саша Иванов | Саша Иванова | first names
Саша Иванов | Александра Иванова | first names
Sasha Ivanov | Sasha Ivanova | first names
Женя Петров | Евгения Петрова | first names
Иван Петрович Иванов | Иван Сергеевич Иванов | patronymics differ: Петрович, Сергеевич
Иван Егорович Попов | Иван Игоревич Попов | patronymics
Иван Петрович | Иван Сергеевич | patronymics
Иванов И.П. | Иванов И.С. | differ
Иванов И.П. | Иванов Иван Сергеевич | patronymics
Иванов А. | Иванов Иван | first names
Ivan Petrovich Ivanov | Иванов Иван Сергеевич | patronymics
John Smith Jr | John Smith Sr | generations
John Smith Jr. | John Smith | generations differ: junior, not said
Джон Смит мл. | Джон Смит ст. | generations
John Robert Smith | John William Smith | second names
Анна Иванова | Анна Смирнова | surnames differ: Иванова, Смирнова
Иван Петрович Белов | Иван Петрович Орлов | surnames
Иванов | Петров | names differ
Иванов | Петров Иван | differ
Иван | Иванов Пётр | differ
Игорь | Иван | differ
Иванов | Иванова | differ
Иванов | Иванова Мария | surnames
Иванов И.И. | Иванова И.И. | surnames
Bob Smith | Bill Smith | first names
Mary Major | Linda Major | first names
James Butt | Josephine Butt | first names
Ким Анна | Цой Анна | differ
Иванов Пётр (сын) | Иванов Иван | first names
""".strip().splitlines()


def _names(line: str) -> tuple[PersonName, PersonName]:
    one, other = line.split(" | ")[:2]
    return PersonName(one), PersonName(other)


@pytest.mark.parametrize("line", SAME)
def test_another_spelling_is_no_contradiction(line: str) -> None:
    one, other = _names(line)
    assert contradiction(one, other) is None
    assert contradiction(other, one) is None


@pytest.mark.parametrize("line", OTHER)
def test_another_person_is_a_contradiction(line: str) -> None:
    one, other = _names(line)
    reason = contradiction(one, other)
    assert reason is not None and line.split(" | ")[2] in reason
    assert contradiction(other, one) == reason


FIELDS = [
    (PersonName(None, "Иван", "Иванов"), PersonName(None, "Иванов", "Иван"), None),
    (PersonName("Иван Иванов", "Иван", "Иванов", "Петрович"), PersonName("Иванов Иван"), None),
    (PersonName("Иванов Иван Петрович", "Иванов Иван Петрович"), PersonName(None, "Ivan", "Ivanov"), None),
    (PersonName("Иван", "Иван"), PersonName("Иванов", None, "Иванов"), None),
    (PersonName(None, "Мария Анна", "Шмидт"), PersonName(None, "Мария", "Шмидт"), None),
    (PersonName(None, "Иван Петрович", "Иванов"), PersonName(None, "Иван", "Иванов", "Петрович"), None),
    (PersonName(None, "Иван", "Иванов", "П."), PersonName(None, "Иван", "Иванов", "Петрович"), None),
    (PersonName(None, "Иван", "Иванов", "Петрович"), PersonName(None, "Иван", "Иванов", "Сергеевич"), "patronymics"),
    (PersonName(None, "Иван", "Иванов"), PersonName(None, "Пётр", "Иванов"), "first names"),
    (PersonName(None, "Пётр"), PersonName("Иванов Иван"), "first names"),
    (PersonName(None, None, "Петров"), PersonName("Иванов Иван"), "surnames"),
    (PersonName(), PersonName("Иванов Иван"), None),
]


@pytest.mark.parametrize(("one", "other", "reason"), FIELDS)
def test_fields_hold_names_in_any_way(one: PersonName, other: PersonName, reason: str | None) -> None:
    found = contradiction(one, other)
    assert found == contradiction(other, one)
    assert found is None if reason is None else found is not None and reason in found


ODD = ["Иван", "Саша", "Иванов", "Ivanov", "Петрович", "И.", "Мария-Луиза", "(работа)", "ООО", "Jr"]
PARTS = st.none() | st.text(max_size=20) | st.sampled_from(ODD)
NAMES = st.builds(PersonName, PARTS | st.tuples(PARTS, PARTS).map(lambda two: f"{two[0]} {two[1]}"), PARTS, PARTS, PARTS)


@given(NAMES, NAMES)
def test_any_name_is_read_and_order_does_not_matter(one: PersonName, other: PersonName) -> None:
    assert contradiction(one, other) == contradiction(other, one)
    assert contradiction(one, one) is None
    assert contradiction(one, PersonName()) is None


WOMEN = st.sampled_from(["Мария", "Юлия", "Екатерина", "Наталья", "Елена", "Ксения", "Дарья", "Светлана"])
FATHERS = st.sampled_from(["Сергеевна", "Юрьевна", "Львовна", "Ильинична", "Петровна", "Геннадьевна", "Яковлевна"])
SURNAMES = st.sampled_from(
    ["Щербакова", "Якушева", "Королёва", "Жукова", "Цветкова", "Хрущёва", "Соловьёва", "Юрьева", "Чайковская", "Ильина", "Ким"]
)
ALPHABET = "абвгдеёжзийклмнопрстуфхцчшщъыьэюя"
SYSTEMS = [
    dict(zip(ALPHABET, system.split(), strict=True))
    for system in (
        "a b v g d e e zh z i y k l m n o p r s t u f kh ts ch sh shch _ y _ e yu ya",
        "a b v g d e e zh z i i k l m n o p r s t u f kh ts ch sh shch ie y _ e iu ia",
        "a b v g d e yo zh z i j k l m n o p r s t u f h c ch sh sch _ y _ e yu ya",
        "a b v g d e io zh z i y k l m n o p r s t u f h ts ch sh sch _ i i e ju ja",
    )
]


def _latin(word: str, system: dict[str, str]) -> str:
    return "".join(system[letter] for letter in word.lower()).replace("_", "").title()


@given(WOMEN, FATHERS, SURNAMES, st.sampled_from(SYSTEMS), st.booleans())
def test_transliteration_and_order_are_no_contradiction(
    first: str, middle: str, last: str, system: dict[str, str], first_comes_first: bool
) -> None:
    latin_first, latin_middle, latin_last = (_latin(word, system) for word in (first, middle, last))
    written = PersonName(f"{latin_first} {latin_last}" if first_comes_first else f"{latin_last} {latin_first}")
    in_fields = PersonName(None, latin_first, latin_last, latin_middle)
    assert contradiction(written, PersonName(None, first, last, middle)) is None
    assert contradiction(in_fields, PersonName(f"{last} {first} {middle}")) is None
    assert contradiction(written, PersonName(f"Алевтина {last}")) is not None
