"""One request to the API, as endpoints see it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Call:
    """Method, path, query and body of one request; `base` is the address the caller used, `user_id` the one it acts as."""

    method: str
    path: str
    pairs: list[tuple[str, str]]
    query: dict[str, Any]
    headers: Mapping[str, str]
    base: str
    body: Any = None
    user_id: int = 0
    params: dict[str, str] = field(default_factory=dict)
    rows: int | None = None

    @property
    def host(self) -> str:
        """Answer host:port of the caller's address."""
        return self.base.partition("://")[2]

    @property
    def bearer(self) -> str:
        """Answer the access token of the request."""
        kind, _, token = self.headers.get("Authorization", "").partition(" ")
        return token if kind.lower() == "bearer" else ""
