"""What must never be read in a message or a log. Secrets are registered where they are known; shapes catch the rest."""

import re
import threading

HIDDEN = "***"

_SHAPES = (
    (re.compile(r"(?i)\b(bearer)\s+[\w.~+/=-]+"), r"\1 " + HIDDEN),
    (re.compile(r"\beyJ[\w-]{8,}\.[\w-]+\.?[\w-]*"), HIDDEN),
    (re.compile(r"(/rest/\d+/)[A-Za-z0-9]{6,}"), r"\1" + HIDDEN),
    (
        re.compile(
            r"(?i)([\"']?\b(?:access_token|refresh_token|client_secret|application_token|auth|auth_id|refresh_id|code|password|api_key)\b"
            r"[\"']?\s*[=:]\s*[\"']?)[^\s\"'&,;}<]{4,}"
        ),
        r"\1" + HIDDEN,
    ),
)
_SHORTEST_SECRET = 6


class Redactor:
    """Hides registered secrets and everything shaped like one. Thread safe."""

    def __init__(self, *secrets: object):
        self._lock = threading.Lock()
        self._secrets: tuple[str, ...] = ()
        self.register(*secrets)

    def __repr__(self) -> str:
        return f"Redactor({len(self._secrets)} secrets)"

    def register(self, *secrets: object) -> None:
        """Hide these from now on; anything but text of some length is ignored (hiding "1" everywhere helps nobody)."""
        new = {secret for secret in secrets if isinstance(secret, str) and len(secret) >= _SHORTEST_SECRET}
        with self._lock:
            self._secrets = tuple(sorted(new.union(self._secrets), key=len, reverse=True))

    def hide(self, body: bytes) -> bytes:
        """Return a body with the registered secrets replaced; nothing else, so that JSON stays JSON and codes stay codes."""
        for secret in self._secrets:
            body = body.replace(secret.encode(), HIDDEN.encode())
        return body

    def redact(self, text: str) -> str:
        """Return the text with every secret replaced by `***`."""
        for secret in self._secrets:
            text = text.replace(secret, HIDDEN)
        for shape, replacement in _SHAPES:
            text = shape.sub(replacement, text)
        return text
