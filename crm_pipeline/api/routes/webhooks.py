"""Webhooks in: what a CRM tells by itself is kept, then answered; nothing is believed of it and no CRM is asked.

Who may deliver is known by the address alone, so that is looked up before a byte of the body is read, and everything that is not
right about a delivery is answered alike.
"""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from starlette.requests import ClientDisconnect

from crm_pipeline.api.deps import Parts, problem
from crm_pipeline.api.schemas import problems
from crm_pipeline.database.inbox import Door
from crm_pipeline.errors import AccessDenied
from crm_pipeline.stages import hooks

router = APIRouter(tags=["webhooks"], responses=problems(404))
LARGEST_BODY = 1_048_576
"""Bytes of a delivery."""
SECONDS = 1.5
"""For the body to arrive: amoCRM waits two seconds for the answer (facts: amocrm 8.3)."""


def _door(parts: Parts, connection_id: str, token: str) -> Door:
    """Return whose address this is. Raises a problem 404."""
    found = hooks.door(parts, connection_id, token)
    if found is None:
        raise _unknown()
    return found


def _unknown() -> Exception:
    return problem("not-found", 404, headers={"Connection": "close"})


async def _body(request: Request, door: Annotated[Door, Depends(_door)]) -> bytes:
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


@router.post("/api/webhooks/{connection_id}/{token}", summary="Where a CRM delivers", response_class=Response)
def receive(parts: Parts, door: Annotated[Door, Depends(_door)], body: Annotated[bytes, Depends(_body)]) -> Response:
    """Keep what an amoCRM webhook or a Bitrix24 event hints at: `application/x-www-form-urlencoded`, PHP brackets, up to 1 MB.

    Answered with 200 once it is kept; the records are read again within seconds.
    """
    try:
        hooks.receive(parts, door, body)
    except AccessDenied:
        raise _unknown() from None
    return Response(status_code=200)
