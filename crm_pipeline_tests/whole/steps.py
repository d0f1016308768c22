"""Everything that may happen, one step after the other: a step is a function of the world and of chance, chance of a number.

What belongs here: the table of steps, and those of the machinery: syncs, reconciling, drains, all of which may be killed. What
people do is in `people.py`, what the app does in `app.py`, what breaks in `faults.py`.
"""

import random
from collections.abc import Callable
from typing import Any

from crm_pipeline_tests.whole import app, faults, people
from crm_pipeline_tests.whole.calm import age, mend
from crm_pipeline_tests.whole.sides import ENTITIES
from crm_pipeline_tests.whole.world import LEAP, NAMES, PAST, World

Step = Callable[[World, random.Random], None]
Plan = list[tuple[str, int]]
"""Name of a step and the number its chance comes from."""


def take(world: World, name: str, number: int) -> None:
    """Do one step."""
    world.counts["steps"] += 1
    world.tell(f"- {name} {number}")
    STEPS[name][0](world, random.Random(f"{name} {number}"))


def plan(seed: str, length: int) -> Plan:
    """Return the steps of a seed; in the first third of them nothing is written back, so that time can leap."""
    chance = random.Random(f"plan {seed}")
    early = {name: weight for name, (_, weight) in STEPS.items() if name in EARLY}
    every = {name: weight for name, (_, weight) in STEPS.items()}
    names = [
        name for some, count in ((early, length // 3), (every, length - length // 3)) for name in _chosen(chance, some, count)
    ]
    return [(name, chance.randrange(1_000_000)) for name in names]


def _chosen(chance: random.Random, weights: dict[str, int], count: int) -> list[str]:
    return chance.choices(list(weights), list(weights.values()), k=count)


def death(chance: random.Random, longest: int = 300) -> dict[str, Any]:
    """Choose when a process is killed."""
    kinds: tuple[tuple[str, Any], ...] = (
        ("statement", chance.randint(1, longest)), ("cursor", chance.randint(1, 6)),
        ("commit", chance.randint(1, max(2, longest // 6))), ("seconds", round(chance.uniform(0.02, 0.5), 3)),
        ("request", chance.randint(1, max(2, longest // 12))), ("answer", chance.randint(1, max(2, longest // 12))),
    )  # fmt: skip
    return dict([chance.choice(kinds)])


def _work(world: World, *orders: dict[str, Any]) -> None:
    for order, one in zip(orders, world.crew.work(*orders), strict=True):
        shown = {key: value for key, value in order.items() if key != "verb"}
        world.tell(f"  {order.get('verb', '')} {shown} {one['end']}: {str(one['said'])[:300]}")
        world.counts["kills"] += one["end"] == "killed"


def sync_one(world: World, chance: random.Random) -> None:
    _work(world, {"verb": "sync", "connection": chance.choice(NAMES)})


def sync_all(world: World, chance: random.Random) -> None:
    _work(world, *({"verb": "sync", "connection": name} for name in NAMES))


def sync_killed(world: World, chance: random.Random) -> None:
    _work(world, {"verb": "sync", "connection": chance.choice(NAMES), "dies": death(chance)})


def hint(world: World, chance: random.Random) -> None:
    """Webhooks tell of records that changed: twice, and in any order."""
    name, entity = chance.choice(NAMES), chance.choice(ENTITIES)
    keys = world.sides[name].keys(entity)
    some = chance.sample(keys, min(2, len(keys)))
    for key in [*some, *reversed(some)]:
        _work(world, {"verb": "sync", "connection": name, "mode": "record", "entities": [entity], "ids": [key]})


def reconcile(world: World, chance: random.Random) -> None:
    _work(world, {"verb": "reconcile"})


def reconcile_killed(world: World, chance: random.Random) -> None:
    _work(world, {"verb": "reconcile", "dies": death(chance, 200)})


def drain(world: World, chance: random.Random) -> None:
    world.reach_present()
    _work(world, {"verb": "drain"})


def drain_killed(world: World, chance: random.Random) -> None:
    world.reach_present()
    _work(world, {"verb": "drain", "dies": death(chance, 150)})


def drain_twice(world: World, chance: random.Random) -> None:
    """Two processes drain at the same time, and one may be killed."""
    world.reach_present()
    dies = death(chance, 150) if chance.random() < 0.5 else None
    _work(world, {"verb": "drain"}, {"verb": "drain", "dies": dies})


def revenant(world: World, chance: random.Random) -> None:
    """A drain stands still for an hour after an answer; others do its work, the app goes on, and then it comes back."""
    world.reach_present()
    edit = app.an_edit(world, chance)
    app.send(world, edit)
    # Of one connection: nothing else of this process may be on its way, or it would not stand still as a whole.
    order = {"verb": "drain", "connection": chance.choice(world.two_way), "rests": {"answer": chance.randint(1, 4)}}
    (one,) = world.crew.work(order)
    world.tell(f"  {order} {one['end']}")
    if one["end"] != "resting":
        return
    world.counts["kills"] += 1
    age(world)
    if chance.random() < 0.8:
        app.send(world, app.once_more(world, edit))
    _work(world, {"verb": "drain"})
    _work(world, {"wake": one["said"]})


def all_at_once(world: World, chance: random.Random) -> None:
    """A sync, a reconcile and a drain at the same time, and one may be killed."""
    world.reach_present()
    orders: list[dict[str, Any]] = [
        {"verb": "sync", "connection": chance.choice(NAMES)},
        {"verb": "reconcile"},
        {"verb": "drain"},
    ]
    if chance.random() < 0.5:
        chance.choice(orders)["dies"] = death(chance, 150)
    _work(world, *orders)


def wait(world: World, chance: random.Random) -> None:
    """An hour passes for what rests in the queue."""
    age(world)


def create_lost(world: World, chance: random.Random) -> None:
    """Something new is made in every CRM, and the answers are lost, or the process dies before it has noted them."""
    world.reach_present()
    for name in world.two_way:
        faults.lose_an_answer(world, name, chance)
    app.create(world, chance)
    _work(world, {"verb": "drain", "dies": {"answer": chance.randint(1, 6)} if chance.random() < 0.3 else None})
    age(world)
    _work(world, {"verb": "drain"})


def sync_late(world: World, chance: random.Random) -> None:
    """Somebody edits, a quarter of an hour later it is read, and the process dies on the way; then as much time passes again."""
    people.edit(world, chance)
    leap(world, chance)
    if world.edits:
        last = world.edits[-1]
        name = last.by if last.by in NAMES else chance.choice(NAMES)
        dies = chance.choice(({"commit": chance.randint(1, 10)}, {"cursor": chance.randint(1, 4)}))
        _work(world, {"verb": "sync", "connection": name, "entities": [last.entity], "dies": dies})
    leap(world, chance)


def leap(world: World, chance: random.Random) -> None:
    """A quarter of an hour passes in the CRMs, as long as their clocks are behind."""
    behind = world.is_past and world.counts["leaps"] < MOST_LEAPS
    world.counts["leaps"] += behind
    if behind:
        world.leap()


def fault(world: World, chance: random.Random) -> None:
    """Something is about to go wrong with a CRM, and as a rule somebody talks with it at once."""
    name = faults.strike(world, chance)
    then = chance.choice(("sync", "drain", "drain", ""))
    if then == "drain":
        world.reach_present()
    if then and (then == "sync" or name in world.two_way):
        _work(world, {"verb": then, "connection": name})


def recover(world: World, chance: random.Random) -> None:
    """A person authorises again what asks for it."""
    mend(world)


MOST_LEAPS = int(PAST // LEAP) - 1

STEPS: dict[str, tuple[Step, int]] = {
    "people_edit": (people.edit, 30), "people_create": (people.create, 4), "people_delete": (people.delete, 3),
    "people_restore": (people.restore, 3), "people_merge": (people.merge, 1),
    "app_edit": (app.edit, 16), "app_create": (app.create, 8), "app_complete": (app.complete, 3), "app_link": (app.link, 3),
    "create_lost": (create_lost, 4), "app_killed": (app.killed, 3), "app_again": (app.again, 2),
    "sync_one": (sync_one, 10), "sync_all": (sync_all, 5), "sync_killed": (sync_killed, 9), "sync_late": (sync_late, 5),
    "hint": (hint, 2),
    "reconcile": (reconcile, 6), "reconcile_killed": (reconcile_killed, 3),
    "drain": (drain, 12), "drain_killed": (drain_killed, 7), "drain_twice": (drain_twice, 3), "revenant": (revenant, 4),
    "all_at_once": (all_at_once, 3), "wait": (wait, 4), "leap": (leap, 6), "recover": (recover, 2),
    "fault": (fault, 14), "skew": (faults.skew, 2), "manners": (faults.manners, 3),
}  # fmt: skip
"""Step → what it does, and how often it comes."""

EARLY = (
    "people_edit", "people_create", "people_delete", "people_restore", "people_merge", "sync_one", "sync_all", "sync_killed",
    "sync_late", "hint", "reconcile", "reconcile_killed", "leap", "skew", "manners",
)  # fmt: skip
"""Steps that nothing is written back in."""
