"""Access tokens as amoCRM shapes them: HS256 JSON Web Tokens nobody but the issuer can check."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import Any

import orjson


def sign(claims: dict[str, Any], key: bytes) -> str:
    """Encode claims as a compact JWT."""
    head = _pack(b'{"typ":"JWT","alg":"HS256"}')
    body = _pack(orjson.dumps(claims))
    return f"{head}.{body}.{_pack(_mac(f'{head}.{body}', key))}"


def read(token: str, key: bytes) -> dict[str, Any] | None:
    """Answer the claims when the signature is ours, else None; expiry is the caller's question."""
    parts = token.split(".")
    if len(parts) != 3 or not token.isascii():
        return None
    if not hmac.compare_digest(parts[2], _pack(_mac(f"{parts[0]}.{parts[1]}", key))):
        return None
    claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    return claims if isinstance(claims, dict) else None


def _mac(text: str, key: bytes) -> bytes:
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def _pack(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
