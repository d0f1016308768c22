"""Golden records: lists with search, filters, order and pages, and one by one with ETags; others read with them."""

import hashlib
from collections.abc import Callable
from typing import Annotated, Any
from uuid import UUID

import orjson
from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel

from crm_pipeline.api.deps import Parts, User, problem, require
from crm_pipeline.api.record_shapes import ID, TITLES, filtered, list_query, one_query, page, record
from crm_pipeline.api.routes.deltas import sight_of
from crm_pipeline.api.schemas import problems
from crm_pipeline.stages import records
from crm_pipeline.stages.records import Question, Wanted

router = APIRouter(prefix="/api", tags=["records"])
Calling = Annotated[User, require("records.read")]
GoldenId = Annotated[UUID, Path(examples=[ID])]
TAG = {"headers": {"ETag": {"schema": {"type": "string"}, "description": "Send it back as `If-None-Match`."}}}
ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {"description": "Successful Response", **TAG},
    304: {"description": "It is what `If-None-Match` names.", **TAG},
    **problems(404),
}


def _list(entity: str, shape: type[BaseModel]) -> Callable[..., Response]:
    def list_records(
        asked: Annotated[shape, Query()], request: Request, caller: Calling, parts: Parts  # type: ignore[valid-type]
    ) -> Response:  # fmt: skip
        given = asked.model_dump(mode="json", exclude_none=True)  # type: ignore[attr-defined]
        equal = {name: str(given[name]) for name in filtered(entity) if name in given}
        plain = {name: given[name] for name in ("updated_since", "q", "sort", "cursor", "limit") if name in given}
        question = Question(entity, equal, _wanted(given, caller), **plain)
        secrets, region = parts.settings.jwt_secrets, parts.settings.default_region
        items, next_cursor = records.page(parts.engine, secrets, sight_of(caller), question, region)
        body = b'{"items":[' + b",".join(items) + b'],"next_cursor":' + orjson.dumps(next_cursor) + b"}"
        return _tagged(request, body, {})

    return list_records


def _read(entity: str, shape: type[BaseModel]) -> Callable[..., Response]:
    def read_record(
        golden_id: GoldenId, asked: Annotated[shape, Query()], request: Request, caller: Calling, parts: Parts  # type: ignore[valid-type]
    ) -> Response:  # fmt: skip
        given = asked.model_dump(exclude_none=True)  # type: ignore[attr-defined]
        found = records.one(parts.engine, sight_of(caller), entity, str(golden_id), _wanted(given, caller))
        if found is None:
            raise problem("not-found", 404)
        living, xid, body = found
        moved = {"Content-Location": f"/api/{entity}/{living}"} if living != str(golden_id) else {}
        return _tagged(request, body, moved, xid)

    return read_record


for _entity, _title in TITLES.items():
    router.get(
        f"/{_entity}", response_model=page(_entity), responses=ANSWERS, summary=f"List {_entity}", name=f"list_{_entity}",
        description="In pages; what is named like a column filters by equality. Parameters that are not known are refused.",
    )(_list(_entity, list_query(_entity)))  # fmt: skip
    router.get(
        f"/{_entity}/{{golden_id}}", response_model=record(_entity), responses=ANSWERS, summary=f"Read a {_title.lower()}",
        name=f"read_{_entity}", description="The id of one that was merged answers the living one, with its own id.",
    )(_read(_entity, one_query(_entity)))  # fmt: skip


def _wanted(given: dict[str, Any], caller: User) -> Wanted:
    fields = given["fields"].split(",") if "fields" in given else None
    include = tuple(dict.fromkeys(given["include"].split(","))) if "include" in given else ()
    return Wanted(tuple(fields) if fields else None, include, caller.role in ("admin", "operator"))


def _tagged(request: Request, body: bytes, headers: dict[str, str], version: str = "") -> Response:
    """Return a body with its weak ETag, or 304 when the client has it: tags are compared weakly (RFC 9110, 13.1.2)."""
    tag = f'"{hashlib.sha256(version.encode() + body).hexdigest()[:32]}"'
    headers = {**headers, "ETag": f"W/{tag}", "Cache-Control": "private, no-cache"}
    lines = ",".join(request.headers.getlist("if-none-match"))
    known = [one.strip().removeprefix("W/") for one in lines.split(",")]
    if tag in known or "*" in known:
        return Response(status_code=304, headers=headers)
    return Response(body, headers=headers, media_type="application/json")
