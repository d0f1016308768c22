"""The vault: a connection's secrets, encrypted in its row, renewed by one process at a time.

Whoever renews holds the row lock from before it looks until the new pair is committed, so of any number of processes that
meet an expired token exactly one asks the CRM for a new one and the others read its answer.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import orjson
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from crm_pipeline.database import audit, inbox
from crm_pipeline.database.encryption import bound, decrypt, encrypt, is_current
from crm_pipeline.database.queries import queries
from crm_pipeline.errors import ConsentNeeded

Secrets = dict[str, Any]


class RowVault:
    """Keeps the secrets of one row of `sync.connections`. `on_read` is told every set of secrets, to hide them from logs."""

    def __init__(
        self, engine: Engine, keys: Sequence[bytes], connection_id: int, on_read: Callable[[Secrets], None] = lambda _: None
    ):
        self._engine = engine
        self._keys = keys
        self._id = connection_id
        self._on_read = on_read

    def __repr__(self) -> str:
        return f"RowVault({self._id})"

    def read(self) -> Secrets:
        """Return the current secrets. Raises ConsentNeeded when there are none."""
        with self._engine.connect() as db:
            return self._opened(db, "secrets")

    def renew(self, stale: str, refresh: Callable[[Secrets], Secrets]) -> Secrets:
        """Return secrets newer than the access token `stale`, committed; see `connectors.Vault`."""
        renewed = None
        try:
            with self._engine.begin() as db:
                secrets = self._opened(db, "lock_secrets")
                if secrets.get("access_token") != stale:
                    return secrets
                renewed = refresh(secrets)
                self._on_read(renewed)
                save(db, self._keys, self._id, renewed)
        except DBAPIError:
            if renewed is None:
                raise
            self._save_again(renewed)
        return renewed

    def _save_again(self, renewed: Secrets) -> None:
        """Keep a pair the CRM has issued although the session with Postgres broke: the old pair is dead by now."""
        with self._engine.begin() as db:
            save(db, self._keys, self._id, renewed)

    def _opened(self, db: Connection, query: str) -> Secrets:
        sealed = db.exec_driver_sql(queries("connections")[query], {"id": self._id}).scalar()
        if sealed is None:
            raise ConsentNeeded("This connection has no credentials.", what_to_do="Connect it again.")
        secrets = _open(self._keys, self._id, sealed)
        self._on_read(secrets)
        return secrets


def save(db: Connection, keys: Sequence[bytes], connection_id: int, secrets: Secrets) -> None:
    """Encrypt secrets into a connection's row, in the caller's transaction."""
    sealed = encrypt(keys, orjson.dumps(secrets), _bound(connection_id))
    values = {"id": connection_id, "secrets": sealed, "expires_at": secrets.get("expires_at")}
    db.exec_driver_sql(queries("connections")["save_secrets"], values)


def learn(db: Connection, keys: Sequence[bytes], connection_id: int, learned: Mapping[str, str]) -> bool:
    """Add secrets a CRM told by itself, where none of that name is known; False when somebody is renewing the others just now."""
    sealed = db.exec_driver_sql(queries("connections")["lock_secrets_now"], {"id": connection_id}).scalar()
    if sealed is None:
        return False
    known = _open(keys, connection_id, sealed)
    save(db, keys, connection_id, {**learned, **{name: value for name, value in known.items() if value}})
    return True


def read(db: Connection, keys: Sequence[bytes], connection_id: int) -> Secrets:
    """Return a connection's secrets as the caller's transaction sees them."""
    return _open(keys, connection_id, db.exec_driver_sql(queries("connections")["secrets"], {"id": connection_id}).scalar_one())


def read_all(engine: Engine, keys: Sequence[bytes]) -> dict[int, Secrets]:
    """Return connection id → secrets, of those that have any."""
    with engine.connect() as db:
        return {row[0]: _open(keys, row[0], row[1]) for row in db.exec_driver_sql(queries("connections")["all_secrets"])}


def rotate_keys(engine: Engine, keys: Sequence[bytes]) -> int:
    """Encrypt everything that an older key encrypted with the newest one, row by row, and return how many there were."""
    with engine.connect() as db:
        ids = [row[0] for row in db.exec_driver_sql(queries("connections")["with_secrets"])]
    changed = sum(_rotate(engine, keys, connection_id) for connection_id in ids) + inbox.rotate_keys(engine, keys)
    with engine.begin() as db:
        audit.note(db, "keys.rotate", "sync.connections", {"rows": changed})
    return changed


def _rotate(engine: Engine, keys: Sequence[bytes], connection_id: int) -> bool:
    with engine.begin() as db:
        sealed = db.exec_driver_sql(queries("connections")["lock_secrets"], {"id": connection_id}).scalar()
        if sealed is None or is_current(keys, sealed):
            return False
        save(db, keys, connection_id, _open(keys, connection_id, sealed))
        return True


def _open(keys: Sequence[bytes], connection_id: int, sealed: bytes) -> Secrets:
    secrets: Secrets = orjson.loads(decrypt(keys, sealed, _bound(connection_id)))
    return secrets


def _bound(connection_id: int) -> str:
    return bound("sync.connections", connection_id, "secrets")
