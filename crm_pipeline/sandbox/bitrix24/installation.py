"""Installing and removing the app: tokens delivered by event instead of by code (facts: bitrix24 1.5)."""

from __future__ import annotations

from .portal import Portal

_TOLD = {"VERSION": "1", "ACTIVE": "Y", "INSTALLED": "Y", "LANGUAGE_ID": "en"}


def install(portal: Portal, handler: str) -> None:
    """Tell the app's install address that it is installed; the event's `auth` carries a pair of tokens."""
    portal.access.install_uri = handler
    portal.events.send("ONAPPINSTALL", handler, _TOLD)


def uninstall(portal: Portal, clean: bool = True) -> None:
    """Remove the app: subscriptions and tokens vanish; the install address and who is bound to it hear so, without tokens."""
    told = {"LANGUAGE_ID": "en", "CLEAN": str(int(clean))}
    bound = [one.handler for one in portal.events.bindings if one.app and one.event == "ONAPPUNINSTALL" and not one.offline]
    portal.events.bindings = [one for one in portal.events.bindings if not one.app]
    portal.access.revoke()
    for handler in filter(None, [portal.access.install_uri, *bound]):
        portal.events.send("ONAPPUNINSTALL", handler, told, tokens=False)
