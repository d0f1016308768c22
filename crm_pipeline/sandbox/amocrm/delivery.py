"""Sending webhooks: two seconds to answer, the retry table, switching off (facts: amocrm 8.3). Knows no payload."""

from __future__ import annotations

import asyncio
import random
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

import aiohttp

from ..clock import Clock
from ..limits import SlidingWindow
from .hooks import Hooks
from .switches import AmoSwitches

MINUTE, HOUR = 60.0, 3600.0
# seconds from attempt n to attempt n + 1
DELAYS = (5 * MINUTE, 15 * MINUTE, 15 * MINUTE, 1 * HOUR)
WINDOW, TOLERATED = 2 * HOUR, 100
CONTENT_TYPE = "application/x-www-form-urlencoded"


@dataclass(order=True)
class Delivery:
    """One body on its way to one subscription; `attempt` counts from 1, status 0 means no answer."""

    due: float
    number: int
    hook: int = field(compare=False)
    body: str = field(compare=False)
    attempt: int = field(default=1, compare=False)
    status: int | None = field(default=None, compare=False)


def next_delay(attempt: int, status: int) -> float | None:
    """Answer the seconds until the next attempt, or None when this was the last one (facts: amocrm 8.3)."""
    if 100 <= status < 300 or attempt > len(DELAYS):
        return None
    if attempt >= 3 and status != 499 and status < 500:
        return None
    return DELAYS[attempt - 1]


class Courier:
    """Deliver bodies in the background; retries follow the sandbox clock."""

    def __init__(self, clock: Clock, switches: AmoSwitches, hooks: Hooks, address: Callable[[int], str | None]) -> None:
        self._clock, self._switches, self._hooks, self._address = clock, switches, hooks, address
        self._bad = SlidingWindow(clock, WINDOW)
        self._waiting: list[Delivery] = []
        self._numbers = 0
        self._wake = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._attempts: set[asyncio.Task[None]] = set()
        self.log: list[Delivery] = []
        self.in_flight = 0
        self.changed = threading.Condition()  # told after every attempt, for whoever watches `log`

    def send(self, hook: int, body: str) -> None:
        """Queue a body, from any thread; twice when duplicates are switched on."""
        for _ in range(2 if self._switches.webhook_duplicate else 1):
            self._numbers += 1
            self._waiting.append(Delivery(self._clock.now(), self._numbers, hook, body))
        self.look()

    def look(self) -> None:
        """Look again at what is due: something was queued or the clock was moved. From any thread."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._wake.set)

    @property
    def pending(self) -> int:
        """Answer how many deliveries wait for an attempt or an answer."""
        return len(self._waiting) + self.in_flight

    async def run(self) -> None:
        """Deliver until cancelled."""
        self._loop = asyncio.get_running_loop()
        timeout = aiohttp.ClientTimeout(total=None)
        async with aiohttp.ClientSession(timeout=timeout, auto_decompress=False) as session:
            while True:
                self._wake.clear()
                for delivery in self._due():
                    self.in_flight += 1
                    attempt = self._loop.create_task(self._attempt(session, delivery))
                    self._attempts.add(attempt)
                    attempt.add_done_callback(self._attempts.discard)
                await self._rest()

    async def _rest(self) -> None:
        wait = min((delivery.due for delivery in self._waiting), default=None)
        seconds = None if wait is None or self._clock.frozen else max(0.0, wait - self._clock.now())
        try:
            await asyncio.wait_for(self._wake.wait(), seconds)
        except TimeoutError:
            return

    def _due(self) -> list[Delivery]:
        now = self._clock.now()
        due = sorted(delivery for delivery in self._waiting if delivery.due <= now)
        self._waiting = [delivery for delivery in self._waiting if delivery.due > now]
        if self._switches.webhook_reorder:
            random.Random(len(self.log)).shuffle(due)
        return due

    async def _attempt(self, session: aiohttp.ClientSession, delivery: Delivery) -> None:
        address = self._address(delivery.hook)
        if address is not None:
            delivery.status = await self._post(session, address, delivery.body)
            self.log.append(
                Delivery(self._clock.now(), delivery.number, delivery.hook, delivery.body, delivery.attempt, delivery.status)
            )
            self._judge(delivery, delivery.status)
        with self.changed:
            self.in_flight -= 1
            self.changed.notify_all()
        self._wake.set()

    async def _post(self, session: aiohttp.ClientSession, address: str, body: str) -> int:
        try:
            async with asyncio.timeout(self._switches.webhook_deadline):
                headers = {"Content-Type": CONTENT_TYPE, "User-Agent": "amoCRM-Webhooks/3.0"}
                async with session.post(address, data=body.encode(), headers=headers, allow_redirects=False) as answer:
                    return answer.status
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError):
            return 0

    def _judge(self, delivery: Delivery, status: int) -> None:
        if 100 <= status < 300:
            return
        if self._bad.add(str(delivery.hook)) > TOLERATED:
            self._hooks.disable(delivery.hook)
            return
        delay = next_delay(delivery.attempt, status)
        if delay is not None:
            delivery.attempt, delivery.due = delivery.attempt + 1, self._clock.now() + delay
            self._waiting.append(delivery)
