"""The rate budget of a deployment: one row per vendor meter, so that all processes and threads together keep the limit.

A slot is reserved by one UPDATE on a connection of its own, outside of any transaction of the caller. Bulk work leaves the
last two of a burst to interactive edits, which so go ahead of it; within a process the more urgent reserves first (`turns.py`).
"""

from collections import defaultdict
from collections.abc import Callable
from typing import Any

from sqlalchemy import Engine, create_engine, event

from crm_pipeline.database.engine import CONNECT, say_what_to_do_on_failure
from crm_pipeline.database.queries import queries
from crm_pipeline.database.turns import Turns

OPERATING_LIMIT = 480.0
"""Operating seconds of a method in ten minutes at which Bitrix24 refuses it (facts: bitrix24 7)."""
SLOW_FROM = 0.8 * OPERATING_LIMIT
LONGEST_BREATH = 10.0
"""Seconds between two calls of a method that has nearly used up its operating time."""
KEPT_FOR_INTERACTIVE = 2
"""Requests of a burst an edit takes at once, looking and writing; of a short burst a quarter."""


class PostgresBudget:
    """Implements `http.Budget` in `sync.rate_budget` and `sync.operating_time`. Thread safe."""

    def __init__(self, engine: Engine):
        self._engine = create_engine(
            engine.url, isolation_level="AUTOCOMMIT", pool_size=2, max_overflow=6, connect_args=CONNECT, hide_parameters=True
        )
        event.listen(self._engine, "connect", _settle_less)
        say_what_to_do_on_failure(self._engine)
        self._intervals: dict[str, tuple[float, int]] = {}
        self._turns: defaultdict[str, Turns] = defaultdict(Turns)

    def reserve(self, meter: str, interval: float, burst: int, lane: str = "bulk") -> float:
        """Take the next slot of a meter and return the seconds to wait for it.

        Lane `interactive` goes ahead of `writes`, these ahead of `bulk`; within the process the less urgent wait here.
        """
        self._intervals[meter] = interval, burst
        allowed = burst if lane == "interactive" else max(1, burst - min(KEPT_FOR_INTERACTIVE, burst // 4))
        values = {"meter": meter, "interval": interval, "burst": allowed}
        turns = self._turns[meter]
        with turns.turn(lane, interval):
            wait = self._slot(values)
            turns.reserved(wait)
        return wait

    def _slot(self, values: dict[str, Any]) -> float:
        wait = self._ask("reserve", values)
        if wait is None:
            self._tell("add_meter", {"meter": values["meter"]})
            wait = self._ask("reserve", values)
        return max(0.0, wait[0]) if wait else 0.0

    def pause(self, meter: str, seconds: float) -> None:
        """Let nobody use the meter for so long, nor in a burst afterwards."""
        interval, burst = self._intervals.get(meter, (0.0, 1))
        self._tell("pause", {"meter": meter, "seconds": seconds, "tail": interval * (burst - 1)})

    def operating(self, meter: str, method: str, used: float, reset_at: float) -> None:
        """Note Bitrix24's operating seconds of one method. used: seconds; reset_at: unix seconds."""
        values = {"meter": meter, "method": method, "used": used, "reset_at": reset_at, "limit": OPERATING_LIMIT}
        self._tell("note_operating", values)

    def operating_pause(self, meter: str, method: str) -> float:
        """Return the seconds this method should rest: 0 below four fifths of its limit, then longer and longer."""
        row = self._ask("operating", {"meter": meter, "method": method})
        return rest(*row) if row else 0.0

    def close(self) -> None:
        """Close the budget's own connections."""
        self._engine.dispose()

    def _ask(self, query: str, values: dict[str, Any]) -> Any:
        with self._engine.connect() as db:
            return db.exec_driver_sql(queries("budget")[query], values).one_or_none()

    def _tell(self, query: str, values: dict[str, Any]) -> None:
        with self._engine.connect() as db:
            db.exec_driver_sql(queries("budget")[query], values)


def rest(used: float, until_reset: float, still_parked: float) -> float:
    """Return how long a method should rest: all in seconds."""
    if still_parked > 0:
        return still_parked
    if used < SLOW_FROM or until_reset <= 0:
        return 0.0
    return min(until_reset, LONGEST_BREATH * (used - SLOW_FROM) / (OPERATING_LIMIT - SLOW_FROM))


def meters(engine: Engine) -> list[dict[str, Any]]:
    """Return how the meters stand."""
    with engine.connect() as db:
        return [dict(row._mapping) for row in db.exec_driver_sql(queries("budget")["meters"])]


def _settle_less(connection: Any, _record: Callable[..., Any]) -> None:
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute(queries("budget")["settle_less"])
