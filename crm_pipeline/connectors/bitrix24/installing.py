"""The application comes and goes: what a portal posts when it is installed or removed (facts: bitrix24 1.5).

An application without a page is told by the event ONAPPINSTALL; one with a page is opened by the portal with the same in
capital letters. Tokens come along; that they are genuine is shown by renewing them with the application's own secret.
What belongs here: reading. Events about records belong to `webhooks`.
"""

import hmac
from collections.abc import Mapping
from typing import Any

from crm_pipeline.connectors import Installation, Removal, Secrets
from crm_pipeline.connectors.bitrix24.brackets import as_map, parse
from crm_pipeline.errors import AccessDenied
from crm_pipeline.model.cleaning import flag

INSTALLED, REMOVED = "ONAPPINSTALL", "ONAPPUNINSTALL"
GONE = "The application was removed from the portal."
CLEAN = " Whoever removed it asked that its data be deleted: remove this connection with data=purge to do so."
_ON_PAGE = {
    "access_token": "AUTH_ID",
    "refresh_token": "REFRESH_ID",
    "application_token": "APPLICATION_TOKEN",
    "member_id": "member_id",
    "scope": "APPLICATION_SCOPE",
    "domain": "DOMAIN",
}
"""What an event calls it → what the page is opened with."""
_KEPT = ("access_token", "refresh_token", "application_token", "member_id", "scope", "client_endpoint")


def read_installation(query: Mapping[str, str], body: bytes) -> Installation:
    """Read what is posted when the application was installed. Raises AccessDenied when it is nothing of the kind."""
    form = {**query, **_form(body)}
    page = bool(form.get("AUTH_ID"))
    told = {name: form.get(key) for name, key in _ON_PAGE.items()} if page else as_map(form.get("auth"))
    is_event = str(form.get("event") or "").upper() == INSTALLED
    if not (page or is_event) or not all(_text(told.get(name)) for name in ("refresh_token", "member_id")):
        raise AccessDenied("This does not say that the application was installed.")
    secrets = {name: _text(told.get(name)) for name in _KEPT if _text(told.get(name))}
    base_url = _text(told.get("client_endpoint")) or _text(told.get("domain"))
    return Installation(secrets["member_id"], base_url, secrets, page)


def read_removal(body: bytes) -> Removal:
    """Read ONAPPUNINSTALL. Raises AccessDenied when it is another event."""
    form = _form(body)
    auth, member_id = as_map(form.get("auth")), _text(as_map(form.get("auth")).get("member_id"))
    reason = farewell(str(form.get("event") or ""), form.get("data"))
    if not reason or not member_id:
        raise AccessDenied("This does not say that the application was removed.")
    return Removal(member_id, reason, {"application_token": _text(auth.get("application_token"))})


def is_genuine(told: Removal, secrets: Secrets) -> bool:
    """Return whether it carries the application token, the only proof of where it comes from (facts: bitrix24 1.5)."""
    known = str(secrets.get("application_token") or "")
    return bool(known) and hmac.compare_digest(known.encode(), told.proof["application_token"].encode("utf-8", "replace"))


def farewell(event: str, data: Any) -> str | None:
    """Return in words that the application was removed, None when the event says something else."""
    if event.upper() != REMOVED:
        return None
    return GONE + (CLEAN if flag(as_map(data).get("CLEAN")) else "")


def _form(body: bytes) -> dict[str, Any]:
    try:
        return parse(body.decode("utf-8", "replace"))
    except ValueError:  # more fields than any event has
        return {}


def _text(value: object) -> str:
    return value.strip()[:4_000] if isinstance(value, str) else ""
