"""What a written item may contain: types, references, codes and paths of errors (facts: amocrm 5.3). Applies nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from .answers import PROBLEM, Answer, dump, problem

if TYPE_CHECKING:
    from .account import Account

DETAILS = {
    "NotSupportedChoice": "The value you selected is not a valid choice.",
    "FieldMissing": "This field is missing.",
    "FieldNotExpected": "This field was not expected.",
    "InvalidType": "This value should be of type {0}.",
    "NotBlank": "This value should not be blank.",
    "NotNullable": "This value should not be null.",
    "TooMany": "This collection should contain {0} elements or less.",
}
Check = Callable[["Account", Any], str | None]


class Errors:
    """Collect the errors of one item."""

    def __init__(self) -> None:
        self.found: list[dict[str, str]] = []

    def add(self, code: str, path: str, wanted: str = "") -> None:
        """Record a code such as "InvalidType:int"; the part after the colon goes into the text."""
        name, _, argument = code.partition(":")
        self.found.append({"code": name, "path": path, "detail": DETAILS[name].format(argument or wanted)})


def validation_answer(failed: Iterable[tuple[str, Errors]]) -> Answer:
    """Answer 400 with `validation-errors` by request_id."""
    listed = [{"request_id": request_id, "errors": errors.found} for request_id, errors in failed]
    plain = {"title": "Bad Request", "type": "https://httpstatus.es/400", "status": 400, "detail": "Request validation failed"}
    return Answer(400, dump({"validation-errors": listed} | plain), PROBLEM)


def empty_body() -> Answer:
    return problem(400, "Request data can not be empty")


# single values


def text(_: Account, value: Any) -> str | None:
    return None if isinstance(value, str) else "InvalidType:string"


def filled_text(account: Account, value: Any) -> str | None:
    if value is None:
        return "NotNullable"
    return text(account, value) or (None if value.strip() else "NotBlank")


def integer(_: Account, value: Any) -> str | None:
    fits = isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**63
    return None if fits else "InvalidType:int"


def price(account: Account, value: Any) -> str | None:
    """Accept a whole price; a fractional one where the account keeps minor units (the official library sends it so)."""
    return number(account, value) if account.switches.minor_units else integer(account, value)


def number(_: Account, value: Any) -> str | None:
    return None if isinstance(value, (int, float)) and not isinstance(value, bool) else "InvalidType:float"


def boolean(_: Account, value: Any) -> str | None:
    return None if isinstance(value, bool) else "InvalidType:bool"


def listing(_: Account, value: Any) -> str | None:
    return None if isinstance(value, list) else "InvalidType:array"


def mapping(_: Account, value: Any) -> str | None:
    return None if isinstance(value, dict) else "InvalidType:array"


def label(_: Account, value: Any) -> str | None:
    return None if isinstance(value, (str, int)) and not isinstance(value, bool) else "InvalidType:string"


def user(account: Account, value: Any) -> str | None:
    return integer(account, value) or (None if account.users.is_active(value) else "NotSupportedChoice")


def author(account: Account, value: Any) -> str | None:
    """Accept a user or 0, the robot; a removed user is refused (facts: amocrm 5.1)."""
    return None if value == 0 and value is not False else user(account, value)


def loss_reason(account: Account, value: Any) -> str | None:
    return integer(account, value) or (None if account.records.get("loss_reasons", value) else "NotSupportedChoice")


def pipeline(account: Account, value: Any) -> str | None:
    return integer(account, value) or (None if account.pipelines.get(value) else "NotSupportedChoice")


def nullable(check: Check) -> Check:
    return lambda account, value: None if value is None else check(account, value)


def one_of(*options: Any) -> Check:
    return lambda account, value: None if value in options else "NotSupportedChoice"


def check_fields(
    account: Account, item: Mapping[str, Any], allowed: Mapping[str, Check], errors: Errors, prefix: str = ""
) -> None:
    """Check every key of an item: unknown ones are refused with FieldNotExpected (facts: amocrm 5.1)."""
    for name, value in item.items():
        check = allowed.get(name)
        code = check(account, value) if check else "FieldNotExpected"
        if code is not None:
            errors.add(code, f"{prefix}{name}")


def require(item: Mapping[str, Any], names: Iterable[str], errors: Errors, prefix: str = "") -> None:
    """Demand keys."""
    for name in names:
        if name not in item:
            errors.add("FieldMissing", f"{prefix}{name}")
