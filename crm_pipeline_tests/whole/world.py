"""The world of one run: two amoCRM accounts and a Bitrix24 portal with people in them, a database, and what was edited by whom.

What belongs here: who is there, what they hold at first, and the ledger of edits. What happens then belongs to `steps.py`.
"""

import random
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic, time
from typing import Any

from sqlalchemy import Engine

from crm_pipeline.database.engine import engine_for
from crm_pipeline.sandbox.amocrm import AmoSandbox
from crm_pipeline.sandbox.bitrix24 import BitrixSandbox
from crm_pipeline.sandbox.serving import Options
from crm_pipeline_tests.whole.crew import Crew, Program
from crm_pipeline_tests.whole.sides import AMO_PIPELINE, AMO_STAGES, BITRIX_STAGES, ENTITIES, STAGES, AmoSide, BitrixSide, Side

Values = dict[str, Any]
NAMES = ("north", "south", "portal")
"""The connections: two amoCRM accounts, one Bitrix24 portal."""
PAST = 8 * 900.0
"""Seconds the CRMs' clocks are behind at first: before anything is written back, time passes by leaps."""
LEAP = 900.0

PEOPLE: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("Anna Kim", NAMES), ("Boris Levin", NAMES), ("Vera Orlova", ("north", "south")), ("Gleb Titov", ("north", "portal")),
    ("Dina Petrova", ("south",)), ("Egor Frolov", ("portal",)),
)  # fmt: skip
FIRMS: tuple[tuple[str, tuple[str, ...]], ...] = (("Almaz", NAMES), ("Bereg", ("north", "portal")), ("Vektor", ("south",)))
DEALS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("Boiler", NAMES), ("Crane", ("north", "portal")), ("Drill", ("north",)), ("Engine", ("south",)), ("Fan", ("portal",)),
)  # fmt: skip
TASKS: tuple[tuple[str, str], ...] = (("Call back", "north"), ("Send the offer", "portal"))


@dataclass(frozen=True)
class Edit:
    """Somebody said that a field of a record has a value."""

    number: int
    by: str
    """A connection, or `app`."""
    entity: str
    key: str
    """The record's id in that CRM; of the app's edits the golden id."""
    field: str
    value: Any
    had: Any = None
    """Of phones and e-mails: what the list was when it was edited."""


@dataclass
class World:
    """Everything of one run."""

    seed: str
    sides: dict[str, Side]
    crew: Crew
    engine: Engine
    rules: Path
    edits: list[Edit] = field(default_factory=list)
    operations: dict[str, Values] = field(default_factory=dict)
    """Operation id → its last answer."""
    made: dict[tuple[str, str], set[str]] = field(default_factory=lambda: defaultdict(set))
    """(connection, entity) → ids of the records people made there."""
    touched: set[tuple[str, str, str]] = field(default_factory=set)
    """(entity, connection, id) that were deleted, restored or merged by people."""
    counts: Counter[str] = field(default_factory=Counter)
    story: list[str] = field(default_factory=list)
    """What happened, a line each."""
    two_way: tuple[str, ...] = ()
    numbers: int = 0
    began: float = field(default_factory=monotonic)
    is_quiet: bool = False
    """Links went with records that were deleted, which changes no time of those that were linked: only a verify sees it."""
    is_past: bool = True
    """The CRMs' clocks are still behind."""

    def next_number(self) -> int:
        """Return a number no other edit of the run has."""
        self.numbers += 1
        return self.numbers

    def note(self, edit: Edit) -> None:
        """Remember an edit."""
        self.edits.append(edit)

    def tell(self, line: str) -> None:
        """Add a line to the story."""
        self.story.append(f"{monotonic() - self.began:6.2f} {line}")

    def rows(self, query: str, **values: Any) -> list[dict[str, Any]]:
        """Return the rows of a query on the run's database."""
        with self.engine.connect() as db:
            return [dict(row._mapping) for row in db.exec_driver_sql(query, values or None)]

    def run(self, statement: str, **values: Any) -> None:
        """Run a statement on the run's database."""
        with self.engine.begin() as db:
            db.exec_driver_sql(statement, values or None)

    def leap(self, seconds: float = LEAP) -> None:
        """Let time pass in all CRMs."""
        for side in self.sides.values():
            side.sandbox.clock.advance(seconds)

    def reach_present(self) -> None:
        """Bring the CRMs' clocks to where everybody's are: from here on things are written back."""
        if self.is_past:
            self.is_past = False
            for side in self.sides.values():
                side.sandbox.clock.advance(_behind(side))


def _behind(side: Side) -> float:
    return max(0.0, time() - side.sandbox.clock.now())


def word(number: int) -> str:
    """Return a word for a number: capitalised, of Latin letters, unlike any other."""
    letters = []
    for _ in range(4):
        number, at = divmod(number, 50)
        letters.append("bdfgklmprt"[at // 5] + "aeiou"[at % 5])
    return "Q" + "".join(reversed(letters))


def phone(number: int) -> str:
    """Return a phone for a number, as both CRMs and the pipeline write it."""
    return f"+7916{number:07}"


def email(number: int) -> str:
    """Return an e-mail for a number."""
    return f"p{number}@people.example.com"


# The beginning --------------------------------------------------------------------------------------------------------


@contextmanager
def open_world(program: Program, database: str, folder: Path, seed: str) -> Iterator[World]:
    """Yield a world whose records are in the CRMs and nowhere else yet. database: URL of a migrated one."""
    chance = random.Random(seed)
    switches = {"redirect_uri": "https://example.com/amo/callback", "batch_error": chance.choice(["whole", "partial"])}
    with ExitStack() as stack:
        made = [AmoSandbox(Options(account=name, switches=switches)) for name in NAMES[:2]]
        sandboxes = [stack.enter_context(one.running()) for one in (*made, BitrixSandbox(Options(account="portal")))]
        for sandbox in sandboxes:
            sandbox.clock.advance(-PAST)
        sides: dict[str, Side] = {
            name: (BitrixSide if name == "portal" else AmoSide)(name, sandbox)
            for name, sandbox in zip(NAMES, sandboxes, strict=True)
        }
        engine = engine_for(database)
        stack.callback(engine.dispose)
        rules = folder / "rules.yaml"
        world = World(seed, sides, Crew(program, database, folder / "log"), engine, rules)
        _fill(world)
        for name, side in sides.items():
            world.made |= {(name, entity): set(side.keys(entity)) for entity in ENTITIES}
        yield world


def _fill(world: World) -> None:
    """Put the same people, companies and deals into several CRMs, so that they meet."""
    made: dict[tuple[str, str], str] = {}
    for number, (name, where) in enumerate(FIRMS, 9_100_001):
        firm: Values = {"name": name, "phones": [phone(number)], "emails": [f"office@{name.lower()}.example.com"]}
        made |= {(name, side): world.sides[side].create("companies", firm) for side in where}
    for number, (name, where) in enumerate(PEOPLE, 9_000_001):
        person: Values = {"name": name, "position": "Buyer", "phones": [phone(number)], "emails": [email(number)]}
        made |= {(name, side): world.sides[side].create("contacts", person) for side in where}
    for number, (title, where) in enumerate(DEALS, 1):
        for side in where:
            deal: Values = {"title": title, "amount": number * 1000, "stage": "new", "contacts": [made["Anna Kim", side]]}
            world.sides[side].create("deals", deal | {"company": made["Almaz", side]})
    for title, side in TASKS:
        world.sides[side].create("tasks", {"title": title, "about": world.sides[side].keys("deals")[0]})


def rules_text() -> str:
    """Return the rules of the world: which stages, pipelines and users are the same."""
    amo, lines = [name for name in NAMES if name != "portal"], ["stages:"]
    for stage in STAGES:
        refs = [f'"{name}:{AMO_PIPELINE}:{AMO_STAGES[stage]}"' for name in amo] + [f'"portal:{BITRIX_STAGES[stage]}"']
        lines.append(f"  - [{', '.join(refs)}]")
    lines.append(f'pipelines:\n  - [{", ".join(f"{name}:{AMO_PIPELINE}" for name in amo)}, "portal:0"]')
    lines.append(f"users:\n  - {{{', '.join(f'{name}: 900000' for name in amo)}, portal: 1}}")
    return "\n".join(lines) + "\n"
