"""Users and duplicates: user.get, user.current, profile, crm.duplicate.findbycomm (facts: bitrix24 4.11, 4.16)."""

from __future__ import annotations

from typing import Any

from .calls import Answer, Call, method
from .columns import ID, UPDATED, json_column
from .filters import Column, Dialect
from .json_text import Rows
from .paging import List, page
from .portal import Portal
from .refusals import Refusal, classic

KIND = "user"
_NAMES = "NAME LAST_NAME SECOND_NAME EMAIL WORK_POSITION USER_TYPE PERSONAL_CITY XML_ID"
_COLUMNS: dict[str, Column] = {
    **{name: json_column(name) for name in _NAMES.split()},
    "ID": ID,
    "TIMESTAMP_X": UPDATED,
    "ACTIVE": Column("CASE json_extract(body, '$.ACTIVE') WHEN 1 THEN 'Y' ELSE 'N' END", "char"),
}
_FEW = 20
_DUPLICATES = ("CONTACT", "COMPANY")


@method("user.get", scope="user")
def list_users(portal: Portal, call: Call) -> Answer:
    """List users; filters stand in FILTER or at the top level, SORT and ORDER are texts; pages go by start only."""
    own = {str(key).upper(): value for key, value in call.params.items() if str(key).upper().lstrip("!<>=@%") in _COLUMNS}
    given = call.get("filter") if isinstance(call.get("filter"), dict) else {}
    filters = own | {str(key).upper(): value for key, value in (given or {}).items()}
    order = (
        {str(call.get("sort") or "ID").upper(): str(call.get("order") or "ASC")}
        if not isinstance(call.get("order"), dict)
        else {}
    )
    found = page(portal, call, List(KIND, _COLUMNS, Dialect(portal.moments), fast=False), filters, order)
    return found.answer(Rows(found.texts))


@method("user.current", scope="user")
def current(portal: Portal, call: Call) -> dict[str, Any]:
    """Return the caller's own user."""
    return portal.store.get(KIND, call.credential.user) or {}


@method("profile", scope="")
def profile(portal: Portal, call: Call) -> dict[str, Any]:
    """Return the caller in short."""
    row = current(portal, call)
    shown = {"ID": row.get("ID"), "ADMIN": call.credential.admin, "NAME": row.get("NAME"), "LAST_NAME": row.get("LAST_NAME")}
    return shown | {"PERSONAL_GENDER": "", "TIME_ZONE": "", "TIME_ZONE_OFFSET": 0}


@method("user.fields", scope="user")
def fields(portal: Portal, call: Call) -> dict[str, str]:
    """Name the user fields."""
    return {name: name.replace("_", " ").capitalize() for name in _COLUMNS}


@method("user.admin", scope="")
def is_admin(portal: Portal, call: Call) -> bool:
    """Tell whether the caller is an administrator."""
    return call.credential.admin


@method("crm.duplicate.findbycomm")
def duplicates(portal: Portal, call: Call) -> dict[str, list[int]] | list[Any]:
    """Find contacts and companies by phone or e-mail; twenty hits of one type hide the next types."""
    kind, values = str(call.get("type") or "").upper(), call.get("values")
    listed = list(values.values()) if isinstance(values, dict) else values
    if kind not in ("EMAIL", "PHONE"):
        raise classic("Communication type is not defined.")
    if not isinstance(listed, list) or not listed:
        raise classic("Communication values is not defined.")
    if len(listed) > _FEW:
        raise Refusal(400, "", "Too many values.")
    wanted = str(call.get("entity_type") or "").upper()
    found: dict[str, list[int]] = {}
    for name in (wanted,) if wanted in _DUPLICATES else _DUPLICATES:
        hits = portal.records.reach.holders(name.lower(), kind, [str(value) for value in listed])[:_FEW]
        if hits:
            found[name] = hits
        if len(hits) >= _FEW:
            break
    return found or []


def user_row(number: int, first: str, last: str, email: str, position: str, registered: str) -> dict[str, Any]:
    """Build one user: ACTIVE is a JSON boolean, empty dates are `{}`."""
    row: dict[str, Any] = {"ID": str(number), "XML_ID": None, "ACTIVE": True, "NAME": first, "LAST_NAME": last, "SECOND_NAME": ""}
    row |= {"EMAIL": email, "LAST_LOGIN": "", "DATE_REGISTER": registered, "TIME_ZONE": "", "IS_ONLINE": "N", "TIMESTAMP_X": {}}
    row |= {"LAST_ACTIVITY_DATE": {}, "PERSONAL_GENDER": "", "PERSONAL_BIRTHDAY": "", "PERSONAL_MOBILE": "", "WORK_PHONE": ""}
    return row | {"WORK_POSITION": position, "UF_DEPARTMENT": [1], "USER_TYPE": "employee"}
