"""Promises broken on purpose, in the processes of the chaos runs only, to see that the judges notice.

CHAOS_SABOTAGE names one. Nothing in the product knows of this: what is replaced is replaced here, in the memory of a process.
"""

from collections.abc import Callable
from typing import Any

from crm_pipeline.connectors import discover
from crm_pipeline.database import outgoing
from crm_pipeline.database.queries import queries
from crm_pipeline.stages import extract

FENCED = ("settle", "park")
FENCE = "AND c.fence = a.fence AND c.state = 'in_flight'"


def commit(name: str) -> None:
    """Break one promise from now on; an empty name breaks none."""
    if name:
        ACTS[name]()


def advance_cursor_early() -> None:
    """Note a page as read in a transaction of its own, before the page is landed."""
    landed = extract._written

    def early(job: Any, walk: Any, page: Any, *, whole: bool) -> Any:
        with job.writer.transaction() as db:
            extract._move_cursor(db, walk, page)
        return landed(job, walk, page, whole=whole)

    extract._written = early


def skip_marker_look_up() -> None:
    """Let no create that may have been applied be looked up before it is sent again."""
    for connector in discover().values():
        setattr(type(connector), "find", _found_nothing)  # noqa: B010


def _found_nothing(*_given: Any) -> dict[str, str]:
    return {}


def drop_fence() -> None:
    """Let a process go on with a change that another has taken over meanwhile."""
    known = queries("outgoing")
    for name in FENCED:
        if FENCE not in known[name]:
            raise LookupError(f"{name} in outgoing.sql is fenced in other words by now")
        known[name] = known[name].replace(FENCE, "")
    checked = outgoing.mark_sent

    def unchecked(db: Any, claims: Any) -> set[int]:
        held = list(claims)
        checked(db, held)
        return {one.id for one in held}

    outgoing.mark_sent = unchecked


ACTS: dict[str, Callable[[], None]] = {
    "advance-cursor-early": advance_cursor_early, "skip-marker-look-up": skip_marker_look_up, "drop-fence": drop_fence,
}  # fmt: skip
