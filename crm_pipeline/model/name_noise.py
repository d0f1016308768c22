"""Words in a name field that are no part of anybody's name: titles, suffixes, companies' forms, jobs, where a contact came from.

What belongs here: data, lower case, ё as е.
"""

SUFFIXES = {
    "jr": "junior", "junior": "junior", "мл": "junior", "младший": "junior", "младшая": "junior", "jnr": "junior",
    "sr": "senior", "senior": "senior", "ст": "senior", "старший": "senior", "старшая": "senior", "snr": "senior",
    "ii": "second", "iii": "third", "iv": "fourth",
}  # fmt: skip
"""What tells father from son: as written → what it means."""

_PARTICLES = (
    "de del della di da dos das du la le van von der den ter ten bin ibn al el af av zu оглы кызы оглу ogly oglu kyzy kizi "
    "оглі де дель ди да фон ван дер ибн аль эль бен uulu уулу улы гызы"
)
PARTICLES = frozenset(_PARTICLES.split())
"""Words between or after names which a second spelling may lack."""

_LEGAL_FORMS = (
    "ооо оао пао ао зао нао ип чп тоо оо ано нко гуп муп фгуп фгбу гбу мбу пк кфх снт тсж пбоюл оду тов пп фоп одо чуп руп уп "
    "нпо llc ltd limited inc incorporated corp corporation co company gmbh ag kg ug ohg sa srl sarl spa bv nv ab oy oyj as "
    "aps plc lp llp pte pty kft sro doo ooo oao zao pao ip too sas sl"
)
LEGAL_FORMS = frozenset(_LEGAL_FORMS.split())
"""Legal forms of companies, of Russia and its neighbours and of the rest of the world."""

# In a person's name only what nobody is called: "Co", "As" and "Al" are people's names too.
_COMPANY_WORDS = "ооо оао пао зао нао ип чп тоо ано llc ltd limited inc incorporated corp corporation gmbh plc ooo oao zao pao"
COMPANY_WORDS = frozenset(_COMPANY_WORDS.split())

_TITLES = (
    "mr mrs ms miss mx dr doctor prof professor sir madam mister esq phd md dds rev hon herr frau mme mlle monsieur "
    "г-н г-жа гн гжа господин госпожа гр гражданин гражданка тов товарищ др доктор проф профессор к-т пан пани"
)
_JOBS = (
    "директор гендиректор гендир менеджер бухгалтер главбух секретарь администратор админ юрист логист снабженец закупщик "
    "закупки кладовщик водитель курьер инженер прораб мастер владелец собственник руководитель начальник продавец программист "
    "маркетолог дизайнер ceo cto cfo coo director manager owner founder accountant secretary sales"
)
_KINDS = (
    "клиент клиентка покупатель заказчик поставщик партнер контакт лид заявка новый новая новое новые неизвестный неизвестная "
    "неизвестно неизвестен аноним пользователь гость тест тестовый тестовая проверка дубль копия старый старая "
    "без имени имя фамилия отчество нет физлицо юрлицо "
    "client customer contact lead new unknown anonymous user guest test noname name none null nil na undefined copy duplicate "
    "vip вип срочно важно"
)
_PLACES = (
    "работа работы раб рабочий рабочая дом домашний личный личная офис склад магазин сайт сайта моб мобильный тел телефон номер "
    "звонок почта email e-mail mail phone tel mobile mob work home office cell website site "
    "avito авито whatsapp ватсап вотсап вацап wa telegram телеграм телеграмм тг tg viber вайбер instagram инстаграм инстаграмм "
    "инста vk вк вконтакте facebook фейсбук циан юла ozon озон wb от из на для по the of and from via"
)
NOISE = {
    **{one: "noise" for block in (_TITLES, _JOBS, _KINDS, _PLACES) for one in block.split()},
    **dict.fromkeys(COMPANY_WORDS, "company"),
}
"""Word → `noise`, or `company` for a legal form, after which a company's name stands."""

NOT_NAMES = frozenset({*NOISE, *PARTICLES, *SUFFIXES})
