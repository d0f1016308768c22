"""Connect: authorise one account under a name, or authorise it again.

A first pair of tokens cannot be asked for twice, so it is kept in the row before it is used. An account that is connected
again keeps its data and cursors; its working credentials are replaced only once the new ones have shown they are of the
same account, which is why they are tried in a row of their own.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from crm_pipeline.connectors import Account, Connector, Secrets
from crm_pipeline.database import audit, connections, vault
from crm_pipeline.database.connections import ConnectionRow
from crm_pipeline.database.refusals import Connection
from crm_pipeline.errors import CrmPipelineError, UsageError
from crm_pipeline.http import HostPolicy
from crm_pipeline.stages import hooks
from crm_pipeline.stages.parts import Parts

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
TRIAL = "--trial"
"""Ends the name of the row in which new credentials of a known connection are tried."""


def connect(
    parts: Parts, crm: str, name: str, base_url: str, secrets: Mapping[str, Any], code: str | None = None, *, now: datetime,
    recognise: bool = False, actor: str | None = None,
) -> ConnectionRow:  # fmt: skip
    """Authorise an account and return its connection.

    recognise: an account that is or was connected under another name comes back under that; else its name must be given.
    Raises UsageError (name, address, account taken), HostNotAllowed, ConsentNeeded (the code is no good) and whatever the
    account check finds; what was exchanged for a code is kept even then, under the name, to be tried again.
    """
    connector = parts.connectors.get(crm)
    if connector is None:
        raise UsageError(f"There is no connector for {crm!r}.", what_to_do=f"Known: {', '.join(parts.connectors)}.")
    require_name(name)
    require_hosts(parts, connector, base_url, secrets)
    session = parts.session(connector, base_url, dict(secrets))
    existing = _existing(parts, crm, name)
    _ = parts.settings.encryption_keys  # a missing key must be told before the code, which works once, is spent
    granted = connector.exchange_code(session, base_url, dict(secrets), code, now) if code else dict(secrets)
    trial = _keep(parts, crm, name if existing is None and not recognise else _trial_name(name), base_url, granted)
    try:
        account = connector.check(parts.link(trial.name))
        with parts.engine.begin() as db:
            known = connections.former_of_account(db, crm, account.stable_id) if recognise else None
            row = _adopt(db, parts, trial, known or existing, account, _Wish(name, now, actor))
    except CrmPipelineError as error:
        keep = code is not None and existing is None and not isinstance(error, UsageError)
        _give_up(parts, trial, error, keep_as=name if keep else None)
        raise
    hooks.ensure(parts, row.name)
    return row


@dataclass(frozen=True, slots=True)
class _Wish:
    """What the caller wants it to be called, when, and who the caller is."""

    name: str
    now: datetime
    actor: str | None


def _trial_name(name: str) -> str:
    return f"{name[: 63 - len(TRIAL)]}{TRIAL}"


def require_hosts(parts: Parts, connector: Connector, base_url: str, secrets: Mapping[str, Any]) -> None:
    """Raise HostNotAllowed unless every address among what somebody gave may be contacted; before anything else reads them."""
    hosts = HostPolicy(connector.vendor_hosts, parts.settings.allowed_hosts)
    for url in (base_url, *(secrets[name] for name in ("webhook_url", "oauth_url") if secrets.get(name))):
        hosts.check(str(url))


def require_name(name: str) -> None:
    """Raise UsageError unless this can be the name of a connection."""
    if not _NAME.fullmatch(name) or name.endswith(TRIAL):
        raise UsageError(
            f"{name!r} cannot be the name of a connection.",
            what_to_do="Use small letters, digits, - and _, beginning with a letter or digit.",
        )


def _existing(parts: Parts, crm: str, name: str) -> ConnectionRow | None:
    """Return the connection of this name that has had an account; one that never was checked is replaced."""
    with parts.engine.begin() as db:
        found = connections.find(db, name)
        if found is None:
            return None
        if found.stable_id is None:
            connections.delete_unchecked(db, found.id)
            return None
    if found.crm != crm:
        raise UsageError(
            f"The name {name} belongs to a connection of {found.crm}.", what_to_do="Names are never reused; choose another."
        )
    return found


def _keep(parts: Parts, crm: str, name: str, base_url: str, granted: Secrets) -> ConnectionRow:
    """Keep new credentials before they are used."""
    with parts.engine.begin() as db:
        left_over = connections.find(db, name)
        if left_over:
            connections.delete_unchecked(db, left_over.id)
        connection_id = connections.add(db, crm, name, base_url)
        vault.save(db, parts.settings.encryption_keys, connection_id, granted)
        return connections.by_id(db, connection_id)


def _adopt(
    db: Connection, parts: Parts, trial: ConnectionRow, existing: ConnectionRow | None, account: Account, wish: _Wish
) -> ConnectionRow:
    """Make the tried credentials the connection's own."""
    target = existing or trial
    _require_same_account(db, target, account)
    if existing:
        granted = vault.read(db, parts.settings.encryption_keys, trial.id)
        connections.delete_unchecked(db, trial.id)
        vault.save(db, parts.settings.encryption_keys, existing.id, granted)
    elif trial.name != wish.name:
        connections.rename(db, trial.id, wish.name)
    connections.adopt(db, target.id, account, wish.now)
    connections.activate(db, target.id)
    detail = {"crm": target.crm, "account": account.name, "base_url": account.base_url}
    action = "connection.reconnect" if existing else "connection.connect"
    audit.note(db, action, existing.name if existing else wish.name, detail, wish.actor)
    return connections.by_id(db, target.id)


def _require_same_account(db: Connection, target: ConnectionRow, account: Account) -> None:
    if target.stable_id is not None and target.stable_id != account.stable_id:
        raise UsageError(
            f"The name {target.name} belongs to another account.",
            what_to_do="Names are never reused; choose another for this account.",
        )
    rival = connections.of_account(db, target.crm, account.stable_id)
    if rival and rival.id != target.id:
        raise UsageError(
            f"This account is already connected as {rival.name}.", what_to_do=f"Remove {rival.name} first, or use it."
        )


def _give_up(parts: Parts, trial: ConnectionRow, error: CrmPipelineError, *, keep_as: str | None) -> None:
    """Take the trial row away; keep it, under its name, when it holds tokens that cannot be asked for again."""
    with parts.engine.begin() as db:
        if keep_as is None:
            connections.delete_unchecked(db, trial.id)
            return
        if trial.name != keep_as:
            connections.rename(db, trial.id, keep_as)
        connections.set_status(db, trial.id, "broken", f"The account check failed: {error}")
