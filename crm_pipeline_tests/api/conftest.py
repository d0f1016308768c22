"""A running API over a fresh database, real HTTP on a real port, and people of every role logged in. No assertions here.

    def test_x(api: Api) -> None:
        agent = api.login("agent", scope="own", crm_users=[golden_id])   # a caller: agent.get("/api/deals")
        api.anonymous.get("/api/health")
        api.rows("SELECT … WHERE id = %(id)s", id=…)                     # behind the API's back

`api.parts` is the pipeline the API runs over. `serve(parts)` runs one over another pipeline.
"""

import secrets
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any
from uuid import UUID

import httpx
import pytest
import uvicorn
from fastapi import FastAPI
from sqlalchemy import Engine

from crm_pipeline.api import tokens
from crm_pipeline.api.app import create_app
from crm_pipeline.connectors import discover
from crm_pipeline.database import users
from crm_pipeline.database.budget import PostgresBudget
from crm_pipeline.database.passwords import hash_password
from crm_pipeline.settings import Settings
from crm_pipeline.wiring import Pipeline

PASSWORD = "correct horse battery staple"
"""Of everybody."""
_numbers = count(1)
_hash = hash_password(PASSWORD)


@dataclass
class Api:
    """A running API."""

    url: str
    parts: Pipeline
    anonymous: httpx.Client
    _clients: list[httpx.Client] = field(default_factory=list)

    def login(
        self, role: str = "admin", scope: str = "all", crm_users: Sequence[UUID | str] = (), username: str | None = None
    ) -> httpx.Client:
        """Add a user and return a client that is logged in as it; `client.tokens` is the answer of the login."""
        name = self.add_user(role, scope, crm_users, username)
        return self.as_user(name)

    def add_user(self, role: str, scope: str = "all", crm_users: Sequence[UUID | str] = (), username: str | None = None) -> str:
        """Add a user and return its name."""
        name = username or f"{role}-{next(_numbers)}"
        with self.parts.engine.begin() as db:
            user = users.add(db, name, _hash, role, scope)
            assert user is not None, f"{name} is taken"
            for golden_id in crm_users:
                users.link(db, user, UUID(str(golden_id)))
        return name

    def as_user(self, name: str) -> "Caller":
        """Log a user in and return its client."""
        answer = self.anonymous.post("/api/auth/login", json={"username": name, "password": PASSWORD})
        answer.raise_for_status()
        client = Caller(self.url, answer.json(), name)
        self._clients.append(client)
        return client

    def person(self, role: str, scope: str = "all", crm_users: Sequence[UUID | str] = ()) -> "Caller":
        """Add a user and return its client, logged in without asking for the password, which takes a while."""
        name, now = self.add_user(role, scope, crm_users), datetime.now(UTC)
        with self.parts.engine.begin() as db:
            account = users.by_name(db, name)
            assert account
            device = users.add_device(db, account.id, "test", now + timedelta(days=1), now)
        token = tokens.issue(self.parts.settings.jwt_secrets, account.id, role, device, now)
        client = Caller(self.url, {"access_token": token, "device": str(device)}, name)
        self._clients.append(client)
        return client

    def rows(self, statement: str, **values: object) -> list[dict[str, Any]]:
        """Return the rows of a question, or of a statement with RETURNING."""
        with self.parts.engine.begin() as db:
            return [dict(row._mapping) for row in db.exec_driver_sql(statement, values)]

    def close(self) -> None:
        """Close all clients."""
        for client in [self.anonymous, *self._clients]:
            client.close()


class Caller(httpx.Client):
    """An HTTP client that sends a user's access token."""

    def __init__(self, url: str, tokens: dict[str, Any], username: str):
        super().__init__(base_url=url, headers={"Authorization": f"Bearer {tokens['access_token']}"}, timeout=30)
        self.tokens = tokens
        self.username = username


@contextmanager
def serve(parts: Pipeline, made: Callable[[Pipeline], FastAPI] = create_app) -> Iterator[str]:
    """Run the API over a pipeline on a free port, and yield its address."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = uvicorn.Server(
            uvicorn.Config(made(parts), log_config=None, access_log=False, server_header=False, lifespan="off")
        )
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(20)


def open_parts(engine: Engine, url: str, key: str, **settings: Any) -> Pipeline:
    """Return a pipeline over a test's database, with secrets of its own."""
    own = {"jwt_secret": secrets.token_urlsafe(48), "allowed_hosts": "127.0.0.1"} | settings
    return Pipeline(Settings(database_url=url, encryption_key=key, **own), engine, discover(), PostgresBudget(engine))


@contextmanager
def running(parts: Pipeline) -> Iterator[Api]:
    """Run the API over a pipeline, and yield it with its clients."""
    with serve(parts) as url:
        found = Api(url, parts, httpx.Client(base_url=url, timeout=30))
        try:
            yield found
        finally:
            found.close()


@pytest.fixture
def api(database: Engine, database_url: str, encryption_key: str) -> Iterator[Api]:
    """Yield a running API over a fresh migrated database."""
    with running(open_parts(database, database_url, encryption_key)) as found:
        yield found


@pytest.fixture(scope="module")
def module_api(module_engine: Engine, module_database_url: str, encryption_key: str) -> Iterator[Api]:
    """Yield a running API over a database that a module's tests share."""
    with running(open_parts(module_engine, module_database_url, encryption_key)) as found:
        yield found
