"""Passwords: kept as argon2id hashes only. Verifying costs the same whether there is a user or not.

What belongs here: hashing. Who may try how often belongs to the stage.
"""

from functools import cache
from threading import BoundedSemaphore

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

_hasher = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
"""OWASP's recommendation for argon2id: 19 MiB, two passes, one lane."""
_at_once = BoundedSemaphore(4)
"""Bounds memory and cores when many try at once."""


def hash_password(password: str) -> str:
    """Return the hash to keep."""
    with _at_once:
        return _hasher.hash(password)


def is_right(kept: str | None, password: str) -> bool:
    """Return whether a password is the one behind a hash; without a hash (no such user) as slowly, and no."""
    with _at_once:
        try:
            return _hasher.verify(kept or _nobody(), password) and kept is not None
        except (VerificationError, InvalidHashError, UnicodeEncodeError):
            return False


def is_outdated(kept: str) -> bool:
    """Return whether a hash was made with other parameters than today's."""
    return _hasher.check_needs_rehash(kept)


@cache
def _nobody() -> str:
    return _hasher.hash("nobody has this password")
