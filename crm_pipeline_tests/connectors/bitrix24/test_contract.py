"""The connector keeps every promise of `ConnectorContract`, through a webhook and through an application."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any, ClassVar

from crm_pipeline.connectors import Connector, Link
from crm_pipeline.connectors.bitrix24 import CONNECTOR
from crm_pipeline_tests.connectors.bitrix24.portal import Portal, application, portal, webhook
from crm_pipeline_tests.connectors.contract import ConnectorContract

KINDS = {"companies": "company", "contacts": "contact", "deals": "deal", "tasks": "task", "products": "product"}
CHANGES = {"companies": "TITLE", "contacts": "POST", "deals": "TITLE", "tasks": "TITLE", "products": "name"}
"""Stream → the stand-in's kind, and a field a person changes."""


class BitrixStand:
    """A portal and the hands of a person working in it."""

    connector: Connector = CONNECTOR

    def __init__(self, found: Portal):
        self.portal = found
        self.link: Link = found.link
        self._edits = 0

    def held(self, stream: str) -> set[str]:
        return self.portal.held(KINDS[stream])

    def edit(self, stream: str, external_id: str) -> None:
        self.portal.edit(**self._change(stream, external_id))

    def delete(self, stream: str, external_id: str) -> None:
        self.portal.edit(kind=KINDS[stream], id=int(external_id), delete=True)

    def now(self) -> datetime:
        return self.portal.now()

    def advance(self, seconds: float) -> None:
        self.portal.sandbox.clock.advance(seconds)

    def freeze(self) -> None:
        self.portal.sandbox.clock.freeze()

    def fault(self, stream: str, **rule: Any) -> None:
        self.portal.fault(rule.pop("fault"), call="batch", **rule)

    def fired(self) -> int:
        return sum(rule["fired"] for rule in self.portal.sandbox.faults.rules())

    def edits_of(self, stream: str, edited: Iterable[str], deleted: Iterable[str]) -> list[dict[str, Any]]:
        changes = [self._change(stream, external_id) for external_id in edited]
        return changes + [{"kind": KINDS[stream], "id": int(external_id), "delete": True} for external_id in deleted]

    def secrets(self) -> list[str]:
        kept = self.portal.vault.secrets
        webhook_secret = str(kept.get("webhook_url", "")).rstrip("/").rpartition("/")[2]
        tokens = (kept.get(name) for name in ("access_token", "refresh_token", "client_secret"))
        return [secret for secret in (webhook_secret, *tokens) if secret]

    def expire_token(self) -> None:
        self.advance(3_700)

    def _change(self, stream: str, external_id: str) -> dict[str, Any]:
        self._edits += 1
        return {"kind": KINDS[stream], "id": int(external_id), "set": {CHANGES[stream]: f"Edit {self._edits}"}}


class TestThroughAWebhook(ConnectorContract):
    """Through an incoming webhook."""

    LISTS: ClassVar[tuple[str, ...]] = tuple(KINDS)
    credential = staticmethod(webhook)

    @contextmanager
    def open_stand(self, **switches: Any) -> Iterator[BitrixStand]:
        with portal(self.credential, contacts=220, **switches) as found:
            yield BitrixStand(found.checked())


class TestThroughAnApplication(TestThroughAWebhook):
    """Through an OAuth application."""

    LISTS: ClassVar[tuple[str, ...]] = ("contacts", "deals")
    credential = staticmethod(application)


class TestThroughTheClassicLists(TestThroughAWebhook):
    """On a portal without `crm.item.*` and `catalog.*`."""

    LISTS: ClassVar[tuple[str, ...]] = ("companies", "contacts", "deals")

    @contextmanager
    def open_stand(self, **switches: Any) -> Iterator[BitrixStand]:
        with portal(self.credential, contacts=220, **switches) as found:
            stand = BitrixStand(found.checked())
            stand.link = found.link_with(item_api=False, catalog_api=False)
            yield stand
