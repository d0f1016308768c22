"""The first day: accounts are connected and read, records that nothing tells to be the same are merged by a person.

What belongs here: what an operator does once. Everything after that is steps.
"""

import random
from collections.abc import Sequence

from crm_pipeline_tests.whole.world import DEALS, NAMES, World, rules_text

SETTLE = 2
RATE = 1000


def open_up(world: World) -> None:
    """Connect all three, read them, let golden records be, and switch most of them to two-way."""
    chance = random.Random(f"opening {world.seed}")
    for name in NAMES:
        authorise(world, name)
    _set(world, NAMES, f"rate={RATE}", f"burst={RATE}", f"settle_seconds={SETTLE}")
    world.rules.write_text(rules_text(), encoding="utf-8")
    world.crew.work(*({"verb": "sync", "connection": name, "mode": "initial"} for name in NAMES))
    world.crew.do("reconcile")
    for title, where in DEALS:
        _are_one(world, title, where)
    world.two_way = NAMES if chance.random() < 0.7 else tuple(sorted(chance.sample(NAMES, 2)))
    _set(world, world.two_way, "direction=two_way")
    world.tell(f"two-way: {', '.join(world.two_way)}")


def _set(world: World, names: Sequence[str], *pairs: str) -> None:
    said = world.crew.work(*({"verb": "cli", "words": ["connections", "set", name, *pairs]} for name in names))
    assert all(one["end"] == "done" for one in said), said


def authorise(world: World, name: str) -> None:
    """Connect an account, or connect it again, as a person would."""
    side = world.sides[name]
    given = side.sandbox.credentials()
    if name == "south":
        order = {"secrets": {"access_token": given["long_lived_token"]}}
    else:
        keys = ("client_id", "client_secret", "redirect_uri", "oauth_url")
        order = {"secrets": {key: given[key] for key in keys if key in given}, "code": given["code"]}
    crm = "bitrix24" if name == "portal" else "amocrm"
    world.crew.do("connect", crm=crm, connection=name, url=side.sandbox.url, **order)


def _are_one(world: World, title: str, where: tuple[str, ...]) -> None:
    """Let a person say that deals of several CRMs are one: nothing in them says so."""
    if len(where) > 1:
        refs = [f"{name}:{_key_of(world, name, title)}" for name in where]
        world.crew.cli("match", "merge", *refs, "--entity", "deals", "--by", "anna")


def _key_of(world: World, name: str, title: str) -> str:
    return next(key for key, values in world.sides[name].dump("deals").items() if values["title"] == title)
