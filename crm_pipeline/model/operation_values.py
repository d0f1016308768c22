"""One value of an operation, read strictly: what comes from outside is taken as it is meant or refused, never guessed at.

Every function takes where the value stands and the value, and returns it as JSON holds it: amounts as text, times as ISO 8601
in UTC. A mistake is a UsageError that names the place, what is wrong and what to write. What belongs here: values by
themselves. Which field takes which belongs to `operations.py`.
"""

import re
import uuid
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from crm_pipeline.errors import UsageError
from crm_pipeline.model import cleaning

LONGEST_ID, LONGEST_TEXT, LONGEST_TAG, LONGEST_LIST = 200, 100_000, 255, 500
TEMPORARY = "tmp:"
Read = Callable[[str, Any], Any]


def wrong(path: str, what: str, instead: str) -> UsageError:
    """Return the error for a value: what is wrong with it, and what to do instead."""
    return UsageError(f"{path}: {what}.", what_to_do=instead)


def text(path: str, value: Any) -> str | None:
    """Return stripped text; None for an empty one."""
    if not isinstance(value, str):
        raise wrong(path, f"{shown(value)} is no text", "Write a text in quotes, or null to clear it.")
    if len(value) > LONGEST_TEXT:
        raise wrong(path, f"it has {len(value)} characters", f"Write {LONGEST_TEXT} at most.")
    return cleaning.text(value.encode("utf-8", "replace").decode())


_AMOUNT = re.compile(r"-?\d{1,15}(?:\.\d{1,6})?", re.ASCII)


def money(path: str, value: Any) -> str:
    """Return an amount without trailing zeros."""
    written = str(value).strip() if isinstance(value, str | int | float) and not isinstance(value, bool) else ""
    if not _AMOUNT.fullmatch(written):
        raise wrong(path, f"{shown(value)} is no amount", 'Write a number or a text such as "185000.50".')
    return format(Decimal(written).normalize() + 0, "f")


def moment(path: str, value: Any) -> str:
    """Return an instant; one without an offset is refused."""
    instead = 'Write ISO 8601 with an offset, such as "2026-03-01T10:00:00+03:00".'
    try:
        read = datetime.fromisoformat(value) if isinstance(value, str) and len(value) > 10 else None
        if read is None or read.tzinfo is None:
            raise wrong(path, f"{shown(value)} is no time with an offset", instead)
        return read.astimezone(UTC).isoformat()
    except (ValueError, OverflowError):
        raise wrong(path, f"{shown(value)} is no time", instead) from None


def day(path: str, value: Any) -> str:
    """Return a calendar day."""
    try:
        if isinstance(value, str) and len(value) == 10:
            return date.fromisoformat(value).isoformat()
    except ValueError:
        pass
    raise wrong(path, f"{shown(value)} is no day", 'Write it as "1990-12-31".')


def flag(path: str, value: Any) -> bool:
    """Return true or false."""
    if not isinstance(value, bool):
        raise wrong(path, f"{shown(value)} is neither true nor false", "Write true or false, without quotes.")
    return value


def seconds(path: str, value: Any) -> int:
    """Return a duration."""
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 2**31:
        raise wrong(path, f"{shown(value)} is no number of seconds", "Write a whole number, 0 or more.")
    return value


def choice(words: tuple[str, ...], path: str, value: Any) -> str:
    """Return one of the words."""
    if value not in words:
        raise wrong(path, f"{shown(value)} is unknown", f"Use one of: {', '.join(words)}.")
    return str(value)


def currency(path: str, value: Any) -> str:
    """Return a currency code."""
    if not isinstance(value, str) or not re.fullmatch("[A-Za-z]{3}", value):
        raise wrong(path, f"{shown(value)} is no currency", 'Write three letters, such as "RUB".')
    return value.upper()


def web(path: str, value: Any) -> str:
    """Return a web address with its scheme."""
    found = cleaning.web(value) if isinstance(value, str) else None
    if found is None:
        raise wrong(path, f"{shown(value)} is no web address", 'Write it as "https://example.ru".')
    return found


def email(path: str, value: Any) -> str:
    """Return an e-mail address, lower-cased."""
    found = cleaning.email(value) if isinstance(value, str) else None
    if found is None or found != value.strip().lower():
        raise wrong(path, f"{shown(value)} is no e-mail address", 'Write one address, such as "anna@example.ru".')
    return found


def phone(region: str, path: str, value: Any) -> str:
    """Return a phone number as E.164."""
    found = cleaning.phone(value, region) if isinstance(value, str) else None
    if found is None:
        raise wrong(path, f"{shown(value)} is no phone number", 'Write it with the country code, such as "+79001112233".')
    return found


def word(path: str, value: Any) -> str:
    """Return a tag."""
    found = text(path, value)
    if not found or len(found) > 255:
        raise wrong(path, "a tag is empty or too long", "Write 1 to 255 characters.")
    return found


def record_id(path: str, value: Any) -> str:
    """Return a golden id in its usual spelling, or a temporary one. Raises UsageError for anything else."""
    if isinstance(value, str) and value.startswith(TEMPORARY) and len(value) <= LONGEST_ID:
        return clean_id(path, value)
    try:
        if isinstance(value, str) and len(value) == 36:
            return str(uuid.UUID(value))
    except ValueError:
        pass
    raise wrong(path, f"{shown(value)} is no golden id", "Write the id of a record as crm.* has it, or tmp:… of this upload.")


def clean_id(path: str, value: str) -> str:
    """Return an id that can be kept and printed."""
    if value != value.strip() or not value.isprintable():
        raise wrong(path, "an id has no spaces around it and no control characters", "Write another id.")
    return value


def shown(value: Any) -> str:
    """Return a value as a sentence can hold it."""
    text = ascii(value) if isinstance(value, str) and not value.isprintable() else repr(value)
    return text if len(text) <= 60 else f"{text[:57]}…"


def items(path: str, value: Any) -> list[Any]:
    """Return a list."""
    if not isinstance(value, list) or len(value) > LONGEST_LIST:
        raise wrong(path, f"{shown(value)} is no list of at most {LONGEST_LIST}", "Write […], also for one entry.")
    return value
