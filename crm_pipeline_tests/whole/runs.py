"""One run from a seed or a plan: a world, its steps, calm, judgement. Shared by the test and by `make chaos`."""

import base64
import os
import random
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from crm_pipeline_tests.conftest import administer, url_of
from crm_pipeline_tests.whole import steps, verdict
from crm_pipeline_tests.whole.crew import Program
from crm_pipeline_tests.whole.opening import open_up
from crm_pipeline_tests.whole.steps import Plan
from crm_pipeline_tests.whole.world import World, open_world

LENGTHS = (12, 40)


@dataclass
class Place:
    """Where runs take place: a Postgres, a migrated template database, the program, a folder."""

    server: str
    template: str
    program: Program
    folder: Path
    rules: Path
    numbers: int = 0


@dataclass
class Outcome:
    """What came of one run."""

    seed: str
    counts: dict[str, int]
    violations: list[str]
    story: list[str]
    seconds: float
    log: str = field(repr=False, default="")


@contextmanager
def open_place(server: str, template: str, sabotage: str = "") -> Iterator[Place]:
    """Yield a place for many runs."""
    with TemporaryDirectory(prefix="crm-chaos-") as name:
        folder = Path(name)
        env = {
            "CRM_ENCRYPTION_KEY": base64.b64encode(os.urandom(32)).decode(), "CRM_ALLOWED_HOSTS": "127.0.0.1",
            "CRM_RULES_FILE": str(folder / "rules.yaml"), "CHAOS_SABOTAGE": sabotage,
        }  # fmt: skip
        program = Program(env)
        yield Place(server, template, program, folder, folder / "rules.yaml")
        program.close()


@contextmanager
def scratch(place: Place) -> Iterator[str]:
    """Yield the URL of a database of one's own."""
    place.numbers += 1
    name = f"whole_{os.getpid()}_{place.numbers}"
    administer(place.server, "CREATE DATABASE {} TEMPLATE {}", name, place.template)
    yield url_of(place.server, name)
    administer(place.server, "DROP DATABASE {} WITH (FORCE)", name)


@contextmanager
def opened(place: Place, seed: str) -> Iterator[World]:
    """Yield a world that has just been opened."""
    with scratch(place) as database, TemporaryDirectory(dir=place.folder) as name:
        place.rules.write_text("", encoding="utf-8")
        with open_world(place.program, database, Path(name), seed) as world:
            world.rules = place.rules
            open_up(world)
            yield world


def plan_of(seed: str) -> Plan:
    """Return the steps of a seed."""
    return steps.plan(seed, random.Random(f"length {seed}").randint(*LENGTHS))


def run(place: Place, seed: str, plan: Plan | None = None) -> Outcome:
    """Do one run and judge it."""
    began = time.monotonic()
    with opened(place, seed) as world:
        try:
            for name, number in plan_of(seed) if plan is None else plan:
                steps.take(world, name, number)
            violations = verdict.conclude(world)
        except Exception:  # noqa: BLE001 - a run that cannot go on is a finding like any other
            violations = [f"the run broke off: {traceback.format_exc()}"]
        return tell(world, seed, violations, time.monotonic() - began)


def tell(world: World, seed: str, violations: list[str], seconds: float) -> Outcome:
    """Return what came of a world."""
    world.counts["writes"] = sum(len(side.writes()) for side in world.sides.values())
    log = world.crew.log.read_text(encoding="utf-8", errors="replace") if world.crew.log.exists() else ""
    return Outcome(seed, dict(world.counts), violations, world.story, seconds, log)


def shortened(plan: Plan, still_fails: Callable[[Plan], bool]) -> Plan:
    """Return a plan without the steps that it fails without: halves are left out, then quarters, then single steps."""
    size = len(plan) // 2
    while size:
        at = 0
        while at < len(plan):
            less = plan[:at] + plan[at + size :]
            if still_fails(less):
                plan = less
            else:
                at += size
        size //= 2
    return plan
