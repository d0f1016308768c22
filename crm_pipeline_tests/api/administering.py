"""A running API beside both stand-ins, as an administrator and the CRMs' webhooks meet it. No assertions here.

The stand-ins send browsers and webhooks to the API's own port, over real HTTP.
"""

import logging
import secrets
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests
import uvicorn
from sqlalchemy import Engine

from crm_pipeline.api import tokens
from crm_pipeline.api.app import create_app
from crm_pipeline.connectors import discover
from crm_pipeline.database import users
from crm_pipeline.database.budget import PostgresBudget
from crm_pipeline.database.inbox import find_webhook
from crm_pipeline.sandbox.amocrm import AmoSandbox
from crm_pipeline.sandbox.bitrix24 import BitrixSandbox
from crm_pipeline.sandbox.serving import Options
from crm_pipeline.settings import Settings
from crm_pipeline.wiring import Pipeline

CRMS = ("amocrm", "bitrix24")


@dataclass
class Person:
    """Somebody who is logged in."""

    url: str
    token: str
    id: int

    def ask(self, method: str, path: str, **more: Any) -> requests.Response:
        """Send one request."""
        headers = {"Authorization": f"Bearer {self.token}"} | more.pop("headers", {})
        return requests.request(method, f"{self.url}/api/sync/connection{path}", headers=headers, timeout=20, **more)


@dataclass
class House:
    """The API, both CRMs, and who is logged in."""

    url: str
    parts: Pipeline
    amocrm: AmoSandbox
    bitrix24: BitrixSandbox
    people: dict[str, Person] = field(default_factory=dict)

    def person(self, role: str) -> Person:
        """Return somebody of a role, logged in."""
        if role not in self.people:
            self.people[role] = self._log_in(role, role)
        return self.people[role]

    def _log_in(self, name: str, role: str) -> Person:
        now = datetime.now(UTC)
        with self.parts.engine.begin() as db:
            user = users.add(db, name, "-", role, "all")
            assert user is not None
            device = users.add_device(db, user, "test", now + timedelta(days=1), now)
        return Person(self.url, tokens.issue(self.parts.settings.jwt_secrets, user, role, device, now), user)

    def second_admin(self) -> Person:
        """Return another administrator."""
        return self._log_in("other", "admin")

    def consent(self, crm: str, name: str = "", admin: Person | None = None) -> str:
        """Ask for a consent as an administrator and return the address the CRM sends the browser back to."""
        link = (admin or self.person("admin")).ask("POST", "/auth-url", json=self.application(crm) | {"name": name})
        assert link.status_code == 200, link.text
        back = requests.get(link.json()["url"], allow_redirects=False, timeout=10)
        return back.headers["Location"]

    def application(self, crm: str) -> dict[str, str]:
        """Return an application as an administrator copies it from the CRM."""
        stand_in = getattr(self, crm)
        shown = stand_in.credentials()
        told = {"crmType": crm, "clientId": shown["client_id"], "clientSecret": shown["client_secret"], "baseUrl": stand_in.url}
        more = {"redirectUri": shown["redirect_uri"], "oauthUrl": shown.get("oauth_url", "")}
        return told | {key: value for key, value in more.items() if value}

    def connected(self, crm: str, name: str) -> dict[str, Any]:
        """Connect by consent, and return the connection as an administrator sees it."""
        done = requests.get(self.consent(crm, name), timeout=20, headers={"Accept": "text/html"})
        assert done.status_code == 200, done.text
        items = self.person("admin").ask("GET", "").json()["items"]
        return next(item for item in items if item["name"] == name)

    def hook(self, connection_id: int) -> str:
        """Return the address a connection's CRM delivers to."""
        with self.parts.engine.connect() as db:
            found = find_webhook(db, self.parts.settings.encryption_keys, connection_id)
        assert found is not None
        return f"{self.url}/api/webhooks/{connection_id}/{found.token}"


def until(condition: Callable[[], Any], seconds: float = 20.0) -> Any:
    """Return what a condition becomes, as soon as it is true."""
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, "nothing came"
    return found


@contextmanager
def serving(parts: Pipeline, listening: socket.socket) -> Iterator[None]:
    """Serve the API on a socket in a thread."""
    server = uvicorn.Server(uvicorn.Config(create_app(parts), log_config=None, access_log=False, lifespan="off"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.should_exit = True
        thread.join(20)


@pytest.fixture
def house(database: Engine, database_url: str, encryption_key: str) -> Iterator[House]:
    """Yield a running API, both stand-ins beside it."""
    with ExitStack() as stack:
        listening = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        settings = Settings(
            database_url=database_url, encryption_key=encryption_key, jwt_secret=secrets.token_urlsafe(48),
            allowed_hosts="127.0.0.1", public_url=url,
        )  # fmt: skip
        parts = Pipeline(settings, database, discover(), PostgresBudget(database))
        stack.callback(parts.close)
        callback = f"{url}/api/sync/connection/callback"
        amo = stack.enter_context(AmoSandbox(Options(contacts=4, switches={"redirect_uri": callback})).running())
        bitrix = stack.enter_context(BitrixSandbox(Options(contacts=4), redirect_uri=callback).running())
        stack.enter_context(serving(parts, listening))
        yield House(url, parts, amo, bitrix)


@pytest.fixture
def everything_said(caplog: pytest.LogCaptureFixture) -> Callable[[], str]:
    """Return a function that returns all that was logged so far; pytest hears uvicorn's own access log although it is off."""
    caplog.set_level(logging.DEBUG)
    return lambda: "\n".join(one.getMessage() for one in caplog.records if one.name != "uvicorn.access")
