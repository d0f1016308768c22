"""What a user may write: the letters of their rights, A all, M own, D denied (facts: amocrm 4.7). Reading is not restricted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .records import ENTITIES

if TYPE_CHECKING:
    from .account import Account
    from .call import Call

ACTIONS = {"POST": "add", "PATCH": "edit"}


def is_denied(account: Account, call: Call) -> bool:
    """Tell whether the caller may not create or change one of the rows of a request: then all of it is refused."""
    kind, action = call.params.get("kind"), ACTIONS.get(call.method)
    if kind not in ENTITIES or action is None or call.path.rstrip("/").rpartition("/")[2] not in (kind, call.params.get("id")):
        return False
    user = account.users.all().get(call.user_id) or {}
    letter = user.get("rights", {}).get(kind, {}).get(action, "A")
    others = any(_of_others(account, kind, call, id) for id in _ids(call)) if action == "edit" else False
    return letter == "D" or (letter == "M" and others)


def _ids(call: Call) -> list[Any]:
    items = call.body if isinstance(call.body, list) else [call.body]
    return [item.get("id", call.params.get("id")) for item in items if isinstance(item, dict)]


def _of_others(account: Account, kind: str, call: Call, id: Any) -> bool:
    row = account.records.get(kind, int(id)) if str(id).isascii() and str(id).isdigit() else None
    return row is not None and row["responsible_user_id"] != call.user_id
