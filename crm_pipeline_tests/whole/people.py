"""What people do in the CRMs: edit, create, delete, restore, merge. Every edit is noted in the world's ledger."""

import random
from typing import Any

from crm_pipeline_tests.whole.sides import ENTITIES, MAIN, STAGES, Side
from crm_pipeline_tests.whole.world import NAMES, Edit, World, email, phone, word

EDITED = {
    "contacts": ("name", "position", "phones", "emails", "phones_less"), "companies": ("name", "phones"),
    "deals": ("title", "amount", "stage", "stage"), "tasks": ("title", "done"),
}  # fmt: skip
MERGED = ("contacts", "companies")


def edit(world: World, chance: random.Random) -> None:
    """Somebody changes one field of one record."""
    side, entity = world.sides[chance.choice(NAMES)], chance.choices(ENTITIES, (4, 2, 5, 1))[0]
    keys = side.keys(entity)
    if keys:
        change(world, side, entity, chance.choice(keys), chance.choice(EDITED[entity]), chance)


def change(world: World, side: Side, entity: str, key: str, what: str, chance: random.Random) -> None:
    """Change a field of a record in a CRM."""
    number, field = world.next_number(), what.removesuffix("_less")
    held = side.dump(entity)[key].get(field)
    value = new_value(what, held, number, chance)
    side.change(entity, key, {field: value})
    seen = float(value) if field == "amount" else value  # not what the CRM shows: its lists may lag behind
    world.counts["edits"] += 1
    world.note(Edit(number, side.name, entity, key, field, seen, held))
    world.tell(f"  {side.name}: {entity} {key} {field} {held!r} -> {seen!r}")


def new_value(what: str, held: Any, number: int, chance: random.Random) -> Any:
    """Return another value for a field, unlike any there was."""
    makers: dict[str, Any] = {
        "phones": lambda: [*(held or []), phone(number)], "emails": lambda: [*(held or []), email(number)],
        "phones_less": lambda: [*(held or [])[1:], phone(number)] if len(held or []) > 1 else [*(held or []), phone(number)],
        "amount": lambda: 100_000 + number, "stage": lambda: chance.choice([one for one in STAGES if one != held]),
        "done": lambda: not held, "name": lambda: f"{chance.choice(('Anna', 'Boris', 'Vera'))} {word(number)}",
    }  # fmt: skip
    return makers.get(what, lambda: word(number))()


def create(world: World, chance: random.Random) -> None:
    """Somebody makes a record; some of them somebody known elsewhere."""
    side, entity, number = (
        world.sides[chance.choice(NAMES)],
        chance.choice(("contacts", "deals", "companies")),
        world.next_number(),
    )
    name = word(number)
    values: dict[str, dict[str, Any]] = {
        "contacts": {"name": f"Nina {name}", "phones": [phone(number)], "emails": [email(number)]},
        "companies": {"name": name, "phones": [phone(number)]},
        "deals": {"title": name, "amount": 100_000 + number, "stage": "new"},
    }
    key = side.create(entity, values[entity])
    world.made[side.name, entity].add(key)
    world.counts["edits"] += 1
    world.tell(f"  {side.name}: {entity} {key} made, {MAIN[entity]} {name}")


def delete(world: World, chance: random.Random) -> None:
    """Somebody puts a record into the trash."""
    side, entity = world.sides[chance.choice(NAMES)], chance.choice(("contacts", "deals"))
    keys = side.keys(entity)
    if len(keys) > 1:
        key = chance.choice(keys)
        side.delete(entity, key)
        world.touched.add((entity, side.name, key))
        world.counts["edits"] += 1
        world.tell(f"  {side.name}: {entity} {key} deleted")


def restore(world: World, chance: random.Random) -> None:
    """Somebody takes a record out of the trash again."""
    side, entity = world.sides[chance.choice(NAMES)], chance.choice(("contacts", "deals"))
    keys = side.keys(entity, deleted=1)
    if keys:
        key = chance.choice(keys)
        back = side.restore(entity, key)
        world.touched |= {(entity, side.name, key), (entity, side.name, back)}
        world.made[side.name, entity].add(back)
        world.counts["edits"] += 1
        world.tell(f"  {side.name}: {entity} {key} restored as {back}")


def merge(world: World, chance: random.Random) -> None:
    """Somebody merges two records of one CRM."""
    side, entity = world.sides[chance.choice(NAMES)], chance.choice(MERGED)
    keys = side.keys(entity)
    if len(keys) > 2:
        winner, loser = chance.sample(keys, 2)
        side.merge(entity, winner, loser)
        world.touched |= {(entity, side.name, winner), (entity, side.name, loser)}
        world.counts["edits"] += 1
        world.tell(f"  {side.name}: {entity} {loser} merged into {winner}")
