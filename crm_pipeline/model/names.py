"""Placeholder until the rules of names arrive."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PersonName:
    """A person's name as a source record has it."""

    name: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    middle_name: str | None = None


def contradiction(a: PersonName, b: PersonName) -> str | None:
    """Return what speaks against two names being one person's."""
    one, other = ({*" ".join(filter(None, (n.name, n.first_name, n.last_name))).lower().split()} for n in (a, b))
    return None if not one or not other or one & other == min(one, other, key=len) else "names differ"
