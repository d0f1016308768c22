"""Cursors clients carry: small JSON objects, signed, opaque to who holds them.

What belongs here: sealing and opening. What a cursor says, and whether it still holds, is its reader's business.
"""

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Sequence
from typing import Any

_SIGNATURE = 16


class BadCursor(ValueError):
    """A cursor that was not made here, or was changed."""


def seal(secrets: Sequence[str], said: dict[str, Any]) -> str:
    """Return a cursor that says this, signed with the newest secret."""
    body = json.dumps(said, separators=(",", ":"), ensure_ascii=True).encode()
    return base64.urlsafe_b64encode(_sign(secrets[0], body) + body).rstrip(b"=").decode()


def unseal(secrets: Sequence[str], cursor: str) -> dict[str, Any]:
    """Return what a cursor says. Raises BadCursor when none of the secrets signed it."""
    try:
        raw = base64.urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4))
    except (UnicodeEncodeError, binascii.Error):
        raise BadCursor("It is no cursor of this API.") from None
    signature, body = raw[:_SIGNATURE], raw[_SIGNATURE:]
    if not any(hmac.compare_digest(signature, _sign(secret, body)) for secret in secrets):
        raise BadCursor("It is no cursor of this API.")
    said: dict[str, Any] = json.loads(body)
    return said


def _sign(secret: str, body: bytes) -> bytes:
    return hmac.new(secret.encode(), b"cursor\x00" + body, hashlib.sha256).digest()[:_SIGNATURE]
