"""Which ids the records of a world get: arithmetic on their keys, so that a million rows need no map.

Here: numbers only. Rows are built in seed.py.
"""

from uuid import UUID

NAMESPACE = UUID("6ba7b812-9dad-11d1-80b4-00c04fd430c8")
ADMIN = 1
IBLOCK = 23
PRICE_GROUP = 1
MULTIFIELDS_EACH = 10


def user(key: int) -> int:
    """Agents come after the administrator."""
    return ADMIN + key


def contact(key: int) -> int:
    return key


def company(key: int) -> int:
    """The portal's own company is 1."""
    return 1 + key


def deal(key: int) -> int:
    return key


def product(key: int) -> int:
    return 70 + key


def person_value(key: int, place: int) -> int:
    """Id of a contact's multi-field value: even blocks of ten."""
    return (2 * key) * MULTIFIELDS_EACH + place


def company_value(key: int, place: int) -> int:
    """Id of a company's multi-field value: odd blocks of ten."""
    return (2 * key + 1) * MULTIFIELDS_EACH + place
