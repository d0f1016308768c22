"""Deals, products, users, tasks, activities and comments of a world as rows of the portal.

Here: one row at a time. The order of filling is in seed.py, contacts and companies are in people_rows.py.
"""

from __future__ import annotations

from html import escape
from typing import Any

from crm_pipeline.sandbox.world import Agent, Deal, Product, Talk, Task

from . import activities, productrows, products, space, stagehistory, task_rows, timeline
from .dictionaries import PROCESS, stage_id
from .faces import Row, blank
from .fields import CUSTOM, ENTITY_TYPES, SHORT_CODES
from .moments import utc
from .people_rows import common
from .portal import Portal
from .records import Record
from .users import user_row

STEPS = 3
STAGES = {"prospecting": "NEW", "engaging": "PREPARATION", "won": "WON", "lost": "LOSE"}
TARGETS = {"person": ("contact", space.contact), "company": ("company", space.company), "deal": ("deal", space.deal)}
_TYPES = {"call": activities.CALL, "email": activities.EMAIL, "meeting": activities.MEETING, "sms": activities.PROVIDED}
_DIRECTIONS = {"in": "1", "out": "2", None: "0"}
_SUBJECTS = {"call": "Call", "email": "E-mail", "meeting": "Meeting", "sms": "SMS"}
_DEAL = blank("deal")
_REFERENCE, _CHANNEL, _OPTIONS, _ENGAGED, _URGENT, _MARGIN, _LIST_PRICE = CUSTOM["deal"]
WEEK = 7 * 86_400


def admin(made: int) -> Row:
    """Build the administrator, whose webhook and app the credentials are."""
    return user_row(space.ADMIN, "Ada", "Admin", "admin@example.test", "Administrator", utc(made))


def agent(one: Agent, made: int) -> Row:
    """Build a sales agent."""
    return user_row(space.user(one.key), one.first, one.last, one.email, one.office or "", utc(made))


def product(one: Product, when: str) -> Row:
    """Build a product; the article number is its code and external id."""
    return products.blank(space.product(one.key), one.name, when) | {"code": one.sku, "xmlId": one.sku}


def price(one: Product, currency: str, when: str) -> Row:
    """Build a product's price."""
    return products.price_row(700 + one.key, space.product(one.key), float(one.price), currency, when)


def product_row(made: Deal, goods: Product) -> Row:
    """Build the product row of a deal at the list price."""
    number = space.deal(made.key)
    return productrows.blank(500 + number, number, space.product(goods.key), goods.name, float(goods.price), made.quantity)


def pipeline(made: Deal) -> int:
    """Put every fifth deal in the second pipeline; the stages have the same names in both."""
    return 1 if made.key % 5 == 0 else 0


def path(made: Deal) -> list[tuple[int, str, int]]:
    """List the stages a deal went through: (type of entry, stage, unix seconds)."""
    steps = [(stagehistory.CREATED, "NEW", made.created)]
    if made.stage != "prospecting":
        steps.append((stagehistory.INTERIM, "PREPARATION", made.created + (made.updated - made.created) // 3))
    if made.stage in ("won", "lost"):
        steps.append((stagehistory.FINAL, STAGES[made.stage], made.closed or made.updated))
    return steps


def stage_keys(made: Deal, stage: str) -> Row:
    """Return pipeline, stage and its meaning as a deal's row has them."""
    category = pipeline(made)
    spelled = stage_id(category, stage)
    semantics = {"WON": "S", "LOSE": "F"}.get(stage, PROCESS)
    return {"CATEGORY_ID": str(category), "STAGE_ID": spelled, "STAGE_SEMANTIC_ID": semantics}


def deal(portal: Portal, made: Deal, goods: Product | None) -> Record:
    """Build a deal; its sum is kept by hand where the product row says otherwise."""
    moments, closes = portal.moments, made.closed or made.created + WEEK
    row = common({**_DEAL}, made.agent, made.updated, moments)
    row |= stage_keys(made, STAGES[made.stage])
    listed = goods.price * made.quantity if goods else None
    row |= {"TITLE": made.title, "TYPE_ID": "SALE", "CURRENCY_ID": made.currency, "OPPORTUNITY": f"{made.amount or 0:.2f}"}
    row |= {"IS_MANUAL_OPPORTUNITY": "N" if listed == made.amount else "Y", "TAX_VALUE": "0.00", "SOURCE_ID": "WEB"}
    row |= {"BEGINDATE": moments.day(moments.iso(made.created)), "CLOSEDATE": moments.day(moments.iso(closes))}
    row |= {"CLOSED": "Y" if made.stage in ("won", "lost") else "N", "IS_NEW": "Y" if made.stage == "prospecting" else "N"}
    row |= dict.fromkeys(("IS_RECURRING", "IS_RETURN_CUSTOMER", "IS_REPEATED_APPROACH"), "N")
    row |= {
        "MOVED_BY_ID": row["ASSIGNED_BY_ID"],
        "MOVED_TIME": moments.iso(path(made)[-1][2]),
        "ADDITIONAL_INFO": made.loss_reason,
    }
    row |= {"COMPANY_ID": str(space.company(made.company)) if made.company else None, "COMMENTS": ", ".join(made.tags)}
    links = [space.contact(key) for key in made.people]
    row["CONTACT_ID"] = str(links[0]) if links else None
    row |= _own_fields(portal, made, goods)
    return Record("deal", space.deal(made.key), row, links, made.created, made.updated)


def _own_fields(portal: Portal, made: Deal, goods: Product | None) -> Row:
    key = made.key
    engaged = path(made)[1][2] if made.stage != "prospecting" else None
    row: Row = {_REFERENCE.name: made.reference or "", _CHANNEL.name: str(_CHANNEL.items[key % 3][0]), _URGENT.name: str(key % 2)}
    row[_OPTIONS.name] = [str(number) for place, (number, _) in enumerate(_OPTIONS.items) if key >> place & 1]
    row[_ENGAGED.name] = portal.moments.day(portal.moments.iso(engaged)) if engaged else None
    row[_MARGIN.name] = f"{key % 40 + 0.5:g}"
    row[_LIST_PRICE.name] = f"{goods.price}|{made.currency}" if goods else None
    return row


def task(portal: Portal, made: Task) -> Row:
    """Build a task bound to its target."""
    kind, number = _target(made)
    user, iso = str(space.user(made.agent)), portal.iso
    row = task_rows.blank(made.key, made.text, user, user, iso(made.created))
    row |= {"deadline": iso(made.due), "changedDate": iso(made.updated), "activityDate": iso(made.updated)}
    row |= {"ufCrmTask": [f"{SHORT_CODES[kind]}_{number}"], "description": made.result or ""}
    row["tags"] = {str(made.key): {"id": made.key, "title": made.kind}}
    if made.done:
        at = iso(made.done_at or made.updated)
        row |= {"status": task_rows.DONE, "closedBy": user, "closedDate": at, "statusChangedBy": user, "statusChangedDate": at}
    return row


def activity(portal: Portal, talk: Talk) -> Row:
    """Build a call, e-mail (HTML), message or meeting."""
    kind, number = _target(talk)
    user, at, over = str(space.user(talk.agent)), portal.iso(talk.at), portal.iso(talk.at + (talk.seconds or 0))
    row = activities.blank(talk.key, _TYPES[talk.kind], ENTITY_TYPES[kind], number)
    row |= {
        "SUBJECT": _SUBJECTS[talk.kind],
        "CREATED": at,
        "LAST_UPDATED": at,
        "START_TIME": at,
        "END_TIME": over,
        "DEADLINE": at,
    }
    row |= dict.fromkeys(("RESPONSIBLE_ID", "AUTHOR_ID", "EDITOR_ID"), user)
    row |= {"COMPLETED": "Y", "STATUS": "2", "DIRECTION": _DIRECTIONS[talk.direction], "DESCRIPTION": talk.text}
    if talk.kind == "email":
        row |= {"DESCRIPTION": f"<p>{escape(talk.text)}</p>", "DESCRIPTION_TYPE": "3"}
    if talk.kind == "sms":
        row |= {"PROVIDER_ID": "CRM_SMS", "PROVIDER_TYPE_ID": "SMS"}
    if talk.phone:
        row["COMMUNICATIONS"] = [_communication(talk, kind, number)]
    return row


def comment(portal: Portal, talk: Talk) -> Row:
    """Build a timeline comment in BB code."""
    kind, number = _target(talk)
    return timeline.row_of(5000 + talk.key, kind, number, portal.iso(talk.at), f"[B]Note[/B] {talk.text}", space.user(talk.agent))


def owner_key(talk: Talk) -> str:
    """Name what a talk belongs to, as the store's parent."""
    kind, number = _target(talk)
    return f"{kind}:{number}"


def _communication(talk: Talk, kind: str, number: int) -> dict[str, Any]:
    shown = {"ID": str(70 + talk.key), "TYPE": "PHONE", "VALUE": talk.phone, "ENTITY_ID": str(number)}
    return shown | {"ENTITY_TYPE_ID": str(ENTITY_TYPES[kind]), "ENTITY_SETTINGS": []}


def _target(made: Task | Talk) -> tuple[str, int]:
    kind, number = TARGETS[made.target_kind]
    return kind, number(made.target)
