"""Methods about the portal and the caller: server.time, scope, method.get, feature.get, app.info (facts: bitrix24 4.16)."""

from __future__ import annotations

from typing import Any

from .calls import REGISTER, Call, method
from .portal import Portal
from .refusals import Refusal


@method("server.time", scope="")
def server_time(portal: Portal, call: Call) -> str:
    """Return the portal's clock as ISO text with its offset."""
    return portal.iso()


@method("scope", scope="")
def scope(portal: Portal, call: Call) -> list[str]:
    """List the caller's scopes, or with `full` all there are."""
    return sorted({one.scope for one in REGISTER.values()} - {""}) if call.get("full") else sorted(call.credential.scopes)


@method("method.get", scope="")
def method_get(portal: Portal, call: Call) -> dict[str, bool]:
    """Tell whether a method exists and may be called."""
    found = REGISTER.get(str(call.get("name") or "").lower())
    available = found is not None and (not found.scope or found.scope in call.credential.scopes)
    return {
        "isExisting": found is not None,
        "isAvailable": available and not (found and found.app_only and call.credential.webhook),
    }


@method("methods", scope="")
def methods(portal: Portal, call: Call) -> list[str]:
    """List the methods the caller may use."""
    return sorted(one.name for one in REGISTER.values() if not one.scope or one.scope in call.credential.scopes)


@method("feature.get", scope="")
def feature(portal: Portal, call: Call) -> dict[str, str]:
    """Tell whether the plan has a feature."""
    name = str(call.get("CODE") or "")
    if not name:
        raise Refusal(400, "ERROR_ARGUMENT", "Argument 'CODE' is null or empty")
    return {"value": "Y" if getattr(portal.switches, name, False) is True and name.startswith("rest_") else "N"}


@method("app.info", scope="")
def app_info(portal: Portal, call: Call) -> dict[str, Any]:
    """Describe the app; for a webhook there is none to describe."""
    told: dict[str, Any] = {
        "ID": None if call.credential.webhook else 1,
        "CODE": portal.access.client_id,
        "VERSION": 1,
        "STATUS": "L",
    }
    told |= {"INSTALLED": True, "PAYMENT_EXPIRED": "N", "DAYS": None, "LANGUAGE_ID": "en", "LICENSE": "en_selfhosted"}
    return told | {"LICENSE_TYPE": "selfhosted", "LICENSE_FAMILY": "selfhosted"}


@method("user.access", scope="")
def access(portal: Portal, call: Call) -> bool:
    """Tell whether the caller has one of the given rights: an administrator has."""
    return call.credential.admin


@method("access.name", scope="")
def access_name(portal: Portal, call: Call) -> dict[str, Any]:
    """Name access rights: none are kept."""
    return {}
