"""World → rows of the portal: users, records, links, product rows, stage history, tasks, activities, comments.

Ids come from space.py. Here: the order of filling and the reading of a world; how one row looks is in seed_rows.py.
"""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import chain

import orjson

from crm_pipeline.sandbox.world import Deal, Product, World

from . import activities, people_rows, productrows, products, seed_rows, space, stagehistory, task_rows, timeline, users
from .portal import Portal
from .records import SIGNPOST, Record, item_kind, signposts

Line = tuple[int, int, int, str, str]
Filed = Iterator[tuple[str, Line]]
CHUNK = 5_000


def fill(portal: Portal, world: World) -> None:
    """Fill an empty portal; the world is read once and never held."""
    first = next(iter(world.deals()), None)
    portal.dictionaries.currency = first.currency if first else "RUB"
    goods = {product.key: product for product in world.products()}
    staff: dict[int, array[int]] = defaultdict(lambda: array("q"))
    people = chain(_users(portal, world), _contacts(portal, world, staff), _companies(portal, world, staff))
    trade = chain(_products(portal, goods.values()), _deals(portal, world, goods))
    _file(portal, chain(people, trade, _tasks(portal, world), _talks(portal, world)))


def _file(portal: Portal, lines: Filed) -> None:
    """Store lines by kind, a chunk at a time."""
    waiting: dict[str, list[Line]] = defaultdict(list)
    for kind, line in lines:
        waiting[kind].append(line)
        if len(waiting[kind]) == CHUNK:
            portal.store.put_many(kind, waiting.pop(kind))
    for kind, rest in waiting.items():
        portal.store.put_many(kind, rest)


def _both_faces(portal: Portal, record: Record) -> Filed:
    classic, item = portal.records.texts(record)
    yield record.kind, (record.id, record.created, record.updated, "", classic)
    yield item_kind(record.kind), (record.id, record.created, record.updated, "", item)
    for number, owner in signposts(record):
        yield SIGNPOST, (number, 0, 0, owner, "null")


def _users(portal: Portal, world: World) -> Filed:
    made = portal.moments.seconds("2020-01-01") or 0
    yield users.KIND, _line(space.ADMIN, made, made, seed_rows.admin(made))
    for agent in world.agents():
        yield users.KIND, _line(space.user(agent.key), made, made, seed_rows.agent(agent, made))


def _products(portal: Portal, goods: Iterable[Product]) -> Filed:
    now = portal.now
    for one in goods:
        number = space.product(one.key)
        price = seed_rows.price(one, portal.dictionaries.currency, portal.iso(now))
        yield products.KIND, _line(number, now, now, seed_rows.product(one, portal.iso(now)))
        yield products.PRICE, _line(price["id"], now, now, price, f"product:{number}")


def _contacts(portal: Portal, world: World, staff: dict[int, array[int]]) -> Filed:
    for person in world.people():
        record = people_rows.contact(portal, person)
        for company in record.links:
            staff[company].append(record.id)
        yield from _both_faces(portal, record)


def _companies(portal: Portal, world: World, staff: dict[int, array[int]]) -> Filed:
    yield from _both_faces(portal, people_rows.own_company(portal))
    for company in world.companies():
        record = people_rows.company(portal, company)
        record.links = list(staff.get(record.id, ()))
        yield from _both_faces(portal, record)


def _deals(portal: Portal, world: World, goods: dict[int, Product]) -> Filed:
    for deal in world.deals():
        product = goods.get(deal.product or 0)
        yield from _both_faces(portal, seed_rows.deal(portal, deal, product))
        yield from _history(portal, deal)
        if product is not None:
            row = seed_rows.product_row(deal, product)
            yield productrows.KIND, _line(row["id"], deal.created, deal.created, row, f"deal:{row['ownerId']}")


def _history(portal: Portal, deal: Deal) -> Filed:
    owner = space.deal(deal.key)
    for place, (type_id, stage, at) in enumerate(seed_rows.path(deal)):
        number = deal.key * seed_rows.STEPS + place
        row = stagehistory.entry(number, type_id, owner, portal.iso(at), seed_rows.stage_keys(deal, stage))
        yield stagehistory.KIND, _line(number, at, at, row, f"deal:{owner}")


def _tasks(portal: Portal, world: World) -> Filed:
    for task in world.tasks():
        yield task_rows.KIND, _line(task.key, task.created, task.updated, seed_rows.task(portal, task))


def _talks(portal: Portal, world: World) -> Filed:
    for talk in world.talks():
        kind, build = _TALKS.get(talk.kind, (activities.KIND, seed_rows.activity))
        row = build(portal, talk)
        yield kind, _line(int(row["ID"]), talk.at, talk.at, row, seed_rows.owner_key(talk))


_TALKS = {"note": (timeline.KIND, seed_rows.comment)}


def _line(number: int, created: int, updated: int, row: object, parent: str = "") -> Line:
    return number, created, updated, parent, orjson.dumps(row).decode()
