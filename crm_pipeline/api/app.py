"""The app: routers, error handlers and what every request passes, put together over one pipeline.

A resource is added by naming its module in `ROUTES`. What belongs here: putting together. No route but the documentation.
"""

from importlib import import_module

from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.middleware.cors import CORSMiddleware
from fastapi.middleware.gzip import GZipMiddleware

from crm_pipeline.api import describing, documentation, problems
from crm_pipeline.api.door import Door
from crm_pipeline.api.limits import Limits
from crm_pipeline.api.measures import Measures
from crm_pipeline.api.methods import Methods
from crm_pipeline.api.schemas import EVERYWHERE
from crm_pipeline.wiring import Pipeline

ROUTES = ("auth", "health", "deltas", "uploads", "status", "connections", "webhooks", "conflicts", "records")
"""Modules of `routes/`, each with a `router`; the first whose path fits answers."""

SMALLEST_ZIPPED = 1024
DESCRIPTION = """Contacts, companies, deals, tasks, communications and products of all connected CRMs, for a mobile app and
administrators. Log in with `POST /api/auth/login`, then send `Authorization: Bearer <access_token>`. Errors are
`application/problem+json` of one shape."""


def routers() -> list[APIRouter]:
    """Return the routers of all resources."""
    return [import_module(f"crm_pipeline.api.routes.{name}").router for name in ROUTES]


def create_app(parts: Pipeline) -> FastAPI:
    """Return the API over an opened pipeline; whoever opened that closes it.

    Raises ConfigurationError when CRM_JWT_SECRET is missing or weak.
    """
    _ = parts.settings.jwt_secrets
    app = FastAPI(
        title="crm_pipeline", version="1", description=DESCRIPTION, docs_url=None, redoc_url=None,
        openapi_url="/api/openapi.json", dependencies=[Depends(_note_route)], responses=EVERYWHERE, redirect_slashes=False,
    )  # fmt: skip
    app.state.parts, app.state.limits = parts, Limits(parts.settings.rate_per_user)
    app.state.measures = Measures(parts.engine)
    for router in [documentation.router, *routers()]:
        app.include_router(router)
    problems.install(app)
    _put_doors_in_front(app, parts)
    describing.describe(app)
    return app


async def _note_route(request: Request) -> None:
    """Tell the log which route it is, by its template."""
    request.scope["visit"].route = template(request)


def template(request: Request) -> str:
    """Return a route's path with its parameters' names instead of values."""
    path = request.url.path
    for name, value in request.path_params.items():
        path = path.replace(f"/{value}", f"/{{{name}}}", 1)
    return path


def _put_doors_in_front(app: FastAPI, parts: Pipeline) -> None:
    """Put what every request passes in front, the innermost first."""
    app.add_middleware(Methods, routed=app)
    app.add_middleware(GZipMiddleware, minimum_size=SMALLEST_ZIPPED, compresslevel=5)
    app.add_middleware(Door, measures=app.state.measures)
    if parts.settings.frontend_url:
        origins = [one.strip().rstrip("/") for one in parts.settings.frontend_url.split(",")]
        app.add_middleware(
            CORSMiddleware, allow_origins=origins, allow_methods=["GET", "POST", "PATCH", "PUT", "DELETE"],
            allow_headers=["Authorization", "Content-Type", "If-None-Match", "X-Request-ID"],
            expose_headers=["ETag", "Retry-After", "X-Request-ID"], max_age=600,
        )  # fmt: skip
