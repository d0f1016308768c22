"""Access to the API: log in, go on with a refresh token, log out, take a device's access away.

An unknown user and a wrong password are one answer and take one time; so is a user who is locked out or disabled. A refresh
token is good once: one that comes again was copied, and the device's whole family of tokens is void.
"""

import hashlib
import secrets as randomness
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from crm_pipeline.database import audit, users
from crm_pipeline.database.passwords import hash_password, is_outdated, is_right
from crm_pipeline.database.refusals import Connection
from crm_pipeline.errors import UsageError
from crm_pipeline.model.lockout import delay
from crm_pipeline.stages.parts import Parts

LIFETIME = timedelta(days=30)
"""Of a refresh token, counted anew with each."""


class NotLetIn(UsageError):
    """Username or password is wrong, or too many wrong ones came before: then wait some minutes."""


class RefreshRefused(UsageError):
    """The refresh token is not valid: log in again."""


@dataclass(frozen=True, slots=True)
class Admission:
    """Somebody let in. refresh_token: to be given out once, kept nowhere."""

    user_id: int
    role: str
    device_id: UUID
    refresh_token: str


def log_in(parts: Parts, username: str, password: str, device_name: str, *, now: datetime) -> Admission:
    """Let a user in. Raises NotLetIn, which is all anybody is told."""
    with parts.engine.connect() as db:
        seen = users.by_name(db, username)
    right = is_right(seen.password_hash if seen else None, password)
    with parts.engine.begin() as db:
        account = users.by_name(db, username)
        let_in = account is not None and _judge(db, account, right and seen is not None, now)
        admission = _admit(db, account, device_name, now) if account and let_in else None
        if admission and account and is_outdated(account.password_hash):
            users.set_password(db, account.id, hash_password(password))
    if admission is None:
        raise NotLetIn()
    return admission


def _judge(db: Connection, account: users.Account, right: bool, now: datetime) -> bool:
    """Return whether a user is let in, and keep what that means for the next attempt."""
    if account.disabled_at or (account.locked_until and account.locked_until > now):
        return False  # an attempt while locked out counts for nothing, else anybody could keep somebody out for good
    failures = 0 if right else account.failed_logins + 1
    if failures or account.failed_logins:
        wait = delay(failures)
        users.note_login(db, account.id, failures, now + wait if wait else None)
        if wait:
            audit.note(db, "user.locked", account.username, {"failures": failures}, actor="api")
    return right


def _admit(db: Connection, account: users.Account, device_name: str, now: datetime) -> Admission:
    users.forget(db, now)
    device_id = users.add_device(db, account.id, device_name, now + LIFETIME, now)
    return Admission(account.id, account.role, device_id, _give_token(db, device_id, now))


def _give_token(db: Connection, device_id: UUID, now: datetime) -> str:
    token = randomness.token_urlsafe(48)
    users.give_token(db, device_id, _hash(token), now + LIFETIME, now)
    return token


def refresh(parts: Parts, token: str, *, now: datetime) -> Admission:
    """Exchange a refresh token for the next one. Raises RefreshRefused."""
    with parts.engine.begin() as db:
        kept = users.refresh_token(db, _hash(token))
        admission = _go_on(db, kept, _hash(token), now) if kept else None
    if admission is None:
        raise RefreshRefused()
    return admission


def _go_on(db: Connection, kept: users.RefreshToken, token_hash: bytes, now: datetime) -> Admission | None:
    if kept.revoked_at or kept.disabled_at or kept.expires_at <= now:
        return None
    if kept.used_at:
        users.revoke_device(db, kept.device_id, "reuse", now)
        audit.note(db, "device.reuse", kept.username, {"device": str(kept.device_id)}, actor="api")
        return None
    users.use_token(db, kept, token_hash, now + LIFETIME, now)
    return Admission(kept.user_id, kept.role, kept.device_id, _give_token(db, kept.device_id, now))


def log_out(parts: Parts, device_id: UUID, *, now: datetime) -> None:
    """Make the tokens of a device void; doing it again changes nothing."""
    with parts.engine.begin() as db:
        users.revoke_device(db, device_id, "logout", now)


def revoke(parts: Parts, device_id: UUID, *, actor: str, only_of: int | None, now: datetime) -> bool:
    """Take a device's access away. only_of: not unless it is this user's. Returns False when there is no such device in use."""
    with parts.engine.begin() as db:
        done = users.revoke_device(db, device_id, "revoked", now, only_of)
        if done:
            audit.note(db, "device.revoke", str(device_id), actor=actor)
    return done


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode(errors="replace")).digest()
