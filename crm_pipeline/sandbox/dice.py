"""Chance without state: the same (seed, kind, index) always falls the same way, so records need not be stored to be repeated."""

from __future__ import annotations

from bisect import bisect_right
from functools import cache

_MASK, _WIDE = (1 << 64) - 1, (1 << 128) - 1
HOUR, DAY, WEEK = 3_600, 86_400, 604_800
# Monday 2023-09-04 00:00 in Moscow, so that weeks and working hours fall where they belong; the last week ends 2026-08-31.
START, WEEKS = 1_693_774_800, 156
SPAN = WEEKS * WEEK
END = START + SPAN
# Which part of a week's work is done when Monday, Tuesday... begin.
_MORNINGS = (0.0, 0.19, 0.39, 0.59, 0.78, 0.95, 0.99)
_SHARES = (0.19, 0.20, 0.20, 0.19, 0.17, 0.04, 0.01)
_IMPORT_EVERY, _IMPORT_FROM, _IMPORT_ROWS = 2_000, 600, 340
_ROBOT_EVERY, _ROBOT_FROM, _ROBOT_ROWS = 5_000, 700, 400


def mix(value: int) -> int:
    """Scramble an integer into 64 even bits (splitmix64)."""
    value = (value + 0x9E3779B97F4A7C15) & _MASK
    value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) & _MASK
    return value ^ (value >> 31)


@cache
def _base(seed: int, kind: int) -> int:
    return mix(seed << 8 | kind) << 64 | mix(~seed << 8 | kind)


def roll(seed: int, kind: int, index: int) -> int:
    """Answer 128 bits of one record, to be consumed with divmod."""
    value = ((_base(seed, kind) ^ index) * 0xDA942042E4DD58B5_9E3779B97F4A7C15) & _WIDE
    value = ((value ^ (value >> 67)) * 0xBF58476D1CE4E5B9_94D049BB133111EB) & _WIDE
    return value ^ (value >> 61)


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
    day = bisect_right(_MORNINGS, rest) - 1
    part = min((rest - _MORNINGS[day]) / _SHARES[day], 0.9999)
    return int(week * WEEK + day * DAY + 9 * HOUR + part * 10 * HOUR)
