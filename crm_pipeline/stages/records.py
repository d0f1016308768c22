"""Lists and single records as clients ask for them: what they may ask, and the page they get.

What belongs here: reading questions. SQL belongs to `database/reading.py`, HTTP to the API.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import orjson

from crm_pipeline.database import including, reading
from crm_pipeline.database.reading import ORIGINS, Asked, Shown
from crm_pipeline.database.refusals import Connection, Engine
from crm_pipeline.database.scopes import Sight
from crm_pipeline.errors import UnknownCursor, UsageError
from crm_pipeline.model import searching
from crm_pipeline.model.cursors import BadCursor, seal, unseal

UNFILTERED = frozenset({"tags", "body", "body_text"})
FEWER = 100
"""Records of a page that brings others along."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What of each record is asked for. fields: None for all; include: names of `INCLUSIONS`."""

    fields: tuple[str, ...] | None = None
    include: tuple[str, ...] = ()
    sees_origins: bool = False


@dataclass(frozen=True, slots=True)
class Question:
    """A list as it was asked for."""

    entity: str
    equal: Mapping[str, str]
    wanted: Wanted = Wanted()
    updated_since: str | None = None
    q: str | None = None
    sort: str = "updated_at"
    cursor: str | None = None
    limit: int = 100


def page(engine: Engine, secrets: Sequence[str], sight: Sight, question: Question, region: str) -> tuple[list[bytes], str | None]:
    """Return records as JSON and the cursor of the next page, if there is one. Raises UsageError and UnknownCursor."""
    asked = _asked(secrets, question, region)
    size = asked.limit - 1
    with engine.connect() as db:
        rows = reading.page(db, sight, asked)
        shown = [(golden_id, text) for _, golden_id, text in rows[:size]]
        records = _with_others(db, sight, question.entity, question.wanted.include, shown)
    more = {"l": _key(question), "at": list(rows[size - 1][:2])} if len(rows) > size else None
    return records, seal(secrets, more) if more else None


def one(engine: Engine, sight: Sight, entity: str, golden_id: str, wanted: Wanted) -> tuple[str, str, bytes] | None:
    """Return a record's living id, the transaction that last changed it, and JSON; None: not there, or not to be seen."""
    _require_included(entity, wanted)
    with engine.connect() as db:
        found = reading.one(db, sight, entity, golden_id, _shown(entity, wanted))
        if found is None:
            return None
        living, xid, text = found
        return living, xid, _with_others(db, sight, entity, wanted.include, [(living, text)])[0]


def _with_others(
    db: Connection, sight: Sight, entity: str, include: Sequence[str], rows: Sequence[tuple[str, str]]
) -> list[bytes]:
    """Return records as JSON with what is read with them put into each."""
    ids = [golden_id for golden_id, _ in rows]
    others = {name: including.read(db, sight, entity, name, ids) for name in include} if ids else {}
    return [
        "".join([text[:-1], *(f',"{name}":{found[golden_id]}' for name, found in others.items()), "}"]).encode()
        for golden_id, text in rows
    ]


def _asked(secrets: Sequence[str], question: Question, region: str) -> Asked:
    entity, columns = question.entity, set(reading.columns_of(question.entity))
    _require_included(entity, question.wanted)
    for name in question.equal:
        if name not in columns - UNFILTERED:
            raise UsageError(f"{entity} cannot be filtered by {name}.")
    sort = question.sort.removeprefix("-")
    if sort not in sorts_of(entity):
        raise UsageError(f"{entity} cannot be sorted by {sort}.")
    limit = min(question.limit, FEWER) if question.wanted.include else question.limit
    return Asked(
        entity, question.equal, _time(question.updated_since), searching.read(question.q or "", region), sort,
        question.sort.startswith("-"), _after(secrets, question), limit + 1, _shown(entity, question.wanted),
    )  # fmt: skip


def sorts_of(entity: str) -> tuple[str, ...]:
    """Return what records of an entity can be sorted by."""
    return ("updated_at", "created_at", *(name for name in ("name", "title") if name in reading.columns_of(entity)))


def _shown(entity: str, wanted: Wanted) -> Shown:
    if wanted.fields is None:
        return Shown(without=frozenset(wanted.include))
    for name in wanted.fields:
        if name not in (*reading.names_of(entity), ORIGINS):
            raise UsageError(f"{entity} have no {name}.")
    hidden = wanted.include if wanted.sees_origins else (*wanted.include, ORIGINS)
    return Shown(frozenset(wanted.fields), frozenset(hidden))


def _require_included(entity: str, wanted: Wanted) -> None:
    for name in wanted.include:
        if name not in including.INCLUSIONS[entity]:
            raise UsageError(f"Nothing of the name {name} can be read with {entity}.")


def _time(text: str | None) -> str | None:
    if text is None:
        return None
    try:
        return datetime.fromisoformat(text.replace(" ", "+").upper()).isoformat()
    except ValueError:
        raise UsageError("updated_since is no ISO time.") from None


def _key(question: Question) -> list[object]:
    """Return what a cursor is bound to: the question it was given for."""
    return [question.entity, question.sort, question.updated_since, question.q, sorted(question.equal.items())]


def _after(secrets: Sequence[str], question: Question) -> tuple[str, str] | None:
    if question.cursor is None:
        return None
    try:
        said = unseal(secrets, question.cursor)
    except BadCursor as error:
        raise UnknownCursor(str(error)) from None
    if said.get("l") != orjson.loads(orjson.dumps(_key(question))):
        raise UnknownCursor("The cursor was given for another question.")
    return said["at"][0], said["at"][1]
