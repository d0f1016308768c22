"""Placeholder until the rules of names arrive."""


def contradiction(a: str | None, b: str | None) -> str | None:
    """Return what speaks against two names being one company's."""
    one, other = (set((n or "").lower().split()) for n in (a, b))
    return None if not one or not other or one & other else "names differ"
