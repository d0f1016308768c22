"""What the stand-in answers: HAL bodies, problem bodies, nginx pages. Knows no entity."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import orjson

# Stands in stored rows for the server's own address, which is known only when a request comes in.
BASE = "\x7fbase\x7f"
HAL = "application/hal+json"
PROBLEM = "application/problem+json"
JSON = "application/json"
HTML = "text/html"
TITLES = {
    400: "Bad Request",
    401: "Unauthorized",
    402: "Payment Required",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    422: "Unprocessable Entity",
    429: "Too Many Requests",
}


@dataclass(frozen=True)
class Answer:
    """One HTTP answer; BASE inside the body is replaced by the address the caller used."""

    status: int = 200
    body: bytes = b""
    content_type: str = HAL
    headers: dict[str, str] = field(default_factory=dict)


EMPTY = Answer(204)


class Refusal(Exception):
    """A request is refused with this answer."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(f"{answer.status}: {answer.body[:200]!r}")
        self.answer = answer


def dump(value: Any) -> bytes:
    """Serialise as the vendor does: UTF-8, no spaces."""
    return orjson.dumps(value)


def hal(body: Any, status: int = 200) -> Answer:
    """Answer a HAL document."""
    return Answer(status, dump(body))


def problem(status: int, detail: str, **more: Any) -> Answer:
    """Answer an ordinary error body (facts: amocrm 7)."""
    body = {"title": TITLES[status], "type": f"https://httpstatus.es/{status}", "status": status, "detail": detail}
    return Answer(status, dump(body | more), PROBLEM)


def refuse(status: int, detail: str, **more: Any) -> Refusal:
    """Make the exception for `problem`."""
    return Refusal(problem(status, detail, **more))


def nginx(status: int, headers: dict[str, str] | None = None) -> Answer:
    """Answer the page a web server in front of the vendor shows (facts: amocrm 7: 403 and 429 in practice)."""
    line = f"{status} {TITLES[status]}"
    head = f"<html>\r\n<head><title>{line}</title></head>\r\n<body>\r\n<center><h1>{line}</h1></center>\r\n"
    return Answer(status, f"{head}<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n".encode(), HTML, headers or {})


def href(path: str) -> dict[str, Any]:
    """Link to /api/v4/<path> of this server."""
    return {"href": f"{BASE}/api/v4/{path}"}


def self_link(path: str) -> dict[str, Any]:
    """Build the `_links` of a row."""
    return {"self": href(path)}


def page_links(path: str, pairs: list[tuple[str, str]], page: int, limit: int, more: bool) -> dict[str, Any]:
    """Build the `_links` of a page; filters of the request are repeated, bracket-encoded (facts: amocrm 3.1)."""
    kept = [(name, value) for name, value in pairs if name not in ("page", "limit")]

    def to(number: int) -> dict[str, str]:
        return {"href": f"{BASE}{path}?{urlencode([*kept, ('limit', str(limit)), ('page', str(number))])}"}

    links = {"self": to(page)}
    if more:
        links["next"] = to(page + 1)
    if page > 1:
        links |= {"first": to(1), "prev": to(page - 1)}
    return links
