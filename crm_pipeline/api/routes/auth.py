"""Logging in, going on, logging out, and the devices that are logged in."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Request

from crm_pipeline.api import tokens
from crm_pipeline.api.deps import Limited, Now, Parts, User, problem, require
from crm_pipeline.api.schemas import Device, Devices, Login, Refresh, Tokens, problems
from crm_pipeline.database import users
from crm_pipeline.model.permissions import may
from crm_pipeline.stages import access
from crm_pipeline.wiring import Pipeline

router = APIRouter(prefix="/api/auth", tags=["auth"])
Own = Annotated[User, require("devices.own")]


@router.post("/login")
def login(body: Login, request: Request, parts: Parts, limits: Limited, now: Now) -> Tokens:
    """Log in and get tokens. The same answer for an unknown user, a wrong password, and one who has to wait."""
    address = request.client.host if request.client else ""
    limits.address.require(address)
    limits.login.require((address, body.username.lower()))
    try:
        return _tokens(parts, access.log_in(parts, body.username, body.password, body.device_name, now=now), now)
    except access.NotLetIn as error:
        raise problem("invalid-credentials", 401, str(error), headers={"WWW-Authenticate": "Bearer"}) from None


@router.post("/refresh")
def refresh(body: Refresh, request: Request, parts: Parts, limits: Limited, now: Now) -> Tokens:
    """Exchange a refresh token for new tokens. One that was exchanged before logs the device out."""
    limits.address.require(("refresh", request.client.host if request.client else ""))
    try:
        return _tokens(parts, access.refresh(parts, body.refresh_token, now=now), now)
    except access.RefreshRefused as error:
        raise problem("invalid-refresh-token", 401, str(error), headers={"WWW-Authenticate": "Bearer"}) from None


@router.post("/logout", status_code=204)
def logout(caller: Own, parts: Parts, now: Now) -> None:
    """Log this device out: its tokens are void at once."""
    access.log_out(parts, caller.device_id, now=now)


@router.get("/devices")
def list_devices(caller: Own, parts: Parts) -> Devices:
    """List the devices that are logged in: one's own, an admin everybody's."""
    rows = users.devices(parts.engine, _only_of(caller))
    return Devices(items=[Device(**row, current=row["id"] == caller.device_id) for row in rows])


@router.delete("/devices/{device_id}", status_code=204, responses=problems(404))
def revoke_device(device_id: UUID, caller: Own, parts: Parts, now: Now) -> None:
    """Log a device out: one's own, an admin anybody's."""
    if not access.revoke(parts, device_id, actor=caller.username, only_of=_only_of(caller), now=now):
        raise problem("not-found", 404, "There is no such device logged in.")


def _only_of(caller: User) -> int | None:
    return None if may(caller.role, "devices.any") else caller.id


def _tokens(parts: Pipeline, admission: access.Admission, now: datetime) -> Tokens:
    token = tokens.issue(parts.settings.jwt_secrets, admission.user_id, admission.role, admission.device_id, now)
    seconds = int(tokens.LIFETIME.total_seconds())
    return Tokens(access_token=token, refresh_token=admission.refresh_token, expires_in=seconds)
