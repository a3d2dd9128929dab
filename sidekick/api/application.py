"""The application that serves the pages and the JSON API."""

from importlib.metadata import version

from fastapi import APIRouter, FastAPI, Security
from fastapi.security import HTTPBearer

from sidekick import web
from sidekick.api import (
    blocks,
    counts,
    dead_letters,
    docs,
    events,
    outputs,
    problem,
    refused,
    senders,
    silences,
    trail,
)
from sidekick.api.gate import Gate
from sidekick.control import Service

_TOKEN = HTTPBearer(auto_error=False, description="A token of `api.tokens`; a login on the page does as well.")
"""For the document alone: it is the gate that asks."""


def application(service: Service) -> FastAPI:
    app = FastAPI(
        title="sidekick",
        summary="Falco's alerts: what came, where it went, and what is blocked.",
        version=version("sidekick"),
        openapi_url="/api/openapi.json",
        docs_url=None,
        redoc_url=None,
        generate_unique_id_function=lambda route: route.name,
    )
    for routes in _nouns(service):
        app.include_router(routes, prefix="/api", responses=problem.READ, dependencies=[Security(_TOKEN)])
    app.include_router(docs.router())
    web.install(app, service)
    problem.install(app)
    app.add_middleware(Gate, access=service.access)
    return app


def _nouns(service: Service) -> list[APIRouter]:
    """In the order of the document."""
    return [
        events.router(service),
        counts.router(service.reader),
        outputs.router(service.outputs),
        dead_letters.router(service.letters),
        refused.router(service.refused),
        silences.router(service.silencing),
        senders.router(service.senders),
        blocks.router(service.blocks),
        trail.router(service.trail),
    ]
