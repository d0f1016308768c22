"""The inbox: the secret addresses the CRMs deliver to, and the hints that wait to be looked into.

What belongs here: rows of `sync.webhooks` and `sync.inbox`. Reading deliveries belongs to the connectors, when to look into hints
to the stages. Functions that take `db` join the caller's transaction.
"""

import hashlib
import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from psycopg2.extensions import connection as DriverConnection
from sqlalchemy import Connection, Engine, create_engine, event

from crm_pipeline.database.encryption import bound, decrypt, encrypt, is_current
from crm_pipeline.database.engine import CONNECT, say_what_to_do_on_failure
from crm_pipeline.database.queries import queries
from crm_pipeline.database.rows import json_text

TOKEN_BYTES = 32
LEASE_SECONDS = 900.0
"""After so long without an end whoever took a hint is taken to have died."""
PATIENCE_MS = 1_200
"""Milliseconds a delivery waits for the database: amoCRM gives up after two seconds and comes again (facts: amocrm 8.3)."""


@dataclass(frozen=True, slots=True)
class Door:
    """The connection a delivery is for."""

    id: int
    crm: str
    name: str
    status: str
    stable_id: str | None


@dataclass(frozen=True, slots=True)
class Webhook:
    """The address of a connection and how it stands. `state`: unregistered, registered, refused."""

    token: str = field(repr=False)
    state: str
    detail: str | None
    checked_at: datetime | None
    last_received_at: datetime | None


@dataclass(frozen=True, slots=True)
class Waiting:
    """A connection with hints nobody is reading: the first of them, and since when (unix milliseconds)."""

    name: str
    crm: str
    first_id: int
    since: int


@dataclass(frozen=True, slots=True)
class Taken:
    """A hint somebody is reading."""

    id: int
    entity: str
    external_id: str
    taken_at: datetime


def own_engine(engine: Engine) -> Engine:
    """Return an engine for deliveries alone: few connections that nobody else takes, and no statement that outlasts the CRM."""
    own = create_engine(
        engine.url, pool_size=2, max_overflow=4, pool_timeout=PATIENCE_MS / 1000, pool_pre_ping=True, hide_parameters=True,
        connect_args={**CONNECT, "connect_timeout": 2},
    )  # fmt: skip
    event.listen(own, "connect", _be_quick)
    say_what_to_do_on_failure(own)
    return own


def _be_quick(connection: DriverConnection, _record: object) -> None:
    with connection.cursor() as cursor:
        cursor.execute(queries("inbox")["be_quick"], {"ms": str(PATIENCE_MS)})
    connection.commit()  # else the pool's rollback undoes it


def find_door(engine: Engine, connection_id: int, token: str) -> Door | None:
    """Return whose address this is, None when it is nobody's: one look-up by the token's hash, whatever is asked."""
    values = {"connection_id": connection_id, "token_hash": _hash(token)}
    with engine.connect() as db:
        row = db.exec_driver_sql(queries("inbox")["door"], values).first()
    return Door(*row) if row else None


def provide_webhook(db: Connection, keys: Sequence[bytes], connection_id: int) -> Webhook:
    """Return a connection's address; one that has none gets one."""
    token = secrets.token_urlsafe(TOKEN_BYTES)
    sealed = encrypt(keys, token.encode(), _bound(connection_id))
    values = {"connection_id": connection_id, "token_hash": _hash(token), "token_sealed": sealed}
    db.exec_driver_sql(queries("inbox")["make_webhook"], values)
    found = find_webhook(db, keys, connection_id)
    assert found is not None
    return found


def find_webhook(db: Connection, keys: Sequence[bytes], connection_id: int) -> Webhook | None:
    """Return a connection's address, if it has one."""
    row = db.exec_driver_sql(queries("inbox")["webhook"], {"connection_id": connection_id}).first()
    return Webhook(decrypt(keys, row[0], _bound(connection_id)).decode(), *row[1:]) if row else None


def note_webhook(db: Connection, connection_id: int, state: str, detail: str | None) -> None:
    """Note what the CRM said about a connection's address."""
    values = {"connection_id": connection_id, "state": state, "detail": detail}
    db.exec_driver_sql(queries("inbox")["note_webhook"], values)


def drop_webhook(db: Connection, connection_id: int) -> None:
    """Forget a connection's address: deliveries to it are unknown from now on."""
    db.exec_driver_sql(queries("inbox")["drop_webhook"], {"connection_id": connection_id})


def rotate_keys(engine: Engine, keys: Sequence[bytes]) -> int:
    """Encrypt the addresses that an older key encrypted with the newest one; return how many there were."""
    changed = 0
    with engine.begin() as db:
        for connection_id, sealed in db.exec_driver_sql(queries("inbox")["sealed_webhooks"]).all():
            if is_current(keys, sealed):
                continue
            token = decrypt(keys, sealed, _bound(connection_id))
            values = {"connection_id": connection_id, "token_sealed": encrypt(keys, token, _bound(connection_id))}
            db.exec_driver_sql(queries("inbox")["seal_webhook"], values)
            changed += 1
    return changed


def put(db: Connection, connection_id: int, rows: Sequence[dict[str, Any]], body_digest: str, *, wakes: bool) -> int:
    """Keep hints, each once, and return how many are new.

    wakes: one that came before is new again; otherwise only after a day.
    """
    values = {"connection_id": connection_id, "hints": json_text(list(rows)), "body_digest": body_digest, "wakes": wakes}
    return len(db.exec_driver_sql(queries("inbox")["put"], values).all())


def waiting(engine: Engine, known: Collection[str], busy: Collection[str], limit: int) -> list[Waiting]:
    """Return active connections with hints nobody is reading; nothing is taken.

    known: names that may be returned; busy: names to leave alone.
    """
    values = {"known": list(known), "busy": list(busy), "limit": limit, "lease": LEASE_SECONDS}
    with engine.connect() as db:
        return [Waiting(*row) for row in db.exec_driver_sql(queries("inbox")["waiting"], values)]


def take(engine: Engine, connection_id: int, limit: int) -> list[Taken]:
    """Take hints of a connection, the oldest first."""
    values = {"connection_id": connection_id, "limit": limit, "lease": LEASE_SECONDS}
    with engine.begin() as db:
        return sorted((Taken(*row) for row in db.exec_driver_sql(queries("inbox")["take"], values)), key=lambda one: one.id)


def give_back(engine: Engine, taken: Sequence[Taken]) -> None:
    """Let hints be taken again at once."""
    with engine.begin() as db:
        db.exec_driver_sql(queries("inbox")["give_back"], {"ids": [one.id for one in taken]})


def finish(engine: Engine, taken: Sequence[Taken]) -> int:
    """Mark hints as looked into and return how many were; what came for them since they were taken waits on."""
    values = {"ids": [one.id for one in taken], "taken": [one.taken_at for one in taken]}
    with engine.begin() as db:
        return db.exec_driver_sql(queries("inbox")["finish"], values).rowcount


def purge(engine: Engine, *, done_days: int, new_days: int) -> int:
    """Forget hints that were looked into long ago, and those nobody could look into for longer; return how many."""
    with engine.begin() as db:
        return db.exec_driver_sql(queries("inbox")["purge"], {"done_days": done_days, "new_days": new_days}).rowcount


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


def _bound(connection_id: int) -> str:
    return bound("sync.webhooks", connection_id, "token_sealed")
