"""The connections: which there are, what a person sets about them, how their syncs went. Secrets are the vault's.

Functions that take `db` join the caller's transaction; those that take an engine are a decision of a person, carried out
and written to the audit log at once.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine

from crm_pipeline.database import audit
from crm_pipeline.database.queries import queries
from crm_pipeline.database.rows import json_text
from crm_pipeline.errors import UsageError
from crm_pipeline.model.records import Account

SHORTEST_INTERVAL = 5
HIGHEST_RATE = 100_000
LONGEST_SETTLING = 3600
DIRECTIONS = ("read_only", "two_way")


@dataclass(frozen=True, slots=True)
class ConnectionRow:
    """A row of `sync.connections` without its secrets."""

    id: int
    crm: str
    name: str
    base_url: str
    direction: str
    status: str
    status_reason: str | None
    status_changed_at: datetime
    interval_seconds: int
    stable_id: str | None
    account: dict[str, Any] = field(repr=False)
    """What the last account check found: name, timezone, currency, facts, warnings, checked_at."""
    token_expires_at: datetime | None
    next_due_at: datetime
    failures: int
    created_at: datetime
    requests_per_second: float | None
    request_burst: int | None
    settle_seconds: float | None
    """None: the connector's own."""


def _rows(db: Connection, query: str, **values: object) -> list[ConnectionRow]:
    found = (
        db.exec_driver_sql(queries("connections")[query], values) if values else db.exec_driver_sql(queries("connections")[query])
    )
    return [ConnectionRow(*row) for row in found]


def _write(db: Connection, query: str, **values: object) -> None:
    db.exec_driver_sql(queries("connections")[query], values)


def list_connections(engine: Engine) -> list[ConnectionRow]:
    """Return every connection that was not removed, by name."""
    with engine.connect() as db:
        return _rows(db, "listed")


def get(engine: Engine, name: str) -> ConnectionRow:
    """Return one connection, also a removed one. Raises UsageError naming those there are."""
    with engine.connect() as db:
        found = find(db, name)
    if found is None:
        known = ", ".join(row.name for row in list_connections(engine)) or "none yet"
        raise UsageError(f"There is no connection {name!r}.", what_to_do=f"Known: {known}.")
    return found


def find(db: Connection, name: str) -> ConnectionRow | None:
    """Return a connection by name, if there is one."""
    return next(iter(_rows(db, "by_name", name=name)), None)


def by_id(db: Connection, connection_id: int) -> ConnectionRow:
    """Return a connection by id."""
    return _rows(db, "by_id", id=connection_id)[0]


def by_number(db: Connection, connection_id: int) -> ConnectionRow | None:
    """Return a connection by id, if there is one."""
    return next(iter(_rows(db, "by_id", id=connection_id)), None)


def former_of_account(db: Connection, crm: str, stable_id: str) -> ConnectionRow | None:
    """Return the connection an account has or, of those that were removed, had last."""
    return next(iter(_rows(db, "former_by_account", crm=crm, stable_id=stable_id)), None)


def rename(db: Connection, connection_id: int, name: str) -> None:
    """Give a connection that was never used its name."""
    _write(db, "rename", id=connection_id, name=name)


def of_account(db: Connection, crm: str, stable_id: str) -> ConnectionRow | None:
    """Return the connection an account already has, if any."""
    return next(iter(_rows(db, "by_account", crm=crm, stable_id=stable_id)), None)


def set_direction(engine: Engine, name: str, direction: str, *, actor: str | None = None) -> ConnectionRow:
    """Let a connection be read only or two way."""
    if direction not in DIRECTIONS:
        raise UsageError(f"direction={direction} is not possible.", what_to_do=f"Use one of: {', '.join(DIRECTIONS)}.")
    return _decide(engine, name, "set_direction", {"direction": direction}, actor=actor, value=direction)


def set_interval(engine: Engine, name: str, seconds: int, *, actor: str | None = None) -> ConnectionRow:
    """Set the seconds between syncs."""
    if not SHORTEST_INTERVAL <= seconds <= 366 * 86400:
        raise UsageError(f"interval={seconds} is not possible.", what_to_do=f"Use {SHORTEST_INTERVAL} seconds or more.")
    return _decide(engine, name, "set_interval", {"interval": seconds}, actor=actor, value=seconds)


def set_rate(engine: Engine, name: str, per_second: float, *, actor: str | None = None) -> ConnectionRow:
    """Set the requests per second this account allows, where its plan differs from the vendor's usual one."""
    if not 0 < per_second <= HIGHEST_RATE:
        raise UsageError(f"rate={per_second:g} is not possible.", what_to_do="Use requests per second, such as rate=5.")
    return _decide(engine, name, "set_rate", {"rate": per_second}, actor=actor, value=per_second)


def set_burst(engine: Engine, name: str, requests: int) -> ConnectionRow:
    """Set how many requests this account allows at once."""
    if not 0 < requests <= HIGHEST_RATE:
        raise UsageError(f"burst={requests} is not possible.", what_to_do="Use a number of requests, such as burst=250.")
    return _decide(engine, name, "set_burst", {"burst": requests}, value=requests)


def set_settle_seconds(engine: Engine, name: str, seconds: float) -> ConnectionRow:
    """Set after how long a request whose answer was lost is not applied any more."""
    if not 0 <= seconds <= LONGEST_SETTLING:
        raise UsageError(
            f"settle_seconds={seconds:g} is not possible.",
            what_to_do=f"Use seconds up to {LONGEST_SETTLING}, such as settle_seconds=60.",
        )
    return _decide(engine, name, "set_settle_seconds", {"settle_seconds": seconds}, value=seconds)


def pause(engine: Engine, name: str, *, actor: str | None = None) -> ConnectionRow:
    """Let a connection rest until `resume`."""
    return _decide(engine, name, "set_status", {}, action="pause", actor=actor, status="paused", reason="Paused by a person.")


def resume(engine: Engine, name: str, *, actor: str | None = None) -> ConnectionRow:
    """Let a connection work again, and at once."""
    return _decide(engine, name, "activate", {}, action="resume", actor=actor)


def remove(engine: Engine, name: str, *, actor: str | None = None) -> ConnectionRow:
    """Disconnect: its secrets are deleted, its data stays, its name is never used for another account."""
    return _decide(engine, name, "remove", {}, action="remove", actor=actor)


def _decide(
    engine: Engine,
    name: str,
    query: str,
    detail: dict[str, Any],
    action: str | None = None,
    actor: str | None = None,
    **values: object,
) -> ConnectionRow:
    row = get(engine, name)
    if row.status == "removed":
        raise UsageError(f"The connection {name!r} was removed.", what_to_do="Connect the same account under this name again.")
    with engine.begin() as db:
        _write(db, query, id=row.id, **values)
        audit.note(db, f"connection.{action or query}", name, detail, actor)
        return by_id(db, row.id)


def add(db: Connection, crm: str, name: str, base_url: str) -> int:
    """Add a connection that is not checked yet and return its id."""
    values = {"crm": crm, "name": name, "base_url": base_url}
    return int(db.exec_driver_sql(queries("connections")["add"], values).scalar_one())


def delete_unchecked(db: Connection, connection_id: int) -> None:
    """Take away a connection whose account was never seen; one that has data stays."""
    _write(db, "delete_unchecked", id=connection_id)


def adopt(db: Connection, connection_id: int, account: Account, checked_at: datetime) -> None:
    """Note what the account check found."""
    found = {"name": account.name, "timezone": account.timezone, "currency": account.currency, "facts": account.facts,
             "warnings": list(account.warnings), "checked_at": checked_at.isoformat()}  # fmt: skip
    _write(db, "adopt", id=connection_id, base_url=account.base_url, stable_id=account.stable_id, account=json_text(found))


def keep_prepared(db: Connection, connection_id: int, facts: dict[str, Any]) -> None:
    """Keep what a connector provided for writing among the account's facts; later checks leave it there."""
    _write(db, "keep_prepared", id=connection_id, facts=json_text(facts))


def activate(db: Connection, connection_id: int) -> None:
    """Let a connection work again, and at once."""
    _write(db, "activate", id=connection_id)


def set_status(db: Connection, connection_id: int, status: str, reason: str) -> None:
    """Change the status, with the reason a person reads."""
    _write(db, "set_status", id=connection_id, status=status, reason=reason)


def succeeded(db: Connection, connection_id: int) -> None:
    """Note that a sync went well; the next is due after the interval."""
    _write(db, "succeeded", id=connection_id)


def failed(db: Connection, connection_id: int, not_before: datetime | None = None) -> None:
    """Note that a sync failed; each failure in a row puts the next one off twice as far."""
    _write(db, "failed", id=connection_id, not_before=not_before)
