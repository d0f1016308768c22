"""Changes for apps that keep a copy: everything once, then what changed since.

Checksums: per entity the number of records and, of each, the first 15 hex digits of md5("<id> <version>") as a number, summed
modulo 2^60, as decimal text. They are null while something is being written; ask again.
"""

from typing import Annotated, Literal

import orjson
from fastapi import APIRouter, Query, Request
from fastapi.responses import Response, StreamingResponse

from crm_pipeline.api.deps import Parts, User, problem, require
from crm_pipeline.api.schemas import problems
from crm_pipeline.database.scopes import Sight
from crm_pipeline.stages.changes import Answer, CursorExpired, Reader
from crm_pipeline.wiring import Pipeline

router = APIRouter(prefix="/api/sync", tags=["sync"])
Calling = Annotated[User, require("records.read")]
Crm = Annotated[Literal["amocrm", "bitrix24"] | None, Query(alias="crmType", description="Only records of this CRM.")]
Limit = Annotated[int, Query(ge=1, le=2000)]
NDJSON = "application/x-ndjson"


def sight_of(caller: User) -> Sight:
    """Return what a caller may see."""
    return Sight(caller.id, caller.crm_users) if caller.sees_only_own else Sight()


@router.get("/initial", responses=problems(410, 422))
def initial(
    request: Request, caller: Calling, parts: Parts, crm: Crm = None, cursor: str | None = None, limit: Limit = 1000,
    checksums: bool = False,
) -> Response:  # fmt: skip
    """Read everything in pages, or as NDJSON; the last page's cursor is where changes begin."""
    reader = _reader(parts, caller, crm)
    try:
        place = reader.start(cursor)
        if NDJSON in request.headers.get("accept", ""):
            return StreamingResponse(reader.everything(place, limit), media_type=NDJSON)
        return _answer(reader.next(place, limit, checksums=checksums), checksums)
    except CursorExpired as error:
        raise problem("cursor-expired", 410, str(error)) from None


@router.get("/incremental", responses=problems(410, 422))
def incremental(
    caller: Calling, parts: Parts, since: str, crm: Crm = None, limit: Limit = 1000,
    wait: Annotated[float, Query(ge=0, le=30)] = 0, checksums: bool = False,
) -> Response:  # fmt: skip
    """Read what changed since a cursor or an ISO time (may repeat the hour before, never misses)."""
    reader = _reader(parts, caller, crm)
    try:
        return _answer(reader.next(reader.since(since), limit, wait=wait, checksums=checksums), checksums)
    except CursorExpired as error:
        raise problem("cursor-expired", 410, str(error)) from None


def _reader(parts: Pipeline, caller: User, crm: str | None) -> Reader:
    return Reader(parts.engine, parts.settings.jwt_secrets, sight_of(caller), crm)


def _answer(answer: Answer, checksums: bool) -> Response:
    rest = {"next_cursor": answer.next_cursor, "has_more": answer.has_more}
    rest |= {"checksums": answer.checksums} if checksums else {}
    body = '{"changes":[' + ",".join(answer.changes) + "]," + orjson.dumps(rest).decode()[1:]
    return Response(body, media_type="application/json")
