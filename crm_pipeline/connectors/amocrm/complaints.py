"""What amoCRM says is wrong with which item of a write (facts: amocrm 5.3). Decides nothing."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from crm_pipeline.errors import RequestRefused

VANISHED = re.compile(r"custom_fields_values\W+(\d+)\W+field_(?:id|code)\b")


@dataclass(frozen=True, slots=True)
class Complaint:
    """One thing wrong with an item."""

    code: str
    path: str
    words: str

    @property
    def sentence(self) -> str:
        """Return it for a person."""
        return f"{self.path}: {self.words}" if self.path else self.words

    @property
    def vanished_field(self) -> int | None:
        """Return which entry of `custom_fields_values` names a field the account has no more."""
        found = VANISHED.search(self.path) if self.code == "NotSupportedChoice" else None
        return int(found[1]) if found else None

    @property
    def is_gone(self) -> bool:
        """Return whether the record itself is not there."""
        return self.code == "NotSupportedChoice" and self.path.strip("[].") == "id"


def complaints_of(body: Any, keys: Collection[str]) -> dict[str, list[Complaint]]:
    """Return request_id → what is wrong; of requests that were not sent, or named by their place only, nothing."""
    found: dict[str, list[Complaint]] = {}
    listed = body.get("validation-errors") if isinstance(body, Mapping) else None
    for item in listed if isinstance(listed, list) else ():
        key = str(item.get("request_id")) if isinstance(item, Mapping) else ""
        errors = [_complaint(one) for one in item.get("errors") or () if isinstance(one, Mapping)] if key in keys else []
        if errors:
            found.setdefault(key, []).extend(errors)
    return found


def refusal_of(error: RequestRefused) -> Complaint:
    """Return a refusal that names no item."""
    code = "gone" if error.status == 404 else error.code or {403: "AccessDenied"}.get(error.status, f"http_{error.status}")
    return Complaint(code, "", str(error))


def _complaint(error: Mapping[str, Any]) -> Complaint:
    code, path, words = (str(error.get(key) or "")[:500] for key in ("code", "path", "detail"))
    return Complaint(code or "refused", path, words or code or "refused")
