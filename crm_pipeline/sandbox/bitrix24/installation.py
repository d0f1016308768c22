"""Installing and removing the app: tokens delivered by event instead of by code (facts: bitrix24 1.5)."""

from __future__ import annotations

from .portal import Portal

_TOLD = {"VERSION": "1", "ACTIVE": "Y", "INSTALLED": "Y", "LANGUAGE_ID": "en"}


def install(portal: Portal, handler: str) -> None:
    """Tell the app's install address that it is installed; the event's `auth` carries a pair of tokens."""
    portal.access.install_uri = handler
    portal.events.send("ONAPPINSTALL", handler, _TOLD)


def uninstall(portal: Portal, clean: bool = True) -> None:
    """Remove the app: subscriptions and tokens vanish, the install address hears of it without tokens."""
    portal.events.bindings = [one for one in portal.events.bindings if not one.app]
    portal.access.revoke()
    if portal.access.install_uri:
        told = {"LANGUAGE_ID": "en", "CLEAN": str(int(clean))}
        portal.events.send("ONAPPUNINSTALL", portal.access.install_uri, told, tokens=False)
