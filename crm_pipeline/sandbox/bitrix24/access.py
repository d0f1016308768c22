"""Who may call: webhooks, access and refresh tokens, one-use codes, all by the sandbox's clock (facts: bitrix24 1.2–1.6).

Here: the keeping and checking of secrets. The HTTP of the token server is in oauth.py.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from crm_pipeline.sandbox.clock import Clock

from .calls import Credential
from .refusals import EXPIRED, NO_AUTH, UNKNOWN_TOKEN, Refusal, bad_webhook
from .space import ADMIN
from .switches import BitrixSwitches

SCOPES = ("crm", "task", "user", "catalog", "telephony", "placement")
DAY = 86_400
INVALID_GRANT = Refusal(400, "invalid_grant", "Invalid grant")


@dataclass
class _Grant:
    """A refresh token: when it ends and whether rotation has replaced it."""

    user: int
    expires: float
    replaced: bool = False


@dataclass
class Access:
    """The secrets of one portal and its one installed app."""

    account: str
    clock: Clock
    switches: BitrixSwitches
    redirect_uri: str = "http://127.0.0.1/callback"
    install_uri: str = ""
    scopes: tuple[str, ...] = SCOPES
    _webhooks: dict[tuple[int, str], Credential] = field(default_factory=dict)
    _codes: dict[str, tuple[int, float]] = field(default_factory=dict)
    _tokens: dict[str, tuple[Credential, float]] = field(default_factory=dict)
    _grants: dict[str, _Grant] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.client_id = f"local.{self._derived('client')[:14]}.{int(self._derived('number')[:7], 16) % 90_000_000 + 10_000_000}"
        self.client_secret = self._derived("secret")[:50]
        self.application_token = self._derived("application")[:32]
        self.webhook_secret = self.add_webhook(ADMIN, SCOPES, self._derived("webhook")[:16])

    def add_webhook(self, user: int, scopes: tuple[str, ...], secret: str = "", admin: bool = True) -> str:
        """Create an incoming webhook for a user and return its secret."""
        secret = secret or secrets.token_hex(8)
        self._webhooks[user, secret] = Credential("webhook", f"webhook:{user}:{secret}", user, frozenset(scopes), admin)
        return secret

    def remove_webhook(self, user: int, secret: str) -> None:
        """Delete an incoming webhook; its next call is refused."""
        del self._webhooks[user, secret]

    def webhook(self, user: int, secret: str) -> Credential:
        """Check a webhook. Raises Refusal."""
        found = self._webhooks.get((user, secret))
        if found is None:
            raise bad_webhook(self.switches.bad_webhook_status)
        return found

    def token(self, text: str) -> Credential:
        """Check an access token. Raises Refusal."""
        if not text:
            raise NO_AUTH
        if text not in self._tokens:
            raise UNKNOWN_TOKEN
        credential, expires = self._tokens[text]
        if expires <= self.clock.now():
            raise EXPIRED
        return credential

    def code(self, user: int = ADMIN) -> str:
        """Issue a code: 30 seconds, one use."""
        text = secrets.token_hex(35)
        self._codes[text] = (user, self.clock.now() + self.switches.code_seconds)
        return text

    def exchange(self, code: str) -> tuple[int, str, str]:
        """Trade a code for (user, access, refresh). Raises Refusal."""
        user, expires = self._codes.pop(code, (0, 0.0))
        if expires <= self.clock.now():
            raise INVALID_GRANT
        return user, *self.issue(user)

    def refresh(self, token: str) -> tuple[int, str, str]:
        """Trade a refresh token for a new pair; the old one dies at once when rotation is strict. Raises Refusal."""
        grant = self._grants.get(token)
        if grant is None or grant.expires <= self.clock.now() or (grant.replaced and self.switches.rotation == "strict"):
            raise INVALID_GRANT
        grant.replaced = True
        return grant.user, *self.issue(grant.user)

    def issue(self, user: int) -> tuple[str, str]:
        """Issue a pair (access, refresh) for a user."""
        access, refresh, now = secrets.token_hex(35), secrets.token_hex(35), self.clock.now()
        credential = Credential("oauth", f"app:{self.client_id}", user, frozenset(self.scopes), user == ADMIN)
        self._tokens[access] = (credential, now + self.switches.access_seconds)
        self._grants[refresh] = _Grant(user, now + self.switches.refresh_days * DAY)
        return access, refresh

    def revoke(self) -> None:
        """Forget all codes and tokens of the app."""
        for kept in (self._codes, self._tokens, self._grants):
            kept.clear()

    def knows_client(self, client_id: Any, client_secret: Any) -> bool:
        """Tell whether id and secret are the app's."""
        return (client_id, client_secret) == (self.client_id, self.client_secret)

    def _derived(self, purpose: str) -> str:
        return sha256(f"bitrix24 sandbox {self.account} {purpose}".encode()).hexdigest()
