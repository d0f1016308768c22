"""The pages a browser is shown when a CRM sends it here: that it worked, or why not.

They load nothing, but for the one script a portal needs to hear that its application is installed.
"""

import base64
import hashlib
from html import escape
from urllib.parse import urlsplit

from fastapi import Request
from fastapi.responses import HTMLResponse, Response

from crm_pipeline.api.problems import BY_ERROR
from crm_pipeline.database.connections import ConnectionRow
from crm_pipeline.errors import CrmPipelineError

PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<style>body{{font:16px/1.5 sans-serif;margin:15vh auto;max-width:34em;padding:0 1em}}</style></head>
<body><h1 id="outcome" data-status="{status}">{title}</h1><p>{text}</p>{end}</body></html>"""
PORTAL_SCRIPT = "https://api.bitrix24.com/api/v1/"
FINISH = "BX24.init(function () { BX24.installFinish(); });"
"""Until it is called a portal sends no events (facts: bitrix24 1.5)."""
_FINISH_HASH = base64.b64encode(hashlib.sha256(FINISH.encode()).digest()).decode()
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; form-action 'none'; "
SAFE = {
    "Content-Security-Policy": f"{_POLICY}frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
}
"""The address may hold a code."""


def connected(row: ConnectionRow) -> Response:
    """Say that a consent has become a connection."""
    return _page("Connected", f"{_sentence(row)} This page can be closed.", 200)


def installed(row: ConnectionRow) -> Response:
    """Say so inside the portal's frame, and tell the portal that the installation is finished."""
    parts = urlsplit(row.base_url)
    script = f"script-src {PORTAL_SCRIPT} 'sha256-{_FINISH_HASH}'; frame-ancestors {parts.scheme}://{parts.netloc}"
    end = f'<script src="{PORTAL_SCRIPT}"></script><script>{FINISH}</script>'
    return _page("Connected", _sentence(row), 200, end, SAFE | {"Content-Security-Policy": _POLICY + script})


def refusal(request: Request, error: CrmPipelineError) -> Response:
    """Answer a browser with a page, anybody else with a problem."""
    if "text/html" not in request.headers.get("accept", ""):
        raise error
    slug, status = next((BY_ERROR[kind] for kind in type(error).__mro__ if kind in BY_ERROR), ("internal", 500))
    if slug in ("internal", "misconfigured", "unavailable"):
        raise error
    return _page("Not connected", f"{error.args[0]} {error.what_to_do}".strip(), status)


def _sentence(row: ConnectionRow) -> str:
    return f"{row.account.get('name') or row.name} is connected as {row.name}. The first sync begins by itself."


def _page(title: str, text: str, status: int, end: str = "", headers: dict[str, str] = SAFE) -> Response:
    return HTMLResponse(PAGE.format(title=escape(title), text=escape(text), status=status, end=end), status, headers)
