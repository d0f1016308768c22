"""Chance without state: the same (seed, kind, index) always falls the same way, so records need not be stored to be repeated."""

from __future__ import annotations

_MASK = (1 << 64) - 1
HOUR, DAY, WEEK = 3_600, 86_400, 604_800
# Monday 2023-09-04 00:00 in Moscow, so that weeks and working hours fall where they belong; the last week ends 2026-08-31.
START, WEEKS = 1_693_774_800, 156
SPAN = WEEKS * WEEK
END = START + SPAN
# Shares of a week's work, Monday to Sunday.
_WORKDAYS = (0.19, 0.20, 0.20, 0.19, 0.17, 0.04, 0.01)
_IMPORT_EVERY, _IMPORT_FROM, _IMPORT_ROWS = 2_000, 600, 340
_ROBOT_EVERY, _ROBOT_FROM, _ROBOT_ROWS = 5_000, 700, 400


def mix(value: int) -> int:
    """Scramble an integer into 64 even bits (splitmix64)."""
    value = (value + 0x9E3779B97F4A7C15) & _MASK
    value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) & _MASK
    return value ^ (value >> 31)


def roll(seed: int, kind: int, index: int) -> int:
    """Answer 128 bits of one record, to be consumed with divmod."""
    start = mix((seed << 8 | kind) & _MASK) ^ index
    return mix(start) << 64 | mix(start ^ 0xD1B54A32D192ED03)


def created(index: int, total: int) -> int:
    """Answer when record `index` of `total` was made: rising, in working hours, with imports of 340 rows in one second."""
    offset = (index - _IMPORT_FROM) % _IMPORT_EVERY
    if index >= _IMPORT_FROM and offset < _IMPORT_ROWS:
        index -= offset
    return START + _working(index * SPAN / max(total, 1))


def updated(index: int, total: int, born: int, chance: int) -> int:
    """Answer when a record was last changed: often at once, mostly soon; now and then a robot touched 400 rows in one second."""
    offset = (index - _ROBOT_FROM) % _ROBOT_EVERY
    if index >= _ROBOT_FROM and offset < _ROBOT_ROWS:
        return max(born, min(END - DAY, START + _working((index - offset + _ROBOT_ROWS) * SPAN / max(total, 1)) + 30 * DAY))
    if chance % 5 < 2:
        return born
    part = (chance >> 8 & 0xFFFF) / 0x10000
    return born + int((END - born) * part**4)


def _working(seconds: float) -> int:
    """Squeeze even time into working days from 9 to 19, keeping the order."""
    week, rest = divmod(seconds / WEEK, 1.0)
    for day, share in enumerate(_WORKDAYS):
        if rest < share or day == 6:
            return int(week * WEEK + day * DAY + 9 * HOUR + min(rest / share, 0.9999) * 10 * HOUR)
        rest -= share
    raise AssertionError("a week has seven days")
