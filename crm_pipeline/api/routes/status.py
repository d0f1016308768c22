"""How everything stands: what is fresh, what failed and what to do, what waits."""

from typing import Annotated

from fastapi import APIRouter

from crm_pipeline.api.deps import Parts, User, require
from crm_pipeline.api.status_shapes import Status
from crm_pipeline.model.permissions import may
from crm_pipeline.stages.standing import freshness, standing

router = APIRouter(prefix="/api/sync/status", tags=["status"])


@router.get("", response_model_exclude_unset=True)
def show_status(parts: Parts, caller: Annotated[User, require("records.read")]) -> Status:
    """Tell how everything stands; an agent how fresh it is, and nothing else."""
    told = standing if may(caller.role, "status.read") else freshness
    return Status.model_validate(told(parts))
