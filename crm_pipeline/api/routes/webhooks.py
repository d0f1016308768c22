"""Webhooks in: what a CRM tells by itself is kept, then answered; nothing is believed of it and no CRM is asked.

Who may deliver is known by the address alone, so that is looked up before a byte of the body is read, and everything that is not
right about a delivery is answered alike. An application that is installed comes to an address of the same shape, with the CRM's
name instead of a number; connecting it is a call to its CRM by nature.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Request, Response
from starlette.requests import ClientDisconnect

from crm_pipeline.api import consent_page
from crm_pipeline.api.deps import Now, Parts, problem
from crm_pipeline.api.schemas import problems
from crm_pipeline.database.inbox import Door
from crm_pipeline.errors import AccessDenied, CrmPipelineError
from crm_pipeline.stages import farewells, hooks, installs

router = APIRouter(tags=["webhooks"], responses=problems(404))
ADDRESS = "/api/webhooks/{connection_id}/{token}"
LARGEST_BODY = 1_048_576
"""Bytes of a delivery."""
SECONDS = 1.5
"""For the body to arrive: amoCRM waits two seconds for the answer (facts: amocrm 8.3)."""
Whose = Annotated[str, Path(description="Number of a connection, or a CRM's name.", examples=["3"])]
Token = Annotated[str, Path(description="The secret end of the address.", examples=["kM3v…"])]


def _door(parts: Parts, connection_id: Whose, token: Token) -> Door | None:
    """Return whose address this is, None for an application that is being installed. Raises a problem 404."""
    if installs.is_address(parts, connection_id, token):
        return None
    found = hooks.door(parts, connection_id, token)
    if found is None:
        raise _unknown()
    return found


def _unknown() -> Exception:
    return problem("not-found", 404, headers={"Connection": "close"})


@contextmanager
def _as_unknown() -> Iterator[None]:
    """Answer a delivery that is not right as one to an address nobody has."""
    try:
        yield
    except AccessDenied:
        raise _unknown() from None


async def _body(request: Request, door: Annotated[Door | None, Depends(_door)]) -> bytes:
    """Return the body of a delivery to a known address. Raises problems 413 and 400 (it did not arrive in time)."""
    try:
        async with asyncio.timeout(SECONDS):
            return await _read(request)
    except (TimeoutError, ClientDisconnect):
        raise problem("bad-request", 400, "The body did not arrive in time.", headers={"Connection": "close"}) from None


async def _read(request: Request) -> bytes:
    read = bytearray()
    async for part in request.stream():
        read += part
        if len(read) > LARGEST_BODY:
            raise problem("too-large", 413, headers={"Connection": "close"})
    return bytes(read)


_KEPT_SAID = "It is kept; a person who installs an application is shown a page."
KEPT: dict[int | str, dict[str, Any]] = {200: {"description": _KEPT_SAID, "content": {"text/html": {}}}}


@router.post(ADDRESS, summary="Where a CRM delivers", response_class=Response, responses={**KEPT, **problems(409)})
def receive(
    request: Request, parts: Parts, now: Now, connection_id: Whose, token: Token,
    door: Annotated[Door | None, Depends(_door)], body: Annotated[bytes, Depends(_body)],
) -> Response:  # fmt: skip
    """Keep what an amoCRM webhook or a Bitrix24 event hints at: `application/x-www-form-urlencoded`, PHP brackets, up to 1 MB.

    Answered with 200 once it is kept; the records are read again within seconds. An application is installed to
    `/api/webhooks/bitrix24/{state}`, the `install_url` of `/api/sync/connection/auth-url`.
    """
    with _as_unknown():
        if door is None:
            return _installed(request, parts, now, connection_id, token, body)
        hooks.receive(parts, door, body)
    return Response(status_code=200)


def _installed(request: Request, parts: Parts, now: Now, crm: str, state: str, body: bytes) -> Response:
    """Connect the account whose application was installed, or take in that it was removed."""
    query = dict(request.query_params)
    try:
        row, is_page = installs.welcome(parts, crm, state, query, body, now=now)
    except installs.NotInstalled:
        farewells.hear(parts, crm, query, body)
        return Response(status_code=200)
    except AccessDenied:
        raise
    except CrmPipelineError as error:
        return consent_page.refusal(request, error)
    return consent_page.installed(row) if is_page else Response(status_code=200)


@router.get(ADDRESS, summary="Where amoCRM says that its integration was switched off", response_class=Response)
def disconnected(request: Request, parts: Parts, connection_id: Whose, token: Token) -> Response:
    """Let the connection wait for a new consent: `/api/webhooks/amocrm/disconnect`, with `account_id`, `client_uuid` and
    `signature`, as amoCRM calls the address written into the integration's settings."""
    with _as_unknown():
        farewells.hear(parts, connection_id, dict(request.query_params))
    return Response(status_code=200)
