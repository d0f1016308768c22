"""Whether the server lives and can answer, and what Prometheus is told."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from fastapi.security import HTTPAuthorizationCredentials

from crm_pipeline.api.deps import Limited, Parts, authenticate, bearer, problem
from crm_pipeline.api.measures import CONTENT_TYPE
from crm_pipeline.api.schemas import Health
from crm_pipeline.database.migrate import require_current
from crm_pipeline.database.refusals import UNREACHABLE
from crm_pipeline.errors import ConfigurationError, DatabaseUnavailable
from crm_pipeline.model.permissions import may

router = APIRouter(prefix="/api", tags=["health"])
NOT_READY = {503: {"model": Health, "description": "It lives, but cannot answer from the database."}}


@router.get("/health", responses=NOT_READY)  # type: ignore[arg-type]  # FastAPI's own type is wider than it says
def health(response: Response, parts: Parts) -> Health:
    """Say whether the server lives, and whether it is ready: the database answers and has this version's tables."""
    reason = None
    try:
        require_current(parts.engine)
    except (DatabaseUnavailable, *UNREACHABLE):
        reason = "The database does not answer."
    except ConfigurationError as error:
        reason = str(error)
    response.status_code = 503 if reason else 200
    return Health(ready=not reason, reason=reason)


def _may_read_metrics(
    request: Request, parts: Parts, limits: Limited, given: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)]
) -> None:
    if parts.settings.metrics_open:
        return
    user = authenticate(request, parts, limits, given)
    if not may(user.role, "metrics.read"):
        raise problem("forbidden", 403, f"The role {user.role} may not do that.", action="metrics.read")


PLAIN = {200: {"content": {"text/plain": {}}, "description": "Prometheus's text format."}}


@router.get("/metrics", dependencies=[Depends(_may_read_metrics)], response_class=Response, responses=PLAIN)  # type: ignore[arg-type]
def metrics(request: Request) -> Response:
    """Give Prometheus its numbers. Without a token only where CRM_METRICS_OPEN says so."""
    return Response(request.app.state.measures.text(), media_type=CONTENT_TYPE)
