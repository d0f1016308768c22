"""Reading single values out of payloads of either face, for the mapping: nothing is trusted, nothing invented.

PHP writes an empty value as null, "", "0", 0, false or []. A list or map where a single value belongs, and is not empty, is
a payload nobody can read: it goes to quarantine. What belongs here: access. Which names there are is in the mapping files.
"""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from crm_pipeline.errors import Unreadable
from crm_pipeline.model.cleaning import day, moment, reference, text
from crm_pipeline.model.records import MappingContext, Payload, RawRecord

Names = Mapping[str, str]
"""Our word → the vendor's name in one face."""


def faces(*lines: str) -> tuple[Names, Names]:
    """Read lines of `word item classic` into the names of both faces.

    >>> faces("title title TITLE")[1]
    {'title': 'TITLE'}
    """
    split = [line.split() for line in lines]
    return {word: item for word, item, _ in split}, {word: classic for word, _, classic in split}


def single(payload: Payload, name: str) -> Any:
    """Return a value that must not be a collection; an empty one is PHP's "nothing". Raises Unreadable."""
    value = payload.get(name)
    if not isinstance(value, (dict, list)):
        return value
    if value:
        raise Unreadable(f"{name}: one value is expected, the payload holds a {type(value).__name__}.")
    return None


def clean(value: Any) -> str | None:
    """Return what `cleaning.text` returns, faster for what is nearly always there: printable text, or nothing."""
    if value is None or value == "":
        return None
    if type(value) is str and value.isprintable():
        return value.strip() or None
    return text(value)


def key(value: Any) -> str | None:
    """Return what `cleaning.reference` returns, faster for the integers of `crm.item.*`."""
    if type(value) is int:
        return str(value) if value else None
    return None if value is None else reference(value)


def day_of(payload: Payload, name: str) -> date | None:
    """Return a calendar day: the first ten characters, never converted (facts: bitrix24 4.2)."""
    value = single(payload, name)
    if isinstance(value, str) and value[4:5] == "-":
        try:
            return date.fromisoformat(value[:10])
        except ValueError:
            return None
    return day(value) if value else None


def text_of(payload: Payload, name: str) -> str | None:
    """Return a text, None when it is empty."""
    value = payload.get(name)
    return clean(single(payload, name) if isinstance(value, (dict, list)) else value)


def reference_of(payload: Payload, name: str) -> str | None:
    """Return the external id of another record, None when there is none."""
    value = payload.get(name)
    return key(single(payload, name) if isinstance(value, (dict, list)) else value)


def id_of(payload: Payload, *names: str) -> str:
    """Return the record's own id. Raises Unreadable when there is none."""
    found = next((own for name in names if (own := key(payload.get(name)))), None)
    if found is None:
        raise Unreadable(f"{names[0]}: the record has no usable id.")
    return found


def times(
    raw: RawRecord, payload: Payload, created: str, changed: str, context: MappingContext
) -> tuple[datetime | None, datetime | None]:
    """Return when the record was created and changed, by the portal's clock."""
    return (
        raw.remote_created_at or moment(payload.get(created), context.timezone),
        raw.remote_updated_at or moment(payload.get(changed), context.timezone),
    )
