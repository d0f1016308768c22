"""Neutral records both stand-ins are filled from. Knows no CRM's ids, fields or formats, nor where the records came from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from .serving import Options

Stage = Literal["prospecting", "engaging", "won", "lost"]
TalkKind = Literal["call", "sms", "email", "meeting", "note"]
TaskKind = Literal["call", "meeting", "email", "todo"]
Target = Literal["person", "company", "deal"]


@dataclass(frozen=True, slots=True)
class Agent:
    """A user of the CRM. Times everywhere are unix seconds; keys are 1..n per kind."""

    key: int
    name: str
    first: str
    last: str
    email: str
    manager: str | None
    office: str | None


@dataclass(frozen=True, slots=True)
class Company:
    key: int
    name: str
    tax_id: str | None
    phone: str | None
    email: str | None
    web: str | None
    address: str | None
    sector: str | None
    revenue: Decimal | None
    employees: int | None
    agent: int
    created: int
    updated: int
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Person:
    """A contact; `company` is a company's key or None; birthday is an ISO date."""

    key: int
    first: str
    last: str
    middle: str | None
    phones: tuple[str, ...]
    emails: tuple[str, ...]
    position: str | None
    birthday: str | None
    company: int | None
    agent: int
    web: str | None
    created: int
    updated: int
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Product:
    key: int
    name: str
    sku: str
    price: Decimal


@dataclass(frozen=True, slots=True)
class Deal:
    """A sale; `people` are keys, the main one first; `reference` is its number outside the CRM (opportunity_id)."""

    key: int
    title: str
    amount: Decimal | None
    currency: str
    stage: Stage
    product: int | None
    quantity: int
    company: int | None
    people: tuple[int, ...]
    agent: int
    created: int
    updated: int
    closed: int | None
    loss_reason: str | None
    reference: str | None = None
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Task:
    key: int
    text: str
    kind: TaskKind
    due: int
    done: bool
    done_at: int | None
    result: str | None
    target_kind: Target
    target: int
    agent: int
    created: int
    updated: int


@dataclass(frozen=True, slots=True)
class Talk:
    """A call, message, meeting or note; `seconds` is the length of a call, `direction` None for meetings and notes."""

    key: int
    kind: TalkKind
    direction: Literal["in", "out"] | None
    text: str
    seconds: int | None
    at: int
    target_kind: Target
    target: int
    agent: int
    phone: str | None


class World(Protocol):
    """Lazy iterators in key order; each may be called again and yields the same records."""

    @property
    def counts(self) -> dict[str, int]:
        """Answer how many there are: agents, companies, people, products, deals, tasks, talks."""

    def agents(self) -> Iterator[Agent]: ...
    def companies(self) -> Iterator[Company]: ...
    def people(self) -> Iterator[Person]: ...
    def products(self) -> Iterator[Product]: ...
    def deals(self) -> Iterator[Deal]: ...
    def tasks(self) -> Iterator[Task]: ...
    def talks(self) -> Iterator[Talk]: ...


class EmptyWorld:
    """A new account: one user, nothing else."""

    @property
    def counts(self) -> dict[str, int]:
        return dict.fromkeys(("companies", "people", "products", "deals", "tasks", "talks"), 0) | {"agents": 1}

    def agents(self) -> Iterator[Agent]:
        yield Agent(1, "Анна Орлова", "Анна", "Орлова", "anna.orlova@example.com", None, None)

    def companies(self) -> Iterator[Company]:
        return iter(())

    def people(self) -> Iterator[Person]:
        return iter(())

    def products(self) -> Iterator[Product]:
        return iter(())

    def deals(self) -> Iterator[Deal]:
        return iter(())

    def tasks(self) -> Iterator[Task]:
        return iter(())

    def talks(self) -> Iterator[Talk]:
        return iter(())


def world_of(options: Options) -> World:
    """Answer what a stand-in started with these options holds: CSV data, generated people, or nothing."""
    # Imported here: both are built from the records above.
    from .csv_world import CsvWorld
    from .generated_world import GeneratedWorld

    if options.data is not None:
        return CsvWorld(options.data).part(*options.share)
    if options.contacts:
        return GeneratedWorld(options.contacts, options.seed).part(*options.share)
    return EmptyWorld()
