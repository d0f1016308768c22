"""Suggestions: people who share no key but may be one are shown, relatives and strangers are not."""

from itertools import islice
from random import Random

import pytest

from crm_pipeline.model.names import PersonName
from crm_pipeline.model.resemblance import THRESHOLD, Person, blocks
from crm_pipeline.stages.resemble import score, suggest
from crm_pipeline_tests.bench import linking
from crm_pipeline_tests.bench.labelled import ROOM, Row, russian, spread

FIRM = "ООО «Ромашка»"


def _person(number: int, name: str, company: str | None = FIRM, **more: object) -> Person:
    return Person(number, PersonName(name), company, **more)  # type: ignore[arg-type]


SAME = [
    ("Иванов Пётр", "Пётр Иванов"),
    ("Щербакова Юлия", "Yulia Shcherbakova"),
    ("Иванов Александр", "Саша Иванов"),
    ("Иванов Пётр", "Ивнаов Пётр"),
    ("Серебрякова Дарья", "Дарь Серебрякова"),
    ("Robert Smith", "Smith Bob"),
]


@pytest.mark.parametrize(("name", "other"), SAME)
def test_names_and_company_close_are_suggested(name: str, other: str) -> None:
    one, two = _person(1, name), _person(2, other, "Ромашка")
    assert set(blocks(one)) & set(blocks(two))
    [(a, b, found)] = suggest([two, one])
    assert (a.number, b.number) == (1, 2)
    assert found.total >= THRESHOLD and found.features["company"] == 1


REACHED = [
    ({"emails": ("polina.andronova@firma.ru",)}, {"emails": ("polina.andronova@mail.ru",)}),
    ({"phones": ("+74957412233",)}, {"phones": ("+74997412233",)}),
    ({"phones": ("+79161112233",)}, {"phones": ("+79161111233",)}),
    ({"birthday": "1980-01-02"}, {"birthday": "1980-01-02"}),
]


@pytest.mark.parametrize(("one", "other"), REACHED)
def test_half_an_address_or_a_number_makes_a_pair_worth_comparing(one: dict[str, object], other: dict[str, object]) -> None:
    a, b = _person(1, "Полина", None, **one), _person(2, "Полина Андронова", None, **other)
    assert set(blocks(a)) & set(blocks(b))


def test_a_score_is_broken_down_by_feature() -> None:
    one = _person(1, "Иванов Пётр", phones=("+79001112233",), emails=("petr@a.ru",), position="Директор", birthday="1980-01-02")
    two = _person(2, "Пётр Иванов", phones=("+79001112234",), emails=("petr@b.ru",), position="директор", birthday="1980-01-02")
    found = score(one, two)
    assert found.features == {
        "name": 0.95, "namesakes": 1, "company": 1, "email": 1, "phone": 0.9, "position": 1, "birthday": 1,
    }  # fmt: skip
    assert score(two, one) == found


@pytest.mark.parametrize("other", ["Иванов Павел", "Иванова Мария", "Иванов Пётр Сергеевич"])
def test_relatives_are_never_suggested(other: str) -> None:
    one, two = (_person(at, name, phones=("+79001112233",)) for at, name in enumerate(("Иванов Пётр Ильич", other)))
    assert score(one, two).total == 0
    assert not list(suggest([one, two]))


def test_birthdays_that_differ_speak_against_it() -> None:
    one, two = _person(1, "Иванов Пётр", birthday="1980-01-02"), _person(2, "Иванов Пётр", birthday="1981-01-02")
    assert score(one, two).total == 0


def test_common_names_alone_are_not_suggested_rare_ones_are() -> None:
    firms = "Ромашка Вектор Альфа Горизонт Меридиан Орион Сириус Эталон Гермес Прометей"
    common = [_person(number, "Иванов Иван", firm) for number, firm in enumerate(firms.split())]
    assert not list(suggest(common))
    rare = [_person(number, "Добродомов Евлампий", None) for number in range(2)]
    assert len(list(suggest(rare))) == 1


def test_the_order_of_people_does_not_matter() -> None:
    rows = list(islice(spread(russian(200)), 400))
    people = [linking.person(number, row, "RU") for number, row in enumerate(rows)]
    found = {(a.number, b.number): found for a, b, found in suggest(people)}
    Random(1).shuffle(people)
    assert {(a.number, b.number): again for a, b, again in suggest(people)} == found


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    return list(spread(russian(1_500, seed=7), seed=7))


@pytest.fixture(scope="module")
def quality(rows: list[Row]) -> linking.Quality:
    return linking.link(rows, "RU")


def test_links_of_labelled_people_are_right(rows: list[Row], quality: linking.Quality) -> None:
    assert sum(row.twin_of is not None for row in rows) > 100
    assert quality.precision >= 0.999
    assert quality.recall >= 0.99
    assert quality.twins_merged == 0


def test_labelled_people_who_share_no_key_are_suggested(rows: list[Row], quality: linking.Quality) -> None:
    people = [linking.person(number, row, "RU") for number, row in enumerate(rows)]
    suggested = {(a.number, b.number) for a, b, _ in suggest(people)} - quality.sharing
    without = quality.true - quality.sharing
    assert len(suggested & without) >= 0.9 * len(without)
    assert len(suggested & without) >= 0.75 * len(suggested)
    relatives = [
        (a, b) for a, b in suggested - quality.true
        if rows[a].truth // ROOM == rows[b].truth // ROOM and {rows[a].truth % ROOM, rows[b].truth % ROOM} == {0, 1}
    ]  # fmt: skip
    assert len(relatives) <= 0.005 * len(suggested)


def test_labelled_people_follow_from_the_seed() -> None:
    once = list(islice(spread(russian(1_000_000)), 50))
    assert once == list(islice(spread(russian(1_000_000)), 50))
    assert once != list(islice(spread(russian(1_000_000), seed=2), 50))
    assert {row.connection for row in once} == {0, 1, 2}
