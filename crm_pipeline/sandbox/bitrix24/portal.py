"""One portal's state: what every method may reach. Holds the parts together and does nothing itself."""

from __future__ import annotations

import threading
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from crm_pipeline.sandbox.clock import Clock
from crm_pipeline.sandbox.faults import Faults
from crm_pipeline.sandbox.store import Store

from .dictionaries import Dictionaries
from .moments import Moments
from .records import Records
from .switches import BitrixSwitches

if TYPE_CHECKING:
    from .access import Access
    from .dispatch import Dispatcher
    from .events import Events


@dataclass
class Portal:
    """The parts of one portal; `lock` is held while a call or an edit runs, so that one never sees half of another."""

    store: Store
    clock: Clock
    switches: BitrixSwitches
    moments: Moments
    records: Records
    dictionaries: Dictionaries
    member_id: str
    spawn: Callable[[Coroutine[Any, Any, Any]], None]
    url: Callable[[], str]
    events: Events = field(init=False)
    access: Access = field(init=False)
    dispatcher: Dispatcher = field(init=False)
    faults: Faults = field(default_factory=Faults)
    plans: dict[tuple[Any, ...], bool] = field(default_factory=dict)
    lock: threading.RLock = field(default_factory=threading.RLock)

    @property
    def now(self) -> int:
        """Whole seconds: the resolution of every stored time."""
        return self.clock.seconds()

    def iso(self, seconds: float | None = None) -> str:
        """Write a time, by default the present, in the portal's zone."""
        return self.moments.iso(self.clock.now() if seconds is None else seconds)
