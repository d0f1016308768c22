"""Who may call: the integration, one-time codes, rotating token pairs, long-lived tokens. No HTTP here (oauth_pages.py)."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import uuid
from dataclasses import dataclass, field
from typing import Any

from ..clock import Clock
from . import jwt
from .answers import PROBLEM, Answer, Refusal, dump
from .switches import AmoSwitches

CODE_SECONDS = 20 * 60
ACCESS_SECONDS = 24 * 3600
REFRESH_SECONDS = 90 * 24 * 3600
LONG_LIVED_SECONDS = 5 * 365 * 24 * 3600
SCOPES = ["crm", "notifications"]
OAUTH_TYPE = "https://developers.amocrm.ru/v3/errors/OAuthProblemJson"
OAUTH_TITLE = "Некорректный запрос"
OAUTH_DETAIL = "В запросе отсутствует ряд параметров или параметры невалидны"


@dataclass(frozen=True)
class Integration:
    """A private integration as the settings page shows it."""

    client_id: str
    client_secret: str
    redirect_uri: str


@dataclass
class Code:
    """An authorization code: 20 minutes, one use (facts: amocrm 1.3)."""

    user_id: int
    issued: float
    used: bool = False


@dataclass
class Pair:
    """One answer of the token endpoint; `parent` is the pair whose refresh token bought it."""

    user_id: int
    jti: str
    refresh_token: str
    issued: float
    parent: Pair | None = None
    spent: bool = False
    used: bool = False
    children: list[Pair] = field(default_factory=list)


def oauth_problem(status: int, hint: str) -> Answer:
    """Answer an error of the token endpoint (facts: amocrm 1.5); the order of the keys is the vendor's."""
    body = {"hint": hint, "title": OAUTH_TITLE, "type": OAUTH_TYPE, "status": status, "detail": OAUTH_DETAIL}
    return Answer(status, dump(body), PROBLEM)


class Authority:
    """Issue, rotate, check and revoke tokens of one account."""

    def __init__(self, clock: Clock, switches: AmoSwitches, account_id: int, integration: Integration) -> None:
        self._clock, self._switches, self.account_id = clock, switches, account_id
        self.integration = integration
        self._epoch = 0
        self.codes: dict[str, Code] = {}
        self._pairs: dict[str, Pair] = {}
        self._by_jti: dict[str, Pair] = {}
        self.enabled = True

    @property
    def _key(self) -> bytes:
        # Derived, not random: access and long-lived tokens survive a restart of the same sandbox; revoking moves the epoch.
        return hashlib.sha256(f"{self.account_id}:{self.integration.client_secret}:{self._epoch}".encode()).digest()

    # what a person does in the settings

    def new_code(self, user_id: int) -> str:
        """Issue a fresh authorization code."""
        code = "def502" + secrets.token_hex(180)
        self.codes[code] = Code(user_id, self._clock.now())
        return code

    def long_lived(self, user_id: int, api_domain: str, seconds: int = LONG_LIVED_SECONDS) -> str:
        """Issue a token of 1 day to 5 years without a refresh token (facts: amocrm 1.3)."""
        return self._token(user_id, uuid.uuid4().hex, api_domain, seconds, "long_lived_token")

    def revoke_all(self) -> None:
        """Withdraw access: every code and token issued so far is dead (facts: amocrm 1.8)."""
        self.codes.clear()
        self._pairs.clear()
        self._by_jti.clear()
        self._epoch += 1

    def disconnect_query(self) -> dict[str, str]:
        """Build the parameters of the disconnect hook (facts: amocrm 1.8: HMAC-SHA256 of client_uuid|account_id)."""
        client = self.integration.client_id
        message = f"{client}|{self.account_id}".encode()
        signature = hmac.new(self.integration.client_secret.encode(), message, hashlib.sha256).hexdigest()
        return {"account_id": str(self.account_id), "client_uuid": client, "signature": signature}

    # the token endpoint

    def grant(self, body: Any, api_domain: str) -> dict[str, Any]:
        """Answer a token pair for a code or a refresh token. Raises Refusal with the bodies of facts 1.5."""
        if not isinstance(body, dict):
            raise Refusal(oauth_problem(400, "Check the request body"))
        self._check_client(body)
        grants = {"authorization_code": self._exchange, "refresh_token": self._refresh}
        grant = grants.get(str(body.get("grant_type")))
        if grant is None:
            raise Refusal(oauth_problem(400, "Check the `grant_type` parameter"))
        return self._answer(grant(body), api_domain)

    def _check_client(self, body: dict[str, Any]) -> None:
        wanted = self.integration
        if body.get("client_id") != wanted.client_id:
            raise Refusal(oauth_problem(400, "Check the `client_id` parameter"))
        if body.get("client_secret") != wanted.client_secret:
            raise Refusal(oauth_problem(401, "Check the `client_secret` parameter"))
        if body.get("redirect_uri") != wanted.redirect_uri:
            raise Refusal(oauth_problem(400, "Check the `redirect_uri` parameter"))

    def _exchange(self, body: dict[str, Any]) -> Pair:
        code = self.codes.get(str(body.get("code")))
        if code is None:
            raise Refusal(oauth_problem(400, "Cannot decrypt the authorization code"))
        if code.used:
            raise Refusal(oauth_problem(400, "Authorization code has been revoked"))
        if self._clock.now() > code.issued + CODE_SECONDS:
            raise Refusal(oauth_problem(400, "Authorization code has expired"))
        code.used = True
        return self._pair(code.user_id, None)

    def _refresh(self, body: dict[str, Any]) -> Pair:
        pair = self._pairs.get(str(body.get("refresh_token")))
        if pair is None:
            known = str(body.get("refresh_token")).startswith("def502")
            raise Refusal(self._revoked_answer() if known else oauth_problem(400, "Cannot decrypt the refresh token"))
        if not self._refreshable(pair):
            raise Refusal(self._revoked_answer())
        self._touch(pair)
        pair.spent = True
        return self._pair(pair.user_id, pair)

    def _refreshable(self, pair: Pair) -> bool:
        if self._clock.now() > pair.issued + REFRESH_SECONDS:
            return False
        if not pair.spent:
            return True
        grace = self._switches.refresh_reuse == "grace-until-new-pair-used"
        return grace and not any(child.used for child in pair.children)

    def _revoked_answer(self) -> Answer:
        return oauth_problem(400 if self._switches.refresh_reuse == "strict-400" else 401, "Token has been revoked")

    def _pair(self, user_id: int, parent: Pair | None) -> Pair:
        pair = Pair(user_id, uuid.uuid4().hex, "def502" + secrets.token_hex(180), self._clock.now(), parent)
        self._pairs[pair.refresh_token] = self._by_jti[pair.jti] = pair
        if parent is not None:
            parent.children.append(pair)
        return pair

    def _answer(self, pair: Pair, api_domain: str) -> dict[str, Any]:
        answer: dict[str, Any] = {"token_type": "Bearer", "expires_in": ACCESS_SECONDS}
        if self._switches.server_time:
            answer["server_time"] = int(self._clock.now())
        answer["access_token"] = self._token(pair.user_id, pair.jti, api_domain, ACCESS_SECONDS, "")
        return answer | {"refresh_token": pair.refresh_token}

    def _token(self, user_id: int, jti: str, api_domain: str, seconds: int, grant_type: str) -> str:
        now = int(self._clock.now())
        claims = {
            "aud": self.integration.client_id,
            "jti": jti,
            "iat": now,
            "nbf": now,
            "exp": now + seconds,
            "sub": str(user_id),
        }
        claims |= {"grant_type": grant_type, "account_id": self.account_id, "base_domain": "amocrm.ru", "version": 2}
        claims |= {"scopes": SCOPES, "hash_uuid": str(uuid.uuid4()), "api_domain": api_domain}
        return jwt.sign(claims, self._key)

    # every other request

    def bearer(self, token: str) -> dict[str, Any] | None:
        """Answer the claims of a live access token, else None; its first use ends the grace of the pair before."""
        claims = jwt.read(token, self._key)
        if not self.enabled or claims is None or self._clock.now() >= claims["exp"]:
            return None
        pair = self._by_jti.get(claims["jti"])
        if pair is not None:
            self._touch(pair)
        return claims

    def knows_refresh(self, token: str) -> bool:
        """Tell whether a refresh token would be accepted now, without spending it (facts: amocrm 1.7)."""
        pair = self._pairs.get(token)
        return pair is not None and self._refreshable(pair)

    @staticmethod
    def _touch(pair: Pair) -> None:
        pair.used = True
