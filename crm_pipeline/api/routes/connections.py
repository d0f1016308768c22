"""Connections: an administrator connects accounts, looks after them, and takes them away; operators look, pause and resume."""

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, BackgroundTasks, Depends, Path, Query, Request
from fastapi.responses import HTMLResponse, Response
from fastapi.security import HTTPAuthorizationCredentials

from crm_pipeline.api import consent_page
from crm_pipeline.api.connection_shapes import (
    CRMS,
    ConnectionChange,
    ConnectionInFull,
    ConnectionList,
    ConnectionRemoved,
    ConnectionShown,
    ConnectionTested,
    ConsentLink,
    ConsentWanted,
    NewConnection,
    shown,
    shown_in_full,
)
from crm_pipeline.api.deps import Limited, Now, Parts, User, authenticate, bearer, problem, require
from crm_pipeline.api.schemas import problems
from crm_pipeline.database import connections
from crm_pipeline.database.connection_reports import live_records, numbered, standings
from crm_pipeline.database.connections import ConnectionRow
from crm_pipeline.errors import CrmPipelineError
from crm_pipeline.stages import farewells, installs
from crm_pipeline.stages.check import check
from crm_pipeline.stages.connect import connect
from crm_pipeline.stages.consent import Wanted, ask, callback_address, client_id_of, finish
from crm_pipeline.stages.credentials import credentials
from crm_pipeline.stages.disconnect import disconnect
from crm_pipeline.stages.reconcile import reconcile
from crm_pipeline.stages.settings_of import change

router = APIRouter(prefix="/api/sync/connection", tags=["connections"], responses=problems(404, 409))
Admin = Annotated[User, require("connections.manage")]
MAY_READ = require("connections.read")
Pauser = Annotated[User, require("connections.pause")]
Asked_ = Annotated[str, Query(max_length=500)]
CrmAsked = Annotated[str, Query(max_length=500, json_schema_extra=CRMS, examples=["amocrm"])]
LARGEST_ID = 2**31 - 1


def _row(
    parts: Parts, connection_id: Annotated[int, Path(ge=1, le=LARGEST_ID, description="Number of the connection.")]
) -> ConnectionRow:
    """Return the connection of the address. Raises a problem 404; one that was removed is still known to its number."""
    found = numbered(parts.engine, connection_id)
    if found is None:
        raise problem("not-found", 404, "There is no connection of that number.")
    return found


Row = Annotated[ConnectionRow, Depends(_row)]


@router.get("/auth-url", response_model=ConsentLink, summary="Where to give consent, with a secret that is known already")
def consent_link(
    parts: Parts,
    caller: Admin,
    now: Now,
    crmType: CrmAsked,
    clientId: Asked_,
    baseUrl: Asked_ = "",
    name: Asked_ = "",
    redirectUri: Asked_ = "",
) -> dict[str, Any]:
    """Give an administrator the link to open in a browser. The application's secret must have been given before: it is never part
    of an address; the same address takes it in the body of a POST."""
    return _link(parts, Wanted(crmType, clientId, None, baseUrl, name, redirectUri), caller, now)


@router.post("/auth-url", response_model=ConsentLink, summary="Where to give consent, with the application's secret")
def consent_link_with_secret(parts: Parts, caller: Admin, now: Now, wanted: ConsentWanted) -> dict[str, Any]:
    """Give an administrator the link to open in a browser. It is good once, for ten minutes, for this user."""
    secret = wanted.client_secret.get_secret_value() if wanted.client_secret else None
    asked = Wanted(
        wanted.crm_type, wanted.client_id, secret, wanted.base_url, wanted.name, wanted.redirect_uri, wanted.oauth_url
    )  # fmt: skip
    return _link(parts, asked, caller, now)


def _link(parts: Parts, wanted: Wanted, caller: User, now: datetime) -> dict[str, Any]:
    asked = ask(parts, wanted, caller.id, now=now)
    return {
        "url": asked.url, "state": asked.state, "expires_at": asked.expires_at, "callback_url": callback_address(parts),
        "install_url": installs.address(parts, wanted.crm, asked.state), "disconnect_url": farewells.address(parts, wanted.crm),
    }  # fmt: skip


def _caller(
    request: Request, parts: Parts, limits: Limited, given: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)]
) -> User | None:
    """Return who is calling where a token is sent: a browser that is sent back by a CRM has none."""
    return authenticate(request, parts, limits, given) if given else None


PAGES: dict[int | str, dict[str, Any]] = {
    status: {"description": said, "content": {"text/html": {}, "application/problem+json": {}}}
    for status, said in {
        409: "The state is no good, access was denied, or the CRM refuses the code.",
        422: "The account is not the one asked for, or lives where nothing may be sent.",
        503: "The CRM does not answer.",
    }.items()
}


@router.get("/callback", response_class=HTMLResponse, responses=PAGES, summary="Where the CRM sends the browser back to")
def callback(request: Request, parts: Parts, now: Now, caller: Annotated[User | None, Depends(_caller)]) -> Response:
    """Finish a consent: the state is checked, the code exchanged, the account connected; its first sync begins by itself."""
    answer = {name: value[:8_000] for name, value in request.query_params.items()}
    try:
        row = finish(parts, answer, now=now, caller=caller.id if caller else None)
    except CrmPipelineError as error:
        return consent_page.refusal(request, error)
    return consent_page.connected(row)


@router.post("", response_model=ConnectionShown, status_code=201, summary="Connect an account")
def connect_account(parts: Parts, caller: Admin, now: Now, new: NewConnection) -> dict[str, Any]:
    """Connect an account by authorization code, long-lived token or incoming webhook; asks the CRM whether it works.

    An account that was connected before comes back under its name and keeps its data.
    """
    brought = credentials(new.brought())
    row = connect(
        parts, new.crm_type, new.name, brought.base_url, brought.secrets, brought.code,
        now=now, recognise=True, actor=caller.username,
    )  # fmt: skip
    return shown(row, standings(parts.engine, [row])[row.id])


@router.get("", response_model=ConnectionList, summary="All connections", dependencies=[MAY_READ])
def list_connections(parts: Parts) -> dict[str, Any]:
    """List the connections that were not removed: state, reason, what to do. Never a secret."""
    rows = connections.list_connections(parts.engine)
    found = standings(parts.engine, rows)
    return {"items": [shown(row, found[row.id], client_id_of(parts, row)) for row in rows if row.id in found]}


@router.get(
    "/{connection_id}", response_model=ConnectionInFull, summary="One connection", dependencies=[require("connections.read")]
)
def one_connection(parts: Parts, row: Row) -> dict[str, Any]:
    """Tell everything about a connection but its secrets: how each entity stands, how many records it has."""
    return shown_in_full(
        row, standings(parts.engine, [row])[row.id], live_records(parts.engine, row.id), client_id_of(parts, row)
    )


@router.patch("/{connection_id}", response_model=ConnectionShown, summary="Set how a connection works")
def change_connection(parts: Parts, caller: Admin, row: Row, wanted: ConnectionChange) -> dict[str, Any]:
    """Set interval, direction and rate. A connection that becomes two-way asks its CRM to be made ready for writing."""
    changed = change(parts, row.name, wanted.model_dump(exclude_none=True), actor=caller.username)
    return shown(changed, standings(parts.engine, [row])[row.id])


@router.delete("/{connection_id}", response_model=ConnectionRemoved, summary="Disconnect an account")
def remove_connection(
    parts: Parts, caller: Admin, row: Row, later: BackgroundTasks, data: Literal["keep", "purge"] = "keep"
) -> dict[str, Any]:
    """Delete the secrets and have the CRM deliver no more. `purge` also deletes what was read; golden records are rebuilt."""
    removed, said = disconnect(parts, row.name, data, actor=caller.username)
    if data == "purge":
        later.add_task(reconcile, parts)
    return {"connection": removed.name, "data": data, "warnings": said}


@router.post("/{connection_id}/pause", response_model=ConnectionShown, summary="Let a connection rest")
def pause(parts: Parts, caller: Pauser, row: Row) -> dict[str, Any]:
    """Let a connection rest until it is resumed."""
    paused = connections.pause(parts.engine, row.name, actor=caller.username)
    return shown(paused, standings(parts.engine, [row])[row.id])


@router.post("/{connection_id}/resume", response_model=ConnectionShown, summary="Let a connection work again")
def resume(parts: Parts, caller: Pauser, row: Row) -> dict[str, Any]:
    """Let a connection be synced again, at once."""
    resumed = connections.resume(parts.engine, row.name, actor=caller.username)
    return shown(resumed, standings(parts.engine, [row])[row.id])


@router.post("/{connection_id}/test", response_model=ConnectionTested, summary="Ask the CRM whether a connection works")
def test(parts: Parts, caller: Admin, row: Row) -> dict[str, Any]:
    """Ask the CRM who and what the account is; a webhook it has lost or switched off is registered again."""
    found = check(parts, row.name)
    facts = {"account": found.name, "base_url": found.base_url, "timezone": found.timezone, "currency": found.currency}
    return {**facts, "warnings": list(found.warnings)}
