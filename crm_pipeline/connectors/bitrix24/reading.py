"""Reading single values out of payloads of either face, for the mapping: nothing is trusted, nothing invented.

PHP writes an empty value as null, "", "0", 0, false or []. A list or map where a single value belongs, and is not empty, is
a payload nobody can read: it goes to quarantine. What belongs here: access. Which names there are is in the mapping files.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from crm_pipeline.errors import Unreadable
from crm_pipeline.model.cleaning import moment, reference, text
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
    if isinstance(value, (dict, list)):
        if value:
            raise Unreadable(f"{name}: one value is expected, the payload holds a {type(value).__name__}.")
        return None
    return value


def text_of(payload: Payload, name: str) -> str | None:
    """Return a text, None when it is empty."""
    return text(single(payload, name))


def reference_of(payload: Payload, name: str) -> str | None:
    """Return the external id of another record, None when there is none."""
    return reference(single(payload, name))


def id_of(payload: Payload, *names: str) -> str:
    """Return the record's own id. Raises Unreadable when there is none."""
    found = next((key for name in names if (key := reference(payload.get(name)))), None)
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
