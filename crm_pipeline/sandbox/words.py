"""Word lists for generated records, read once from mimesis' Russian data and filtered. Picking is the callers' arithmetic."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import orjson


def _list(text: str) -> tuple[str, ...]:
    return tuple(text.split("|"))


# Names as common as in life: these make up most people, mimesis' rarer ones the rest.
_MEN = _list(
    "Александр|Сергей|Дмитрий|Андрей|Алексей|Максим|Евгений|Иван|Михаил|Артём|Николай|Владимир|Павел|Роман|Илья|Олег|Игорь|Антон"
)
_WOMEN = _list(
    "Анна|Елена|Мария|Ольга|Наталья|Екатерина|Татьяна|Ирина|Светлана|Юлия|Дарья|Анастасия|Марина|Ксения|Алина|Полина|Вера|Софья"
)
_WEIGHT = 30
POSITIONS = _list(
    "Директор|Генеральный директор|Коммерческий директор|Главный бухгалтер|Бухгалтер|Менеджер по закупкам|"
    "Начальник отдела закупок|Администратор|Управляющий|Владелец|Секретарь|Инженер|Технолог|Маркетолог|"
    "Руководитель проекта|Заведующий складом|Логист|Юрист"
)
GOODS: tuple[tuple[str, int], ...] = (
    ("Кофемашина Aroma 200", 185_000),
    ("Кофемашина Aroma 400", 329_000),
    ("Кофемолка Gran 2", 48_500),
    ("Кофемолка Gran Pro", 96_000),
    ("Зерно «Бразилия», 1 кг", 1_450),
    ("Зерно «Эфиопия», 1 кг", 1_990),
    ("Зерно «Эспрессо-смесь», 1 кг", 1_290),
    ("Фильтр для воды", 7_400),
    ("Умягчитель воды", 15_900),
    ("Сироп ваниль, 1 л", 640),
    ("Сироп карамель, 1 л", 640),
    ("Стаканы бумажные 250 мл, 1000 шт.", 5_200),
    ("Стаканы бумажные 350 мл, 1000 шт.", 6_100),
    ("Крышки, 1000 шт.", 3_300),
    ("Питчер 600 мл", 2_150),
    ("Темпер 58 мм", 3_900),
    ("Весы бариста", 8_700),
    ("Обучение бариста, день", 24_000),
    ("Монтаж и пусконаладка", 12_500),
    ("Сервисный договор, год", 72_000),
    ("Аренда кофемашины, месяц", 9_900),
    ("Выездной ремонт", 6_500),
    ("Чай чёрный, 500 г", 890),
    ("Какао, 1 кг", 1_150),
)
FIRMS = _list(
    "Ромашка|Вектор|Альфа|Горизонт|Меридиан|Орион|Сириус|Эталон|Атлант|Гермес|Феникс|Прометей|Каскад|Кристалл|Лидер|"
    "Маяк|Надежда|Оазис|Парус|Радуга|Спектр|Старт|Темп|Уют|Формат|Эверест|Юпитер|Янтарь|Берёзка|Василёк|Гранит|Дельта|"
    "Зенит|Импульс|Корунд|Лотос|Магнолия|Нева|Онега|Пальмира|Рассвет|Самоцвет|Тайга|Урал|Флагман|Хрусталь|Цитрус|Чайка|"
    "Шторм|Экватор"
)
TRADES = _list(
    "|-Сервис|-Торг|-Строй|-Плюс|-Групп|-М|-Юг|-Север|-Центр|-Мед|-Логистик|-Кафе|-Отель|-Фуд|-Маркет|-Опт|-Проект|"
    "-Дизайн|-Авто|-Инвест"
)
SECTORS = _list("Розница|Общепит|Гостиницы|Офисы|Образование|Медицина|Производство|Логистика|Спорт|Красота")
TAGS = _list("опт|розница|VIP|выставка|повторный|партнёр|сайт|реклама|холодный|рекомендация|тендер|сеть")
LOSS_REASONS = _list("Дорого|Выбрали конкурента|Нет бюджета|Не отвечает|Нет в наличии|Передумали")
ERRANDS: tuple[tuple[str, str], ...] = (
    ("call", "Позвонить и уточнить объём"),
    ("call", "Перезвонить после праздников"),
    ("meeting", "Встреча: показать образцы"),
    ("email", "Отправить договор"),
    ("email", "Отправить коммерческое предложение"),
    ("todo", "Проверить оплату счёта"),
    ("todo", "Согласовать доставку"),
    ("call", "Напомнить о сервисном обслуживании"),
)
RESULTS = _list("Договорились|Перенесли на неделю|Ждём счёт|Не дозвонился|Отказ|Оплата поступила")
SAYINGS: dict[str, tuple[str, ...]] = {
    "call": (
        "Обсудили условия поставки",
        "Просит перезвонить завтра",
        "Уточнил адрес доставки",
        "Жалоба на срок",
        "Договорились о встрече",
    ),
    "sms": ("Ваш заказ собран", "Ждём вас завтра в 11:00", "Счёт отправлен на почту", "Курьер будет через час"),
    "email": ("Коммерческое предложение во вложении", "Re: договор поставки", "Прошу выставить счёт", "Акт сверки за квартал"),
    "meeting": ("Показали оборудование", "Дегустация зерна", "Обсудили тендер", "Подписали договор"),
    "note": (
        "Клиент предпочитает звонки после обеда",
        "Нужны закрывающие документы",
        "Скидка 5 % согласована",
        "Работают без НДС",
    ),
}
_LETTERS = "a b v g d e e zh z i y k l m n o p r s t u f kh ts ch sh shch _ y _ e yu ya".replace("_", "").split(" ")
_LATIN = str.maketrans(dict(zip("абвгдеёжзийклмнопрстуфхцчшщъыьэюя", _LETTERS, strict=True)))


def latin(text: str) -> str:
    """Write Russian text in lower-case Latin letters."""
    return text.lower().translate(_LATIN)


@cache
def _mimesis(name: str) -> Any:
    return orjson.loads((files("mimesis") / "datasets" / "ru" / f"{name}.json").read_bytes())


@dataclass(frozen=True)
class Names:
    """The names of one gender; `..._latin` stand at the same places and fit into e-mail addresses."""

    first: tuple[str, ...]
    middle: tuple[str, ...]
    last: tuple[str, ...]
    first_latin: tuple[str, ...]
    last_latin: tuple[str, ...]


@cache
def names(woman: bool) -> Names:
    """Answer names that agree in gender; common first names are repeated so that an even pick is as uneven as life."""
    gender, known = "female" if woman else "male", _mimesis("person")
    common = list(_WOMEN if woman else _MEN)
    first = tuple(common * _WEIGHT + [name for name in known["names"][gender] if name not in common])
    # Only surnames whose feminine form is made by adding one letter.
    last = tuple(n + ("а" if woman else "") for n in known["surnames"]["male"] if n.endswith(("ов", "ев", "ёв", "ин", "ын")))
    return Names(first, tuple(known["patronymic"][gender]), last, tuple(map(email_name, first)), tuple(map(email_name, last)))


@cache
def cities() -> tuple[str, ...]:
    return tuple(_mimesis("address")["city"])


@cache
def streets() -> tuple[str, ...]:
    return tuple(_mimesis("address")["street"]["name"])


def email_name(word: str) -> str:
    """Write a name as it stands in an e-mail address."""
    return "".join(c for c in latin(word) if c.isascii() and (c.isalnum() or c == "-")).strip("-")
