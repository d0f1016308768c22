"""Users, roles, loss reasons and the account itself: what is read about who and where (facts: amocrm 4.7)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson

from .account import GROUPS, TASK_TYPES
from .answers import Answer, hal, href, self_link
from .entities import gone
from .pages import Found, Listing, serve
from .parts import asked
from .records import Row

if TYPE_CHECKING:
    from .account import Account
    from .call import Call

_ALL = {"view": "A", "edit": "A", "add": "A", "delete": "A", "export": "A"}
_OWN = {"view": "A", "edit": "M", "add": "A", "delete": "D", "export": "D"}
PLAIN_WITH = ("amojo_id", "version", "drive_url", "is_api_filter_enabled", "entity_names", "invoices_settings", "uuid")
EMBEDDED_WITH = ("amojo_rights", "users_groups", "task_types", "datetime_settings")
USER_WITH = ("uuid", "amojo_id", "user_rank", "phone_number")


def user_row(account: Account, id: int, name: str, email: str, is_admin: bool) -> Row:
    """Build a user."""
    letters = _ALL if is_admin else _OWN
    tasks = {"edit": letters["edit"], "delete": letters["delete"]}
    rights = {
        "leads": letters,
        "contacts": letters,
        "companies": letters,
        "tasks": tasks,
        "mail_access": False,
        "catalog_access": True,
    }
    rights |= {
        "status_rights": None,
        "is_admin": is_admin,
        "is_free": False,
        "is_active": True,
        "group_id": None,
        "role_id": None,
    }
    return {"id": id, "name": name, "email": email, "lang": "ru", "rights": rights, "_links": self_link(f"users/{id}")}


def list_users(account: Account, call: Call) -> Answer:
    """Answer a page of users with totals; administrators only (the router sees to that)."""
    names = asked(call.query)
    listing = Listing("users", "users", totals=True, decorate=lambda found: [_user(body, names) for body in _bodies(found)])
    return serve(account, call, listing)


def get_user(account: Account, call: Call) -> Answer:
    """Answer one user."""
    row = account.records.get("users", int(call.params["id"]))
    if row is None:
        return gone(account, call, "users", int(call.params["id"]))
    return Answer(200, _user(account.records.text(row), asked(call.query)).encode())


def _bodies(found: Found) -> list[str]:
    return [body for _, body in found]


def _user(body: str, names: list[str]) -> str:
    row = orjson.loads(body)
    row |= {name: None for name in USER_WITH if name in names}
    groups = (
        [{"id": row["rights"]["group_id"], "name": GROUPS[0]["name"]}] if "group" in names and row["rights"]["group_id"] else []
    )
    return orjson.dumps(row | {"_embedded": {"roles": [], "groups": groups}}).decode()


def list_roles(account: Account, call: Call) -> Answer:
    """Answer the roles: there are none."""
    return serve(account, call, Listing("roles", "roles", totals=True))


def list_loss_reasons(account: Account, call: Call) -> Answer:
    """Answer why leads are lost."""
    return serve(account, call, Listing("loss_reasons", "loss_reasons"))


def get_loss_reason(account: Account, call: Call) -> Answer:
    """Answer one loss reason."""
    id = int(call.params["id"])
    row = account.records.get("loss_reasons", id)
    return Answer(200, account.records.text(row).encode()) if row else gone(account, call, "loss_reasons", id)


def loss_reason_row(id: int, name: str, sort: int, at: int) -> Row:
    """Build a loss reason."""
    return {
        "id": id,
        "name": name,
        "sort": sort,
        "created_at": at,
        "updated_at": at,
        "_links": self_link(f"leads/loss_reasons/{id}"),
    }


def get_account(account: Account, call: Call) -> Answer:
    """Answer the account, with what `with` asks for."""
    names = asked(call.query)
    created = account.records.get("account", 1) or {"created_at": 0}
    body: Row = {
        "id": account.id,
        "name": account.subdomain.capitalize(),
        "subdomain": account.subdomain,
        "created_at": created["created_at"],
        "created_by": 0,
        "updated_at": created["created_at"],
        "updated_by": 0,
        "current_user_id": call.user_id,
        "country": "RU",
        "currency": created.get("currency", "RUB"),
        "currency_symbol": {"RUB": "₽", "USD": "$"}.get(created.get("currency", "RUB"), ""),
        "customers_mode": "unavailable",
        "is_unsorted_on": True,
        "mobile_feature_version": 0,
        "is_loss_reason_enabled": True,
        "is_helpbot_enabled": False,
        "is_technical_account": False,
        "contact_name_display_order": 1,
    }
    body |= {name: value for name, value in _plain(account).items() if name in names}
    body["_links"] = {"self": href("account")}
    embedded = {name: value for name, value in _embedded().items() if name in names}
    return hal(body | ({"_embedded": embedded} if embedded else {}))


def _plain(account: Account) -> Row:
    uuid = f"00000000-0000-4000-8000-{account.id:012d}"
    catalog = account.records.rows("catalogs", "json_extract(body, '$.type') = 'invoices'")
    return {
        "amojo_id": uuid,
        "uuid": uuid,
        "version": 11,
        "drive_url": "https://drive-b.amocrm.ru",
        "is_api_filter_enabled": account.switches.api_filter,
        "entity_names": {
            "leads": {"ru": {"singular_form": {"default": "сделка"}, "plural_form": {"default": "сделки"}, "gender": "f"}}
        },
        "invoices_settings": {"lang": "ru", "invoices_catalog_id": catalog[0]["id"] if catalog else None},
    }


def _embedded() -> Row:
    settings = {"date_pattern": "d.m.Y H:i", "short_date_pattern": "d.m.Y", "short_time_pattern": "H:i", "date_formant": "d.m.Y"}
    settings |= {"time_format": "H:i:s", "timezone": "Europe/Moscow", "timezone_offset": "+03:00"}
    return {
        "amojo_rights": {"can_direct": True, "can_create_groups": True},
        "users_groups": GROUPS,
        "task_types": TASK_TYPES,
        "datetime_settings": settings,
    }
