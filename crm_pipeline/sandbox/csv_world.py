"""A world read from CSV files as published (Maven's CRM sales opportunities, the us-500 people), or the part one account holds.

Published: companies, products, agents, deals, people. Made up here, always the same: who at a company a deal is with, the clock
times of dates, created times of people and companies, why a deal was lost, tasks of open deals, calls with people.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from zlib import crc32

from .csv_files import Files, Row
from .dice import DAY, HOUR
from .world import Agent, Company, Deal, Person, Product, Stage, Talk, Task

# Names the pipeline spells otherwise than the list of products; the deal's title keeps what was published.
PRODUCT_NAMES = {"GTXPro": "GTX Pro"}
STAGES: dict[str, Stage] = {"Prospecting": "prospecting", "Engaging": "engaging", "Won": "won", "Lost": "lost"}
LOSS_REASONS = ("Price", "Competitor", "No budget", "No answer", "Bad timing")
CURRENCY = "USD"
_PEOPLE_SINCE = int(datetime(2016, 9, 1, 9, tzinfo=UTC).timestamp())
_PROSPECTS_SINCE = int(datetime(2017, 10, 2, tzinfo=UTC).timestamp())
_END = int(datetime(2018, 1, 5, tzinfo=UTC).timestamp())


class CsvWorld:
    """Everything in the files, or with `part` what one of several accounts of the company holds."""

    def __init__(self, data: Path, share: tuple[float, float] = (0.0, 1.0), files: Files | None = None) -> None:
        self._data, self._low, self._high = data, *share
        self._files = files or Files.read(Path(data))

    def part(self, low: float, high: float) -> CsvWorld:
        """Answer the companies at [low, high) of their file with their deals and people; agents and products are all there."""
        return CsvWorld(self._data, (low, high), self._files)

    @property
    def counts(self) -> dict[str, int]:
        companies = len(self._accounts) + len(self._persons)
        deals = len(self._deals)
        alone = {"agents": len(self._files.sales_teams), "products": len(self._files.products), "people": len(self._persons)}
        return alone | {
            "companies": companies,
            "deals": deals,
            "tasks": sum(1 for _ in self.tasks()),
            "talks": len(self._persons),
        }

    def agents(self) -> Iterator[Agent]:
        for key, row in enumerate(self._files.sales_teams, 1):
            first, _, last = row["sales_agent"].partition(" ")
            email = f"{first}.{last}@crm.example.com".lower().replace(" ", "-")
            yield Agent(key, row["sales_agent"], first, last, email, row["manager"] or None, row["regional_office"] or None)

    def products(self) -> Iterator[Product]:
        for key, row in enumerate(self._files.products, 1):
            yield Product(key, row["product"], row["product"].upper().replace(" ", "-"), Decimal(row["sales_price"]))

    def companies(self) -> Iterator[Company]:
        for place, key in self._accounts.items():
            yield self._account(place, key)
        for place, key in self._persons.items():
            yield self._workplace(place, key + len(self._accounts))

    def people(self) -> Iterator[Person]:
        for place, key in self._persons.items():
            yield self._person(place, key)

    def deals(self) -> Iterator[Deal]:
        for key, place in enumerate(self._deals, 1):
            yield self._deal(place, key)

    def tasks(self) -> Iterator[Task]:
        """Yield a task for every deal being engaged: a call to make."""
        open_deals = (deal for deal in self.deals() if deal.stage == "engaging")
        for key, deal in enumerate(open_deals, 1):
            yield _call_to_make(key, deal)

    def talks(self) -> Iterator[Talk]:
        """Yield a first call with every person."""
        for person in self.people():
            yield _first_call(person)

    # who is in this part: place in the file -> key

    @cached_property
    def _accounts(self) -> dict[int, int]:
        return self._keys(place for place in range(len(self._files.accounts)) if self._inside(place, len(self._files.accounts)))

    @cached_property
    def _persons(self) -> dict[int, int]:
        """People whose own company is in the part, or who deal for an account that is; their company comes with them."""
        people, accounts = len(self._files.people), len(self._files.accounts)
        return self._keys(
            place
            for place in range(people)
            if self._inside(place, people) or (accounts and self._inside(place * accounts // people, accounts))
        )

    @cached_property
    def _deals(self) -> list[int]:
        return [place for place, row in enumerate(self._files.sales_pipeline) if self._holds(place, row)]

    @cached_property
    def _account_places(self) -> dict[str, int]:
        return {row["account"]: place for place, row in enumerate(self._files.accounts)}

    @cached_property
    def _agent_keys(self) -> dict[str, int]:
        return {row["sales_agent"]: key for key, row in enumerate(self._files.sales_teams, 1)}

    @cached_property
    def _product_keys(self) -> dict[str, int]:
        return {row["product"]: key for key, row in enumerate(self._files.products, 1)}

    def _holds(self, place: int, row: Row) -> bool:
        account = self._account_places.get(row["account"])
        return self._inside(place, len(self._files.sales_pipeline)) if account is None else account in self._accounts

    def _inside(self, place: int, total: int) -> bool:
        return self._low <= place / total < self._high

    @staticmethod
    def _keys(places: Iterator[int]) -> dict[int, int]:
        return {place: key for key, place in enumerate(places, 1)}

    # one record

    def _account(self, place: int, key: int) -> Company:
        row = self._files.accounts[place]
        born = _PEOPLE_SINCE + place * HOUR
        tags = (f"subsidiary of {row['subsidiary_of']}",) if row["subsidiary_of"] else ()
        return Company(
            key=key,
            name=row["account"],
            tax_id=None,
            phone=None,
            email=None,
            web=_site(row["account"]),
            address=row["office_location"] or None,
            sector=row["sector"] or None,
            revenue=Decimal(row["revenue"]) if row["revenue"] else None,
            employees=int(row["employees"]) if row["employees"] else None,
            agent=self._some_agent(row["account"]),
            created=born,
            updated=born,
            tags=tags,
        )

    def _workplace(self, place: int, key: int) -> Company:
        row = self._files.people[place]
        born = _PEOPLE_SINCE + place * HOUR
        return Company(
            key=key,
            name=row["company_name"],
            tax_id=None,
            phone=None,
            email=None,
            web=row["web"] or None,
            address=f"{row['address']}, {row['city']}, {row['state']} {row['zip']}",
            sector=None,
            revenue=None,
            employees=None,
            agent=self._some_agent(row["email"]),
            created=born,
            updated=born,
        )

    def _person(self, place: int, key: int) -> Person:
        row = self._files.people[place]
        born = _PEOPLE_SINCE + place * HOUR
        return Person(
            key=key,
            first=row["first_name"],
            last=row["last_name"],
            middle=None,
            phones=tuple(self._spelling(row[name]) for name in ("phone1", "phone2") if row[name]),
            emails=(row["email"],) if row["email"] else (),
            position=None,
            birthday=None,
            company=key + len(self._accounts),
            agent=self._some_agent(row["email"]),
            web=row["web"] or None,
            created=born,
            updated=born + crc32(row["email"].encode()) % (300 * DAY),
        )

    def _deal(self, place: int, key: int) -> Deal:
        row = self._files.sales_pipeline[place]
        chance = crc32(row["opportunity_id"].encode())
        born, closed = _created(row, chance), _moment(row["close_date"], chance >> 8)
        stage, account = STAGES[row["deal_stage"]], self._account_places.get(row["account"])
        return Deal(
            key=key,
            title=" · ".join(part for part in (row["opportunity_id"], row["product"], row["account"]) if part),
            amount=Decimal(row["close_value"]) if row["close_value"] else None,
            currency=CURRENCY,
            stage=stage,
            product=self._product_keys.get(PRODUCT_NAMES.get(row["product"], row["product"])),
            quantity=1,
            company=None if account is None else self._accounts[account],
            people=self._contacts(place, account, chance),
            agent=self._agent_keys.get(row["sales_agent"], 1),
            created=born,
            updated=max(born, closed or born + chance % (20 * DAY)),
            closed=closed,
            loss_reason=LOSS_REASONS[chance % 5] if stage == "lost" else None,
            reference=row["opportunity_id"],
        )

    def _contacts(self, place: int, account: int | None, chance: int) -> tuple[int, ...]:
        """Choose one to three of the people who stand at the same place of their file as the account (or the deal) of its own."""
        people = len(self._files.people)
        at, whole = (place, len(self._files.sales_pipeline)) if account is None else (account, len(self._files.accounts))
        first = min(-(-at * people // whole), people - 1)
        room = max(1, -(-(at + 1) * people // whole) - first)
        chosen = dict.fromkeys(first + (chance + step * 2) % room for step in range(1 + chance % 3))
        return tuple(self._persons[who] for who in chosen if who in self._persons)

    def _spelling(self, phone: str) -> str:
        """Write a phone as published, or as accounts that do not hold the head of the list do."""
        return f"+1 {phone}" if self._low > 0 else phone

    def _some_agent(self, text: str) -> int:
        return 1 + crc32(text.encode()) % max(1, len(self._files.sales_teams))


def _site(company: str) -> str:
    """Return a web site made up from the company's name: the published data has none."""
    return f"http://www.{''.join(letter for letter in company.lower() if letter.isalnum())}.example"


def _created(row: Row, chance: int) -> int:
    """Answer a moment on the day of the published date; deals without one were made late in 2017."""
    return _moment(row["engage_date"], chance) or _PROSPECTS_SINCE + chance % 80 * DAY + 9 * HOUR + chance // 80 % (8 * HOUR)


def _moment(date: str, chance: int) -> int | None:
    """Answer a second between 9 and 17 UTC, so that the day is the published one from Moscow to New York."""
    if not date:
        return None
    return int(datetime.fromisoformat(date).replace(tzinfo=UTC).timestamp()) + 9 * HOUR + chance % (8 * HOUR)


def _call_to_make(key: int, deal: Deal) -> Task:
    done = crc32(deal.title.encode()) % 3 == 0
    done_at = deal.created + 2 * DAY if done else None
    return Task(
        key=key,
        text=f"Call about {deal.title}",
        kind="call",
        due=deal.created + 7 * DAY,
        done=done,
        done_at=done_at,
        result="Agreed on a meeting" if done else None,
        target_kind="deal",
        target=deal.key,
        agent=deal.agent,
        created=deal.created,
        updated=done_at or deal.created,
    )


def _first_call(person: Person) -> Talk:
    chance = crc32(f"{person.first} {person.last}".encode())
    return Talk(
        key=person.key,
        kind="call",
        direction="out" if chance % 2 else "in",
        text=("Introduced the product line", "Asked for a quote", "Left a message")[chance % 3],
        seconds=chance % 900,
        at=person.created + DAY,
        target_kind="person",
        target=person.key,
        agent=person.agent,
        phone=person.phones[0] if person.phones else None,
    )
