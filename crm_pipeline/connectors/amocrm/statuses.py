"""What amoCRM's status codes mean for us (facts: amocrm 7). The status decides first; the body may be anything."""

from collections.abc import Callable
from typing import Any

from crm_pipeline.errors import AccessBlocked, AccessDenied, CrmUnavailable, RecordGone, RequestRefused
from crm_pipeline.http import Answer, Verdict

PAY = "Renew the amoCRM subscription; the sync goes on from where it stopped."
UNBLOCK = "Write to amoCRM support: only they can lift it. Nothing was lost; sync again afterwards."
ALLOW = "Authorise with an administrator's account, or check the plan and the IP white list in amoCRM's settings."


def classify(answer: Answer) -> Verdict:
    """Judge an answer of the API."""
    if answer.status == 200:
        return _judge_body(answer)
    if answer.status < 300:
        return Verdict("ok")
    return TABLE.get(answer.status, _other)(answer)


def classify_write(answer: Answer) -> Verdict:
    """Judge the answer to a write: a right that is missing for it is no reason to stop the connection, and after any 5xx nobody
    knows whether it was applied."""
    if answer.status == 403 and _is_refusal(answer):
        return _refused(answer)
    return _unavailable(answer) if answer.status == 503 else classify(answer)


def detail_of(answer: Answer) -> str:
    """Return the sentence of an error body, redacted as the answer's text is."""
    body = answer.json if isinstance(answer.json, dict) else {}
    return " ".join(str(body[key])[:200] for key in ("title", "hint", "detail") if body.get(key))


def code_of(answer: Answer) -> str:
    """Return the first validation code of a 400 (facts: amocrm 5.3)."""
    errors = answer.json.get("validation-errors") if isinstance(answer.json, dict) else None
    found = [error for item in errors or [] if isinstance(item, dict) for error in item.get("errors") or []]
    return str(found[0].get("code", "")) if found and isinstance(found[0], dict) else ""


def _judge_body(answer: Answer) -> Verdict:
    if isinstance(answer.json, (dict, list)):
        return Verdict("ok")
    return Verdict("retry", error=CrmUnavailable("amoCRM answered 200 with something that is not JSON."))


def _unavailable(answer: Answer) -> Verdict:
    return Verdict("retry", error=CrmUnavailable(f"amoCRM answered {answer.status}."))


def _overloaded(answer: Answer) -> Verdict:
    return Verdict("pause", answer.retry_after or 0.0, CrmUnavailable("amoCRM answered 503."))


def _too_many(answer: Answer) -> Verdict:
    body: Any = answer.json if isinstance(answer.json, dict) else {}
    told = body.get("retry_after")
    return Verdict("pause", answer.retry_after or (float(told) if isinstance(told, (int, float)) else 0.0))


def _unpaid(answer: Answer) -> Verdict:
    """The account is not paid, or its plan lacks just this (facts: amocrm 6): lists, events."""
    return Verdict("raise", error=AccessDenied("The amoCRM account is not paid.", what_to_do=PAY))


def _forbidden(answer: Answer) -> Verdict:
    """JSON: a right is missing; anything else is the web server's page: the account or address is blocked for flooding."""
    if _is_refusal(answer):
        return Verdict(
            "raise", error=AccessDenied(f"amoCRM refuses this: {detail_of(answer) or 'no reason given'}.", what_to_do=ALLOW)
        )
    return Verdict("raise", error=AccessBlocked("amoCRM blocks this account or address (403).", what_to_do=UNBLOCK))


def _is_refusal(answer: Answer) -> bool:
    return isinstance(answer.json, dict) and "retry_after" not in answer.json


def _gone(answer: Answer) -> Verdict:
    return Verdict("raise", error=RecordGone(f"amoCRM does not know this: {detail_of(answer)}", status=404))


def _refused(answer: Answer) -> Verdict:
    said = detail_of(answer) or "no reason given"
    error = RequestRefused(
        f"amoCRM refused the request ({answer.status}): {said}.", status=answer.status, code=code_of(answer), detail=answer.json
    )
    return Verdict("raise", error=error)


def _other(answer: Answer) -> Verdict:
    return _refused(answer) if 400 <= answer.status < 500 else _unavailable(answer)


TABLE: dict[int, Callable[[Answer], Verdict]] = {
    401: lambda answer: Verdict("refresh"),
    402: _unpaid,
    403: _forbidden,
    404: _gone,
    408: _unavailable,
    429: _too_many,
    503: _overloaded,
}
