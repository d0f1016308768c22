"""What routes ask for: the pipeline (`Parts`), who is calling (`require`), the current time (`Now`).

    @router.get("/api/deals")
    def list_deals(parts: Parts, caller: Annotated[User, require("records.read")]) -> ...:

`require` demands a valid access token of a user whose role may do the action (model/permissions.py): 401 without one, 403
when the role may not, 429 when the user asks too often. Also usable as `dependencies=[require("…")]`. For what one may not see
raise `problem("not-found", 404)`, as for what is not there. What belongs here: dependencies. No rule, no SQL. Those that ask
nothing of the database are `async`: every other one is a hop to another thread.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from crm_pipeline.api import tokens
from crm_pipeline.api.limits import Limits
from crm_pipeline.api.problems import problem
from crm_pipeline.database import users
from crm_pipeline.model.permissions import PERMISSIONS, may
from crm_pipeline.wiring import Pipeline

__all__ = ["Limited", "Now", "Parts", "User", "authenticate", "problem", "require"]

bearer = HTTPBearer(auto_error=False, bearerFormat="JWT", description="The access token of `POST /api/auth/login`.")
_CHALLENGE = {"WWW-Authenticate": "Bearer"}


@dataclass(frozen=True, slots=True)
class User:
    """Who is calling. crm_users: golden ids of the CRM users it is, living ones, also when they were merged since."""

    id: int
    username: str
    role: str
    scope: str
    crm_users: tuple[UUID, ...]
    device_id: UUID

    @property
    def sees_only_own(self) -> bool:
        """Return whether reads are narrowed to what this user is responsible for."""
        return self.scope == "own"


async def _parts(request: Request) -> Pipeline:
    return request.app.state.parts


async def _limits(request: Request) -> Limits:
    return request.app.state.limits


async def _now() -> datetime:
    return datetime.now(UTC)


Parts = Annotated[Pipeline, Depends(_parts)]
Limited = Annotated[Limits, Depends(_limits)]
Now = Annotated[datetime, Depends(_now)]


def authenticate(
    request: Request, parts: Parts, limits: Limited, given: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)]
) -> User:
    """Return who is calling. Raises a problem 401, or 429 when it asks too often."""
    if given is None:
        raise problem("unauthenticated", 401, headers=_CHALLENGE)
    try:
        claims = tokens.read(parts.settings.jwt_secrets, given.credentials)
    except tokens.BadToken:
        raise _not_valid() from None
    row = users.caller(parts.engine, claims.user_id, claims.device_id)
    if row is None:
        raise _not_valid()
    limits.user.require(row.id)
    user = User(row.id, row.username, row.role, row.scope, row.crm_users, claims.device_id)
    request.scope["visit"].user = user.username
    return user


def _not_valid() -> Exception:
    detail = "The access token is not valid, is over, or its device was revoked."
    return problem("unauthenticated", 401, detail, headers={"WWW-Authenticate": 'Bearer error="invalid_token"'})


def require(action: str) -> Any:
    """Return the dependency that demands a user who may do an action, and gives it. Raises KeyError for an unknown action."""
    if action not in PERMISSIONS:
        raise KeyError(action)
    return Depends(_requiring(action))


@cache
def _requiring(action: str) -> Any:
    async def permitted(user: Annotated[User, Depends(authenticate)]) -> User:
        if not may(user.role, action):
            raise problem("forbidden", 403, f"The role {user.role} may not do that.", action=action)
        return user

    return permitted
