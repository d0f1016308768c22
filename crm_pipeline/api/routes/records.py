"""Golden records: lists with filters, order and pages, and one by one with ETags."""

import hashlib
from typing import Annotated, Literal
from uuid import UUID

import orjson
from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from crm_pipeline.api.deps import Parts, User, problem, require
from crm_pipeline.api.routes.deltas import sight_of
from crm_pipeline.api.schemas import problems
from crm_pipeline.stages import records
from crm_pipeline.stages.records import Wanted

router = APIRouter(prefix="/api", tags=["records"])
Calling = Annotated[User, require("records.read")]
Entity = Literal["contacts", "companies", "deals", "tasks", "communications", "products"]


@router.get("/{entity}", responses=problems(422))
def list_records(
    entity: Entity, request: Request, caller: Calling, parts: Parts, limit: Annotated[int, Query(ge=1, le=500)] = 100,
    cursor: str | None = None, sort: str = "updated_at", fields: str | None = None, updated_since: str | None = None,
) -> Response:  # fmt: skip
    """List records; any column, such as owner_id, stage_id, company_id or target_id, filters by equality."""
    equal = {name: value for name, value in request.query_params.items() if name not in records.WORDS}
    wanted = Wanted(entity, equal, updated_since, sort, cursor, limit, fields, _sees_origins(caller))
    items, next_cursor = records.page(parts.engine, parts.settings.jwt_secrets, sight_of(caller), wanted)
    body = b'{"items":[' + b",".join(items) + b'],"next_cursor":' + orjson.dumps(next_cursor) + b"}"
    return _tagged(request, body, {})


@router.get("/{entity}/{golden_id}", responses=problems(404, 422))
def read_record(
    entity: Entity, golden_id: UUID, request: Request, caller: Calling, parts: Parts, fields: str | None = None
) -> Response:
    """Read a record; the id of one that was merged answers the living one, with its own id."""
    found = records.one(parts.engine, sight_of(caller), entity, str(golden_id), fields, _sees_origins(caller))
    if found is None:
        raise problem("not-found", 404)
    living, xid, body = found
    moved = {"Content-Location": f"/api/{entity}/{living}"} if living != str(golden_id) else {}
    return _tagged(request, body, moved, xid)


def _sees_origins(caller: User) -> bool:
    return caller.role in ("admin", "operator")


def _tagged(request: Request, body: bytes, headers: dict[str, str], version: str = "") -> Response:
    tag = f'W/"{hashlib.sha256(version.encode() + body).hexdigest()[:32]}"'
    headers = {**headers, "ETag": tag, "Cache-Control": "private, no-cache"}
    known = [one.strip().removeprefix("W/") for one in request.headers.get("if-none-match", "").split(",")]
    if tag.removeprefix("W/") in known or "*" in known:
        return Response(status_code=304, headers=headers)
    return Response(body, headers=headers, media_type="application/json")
