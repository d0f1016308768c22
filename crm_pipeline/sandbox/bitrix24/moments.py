"""Times as the portal writes and reads them: whole seconds, ISO 8601 with the portal's offset (facts: bitrix24 4.2, 5).

Here: text ↔ unix seconds. Which clock is asked is decided by the callers.
"""

import re
from datetime import UTC, date, datetime, timedelta, timezone
from functools import lru_cache
from typing import Any

_EPOCH = date(1970, 1, 1)
_FORMATS = ("%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%d", "%d.%m.%Y %H:%M:%S", "%d.%m.%Y")


def zone(offset: str) -> timezone:
    """Read an offset such as `+03:00`."""
    sign, hours, minutes = offset[0], offset[1:3], offset[-2:]
    span = timedelta(hours=int(hours), minutes=int(minutes))
    return timezone(-span if sign == "-" else span)


class Moments:
    """Write and read times of one portal."""

    def __init__(self, offset: str = "+03:00"):
        self.offset, self.zone = offset, zone(offset)
        self._shift = int((self.zone.utcoffset(None) or timedelta()).total_seconds())
        self._written = lru_cache(maxsize=1024)(self._write)

    def iso(self, seconds: float) -> str:
        """Write unix seconds, fractions cut off: `2026-09-21T16:13:20+03:00`."""
        return self._written(int(seconds))

    def _write(self, seconds: int) -> str:
        days, second = divmod(seconds + self._shift, 86_400)
        minute, second = divmod(second, 60)
        return f"{_date(days)}T{minute // 60:02}:{minute % 60:02}:{second:02}{self.offset}"

    def day(self, text: str) -> str:
        """Write a date as CRM does: a full datetime at midnight of some zone, `1990-05-04T03:00:00+03:00`."""
        hours = "00:00" if self.offset.startswith("-") else self.offset[1:]
        return f"{text[:10]}T{hours}:00{self.offset}"

    def seconds(self, value: Any) -> int | None:
        """Read a time; without an offset it is the portal's; None when it is no time."""
        text = str(value).strip()
        found = _parse_iso(text) or _parse_formats(text)
        if found is None:
            return None
        return int((found if found.tzinfo else found.replace(tzinfo=self.zone)).timestamp())


def _parse_iso(text: str) -> datetime | None:
    if not re.match(r"\d{4}-\d\d-\d\dT", text):
        return None
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def _parse_formats(text: str) -> datetime | None:
    for form in _FORMATS:
        try:
            return datetime.strptime(text, form)
        except ValueError:
            continue
    return None


@lru_cache(maxsize=20_000)
def _date(days: int) -> str:
    return (_EPOCH + timedelta(days=days)).isoformat()


def utc(seconds: float) -> str:
    """Write unix seconds in UTC, as user.get does."""
    return datetime.fromtimestamp(int(seconds), UTC).isoformat()
