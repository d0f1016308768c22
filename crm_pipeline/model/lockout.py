"""How long logins of a user are refused after wrong passwords: not at all for a slip, longer after every further one."""

from datetime import timedelta

FREE = 5
"""Wrong passwords in a row that cost nothing."""
FIRST = timedelta(seconds=5)
LONGEST = timedelta(minutes=15)


def delay(failures: int) -> timedelta:
    """Return for how long logins are refused after so many wrong passwords in a row: doubling, bounded."""
    if failures < FREE:
        return timedelta(0)
    return min(FIRST * int(2 ** min(failures - FREE, 16)), LONGEST)
