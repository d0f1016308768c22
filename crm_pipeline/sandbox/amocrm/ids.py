"""Ids by arithmetic: base plus the key in the world, so that a million rows need no map."""

from __future__ import annotations

ADMIN = 900_000
BASES = {
    "users": 900_000,
    "products": 6_000_000,
    "machines": 6_500_000,
    "contacts": 10_000_000,
    "companies": 20_000_000,
    "leads": 30_000_000,
    "tasks": 40_000_000,
    "notes": 50_000_000,
}
TARGETS = {"person": "contacts", "company": "companies", "deal": "leads"}


def id_of(kind: str, key: int) -> int:
    """Answer the id of a world's record."""
    return BASES[kind] + key
