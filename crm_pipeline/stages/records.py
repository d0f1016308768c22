"""Lists and single records as clients ask for them: what they may ask, and the page they get.

What belongs here: reading questions. SQL belongs to `database/reading.py`, HTTP to the API.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import orjson

from crm_pipeline.database import reading
from crm_pipeline.database.reading import Asked
from crm_pipeline.database.refusals import Engine
from crm_pipeline.database.scopes import Sight
from crm_pipeline.errors import UsageError
from crm_pipeline.model.cursors import BadCursor, seal, unseal

WORDS = frozenset({"limit", "cursor", "sort", "fields", "updated_since"})
"""Parameters of lists that are no columns."""
UNFILTERED = frozenset({"tags", "body", "body_text"})


@dataclass(frozen=True, slots=True)
class Wanted:
    """A list as it was asked for."""

    entity: str
    equal: Mapping[str, str]
    updated_since: str | None = None
    sort: str = "updated_at"
    cursor: str | None = None
    limit: int = 100
    fields: str | None = None
    sees_origins: bool = False


def page(engine: Engine, secrets: Sequence[str], sight: Sight, wanted: Wanted) -> tuple[list[bytes], str | None]:
    """Return records as JSON and the cursor of the next page, if there is one. Raises UsageError."""
    asked = _asked(secrets, wanted)
    rows = reading.page(engine, sight, asked, provenance=_origins(wanted.fields, wanted.sees_origins))
    shown = rows[: wanted.limit]
    more = {"l": _key(wanted), "at": list(shown[-1][:2])} if len(rows) > wanted.limit else None
    return [_chosen(text, wanted.fields) for _, _, text in shown], seal(secrets, more) if more else None


def one(
    engine: Engine, sight: Sight, entity: str, golden_id: str, fields: str | None, sees_origins: bool
) -> tuple[str, str, bytes] | None:
    """Return a record's living id, the transaction that last changed it, and JSON; None: not there, or not to be seen."""
    found = reading.one(engine, sight, entity, golden_id, provenance=_origins(fields, sees_origins))
    return found and (found[0], found[1], _chosen(found[2], fields))


def _asked(secrets: Sequence[str], wanted: Wanted) -> Asked:
    columns = set(reading.columns_of(wanted.entity))
    for name in wanted.equal:
        if name not in columns - UNFILTERED:
            raise UsageError(f"{wanted.entity} cannot be filtered by {name}.")
    sort = wanted.sort.removeprefix("-")
    if sort not in {"updated_at", "created_at", *({"name", "title"} & columns)}:
        raise UsageError(f"{wanted.entity} cannot be sorted by {sort}.")
    after = _after(secrets, wanted)
    return Asked(
        wanted.entity, wanted.equal, _time(wanted.updated_since), sort, wanted.sort.startswith("-"), after, wanted.limit + 1
    )


def _time(text: str | None) -> str | None:
    if text is None:
        return None
    try:
        return datetime.fromisoformat(text.replace(" ", "+")).isoformat()
    except ValueError:
        raise UsageError("updated_since is no ISO time.") from None


def _key(wanted: Wanted) -> list[object]:
    """Return what a cursor is bound to: the question it was given for."""
    return [wanted.entity, wanted.sort, wanted.updated_since, sorted(wanted.equal.items())]


def _after(secrets: Sequence[str], wanted: Wanted) -> tuple[str, str] | None:
    if wanted.cursor is None:
        return None
    try:
        said = unseal(secrets, wanted.cursor)
    except BadCursor as error:
        raise UsageError(str(error)) from None
    if said.get("l") != orjson.loads(orjson.dumps(_key(wanted))):
        raise UsageError("The cursor was given for another question.")
    return said["at"][0], said["at"][1]


def _origins(fields: str | None, sees_origins: bool) -> bool:
    return sees_origins and "provenance" in (fields or "").split(",")


def _chosen(text: str, fields: str | None) -> bytes:
    if not fields:
        return text.encode()
    names = {"id", "version", *fields.split(",")}
    return orjson.dumps({name: value for name, value in orjson.loads(text).items() if name in names})
