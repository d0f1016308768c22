"""Promises broken on purpose, in the processes of the chaos runs only, to see that the judges notice.

CHAOS_SABOTAGE names one. Nothing in the product knows of this: what is replaced is replaced here, in the memory of a process.
"""

from collections.abc import Callable
from typing import Any

from crm_pipeline.stages import extract


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


ACTS: dict[str, Callable[[], None]] = {"advance-cursor-early": advance_cursor_early}
