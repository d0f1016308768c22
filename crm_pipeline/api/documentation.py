"""The page at /api/docs: every operation, with a form to log in and to send it. Needs nothing from outside.

What belongs here: serving the page. What it shows is /api/openapi.json.
"""

from pathlib import Path

from fastapi import APIRouter
from starlette.responses import Response

router = APIRouter(prefix="/api", include_in_schema=False)
_PAGE = Path(__file__).with_name("page")
_KINDS = {
    "docs.html": "text/html; charset=utf-8",
    "docs.js": "text/javascript; charset=utf-8",
    "docs.css": "text/css; charset=utf-8",
}
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; frame-ancestors 'none'; "
    "base-uri 'none'; form-action 'none'"
)


def _file(name: str) -> Response:
    headers = {"Content-Security-Policy": _POLICY, "Cache-Control": "no-cache"}
    return Response((_PAGE / name).read_bytes(), headers=headers, media_type=_KINDS[name])


@router.get("/docs")
def page() -> Response:
    """Give the page."""
    return _file("docs.html")


@router.get("/docs/docs.js")
def script() -> Response:
    """Give its script."""
    return _file("docs.js")


@router.get("/docs/docs.css")
def style() -> Response:
    """Give its looks."""
    return _file("docs.css")
