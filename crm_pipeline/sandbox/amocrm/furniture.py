"""What an account has before anybody enters data: fields, pipelines, loss reasons, catalogs, and the ids they get."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .catalogs import catalog_row
from .custom_fields import field_row
from .pipelines import pipeline_row, status_row
from .records import Row

if TYPE_CHECKING:
    from .account import Account

MAIN, REPEAT = 4401, 4402
STAGES = {"prospecting": 440101, "engaging": 440102, "won": 142, "lost": 143}
REPEAT_STAGES = {"prospecting": 440201, "engaging": 440202, "won": 142, "lost": 143}
PRODUCTS, EQUIPMENT = 1209, 1210
PHONE_CODES = ("WORK", "WORKDD", "MOB", "FAX", "HOME", "OTHER")
EMAIL_CODES = ("WORK", "PRIV", "OTHER")
CITIES = ("Москва", "Казань", "Омск", "Пермь", "Уфа")
CHANNELS = ("Сайт", "Звонок", "Выставка", "Рекомендация")
INTERESTS = ("Оборудование", "Сервис", "Обучение", "Аренда")
GROUPS = ("Основные", "Дополнительные")
# owner -> (id, name, type, code, enum texts, predefined)
_Spec = tuple[int, str, str, str | None, tuple[str, ...], bool]
FIELDS: dict[str, tuple[_Spec, ...]] = {
    "contacts": (
        (101, "Должность", "text", "POSITION", (), True),
        (102, "Телефон", "multitext", "PHONE", PHONE_CODES, True),
        (103, "Email", "multitext", "EMAIL", EMAIL_CODES, True),
        (104, "День рождения", "birthday", None, (), False),
        (105, "Канал", "select", None, CHANNELS, False),
        (106, "Интересы", "multiselect", None, INTERESTS, False),
        (107, "Дата договора", "date", None, (), False),
        (108, "Согласие на рассылку", "checkbox", None, (), False),
        (109, "Отчество", "text", "MIDDLE_NAME", (), False),
        (110, "Сайт", "url", None, (), False),
        (111, "Последний визит", "date_time", None, (), False),
        (112, "Категория", "radiobutton", None, ("A", "B", "C"), False),
        (113, "Комментарий", "textarea", None, (), False),
    ),
    "companies": (
        (201, "Телефон", "multitext", "PHONE", PHONE_CODES, True),
        (202, "Email", "multitext", "EMAIL", EMAIL_CODES, True),
        (203, "Web", "url", "WEB", (), True),
        (204, "Адрес", "textarea", "ADDRESS", (), True),
        (205, "ИНН", "text", "INN", (), False),
        (206, "Отрасль", "text", None, (), False),
        (207, "Выручка", "numeric", None, (), False),
        (208, "Сотрудников", "numeric", None, (), False),
        (209, "Юр. лицо", "legal_entity", None, (), False),
    ),
    "leads": (
        (301, "opportunity_id", "text", "OPPORTUNITY_ID", (), False),
        (302, "Город", "select", None, CITIES, False),
        (303, "Скидка, %", "numeric", None, (), False),
        (304, "Дата поставки", "date", None, (), False),
        (305, "Нужен монтаж", "checkbox", None, (), False),
        (306, "Состав", "multiselect", None, INTERESTS, False),
        (307, "Бюджет клиента", "monetary", None, (), False),
        (308, "Ссылка на ТЗ", "url", None, (), False),
    ),
    "catalog_1209": (
        (401, "Артикул", "text", "SKU", (), True),
        (402, "Описание", "textarea", "DESCRIPTION", (), True),
        (403, "Цена", "numeric", "PRICE", (), True),
        (404, "Группа", "category", "GROUP", GROUPS, True),
        (405, "Внешний ID", "text", "EXTERNAL_ID", (), True),
    ),
    "catalog_1210": (
        (451, "Серийный номер", "text", "SERIAL", (), False),
        (452, "Состояние", "select", None, ("Новое", "Б/у"), False),
    ),
}
CODED = ("PHONE", "EMAIL")


def furnish(account: Account, with_catalogs: bool) -> None:
    """Put in fields, pipelines and, when there are products, catalogs."""
    for owner in FIELDS:
        if with_catalogs or not owner.startswith("catalog_"):
            _fields(account, owner)
    account.pipelines.save(_pipeline(account, MAIN, "Продажи", 1, ("Первичный контакт", "Переговоры", "Договор")))
    account.pipelines.save(_pipeline(account, REPEAT, "Повторные", 2, ("Новый заказ", "Согласование")))
    for kind, floor in (("field_ids", 10_000), ("enum_ids", 900_000), ("status_ids", 500_000), ("element_ids", 7_000_000)):
        account.records.store.next_id(kind, floor=floor)
    if with_catalogs:
        _catalogs(account)


def _fields(account: Account, owner: str) -> None:
    for id, name, type, code, texts, predefined in FIELDS[owner]:
        coded = code in CODED
        enums = [{"id": id * 100 + n, "value": text, "sort": n, "code": text if coded else None} for n, text in enumerate(texts)]
        account.definitions.save(owner, field_row(account, owner, id, name, type, code, enums or None, predefined))


def _pipeline(account: Account, id: int, name: str, sort: int, stages: tuple[str, ...]) -> Row:
    row = pipeline_row(account, id, name, sort, is_main=id == MAIN)
    colors = ("#99ccff", "#ffff99", "#ffcc66")
    middle = [status_row(account, id, id * 100 + n, stage, 10 + n * 10, colors[n % 3]) for n, stage in enumerate(stages, 1)]
    row["_embedded"]["statuses"][1:1] = middle
    return row


def _catalogs(account: Account) -> None:
    admin = account.users.first_admin()
    for id, name, type in ((PRODUCTS, "Товары", "products"), (EQUIPMENT, "Оборудование клиентов", "regular")):
        account.records.save("catalogs", catalog_row(account, id, name, admin, type))
