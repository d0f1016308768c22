"""What the app does: operations are sent, sent again when nothing was answered, and noted once they are taken."""

import random
from typing import Any

from crm_pipeline_tests.whole.people import new_value
from crm_pipeline_tests.whole.sides import AMO_STAGES, STAGES
from crm_pipeline_tests.whole.world import AMO_PIPELINE, Edit, World, email, phone, word

Values = dict[str, Any]
EDITED = {
    "contacts": ("name", "position", "phones", "emails"), "companies": ("name", "phones"), "deals": ("title", "amount", "stage"),
    "tasks": ("title",),
}  # fmt: skip
POINTS = {"phones": "phone", "emails": "email"}
TAKEN = ("accepted", "merged")
"""What was said and counts, though of `merged` another value stood when it was answered."""
DUE = "2027-01-15T12:00:00+03:00"


def edit(world: World, chance: random.Random) -> None:
    """Somebody edits a golden record in the app."""
    send(world, an_edit(world, chance))


def killed(world: World, chance: random.Random) -> None:
    """The same, and the process that takes it is killed: the app hears nothing and will ask again."""
    send(world, an_edit(world, chance), {chance.choice(["statement", "commit"]): chance.randint(1, 40)})


def again(world: World, chance: random.Random) -> None:
    """The app sends something once more: what was not answered, else anything."""
    waiting = [one for one in world.operations.values() if one["answer"] is None] or list(world.operations.values())
    if waiting:
        send(world, chance.choice(waiting))


def create(world: World, chance: random.Random) -> None:
    """Somebody makes a record in the app and says which CRMs it belongs in."""
    entity, number = chance.choice(("contacts", "deals", "contacts", "tasks")), world.next_number()
    where, name = chance.sample(world.two_way, chance.randint(1, len(world.two_way))), word(number)
    kinds: dict[str, Values] = {
        "contacts": {"name": f"Oleg {name}", "phones": [phone(number)], "emails": [email(number)]},
        "deals": {"title": name, "amount": str(100_000 + number), "stage_id": _stage(world, chance.choice(STAGES))},
        "tasks": {"title": name, "due_at": DUE},
    }
    fields = kinds[entity]
    people = _golden(world, "contacts")
    if entity == "deals" and people and chance.random() < 0.5:
        fields["contacts"] = [chance.choice(people)]
    operation = {"entity": entity, "action": "create", "record": f"tmp:{number}", "connections": where, "fields": fields}
    send(world, _named(world, number, operation, []))


def complete(world: World, chance: random.Random) -> None:
    """Somebody completes a task, or opens it again."""
    tasks, number = _golden(world, "tasks"), world.next_number()
    if tasks:
        action = chance.choice(("complete", "complete", "reopen"))
        operation = {"entity": "tasks", "action": action, "record": chance.choice(tasks), "fields": {}}
        send(world, _named(world, number, operation, [("done", action == "complete", None)]))


def link(world: World, chance: random.Random) -> None:
    """Somebody links a contact with a deal, or parts them."""
    deals, people = _golden(world, "deals"), _golden(world, "contacts")
    if deals and people:
        fields = {"contacts": [chance.choice(people)]}
        operation = {"entity": "deals", "action": chance.choice(("link", "link", "unlink")), "record": chance.choice(deals)}
        send(world, _named(world, world.next_number(), operation | {"fields": fields}, []))


def send_rest(world: World) -> None:
    """Ask again until everything was answered, as an app does."""
    for one in list(world.operations.values()):
        if one["answer"] is None:
            send(world, one)


def an_edit(world: World, chance: random.Random) -> Values:
    """Make an operation that edits one field of one golden record."""
    entity, number = chance.choices(("contacts", "companies", "deals", "tasks"), (4, 2, 5, 1))[0], world.next_number()
    what = chance.choice(EDITED[entity])
    found = _golden(world, entity)
    record = chance.choice(found) if found else None
    held = _held(world, entity, record, what)
    value = new_value(what, held, number, chance)
    fields = {"stage_id": _stage(world, value)} if what == "stage" else {what: str(value) if what == "amount" else value}
    operation = {"entity": entity, "action": "update", "record": record, "fields": fields}
    return _named(world, number, operation, [(what, value, held)])


def _named(world: World, number: int, operation: Values, edits: list[tuple[str, Any, Any]]) -> Values:
    """Keep an operation under its id, with what it says, until it is answered."""
    kept = {"number": number, "operation": {**operation, "id": f"op-{number}"}, "edits": edits, "answer": None}
    world.operations[f"op-{number}"] = kept
    return kept


def once_more(world: World, kept: Values) -> Values:
    """Make an operation that edits the same field of the same record after another."""
    number, ((what, _, held),) = world.next_number(), kept["edits"]
    value = new_value(what, held, number, random.Random(number))
    fields = {"stage_id": _stage(world, value)} if what == "stage" else {what: str(value) if what == "amount" else value}
    return _named(world, number, kept["operation"] | {"fields": fields}, [(what, value, held)])


def send(world: World, kept: Values, dies: Values | None = None) -> None:
    """Send an operation and keep the answer, if there is one."""
    world.reach_present()
    operation = kept["operation"]
    (one,) = world.crew.work({"verb": "push", "operations": [operation], "dies": dies})
    world.counts["kills"] += one["end"] == "killed"
    answer = one["said"][0] if one["end"] == "done" else None
    world.tell(f"  app: {operation} {one['end']} {answer or one['said']}")
    if answer and kept["answer"] is None:
        world.counts["edits"] += 1
        for field, value, held in kept["edits"] if answer["status"] in TAKEN else []:
            seen = float(value) if field == "amount" else value
            world.note(Edit(kept["number"], "app", operation["entity"], operation["record"], field, seen, held))
    kept["answer"] = answer or kept["answer"]


def _golden(world: World, entity: str) -> list[str]:
    return [row["id"] for row in world.rows(f"SELECT id::text AS id FROM crm.{entity} WHERE deleted_at IS NULL ORDER BY id")]


def _held(world: World, entity: str, record: str | None, what: str) -> Any:
    if what not in POINTS:
        return None
    query = "SELECT value FROM crm.contact_points WHERE entity = %(entity)s AND golden_id = %(id)s AND kind = %(kind)s ORDER BY 1"
    return [row["value"] for row in world.rows(query, entity=entity, id=record, kind=POINTS[what])]


def _stage(world: World, stage: str) -> str | None:
    query = """SELECT x.golden_id::text AS id FROM crm.crosswalk x JOIN sync.connections c ON c.id = x.connection_id
               WHERE x.entity = 'stages' AND c.name = 'north' AND x.external_id = %(key)s"""
    found = world.rows(query, key=f"{AMO_PIPELINE}:{AMO_STAGES[stage]}")
    return found[0]["id"] if found else None
