"""Contacts and companies of a world as records of the portal.

Here: contacts and companies only; deals and all the rest are in seed_rows.py.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from crm_pipeline.sandbox.world import Company, Person

from . import space
from .faces import Row, blank
from .fields import CUSTOM, Field
from .moments import Moments
from .multifields import flags, value
from .portal import Portal
from .records import Record

_PHONES = ("WORK", "MOBILE", "HOME", "OTHER")
_EMAILS = ("WORK", "HOME", "OTHER")
_SIZES = (("EMPLOYEES_1", 0), ("EMPLOYEES_2", 50), ("EMPLOYEES_3", 250), ("EMPLOYEES_4", 500), ("", 10**9))
_CONTACT, _COMPANY = blank("contact"), blank("company")
_CODE, _TIER, _INTERESTS, _SINCE, _NEWS, _NICKS = CUSTOM["contact"]
_TAX, _STAFF, _SECTOR, _SEGMENT, _CHANNELS = CUSTOM["company"]


def common(row: Row, agent: int, updated: int, moments: Moments) -> Row:
    """Fill who is in charge and when something last happened."""
    user = str(space.user(agent))
    row |= dict.fromkeys(("ASSIGNED_BY_ID", "CREATED_BY_ID", "MODIFY_BY_ID", "LAST_ACTIVITY_BY"), user)
    row |= {"OPENED": "Y", "LAST_ACTIVITY_TIME": moments.iso(updated)}
    return row


def contact(portal: Portal, person: Person) -> Record:
    """Build a contact with phones, e-mails, site and user fields."""
    key, moments = person.key, portal.moments
    row = common({**_CONTACT}, person.agent, person.updated, moments)
    row |= {"NAME": person.first, "LAST_NAME": person.last, "SECOND_NAME": person.middle or "", "POST": person.position or ""}
    row |= {
        "BIRTHDATE": moments.day(person.birthday) if person.birthday else "",
        "EXPORT": "Y",
        "TYPE_ID": "CLIENT",
        "HAS_IMOL": "N",
    }
    row |= {"SOURCE_ID": "WEB", "SOURCE_DESCRIPTION": "", "COMMENTS": ", ".join(person.tags)}
    links = [space.company(person.company)] if person.company else []
    row["COMPANY_ID"] = str(links[0]) if links else None
    row |= {_CODE.name: f"C-{key:07d}", _TIER.name: _choice(_TIER, key % 4), _INTERESTS.name: _choices(_INTERESTS, key)}
    row |= {_SINCE.name: moments.day(moments.iso(person.created)), _NEWS.name: str(key % 2)}
    row[_NICKS.name] = [person.first[:3], person.last[:4]] if key % 10 == 0 else []
    row |= _reach(space.person_value, key, person.phones, person.emails, (person.web,))
    row |= flags("contact", row)
    return Record("contact", space.contact(key), row, links, person.created, person.updated)


def company(portal: Portal, made: Company) -> Record:
    """Build a company."""
    row = common({**_COMPANY}, made.agent, made.updated, portal.moments)
    staff = made.employees or 0
    row |= {"TITLE": made.name, "COMPANY_TYPE": "CUSTOMER", "INDUSTRY": "OTHER", "EMPLOYEES": _size(staff), "IS_MY_COMPANY": "N"}
    row |= {"REVENUE": f"{made.revenue:.2f}" if made.revenue is not None else "0", "CURRENCY_ID": portal.dictionaries.currency}
    row |= {"ADDRESS": made.address, "BANKING_DETAILS": "", "HAS_IMOL": "N", "COMMENTS": ", ".join(made.tags)}
    row |= {_TAX.name: made.tax_id or "", _STAFF.name: str(staff) if staff else None, _SECTOR.name: made.sector or ""}
    row |= {_SEGMENT.name: _choice(_SEGMENT, 1 + (staff > 100) + (staff > 1000)), _CHANNELS.name: _choices(_CHANNELS, made.key)}
    row |= _reach(space.company_value, made.key, (made.phone,), (made.email,), (made.web,))
    row |= flags("company", row)
    return Record("company", space.company(made.key), row, [], made.created, made.updated)


def own_company(portal: Portal) -> Record:
    """Build the portal's own company: it stands in the same list, marked."""
    made = portal.moments.seconds("2020-01-01") or 0
    row = common({**_COMPANY}, 0, made, portal.moments)
    row |= {"TITLE": "Our company", "COMPANY_TYPE": "CUSTOMER", "IS_MY_COMPANY": "Y", "REVENUE": "0", "HAS_IMOL": "N"}
    row |= {"CURRENCY_ID": portal.dictionaries.currency, _TAX.name: "7701234567"}
    row |= flags("company", row)
    return Record("company", 1, row, [], made, made)


def _reach(number: Any, key: int, phones: Any, emails: Any, sites: Any) -> Row:
    groups = (("PHONE", phones, _PHONES, 0), ("EMAIL", emails, _EMAILS, 4), ("WEB", sites, ("WORK",), 8))
    row: Row = {}
    for name, texts, types, base in groups:
        values = [
            value(number(key, base + place), name, types[place], text) for place, text in enumerate(texts[: len(types)]) if text
        ]
        if values:
            row[name] = values
    return row


def _choice(field: Field, place: int) -> str | None:
    return str(field.items[place - 1][0]) if place else None


def _choices(field: Field, key: int) -> list[str]:
    return [str(number) for place, (number, _) in enumerate(field.items) if key >> place & 1]


def _size(staff: int) -> str:
    return next((name for (name, _), (_, above) in pairwise(_SIZES) if staff < above), "") if staff else ""
