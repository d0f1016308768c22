"""Single values, cleaned: text, references, phones, e-mails, web addresses, names, money, moments, days, flags.

Every function takes whatever a CRM may send and returns a clean value or None; none of them ever raises. What belongs
here: rules about one value that hold for every CRM. Field names and shapes of payloads belong to a connector's mapping;
HTML and BB code to `markup.py`.
"""

import re
from datetime import UTC, date, datetime, timedelta, tzinfo
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import phonenumbers

from crm_pipeline.model.markup import plain_text

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def text(value: Any) -> str | None:
    """Return stripped text, numbers as text; None for empty, false and anything that is not a scalar."""
    if type(value) is str:
        cleaned = value.strip()
        return (cleaned if "\x00" not in cleaned else cleaned.replace("\x00", "").strip()) or None
    if isinstance(value, bool) or not isinstance(value, (int, float, Decimal)):
        return None
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def reference(value: Any) -> str | None:
    """Return an external id as text; None for what CRMs send when there is no such record: null, "", 0, "0", false."""
    if type(value) is int:
        return str(value) if value else None
    found = text(value)
    return None if found == "0" else found


def flag(value: Any) -> bool | None:
    """Return a yes or no in any of the CRMs' spellings (true, 1, "1", "Y", "да"), None for anything else."""
    if isinstance(value, bool):
        return value
    key = text(value)
    return _FLAGS.get(key.casefold()) if key is not None else None


_YES = ("1", "y", "yes", "true", "on", "да")
_NO = ("0", "n", "no", "false", "off", "нет")
_FLAGS = {**dict.fromkeys(_YES, True), **dict.fromkeys(_NO, False)}


# Phones ---------------------------------------------------------------------------------------------------------------

_PUNCTUATION = str.maketrans("", "", " ()-.\u00a0\u2010\u2011\u2012\u2013\u2212\u202a\u202c\u200b\t")
_RUSSIAN = re.compile(r"(?:\+?7|8)([3489]\d{9})")
_SEVERAL = re.compile(r"[,;/\n]")
_INTERNATIONAL = re.compile(r"^(?:\+|00(?=[\s(]*[1-9](?:\D*\d){8}))")


def phone(value: Any, region: str = "RU") -> str | None:
    """Return a phone number as E.164 without its extension; None when it cannot be one.

    `region` (ISO 3166 alpha-2) reads numbers written without a country code. Of several numbers in one text the first counts.
    """
    written = text(value)
    return _phone(written, region) if written and len(written) < 200 else None


@lru_cache(maxsize=16_384)
def _phone(written: str, region: str) -> str | None:
    digits = written.translate(_PUNCTUATION)
    russian = _RUSSIAN.fullmatch(digits)
    if russian and digits.isascii() and (region == "RU" or digits[0] == "+"):
        return "+7" + russian[1]
    return _parsed_phone(written, region) or _first_of_several(written, region)


def _parsed_phone(written: str, region: str) -> str | None:
    candidate = _INTERNATIONAL.sub("+", written.removeprefix("tel:").strip(), count=1)
    try:
        number = phonenumbers.parse(candidate, region)
    except phonenumbers.NumberParseException:
        return None
    # A number with its country code may be of a range the library does not know yet; one without must be valid here.
    plausible = phonenumbers.is_possible_number(number) if candidate.startswith("+") else phonenumbers.is_valid_number(number)
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164) if plausible else None


def _first_of_several(written: str, region: str) -> str | None:
    parts = [part.strip() for part in _SEVERAL.split(written)]
    return next((found for part in parts if part and len(parts) > 1 and (found := _phone(part, region))), None)


# E-mail, web ----------------------------------------------------------------------------------------------------------

_EMAIL = re.compile(r"[^@\s<>,;:\"()\[\]\\]+@[^@\s<>,;:\"()\[\]\\.]+(?:\.[^@\s<>,;:\"()\[\]\\.]+)+")
_HOST = re.compile(r"[\w-]+(?:\.[\w-]+)+(?::\d{1,5})?", re.UNICODE)
_SCHEME = re.compile(r"([a-z][a-z0-9+.-]*):(?://|(?!\d))", re.IGNORECASE)


def email(value: Any) -> str | None:
    """Return the first e-mail address in a text, lower-cased; None when there is none."""
    written = text(value)
    found = _EMAIL.search(written) if written and len(written) < 1_000 else None
    return found[0].strip(".").lower() if found else None


def web(value: Any) -> str | None:
    """Return a web address with its scheme (`https` when none was written) and a lower-case host; None for anything else."""
    written = text(value)
    if not written or len(written) > 2_000 or re.search(r"\s", written):
        return None
    scheme = _SCHEME.match(written)
    if scheme and scheme[1].lower() not in ("http", "https"):
        return None
    host, slash, path = written[scheme.end() if scheme else 0 :].partition("/")
    if not _HOST.fullmatch(host):
        return None
    rest = slash + path if path else ""
    return f"{scheme[1].lower() if scheme else 'https'}://{host.lower()}{rest}"


# Names ----------------------------------------------------------------------------------------------------------------


class PersonName(NamedTuple):
    """A person's name in parts; None where a part is unknown."""

    first: str | None = None
    middle: str | None = None
    last: str | None = None


_PATRONYMIC = re.compile(r".{2,}(?:вич|вна|ична|инична|оглы|кызы|ovich|evich|ovna|evna)", re.IGNORECASE)


def person_name(value: Any, *, last_first: bool = False) -> PersonName:
    """Split a name written in one field; a patronymic tells where the others stand, else `last_first` does.

    >>> person_name("Ким Анна Сергеевна").first
    'Анна'
    """
    words = (text(value) or "").split()
    if len(words) == 3 and _PATRONYMIC.fullmatch(words[2]):
        return PersonName(words[1], words[2], words[0])
    if len(words) == 3 and _PATRONYMIC.fullmatch(words[1]):
        return PersonName(words[0], words[1], words[2])
    if len(words) == 2:
        return PersonName(words[1], None, words[0]) if last_first else PersonName(words[0], None, words[1])
    return PersonName(" ".join(words) or None)


def full_name(*parts: Any) -> str | None:
    """Join the parts of a name that are there, in the order given."""
    return " ".join(found for part in parts if (found := text(part))) or None


# Money ----------------------------------------------------------------------------------------------------------------

_PLAIN_NUMBER = re.compile(r"-?\d{1,28}(?:\.\d{1,12})?", re.ASCII)
_NUMBER = re.compile(r"[-+]?\d[\d.,]*", re.ASCII)
_SPACES = re.compile(r"[\s'\u00a0\u202f]+")


def money(value: Any) -> Decimal | None:
    """Return an amount or quantity; reads `185000`, `1490.5`, `"1 234,50 ₽"` and Bitrix24's `"1234.00|RUB"`."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str, Decimal)):
        return None
    written = value if isinstance(value, str) else str(value)
    return (
        _decimal(written)
        if isinstance(value, (int, float, Decimal)) or _PLAIN_NUMBER.fullmatch(written)
        else _loose_money(written)
    )


def _loose_money(written: str) -> Decimal | None:
    found = _NUMBER.search(_SPACES.sub("", written.partition("|")[0])) if len(written) < 100 else None
    if not found:
        return None
    number = found[0].rstrip(".,")
    decimal_mark = max(number.rfind(","), number.rfind("."))
    mark = number[decimal_mark] if decimal_mark >= 0 else ""
    if mark and number.count(mark) > 1:
        return _decimal(re.sub("[.,]", "", number))
    whole, fraction = (number[:decimal_mark], number[decimal_mark + 1 :]) if mark else (number, "")
    return _decimal(re.sub("[.,]", "", whole) + (f".{fraction}" if fraction else ""))


def _decimal(written: str) -> Decimal | None:
    try:
        number = Decimal(written)
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


# Times ----------------------------------------------------------------------------------------------------------------

_UNIX = re.compile(r"-?\d{6,11}(?:\.\d+)?", re.ASCII)
_DOTTED = re.compile(r"(\d{2})\.(\d{2})\.(\d{4})(.*)", re.ASCII)
_LAST_SECOND = 253_402_214_400


def moment(value: Any, zone: str = "UTC") -> datetime | None:
    """Return an instant in UTC from unix seconds or ISO 8601 / `d.m.Y H:i:s` text; text without an offset is of `zone`.

    0, "", false and `0000-00-00` are the CRMs' words for "no time".
    """
    if isinstance(value, str):
        return _written_moment(value.strip(), zone)
    if isinstance(value, (bool, list, dict)) or not isinstance(value, (int, float)):
        return None
    return _instant(value)


def _instant(seconds: float) -> datetime | None:
    if not seconds or not -_LAST_SECOND / 4 < seconds < _LAST_SECOND:  # also keeps NaN out
        return None
    return EPOCH + timedelta(seconds=seconds)


def _written_moment(written: str, zone: str) -> datetime | None:
    if _UNIX.fullmatch(written):
        return _instant(float(written))
    try:
        read = datetime.fromisoformat(_iso(written))
        return (read if read.tzinfo else read.replace(tzinfo=timezone(zone))).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _iso(written: str) -> str:
    dotted = _DOTTED.fullmatch(written)
    return f"{dotted[3]}-{dotted[2]}-{dotted[1]}{dotted[4]}" if dotted else written


def day(value: Any, zone: str = "UTC") -> date | None:
    """Return a calendar day from ISO or `d.m.Y` text (its first ten characters) or from unix seconds.

    CRMs store a day as a midnight, mostly of the account's `zone`, sometimes of UTC, off by the summer time of its year:
    the nearest midnight is the day that was meant (facts: amocrm 4.10, php#402).
    """
    if isinstance(value, str) and not _UNIX.fullmatch(value.strip()):
        return _written_day(value.strip())
    seconds = float(value) if isinstance(value, str) else value
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or not -_LAST_SECOND / 4 < seconds < _LAST_SECOND:
        return None
    instant = EPOCH + timedelta(seconds=seconds)
    local = instant.astimezone(timezone(zone))
    if seconds % 86_400 == 0 and (local.hour, local.minute) != (0, 0):
        return instant.date()
    return (local.replace(tzinfo=None) + timedelta(hours=12, microseconds=-1)).date()


def _written_day(written: str) -> date | None:
    try:
        return date.fromisoformat(_iso(written)[:10])
    except ValueError:
        return None


@lru_cache(maxsize=64)
def timezone(name: str | None) -> tzinfo:
    """Return a time zone by IANA name (`Europe/Moscow`) or offset (`+03:00`); UTC when it is unknown."""
    if not name:
        return UTC
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return _offset(name)


def _offset(name: str) -> tzinfo:
    try:
        return datetime.fromisoformat(f"2000-01-01T00:00:00{name}").tzinfo or UTC
    except ValueError:
        return UTC


__all__ = [
    "PersonName", "day", "email", "flag", "full_name", "moment", "money", "person_name", "phone", "plain_text", "reference",
    "text", "timezone", "web",
]  # fmt: skip
