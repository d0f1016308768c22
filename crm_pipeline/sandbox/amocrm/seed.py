"""A world poured into an account, kind by kind, without holding it: vendor rows are made by people_rows.py and deal_rows.py."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any

from ..world import World
from . import deal_rows, people_rows
from .furniture import EQUIPMENT, PRODUCTS, furnish
from .ids import ADMIN, BASES, id_of
from .linkbook import LEADS_PER_PAIR, element_link
from .people import loss_reason_row, user_row
from .records import ENTITIES, Row, parent_of
from .tags import tags_kind

if TYPE_CHECKING:
    from .account import Account

CHUNK = 2_000
Made = Iterable[Row]


def fill(account: Account, world: World) -> None:
    """Fill an empty account."""
    _users(account, world)
    counts = world.counts  # counting can mean reading everything: once
    furnish(account, with_catalogs=counts["products"] > 0)
    account.forget()
    pour = Pourer(account)
    pour.rows(f"elements_{PRODUCTS}", (people_rows.product(account, one) for one in world.products()))
    if counts["products"]:
        pour.rows(f"elements_{EQUIPMENT}", (people_rows.machine(account, one) for one in world.products()))
    maker = people_rows.Maker(account, _closest(world, counts["tasks"]))
    pour.rows("companies", (maker.company(one) for one in world.companies()))
    pour.rows("contacts", (maker.person(one) for one in world.people()))
    reasons = deal_rows.Reasons()
    for deals in _chunks(world.deals()):
        _deals(pour, maker, deals, reasons)
    pour.rows("tasks", (deal_rows.task(account, one) for one in world.tasks()))
    for talks in _chunks(world.talks()):
        _notes(pour, [deal_rows.talk(account, one) for one in talks])
    _small(account, maker, reasons, world)
    account.forget()


class Pourer:
    """Write made rows in bulk."""

    def __init__(self, account: Account) -> None:
        self.account = account
        self.events = 0

    def rows(self, kind: str, made: Made) -> None:
        """Write rows under their own ids."""
        text = self.account.records.text
        self.account.records.store.put_many(
            kind, ((row["id"], row["created_at"], row["updated_at"], parent_of(kind, row), text(row)) for row in made)
        )

    def raw(self, kind: str, made: Iterable[tuple[int, int, int, str, Any]]) -> None:
        """Write (id, created, updated, parent, row) as they are."""
        text = self.account.records.text
        store = self.account.records.store
        store.put_many(kind, ((id, created, updated, parent, text(row)) for id, created, updated, parent, row in made))


def _chunks(source: Iterator[Any]) -> Iterator[list[Any]]:
    while chunk := list(islice(source, CHUNK)):
        yield chunk


def _users(account: Account, world: World) -> None:
    admin = user_row(account, ADMIN, "Администратор", f"admin@{account.subdomain}.example.com", is_admin=True)
    account.records.save("users", admin)
    for agent in world.agents():
        account.records.save("users", user_row(account, id_of("users", agent.key), agent.name, agent.email, is_admin=False))
    account.records.save("account", {"id": 1, "created_at": account.now() - 86_400 * 365})
    account.users.forget()


def _closest(world: World, tasks: int) -> dict[tuple[str, int], int]:
    """Answer the earliest open task per target; a very big world goes without, so as not to be held in memory."""
    found: dict[tuple[str, int], int] = {}
    for task in world.tasks() if tasks <= 200_000 else ():
        if not task.done:
            key = (task.target_kind, task.target)
            found[key] = min(task.due, found.get(key, task.due))
    return found


def _deals(pour: Pourer, maker: people_rows.Maker, deals: list[Any], reasons: deal_rows.Reasons) -> None:
    rows = [deal_rows.lead(maker, deal, reasons) for deal in deals]
    pour.rows("leads", rows)
    pairs = [pair for deal in deals for pair in _pairs(deal)]
    pour.raw("lead_contacts", ((row["id"], at, at, str(row["lead"]), row) for row, at in pairs))
    pour.raw("contact_leads", ((row["id"], at, at, str(row["contact"]), row) for row, at in pairs))
    pour.raw("leads_elements", (_elements(deal) for deal in deals if deal.product is not None))
    _history(pour, rows)


def _notes(pour: Pourer, made: list[tuple[str, Row]]) -> None:
    for kind in ENTITIES:
        pour.rows(f"{kind}_notes", [row for target, row in made if target == kind])


def _pairs(deal: Any) -> Iterator[tuple[Row, int]]:
    lead = id_of("leads", deal.key)
    for place, person in enumerate(deal.people):
        row = {"id": lead * LEADS_PER_PAIR + place, "lead": lead, "contact": id_of("contacts", person), "is_main": place == 0}
        yield row, deal.created


def _elements(deal: Any) -> tuple[int, int, int, str, Row]:
    id = id_of("leads", deal.key)
    row = {"id": id, "elements": [element_link(id_of("products", deal.product), PRODUCTS, deal.quantity)]}
    return id, deal.created, deal.created, "", row


def _history(pour: Pourer, leads: list[Row]) -> None:
    """Write when each closed lead was closed: the CRM's own stage history."""
    made = []
    for lead in leads:
        if lead["closed_at"] is None:
            continue
        pour.events += 1
        row = deal_rows.closing_event(pour.account, pour.events, lead)
        made.append((pour.events, row["created_at"], row["created_at"], f"lead:{lead['id']}", row))
    pour.raw("events", made)


def _small(account: Account, maker: people_rows.Maker, reasons: deal_rows.Reasons, world: World) -> None:
    for kind, tags in maker.tags.items():
        for name, tag in tags.items():
            account.records.save(tags_kind(kind), tag | {"name": name})
    for place, (name, id) in enumerate(reasons.ids.items(), 1):
        account.records.save("loss_reasons", loss_reason_row(id, name, place * 100, account.now()))
    currency = next((deal.currency for deal in world.deals()), "RUB")
    account.records.save("account", {"id": 1, "created_at": account.now() - 86_400 * 365, "currency": currency})
    for kind, base in BASES.items():
        if kind in ("contacts", "companies", "leads", "tasks"):
            account.records.store.next_id(kind, floor=base)
    for kind in ("leads", "contacts", "companies"):
        account.records.store.next_id(f"{kind}_notes", floor=BASES["notes"])
        account.records.store.next_id(tags_kind(kind), floor=people_rows.TAG_BASE)
