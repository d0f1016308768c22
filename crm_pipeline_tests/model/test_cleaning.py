"""Single values: what real people and CRMs write, and laws that hold for anything they might."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_pipeline.model import cleaning

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.dates().map(str) | st.from_regex(r"[+\d() -]{1,20}"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)

EVERY: list[Callable[[Any], Any]] = [
    cleaning.text, cleaning.reference, cleaning.phone, cleaning.email, cleaning.web, cleaning.plain_text, cleaning.person_name,
    cleaning.money, cleaning.moment, cleaning.day, cleaning.flag, cleaning.full_name,
]  # fmt: skip


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("8 (900) 111-22-33", "+79001112233"),
        ("+7 900 111 22 33", "+79001112233"),
        ("7 900 111 22 33", "+79001112233"),
        ("9001112233", "+79001112233"),
        (79001112233, "+79001112233"),
        ("+44 (0)20 7946 0958", "+442079460958"),
        ("0044 20 7946 0958", "+442079460958"),
        ("810 44 20 7946 0958", "+442079460958"),
        ("8 (495) 123-45-67 доб. 12", "+74951234567"),
        ("+7 (701) 123-45-67", "+77011234567"),
        ("8 900 111 22 33, 8 900 111 22 34", "+79001112233"),
        ("tel:+79001112233", "+79001112233"),
        ("123", None),
        ("нет телефона", None),
        ("", None),
        (False, None),
    ],
)
def test_phones_become_e164(written: Any, expected: str | None) -> None:
    assert cleaning.phone(written) == expected


def test_the_region_reads_numbers_without_a_country() -> None:
    assert cleaning.phone("(650) 253-0000", "US") == "+16502530000"


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (185000, "185000"),
        (1490.5, "1490.5"),
        ("1490", "1490"),
        ("1 234,50 ₽", "1234.50"),
        ("1234.00|RUB", "1234.00"),
        ("1.234,50", "1234.50"),
        ("1,234.50", "1234.50"),
        ("1,234,567", "1234567"),
        ("-5", "-5"),
        ("0", "0"),
        ("", None),
        ("даром", None),
        (True, None),
        (float("nan"), None),
        (float("inf"), None),
    ],
)
def test_money(written: Any, expected: str | None) -> None:
    assert cleaning.money(written) == (None if expected is None else Decimal(expected))


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (1767600000, datetime(2026, 1, 5, 8, tzinfo=UTC)),
        ("1767600000", datetime(2026, 1, 5, 8, tzinfo=UTC)),
        ("2026-01-05T03:00:00+03:00", datetime(2026, 1, 5, tzinfo=UTC)),
        ("2026-01-05 03:00:00", datetime(2026, 1, 5, tzinfo=UTC)),
        ("05.01.2026 03:00:00", datetime(2026, 1, 5, tzinfo=UTC)),
        (0, None),
        ("0000-00-00 00:00:00", None),
        ("", None),
        (False, None),
    ],
)
def test_moments_are_utc(written: Any, expected: datetime | None) -> None:
    assert cleaning.moment(written, "Europe/Moscow") == expected


@pytest.mark.parametrize(
    ("written", "zone", "expected"),
    [
        (1767560400, "Europe/Moscow", date(2026, 1, 5)),  # 21:00 UTC of the 4th: midnight in Moscow
        (1767571200, "Europe/Moscow", date(2026, 1, 5)),  # midnight UTC
        (1767571200, "America/New_York", date(2026, 1, 5)),
        (1767571200, "Asia/Kamchatka", date(2026, 1, 5)),
        (-10800, "Europe/Moscow", date(1970, 1, 1)),
        ("2026-01-05T03:00:00+03:00", "America/New_York", date(2026, 1, 5)),
        ("12.01.1980", "Europe/Moscow", date(1980, 1, 12)),
        ("", "Europe/Moscow", None),
    ],
)
def test_days_do_not_shift_by_the_zone(written: Any, zone: str, expected: date | None) -> None:
    assert cleaning.day(written, zone) == expected


@given(
    st.dates(date(1930, 1, 1), date(2060, 1, 1)),
    st.sampled_from(["Europe/Moscow", "Asia/Vladivostok", "America/New_York", "UTC"]),
)
def test_a_day_stored_as_local_or_utc_midnight_comes_back(original: date, zone: str) -> None:
    local = datetime(original.year, original.month, original.day, tzinfo=cleaning.timezone(zone))
    assert cleaning.day(int(local.timestamp()), zone) == original
    assert cleaning.day(int(local.replace(tzinfo=UTC).timestamp()), zone) == original


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("Example.ORG", "https://example.org"),
        ("http://Ex.ru/Path", "http://ex.ru/Path"),
        ("кафе.рф", "https://кафе.рф"),
        ("javascript:alert(1)", None),
        ("нет", None),
    ],
)
def test_web(written: str, expected: str | None) -> None:
    assert cleaning.web(written) == expected


@pytest.mark.parametrize(
    ("written", "expected"),
    [("Anna <Anna@Ex.ORG>", "anna@ex.org"), ("mailto:a.b@c.ru.", "a.b@c.ru"), ("a@b", None), ("@", None), (None, None)],
)
def test_email(written: Any, expected: str | None) -> None:
    assert cleaning.email(written) == expected


def test_marked_up_text_becomes_what_a_person_reads() -> None:
    marked = (
        "<p>a &lt; b</p><style>p{}</style><script>x()</script>[b]жирно[/b] [URL=http://x]ссылка[/URL], 3 < 5 [заметка]<br>конец"
    )
    assert cleaning.plain_text(marked) == "a < b\nжирно ссылка, 3 < 5 [заметка]\nконец"


def test_names_in_one_field() -> None:
    assert cleaning.person_name("Ким Анна Сергеевна") == ("Анна", "Сергеевна", "Ким")
    assert cleaning.person_name("Анна Сергеевна Ким") == ("Анна", "Сергеевна", "Ким")
    assert cleaning.person_name("Ким Анна", last_first=True) == ("Анна", None, "Ким")
    assert cleaning.person_name("") == (None, None, None)


@given(ANYTHING)
def test_nothing_a_crm_may_send_raises(value: Any) -> None:
    for clean in EVERY:
        assert clean(value) is None or clean(value) == clean(value)


@given(st.text() | st.from_regex(r"[+\d(). -]{5,18}"))
def test_clean_values_stay_as_they_are(written: str) -> None:
    for clean in (cleaning.phone, cleaning.email, cleaning.web, cleaning.text, cleaning.reference):
        once = clean(written)
        assert once is None or clean(once) == once


@given(st.text())
def test_text_can_be_stored_by_postgres(written: str) -> None:
    cleaned = cleaning.text(written) or ""
    assert "\x00" not in cleaned
    cleaned.encode()


@given(st.decimals(min_value=-(10**12), max_value=10**12, places=2))
def test_money_keeps_every_kopek(amount: Decimal) -> None:
    assert cleaning.money(str(amount)) == amount
    assert cleaning.money(f"{amount}|RUB") == amount


@given(st.integers(1, 4_000_000_000))
def test_unix_seconds_come_back(seconds: int) -> None:
    read = cleaning.moment(seconds)
    assert read is not None
    assert int(read.timestamp()) == seconds
    assert cleaning.moment(read.isoformat()) == read
