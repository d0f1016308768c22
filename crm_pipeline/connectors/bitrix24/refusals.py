"""Every way Bitrix24 says no, and what follows from it: one table by code, one by HTTP status (facts: bitrix24 1.4, 2.3, 7).

Codes are compared in lower case and as text (they may be empty, digits or an integer); descriptions are in the portal's
language and are never branched on. What belongs here: code or status → what to do. Doing it belongs to `client`.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from crm_pipeline import errors
from crm_pipeline.errors import CrmPipelineError


@dataclass(frozen=True, slots=True)
class Ruling:
    """What a refusal means. `action`: refresh (token), retry, pause (everybody), park (the method), refuse, stop."""

    action: str
    error: type[CrmPipelineError] = errors.RequestRefused
    sentence: str = ""
    what_to_do: str = ""


_NEW_CONSENT = "Authorise the connection again: crm-pipeline connect bitrix24."
_NEW_WEBHOOK = "Make a new incoming webhook in the portal (Developer resources) and connect again."
_ADMIN = "Let an administrator of the portal grant the right, then connect again."

REFRESH = Ruling("refresh", errors.ConsentNeeded, "The access token is not accepted.", _NEW_CONSENT)
RETRY = Ruling("retry", errors.CrmUnavailable, "The portal does not answer properly.")
REFUSE = Ruling("refuse")

BY_CODE: dict[str, Ruling] = {
    "expired_token": REFRESH,
    "invalid_token": REFRESH,
    "no_auth_found": REFRESH,
    "authorization_error": REFRESH,
    "invalid_credentials": Ruling(
        "stop", errors.ConsentNeeded, "The portal does not know this webhook (any more).", _NEW_WEBHOOK
    ),
    "query_limit_exceeded": Ruling("pause", errors.RateLimited, "The portal's request limit is used up."),
    "operation_time_limit": Ruling("park", errors.RateLimited, "The method's operating time is used up."),
    "overload_limit": Ruling(
        "stop",
        errors.AccessBlocked,
        "Bitrix24 has blocked REST for this portal by hand.",
        "Ask Bitrix24 support; do not try again before.",
    ),
    "internal_server_error": RETRY,
    "error_unexpected_answer": RETRY,
    "access_denied": Ruling("stop", errors.AccessDenied, "The portal denies access.", f"REST needs a commercial plan. {_ADMIN}"),
    "insufficient_scope": Ruling(
        "stop", errors.AccessDenied, "The webhook or application lacks a scope.", "Add the scope in the portal and connect again."
    ),
    "user_access_error": Ruling("stop", errors.AccessDenied, "The user may not use this application.", _ADMIN),
    "allowed_only_intranet_user": Ruling(
        "stop", errors.AccessDenied, "Extranet users may not read the CRM.", "Use the account of an employee."
    ),
    "method_confirm_waiting": Ruling("stop", errors.AccessDenied, "An administrator has to confirm this method first.", _ADMIN),
    "method_confirm_denied": Ruling("stop", errors.AccessDenied, "An administrator has denied this method.", _ADMIN),
    "payment_required": Ruling(
        "stop",
        errors.ConnectionStopped,
        "The portal's or application's paid period is over.",
        "Pay in the portal, then resume the connection.",
    ),
    "portal_deleted": Ruling("stop", errors.ConnectionStopped, "The portal has been deleted.", "Remove the connection."),
    "application_not_found": Ruling("stop", errors.ConsentNeeded, "The application is not installed.", _NEW_CONSENT),
    "error_oauth": Ruling("stop", errors.ConsentNeeded, "The application is not installed.", _NEW_CONSENT),
    "not_installed": Ruling("stop", errors.ConsentNeeded, "The application is not installed.", _NEW_CONSENT),
    "invalid_request": Ruling("refuse", sentence="The request is malformed; REST wants https."),
    "wrong_auth_type": Ruling("refuse", sentence="This method is not available to this kind of authorization."),
    "error_method_not_found": Ruling("refuse", sentence="The portal does not know this method."),
    "not_found": Ruling("refuse", errors.RecordGone, "The record does not exist."),
}

BY_STATUS: dict[int, Ruling] = {
    401: REFRESH,
    402: BY_CODE["payment_required"],
    403: Ruling(
        "stop",
        errors.AccessBlocked,
        "The portal's web server turns us away.",
        "Let the portal's administrator or Bitrix24 support look.",
    ),
    404: Ruling("stop", errors.ConnectionStopped, "There is no Bitrix24 REST at this address.", "Check the portal's address."),
    408: RETRY,
    410: BY_CODE["portal_deleted"],
    423: RETRY,
    425: RETRY,
    429: BY_CODE["query_limit_exceeded"],
    **dict.fromkeys((500, 502, 503, 504, 507, 520, 522, 524), RETRY),
}

_RECORD_LEVEL = {"access_denied"}
"""Codes that with HTTP 400 speak of one record, not of the connection (facts: bitrix24 2.3)."""


def code_of(body: Any) -> str | None:
    """Return the error code of a body in lower case; None when the body holds no error (also REST 3.0's object)."""
    if not isinstance(body, dict) or "error" not in body:
        return None
    found = body["error"]
    if isinstance(found, dict):
        found = found.get("code", "")
    return "" if found is None or found is False else str(found).strip().lower()


def description_of(body: Any) -> str:
    """Return the description without markup, shortened; empty when there is none."""
    said = body.get("error_description") if isinstance(body, dict) else None
    return re.sub(r"<[^>]*>|\s+", " ", said).strip()[:200] if isinstance(said, str) else ""


def ruling(status: int, body: Any) -> Ruling | None:
    """Return what an answer's status and body mean; None: it is a good answer.

    An error may come with HTTP 200; a good status with anything but an envelope is a broken answer.
    """
    code = code_of(body)
    if code is None:
        return (
            None
            if status == 200 and isinstance(body, dict)
            else BY_STATUS.get(status, RETRY if status < 400 or status >= 500 else REFUSE)
        )
    if status == 400 and code in _RECORD_LEVEL:
        return REFUSE
    return BY_CODE.get(code) or (REFUSE if status in (200, 403, 404) else BY_STATUS.get(status, REFUSE))


def failure(found: Ruling, call: str, status: int, body: Any, redact: Callable[[str], str] = str) -> CrmPipelineError:
    """Return the error of a ruling with a message safe to log."""
    code, said = code_of(body), redact(description_of(body))
    detail = " ".join(part for part in (f"HTTP {status}" if status != 200 else "", code or "", said) if part)
    message = f"{call}: {found.sentence or 'The portal refused the request.'}" + (f" ({detail})" if detail else "")
    if issubclass(found.error, errors.RequestRefused):
        return found.error(message, status=status, code=code or "", detail=said, what_to_do=found.what_to_do)
    return found.error(message, what_to_do=found.what_to_do)
