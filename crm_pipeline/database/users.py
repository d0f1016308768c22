"""Users of the API: rows of `sync.api_users`, their devices and refresh tokens.

What belongs here: rows. When a login is refused and what a used token means belongs to the stage.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Engine

from crm_pipeline.database.queries import queries


@dataclass(frozen=True, slots=True)
class Caller:
    """Who holds a good device. crm_users: the living golden users it is."""

    id: int
    username: str
    role: str
    scope: str
    crm_users: tuple[UUID, ...]


@dataclass(frozen=True, slots=True)
class Account:
    """A user with what a login needs."""

    id: int
    username: str
    role: str
    scope: str
    password_hash: str
    failed_logins: int
    locked_until: datetime | None
    disabled_at: datetime | None


@dataclass(frozen=True, slots=True)
class RefreshToken:
    """A refresh token with whose it is."""

    device_id: UUID
    expires_at: datetime
    used_at: datetime | None
    revoked_at: datetime | None
    user_id: int
    username: str
    role: str
    disabled_at: datetime | None


def caller(engine: Engine, user_id: int, device_id: UUID) -> Caller | None:
    """Return who calls from a device, or None when it was revoked or its user disabled. One query, asked for every request."""
    with engine.connect() as db:
        row = _run(db, "caller", user_id=user_id, device_id=str(device_id)).first()
    return row and Caller(row.id, row.username, row.role, row.scope, tuple(dict.fromkeys(map(UUID, row.crm_users))))


def by_name(db: Connection, username: str) -> Account | None:
    """Return a user, locked until the transaction ends; upper and lower case are the same."""
    row = _run(db, "by_name", username=username).first()
    return Account(*row) if row else None


def by_id(db: Connection, user_id: int) -> Account | None:
    """Return a user."""
    row = _run(db, "by_id", user_id=user_id).first()
    return Account(*row) if row else None


def note_login(db: Connection, user_id: int, failures: int, locked_until: datetime | None) -> None:
    """Keep how many wrong passwords there were in a row, and until when logins are refused."""
    _run(db, "note_login", user_id=user_id, failures=failures, locked_until=locked_until)


def set_password(db: Connection, user_id: int, password_hash: str) -> None:
    """Keep another password."""
    _run(db, "set_password", user_id=user_id, password_hash=password_hash)


def add(db: Connection, username: str, password_hash: str, role: str, scope: str) -> int | None:
    """Add a user and return its id; None when the name is taken."""
    values = {"username": username, "password_hash": password_hash, "role": role, "scope": scope}
    return _run(db, "add", **values).scalar()


def link(db: Connection, user_id: int, golden_id: UUID) -> None:
    """Say which golden user a user is."""
    _run(db, "link", user_id=user_id, golden_id=str(golden_id))


def golden_users(db: Connection, wanted: str) -> list[UUID]:
    """Return the golden users with an id or an e-mail address."""
    return [UUID(str(row.id)) for row in _run(db, "golden_users", wanted=wanted)]


def disable(db: Connection, user_id: int) -> bool:
    """Let a user in no more; False when it was disabled before."""
    return _run(db, "disable", user_id=user_id).first() is not None


def all_users(engine: Engine) -> list[dict[str, Any]]:
    """Return every user, without its password's hash."""
    with engine.connect() as db:
        return [dict(row._mapping) for row in _run(db, "all")]


def add_device(db: Connection, user_id: int, name: str, expires_at: datetime, now: datetime) -> UUID:
    """Keep a device that logged in, and return its id."""
    return UUID(str(_run(db, "add_device", user_id=user_id, name=name, expires_at=expires_at, now=now).scalar_one()))


def give_token(db: Connection, device_id: UUID, token_hash: bytes, expires_at: datetime, now: datetime) -> None:
    """Keep the hash of a refresh token that is given out."""
    _run(db, "give_token", device_id=str(device_id), token_hash=token_hash, expires_at=expires_at, now=now)


def refresh_token(db: Connection, token_hash: bytes) -> RefreshToken | None:
    """Return a refresh token, locked until the transaction ends."""
    row = _run(db, "refresh_token", token_hash=token_hash).first()
    return RefreshToken(UUID(str(row[0])), *row[1:]) if row else None


def use_token(db: Connection, token: RefreshToken, token_hash: bytes, expires_at: datetime, now: datetime) -> None:
    """Keep that a refresh token was exchanged and its device was here."""
    _run(db, "use_token", token_hash=token_hash, now=now)
    _run(db, "see_device", device_id=str(token.device_id), expires_at=expires_at, now=now)


def revoke_device(db: Connection, device_id: UUID, because: str, now: datetime, user_id: int | None = None) -> bool:
    """Make a device's tokens void. user_id: only when it is this user's. False when there is no such device in use."""
    values = {"device_id": str(device_id), "because": because, "now": now, "user_id": user_id}
    return _run(db, "revoke_device", **values).first() is not None


def revoke_all(db: Connection, user_id: int, because: str) -> None:
    """Make the tokens of all of a user's devices void."""
    _run(db, "revoke_all", user_id=user_id, because=because)


def devices(engine: Engine, user_id: int | None) -> list[dict[str, Any]]:
    """Return the devices in use, of one user or of all."""
    with engine.connect() as db:
        return [dict(row._mapping) for row in _run(db, "devices", user_id=user_id)]


def forget(db: Connection, now: datetime) -> None:
    """Forget devices and tokens that were over a month ago."""
    _run(db, "forget", now=now)


def _run(db: Connection, name: str, /, **values: Any) -> Any:
    return db.exec_driver_sql(queries("users")[name], values)
