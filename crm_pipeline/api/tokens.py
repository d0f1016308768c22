"""Access tokens: JWTs of a quarter of an hour, signed with CRM_JWT_SECRET; the newest secret signs, every one listed is believed.

What belongs here: making and reading them. Whether the device they name is still welcome is asked of the database by `deps`.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import jwt

LIFETIME = timedelta(minutes=15)
ALGORITHM = "HS256"
AUDIENCE = "crm-pipeline-api"
ISSUER = "crm-pipeline"
KIND = "at+jwt"
LEEWAY = timedelta(seconds=5)
_REQUIRED = ["sub", "role", "dev", "iat", "exp", "aud", "iss"]


class BadToken(Exception):
    """The access token is not one of ours, or is over."""


@dataclass(frozen=True, slots=True)
class Claims:
    """What a token says: which user on which device."""

    user_id: int
    device_id: UUID


def issue(secrets: Sequence[str], user_id: int, role: str, device_id: UUID, now: datetime) -> str:
    """Return a token signed with the newest secret."""
    claims = {
        "sub": str(user_id), "role": role, "dev": str(device_id), "iat": now, "exp": now + LIFETIME,
        "aud": AUDIENCE, "iss": ISSUER,
    }  # fmt: skip
    return jwt.encode(claims, secrets[0], ALGORITHM, {"kid": key_id(secrets[0]), "typ": KIND})


def read(secrets: Sequence[str], token: str) -> Claims:
    """Return what a token says. Raises BadToken when anything about it is off."""
    try:
        secret = _secret_for(secrets, jwt.get_unverified_header(token))
        said = jwt.decode(
            token, secret, algorithms=[ALGORITHM], audience=AUDIENCE, issuer=ISSUER, leeway=LEEWAY, options={"require": _REQUIRED}
        )
        return Claims(int(said["sub"]), UUID(said["dev"]))
    except (jwt.PyJWTError, ValueError, TypeError, AttributeError) as error:
        raise BadToken(type(error).__name__) from None


def key_id(secret: str) -> str:
    """Return the name of a secret, which gives nothing of it away."""
    return hashlib.sha256(b"kid " + secret.encode()).hexdigest()[:12]


def _secret_for(secrets: Sequence[str], header: dict[str, object]) -> str:
    if header.get("alg") != ALGORITHM or header.get("typ") != KIND:
        raise BadToken("not a token of ours")
    found = next((secret for secret in secrets if key_id(secret) == header.get("kid")), None)
    if found is None:
        raise BadToken("signed with an unknown key")
    return found
