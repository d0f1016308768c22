"""The form of a write: arrays of up to 250 items, request ids, all or nothing (facts: amocrm 5.1, 5.2). Knows no entity."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from .answers import Answer, dump, hal, href, problem
from .entities import missing
from .records import Row
from .validation import Errors, empty_body, validation_answer

if TYPE_CHECKING:
    from .account import Account
    from .call import Call

MAX_ITEMS = 250
# Checks one item without changing anything and answers what to do: the doing answers the stored row.
Prepare = Callable[[Row, Errors], Callable[[], Row]]
Show = Callable[[Row, Row, str], Row]


def batch(account: Account, call: Call, name: str, prepare: Prepare, show: Show) -> Answer:
    """Check every item of an array, then do them in order; one bad item refuses all, unless the switch says otherwise."""
    refused = form_refusal(call.body, MAX_ITEMS)
    if refused is not None:
        return refused
    ready, failed = _checked(call.body, prepare)
    if failed and (account.switches.batch_error == "whole" or not ready):
        return validation_answer(failed)
    done = [show(act(), item, request_id) for item, request_id, act in ready]
    if failed and account.switches.batch_error == "partial-400":
        return validation_answer(failed)
    body: Row = {"_links": {"self": href(call.path.removeprefix("/api/v4/"))}, "_embedded": {name: done}}
    if failed:
        body["validation-errors"] = [{"request_id": id, "errors": errors.found} for id, errors in failed]
    call.rows = len(done)
    return hal(body)


def form_refusal(body: Any, most: int, status: int = 422) -> Answer | None:
    """Refuse what is not an array of 1..most objects."""
    if body is None or body in ([], {}):
        return empty_body()
    if not isinstance(body, list):
        return problem(400, "Request body should be an array")
    if len(body) > most:
        return problem(status, f"Limit {most} per page")
    return None


def _checked(items: list[Any], prepare: Prepare) -> tuple[list[tuple[Row, str, Callable[[], Row]]], list[tuple[str, Errors]]]:
    ready, failed = [], []
    for index, item in enumerate(items):
        errors = Errors()
        request_id = str(item.get("request_id", index)) if isinstance(item, dict) else str(index)
        if not isinstance(item, dict):
            errors.add("InvalidType:array", "")
            failed.append((request_id, errors))
            continue
        act = prepare(item, errors)
        if errors.found:
            failed.append((request_id, errors))
        else:
            ready.append((item, request_id, act))
    return ready, failed


def single(account: Account, call: Call, name: str, prepare: Prepare, show: Show, known: bool) -> Answer:
    """Change one row by PATCH /{id}: the body is an object, the answer is by switch the row or a wrapped one."""
    if not known:
        return missing(call)
    if not isinstance(call.body, dict):
        return problem(400, "Request body should be an object") if call.body else empty_body()
    if not call.body:
        return empty_body()
    errors = Errors()
    item = call.body | {"id": int(call.params["id"])}
    act = prepare(item, errors)
    if errors.found:
        return validation_answer([(str(item.get("request_id", "0")), errors)])
    shown = show(act(), item, str(item.get("request_id", "0")))
    call.rows = 1
    if account.switches.single_patch == "root":
        return Answer(200, dump(shown))
    return hal({"_links": {"self": href(call.path.removeprefix("/api/v4/"))}, "_embedded": {name: [shown]}})


def echoed(item: Row, request_id: str) -> Row:
    """Answer the request_id of a PATCH item, which is echoed when it was sent."""
    return {"request_id": request_id} if "request_id" in item else {}
