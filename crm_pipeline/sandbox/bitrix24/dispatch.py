"""Running one call: does the method exist, may the caller use it, is it parked, what does it cost (facts: bitrix24 2.2, 2.3, 7).

Used for a request and for every command of a batch alike. Here: no HTTP.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from time import perf_counter
from typing import Any

from crm_pipeline.sandbox.limits import OperatingTime

from .calls import REGISTER, Answer, Call, Credential, Method
from .portal import Portal
from .refusals import (
    ADMIN_NEEDED,
    COMMERCIAL_PLAN,
    OPERATION_TIME,
    OVERLOAD,
    WRONG_AUTH_TYPE,
    method_not_found,
    scope_missing,
)

COUNTED_FROM = 0.1


@dataclass
class Done:
    """A call's answer with its `time` block."""

    answer: Answer
    time: dict[str, Any]


class Dispatcher:
    """Run calls of one portal; `parked` counts the calls refused for operating time."""

    def __init__(self, portal: Portal, real_limits: Callable[[], bool]):
        self.portal, self._real_limits, self.parked = portal, real_limits, 0
        self.operating = OperatingTime(portal.clock, portal.switches.operating_limit)

    def find(self, name: str) -> Method:
        """Return a method; an unknown one is refused before anybody asks who calls. Raises Refusal."""
        found = REGISTER.get(name.lower())
        if found is None:
            raise method_not_found(self.portal.switches.method_not_found_status)
        return found

    def run(self, name: str, params: Mapping[str, Any], credential: Credential, inside: bool = False) -> Done:
        """Run a call, or a command inside a batch. Raises Refusal."""
        found = self.find(name)
        self._admit(found, credential)
        key = f"{credential.key}|{found.name}"
        self._check_parked(key)
        began, start = perf_counter(), self.portal.clock.now()
        with self.portal.lock:
            result = found.run(self.portal, Call(found.name, params, credential, found.strict))
        elapsed = perf_counter() - began
        self._bill(found.name, key, elapsed, inside)
        answer = result if isinstance(result, Answer) else Answer(result)
        return Done(answer, self.time(key, start, elapsed))

    def time(self, key: str, start: float, elapsed: float) -> dict[str, Any]:
        """Build the `time` block; operating figures are left out by the switch."""
        iso = self.portal.moments.iso
        block: dict[str, Any] = {"start": start, "finish": start + elapsed, "duration": elapsed, "processing": elapsed * 0.9}
        block |= {"date_start": iso(start), "date_finish": iso(start + elapsed)}
        if self.portal.switches.operating == "shown":
            block |= {"operating_reset_at": self.operating.reset_at(key), "operating": self.operating.operating(key)}
        return block

    def _admit(self, found: Method, credential: Credential) -> None:
        switches = self.portal.switches
        if switches.overload:
            raise OVERLOAD
        if not switches.commercial_plan:
            raise COMMERCIAL_PLAN
        if found.scope and found.scope not in credential.scopes:
            raise scope_missing(credential.webhook)
        if found.app_only and credential.webhook:
            raise WRONG_AUTH_TYPE
        if found.admin_only and not credential.admin:
            raise ADMIN_NEEDED

    def _check_parked(self, key: str) -> None:
        self.operating.limit = self.portal.switches.operating_limit
        if (self._real_limits() or self.portal.switches.operating_cost) and self.operating.blocked(key):
            self.parked += 1
            raise OPERATION_TIME

    def _bill(self, name: str, key: str, elapsed: float, inside: bool) -> None:
        """Bill run time to the inner commands or to the batch, by the switch; only long calls count unless a cost is set."""
        by_batch = self.portal.switches.operating_billing == "batch"
        if (name == "batch" and not by_batch) or (inside and by_batch):
            return
        cost = self.portal.switches.operating_cost
        self.operating.charge(key, cost or (elapsed if elapsed >= COUNTED_FROM else 0.0))


def rows_in(result: Any) -> int:
    """Count the rows an answer carries, for the journal."""
    if isinstance(result, Mapping):
        return sum(rows_in(value) if not isinstance(value, str) else 0 for value in result.values())
    return len(result) if hasattr(result, "__len__") and not isinstance(result, str) else 0
