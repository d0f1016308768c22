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
John Smith Jr. | John Smith
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
