"""Companies' names: what is another spelling of one company, and what is another company."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_pipeline.model.company_names import contradiction

SAME = """
ООО «Ромашка» | Ромашка, ООО
ООО "Ромашка" | Romashka LLC
Общество с ограниченной ответственностью «Ромашка» | ромашка
ПАО Сбербанк | Сбербанк
ООО Берёзка-Сервис | Березка Сервис
ООО «Вектор Плюс» | Вектор
ГК Альфа | Альфа Групп
ИП Иванов Иван Иванович | Иванов И. И. ИП
Acme Inc. | ACME, Incorporated
Acme Corporation | Acme Corp
Siemens AG | Siemens GmbH
Benton, John B Jr | John B Benton Jr
Щербаков и партнёры | Shcherbakov i Partnery
Яндекс | Yandex
Магазин «Уют» | Уют
romashka.ru | Ромашка
Кофе Хаус | КофеХаус
Торговый дом Восток | ТД Восток
International Business Machines | IBM
O'Reilly Media | OReilly Media
Техностройсервис | Техностройсревис
|  Ромашка
""".strip().splitlines()

OTHER = """
ООО «Ромашка» | ООО «Альфа»
Acme Inc | Globex Inc
ООО Вектор-Строй | ООО Вектор-Мед
ИП Иванов Иван Иванович | ИП Петров Пётр Петрович
Сбербанк | Тинькофф
Альфа | Омега
""".strip().splitlines()


@pytest.mark.parametrize("line", SAME)
def test_another_spelling_is_no_contradiction(line: str) -> None:
    one, _, other = line.partition("|")
    assert contradiction(one.strip(), other.strip()) is None
    assert contradiction(other.strip(), one.strip()) is None


@pytest.mark.parametrize("line", OTHER)
def test_another_company_is_a_contradiction(line: str) -> None:
    one, _, other = line.partition("|")
    assert contradiction(one.strip(), other.strip()) == contradiction(other.strip(), one.strip()) is not None


def test_a_missing_name_says_nothing() -> None:
    assert contradiction(None, "Ромашка") is None
    assert contradiction("", None) is None
    assert contradiction("ООО", "Ромашка") is None


@given(st.text(max_size=30), st.text(max_size=30))
def test_any_text_is_read_and_order_does_not_matter(one: str, other: str) -> None:
    assert contradiction(one, other) == contradiction(other, one)
    assert contradiction(one, one.upper() + " ООО") is None or one.upper().lower() != one.lower()
