"""Edits made in the app: uploaded, followed until every CRM has them, tried again or taken back."""

from collections.abc import Collection
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Path

from crm_pipeline.api.deps import Parts, User, problem, require
from crm_pipeline.api.routes.deltas import sight_of
from crm_pipeline.api.schemas import problems
from crm_pipeline.api.upload_shapes import Moved, ReceiptShown, Results, Upload, Why
from crm_pipeline.database import outgoing_desk, reading, receipts
from crm_pipeline.database.scopes import Sight
from crm_pipeline.model.delivery import CANCELLED, MOVES, RETRIABLE
from crm_pipeline.model.permissions import may
from crm_pipeline.stages.edits import Bounds, edit

router = APIRouter(prefix="/api/sync/outgoing", tags=["uploads"])
Id = Annotated[str, Path(min_length=1, max_length=200, pattern=r"^[^\x00]*$", description="Operation, by the client's own id.")]
Retrier = Annotated[User, require("outgoing.retry")]


@router.post("")
def upload(body: Upload, parts: Parts, caller: Annotated[User, require("sync.upload")]) -> Results:
    """Take edits, each by itself and in their order; what was sent before is answered again. Reads show them at once."""
    done = edit(parts, body.operations, caller.username, _bounds(caller))
    return Results.model_validate({"results": [one.as_json() for one in done]})


def _bounds(caller: User) -> Bounds:
    """Return what a caller may name: what it would see when it read, and nothing else."""
    sees = partial(_sees, sight_of(caller)) if caller.sees_only_own else None
    return Bounds(sees, str(caller.crm_users[0]) if caller.crm_users and caller.role == "agent" else None)


def _sees(sight: Sight, db: Any, entity: str, ids: Collection[str]) -> set[str]:
    return reading.visible(db, sight, entity, ids)


@router.get("/{operation_id}", responses=problems(404))
def receipt(operation_id: Id, parts: Parts, caller: Annotated[User, require("receipts.read")]) -> ReceiptShown:
    """Tell how far an operation has come: one's own; operators and admins everybody's."""
    return ReceiptShown.model_validate(_found(parts, operation_id, caller).as_json())


@router.post("/{operation_id}/retry", responses=problems(404, 409))
def retry(operation_id: Id, parts: Parts, caller: Retrier) -> Moved:
    """Let the changes of an operation that ended badly be tried again."""
    ids = [one["id"] for one in _found(parts, operation_id, caller).changes if one["state"] in RETRIABLE]
    with parts.engine.begin() as db:
        return Moved(changes=outgoing_desk.retry(db, outgoing_desk.Which(_some(ids)), caller.username))


@router.post("/{operation_id}/cancel", responses=problems(404, 409))
def cancel(operation_id: Id, body: Why, parts: Parts, caller: Retrier) -> Moved:
    """Take back the changes of an operation that were not sent. What it changed here stays."""
    ids = [one["id"] for one in _found(parts, operation_id, caller).changes if CANCELLED in MOVES[one["state"]]]
    with parts.engine.begin() as db:
        return Moved(changes=outgoing_desk.cancel(db, _some(ids), caller.username, body.reason))


def _found(parts: Parts, operation_id: str, caller: User) -> receipts.Receipt:
    found = receipts.by_id(parts.engine, operation_id)
    if found is None or (found.actor != caller.username and not may(caller.role, "outgoing.retry")):
        raise problem("not-found", 404, "There is no such operation.")
    return found


def _some(ids: list[int]) -> list[int]:
    if not ids:
        raise problem("conflict", 409, "No change of this operation can be moved so.")
    return ids
