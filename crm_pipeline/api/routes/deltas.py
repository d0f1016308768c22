"""Changes for apps that keep a copy: everything once, then what changed since.

Checksums: per entity the number of records and, of each, the first 15 hex digits of md5("<id> <version>") as a number, summed
modulo 2^60, as decimal text; all without those listed as unsettled, which changed since. They are null while more than a
thousand records of an entity are being written; ask again.
"""

import asyncio
import time
from typing import Annotated, Literal

import orjson
from fastapi import APIRouter, Query, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response, StreamingResponse

from crm_pipeline.api.delta_shapes import INCREMENT, SNAPSHOT, answers
from crm_pipeline.api.deps import Parts, User, problem, require
from crm_pipeline.api.schemas import problems
from crm_pipeline.database.delta import View, tide
from crm_pipeline.database.scopes import Sight
from crm_pipeline.stages.changes import Answer, CursorExpired, Reader
from crm_pipeline.wiring import Pipeline

router = APIRouter(prefix="/api/sync", tags=["sync"])
Calling = Annotated[User, require("records.read")]
Crm = Annotated[Literal["amocrm", "bitrix24"] | None, Query(alias="crmType", description="Only records of this CRM.")]
Limit = Annotated[int, Query(ge=1, le=2000, description="Changes a page; it also ends at some 4 MB.")]
Sums = Annotated[bool, Query(description="Have the last page carry checksums of the whole copy.")]
NDJSON = "application/x-ndjson"
POLL = 0.5
"""Seconds between looks while a client waits; it holds no thread and no connection meanwhile."""


def sight_of(caller: User) -> Sight:
    """Return what a caller may see."""
    return Sight(caller.id, caller.crm_users) if caller.sees_only_own else Sight()


@router.get("/initial", responses=answers(SNAPSHOT, with_lines=True) | problems(404, 410, 422))
def initial(
    request: Request, caller: Calling, parts: Parts, crm: Crm = None, limit: Limit = 1000, checksums: Sums = False,
    cursor: Annotated[str | None, Query(description="Of the page before.")] = None,
) -> Response:  # fmt: skip
    """Read everything in pages, or as NDJSON; the last page's cursor is where changes begin."""
    reader = _reader(parts, caller, crm)
    try:
        first = reader.page(reader.start(cursor), limit, checksums=checksums)
    except CursorExpired as error:
        raise problem("cursor-expired", 410, str(error)) from None
    if NDJSON in request.headers.get("accept", ""):
        return StreamingResponse(reader.lines(first, limit), media_type=NDJSON)
    return _answer(first, checksums)


@router.get("/incremental", responses=answers(INCREMENT) | problems(404, 410, 422))
async def incremental(
    request: Request, caller: Calling, parts: Parts,
    since: Annotated[str, Query(description="A cursor, or an ISO time with offset, from which an hour may be repeated.")],
    crm: Crm = None, limit: Limit = 1000, checksums: Sums = False,
    wait: Annotated[float, Query(ge=0, le=30, description="Seconds to wait for a change when there is none.")] = 0,
) -> Response:  # fmt: skip
    """Read what changed since a cursor, or since an ISO time and the hour before it; `wait` for a change when there is none."""
    try:
        return _answer(await _waited(request, _reader(parts, caller, crm), since, limit, checksums, wait), checksums)
    except CursorExpired as error:
        raise problem("cursor-expired", 410, str(error)) from None


async def _waited(request: Request, reader: Reader, since: str, limit: int, checksums: bool, wait: float) -> Answer:
    """Return a page as soon as there is something on it, or the time is over, or the client went away."""
    until, start, seen = time.monotonic() + wait, reader.since(since), None
    while True:
        high = await run_in_threadpool(tide, reader.engine) if wait else None
        if high is None or high != seen:
            answer = await run_in_threadpool(reader.page, start, limit, checksums=checksums)
            seen = high
        if answer.changes or answer.has_more or time.monotonic() >= until or await request.is_disconnected():
            return answer
        await asyncio.sleep(min(POLL, max(0.0, until - time.monotonic())))


def _reader(parts: Pipeline, caller: User, crm: str | None) -> Reader:
    return Reader(parts.engine, parts.settings.jwt_secrets, View(sight_of(caller), caller.username, crm))


def _answer(answer: Answer, checksums: bool) -> Response:
    rest = {"next_cursor": answer.next_cursor, "has_more": answer.has_more}
    rest |= {"checksums": answer.checksums} if checksums else {}
    body = '{"changes":[' + ",".join(answer.changes) + "]," + orjson.dumps(rest).decode()[1:]
    return Response(body, media_type="application/json")
