"""Webhook subscriptions: their endpoints, and which change goes to whom. Sending and retrying is in delivery.py."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

from . import brackets, legacy
from .answers import BASE, EMPTY, Answer, hal, href, problem
from .filters import filters_of
from .records import Row
from .validation import Errors, check_fields, filled_text, integer, listing, require, validation_answer

if TYPE_CHECKING:
    from .account import Account

MAX_HOOKS = 100
_SUBJECTS = ("lead", "contact", "company", "customer")
CODES = frozenset(
    {f"{action}_{subject}" for subject in _SUBJECTS for action in ("add", "update", "delete", "restore", "responsible", "note")}
    - {"restore_customer"}
    | {"status_lead", "add_task", "update_task", "delete_task", "responsible_task"}
    | {"add_talk", "update_talk", "add_message", "add_chat_template_review"}
)
Send = Callable[[int, str], None]
_FIELDS = {"destination": filled_text, "settings": listing, "sort": integer}


class Hooks:
    """Turn changes into form bodies and hand them to the sender of each subscription."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self.send: Send = lambda hook, body: None

    def notify(self, code: str, kind: str, action: str, item: Row | int) -> None:
        """Send one change to everybody who asked for its code."""
        wanted = [row for row in self.all() if code in row["settings"] and not row["disabled"]]
        if not wanted:
            return
        body = self._body(kind, action, item)
        for row in wanted:
            self.send(row["id"], body)

    def all(self) -> list[Row]:
        """List the subscriptions."""
        return self._account.records.rows("webhooks")

    def disable(self, id: int) -> None:
        """Switch a subscription off, as the vendor does after too many bad answers."""
        row = self._account.records.get("webhooks", id)
        if row is not None:
            self._account.records.save("webhooks", row | {"disabled": True, "updated_at": self._account.now()})

    def _body(self, kind: str, action: str, item: Row | int) -> str:
        account, switches = self._account, self._account.switches
        top = legacy.TOP[kind]
        if action == "delete" and switches.webhook_delete_shape == "scalar" and isinstance(item, dict):
            item = item["id"]
        listed: Any = [[item]] if kind == "tasks" and action == "update" and switches.webhook_task_nested else [item]
        if isinstance(item, int):
            listed = item
        address = {"id": account.id, "subdomain": account.subdomain, "_links": {"self": account.records.base}}
        return urlencode(list(brackets.flatten({top: {action: listed}, "account": address})))


def list_hooks(account: Account, call: Any) -> Answer:
    """Answer the subscriptions, all or those of one destination."""
    wanted = filters_of(call.query).get("destination")
    rows = [row for row in account.hooks.all() if wanted in (None, row["destination"])]
    if not rows:
        return EMPTY
    return hal({"_total_items": len(rows), "_links": {"self": href("webhooks")}, "_embedded": {"webhooks": rows}})


def subscribe(account: Account, call: Any) -> Answer:
    """Create a subscription, or change the settings of the one with the same destination (facts: amocrm 8.1)."""
    errors = _hook_errors(account, call.body)
    if errors.found:
        return validation_answer([("0", errors)])
    known = next((row for row in account.hooks.all() if row["destination"] == call.body["destination"]), None)
    if known is None and len(account.hooks.all()) >= MAX_HOOKS:
        return problem(422, "Too many webhooks")
    row = _changed(account, known, call.body) if known else _created(account, call.body, call.user_id)
    return hal(account.records.save("webhooks", row), 201)


def unsubscribe(account: Account, call: Any) -> Answer:
    """Remove a subscription by its destination: 204, or 404 when there is none."""
    wanted = call.body.get("destination") if isinstance(call.body, dict) else None
    known = next((row for row in account.hooks.all() if row["destination"] == wanted), None)
    if known is None:
        return problem(404, f"Cannot DELETE {BASE}/api/v4/webhooks")
    account.records.purge("webhooks", known)
    return EMPTY


def _hook_errors(account: Account, body: Any) -> Errors:
    errors = Errors()
    if not isinstance(body, dict):
        errors.add("InvalidType:array", "")
        return errors
    check_fields(account, body, _FIELDS, errors)
    require(body, ("destination", "settings"), errors)
    address = str(body.get("destination"))
    if "destination" in body and (urlsplit(address).scheme not in ("http", "https") or not address.isascii()):
        errors.add("NotSupportedChoice", "destination")
    settings = body.get("settings")
    for index, code in enumerate(settings if isinstance(settings, list) else []):
        if code not in CODES:
            errors.add("NotSupportedChoice", f"settings.{index}")
    return errors


def _created(account: Account, body: Row, by: int) -> Row:
    now = account.now()
    head = {"id": account.records.next_id("webhooks"), "destination": body["destination"], "created_at": now, "updated_at": now}
    head |= {"account_id": account.id, "created_by": by, "sort": body.get("sort", 1), "disabled": False}
    return head | {"settings": body["settings"]}


def _changed(account: Account, row: Row, body: Row) -> Row:
    enabled = {"disabled": False} if account.switches.webhook_repost_enables else {}
    return row | {"settings": body["settings"], "sort": body.get("sort", row["sort"]), "updated_at": account.now()} | enabled
