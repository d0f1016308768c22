"""Consent: send an administrator to the CRM to allow access, and finish when the browser comes back.

The browser comes back without our token, so the state it carries is all there is to trust: signed, of one user, good once and for
ten minutes. What it says of where the account lives is checked before anything is sent there.
"""

import base64
import hashlib
import hmac
import re
import secrets as randomness
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from crm_pipeline.connectors import Connector
from crm_pipeline.database import connections, consent, vault
from crm_pipeline.database.connections import ConnectionRow
from crm_pipeline.errors import ConsentNeeded, HostNotAllowed, UnknownApplication, UsageError
from crm_pipeline.http import HostPolicy
from crm_pipeline.http.hosts import is_loopback
from crm_pipeline.model.permissions import may
from crm_pipeline.stages.connect import connect, require_name
from crm_pipeline.stages.parts import Parts

LIFETIME = timedelta(minutes=10)
ASK_AGAIN = "Ask for a new authorization link and open it within ten minutes."
_STATE = re.compile(r"[A-Za-z0-9_-]{43}\.[0-9]{1,12}\.[0-9]{1,12}\.[A-Za-z0-9_-]{43}")
LONGEST_CODE = 4_096


class StateRefused(ConsentNeeded):
    """The state is not one of ours, is over, was used before, or was given to somebody else."""


class AccessRefused(ConsentNeeded):
    """The person did not allow the access."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A connection somebody wants. `base_url` may be empty where the CRM tells it afterwards, `name` where it follows from it."""

    crm: str
    client_id: str
    client_secret: str | None = field(default=None, repr=False)
    base_url: str = ""
    name: str = ""
    redirect_uri: str = ""
    oauth_url: str = ""


@dataclass(frozen=True, slots=True)
class Asked:
    """Where a person gives consent. `state`: comes back with the answer."""

    url: str
    state: str
    expires_at: datetime


def ask(parts: Parts, wanted: Wanted, user_id: int, *, now: datetime) -> Asked:
    """Return where consent is given for a connection, and keep what is needed to finish.

    Raises UsageError (what is missing), HostNotAllowed (the address, the authorization server).
    """
    connector = _connector(parts, wanted.crm)
    wanted = _completed(parts, connector, wanted)
    expires_at = (now + LIFETIME).replace(microsecond=0)
    state = _signed(parts, user_id, expires_at)
    url = connector.authorization_url({"client_id": wanted.client_id, "base_url": wanted.base_url}, state)
    with parts.engine.begin() as db:
        consent.forget(db, now)
        consent.keep(db, parts.settings.encryption_keys, _hash(state), user_id, asdict(wanted), expires_at)
    return Asked(url, state, expires_at)


def author_of(parts: Parts, state: str, *, now: datetime) -> int:
    """Return who asked for a consent. Raises StateRefused when the state is not ours or is over."""
    if not is_ours(parts, state):
        raise StateRefused("The state is not one of ours.", what_to_do=ASK_AGAIN)
    _nonce, user_id, expires, _signature = state.split(".")
    if int(expires) <= now.timestamp():
        raise StateRefused("The authorization link is over: it is good for ten minutes.", what_to_do=ASK_AGAIN)
    return int(user_id)


def is_ours(parts: Parts, state: str) -> bool:
    """Return whether a state was made here, also one that is over or was used: asks nobody."""
    head, _, _signature = state.rpartition(".")
    signed = (f"{head}.{_sign(key, head)}" for key in _keys(parts)) if _STATE.fullmatch(state) else ()
    return any(hmac.compare_digest(state, one) for one in signed)


def finish(parts: Parts, answer: Mapping[str, str], *, now: datetime, caller: int | None = None) -> ConnectionRow:
    """Finish a consent with what the browser came back with (query parameters), and return the connection.

    caller: who brings it, where that is known: nobody but who asked for it. The state is used up whatever comes of it. Raises
    StateRefused, AccessRefused, HostNotAllowed (where the account is said to live), and what `connect` raises.
    """
    wanted, actor = take(parts, answer.get("state", ""), now=now, caller=caller)
    code = answer.get("code", "")
    if answer.get("error") or not code or len(code) > LONGEST_CODE:
        raise AccessRefused("Access was not allowed, or the answer holds no code.", what_to_do=ASK_AGAIN)
    base_url = where(parts, _connector(parts, wanted.crm), wanted, answer)
    name = wanted.name or name_for(parts, wanted.crm, base_url)
    return connect(parts, wanted.crm, name, base_url, secrets_of(wanted), code, now=now, recognise=True, actor=actor)


def take(parts: Parts, state: str, *, now: datetime, caller: int | None = None) -> tuple[Wanted, str]:
    """Use a state up: return what was asked for, and by whom (name). Raises StateRefused."""
    actor = _author(parts, author_of(parts, state, now=now), caller)
    with parts.engine.begin() as db:
        found = consent.use(db, parts.settings.encryption_keys, _hash(state), now)
    if found is None:
        raise StateRefused("The authorization link was used before.", what_to_do=ASK_AGAIN)
    return Wanted(**found[1]), actor


def _author(parts: Parts, user_id: int, caller: int | None) -> str:
    """Return the name of who asked for a consent. Raises StateRefused when that is somebody else, or may connect no more."""
    if caller not in (None, user_id):
        raise StateRefused("The authorization link was given to somebody else.", what_to_do=ASK_AGAIN)
    name, role = consent.author(parts.engine, user_id) or ("", "")
    if not name or not may(role, "connections.manage"):
        raise StateRefused("Who asked for the authorization link may not connect accounts any more.", what_to_do=ASK_AGAIN)
    return name


def _connector(parts: Parts, crm: str) -> Connector:
    found = parts.connectors.get(crm)
    if found is None:
        raise UsageError(f"There is no connector for {crm[:40]!r}.", what_to_do=f"Known: {', '.join(parts.connectors)}.")
    return found


def _completed(parts: Parts, connector: Connector, wanted: Wanted) -> Wanted:
    """Check what is asked for, and add what an earlier connection of the same application knows."""
    if wanted.name:
        require_name(wanted.name)
    if not wanted.client_id:
        raise UsageError("clientId is missing.", what_to_do="Send the id of the integration or application.")
    known = {} if wanted.client_secret else _known_secrets(parts, wanted)
    secret = wanted.client_secret or known.get("client_secret")
    if not secret:
        raise UnknownApplication(
            "The application's secret is not known yet.",
            what_to_do="Send it as clientSecret in the body of a POST to the same address.",
        )
    done = Wanted(
        wanted.crm, wanted.client_id, secret, wanted.base_url.rstrip("/"), wanted.name,
        wanted.redirect_uri or known.get("redirect_uri") or callback_address(parts),
        wanted.oauth_url or known.get("oauth_url") or "",
    )  # fmt: skip
    hosts = _hosts(parts, connector)
    for url in (done.base_url, done.oauth_url):
        if url:
            hosts.check(url)
    return done


def _hosts(parts: Parts, connector: Connector) -> HostPolicy:
    return HostPolicy(connector.vendor_hosts, parts.settings.allowed_hosts)


def callback_address(parts: Parts) -> str:
    """Return our own callback, which is the redirect address unless the application has another."""
    return f"{parts.settings.public_url.rstrip('/')}/api/sync/connection/callback"


def _known_secrets(parts: Parts, wanted: Wanted) -> dict[str, str]:
    """Return the secrets of a connection through the same application, the one of that name first."""
    rows = sorted(connections.list_connections(parts.engine), key=lambda row: row.name != wanted.name)
    for row in rows:
        if row.crm != wanted.crm:
            continue
        try:
            found = vault.RowVault(parts.engine, parts.settings.encryption_keys, row.id).read()
        except ConsentNeeded:  # it has none at the moment
            continue
        if found.get("client_id") == wanted.client_id:
            return {name: str(value) for name, value in found.items() if value is not None}
    return {}


def secrets_of(wanted: Wanted) -> dict[str, str]:
    """Return what is known of the application."""
    found = {
        "client_id": wanted.client_id, "client_secret": wanted.client_secret, "redirect_uri": wanted.redirect_uri,
        "oauth_url": wanted.oauth_url,
    }  # fmt: skip
    return {name: value for name, value in found.items() if value}


_TOLD = ("referer", "domain")
"""Under which names the CRMs say where the account lives (facts: amocrm 1.1, bitrix24 1.2)."""


def where(parts: Parts, connector: Connector, wanted: Wanted, answer: Mapping[str, str]) -> str:
    """Return the account's address: as asked for, else as told; both must be the same host, and one that may be contacted."""
    told = next((_address(answer[name]) for name in _TOLD if answer.get(name)), "")
    if told:
        _hosts(parts, connector).check(told)
    if not told and not wanted.base_url:
        raise UsageError("The CRM did not say where the account lives.", what_to_do="Ask for a new link with baseUrl.")
    if told and wanted.base_url and _netloc(told) != _netloc(wanted.base_url):
        raise HostNotAllowed(
            f"Access was given to {_netloc(told)}, asked for was {_netloc(wanted.base_url)}.",
            what_to_do="Choose the account that was asked for, or ask for a link to this one.",
        )
    return wanted.base_url or told


def _address(told: str) -> str:
    """Return scheme and host of what may be a bare host or an address."""
    written = told if "://" in told else f"//{told}"
    try:
        parts = urlsplit(written)
        scheme = parts.scheme or ("http" if is_loopback(parts.hostname or "") else "https")
    except ValueError:
        return written  # what cannot be read is refused with the hosts
    return f"{scheme}://{parts.netloc}"


def _netloc(url: str) -> str:
    parts = urlsplit(url)
    port = parts.port or {"https": 443, "http": 80}.get(parts.scheme)
    return f"{(parts.hostname or '').rstrip('.').lower()}:{port}"


def name_for(parts: Parts, crm: str, base_url: str) -> str:
    """Return a name nobody has for an account, after its address."""
    host = urlsplit(base_url).hostname or crm
    label = host if is_loopback(host) else host.partition(".")[0]
    stem = f"{crm}-{re.sub(r'[^a-z0-9_-]+', '-', label.lower()).strip('-')}"[:50].rstrip("-")
    with parts.engine.connect() as db:
        for name in (stem, *(f"{stem}-{number}" for number in range(2, 100))):
            if connections.find(db, name) is None:
                return name
    raise UsageError(f"There are too many connections named {stem}.", what_to_do="Ask for a link with a name.")


def _signed(parts: Parts, user_id: int, expires_at: datetime) -> str:
    head = f"{randomness.token_urlsafe(32)}.{user_id}.{int(expires_at.timestamp())}"
    return f"{head}.{_sign(_keys(parts)[0], head)}"


def _sign(key: bytes, head: str) -> str:
    mac = hmac.new(key, b"oauth state " + head.encode(), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(mac).rstrip(b"=").decode()


def _keys(parts: Parts) -> list[bytes]:
    """Return the keys states are signed with, newest first."""
    return [secret.encode() for secret in parts.settings.jwt_secrets]


def _hash(state: str) -> bytes:
    return hashlib.sha256(state.encode()).digest()


def client_id_of(parts: Parts, row: ConnectionRow) -> str | None:
    """Return the id of the application a connection that needs consent was made through, if it was."""
    if row.status != "needs_consent":
        return None
    try:
        found = vault.RowVault(parts.engine, parts.settings.encryption_keys, row.id).read().get("client_id")
    except ConsentNeeded:  # it has no credentials at all
        return None
    return str(found) if found else None
