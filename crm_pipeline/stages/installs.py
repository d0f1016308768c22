"""Installs: an account installs the application and so brings the tokens along, to the address an administrator was given.

That address holds the state of a consent that was asked for: the first installation uses it up, as a consent in the browser does.
Later ones of the same account are known by what the application can prove about them. What belongs here: whom to let in.
"""

from collections.abc import Mapping
from datetime import datetime

from crm_pipeline.connectors import Connector, Installable, Installation
from crm_pipeline.database import connections, vault
from crm_pipeline.database.connections import ConnectionRow
from crm_pipeline.errors import AccessDenied, ConsentNeeded
from crm_pipeline.stages.connect import connect, require_hosts
from crm_pipeline.stages.consent import StateRefused, Wanted, is_ours, name_for, secrets_of, take, where
from crm_pipeline.stages.farewells import PATH
from crm_pipeline.stages.parts import Parts


class NotInstalled(AccessDenied):
    """What was sent to the address says something else than that the application was installed."""


AT_WORK = ("active", "paused")


def address(parts: Parts, crm: str, state: str) -> str | None:
    """Return where an application asked for with this state may be installed to; None for a CRM that does not work so."""
    root = parts.settings.public_url.rstrip("/")
    return f"{root}{PATH}/{crm}/{state}" if isinstance(parts.connectors.get(crm), Installable) else None


def is_address(parts: Parts, crm: str, state: str) -> bool:
    """Return whether an address was given by us; asks nobody."""
    return isinstance(parts.connectors.get(crm), Installable) and is_ours(parts, state)


def welcome(
    parts: Parts, crm: str, state: str, query: Mapping[str, str], body: bytes, *, now: datetime
) -> tuple[ConnectionRow, bool]:
    """Connect the account that installed the application; return the connection, and whether a person is looking.

    Raises NotInstalled, AccessDenied when it is of nobody who was asked for, and what `connect` raises.
    """
    connector = parts.connectors[crm]
    assert isinstance(connector, Installable)
    try:
        told = connector.read_installation(query, body)
    except AccessDenied as error:
        raise NotInstalled(error.args[0]) from None
    row = _of(parts, crm, told)
    if row and told.page and row.status in AT_WORK:
        return row, True  # somebody opens the application: nothing to be learned, and theirs are not the tokens to work with
    wanted, actor = _asked_for(parts, crm, state, now) or _known(parts, row, told)
    return _connected(parts, connector, told, wanted, now, actor), told.page


def _connected(
    parts: Parts, connector: Connector, told: Installation, wanted: Wanted, now: datetime, actor: str | None
) -> ConnectionRow:
    assert isinstance(connector, Installable)
    base_url = where(parts, connector, wanted, {"domain": told.base_url} if told.base_url else {})
    brought = {**secrets_of(wanted), **told.secrets}
    require_hosts(parts, connector, base_url, brought)
    granted = connector.redeem(parts.session(connector, base_url, brought), brought, now)
    if granted.get("member_id") != told.stable_id:
        raise ConsentNeeded("The tokens are of another account than it says.", what_to_do="Install the application again.")
    name = wanted.name or name_for(parts, wanted.crm, base_url)
    return connect(parts, wanted.crm, name, base_url, granted, now=now, recognise=True, actor=actor)


def _of(parts: Parts, crm: str, told: Installation) -> ConnectionRow | None:
    with parts.engine.connect() as db:
        return connections.of_account(db, crm, told.stable_id)


def _asked_for(parts: Parts, crm: str, state: str, now: datetime) -> tuple[Wanted, str] | None:
    """Return what an administrator asked for and who that is, once; None when it is over or was used."""
    try:
        wanted, actor = take(parts, state, now=now)
    except StateRefused:
        return None
    if wanted.crm != crm:
        raise AccessDenied("The address was given for another CRM.")
    return wanted, actor


def _known(parts: Parts, row: ConnectionRow | None, told: Installation) -> tuple[Wanted, None]:
    """Return what is known of the account's application. Raises AccessDenied when it is nothing to renew tokens with."""
    if row is None:
        raise AccessDenied("Nobody asked for this account.")
    try:
        known = vault.RowVault(parts.engine, parts.settings.encryption_keys, row.id).read()
    except ConsentNeeded:
        known = {}
    if not known.get("client_secret"):
        raise AccessDenied("This connection was not made through the application.")
    words = {name: str(known.get(name) or "") for name in ("client_id", "client_secret", "redirect_uri", "oauth_url")}
    wanted = Wanted(row.crm, base_url="" if told.base_url else row.base_url, name=row.name, **words)
    return wanted, None
