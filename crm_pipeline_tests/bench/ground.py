"""The bench's own ground: a temporary CRM_HOME with an embedded Postgres, and a database for every system on it."""

import base64
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import psycopg2
from psycopg2 import sql
from sqlalchemy.engine import make_url

from crm_pipeline.database import connections, embedded
from crm_pipeline.database.engine import engine_for
from crm_pipeline.database.migrate import migrate
from crm_pipeline.settings import Settings, load_settings
from crm_pipeline.stages.connect import connect
from crm_pipeline.wiring import open_pipeline
from crm_pipeline_tests.bench.stand_ins import StandIn, now

ENDLESS = 100_000
"""Requests a second, and at once."""
STATEMENTS = dict(re.findall(r"-- name: (\w+)\n(.*?)(?=\n-- name:|\Z)", (Path(__file__).parent / "bench.sql").read_text(), re.S))
"""Name → statement of `bench.sql`."""


class Ground:
    """A folder and a Postgres server."""

    def __init__(self, folder: Path):
        self.folder = folder
        self._home = folder / "home"
        self._key = base64.b64encode(os.urandom(32)).decode()
        self._server = make_url(embedded.ensure_running(self._home))

    def place(self, name: str) -> Path:
        """Return an empty folder for a system's own files."""
        made = Path(tempfile.mkdtemp(prefix=f"{name}-", dir=self.folder))
        return made

    def database(self, name: str, template: str = "template0") -> str:
        """Make an empty database, or a copy of one, and return its URL."""
        with self.driver(self.url("postgres")) as db:
            for statement in ("drop_database", "create_database"):
                words = sql.SQL(STATEMENTS[statement]).format(name=sql.Identifier(name), template=sql.Identifier(template))
                db.cursor().execute(words)
        return self.url(name)

    def url(self, name: str) -> str:
        """Return the URL of a database."""
        return self._server.set(drivername="postgresql", database=name).render_as_string(hide_password=False)

    @contextmanager
    def driver(self, url: str) -> Iterator[psycopg2.extensions.connection]:
        """Open a plain connection that commits each statement."""
        connection = psycopg2.connect(url)
        connection.autocommit = True
        try:
            yield connection
        finally:
            connection.close()

    def environment(self, url: str) -> dict[str, str]:
        """Return the environment a process of ours works with on a database."""
        ours = {
            "CRM_HOME": str(self._home),
            "CRM_DATABASE_URL": url,
            "CRM_ENCRYPTION_KEY": self._key,
            "CRM_ALLOWED_HOSTS": "127.0.0.1",
        }
        return {**os.environ, **ours}

    def settings(self, url: str, **more: object) -> Settings:
        """Return the settings of this process on a database."""
        return load_settings(home=self._home, database_url=url, encryption_key=self._key, allowed_hosts=("127.0.0.1",), **more)

    def migrated(self, name: str) -> str:
        """Make a database that has our tables and nothing in them, and return its URL."""
        url = self.database(name)
        engine = engine_for(url)
        migrate(engine)
        engine.dispose()
        return url

    def connected(self, name: str, stand: StandIn, *, paced: bool = False) -> str:
        """Make a migrated database in which this account is connected, by the name of its CRM, and return its URL.

        Not `paced`: the connection is set to a rate and a burst that are never used up.
        """
        url = self.migrated(name)
        parts = open_pipeline(self.settings(url))
        try:
            connect(parts, stand.crm, stand.crm, stand.url, stand.secrets, now=now())
            if not paced:
                connections.set_rate(parts.engine, stand.crm, ENDLESS)
                connections.set_burst(parts.engine, stand.crm, ENDLESS)
        finally:
            parts.close()
        return url

    def server(self) -> int:
        """Return the process id of Postgres."""
        with self.driver(self.url("postgres")) as db:
            return psutil.Process(db.info.backend_pid).ppid()

    def server_version(self) -> str:
        """Return the version of Postgres."""
        with self.driver(self.url("postgres")) as db:
            return ".".join(str(part) for part in divmod(db.server_version, 10000))


@contextmanager
def ground() -> Iterator[Ground]:
    """Start a ground; stop its server and remove its folder in the end."""
    folder = Path(tempfile.mkdtemp(prefix="crm-bench-"))
    try:
        yield Ground(folder)
    finally:
        embedded.erase(folder / "home")
        shutil.rmtree(folder, ignore_errors=True)
