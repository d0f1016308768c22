"""A world of any number of people, lazily: which records there are, under which keys; people.py and dealings.py make each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from . import dealings, people, words
from .world import Agent, Company, Deal, Person, Product, Talk, Task


@dataclass(frozen=True, slots=True)
class GeneratedWorld:
    """A world of `contacts` people, or its part with the people first..last (0-based, last excluded); `voice` is its spelling.

    Keys are 1..n inside the part; what a record says depends only on its place in the whole, so parts that overlap share people.
    """

    contacts: int
    seed: int
    first: int = 0
    last: int = -1
    voice: int = 0

    def part(self, low: float, high: float) -> GeneratedWorld:
        """Answer the people at [low, high) with their companies, deals, tasks and talks; cut at whole blocks."""
        first = int(self.contacts * low) // people.BLOCK * people.BLOCK
        last = self.contacts if high >= 1.0 else int(self.contacts * high) // people.BLOCK * people.BLOCK
        return GeneratedWorld(self.contacts, self.seed, first, last, voice=int(low * 1000))

    @property
    def counts(self) -> dict[str, int]:
        each = dict.fromkeys(("people", "deals", "tasks", "talks"), len(self._people))
        return {"agents": people.agent_count(self.contacts), "companies": len(self._firms), "products": len(words.GOODS)} | each

    def agents(self) -> Iterator[Agent]:
        yield from (people.agent(self.seed, index) for index in range(people.agent_count(self.contacts)))

    def products(self) -> Iterator[Product]:
        for key, (name, price) in enumerate(words.GOODS, 1):
            yield Product(key, name, f"SKU-{1000 + key}", Decimal(price))

    def companies(self) -> Iterator[Company]:
        base, total = self._firms.start - 1, people.firm_count(self.contacts)
        for index in self._firms:
            yield people.company(self.seed, index, index - base, total, people.agent_count(self.contacts), self.voice)

    def people(self) -> Iterator[Person]:
        base, firms = self._people.start - 1, self._firms
        for index in self._people:
            yield people.person(self.seed, index, index - base, firms, self.contacts, self.voice)

    def deals(self) -> Iterator[Deal]:
        return dealings.deals(self._scene())

    def tasks(self) -> Iterator[Task]:
        return dealings.tasks(self._scene())

    def talks(self) -> Iterator[Talk]:
        return dealings.talks(self._scene())

    @property
    def _people(self) -> range:
        return range(self.first, self.contacts if self.last < 0 else self.last)

    @property
    def _firms(self) -> range:
        places = self._people
        return range(people.firm_count(places.start), people.firm_count(places.stop))

    def _scene(self) -> dealings.Scene:
        return dealings.Scene(self.seed, self._people, self._firms, self.contacts, people.agent_count(self.contacts))
