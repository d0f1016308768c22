"""Credentials: what a person brings to connect an account, told apart: an address, secrets, and perhaps a code that works once.

Each CRM's ways of authorising are a table row; nothing is sent anywhere here.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from crm_pipeline.errors import UsageError

APPLICATION = ("client_id", "client_secret")


@dataclass(frozen=True, slots=True)
class Brought:
    """Address of the account, its secrets, and the code to exchange for tokens, if that is the way."""

    base_url: str
    secrets: dict[str, str] = field(repr=False)
    code: str | None = field(default=None, repr=False)


_WAYS: Mapping[str, tuple[str, tuple[str, ...], tuple[str, ...]]] = {
    "webhook_url": ("webhook_url", (), ("application_token",)),
    "token": ("access_token", ("base_url",), ()),
    "code": ("code", ("base_url", *APPLICATION), ("redirect_uri", "oauth_url", "application_token")),
}
"""What is brought → the secret it is, what must come with it, what may."""


def credentials(brought: Mapping[str, str | None]) -> Brought:
    """Return what was brought. Raises UsageError when it is none of the ways, or several, or something is missing."""
    ways = [way for way in _WAYS if brought.get(way)]
    if len(ways) != 1:
        raise UsageError("Exactly one of code, token and webhookUrl is needed.", what_to_do="Send one of them.")
    way = ways[0]
    name, needed, possible = _WAYS[way]
    missing = [one for one in needed if not brought.get(one)]
    if missing:
        raise UsageError(f"Missing with {way}: {', '.join(missing)}.", what_to_do="Send all of them.")
    value = str(brought[way])
    secrets = {one: str(brought[one]) for one in (*needed, *possible) if brought.get(one) and one != "base_url"}
    if way == "code":
        return Brought(str(brought["base_url"]).rstrip("/"), secrets, value)
    base_url = _origin(value) if way == "webhook_url" else str(brought["base_url"]).rstrip("/")
    return Brought(base_url, {**secrets, name: value})


def _origin(url: str) -> str:
    """Return scheme and host, whatever is written there: whether it may be contacted is decided by the host policy."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    return f"{parts.scheme}://{parts.netloc}"
